#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/iterator.h"

struct fixture {
    struct arena arena;
    struct digest *digest;
    struct slice secret;
    struct iterator iterator;
    struct slice text;
};

static int make(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){ .secret = slice_text("0123456789abcdef0123456789abcdef") };
    arena_init(&fixture.arena, 1 << 20);
    fixture.digest = digest_new();
    fixture.iterator = (struct iterator){ .stream = 77,
                                          .group = 12,
                                          .shard = 3,
                                          .position = { .index = 123456789, .ordinal = 511 },
                                          .issued_ms = 1700000000123,
                                          .nonce = 5,
                                          .stream_name = "clicks" };
    assert_non_null(fixture.digest);
    assert_int_equal(iterator_print(&fixture.iterator, fixture.secret, fixture.digest,
                                    &fixture.arena, &fixture.text),
                     ERR_OK);
    *state = &fixture;
    return 0;
}

static int drop(void **state)
{
    struct fixture *fixture = *state;

    digest_free(fixture->digest);
    arena_fini(&fixture->arena);
    return 0;
}

static enum err parse(struct fixture *fixture, struct slice text, struct iterator *ret)
{
    return iterator_parse(text, fixture->secret, fixture->digest, ret);
}

static void what_was_printed_is_read_back(void **state)
{
    struct fixture *fixture = *state;
    struct iterator found;

    assert_int_equal(parse(fixture, fixture->text, &found), ERR_OK);
    assert_int_equal(found.stream, 77);
    assert_int_equal(found.group, 12);
    assert_int_equal(found.shard, 3);
    assert_int_equal(found.position.index, 123456789);
    assert_int_equal(found.position.ordinal, 511);
    assert_int_equal(found.issued_ms, 1700000000123);
    assert_string_equal(found.stream_name, "clicks");
}

static void quotes_around_it_do_no_harm(void **state)
{
    struct fixture *fixture = *state;
    struct iterator found;
    const char *quoted = arena_printf(&fixture->arena, "\"%.*s\"", (int)fixture->text.len,
                                      (const char *)fixture->text.data);

    assert_int_equal(parse(fixture, slice_text(quoted), &found), ERR_OK);
    assert_int_equal(found.group, 12);
}

static void no_character_can_be_changed(void **state)
{
    struct fixture *fixture = *state;
    struct iterator found;
    char *text = arena_text(&fixture->arena, fixture->text);

    for (size_t at = 0; at < fixture->text.len; at++) {
        char good = text[at];
        text[at] = good == 'A' ? 'B' : 'A';
        assert_int_equal(parse(fixture, slice_text(text), &found), ERR_INVALID);
        text[at] = good;
    }
    assert_int_equal(parse(fixture, slice_text(text), &found), ERR_OK);
}

static void it_cannot_be_shortened_or_lengthened(void **state)
{
    struct fixture *fixture = *state;
    struct iterator found;

    for (size_t len = 0; len < fixture->text.len; len++)
        assert_int_equal(parse(fixture, slice_of(fixture->text.data, len), &found), ERR_INVALID);
    const char *longer = arena_printf(&fixture->arena, "%.*sAAAA", (int)fixture->text.len,
                                      (const char *)fixture->text.data);
    assert_int_equal(parse(fixture, slice_text(longer), &found), ERR_INVALID);
}

static void another_clusters_iterator_is_none_of_ours(void **state)
{
    struct fixture *fixture = *state;
    struct iterator found;

    fixture->secret = slice_text("another secret, of another cluster");
    assert_int_equal(parse(fixture, fixture->text, &found), ERR_INVALID);
}

static void a_page_token_is_no_iterator(void **state)
{
    struct fixture *fixture = *state;
    struct token token = { .kind = TOKEN_SHARDS,
                           .content = slice_text("0123456789012345678901234567890123456789") };
    struct iterator found;
    struct slice text;

    assert_int_equal(
        token_seal(&token, fixture->secret, fixture->digest, &fixture->arena, &text), ERR_OK);
    assert_int_equal(parse(fixture, text, &found), ERR_INVALID);
}

static void two_iterators_of_one_place_differ(void **state)
{
    struct fixture *fixture = *state;
    struct slice other;

    fixture->iterator.nonce++;
    assert_int_equal(iterator_print(&fixture->iterator, fixture->secret, fixture->digest,
                                    &fixture->arena, &other),
                     ERR_OK);
    assert_false(slice_equal(fixture->text, other));
}

static void the_longest_name_fits_into_what_clients_may_send_back(void **state)
{
    struct fixture *fixture = *state;
    struct iterator found;

    memset(fixture->iterator.stream_name, 'n', MODEL_NAME_MAX);
    assert_int_equal(iterator_print(&fixture->iterator, fixture->secret, fixture->digest,
                                    &fixture->arena, &fixture->text),
                     ERR_OK);
    assert_true(fixture->text.len <= 512);
    assert_int_equal(parse(fixture, fixture->text, &found), ERR_OK);
    assert_int_equal(strlen(found.stream_name), MODEL_NAME_MAX);
}

static void it_lives_five_minutes(void **state)
{
    struct fixture *fixture = *state;
    uint64_t made = fixture->iterator.issued_ms;

    assert_false(iterator_expired(&fixture->iterator, made));
    assert_false(iterator_expired(&fixture->iterator, made + 300000));
    assert_true(iterator_expired(&fixture->iterator, made + 300001));
}

static void one_from_a_node_whose_clock_is_ahead_is_not_expired(void **state)
{
    struct fixture *fixture = *state;
    assert_false(iterator_expired(&fixture->iterator, fixture->iterator.issued_ms - 5000));
}

static void times_are_printed_as_aws_prints_them(void **state)
{
    char text[ITERATOR_TIME_MAX];

    assert_string_equal(iterator_time_print(UINT64_C(1633843031000), text),
                        "Sun Oct 10 05:17:11 UTC 2021");
    assert_string_equal(iterator_time_print(0, text), "Thu Jan 01 00:00:00 UTC 1970");
    assert_non_null(iterator_time_print(UINT64_MAX, text));
}

#define WITH_ITERATOR(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ITERATOR(what_was_printed_is_read_back),
        WITH_ITERATOR(quotes_around_it_do_no_harm),
        WITH_ITERATOR(no_character_can_be_changed),
        WITH_ITERATOR(it_cannot_be_shortened_or_lengthened),
        WITH_ITERATOR(another_clusters_iterator_is_none_of_ours),
        WITH_ITERATOR(a_page_token_is_no_iterator),
        WITH_ITERATOR(two_iterators_of_one_place_differ),
        WITH_ITERATOR(the_longest_name_fits_into_what_clients_may_send_back),
        WITH_ITERATOR(it_lives_five_minutes),
        WITH_ITERATOR(one_from_a_node_whose_clock_is_ahead_is_not_expired),
        cmocka_unit_test(times_are_printed_as_aws_prints_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

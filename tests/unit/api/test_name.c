#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/name.h"

static void expect_shard(const char *text, uint32_t number)
{
    uint32_t found = UINT32_MAX;

    assert_true(shard_name_parse(slice_text(text), &found));
    assert_int_equal(found, number);
}

static void expect_no_shard(const char *text)
{
    uint32_t found;
    assert_false(shard_name_parse(slice_text(text), &found));
}

static void a_shard_is_named_by_twelve_digits(void **state)
{
    char text[SHARD_NAME_BYTES];

    assert_string_equal(shard_name_print(17, text), "shardId-000000000017");
    assert_string_equal(shard_name_print(SHARD_NUMBER_MAX, text), "shardId-002147483647");
}

static void a_shard_is_found_by_whatever_stands_behind_the_dash(void **state)
{
    expect_shard("shardId-000000000017", 17);
    expect_shard("shard-0", 0);
    expect_shard("whatever-3", 3);
    expect_shard("4", 4);
    expect_shard("shardId-2147483647", 2147483647);
}

static void what_is_no_number_is_no_shard(void **state)
{
    expect_no_shard("shardId-");
    expect_no_shard("");
    expect_no_shard("shardId-1e3");
    expect_no_shard("shardId--1");
    expect_no_shard("shardId-2147483648");
    expect_no_shard("shardId-99999999999999999999999999");
}

static void a_stream_is_found_by_its_arn_in_any_account_and_region(void **state)
{
    struct slice name;

    assert_true(stream_arn_parse(
        slice_text("arn:aws-cn:kinesis:cn-north-1:123456789012:stream/clicks"), &name));
    assert_true(slice_equal(name, slice_text("clicks")));
    assert_false(stream_arn_parse(slice_text("arn:aws:kinesis:eu-1:1:channel/x"), &name));
    assert_false(stream_arn_parse(slice_text("arn:aws:kinesis:eu-1:1:stream/"), &name));
    assert_false(stream_arn_parse(slice_text(""), &name));
}

static void an_arn_says_account_region_and_name(void **state)
{
    struct arena arena;
    struct slice arn;

    arena_init(&arena, 65536);
    arn = stream_arn_print(&arena, "eu-1", "000000000000", slice_text("clicks"));
    assert_true(
        slice_equal(arn, slice_text("arn:aws:kinesis:eu-1:000000000000:stream/clicks")));
    arena_fini(&arena);
}

static void a_consumer_is_found_by_its_arn(void **state)
{
    struct slice stream, name;
    uint64_t created_s;

    assert_true(consumer_arn_parse(
        slice_text("arn:aws:kinesis:eu-1:123456789012:stream/clicks/consumer/c.1:1700000000"),
        &stream, &name, &created_s));
    assert_true(slice_equal(stream, slice_text("clicks")));
    assert_true(slice_equal(name, slice_text("c.1")));
    assert_int_equal(created_s, 1700000000);
    const char *bad[] = { "arn:aws:kinesis:eu-1:1:stream/clicks", "arn:aws:kinesis:eu-1:1:stream/",
                          "arn:aws:kinesis:eu-1:1:stream/clicks/consumer/c",
                          "arn:aws:kinesis:eu-1:1:stream/clicks/consumer/:1",
                          "arn:aws:kinesis:eu-1:1:stream/clicks/consumer/c:",
                          "arn:aws:kinesis:eu-1:1:stream/clicks/consumer/c:1234567890123456789",
                          "arn:aws:kinesis:eu-1:1:stream//consumer/c:1", "" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(consumer_arn_parse(slice_text(bad[i]), &stream, &name, &created_s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shard_is_named_by_twelve_digits),
        cmocka_unit_test(a_shard_is_found_by_whatever_stands_behind_the_dash),
        cmocka_unit_test(what_is_no_number_is_no_shard),
        cmocka_unit_test(a_stream_is_found_by_its_arn_in_any_account_and_region),
        cmocka_unit_test(an_arn_says_account_region_and_name),
        cmocka_unit_test(a_consumer_is_found_by_its_arn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

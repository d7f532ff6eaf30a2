#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/compare_message.h"

#define COUNT 5u

static void entries_of(struct log_read_entry entries[COUNT])
{
    for (uint32_t i = 0; i < COUNT; i++)
        entries[i] = (struct log_read_entry){ .head = { .group = 7,
                                                        .index = 100 + i,
                                                        .term = 3,
                                                        .time_ms = 5000 + i,
                                                        .epoch = 2,
                                                        .length = 10,
                                                        .crc = 99 + i,
                                                        .records = 1,
                                                        .type = ENTRY_RECORDS } };
}

static const struct compare_ask asked = { .group = 7, .first = 100, .last = 110, .epoch = 2 };

static void a_question_is_read_as_it_was_written(void **state)
{
    unsigned char bytes[COMPARE_ASK_BYTES];
    struct compare_ask in = asked, out;

    in.heads = true;
    compare_ask_write(&in, bytes);
    assert_int_equal(compare_ask_read(&out, slice_of(bytes, sizeof(bytes))), ERR_OK);
    assert_int_equal(out.group, 7);
    assert_int_equal(out.first, 100);
    assert_int_equal(out.last, 110);
    assert_int_equal(out.epoch, 2);
    assert_true(out.heads);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(compare_ask_read(&out, slice_of(bytes, sizeof(bytes))), ERR_CORRUPT);
        bytes[i] ^= 0x10;
    }
    assert_int_equal(compare_ask_read(&out, slice_of(bytes, sizeof(bytes) - 1)), ERR_CORRUPT);
}

static void a_question_for_too_much_is_none(void **state)
{
    unsigned char bytes[COMPARE_ASK_BYTES];
    struct compare_ask in = asked, out;

    in.last = in.first + CONTROL_COMPARE_ENTRIES_MAX;
    compare_ask_write(&in, bytes);
    assert_int_equal(compare_ask_read(&out, slice_of(bytes, sizeof(bytes))), ERR_CORRUPT);
    in.last--;
    compare_ask_write(&in, bytes);
    assert_int_equal(compare_ask_read(&out, slice_of(bytes, sizeof(bytes))), ERR_OK);
    in.last = in.first - 1;
    compare_ask_write(&in, bytes);
    assert_int_equal(compare_ask_read(&out, slice_of(bytes, sizeof(bytes))), ERR_CORRUPT);
}

static void every_field_of_a_head_counts(void **state)
{
    struct log_read_entry entries[COUNT];
    uint64_t digest;

    entries_of(entries);
    digest = compare_digest(entries, COUNT);
    assert_int_equal(compare_digest(entries, COUNT), digest);
    assert_true(compare_digest(entries, COUNT - 1) != digest);
    entries[2].head.time_ms++;
    assert_true(compare_digest(entries, COUNT) != digest);
    entries[2].head.time_ms--;
    entries[4].head.crc++;
    assert_true(compare_digest(entries, COUNT) != digest);
    entries[4].head.crc--;
    entries[0].head.term++;
    assert_true(compare_digest(entries, COUNT) != digest);
}

static void answers_are_read_as_they_were_packed(void **state)
{
    struct log_read_entry entries[COUNT];
    struct compare_ask ask = asked;
    struct compare_answer answer;

    entries_of(entries);
    struct buf *bytes = compare_answer_pack(entries, COUNT, 100, false);
    assert_int_equal(compare_answer_read(&answer, &ask, buf_slice(bytes)), ERR_OK);
    assert_int_equal(answer.first, 100);
    assert_int_equal(answer.last, 104);
    assert_int_equal(answer.digest, compare_digest(entries, COUNT));
    ask.heads = true;
    assert_int_equal(compare_answer_read(&answer, &ask, buf_slice(bytes)), ERR_CORRUPT);
    buf_unref(bytes);

    bytes = compare_answer_pack(entries, COUNT, 100, true);
    assert_int_equal(compare_answer_read(&answer, &ask, buf_slice(bytes)), ERR_OK);
    assert_int_equal(answer.heads.len, COUNT * ENTRY_HEAD_BYTES);
    assert_int_equal(compare_answer_read(&answer, &ask, slice_of(bytes->data, bytes->len - 1)),
                     ERR_CORRUPT);
    ask.last = 103; /* more than was asked for */
    assert_int_equal(compare_answer_read(&answer, &ask, buf_slice(bytes)), ERR_CORRUPT);
    ask.last = 110;
    ask.first = 101;
    assert_int_equal(compare_answer_read(&answer, &ask, buf_slice(bytes)), ERR_CORRUPT);
    buf_unref(bytes);
}

static void nothing_in_common_is_an_answer_too(void **state)
{
    struct compare_answer answer;
    struct buf *bytes = compare_answer_pack(NULL, 0, 500, false);

    assert_int_equal(compare_answer_read(&answer, &asked, buf_slice(bytes)), ERR_OK);
    assert_true(answer.last < answer.first);
    assert_int_equal(answer.first, 500);
    memset(bytes->data, 0, bytes->len);
    assert_int_equal(compare_answer_read(&answer, &asked, buf_slice(bytes)), ERR_CORRUPT);
    assert_int_equal(compare_answer_read(&answer, &asked, slice_of(bytes->data, 3)), ERR_CORRUPT);
    buf_unref(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_read_as_it_was_written),
        cmocka_unit_test(a_question_for_too_much_is_none),
        cmocka_unit_test(every_field_of_a_head_counts),
        cmocka_unit_test(answers_are_read_as_they_were_packed),
        cmocka_unit_test(nothing_in_common_is_an_answer_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

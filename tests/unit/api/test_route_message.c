#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/route_message.h"
#include "base/limits.h"
#include "shard/command.h"

/* Two records behind `head` bytes; the message's length. */
static size_t two_records(unsigned char *bytes, size_t head)
{
    struct record first = { .key = slice_text("a"), .data = slice_text("one") };
    struct record second = { .key = slice_text("b"), .data = slice_text("") };
    unsigned char *end = command_encode_record(bytes + head, &first);

    end = command_encode_record(end, &second);
    return (size_t)(end - bytes);
}

static void a_put_carries_its_records(void **state)
{
    unsigned char bytes[256];
    size_t len = two_records(bytes, PUT_ASK_BYTES);
    struct put_ask ask = { .group = 17, .record_count = 2 }, found;

    put_ask_encode(&ask, bytes);
    assert_int_equal(put_ask_decode(slice_of(bytes, len), &found), ERR_OK);
    assert_int_equal(found.group, 17);
    assert_int_equal(found.record_count, 2);
    assert_ptr_equal(found.records.data, bytes + PUT_ASK_BYTES);
}

static void a_put_whose_records_do_not_add_up_is_refused(void **state)
{
    unsigned char bytes[256];
    size_t len = two_records(bytes, PUT_ASK_BYTES);
    struct put_ask ask = { .group = 17, .record_count = 3 }, found;

    put_ask_encode(&ask, bytes);
    assert_int_equal(put_ask_decode(slice_of(bytes, len), &found), ERR_INVALID);
    ask.record_count = 2;
    put_ask_encode(&ask, bytes);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(put_ask_decode(slice_of(bytes, cut), &found), ERR_OK);
    ask.record_count = ENTRY_RECORDS_MAX + 1;
    put_ask_encode(&ask, bytes);
    assert_int_equal(put_ask_decode(slice_of(bytes, len), &found), ERR_INVALID);
}

static void a_message_of_a_later_version_is_said_to_be_one(void **state)
{
    unsigned char bytes[256];
    size_t len = two_records(bytes, PUT_ASK_BYTES);
    struct put_ask ask = { .group = 17, .record_count = 2 }, found;

    put_ask_encode(&ask, bytes);
    bytes[0]++;
    assert_int_equal(put_ask_decode(slice_of(bytes, len), &found), ERR_VERSION);
}

static void many_records_over_one_entry_are_refused(void **state)
{
    struct record record = { .key = slice_text("a") };
    size_t room = ENTRY_BYTES_MAX + 4096;
    unsigned char *data = calloc(1, room), *bytes = malloc(2 * room), *end;
    struct put_ask ask = { .group = 1, .record_count = 1 }, found;

    record.data = slice_of(data, ENTRY_BYTES_MAX);
    end = command_encode_record(bytes + PUT_ASK_BYTES, &record);
    put_ask_encode(&ask, bytes);
    assert_int_equal(put_ask_decode(slice_of(bytes, (size_t)(end - bytes)), &found), ERR_OK);

    record.data = slice_of(data, 1);
    end = command_encode_record(end, &record);
    ask.record_count = 2;
    put_ask_encode(&ask, bytes);
    assert_int_equal(put_ask_decode(slice_of(bytes, (size_t)(end - bytes)), &found),
                     ERR_TOO_BIG);
    free(bytes);
    free(data);
}

static void a_puts_answer_is_the_first_records_place(void **state)
{
    unsigned char bytes[PUT_ANSWER_BYTES];
    struct seqno found;

    put_answer_encode((struct seqno){ .index = 5, .ordinal = 3, .time_s = 1700000000 }, bytes);
    assert_int_equal(put_answer_decode(slice_of(bytes, sizeof(bytes)), &found), ERR_OK);
    assert_int_equal(found.index, 5);
    assert_int_equal(found.ordinal, 3);
    assert_int_equal(found.time_s, 1700000000);

    put_answer_encode((struct seqno){ .index = UINT64_MAX }, bytes);
    assert_int_equal(put_answer_decode(slice_of(bytes, sizeof(bytes)), &found), ERR_CORRUPT);
    assert_int_equal(put_answer_decode(slice_of(bytes, 3), &found), ERR_CORRUPT);
}

static void a_locate_asks_for_one_of_five_places(void **state)
{
    unsigned char bytes[LOCATE_ASK_BYTES];
    struct locate_ask found,
        ask = { .group = 4, .type = LOCATE_AT_TIMESTAMP, .leader_only = true, .time_ms = 99 };

    locate_ask_encode(&ask, bytes);
    assert_int_equal(locate_ask_decode(slice_of(bytes, sizeof(bytes)), &found), ERR_OK);
    assert_int_equal(found.group, 4);
    assert_int_equal(found.type, LOCATE_AT_TIMESTAMP);
    assert_true(found.leader_only);
    assert_int_equal(found.time_ms, 99);
    bytes[2] = 6;
    assert_int_equal(locate_ask_decode(slice_of(bytes, sizeof(bytes)), &found), ERR_INVALID);
}

static void the_largest_place_can_be_asked_for_and_answered(void **state)
{
    const struct position last = { .index = SEQNO_ENTRY_MAX, .ordinal = ENTRY_RECORDS_MAX - 1 };
    struct locate_ask found_ask, ask = { .group = 4, .type = LOCATE_AFTER_SEQUENCE_NUMBER };
    unsigned char bytes[LOCATE_ASK_BYTES], answer[LOCATE_ANSWER_BYTES];
    struct position found;

    ask.seqno = (struct seqno){ .index = last.index, .ordinal = last.ordinal };
    locate_ask_encode(&ask, bytes);
    assert_int_equal(locate_ask_decode(slice_of(bytes, sizeof(bytes)), &found_ask), ERR_OK);
    locate_answer_encode(last, answer);
    assert_int_equal(locate_answer_decode(slice_of(answer, sizeof(answer)), &found), ERR_OK);
    assert_true(found.index == last.index);

    ask.seqno.index++;
    locate_ask_encode(&ask, bytes);
    assert_int_equal(locate_ask_decode(slice_of(bytes, sizeof(bytes)), &found_ask), ERR_INVALID);
}

static void a_read_asks_for_no_more_than_the_maximum(void **state)
{
    unsigned char bytes[READ_ASK_BYTES];
    struct read_ask found, ask = { .group = 4,
                                   .from = { .index = 8, .ordinal = 2 },
                                   .records_max = 100,
                                   .bytes_max = 1000 };

    read_ask_encode(&ask, bytes);
    assert_int_equal(read_ask_decode(slice_of(bytes, sizeof(bytes)), &found), ERR_OK);
    assert_int_equal(found.from.index, 8);
    assert_int_equal(found.from.ordinal, 2);
    ask.records_max = GET_RECORDS_MAX + 1;
    read_ask_encode(&ask, bytes);
    assert_int_equal(read_ask_decode(slice_of(bytes, sizeof(bytes)), &found), ERR_INVALID);
}

/* A message as it arrives: head, table, the parts' bytes. */
static size_t read_message(unsigned char *bytes)
{
    unsigned char records[64];
    struct read_part part = {
        .index = 6, .time_ms = 1700000000000, .first_ordinal = 4, .count = 2
    };
    struct read_answer answer = {
        .parts = &part, .part_count = 1, .record_count = 2, .next = { .index = 7 }, .behind_ms = 12
    };
    size_t len = two_records(records, 0), head;
    struct buf *buf;

    part.records = slice_of(records, len);
    buf = read_answer_encode(&answer);
    assert_non_null(buf);
    head = buf->len;
    memcpy(bytes, buf->data, head);
    memcpy(bytes + head, records, len);
    buf_unref(buf);
    return head + len;
}

static void a_reads_answer_gives_the_parts_back(void **state)
{
    unsigned char bytes[256];
    size_t len = read_message(bytes);
    struct read_answer found;

    assert_int_equal(read_answer_decode(slice_of(bytes, len), 10, &found), ERR_OK);
    assert_int_equal(found.part_count, 1);
    assert_int_equal(found.record_count, 2);
    assert_int_equal(found.next.index, 7);
    assert_int_equal(found.behind_ms, 12);
    assert_int_equal(found.parts[0].index, 6);
    assert_int_equal(found.parts[0].first_ordinal, 4);
    assert_true(command_valid(found.parts[0].records, 2));
    free(found.parts);
}

static void a_damaged_answer_is_noticed(void **state)
{
    unsigned char bytes[256];
    size_t len = read_message(bytes);
    struct read_answer found;

    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(read_answer_decode(slice_of(bytes, cut), 10, &found), ERR_CORRUPT);
    assert_int_equal(read_answer_decode(slice_of(bytes, len), 1, &found), ERR_CORRUPT);
    bytes[7] = 1; /* one record, says the head; two, says the table */
    assert_int_equal(read_answer_decode(slice_of(bytes, len), 10, &found), ERR_CORRUPT);
}

static void a_refusal_names_the_leader_and_the_reason(void **state)
{
    struct refusal refusal = { .leader = 42, .throttled = true }, found;
    struct buf *buf;

    reason_set(&refusal.reason, "too fast");
    buf = refusal_encode(&refusal);
    assert_non_null(buf);
    found = refusal_decode(buf_slice(buf));
    assert_int_equal(found.leader, 42);
    assert_true(found.throttled);
    assert_string_equal(found.reason.text, "too fast");
    found = refusal_decode(slice_of(buf->data, 5));
    assert_int_equal(found.leader, 0);
    buf_unref(buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_carries_its_records),
        cmocka_unit_test(a_put_whose_records_do_not_add_up_is_refused),
        cmocka_unit_test(a_message_of_a_later_version_is_said_to_be_one),
        cmocka_unit_test(many_records_over_one_entry_are_refused),
        cmocka_unit_test(a_puts_answer_is_the_first_records_place),
        cmocka_unit_test(a_locate_asks_for_one_of_five_places),
        cmocka_unit_test(the_largest_place_can_be_asked_for_and_answered),
        cmocka_unit_test(a_read_asks_for_no_more_than_the_maximum),
        cmocka_unit_test(a_reads_answer_gives_the_parts_back),
        cmocka_unit_test(a_damaged_answer_is_noticed),
        cmocka_unit_test(a_refusal_names_the_leader_and_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

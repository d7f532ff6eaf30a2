#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/event.h"
#include "base/bytes.h"
#include "shard/command.h"
#include "wire/event_stream.h"

static const struct seqno_shard name = { .created_s = 1700000000, .shard = 1 };

static struct slice payload_of(const struct buf *event, const char *type)
{
    struct event_message message;
    struct slice found;

    assert_non_null(event);
    assert_int_equal(event_message_read(buf_slice(event), &message), ERR_OK);
    assert_int_equal(message.bytes, event->len);
    assert_int_equal(event_message_header(&message, ":event-type", &found), ERR_OK);
    assert_true(slice_equal(found, slice_text(type)));
    return message.payload;
}

static bool holds(struct slice text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static void expect_continuation(struct position next, struct seqno before)
{
    const struct event_content content = { .name = name, .next = next, .time_s = 1700000100 };
    char number[SEQNO_TEXT_MAX], wanted[SEQNO_TEXT_MAX + 64];
    struct buf *event = NULL;

    seqno_print(name, before, number);
    (void)snprintf(wanted, sizeof(wanted), "\"ContinuationSequenceNumber\":\"%s\"", number);
    assert_int_equal(event_records(&content, &event), ERR_OK);
    assert_true(holds(payload_of(event, "SubscribeToShardEvent"), wanted));
    assert_true(holds(payload_of(event, "SubscribeToShardEvent"), "\"Records\":[]"));
    buf_unref(event);
}

static void a_reader_goes_on_behind_what_it_had(void **state)
{
    expect_continuation((struct position){ 8, 0 }, seqno_at(7, 511, 1700000100));
    expect_continuation((struct position){ 8, 5 }, seqno_at(8, 4, 1700000100));
    expect_continuation((struct position){ 0, 0 }, seqno_at(0, 511, 1700000100));
    assert_int_equal(seqno_next(seqno_at(7, 511, 0)).index, 8);
    assert_int_equal(seqno_next(seqno_at(7, 511, 0)).ordinal, 0);
}

static void the_last_event_of_a_shard_has_children_and_no_number(void **state)
{
    const struct event_content content = { .name = name, .ended = true };
    struct buf *event = NULL;

    assert_int_equal(event_records(&content, &event), ERR_OK);
    assert_true(holds(payload_of(event, "SubscribeToShardEvent"), "\"ChildShards\":[]"));
    assert_false(holds(payload_of(event, "SubscribeToShardEvent"), "ContinuationSequence"));
    buf_unref(event);
}

static void the_first_event_and_an_exception(void **state)
{
    struct buf *event = event_initial();
    struct event_message message;
    struct slice found;

    assert_true(slice_equal(payload_of(event, "initial-response"), slice_text("{}")));
    buf_unref(event);
    event = event_exception(ERROR_RESOURCE_IN_USE, "another");
    assert_int_equal(event_message_read(buf_slice(event), &message), ERR_OK);
    assert_int_equal(event_message_header(&message, ":exception-type", &found), ERR_OK);
    assert_true(slice_equal(found, slice_text("ResourceInUseException")));
    assert_true(slice_equal(message.payload, slice_text("{\"message\":\"another\"}")));
    buf_unref(event);
}

static void what_is_no_row_of_records_is_no_event(void **state)
{
    const struct read_part part = { .index = 3, .count = 2, .records = slice_text("\1") };
    const struct event_content content = {
        .name = name, .parts = &part, .part_count = 1, .record_count = 2
    };
    struct buf *event = NULL;

    assert_int_equal(event_records(&content, &event), ERR_CORRUPT);
    assert_null(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_goes_on_behind_what_it_had),
        cmocka_unit_test(the_last_event_of_a_shard_has_children_and_no_number),
        cmocka_unit_test(the_first_event_and_an_exception),
        cmocka_unit_test(what_is_no_row_of_records_is_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Vectors: made with botocore's own reader of event streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/event_stream.h"

struct vector {
    bool exception;
    const char *name, *payload, *hex;
};

static const struct vector vectors[] = {
    { false, "initial-response", "{}",
      "00000068000000564e6817240b3a6576656e742d74797065070010696e697469616c2d726573706f6e73650d3a63"
      "6f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700"
      "056576656e747b7dd591c62b" },
    { false, "SubscribeToShardEvent",
      "{\"ContinuationSequenceNumber\":\"1\",\"MillisBehindLatest\":0,\"Records\":[]}",
      "000000b10000005bb43c76b10b3a6576656e742d74797065070015537562736372696265546f5368617264457665"
      "6e740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74"
      "7970650700056576656e747b22436f6e74696e756174696f6e53657175656e63654e756d626572223a2231222c22"
      "4d696c6c6973426568696e644c6174657374223a302c225265636f726473223a5b5d7ddefd7413" },
    { true, "ResourceInUseException", "{\"message\":\"x\"}",
      "0000008300000064d9bbb06a0f3a657863657074696f6e2d74797065070016526573"
      "6f75726365496e557365457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f"
      "6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a227822"
      "7d8bd5b57e" },
};

static struct buf *message(const struct vector *vector)
{
    struct writer writer;
    struct buf *buf;

    writer_init(&writer, 1024);
    if (vector->exception)
        event_stream_begin_exception(&writer, vector->name);
    else
        event_stream_begin_event(&writer, vector->name);
    writer_text(&writer, vector->payload);
    assert_int_equal(event_stream_end(&writer), ERR_OK);
    buf = writer_take(&writer);
    writer_fini(&writer);
    return buf;
}

static void messages_are_those_of_the_vectors(void **state)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct buf *buf = message(&vectors[i]);
        char hex[1024] = "";
        for (size_t k = 0; k < buf->len; k++)
            snprintf(hex + 2 * k, 3, "%02x", buf->data[k]);
        assert_string_equal(hex, vectors[i].hex);
        buf_unref(buf);
    }
}

static void what_was_written_is_read(void **state)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct buf *buf = message(&vectors[i]);
        struct event_message read;
        struct slice value;
        assert_int_equal(event_message_read(buf_slice(buf), &read), ERR_OK);
        assert_int_equal(read.bytes, buf->len);
        assert_true(slice_equal(read.payload, slice_text(vectors[i].payload)));
        const char *kind = vectors[i].exception ? ":exception-type" : ":event-type";
        assert_int_equal(event_message_header(&read, kind, &value), ERR_OK);
        assert_true(slice_equal(value, slice_text(vectors[i].name)));
        assert_int_equal(event_message_header(&read, ":nothing", &value), ERR_NOT_FOUND);
        buf_unref(buf);
    }
}

static void a_part_of_a_message_is_waited_for(void **state)
{
    struct buf *buf = message(&vectors[1]);
    struct event_message read;

    for (size_t len = 0; len < buf->len; len++)
        assert_int_equal(event_message_read(slice_of(buf->data, len), &read), ERR_NOT_FOUND);
    buf_unref(buf);
}

static void a_flipped_bit_is_found_wherever_it_is(void **state)
{
    struct buf *buf = message(&vectors[0]);
    struct event_message read;

    for (size_t at = 0; at < buf->len * 8; at++) {
        buf->data[at / 8] ^= (unsigned char)(1u << at % 8);
        assert_int_equal(event_message_read(buf_slice(buf), &read), ERR_CORRUPT);
        buf->data[at / 8] ^= (unsigned char)(1u << at % 8);
    }
    buf_unref(buf);
}

static void a_writer_without_room_says_so(void **state)
{
    struct writer writer;

    writer_init(&writer, 40);
    event_stream_begin_event(&writer, "SubscribeToShardEvent");
    writer_text(&writer, "{}");
    assert_int_equal(event_stream_end(&writer), ERR_NO_MEMORY);
    writer_fini(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_those_of_the_vectors),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_part_of_a_message_is_waited_for),
        cmocka_unit_test(a_flipped_bit_is_found_wherever_it_is),
        cmocka_unit_test(a_writer_without_room_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

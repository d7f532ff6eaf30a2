/* The frame engine: what is written comes back, whatever way it is cut; the rest is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "peer/frame.h"

#define BODY_MAX 300000u

/* Appends a frame to `bytes` and answers the new length. */
static size_t append(unsigned char *bytes, size_t len, struct frame_header header, const void *body,
                     uint32_t body_len)
{
    AUTO_UNREF struct buf *buf = buf_copy(slice_of(body, body_len));

    header.body_len = body_len;
    header.body_crc = frame_crc(&buf, 1);
    frame_header_encode(&header, bytes + len);
    if (body_len > 0)
        memcpy(bytes + len + FRAME_HEADER_BYTES, body, body_len);
    return len + FRAME_HEADER_BYTES + body_len;
}

static const struct frame_header call = { .type = FRAME_CALL, .kind = NET_PUT, .number = 7 };
static const struct frame_header ping = { .type = FRAME_PING };
static const struct frame_header answer = {
    .type = FRAME_ANSWER, .err = ERR_NOT_LEADER, .number = UINT64_MAX
};

static void frames_come_back_however_the_bytes_are_cut(void **state)
{
    unsigned char bytes[512];
    size_t len = append(bytes, 0, call, "hello", 5);

    len = append(bytes, len, ping, NULL, 0);
    len = append(bytes, len, answer, "world!", 6);
    for (size_t step = 1; step <= len; step++) {
        struct frame_reader reader;
        struct frame frames[4];
        int count = 0;

        frame_reader_init(&reader, 100);
        for (size_t at = 0; at < len; at += step) {
            struct slice rest = slice_of(bytes + at, len - at < step ? len - at : step);
            bool whole = true;
            while (whole) {
                assert_int_equal(frame_reader_next(&reader, &rest, &frames[count], &whole),
                                 ERR_OK);
                count += whole;
            }
            assert_int_equal(rest.len, 0);
        }
        assert_int_equal(count, 3);
        assert_int_equal(frames[0].header.type, FRAME_CALL);
        assert_int_equal(frames[0].header.kind, NET_PUT);
        assert_true(slice_equal(buf_slice(frames[0].body), slice_text("hello")));
        assert_int_equal(frames[1].header.type, FRAME_PING);
        assert_null(frames[1].body);
        assert_int_equal(frames[2].header.err, ERR_NOT_LEADER);
        assert_true(frames[2].header.number == UINT64_MAX);
        assert_true(slice_equal(buf_slice(frames[2].body), slice_text("world!")));
        for (int at = 0; at < 3; at++)
            buf_unref(frames[at].body);
        frame_reader_fini(&reader);
    }
}

static void a_large_body_can_be_read_to_its_place(void **state)
{
    unsigned char *body = malloc(BODY_MAX);
    unsigned char *bytes = malloc(BODY_MAX + FRAME_HEADER_BYTES);
    struct frame_reader reader;
    struct frame frame;
    bool whole;

    for (size_t at = 0; at < BODY_MAX; at++)
        body[at] = (unsigned char)(at * 31 + at / 1000);
    size_t len = append(bytes, 0, call, body, BODY_MAX);
    frame_reader_init(&reader, BODY_MAX);
    assert_int_equal(frame_reader_space(&reader).len, 0);
    struct slice rest = slice_of(bytes, 1000);
    assert_int_equal(frame_reader_next(&reader, &rest, &frame, &whole), ERR_OK);
    assert_false(whole);
    struct frame_space space = frame_reader_space(&reader);
    assert_int_equal(space.len, len - 1000);
    memcpy(space.data, bytes + 1000, space.len);
    frame_reader_filled(&reader, space.len);
    rest = slice_of(NULL, 0);
    assert_int_equal(frame_reader_next(&reader, &rest, &frame, &whole), ERR_OK);
    assert_true(whole);
    assert_true(slice_equal(buf_slice(frame.body), slice_of(body, BODY_MAX)));
    buf_unref(frame.body);
    frame_reader_fini(&reader);
    free(bytes);
    free(body);
}

static enum err read_all(const unsigned char *bytes, size_t len, uint32_t body_bytes_max)
{
    struct slice rest = slice_of(bytes, len);
    struct frame_reader reader;
    struct frame frame;
    bool whole = true;
    enum err err = ERR_OK;

    frame_reader_init(&reader, body_bytes_max);
    while (err == ERR_OK && whole) {
        err = frame_reader_next(&reader, &rest, &frame, &whole);
        if (err == ERR_OK && whole)
            buf_unref(frame.body);
    }
    frame_reader_fini(&reader);
    return err;
}

static void every_flipped_bit_is_noticed(void **state)
{
    unsigned char bytes[64];
    size_t len = append(bytes, 0, call, "hello", 5);

    assert_int_equal(read_all(bytes, len, 100), ERR_OK);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_int_equal(read_all(bytes, len, 100), ERR_CORRUPT);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

static void a_body_over_the_maximum_is_refused_before_memory_is_taken(void **state)
{
    unsigned char bytes[FRAME_HEADER_BYTES];
    struct frame_header huge = call;

    huge.body_len = UINT32_MAX;
    frame_header_encode(&huge, bytes);
    assert_int_equal(read_all(bytes, sizeof(bytes), 100), ERR_TOO_BIG);
    huge.body_len = 101;
    frame_header_encode(&huge, bytes);
    assert_int_equal(read_all(bytes, sizeof(bytes), 100), ERR_TOO_BIG);
    assert_int_equal(read_all(bytes, sizeof(bytes), 101), ERR_OK);
}

static void headers_that_no_sender_writes_are_refused(void **state)
{
    static const struct frame_header odd[] = {
        { .type = 0 },
        { .type = FRAME_PING + 1 },
        { .type = FRAME_PING, .kind = NET_RAFT },
        { .type = FRAME_PING, .number = 1 },
        { .type = FRAME_PING, .err = ERR_BUSY },
        { .type = FRAME_PING, .body_len = 1 },
        { .type = FRAME_MESSAGE },
        { .type = FRAME_MESSAGE, .kind = NET_KIND_MAX + 1 },
        { .type = FRAME_MESSAGE, .kind = NET_RAFT, .number = 1 },
        { .type = FRAME_CALL, .kind = NET_PUT },
        { .type = FRAME_CALL, .number = 1 },
        { .type = FRAME_ANSWER },
        { .type = FRAME_ANSWER, .number = 1, .err = ERR_COUNT },
        { .type = FRAME_GREETING, .number = 1 },
    };
    unsigned char bytes[FRAME_HEADER_BYTES];
    struct frame_header header;

    for (size_t at = 0; at < sizeof(odd) / sizeof(odd[0]); at++) {
        frame_header_encode(&odd[at], bytes);
        assert_int_equal(frame_header_decode(bytes, &header), ERR_CORRUPT);
    }
}

static void a_greeting_comes_back(void **state)
{
    struct greeting said = { .lane = NET_LANE_BULK,
                             .node = 3,
                             .boot = UINT64_MAX,
                             .address = slice_text("host:1"),
                             .hello = slice_text("hi") };
    AUTO_UNREF struct buf *bytes = greeting_encode(&said);
    struct greeting heard;

    assert_int_equal(greeting_decode(buf_slice(bytes), &heard), ERR_OK);
    assert_int_equal(heard.lane, NET_LANE_BULK);
    assert_int_equal(heard.node, 3);
    assert_true(heard.boot == UINT64_MAX);
    assert_true(slice_equal(heard.address, said.address));
    assert_true(slice_equal(heard.hello, said.hello));
}

static void what_is_no_greeting_is_refused(void **state)
{
    struct greeting said = { .lane = NET_LANE_RAFT, .node = 3, .boot = 4,
                             .hello = slice_text("hi") };
    AUTO_UNREF struct buf *bytes = greeting_encode(&said);
    struct greeting heard;

    for (size_t len = 0; len < bytes->len; len++)
        assert_int_equal(greeting_decode(slice_of(bytes->data, len), &heard), ERR_CORRUPT);
    bytes->data[5]++;
    assert_int_equal(greeting_decode(buf_slice(bytes), &heard), ERR_VERSION);
    bytes->data[5]--;
    bytes->data[6] = NET_LANES;
    assert_int_equal(greeting_decode(buf_slice(bytes), &heard), ERR_CORRUPT);
    bytes->data[6] = NET_LANE_RAFT;
    bytes->data[15] = 0; /* node 0 */
    assert_int_equal(greeting_decode(buf_slice(bytes), &heard), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back_however_the_bytes_are_cut),
        cmocka_unit_test(a_large_body_can_be_read_to_its_place),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(a_body_over_the_maximum_is_refused_before_memory_is_taken),
        cmocka_unit_test(headers_that_no_sender_writes_are_refused),
        cmocka_unit_test(a_greeting_comes_back),
        cmocka_unit_test(what_is_no_greeting_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

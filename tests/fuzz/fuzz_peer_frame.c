/* Any bytes on a connection between nodes.
 *
 * The first byte says in what pieces the rest arrives.  What must hold:
 *
 *   - no body is longer than the maximum, and memory ends with the reader;
 *   - how the bytes are cut makes no difference;
 *   - a frame that was read is written as the same bytes again;
 *   - a greeting that was read is written as the same bytes again.
 *
 * Checksums would stop nearly all inputs, so they are put right first, where
 * the header's length lets us find the body.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/ensure.h"
#include "peer/frame.h"

#define BODY_BYTES_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void checksums_put_right(unsigned char *bytes, size_t len)
{
    for (size_t at = 0; len - at >= FRAME_HEADER_BYTES;) {
        size_t body_len = get_u32(bytes + at);
        size_t room = len - at - FRAME_HEADER_BYTES;
        if (body_len > room)
            body_len = room;
        put_u32(bytes + at + 16, crc32c(0, bytes + at + FRAME_HEADER_BYTES, body_len));
        put_u32(bytes + at + 20, crc32c(0, bytes + at, 20));
        at += FRAME_HEADER_BYTES + body_len;
    }
}

static void check_greeting(const struct buf *body)
{
    struct greeting greeting;

    if (body == NULL || greeting_decode(buf_slice(body), &greeting) != ERR_OK)
        return;
    AUTO_UNREF struct buf *again = greeting_encode(&greeting);
    ensure(again != NULL && again->len == body->len);
    ensure(memcmp(again->data, body->data, 7) == 0); /* byte 7 is read over */
    ensure(memcmp(again->data + 8, body->data + 8, body->len - 8) == 0);
}

/* Answers how many bytes of frames came out, and checks each against `bytes`. */
static size_t read_in_pieces(const unsigned char *bytes, size_t len, size_t step, enum err *err)
{
    struct frame_reader reader;
    struct frame frame;
    size_t done = 0;

    *err = ERR_OK;
    frame_reader_init(&reader, BODY_BYTES_MAX);
    for (size_t at = 0; at < len && *err == ERR_OK; at += step) {
        struct slice rest = slice_of(bytes + at, len - at < step ? len - at : step);
        bool whole = true;
        while (whole && (*err = frame_reader_next(&reader, &rest, &frame, &whole)) == ERR_OK) {
            if (!whole)
                break;
            unsigned char head[FRAME_HEADER_BYTES];
            size_t body_len = frame.body != NULL ? frame.body->len : 0;
            ensure(body_len == frame.header.body_len && body_len <= BODY_BYTES_MAX);
            frame_header_encode(&frame.header, head);
            ensure(memcmp(head, bytes + done, FRAME_HEADER_BYTES) == 0);
            ensure(body_len == 0 ||
                   memcmp(frame.body->data, bytes + done + FRAME_HEADER_BYTES, body_len) == 0);
            check_greeting(frame.body);
            done += FRAME_HEADER_BYTES + body_len;
            buf_unref(frame.body);
        }
    }
    frame_reader_fini(&reader);
    return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum err cut, uncut;

    if (size < 1)
        return 0;
    AUTO_UNREF struct buf *bytes = buf_copy(slice_of(data + 1, size - 1));
    ensure(bytes != NULL);
    if (data[0] & 1)
        checksums_put_right(bytes->data, bytes->len);
    size_t step = 1 + (size_t)(data[0] >> 1);
    size_t done = read_in_pieces(bytes->data, bytes->len, step, &cut);
    ensure(done == read_in_pieces(bytes->data, bytes->len, SIZE_MAX / 2, &uncut));
    ensure(cut == uncut);
    return 0;
}

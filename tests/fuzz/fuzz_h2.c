/* Any bytes on a connection that speaks HTTP/2.
 *
 * The first byte says in what pieces the rest arrives, whether the preface and a
 * SETTINGS frame go before it, and whether the port is drained on the way.  What
 * must hold:
 *
 *   - a whole request is as http_request.h says, and its path is one;
 *   - no more requests are there at once than may be;
 *   - budgets, counts and bytes of replies are zero in the end, also when the
 *     client goes while requests are with the upper layer.
 */
#include <stdint.h>

#include "http_request.h"
#include "transport/h2.h"

#define HELD_MAX 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tester {
    struct h2 *h2;
    struct h2_stream *held[HELD_MAX];
    uint32_t held_count;
    uint32_t sum;
};

static void answer(struct h2_stream *stream, int status)
{
    struct buf *body = buf_copy(slice_text("a reply of some bytes, to be sent in windows"));
    const struct http_reply reply = { .status = status, .body = &body, .body_count = 1 };

    ensure(body != NULL);
    h2_reply(stream, &reply, "Thu, 01 Jan 1970 00:00:00 GMT");
    buf_unref(body);
}

static void on_phase(void *ctx, struct h2_stream *stream)
{
}

static void on_piece(void *ctx, struct h2_stream *stream)
{
}

static void on_refused(void *ctx, struct h2_stream *stream, int status, const char *sentence)
{
    ensure(status >= 400 && status <= 599 && sentence[0] != '\0');
    answer(stream, status);
}

/* In pieces: the last comes when its turn does, with the connection gone perhaps. */
static void begin(struct h2_stream *stream)
{
    const struct http_reply reply = { .status = 200 };
    struct buf *piece = buf_copy(slice_text("a piece of some bytes, to be sent in windows"));

    ensure(piece != NULL);
    h2_begin(stream, &reply, "Thu, 01 Jan 1970 00:00:00 GMT");
    h2_give(stream, &piece, 1);
    buf_unref(piece);
}

static void end_one(struct tester *tester)
{
    struct h2_stream *stream = tester->held[--tester->held_count];

    if (stream->phase == H2_TELLING)
        h2_finish(stream);
    else
        answer(stream, 200);
}

/* Every other request waits for a while, with its connection gone perhaps. */
static void serve(struct tester *tester)
{
    struct h2_stream *stream;

    while ((stream = h2_next_whole(tester->h2)) != NULL) {
        const struct http_request *request = &stream->carried.exchange.request;

        request_check(request, &tester->sum);
        ensure(request->path.data[0] == '/' || request->path.data[0] == '*');
        if (stream->id % 8 == 5)
            begin(stream);
        if (stream->id % 4 == 1 && tester->held_count < HELD_MAX)
            tester->held[tester->held_count++] = stream;
        else if (stream->phase == H2_TELLING)
            h2_finish(stream);
        else
            answer(stream, 200);
    }
}

static void send(struct tester *tester)
{
    struct gather gather = { .parts = NULL };
    size_t bytes = 0;

    h2_sent(tester->h2); /* the last write; what came since, came while it was under way */
    ensure(h2_output(tester->h2, &gather));
    for (uint32_t at = 0; at < gather.count; at++)
        bytes += gather.parts[at]->len;
    ensure(bytes == gather.bytes);
    gather_drop(&gather);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char opening[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    const struct h2_events events = { .on_phase = on_phase,
                                       .on_refused = on_refused,
                                       .on_room = on_piece,
                                       .on_gone = on_piece };
    struct budget bodies = { .most = 1u << 20 }, streams = { .most = 64 };
    uint64_t refused_streams = 0, floods = 0;
    struct h2_port port = { .body_bytes_max = BODY_BYTES_MAX,
                            .arena_bytes_max = 1u << 20,
                            .refused_streams = &refused_streams,
                            .floods = &floods };
    const struct h2_share share = { .bodies = &bodies, .streams = &streams };
    struct tester tester = { .h2 = h2_new(&port, share, &events, NULL) };

    if (size < 1) {
        h2_free(tester.h2);
        return 0;
    }
    ensure(tester.h2 != NULL);
    struct slice bytes = slice_of(data + 1, size - 1);
    size_t step = (data[0] & 0x7f) == 0x7f ? SIZE_MAX : 1 + (size_t)(data[0] & 0x7f);
    if ((data[0] & 0x80) == 0)
        h2_feed(tester.h2, slice_of(opening, sizeof(opening) - 1), 0);
    for (uint64_t now_ms = 0; bytes.len > 0 && !h2_has_ended(tester.h2); now_ms++) {
        struct slice piece = slice_of(bytes.data, bytes.len < step ? bytes.len : step);
        h2_feed(tester.h2, piece, now_ms);
        if (now_ms == 2 && step % 4 == 1)
            h2_notice(tester.h2);
        if (now_ms == 4 && step % 8 == 1)
            h2_goodbye(tester.h2);
        if (now_ms == 6 && step % 8 == 2)
            h2_half(tester.h2);
        serve(&tester);
        ensure(h2_count(tester.h2) == streams.used && streams.used <= streams.most);
        send(&tester);
        bytes = slice_of(bytes.data + piece.len, bytes.len - piece.len);
    }
    if (tester.held_count > 0)
        end_one(&tester);
    send(&tester);
    h2_hang_up(tester.h2);
    while (tester.held_count > 0)
        end_one(&tester);
    ensure(h2_count(tester.h2) == 0 && h2_behind(tester.h2) == 0);
    h2_free(tester.h2);
    ensure(bodies.used == 0 && streams.used == 0);
    return 0;
}

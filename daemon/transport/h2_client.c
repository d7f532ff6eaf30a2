/* One HTTP/2 client: many exchanges at a time.
 *
 * The engine (h2.h) is fed with what comes; what it has to say is written once
 * per turn of the loop, one write at a time.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "transport/http_private.h"

struct h2_client {
    struct client *client;
    struct h2 *h2;
    struct defer flush;
    bool idle; /* no request: a deadline runs */
};

static void on_bytes(struct client *client, struct slice bytes);
static void on_half(struct client *client);
static void on_sent(struct client *client);
static void on_deadline(struct client *client);
static void part(struct client *client);
static void drain(struct client *client);
static void closed(struct client *client);
static bool done(const struct client *client);
static bool exchange_gone(const struct carried *carried);
static void exchange_reply(struct carried *carried, const struct http_reply *reply);
static void pieces_begin(struct carried *carried, const struct http_reply *reply);
static void pieces_give(struct carried *carried, struct buf *const parts[],
                          uint32_t part_count);
static void pieces_end(struct carried *carried);
static void stream_on_phase(void *ctx, struct h2_stream *stream);
static void stream_on_refused(void *ctx, struct h2_stream *stream, int status,
                              const char *sentence);
static void stream_on_room(void *ctx, struct h2_stream *stream);
static void stream_on_gone(void *ctx, struct h2_stream *stream);
static void stream_on_deadline(struct timer *timer);
static void look_at_body(struct h2_client *h2_client, struct h2_stream *stream);
static void look_at_reply(struct h2_client *h2_client, struct h2_stream *stream);
static void hand_up(struct h2_client *h2_client);
static void settle(struct h2_client *h2_client);
static void flush_soon(struct h2_client *h2_client);
static void flush_on_defer(struct defer *defer);
static void flush(struct h2_client *h2_client);

const struct framing framing_h2 = {
    .on_bytes = on_bytes,
    .on_half = on_half,
    .on_sent = on_sent,
    .on_deadline = on_deadline,
    .part = part,
    .drain = drain,
    .closed = closed,
    .done = done,
};

static const struct carrier carrier_h2 = { .gone = exchange_gone,
                                           .reply = exchange_reply,
                                           .begin = pieces_begin,
                                           .give = pieces_give,
                                           .end = pieces_end };

static const struct h2_events events = { .on_phase = stream_on_phase,
                                         .on_refused = stream_on_refused,
                                         .on_room = stream_on_room,
                                         .on_gone = stream_on_gone };

enum err h2_client_begin(struct client *client)
{
    struct h2_client *h2_client = calloc(1, sizeof(*h2_client));

    if (h2_client == NULL)
        return ERR_NO_MEMORY;
    h2_client->client = client;
    const struct h2_share share = { .bodies = &client->bodies,
                                    .streams = &client->origin->h2_streams };
    h2_client->h2 = h2_new(&client->server->h2, share, &events, h2_client);
    if (h2_client->h2 == NULL) {
        free(h2_client);
        return ERR_NO_MEMORY;
    }
    h1_free(client->h1);
    client->h1 = NULL;
    client->h2 = h2_client;
    client->framing = &framing_h2;
    client->server->figures.h2_connections++;
    if (client->server->draining)
        drain(client);
    return ERR_OK;
}

void h2_client_free(struct h2_client *h2_client)
{
    if (h2_client == NULL)
        return;
    h2_client->client->server->figures.h2_connections--;
    defer_cancel(&h2_client->flush);
    h2_free(h2_client->h2);
    free(h2_client);
}

/* ---- reading ---- */

static void on_bytes(struct client *client, struct slice bytes)
{
    struct h2_client *h2_client = client->h2;

    h2_feed(h2_client->h2, bytes, clock_mono_ms(client->server->clock));
    hand_up(h2_client);
    flush_soon(h2_client);
}

/* Until much waits to be read by the client: then its next requests wait, too.  Not for a reply in
 * pieces: one that is not read is no reason to starve the rest. */
static void hand_up(struct h2_client *h2_client)
{
    struct client *client = h2_client->client;
    struct h2_stream *stream;

    while (client->state == CLIENT_READING &&
           h2_whole_behind(h2_client->h2) < H2_REPLIES_BYTES_MAX &&
           (stream = h2_next_whole(h2_client->h2)) != NULL) {
        stream->carried.server = client->server;
        stream->carried.carrier = &carrier_h2;
        stream->carried.exchange.request.peer = client->conn.peer;
        exchange_begin(&stream->carried);
    }
}

/* It sends no more, but may read what it has asked for. */
static void on_half(struct client *client)
{
    h2_half(client->h2->h2);
    flush_soon(client->h2);
}

/* ---- exchanges ---- */

/* Hung up on, or given up; or it has said that it sends no more, as one that goes away does. */
static bool exchange_gone(const struct carried *carried)
{
    const struct h2_stream *stream = (const struct h2_stream *)(const void *)(
        (const char *)carried - offsetof(struct h2_stream, carried));
    const struct h2_client *h2_client = h2_ctx(stream->h2);

    return stream->id == 0 || h2_client->client->conn.half;
}

static void give_reply(struct h2_client *h2_client, struct h2_stream *stream,
                       const struct http_reply *reply)
{
    struct http_server *server = h2_client->client->server;

    h2_reply(stream, reply, reply_date(&server->date, clock_wall_ms(server->clock)));
}

static struct h2_client *client_of(struct h2_stream *stream)
{
    return h2_ctx(stream->h2);
}

static void exchange_reply(struct carried *carried, const struct http_reply *reply)
{
    struct h2_stream *stream = container_of(carried, struct h2_stream, carried);
    struct h2_client *h2_client = client_of(stream);

    give_reply(h2_client, stream, reply);
    if (h2_client->client->state != CLIENT_READING) {
        client_free_when_done(h2_client->client);
        return;
    }
    if (reply->close)
        h2_notice(h2_client->h2);
    flush_soon(h2_client);
}

static void pieces_begin(struct carried *carried, const struct http_reply *reply)
{
    struct h2_stream *stream = container_of(carried, struct h2_stream, carried);
    struct h2_client *h2_client = client_of(stream);
    struct http_server *server = h2_client->client->server;

    h2_begin(stream, reply, reply_date(&server->date, clock_wall_ms(server->clock)));
    exchange_room(carried);
    if (reply->close)
        h2_notice(h2_client->h2);
    flush_soon(h2_client);
}

static void pieces_give(struct carried *carried, struct buf *const parts[], uint32_t part_count)
{
    struct h2_stream *stream = container_of(carried, struct h2_stream, carried);

    h2_give(stream, parts, part_count);
    flush_soon(client_of(stream));
}

static void pieces_end(struct carried *carried)
{
    struct h2_stream *stream = container_of(carried, struct h2_stream, carried);
    struct h2_client *h2_client = client_of(stream);

    h2_finish(stream);
    if (h2_client->client->state != CLIENT_READING)
        client_free_when_done(h2_client->client);
    else
        flush_soon(h2_client);
}

static void stream_on_room(void *ctx, struct h2_stream *stream)
{
    exchange_room(&stream->carried);
}

static void stream_on_gone(void *ctx, struct h2_stream *stream)
{
    exchange_lost(&stream->carried);
}

static void stream_on_refused(void *ctx, struct h2_stream *stream, int status,
                              const char *sentence)
{
    struct h2_client *h2_client = ctx;
    struct client *client = h2_client->client;
    struct refusal refusal;

    refusal_make(&refusal, client->server, client->conn.peer, status, sentence);
    give_reply(h2_client, stream, &refusal.reply);
    buf_unref(refusal.body);
}

/* ---- deadlines of one request ---- */

static void stream_on_phase(void *ctx, struct h2_stream *stream)
{
    const struct client *client = ((struct h2_client *)ctx)->client;
    const struct http_deadlines *deadlines = &client->server->options.deadlines;
    uint32_t ms = 0;

    stream->seen_bytes = 0;
    if (stream->phase == H2_HEAD)
        ms = deadlines->head_ms;
    else if (stream->phase == H2_BODY)
        ms = deadlines->body_ms;
    else if (stream->phase == H2_REPLYING)
        ms = deadlines->write_ms;
    if (ms > 0)
        timer_start(client->server->clock, &stream->deadline, ms, stream_on_deadline);
    else
        timer_stop(&stream->deadline);
}

static void stream_on_deadline(struct timer *timer)
{
    struct h2_stream *stream = container_of(timer, struct h2_stream, deadline);
    struct h2_client *h2_client = client_of(stream);

    if (stream->phase == H2_BODY) {
        look_at_body(h2_client, stream);
    } else if (stream->phase == H2_REPLYING) {
        look_at_reply(h2_client, stream);
    } else { /* half a head holds up the whole connection */
        h2_client->client->server->figures.timed_out++;
        h2_end(h2_client->h2, true);
    }
    flush_soon(h2_client);
}

/* As for HTTP/1.1: in each stretch a least number of bytes has to come, or to be taken. */
static void look_at_body(struct h2_client *h2_client, struct h2_stream *stream)
{
    struct http_server *server = h2_client->client->server;

    if (stream->body.len - stream->seen_bytes >= HTTP_BODY_STRETCH_BYTES) {
        stream->seen_bytes = stream->body.len;
        timer_start(server->clock, &stream->deadline, server->options.deadlines.body_ms,
                    stream_on_deadline);
        return;
    }
    server->figures.timed_out++;
    stream_on_refused(h2_client, stream, 408, "the request did not come in time");
    h2_late(h2_client->h2, clock_mono_ms(server->clock));
}

static void look_at_reply(struct h2_client *h2_client, struct h2_stream *stream)
{
    struct http_server *server = h2_client->client->server;

    if (stream->sent_bytes - stream->seen_bytes >= HTTP_REPLY_STRETCH_BYTES) {
        stream->seen_bytes = stream->sent_bytes;
        timer_start(server->clock, &stream->deadline, server->options.deadlines.write_ms,
                    stream_on_deadline);
        return;
    }
    server_reader_cut(h2_client->client, ERR_TIMEOUT);
    h2_reset(stream);
}

/* ---- writing ---- */

static void on_sent(struct client *client)
{
    h2_sent(client->h2->h2);
    hand_up(client->h2);
    flush(client->h2);
}

static void flush_soon(struct h2_client *h2_client)
{
    if (h2_client->client->state == CLIENT_READING)
        defer_run(h2_client->client->server->clock, &h2_client->flush, flush_on_defer);
}

static void flush_on_defer(struct defer *defer)
{
    flush(container_of(defer, struct h2_client, flush));
}

static void flush(struct h2_client *h2_client)
{
    struct client *client = h2_client->client;
    struct gather gather = { .parts = NULL };
    bool fine = true;

    if (client->state != CLIENT_READING)
        return;
    settle(h2_client);
    if (!client->conn.writing) {
        fine = h2_output(h2_client->h2, &gather);
        if (fine && gather.count > 0)
            fine = conn_write(&client->conn, gather.parts, gather.count) == ERR_OK;
        gather_drop(&gather);
    }
    if (!fine) {
        client_close(client);
        return;
    }
    conn_behind(&client->conn, h2_behind(h2_client->h2));
    if (h2_is_crowded(h2_client->h2))
        conn_pause(&client->conn);
    else
        conn_resume(&client->conn);
    if (!client->conn.writing &&
        (h2_has_ended(h2_client->h2) || (client->conn.half && h2_live(h2_client->h2) == 0)))
        client_linger(client);
}

/* ---- the connection's time, and its end ---- */

/* Without a request it is idle; pings do not change that.  While the port is drained its deadline
 * is that of drain(). */
static void settle(struct h2_client *h2_client)
{
    struct client *client = h2_client->client;
    struct http_server *server = client->server;
    bool idle = h2_live(h2_client->h2) == 0;

    if (idle != h2_client->idle && !server->draining)
        conn_deadline(&client->conn, idle ? server->options.deadlines.idle_ms : 0);
    if (idle && server->draining)
        h2_end(h2_client->h2, false);
    else if (idle && server->parting)
        h2_notice(h2_client->h2);
    h2_client->idle = idle;
}

static void on_deadline(struct client *client)
{
    if (client->server->draining)
        h2_goodbye(client->h2->h2);
    else
        h2_end(client->h2->h2, false);
    flush_soon(client->h2);
}

/* The next idle moment is the last: a client that is told in the midst of its requests may take
 * them for lost. */
static void part(struct client *client)
{
    flush_soon(client->h2);
}

/* First a notice, and what has crossed it is served; then no more, however busy the client is. */
static void drain(struct client *client)
{
    if (client->state == CLIENT_READING) {
        h2_notice(client->h2->h2);
        conn_deadline(&client->conn, H2_GOODBYE_MS);
    }
    flush_soon(client->h2);
}

static void closed(struct client *client)
{
    defer_cancel(&client->h2->flush);
    h2_hang_up(client->h2->h2);
}

static bool done(const struct client *client)
{
    return h2_count(client->h2->h2) == 0;
}

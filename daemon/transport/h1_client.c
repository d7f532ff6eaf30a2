/* One HTTP/1.1 client: one exchange at a time.
 *
 *              whole            reply            sent, goes on
 *     READING -------> RUNNING -------> WRITING ---------------> READING
 *        |                                 ^  |
 *        +---- refused, late: an error ----+  +-- sent, ends --> LINGERING
 *
 * A reply in pieces goes from RUNNING to TELLING, and from there, when the upper
 * layer ends it, to WRITING.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "transport/gather.h"
#include "transport/http_private.h"

static void on_bytes(struct client *client, struct slice bytes);
static void on_half(struct client *client);
static void on_sent(struct client *client);
static void on_deadline(struct client *client);
static void drain(struct client *client);
static void closed(struct client *client);
static bool done(const struct client *client);
static bool exchange_gone(const struct carried *carried);
static void exchange_reply(struct carried *carried, const struct http_reply *reply);
static void pieces_begin(struct carried *carried, const struct http_reply *reply);
static void pieces_give(struct carried *carried, struct buf *const parts[],
                          uint32_t part_count);
static void pieces_end(struct carried *carried);
static size_t feed(struct client *client, struct slice bytes);
static void phase_set(struct client *client, enum client_phase phase);
static void stash(struct client *client, struct slice bytes);
static void next_request(struct client *client);
static void request_whole(struct client *client);
static void send_reply(struct client *client, const struct http_reply *reply);
static void send_last(struct client *client);

const struct framing framing_h1 = {
    .on_bytes = on_bytes,
    .on_half = on_half,
    .on_sent = on_sent,
    .on_deadline = on_deadline,
    .drain = drain,
    .closed = closed,
    .done = done,
};

static const struct carrier carrier_h1 = { .gone = exchange_gone,
                                           .reply = exchange_reply,
                                           .begin = pieces_begin,
                                           .give = pieces_give,
                                           .end = pieces_end };

void h1_client_begin(struct client *client)
{
    phase_set(client, PHASE_NEW);
}

/* ---- reading ---- */

static void on_bytes(struct client *client, struct slice bytes)
{
    if (client->state == CLIENT_READING) {
        size_t taken = feed(client, bytes);
        if (taken < bytes.len && client->state != CLIENT_LINGERING)
            stash(client, slice_of(bytes.data + taken, bytes.len - taken));
        if (h1_state(client->h1) == H1_WHOLE)
            request_whole(client);
    } else {
        stash(client, bytes);
    }
}

/* Gives bytes to the engine and keeps the deadlines. */
static size_t feed(struct client *client, struct slice bytes)
{
    size_t taken = h1_feed(client->h1, bytes);
    const char *sentence;
    int status;

    switch (h1_state(client->h1)) {
    case H1_HEAD:
        if (h1_begun(client->h1))
            phase_set(client, PHASE_HEAD);
        break;
    case H1_BODY:
        phase_set(client, PHASE_BODY);
        if (h1_expects_continue(client->h1))
            conn_write_maybe(&client->conn, slice_text("HTTP/1.1 100 Continue\r\n\r\n"));
        break;
    case H1_REFUSED:
        status = h1_refusal(client->h1, &sentence);
        h1_client_refuse(client, status, sentence);
        return bytes.len; /* nothing behind it counts */
    case H1_WHOLE:
        break;
    }
    return taken;
}

/* Each phase has one deadline, set at its beginning: a byte now and then does not move it. */
static void phase_set(struct client *client, enum client_phase phase)
{
    const struct http_deadlines *deadlines = &client->server->options.deadlines;

    if (client->phase == phase && phase != PHASE_NEW)
        return;
    if (client->phase == PHASE_NEW && phase == PHASE_HEAD) {
        client->phase = phase; /* the time runs since the connection was made */
        return;
    }
    client->phase = phase;
    client->body_seen = h1_body_bytes(client->h1);
    conn_deadline(&client->conn, phase == PHASE_IDLE   ? deadlines->idle_ms
                                 : phase == PHASE_BODY ? deadlines->body_ms
                                                       : deadlines->head_ms);
}

/* What a client pipelines is kept, one read's worth of it; then its socket has to wait.  Until
 * there is some we read on, for this is how a hang-up is noticed. */
static void stash(struct client *client, struct slice bytes)
{
    ensure(client->pending == NULL);
    conn_pause(&client->conn);
    client->pending = buf_copy(bytes);
    client->pending_at = 0;
    if (client->pending == NULL)
        client_close(client);
}

static void on_half(struct client *client)
{
    /* While it waits for a reply it may have shut only its own side. */
    if (client->state == CLIENT_READING)
        client_close(client);
    else
        exchange_lost(&client->carried);
}

static void on_deadline(struct client *client)
{
    struct http_server *server = client->server;
    size_t body_bytes = h1_body_bytes(client->h1);

    if (client->state == CLIENT_READING && client->phase == PHASE_BODY &&
        body_bytes - client->body_seen >= HTTP_BODY_STRETCH_BYTES) {
        client->body_seen = body_bytes;
        conn_deadline(&client->conn, server->options.deadlines.body_ms);
        return;
    }
    if (client->state != CLIENT_READING || client->phase == PHASE_IDLE) {
        client_close(client);
        return;
    }
    server->figures.timed_out++;
    if (h1_begun(client->h1))
        h1_client_refuse(client, 408, "the request did not come in time");
    else
        client_close(client);
}

/* ---- exchanges ---- */

static void request_whole(struct client *client)
{
    if (client->state == CLIENT_CLOSED)
        return; /* no memory for what came behind it */
    conn_deadline(&client->conn, 0);
    client->state = CLIENT_RUNNING;
    client->carried = (struct carried){ .exchange.request = *h1_request(client->h1),
                                        .server = client->server,
                                        .carrier = &carrier_h1 };
    client->carried.exchange.request.peer = client->conn.peer;
    client->keep_alive = client->carried.exchange.request.keep_alive;
    exchange_begin(&client->carried);
}

static bool exchange_gone(const struct carried *carried)
{
    const struct client *client = (const struct client *)(const void *)((const char *)carried -
                                                          offsetof(struct client, carried));

    return client->state == CLIENT_CLOSED || client->conn.half;
}

static void exchange_reply(struct carried *carried, const struct http_reply *reply)
{
    struct client *client = container_of(carried, struct client, carried);

    if (client->state == CLIENT_CLOSED) {
        client_free_when_done(client);
        return;
    }
    client->keep_alive = client->keep_alive && !reply->close;
    send_reply(client, reply);
}

/* After it the connection ends. */
void h1_client_refuse(struct client *client, int status, const char *sentence)
{
    struct refusal refusal;

    refusal_make(&refusal, client->server, client->conn.peer, status, sentence);
    client->keep_alive = false;
    client->carried.exchange.request.verb = HTTP_VERB_OTHER;
    client->carried.exchange.request.minor = 1;
    send_reply(client, &refusal.reply);
    buf_unref(refusal.body);
}

static void send_reply(struct client *client, const struct http_reply *reply)
{
    struct http_server *server = client->server;
    bool bare = client->carried.exchange.request.verb == HTTP_VERB_HEAD || reply->status == 204 ||
                reply->status == 304;
    uint32_t part_count = 1;

    client->keep_alive = client->keep_alive && !server->parting && !client->conn.half;
    struct reply_manner manner = {
        .date = reply_date(&server->date, clock_wall_ms(server->clock)),
        .minor = client->carried.exchange.request.minor,
        .keep_alive = client->keep_alive,
        .body_len = reply_bytes(reply),
    };
    AUTO_UNREF struct buf *head = reply_head(reply, &manner);
    struct buf **parts = calloc(1 + (size_t)reply->body_count, sizeof(struct buf *));
    if (head == NULL || parts == NULL) {
        free(parts);
        client_close(client);
        return;
    }
    parts[0] = head;
    for (uint32_t at = 0; !bare && at < reply->body_count; at++)
        if (reply->body[at]->len > 0)
            parts[part_count++] = reply->body[at];
    client->state = CLIENT_WRITING;
    conn_deadline(&client->conn, 0);
    if (conn_write(&client->conn, parts, part_count) != ERR_OK)
        client_close(client);
    free(parts);
    h1_next(client->h1); /* frees what `reply` may have pointed to */
}

static void on_sent(struct client *client)
{
    if (client->state == CLIENT_TELLING)
        exchange_room(&client->carried);
    else if (client->last_due)
        send_last(client);
    else if (client->keep_alive && !client->conn.half && !client->server->draining)
        next_request(client);
    else
        client_linger(client);
}

/* ---- a reply in pieces ---- */

static void pieces_begin(struct carried *carried, const struct http_reply *reply)
{
    struct client *client = container_of(carried, struct client, carried);
    struct http_server *server = client->server;
    uint8_t minor = carried->exchange.request.minor;

    h1_drop_body(client->h1);
    if (client->state == CLIENT_CLOSED)
        return;
    client->keep_alive = client->keep_alive && !reply->close && minor > 0 && !server->parting &&
                         !client->conn.half;
    struct reply_manner manner = {
        .date = reply_date(&server->date, clock_wall_ms(server->clock)),
        .minor = minor,
        .keep_alive = client->keep_alive,
        .in_pieces = true,
    };
    AUTO_UNREF struct buf *head = reply_head(reply, &manner);
    client->state = CLIENT_TELLING;
    if (head == NULL || conn_write(&client->conn, &head, 1) != ERR_OK)
        client_close(client);
}

static void pieces_give(struct carried *carried, struct buf *const parts[], uint32_t part_count)
{
    struct client *client = container_of(carried, struct client, carried);
    bool chunked = carried->exchange.request.minor > 0, fine;
    struct gather gather = { .parts = NULL };
    char line[24];
    size_t bytes = 0;

    for (uint32_t at = 0; at < part_count; at++)
        bytes += parts[at]->len;
    snprintf(line, sizeof(line), "%zx\r\n", bytes);
    fine = !chunked || gather_copy(&gather, slice_text(line));
    for (uint32_t at = 0; fine && at < part_count; at++)
        fine = parts[at]->len == 0 || gather_refer(&gather, parts[at], buf_slice(parts[at]));
    fine = fine && (!chunked || gather_copy(&gather, slice_text("\r\n"))) && gather_end(&gather) &&
           conn_write(&client->conn, gather.parts, gather.count) == ERR_OK;
    gather_drop(&gather);
    if (!fine)
        client_close(client);
}

static void pieces_end(struct carried *carried)
{
    struct client *client = container_of(carried, struct client, carried);

    if (client->state == CLIENT_CLOSED) {
        client_free_when_done(client);
        return;
    }
    client->state = CLIENT_WRITING;
    if (client->conn.writing)
        client->last_due = true;
    else
        send_last(client);
    h1_next(client->h1);
}

/* The reply is whole.  In HTTP/1.0 only our hanging up says so. */
static void send_last(struct client *client)
{
    AUTO_UNREF struct buf *last = buf_copy(slice_text("0\r\n\r\n"));

    client->last_due = false;
    if (client->carried.exchange.request.minor == 0)
        client_linger(client);
    else if (last == NULL || conn_write(&client->conn, &last, 1) != ERR_OK)
        client_close(client);
}

/* ---- the next one ---- */

static void next_request(struct client *client)
{
    client->state = CLIENT_READING;
    phase_set(client, PHASE_IDLE);
    if (client->pending != NULL) {
        struct slice rest = slice_of(client->pending->data + client->pending_at,
                                     client->pending->len - client->pending_at);
        client->pending_at += feed(client, rest);
        if (client->pending_at == client->pending->len || client->state != CLIENT_READING) {
            buf_unref(client->pending);
            client->pending = NULL;
        }
    }
    if (client->pending == NULL)
        conn_resume(&client->conn);
    if (client->state == CLIENT_READING && h1_state(client->h1) == H1_WHOLE)
        request_whole(client);
}

/* ---- ends ---- */

static void drain(struct client *client)
{
    if (client->state == CLIENT_READING && !h1_begun(client->h1))
        client_close(client);
}

static void closed(struct client *client)
{
    exchange_lost(&client->carried);
}

static bool done(const struct client *client)
{
    return !client->carried.owed;
}

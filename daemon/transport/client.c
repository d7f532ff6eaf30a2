#include <stdlib.h>

#include "base/ensure.h"
#include "transport/http_private.h"

static void on_bytes(struct conn *conn, struct slice bytes);
static void on_half(struct conn *conn);
static void on_sent(struct conn *conn);
static void on_deadline(struct conn *conn);
static void on_end(struct conn *conn, enum err err);
static void on_closed(struct conn *conn);
static size_t feed(struct client *client, struct slice bytes);
static void phase_set(struct client *client, enum client_phase phase);
static void stash(struct client *client, struct slice bytes);
static void next_request(struct client *client);
static void exchange_begin(struct client *client);
static void refuse(struct client *client, int status, const char *sentence);
static void send_reply(struct client *client, const struct http_reply *reply);
static void linger(struct client *client);
static void free_when_done(struct client *client);

const struct conn_events client_events = {
    .on_bytes = on_bytes,
    .on_half = on_half,
    .on_sent = on_sent,
    .on_deadline = on_deadline,
    .on_end = on_end,
    .on_closed = on_closed,
};

enum err client_accept(struct http_server *server, bool away)
{
    struct h1_options options = { .body_bytes_max = server->options.body_bytes_max,
                                  .arena_bytes_max = server->options.arena_bytes_max };
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        return ERR_NO_MEMORY;
    client->server = server;
    client->away = away;
    client->h1 = h1_new(&options, &server->budget);
    if (client->h1 == NULL || conn_init(&client->conn, server->loop, &server->shared) != ERR_OK) {
        h1_free(client->h1);
        free(client);
        return ERR_NO_MEMORY;
    }
    list_append(&server->clients, &client->link);
    if (away)
        server->away_count++;
    else
        server->figures.connections++;
    if (listener_accept(&server->listener, &client->conn.tcp) != ERR_OK ||
        conn_start(&client->conn) != ERR_OK)
        client_close(client);
    else if (away)
        refuse(client, 503, "too many connections, try again later");
    else
        phase_set(client, PHASE_NEW);
    return ERR_OK;
}

bool client_is_idle(const struct client *client)
{
    return client->state == CLIENT_READING && !h1_begun(client->h1);
}

/* ---- reading ---- */

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct client *client = container_of(conn, struct client, conn);

    if (client->state == CLIENT_READING) {
        size_t taken = feed(client, bytes);
        if (taken < bytes.len && client->state != CLIENT_LINGERING)
            stash(client, slice_of(bytes.data + taken, bytes.len - taken));
        if (h1_state(client->h1) == H1_WHOLE)
            exchange_begin(client);
    } else if (client->state != CLIENT_LINGERING) {
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
        refuse(client, status, sentence);
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

static void on_half(struct conn *conn)
{
    struct client *client = container_of(conn, struct client, conn);

    /* While it waits for a reply it may have shut only its own side. */
    if (client->state == CLIENT_READING || client->state == CLIENT_LINGERING)
        client_close(client);
}

static void on_deadline(struct conn *conn)
{
    struct client *client = container_of(conn, struct client, conn);
    struct http_server *server = client->server;
    size_t body_bytes = h1_body_bytes(client->h1);

    if (client->state == CLIENT_READING && client->phase == PHASE_BODY &&
        body_bytes - client->body_seen >= HTTP_BODY_STRETCH_BYTES) {
        client->body_seen = body_bytes;
        conn_deadline(conn, server->options.deadlines.body_ms);
        return;
    }
    if (client->state != CLIENT_READING || client->phase == PHASE_IDLE) {
        client_close(client);
        return;
    }
    server->figures.timed_out++;
    if (h1_begun(client->h1))
        refuse(client, 408, "the request did not come in time");
    else
        client_close(client);
}

/* ---- exchanges ---- */

static void exchange_begin(struct client *client)
{
    struct http_server *server = client->server;

    if (client->state == CLIENT_CLOSED)
        return; /* no memory for what came behind it */
    conn_deadline(&client->conn, 0);
    client->state = CLIENT_RUNNING;
    client->owed = true;
    client->exchange = (struct http_exchange){ .request = *h1_request(client->h1) };
    client->exchange.request.peer = client->conn.peer;
    client->keep_alive = client->exchange.request.keep_alive;
    server->figures.requests++;
    server->figures.exchanges++;
    server->options.on_request(server->options.ctx, &client->exchange);
}

bool http_exchange_gone(const struct http_exchange *exchange)
{
    const struct client *client = (const struct client *)(const void *)((const char *)exchange -
                                                          offsetof(struct client, exchange));

    return client->state == CLIENT_CLOSED || client->conn.half;
}

bool http_exchange_reserve(struct http_exchange *exchange, size_t bytes)
{
    struct client *client = container_of(exchange, struct client, exchange);

    ensure(client->owed && client->reserved == 0);
    if (!conn_reserve(&client->server->shared, bytes))
        return false;
    client->reserved = bytes;
    return true;
}

void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct client *client = container_of(exchange, struct client, exchange);

    ensure(client->owed);
    client->owed = false;
    conn_unreserve(&client->server->shared, client->reserved);
    client->reserved = 0;
    client->server->figures.exchanges--;
    if (client->state == CLIENT_CLOSED) {
        free_when_done(client);
        return;
    }
    if (reply_is_sane(reply)) {
        client->keep_alive = client->keep_alive && !reply->close;
        send_reply(client, reply);
        return;
    }
    note_event(client->server->options.note, NOTE_ERROR, "reply.malformed", "port=%s status=%d",
               client->server->name, reply->status);
    client->keep_alive = false;
    send_reply(client, &(struct http_reply){ .status = 500 });
}

void http_exchange_reply_text(struct http_exchange *exchange, int status, const char *content_type,
                              struct slice text)
{
    struct http_header type = { slice_text("Content-Type"), slice_text(content_type) };
    AUTO_UNREF struct buf *body = buf_copy(text);
    struct http_reply reply = { .status = status,
                                .headers = &type,
                                .header_count = 1,
                                .body = &body,
                                .body_count = 1 };

    if (body == NULL)
        reply = (struct http_reply){ .status = 503, .close = true };
    http_exchange_reply(exchange, &reply);
}

/* This layer's own answer, after which the connection ends.  AWS sends 413 without a body. */
static void refuse(struct client *client, int status, const char *sentence)
{
    struct http_server *server = client->server;
    struct http_header type = { slice_text("Content-Type"), slice_text("text/plain") };
    AUTO_UNREF struct buf *body = status != 413 ? buf_new(strlen(sentence) + 1) : NULL;
    struct http_reply reply = { .status = status,
                                .headers = &type,
                                .header_count = body != NULL,
                                .body = &body,
                                .body_count = body != NULL };

    if (body != NULL) {
        memcpy(body->data, sentence, body->len - 1);
        body->data[body->len - 1] = '\n';
    }
    server->figures.refused++;
    note_event(server->options.note, NOTE_DEBUG, "request.refused",
               "port=%s peer=%s status=%d why=%s", server->name, client->conn.peer, status,
               NOTE_QUOTED(sentence));
    client->keep_alive = false;
    client->exchange.request.verb = HTTP_VERB_OTHER;
    client->exchange.request.minor = 1;
    send_reply(client, &reply);
}

static void send_reply(struct client *client, const struct http_reply *reply)
{
    struct http_server *server = client->server;
    bool bare = client->exchange.request.verb == HTTP_VERB_HEAD || reply->status == 204 ||
                reply->status == 304;
    uint32_t part_count = 1;
    size_t body_len = 0;

    client->keep_alive = client->keep_alive && !server->parting && !client->conn.half;
    for (uint32_t at = 0; at < reply->body_count; at++)
        body_len += reply->body[at]->len;
    struct reply_manner manner = {
        .date = reply_date(&server->date, clock_wall_ms(server->clock)),
        .minor = client->exchange.request.minor,
        .keep_alive = client->keep_alive,
        .body_len = body_len,
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

static void on_sent(struct conn *conn)
{
    struct client *client = container_of(conn, struct client, conn);

    if (client->keep_alive && !conn->half && !client->server->draining)
        next_request(client);
    else
        linger(client);
}

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
        exchange_begin(client);
}

/* ---- ends ---- */

static void linger(struct client *client)
{
    buf_unref(client->pending);
    client->pending = NULL;
    if (client->conn.half) {
        client_close(client);
        return;
    }
    client->state = CLIENT_LINGERING;
    conn_shutdown(&client->conn);
    conn_deadline(&client->conn, client->server->options.deadlines.linger_ms);
    conn_resume(&client->conn);
}

static void on_end(struct conn *conn, enum err err)
{
    struct client *client = container_of(conn, struct client, conn);

    if (err != ERR_TIMEOUT && err != ERR_BUSY) {
        client_close(client);
        return;
    }
    server_reader_cut(client, err);
    client->state = CLIENT_CLOSED;
    conn_reset(conn);
}

void client_close(struct client *client)
{
    client->state = CLIENT_CLOSED;
    conn_close(&client->conn);
}

static void on_closed(struct conn *conn)
{
    struct client *client = container_of(conn, struct client, conn);

    client->ended = true;
    free_when_done(client);
}

static void free_when_done(struct client *client)
{
    if (!client->ended || client->owed)
        return;
    server_client_ended(client);
    buf_unref(client->pending);
    h1_free(client->h1);
    free(client);
}

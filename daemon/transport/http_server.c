#include "transport/http_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "transport/http_private.h"

#define READ_BYTES 65536u

/* To a connection for which there is no client: no descriptor, or no memory. */
static const char farewell[] = "HTTP/1.1 503 Service Unavailable\r\n"
                               "Content-Type: text/plain\r\n"
                               "Content-Length: 43\r\n"
                               "Connection: close\r\n\r\n"
                               "out of files or memory here, try elsewhere\n";

static void options_fill(struct http_server *server, const struct http_server_options *options);
static void budgets_fill(struct http_server *server);
static void listener_on_ready(struct listener *listener);
static void take_those_who_wait(struct http_server *server);
static void listener_on_refused(struct listener *listener);
static void drain_on_time(struct timer *timer);
static void stop_listening(struct http_server *server);
static void listener_on_closed(struct listener *listener);
static void settle_on_defer(struct defer *defer);
static void server_free(struct http_server *server);

enum err http_server_open(struct http_server **ret, struct uv_loop_s *loop, struct clock *clock,
                          const struct http_server_options *options, struct reason *reason)
{
    struct http_server *server = calloc(1, sizeof(*server));
    const struct listener_world world = { .clock = clock,
                                          .on_ready = listener_on_ready,
                                          .on_refused = listener_on_refused,
                                          .farewell = slice_text(farewell) };

    ensure(options->on_request != NULL);
    if (server == NULL)
        return ERR_NO_MEMORY;
    server->loop = loop;
    server->clock = clock;
    list_init(&server->clients);
    list_init(&server->long_replies);
    options_fill(server, options);
    budgets_fill(server);
    server->shared = (struct conn_shared){
        .clock = clock,
        .events = &client_events,
        .scratch = malloc(READ_BYTES),
        .scratch_bytes = READ_BYTES,
        .stall_ms = server->options.deadlines.write_ms,
        .held_max = server->options.replies_bytes_max,
        .held = &server->figures.reply_bytes,
        .bytes_in = &server->figures.bytes_in,
        .bytes_out = &server->figures.bytes_out,
    };
    list_init(&server->shared.slow);
    enum err err = origins_init(&server->origins);
    if (server->shared.scratch == NULL)
        err = ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = listener_open(&server->listener, loop, &world, options->host, options->port, reason);
    server->listening = server->listener.open;
    server->options.host = NULL; /* the caller's; not needed any more */
    if (err == ERR_OK) {
        *ret = server;
    } else if (server->listening) {
        server->closing = true;
        stop_listening(server);
    } else {
        server_free(server);
    }
    return err;
}

static void options_fill(struct http_server *server, const struct http_server_options *options)
{
    struct http_server_options *mine = &server->options;
    struct http_deadlines *deadlines = &mine->deadlines;

    *mine = *options;
    snprintf(server->name, sizeof(server->name), "%s",
             options->name != NULL ? options->name : "http");
    mine->name = server->name;
    if (mine->connections_max == 0)
        mine->connections_max = HTTP_CONNECTIONS_MAX;
    server->figures.connections_max = mine->connections_max;
    if (mine->body_bytes_max == 0)
        mine->body_bytes_max = HTTP_BODY_BYTES_MAX;
    if (mine->bodies_bytes_max == 0)
        mine->bodies_bytes_max = HTTP_BODIES_BYTES_MAX;
    if (mine->replies_bytes_max == 0)
        mine->replies_bytes_max = HTTP_REPLIES_BYTES_MAX;
    if (mine->arena_bytes_max == 0)
        mine->arena_bytes_max = HTTP_ARENA_BYTES_MAX;
    if (mine->address_share == 0)
        mine->address_share = HTTP_ADDRESS_SHARE;
    server->h2 = (struct h2_port){ .body_bytes_max = mine->body_bytes_max,
                                   .arena_bytes_max = mine->arena_bytes_max,
                                   .refused_streams = &server->figures.h2_refused_streams,
                                   .floods = &server->figures.h2_floods };
    if (deadlines->head_ms == 0)
        deadlines->head_ms = HTTP_HEAD_MS;
    if (deadlines->body_ms == 0)
        deadlines->body_ms = HTTP_BODY_MS;
    if (deadlines->idle_ms == 0)
        deadlines->idle_ms = HTTP_IDLE_MS;
    if (deadlines->write_ms == 0)
        deadlines->write_ms = HTTP_WRITE_MS;
    if (deadlines->linger_ms == 0)
        deadlines->linger_ms = HTTP_LINGER_MS;
}

/* Rounded up: one of two is no share. */
static size_t share_of(const struct http_server *server, size_t whole)
{
    return whole - whole / 100 * (100 - server->options.address_share) -
           whole % 100 * (100 - server->options.address_share) / 100;
}

static void budgets_fill(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    struct origin *fresh = &server->origins.fresh;
    size_t bodies = share_of(server, options->bodies_bytes_max);

    server->bodies = (struct budget){ .most = options->bodies_bytes_max,
                                      .over = "too many bodies at once, try again later" };
    server->h2_streams.most = H2_PORT_STREAMS_MAX;
    fresh->served.most = share_of(server, options->connections_max);
    fresh->bodies = (struct budget){
        .most = bodies > options->body_bytes_max ? bodies : options->body_bytes_max,
        .whole = &server->bodies,
        .over = "too many bodies at once from this address, try again later"
    };
    fresh->h2_streams = (struct budget){ .most = share_of(server, H2_PORT_STREAMS_MAX),
                                         .whole = &server->h2_streams };
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->listener.port;
}

bool http_server_reserve(struct http_server *server, size_t bytes)
{
    return conn_reserve(&server->shared, bytes);
}

void http_server_unreserve(struct http_server *server, size_t bytes)
{
    conn_unreserve(&server->shared, bytes);
}

const struct http_server_figures *http_server_figures(const struct http_server *server)
{
    return &server->figures;
}

/* ---- clients ---- */

static void listener_on_ready(struct listener *listener)
{
    take_those_who_wait(container_of(listener, struct http_server, listener));
}

/* Over the maximum a client is told so; when too many are being told, it waits in the backlog
 * until somebody leaves. */
static void take_those_who_wait(struct http_server *server)
{
    bool away = server->figures.connections >= server->options.connections_max;

    if (!server->listener.ready || (away && server->away_count >= HTTP_TURNED_AWAY_MAX))
        return;
    if (client_accept(server, away) != ERR_OK) {
        listener_refuse(&server->listener); /* no memory for it */
        return;
    }
}

static void listener_on_refused(struct listener *listener)
{
    container_of(listener, struct http_server, listener)->figures.turned_away++;
}

void server_reader_cut(const struct client *client, enum err err)
{
    struct http_server *server = client->server;
    struct http_server_figures *figures = &server->figures;
    uint64_t now = clock_mono_ms(server->clock);

    figures->timed_out += err == ERR_TIMEOUT;
    figures->slow_readers += err == ERR_TIMEOUT;
    figures->shed_readers += err == ERR_BUSY;
    server->cut_untold++;
    if (server->cut_told_ms != 0 && now - server->cut_told_ms < HTTP_SLOW_NOTE_MS)
        return;
    note_event(server->options.note, NOTE_WARN, "readers.cut",
               "port=%s count=%llu last=%s waiting_bytes=%llu text=\"%s\"", server->name,
               (unsigned long long)server->cut_untold, client->conn.peer,
               (unsigned long long)figures->reply_bytes,
               err == ERR_TIMEOUT
                   ? "clients that read their replies too slowly were hung up on"
                   : "replies that wait for slow readers reached replies-bytes-max: the slowest "
                     "readers were hung up on");
    server->cut_told_ms = now;
    server->cut_untold = 0;
}

void server_client_ended(struct client *client)
{
    struct http_server *server = client->server;

    list_remove(&client->link);
    if (client->away)
        server->away_count--;
    else
        server->figures.connections--;
    if (!client->away && client->origin != NULL)
        budget_return(&client->origin->served, 1);
    origin_leave(client->origin);
    if (server->draining || server->closing)
        defer_run(server->clock, &server->settle, settle_on_defer);
    else
        take_those_who_wait(server);
}

/* ---- the end ---- */

void http_server_part(struct http_server *server)
{
    server->parting = true;
    for (struct list_node *node = list_first(&server->clients); node != NULL;) {
        struct client *client = container_of(node, struct client, link);
        node = list_next(&server->clients, node);
        client_part(client);
    }
}

void http_server_drain(struct http_server *server, http_server_cb cb, void *ctx)
{
    ensure(!server->draining && !server->closing);
    server->parting = true;
    server->draining = true;
    server->cb = cb;
    server->cb_ctx = ctx;
    stop_listening(server);
    for (struct list_node *node = list_first(&server->clients); node != NULL;) {
        struct client *client = container_of(node, struct client, link);
        node = list_next(&server->clients, node);
        client_drain(client);
    }
    for (struct list_node *node = list_first(&server->long_replies); node != NULL;
         node = list_next(&server->long_replies, node))
        exchange_part(container_of(node, struct carried, long_reply));
    timer_start(server->clock, &server->drain, HTTP_DRAIN_MS, drain_on_time);
    defer_run(server->clock, &server->settle, settle_on_defer);
}

static void drain_on_time(struct timer *timer)
{
    struct http_server *server = container_of(timer, struct http_server, drain);

    server->drained = true;
    note_event(server->options.note, NOTE_WARN, "drain.cut",
               "port=%s connections=%llu exchanges=%llu", server->name,
               (unsigned long long)server->figures.connections,
               (unsigned long long)server->figures.exchanges);
    server->cb(server->cb_ctx);
}

void http_server_close(struct http_server *server, http_server_cb cb, void *ctx)
{
    ensure(!server->closing && server->draining == server->drained);
    server->closing = true;
    server->cb = cb;
    server->cb_ctx = ctx;
    timer_stop(&server->drain);
    stop_listening(server);
    for (struct list_node *node = list_first(&server->clients); node != NULL;) {
        struct client *client = container_of(node, struct client, link);
        node = list_next(&server->clients, node);
        client_close(client);
    }
    defer_run(server->clock, &server->settle, settle_on_defer);
}

static void stop_listening(struct http_server *server)
{
    if (server->listener.open)
        listener_close(&server->listener, listener_on_closed);
}

static void listener_on_closed(struct listener *listener)
{
    struct http_server *server = container_of(listener, struct http_server, listener);

    server->listening = false;
    defer_run(server->clock, &server->settle, settle_on_defer);
}

static void settle_on_defer(struct defer *defer)
{
    struct http_server *server = container_of(defer, struct http_server, settle);
    http_server_cb cb = server->cb;
    void *ctx = server->cb_ctx;

    if (server->listening || !list_empty(&server->clients))
        return;
    if (server->closing) {
        server_free(server);
        if (cb != NULL) /* NULL: it could not be opened */
            cb(ctx);
    } else if (server->draining && !server->drained) {
        server->drained = true;
        timer_stop(&server->drain);
        cb(ctx);
    }
}

static void server_free(struct http_server *server)
{
    defer_cancel(&server->shared.shed);
    origins_fini(&server->origins);
    free(server->shared.scratch);
    free(server);
}

#include "transport/http_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "transport/http_private.h"

#define READ_BYTES 65536u
#define ACCEPT_AGAIN_MS 100u /* after there was no memory for a client */

static void options_fill(struct http_server *server, const struct http_server_options *options);
static void listener_on_ready(struct listener *listener);
static void take_those_who_wait(struct http_server *server);
static void again_on_time(struct timer *timer);
static void drain_on_time(struct timer *timer);
static void stop_listening(struct http_server *server);
static void listener_on_closed(struct listener *listener);
static void settle_on_defer(struct defer *defer);
static void server_free(struct http_server *server);

enum err http_server_open(struct http_server **ret, struct uv_loop_s *loop, struct clock *clock,
                          const struct http_server_options *options, struct reason *reason)
{
    struct http_server *server = calloc(1, sizeof(*server));

    ensure(options->on_request != NULL);
    if (server == NULL)
        return ERR_NO_MEMORY;
    server->loop = loop;
    server->clock = clock;
    list_init(&server->clients);
    options_fill(server, options);
    server->shared = (struct conn_shared){
        .clock = clock,
        .events = &client_events,
        .scratch = malloc(READ_BYTES),
        .scratch_bytes = READ_BYTES,
        .stall_ms = server->options.deadlines.write_ms,
        .bytes_in = &server->figures.bytes_in,
        .bytes_out = &server->figures.bytes_out,
    };
    enum err err = server->shared.scratch != NULL ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = listener_open(&server->listener, loop, options->host, options->port,
                            listener_on_ready, reason);
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
    if (mine->body_bytes_max == 0)
        mine->body_bytes_max = HTTP_BODY_BYTES_MAX;
    if (mine->bodies_bytes_max == 0)
        mine->bodies_bytes_max = HTTP_BODIES_BYTES_MAX;
    if (mine->arena_bytes_max == 0)
        mine->arena_bytes_max = HTTP_ARENA_BYTES_MAX;
    server->budget.bytes_max = mine->bodies_bytes_max;
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

uint16_t http_server_port(const struct http_server *server)
{
    return server->listener.port;
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
        timer_start(server->clock, &server->again, ACCEPT_AGAIN_MS, again_on_time);
        return;
    }
    server->figures.accepted += !away;
    server->figures.turned_away += away;
}

static void again_on_time(struct timer *timer)
{
    take_those_who_wait(container_of(timer, struct http_server, again));
}

void server_client_ended(struct client *client)
{
    struct http_server *server = client->server;

    list_remove(&client->link);
    if (client->away)
        server->away_count--;
    else
        server->figures.connections--;
    if (server->draining || server->closing)
        defer_run(server->clock, &server->settle, settle_on_defer);
    else
        take_those_who_wait(server);
}

/* ---- the end ---- */

void http_server_drain(struct http_server *server, http_server_cb cb, void *ctx)
{
    ensure(!server->draining && !server->closing);
    server->draining = true;
    server->cb = cb;
    server->cb_ctx = ctx;
    stop_listening(server);
    for (struct list_node *node = list_first(&server->clients); node != NULL;) {
        struct client *client = container_of(node, struct client, link);
        node = list_next(&server->clients, node);
        if (client_is_idle(client))
            client_close(client);
    }
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
    timer_stop(&server->again);
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
    free(server->shared.scratch);
    free(server);
}

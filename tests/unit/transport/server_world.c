#include "server_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uv.h>

#include "base/limits.h"
#include "env/real.h"

void patience_on_time(struct timer *timer)
{
    struct world *world = container_of(timer, struct world, patience);

    if (++world->waited_ms > PATIENCE_MS)
        fail_msg("nothing happened for too long");
    timer_start(world->clock, timer, 1, patience_on_time);
}

void turns(struct world *world, int count)
{
    for (int at = 0; at < count; at++)
        uv_run(&world->loop, UV_RUN_NOWAIT);
}

/* Says what it was asked. */
void echo(struct http_exchange *exchange)
{
    struct http_header headers[] = { { slice_text("X-Path"), exchange->request.path } };
    struct buf *body = exchange->request.body_buf;
    struct http_reply reply = { .status = 200,
                                .headers = headers,
                                .header_count = 1,
                                .body = &body,
                                .body_count = body != NULL };

    http_exchange_reply(exchange, &reply);
}

void on_request(void *ctx, struct http_exchange *exchange)
{
    struct world *world = ctx;

    world->requests++;
    assert_non_null(strstr(exchange->request.peer, world->from != NULL ? world->from : "127.0."));
    if (world->hold)
        world->held[world->held_count++] = exchange;
    else
        echo(exchange);
}

struct world *world_new(struct http_server_options options)
{
    struct world *world = calloc(1, sizeof(*world));
    struct reason reason = { "" };

    (void)signal(SIGPIPE, SIG_IGN); /* as braidd: conn.h */
    uv_loop_init(&world->loop);
    world->clock = clock_uv_new(&world->loop);
    options.host = "127.0.0.1";
    options.on_request = on_request;
    options.ctx = world;
    if (options.deadlines.linger_ms == 0)
        options.deadlines.linger_ms = 50;
    if (http_server_open(&world->server, &world->loop, world->clock, &options, &reason) != ERR_OK)
        fail_msg("%s", reason.text);
    return world;
}

struct world *world_plain(void)
{
    return world_new((struct http_server_options){ .port = 0 });
}

void on_server_closed(void *ctx)
{
    ((struct world *)ctx)->closed = true;
}

void on_server_drained(void *ctx)
{
    ((struct world *)ctx)->drained = true;
}

void world_free(struct world *world)
{
    if (!world->closed) {
        http_server_close(world->server, on_server_closed, world);
        until(world, world->closed);
    }
    clock_uv_free(world->clock);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    free(world);
}

/* ---- a visitor that sends what it is told ---- */

static void visitor_on_connected(uv_connect_t *connect, int status)
{
    struct visitor *client = connect->data;

    assert_int_equal(status, 0);
    client->connected = true;
}

static void visitor_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct visitor *client = handle->data;

    if (client->got_room - client->got_len < 65537) {
        client->got_room = 2 * client->got_room + 131072;
        client->got = realloc(client->got, client->got_room);
    }
    *buf = uv_buf_init(client->got + client->got_len, 65536);
}

static void visitor_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct visitor *client = stream->data;

    if (len > 0)
        client->got_len += (size_t)len;
    client->got[client->got_len] = '\0';
    if (len < 0) {
        client->ended = true;
        client->reset = len != UV_EOF;
    }
}

struct visitor *visitor_new(struct world *world)
{
    struct visitor *client = calloc(1, sizeof(*client));
    struct sockaddr_in place;

    client->world = world;
    client->got = calloc(1, 1);
    uv_ip4_addr("127.0.0.1", http_server_port(world->server), &place);
    uv_tcp_init(&world->loop, &client->tcp);
    client->tcp.data = client->connect.data = client;
    if (world->from != NULL) {
        struct sockaddr_in from;
        uv_ip4_addr(world->from, 0, &from);
        assert_int_equal(uv_tcp_bind(&client->tcp, (struct sockaddr *)&from, 0), 0);
    }
    uv_tcp_connect(&client->connect, &client->tcp, (struct sockaddr *)&place,
                   visitor_on_connected);
    until(world, client->connected);
    return client;
}

void visitor_listen(struct visitor *client)
{
    uv_read_start((uv_stream_t *)&client->tcp, visitor_on_alloc, visitor_on_bytes);
}

struct visitor *visitor_open(struct world *world)
{
    struct visitor *client = visitor_new(world);

    visitor_listen(client);
    return client;
}

void visitor_send_bytes(struct visitor *client, const char *bytes, size_t len)
{
    while (len > 0) {
        uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
        int sent = uv_try_write((uv_stream_t *)&client->tcp, &buf, 1);
        if (sent < 0 && sent != UV_EAGAIN)
            return; /* hung up on; what it got tells */
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
        turns(client->world, 1);
    }
}

void visitor_send(struct visitor *client, const char *text)
{
    visitor_send_bytes(client, text, strlen(text));
}

bool visitor_got(const struct visitor *client, const char *text)
{
    return strstr(client->got, text) != NULL;
}

int visitor_count(const struct visitor *client, const char *text)
{
    int count = 0;

    for (const char *at = client->got; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void visitor_on_closed(uv_handle_t *handle)
{
    struct visitor *client = handle->data;

    free(client->got);
    free(client);
}

void visitor_close(struct visitor *client)
{
    uv_close((uv_handle_t *)&client->tcp, visitor_on_closed);
}

void expect_refusal(struct world *world, const char *bytes, const char *status_line)
{
    struct visitor *client = visitor_open(world);

    visitor_send(client, bytes);
    until(world, client->ended);
    assert_false(client->reset);
    assert_true(visitor_got(client, status_line));
    assert_true(visitor_got(client, "Connection: close\r\n"));
    visitor_close(client);
}

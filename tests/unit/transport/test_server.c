/* A whole HTTP port over real sockets on 127.0.0.1: server and clients share one loop. */
#include <setjmp.h>
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
#include "env/timer.h"
#include "transport/http_server.h"
#include "transport/reply.h"

#define PATIENCE_MS 20000
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

struct world {
    uv_loop_t loop;
    struct clock *clock;
    struct timer patience;
    int waited_ms;
    struct http_server *server;
    bool hold; /* exchanges wait in `held` */
    struct http_exchange *held[8];
    int held_count;
    int requests;
    bool drained, closed;
};

struct client {
    struct world *world;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    bool connected, ended, reset;
    bool lazy; /* reads nothing */
    char *got;
    size_t got_len, got_room;
};

static void patience_on_time(struct timer *timer)
{
    struct world *world = container_of(timer, struct world, patience);

    if (++world->waited_ms > PATIENCE_MS)
        fail_msg("nothing happened for too long");
    timer_start(world->clock, timer, 1, patience_on_time);
}

#define until(world, condition)                                                                    \
    do {                                                                                           \
        (world)->waited_ms = 0;                                                                    \
        timer_start((world)->clock, &(world)->patience, 1, patience_on_time);                      \
        while (!(condition))                                                                       \
            uv_run(&(world)->loop, UV_RUN_ONCE);                                                   \
        timer_stop(&(world)->patience);                                                            \
    } while (0)

/* Lets what is under way arrive. */
static void turns(struct world *world, int count)
{
    for (int at = 0; at < count; at++)
        uv_run(&world->loop, UV_RUN_NOWAIT);
}

/* Says what it was asked. */
static void echo(struct http_exchange *exchange)
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

static void on_request(void *ctx, struct http_exchange *exchange)
{
    struct world *world = ctx;

    world->requests++;
    assert_non_null(strstr(exchange->request.peer, "127.0.0.1:"));
    if (world->hold)
        world->held[world->held_count++] = exchange;
    else
        echo(exchange);
}

static struct world *world_new(struct http_server_options options)
{
    struct world *world = calloc(1, sizeof(*world));
    struct reason reason = { "" };

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

static struct world *world_plain(void)
{
    return world_new((struct http_server_options){ .port = 0 });
}

static void on_server_closed(void *ctx)
{
    ((struct world *)ctx)->closed = true;
}

static void on_server_drained(void *ctx)
{
    ((struct world *)ctx)->drained = true;
}

static void world_free(struct world *world)
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

/* ---- a client that sends what it is told ---- */

static void client_on_connected(uv_connect_t *connect, int status)
{
    struct client *client = connect->data;

    assert_int_equal(status, 0);
    client->connected = true;
}

static void client_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *client = handle->data;

    if (client->got_room - client->got_len < 65537) {
        client->got_room = 2 * client->got_room + 131072;
        client->got = realloc(client->got, client->got_room);
    }
    *buf = uv_buf_init(client->got + client->got_len, 65536);
}

static void client_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct client *client = stream->data;

    if (len > 0)
        client->got_len += (size_t)len;
    client->got[client->got_len] = '\0';
    if (len < 0) {
        client->ended = true;
        client->reset = len != UV_EOF;
    }
}

static struct client *client_new(struct world *world)
{
    struct client *client = calloc(1, sizeof(*client));
    struct sockaddr_in place;

    client->world = world;
    client->got = calloc(1, 1);
    uv_ip4_addr("127.0.0.1", http_server_port(world->server), &place);
    uv_tcp_init(&world->loop, &client->tcp);
    client->tcp.data = client->connect.data = client;
    uv_tcp_connect(&client->connect, &client->tcp, (struct sockaddr *)&place,
                   client_on_connected);
    until(world, client->connected);
    return client;
}

static void client_listen(struct client *client)
{
    uv_read_start((uv_stream_t *)&client->tcp, client_on_alloc, client_on_bytes);
}

static struct client *client_open(struct world *world)
{
    struct client *client = client_new(world);

    client_listen(client);
    return client;
}

static void client_send_bytes(struct client *client, const char *bytes, size_t len)
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

static void client_send(struct client *client, const char *text)
{
    client_send_bytes(client, text, strlen(text));
}

static bool client_got(const struct client *client, const char *text)
{
    return strstr(client->got, text) != NULL;
}

static int client_count(const struct client *client, const char *text)
{
    int count = 0;

    for (const char *at = client->got; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void client_on_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;

    free(client->got);
    free(client);
}

static void client_close(struct client *client)
{
    uv_close((uv_handle_t *)&client->tcp, client_on_closed);
}

/* Sends, and closes when the server has hung up. */
static void expect_refusal(struct world *world, const char *bytes, const char *status_line)
{
    struct client *client = client_open(world);

    client_send(client, bytes);
    until(world, client->ended);
    assert_false(client->reset);
    assert_true(client_got(client, status_line));
    assert_true(client_got(client, "Connection: close\r\n"));
    client_close(client);
}

/* ---- tests ---- */

static void a_request_gets_its_reply_and_the_connection_stays(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);

    client_send(client, "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    until(world, client_got(client, "hello"));
    assert_true(client_got(client, "HTTP/1.1 200 OK\r\nDate: "));
    assert_true(client_got(client, " GMT\r\nContent-Length: 5\r\nX-Path: /a\r\n\r\nhello"));
    client_send(client, GET);
    until(world, client_count(client, "HTTP/1.1 200 OK") == 2);
    assert_false(client->ended);
    assert_int_equal(http_server_figures(world->server)->connections, 1);
    assert_int_equal(http_server_figures(world->server)->requests, 2);
    client_close(client);
    until(world, http_server_figures(world->server)->connections == 0);
    world_free(world);
}

static void pipelined_requests_are_answered_one_by_one_in_order(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);
    char text[20000] = "";
    size_t len = 0;

    for (int at = 0; at < 200; at++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n%03d",
                                at, at);
    client_send(client, text);
    until(world, client_count(client, "200 OK") == 200);
    const char *at = client->got;
    for (int number = 0; number < 200; number++) {
        snprintf(text, sizeof(text), "X-Path: /%d\r\n\r\n%03d", number, number);
        at = strstr(at, text);
        assert_non_null(at);
    }
    client_close(client);
    world_free(world);
}

static void the_next_request_waits_for_the_reply_to_the_first(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);

    world->hold = true;
    client_send(client, GET GET GET);
    until(world, world->requests == 1);
    for (int at = 0; at < 20; at++)
        client_send(client, GET); /* stays in the socket */
    turns(world, 20);
    assert_int_equal(world->requests, 1);
    echo(world->held[0]);
    until(world, world->requests == 2);
    echo(world->held[1]);
    until(world, world->requests == 3);
    world->hold = false;
    echo(world->held[2]);
    until(world, client_count(client, "200 OK") == 23);
    client_close(client);
    world_free(world);
}

static void replies_may_come_in_any_order(void **state)
{
    struct world *world = world_plain();
    struct client *first = client_open(world);
    struct client *second = client_open(world);

    world->hold = true;
    client_send(first, GET);
    until(world, world->held_count == 1);
    client_send(second, GET);
    until(world, world->held_count == 2);
    assert_int_equal(http_server_figures(world->server)->exchanges, 2);
    echo(world->held[1]);
    until(world, client_got(second, "200 OK"));
    assert_false(client_got(first, "200 OK"));
    echo(world->held[0]);
    until(world, client_got(first, "200 OK"));
    client_close(first);
    client_close(second);
    world_free(world);
}

static void head_gets_the_length_and_no_body(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);

    client_send(client, "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET);
    until(world, client_count(client, "200 OK") == 2);
    assert_true(client_got(client, "Content-Length: 3\r\n"));
    assert_false(client_got(client, "abc"));
    client_close(client);
    world_free(world);
}

static void the_connection_ends_when_either_side_wants_it(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);

    client_send(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    until(world, client->ended);
    assert_true(client_got(client, "Connection: close\r\n"));
    client_close(client);

    client = client_open(world);
    client_send(client, "GET / HTTP/1.0\r\n\r\n");
    until(world, client->ended);
    assert_true(client_got(client, "200 OK"));
    client_close(client);

    client = client_open(world);
    client_send(client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    until(world, client_got(client, "Connection: keep-alive\r\n"));
    world->hold = true;
    client_send(client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    until(world, world->held_count == 1);
    http_exchange_reply(world->held[0], &(struct http_reply){ .status = 204, .close = true });
    until(world, client->ended);
    assert_true(client_got(client, "HTTP/1.1 204 No Content\r\n"));
    client_close(client);
    world_free(world);
}

static void who_waits_for_100_continue_gets_it(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);

    client_send(client, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                        "Content-Length: 2\r\n\r\n");
    until(world, client_got(client, "HTTP/1.1 100 Continue\r\n\r\n"));
    client_send(client, "ok");
    until(world, client_got(client, "\r\n\r\nok"));
    assert_int_equal(client_count(client, "100 Continue"), 1);
    client_close(client);
    world_free(world);
}

static void bad_requests_are_refused_and_hung_up_on(void **state)
{
    struct world *world = world_plain();

    expect_refusal(world, "nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n");
    expect_refusal(world, "GET / HTTP/1.1\r\n\r\n" GET, "HTTP/1.1 400 Bad Request\r\n");
    expect_refusal(world, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501 ");
    expect_refusal(world, GET "\x16\x03\x01", "HTTP/1.1 400 Bad Request\r\n");
    assert_int_equal(http_server_figures(world->server)->refused, 4);
    assert_int_equal(world->requests, 1);
    world_free(world);
}

static void a_body_over_the_maximum_is_refused_in_a_way_the_client_can_read(void **state)
{
    struct world *world = world_new((struct http_server_options){ .body_bytes_max = 1000 });
    struct client *client = client_open(world);
    size_t len = 1u << 20;
    char *body = calloc(1, len);

    client_send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
    client_send_bytes(client, body, len); /* it does not wait for an answer */
    until(world, client_got(client, "HTTP/1.1 413 Payload Too Large"));
    until(world, client->ended);
    client_close(client);
    free(body);
    world_free(world);
}

static void a_big_body_goes_there_and_back(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);
    size_t len = 12u << 20;
    char *body = malloc(len);

    for (size_t at = 0; at < len; at++)
        body[at] = (char)('a' + at % 23);
    client_send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12582912\r\n\r\n");
    client_send_bytes(client, body, len);
    until(world, client->got_len > len);
    char *end = memmem(client->got, 1000, "\r\n\r\n", 4);
    assert_non_null(end);
    until(world, client->got_len == (size_t)(end + 4 - client->got) + len);
    end = memmem(client->got, 1000, "\r\n\r\n", 4);
    assert_memory_equal(end + 4, body, len);
    free(body);
    client_close(client);
    world_free(world);
}

static void half_a_request_is_timed_out(void **state)
{
    struct http_deadlines quick = { .head_ms = 20, .body_ms = 20 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });

    expect_refusal(world, "GET / HTTP/1.1\r\nHo", "HTTP/1.1 408 Request Timeout\r\n");
    expect_refusal(world, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
                   "HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(http_server_figures(world->server)->timed_out, 2);

    struct client *silent = client_open(world);
    until(world, silent->ended);
    assert_int_equal(silent->got_len, 0);
    client_close(silent);
    world_free(world);
}

static void a_byte_now_and_then_does_not_keep_a_head_alive(void **state)
{
    struct http_deadlines quick = { .head_ms = 50 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct client *client = client_open(world);

    client_send(client, "GET / HTTP/1.1\r\nX: ");
    for (int at = 0; at < 100000 && !client->ended; at++) {
        client_send(client, "x");
        uv_sleep(1);
    }
    assert_true(client->ended);
    assert_true(client_got(client, "408"));
    client_close(client);
    world_free(world);
}

static void a_body_that_moves_is_not_timed_out(void **state)
{
    struct http_deadlines quick = { .body_ms = 400 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct client *client = client_open(world);
    size_t piece = 2 * HTTP_BODY_STRETCH_BYTES;
    char *body = calloc(1, piece);
    char head[128];

    snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
             8 * piece);
    client_send(client, head);
    for (int at = 0; at < 8; at++) { /* in all longer than body_ms */
        client_send_bytes(client, body, piece);
        turns(world, 5);
        uv_sleep(75);
        turns(world, 5);
    }
    until(world, client_got(client, "200 OK"));
    free(body);
    client_close(client);
    world_free(world);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    struct http_deadlines quick = { .idle_ms = 20 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct client *client = client_open(world);

    client_send(client, GET);
    until(world, client->ended);
    assert_int_equal(client_count(client, "HTTP/1.1"), 1);
    assert_int_equal(http_server_figures(world->server)->timed_out, 0);
    client_close(client);
    world_free(world);
}

static void a_client_that_does_not_read_its_reply_is_hung_up_on(void **state)
{
    struct http_deadlines quick = { .write_ms = 30 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct client *client = client_new(world);
    struct buf *body = buf_new(32u << 20);
    struct http_reply reply = { .status = 200, .body = &body, .body_count = 1 };

    memset(body->data, 'x', body->len);
    world->hold = true;
    client_send(client, GET);
    until(world, world->held_count == 1);
    http_exchange_reply(world->held[0], &reply);
    assert_int_equal(body->refs, 2); /* not copied */
    until(world, http_server_figures(world->server)->connections == 0);
    assert_int_equal(http_server_figures(world->server)->timed_out, 1);
    assert_int_equal(body->refs, 1);
    buf_unref(body);
    client_close(client);
    world_free(world);
}

static void too_many_connections_are_told_so(void **state)
{
    struct world *world = world_new((struct http_server_options){ .connections_max = 2 });
    struct client *first = client_open(world);
    struct client *second = client_open(world);

    until(world, http_server_figures(world->server)->connections == 2);
    struct client *third = client_open(world);
    client_send(third, GET);
    until(world, third->ended);
    assert_false(third->reset);
    assert_true(client_got(third, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_true(client_got(third, "Connection: close\r\n"));
    client_close(third);
    client_close(first);
    until(world, http_server_figures(world->server)->connections == 1);
    struct client *fourth = client_open(world);
    client_send(fourth, GET);
    until(world, client_got(fourth, "200 OK"));
    assert_int_equal(http_server_figures(world->server)->turned_away, 1);
    client_close(second);
    client_close(fourth);
    world_free(world);
}

static void far_too_many_connections_wait_in_the_backlog(void **state)
{
    struct http_deadlines slow = { .linger_ms = 300 };
    struct world *world =
        world_new((struct http_server_options){ .connections_max = 1, .deadlines = slow });
    struct client *one = client_open(world);
    struct client *many[HTTP_TURNED_AWAY_MAX + 8];
    size_t count = sizeof(many) / sizeof(many[0]);

    until(world, http_server_figures(world->server)->connections == 1);
    for (size_t at = 0; at < count; at++)
        many[at] = client_open(world);
    until(world, http_server_figures(world->server)->turned_away == HTTP_TURNED_AWAY_MAX);
    turns(world, 20);
    assert_int_equal(http_server_figures(world->server)->turned_away, HTTP_TURNED_AWAY_MAX);
    for (size_t at = 0; at < count; at++) {
        until(world, many[at]->ended); /* each in its turn */
        assert_true(client_got(many[at], "503"));
        client_close(many[at]);
    }
    client_close(one);
    world_free(world);
}

static void an_exchange_outlives_its_client(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);

    world->hold = true;
    client_send(client, "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    until(world, world->held_count == 1);
    assert_false(http_exchange_gone(world->held[0]));
    client_close(client);
    until(world, http_exchange_gone(world->held[0]));
    turns(world, 10);
    assert_true(slice_equal(world->held[0]->request.path, slice_text("/late")));
    assert_true(slice_equal(world->held[0]->request.body, slice_text("hello")));
    echo(world->held[0]);
    until(world, http_server_figures(world->server)->connections == 0);
    world_free(world);
}

static void on_shut(uv_shutdown_t *shutdown, int status)
{
}

static void who_shuts_only_its_own_side_gets_its_reply(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);
    uv_shutdown_t shutdown;

    world->hold = true;
    client_send(client, GET);
    uv_shutdown(&shutdown, (uv_stream_t *)&client->tcp, on_shut);
    until(world, world->held_count == 1 && http_exchange_gone(world->held[0]));
    echo(world->held[0]);
    until(world, client->ended);
    assert_true(client_got(client, "200 OK"));
    client_close(client);
    world_free(world);
}

static void a_malformed_reply_becomes_a_500(void **state)
{
    static const struct http_header bad[] = {
        { { (const unsigned char *)"X\r\n", 3 }, { (const unsigned char *)"a", 1 } },
        { { (const unsigned char *)"X", 1 }, { (const unsigned char *)"a\r\nY: b", 7 } },
        { { (const unsigned char *)"Content-length", 14 }, { (const unsigned char *)"7", 1 } },
    };

    for (size_t at = 0; at < 3; at++) {
        struct world *world = world_plain();
        struct client *client = client_open(world);
        world->hold = true;
        client_send(client, GET);
        until(world, world->held_count == 1);
        http_exchange_reply(world->held[0], &(struct http_reply){ .status = 200,
                                                                  .headers = &bad[at],
                                                                  .header_count = 1 });
        until(world, client->ended);
        assert_true(client_got(client, "HTTP/1.1 500 Internal Server Error"));
        client_close(client);
        world_free(world);
    }
}

static void draining_finishes_what_runs_and_closes_what_is_idle(void **state)
{
    struct world *world = world_plain();
    struct client *idle = client_open(world);
    struct client *busy = client_open(world);

    world->hold = true;
    client_send(busy, GET);
    until(world, world->held_count == 1);
    until(world, http_server_figures(world->server)->connections == 2);
    http_server_drain(world->server, on_server_drained, world);
    assert_false(world->drained);
    until(world, idle->ended);
    assert_false(world->drained);
    echo(world->held[0]);
    until(world, busy->ended);
    assert_true(client_got(busy, "200 OK"));
    assert_true(client_got(busy, "Connection: close\r\n"));
    until(world, world->drained);
    client_close(idle);
    client_close(busy);
    world_free(world);
}

static void a_close_waits_for_replies_that_are_owed(void **state)
{
    struct world *world = world_plain();
    struct client *client = client_open(world);

    world->hold = true;
    client_send(client, GET);
    until(world, world->held_count == 1);
    http_server_close(world->server, on_server_closed, world);
    until(world, client->ended);
    turns(world, 10);
    assert_false(world->closed);
    assert_true(http_exchange_gone(world->held[0]));
    echo(world->held[0]);
    assert_false(world->closed); /* not from inside */
    until(world, world->closed);
    client_close(client);
    world_free(world);
}

static void a_port_that_is_taken_is_said_so(void **state)
{
    struct world *world = world_plain();
    struct http_server_options options = { .host = "127.0.0.1",
                                           .port = http_server_port(world->server),
                                           .on_request = on_request };
    struct http_server *server = NULL;
    struct reason reason = { "" };

    assert_int_equal(http_server_open(&server, &world->loop, world->clock, &options, &reason),
                     ERR_IO);
    assert_non_null(strstr(reason.text, "address already in use"));
    options.host = "localhost";
    assert_int_equal(http_server_open(&server, &world->loop, world->clock, &options, &reason),
                     ERR_INVALID);
    assert_null(server);
    world_free(world);
}

static void dates_are_as_http_wants_them(void **state)
{
    struct reply_date date = { .second = 0 };

    assert_string_equal(reply_date(&date, 784111777999), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_string_equal(reply_date(&date, 784111778000), "Sun, 06 Nov 1994 08:49:38 GMT");
    assert_string_equal(reply_date(&date, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_string_equal(reply_date(&date, 1772323200000), "Sun, 01 Mar 2026 00:00:00 GMT");
    assert_non_null(reply_date(&date, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gets_its_reply_and_the_connection_stays),
        cmocka_unit_test(pipelined_requests_are_answered_one_by_one_in_order),
        cmocka_unit_test(the_next_request_waits_for_the_reply_to_the_first),
        cmocka_unit_test(replies_may_come_in_any_order),
        cmocka_unit_test(head_gets_the_length_and_no_body),
        cmocka_unit_test(the_connection_ends_when_either_side_wants_it),
        cmocka_unit_test(who_waits_for_100_continue_gets_it),
        cmocka_unit_test(bad_requests_are_refused_and_hung_up_on),
        cmocka_unit_test(a_body_over_the_maximum_is_refused_in_a_way_the_client_can_read),
        cmocka_unit_test(a_big_body_goes_there_and_back),
        cmocka_unit_test(half_a_request_is_timed_out),
        cmocka_unit_test(a_byte_now_and_then_does_not_keep_a_head_alive),
        cmocka_unit_test(a_body_that_moves_is_not_timed_out),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(a_client_that_does_not_read_its_reply_is_hung_up_on),
        cmocka_unit_test(too_many_connections_are_told_so),
        cmocka_unit_test(far_too_many_connections_wait_in_the_backlog),
        cmocka_unit_test(an_exchange_outlives_its_client),
        cmocka_unit_test(who_shuts_only_its_own_side_gets_its_reply),
        cmocka_unit_test(a_malformed_reply_becomes_a_500),
        cmocka_unit_test(draining_finishes_what_runs_and_closes_what_is_idle),
        cmocka_unit_test(a_close_waits_for_replies_that_are_owed),
        cmocka_unit_test(a_port_that_is_taken_is_said_so),
        cmocka_unit_test(dates_are_as_http_wants_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

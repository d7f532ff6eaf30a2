/* What an HTTP port refuses, and whom it does not wait for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <uv.h>

#include "base/limits.h"
#include "server_world.h"

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
    struct visitor *client = visitor_open(world);
    size_t len = 1u << 20;
    char *body = calloc(1, len);

    visitor_send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
    visitor_send_bytes(client, body, len); /* it does not wait for an answer */
    until(world, visitor_got(client, "HTTP/1.1 413 Payload Too Large"));
    until(world, client->ended);
    assert_true(visitor_got(client, "Content-Length: 0\r\n"));
    assert_string_equal(strstr(client->got, "\r\n\r\n"), "\r\n\r\n"); /* no body, as AWS */
    visitor_close(client);
    free(body);
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

    struct visitor *silent = visitor_open(world);
    until(world, silent->ended);
    assert_int_equal(silent->got_len, 0);
    visitor_close(silent);
    world_free(world);
}

static void a_byte_now_and_then_does_not_keep_a_head_alive(void **state)
{
    struct http_deadlines quick = { .head_ms = 50 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct visitor *client = visitor_open(world);

    visitor_send(client, "GET / HTTP/1.1\r\nX: ");
    for (int at = 0; at < 100000 && !client->ended; at++) {
        visitor_send(client, "x");
        uv_sleep(1);
    }
    assert_true(client->ended);
    assert_true(visitor_got(client, "408"));
    visitor_close(client);
    world_free(world);
}

static void a_body_that_moves_is_not_timed_out(void **state)
{
    struct http_deadlines quick = { .body_ms = 400 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct visitor *client = visitor_open(world);
    size_t piece = 2 * HTTP_BODY_STRETCH_BYTES;
    char *body = calloc(1, piece);
    char head[128];

    snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
             8 * piece);
    visitor_send(client, head);
    for (int at = 0; at < 8; at++) { /* in all longer than body_ms */
        visitor_send_bytes(client, body, piece);
        turns(world, 5);
        uv_sleep(75);
        turns(world, 5);
    }
    until(world, visitor_got(client, "200 OK"));
    free(body);
    visitor_close(client);
    world_free(world);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    struct http_deadlines quick = { .idle_ms = 20 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct visitor *client = visitor_open(world);

    visitor_send(client, GET);
    until(world, client->ended);
    assert_int_equal(visitor_count(client, "HTTP/1.1"), 1);
    assert_int_equal(http_server_figures(world->server)->timed_out, 0);
    visitor_close(client);
    world_free(world);
}

static void a_client_that_does_not_read_its_reply_is_hung_up_on(void **state)
{
    struct http_deadlines quick = { .write_ms = 30 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct visitor *client = visitor_new(world);
    struct buf *body = buf_new(32u << 20);
    struct http_reply reply = { .status = 200, .body = &body, .body_count = 1 };

    memset(body->data, 'x', body->len);
    world->hold = true;
    visitor_send(client, GET);
    until(world, world->held_count == 1);
    http_exchange_reply(world->held[0], &reply);
    assert_int_equal(body->refs, 2); /* not copied */
    until(world, http_server_figures(world->server)->connections == 0);
    assert_int_equal(http_server_figures(world->server)->timed_out, 1);
    assert_int_equal(body->refs, 1);
    buf_unref(body);
    visitor_close(client);
    world_free(world);
}

/* Sends GET on a visitor's behalf and answers with `body`. */
static struct visitor *visitor_with_reply(struct world *world, struct buf *body, bool reads)
{
    struct http_reply reply = { .status = 200, .body = &body, .body_count = 1 };
    struct visitor *client = reads ? visitor_open(world) : visitor_new(world);

    world->hold = true;
    visitor_send(client, GET);
    until(world, world->held_count == 1);
    world->held_count = 0;
    http_exchange_reply(world->held[0], &reply);
    return client;
}

static struct buf *filled_body(size_t len)
{
    struct buf *body = buf_new(len);

    memset(body->data, 'x', body->len);
    return body;
}

/* What is there, up to `len` bytes. */
static void visitor_take(struct visitor *client, char *bytes, size_t len)
{
    uv_os_fd_t fd;

    assert_int_equal(uv_fileno((uv_handle_t *)&client->tcp, &fd), 0);
    (void)recv(fd, bytes, len, MSG_DONTWAIT);
}

static void replies_that_are_being_made_count(void **state)
{
    struct world *world = world_new((struct http_server_options){ .replies_bytes_max = 1000 });
    const struct http_server_figures *figures = http_server_figures(world->server);
    struct visitor *clients[2];

    world->hold = true;
    for (int at = 0; at < 2; at++) {
        clients[at] = visitor_open(world);
        visitor_send(clients[at], GET);
        until(world, world->held_count == at + 1);
    }
    assert_true(http_exchange_reserve(world->held[0], 5000)); /* one alone always fits */
    assert_int_equal(figures->reply_bytes, 5000);
    assert_false(http_exchange_reserve(world->held[1], 1));
    turns(world, 3);
    http_exchange_reply_text(world->held[0], 200, "text/plain", slice_text("a"));
    assert_int_equal(figures->reply_bytes, 0);
    assert_true(http_exchange_reserve(world->held[1], 700));
    visitor_close(clients[1]); /* whoever asked is gone: the reply is still owed */
    until(world, http_exchange_gone(world->held[1]));
    assert_int_equal(figures->reply_bytes, 700);
    http_exchange_reply_text(world->held[1], 200, "text/plain", slice_text("b"));
    assert_int_equal(figures->reply_bytes, 0);
    visitor_close(clients[0]);
    world_free(world);
}

static void a_reply_that_is_being_made_takes_the_room_of_the_slowest_reader(void **state)
{
    struct world *world = world_new((struct http_server_options){ .replies_bytes_max = 40u << 20 });
    const struct http_server_figures *figures = http_server_figures(world->server);
    struct buf *body = filled_body(32u << 20);
    struct visitor *slow = visitor_with_reply(world, body, false), *other = visitor_open(world);

    world->held_count = 0;
    visitor_send(other, GET);
    until(world, world->held_count == 1);
    assert_int_equal(figures->shed_readers, 0);
    assert_true(http_exchange_reserve(world->held[0], 20u << 20));
    until(world, figures->shed_readers == 1);
    assert_int_equal(figures->reply_bytes, 20u << 20);
    http_exchange_reply_text(world->held[0], 200, "text/plain", slice_text("a"));
    until(world, visitor_got(other, "200 OK"));
    buf_unref(body);
    visitor_close(slow);
    visitor_close(other);
    world_free(world);
}

static void a_byte_now_and_then_does_not_keep_a_reply_alive(void **state)
{
    struct http_deadlines quick = { .write_ms = 100 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct buf *body = filled_body(32u << 20);
    struct visitor *client = visitor_with_reply(world, body, false);
    char bytes[16];

    for (int at = 0; at < 100000 && http_server_figures(world->server)->connections > 0; at++) {
        visitor_take(client, bytes, sizeof(bytes));
        turns(world, 1);
        uv_sleep(1);
    }
    assert_int_equal(http_server_figures(world->server)->connections, 0);
    assert_int_equal(http_server_figures(world->server)->slow_readers, 1);
    assert_int_equal(http_server_figures(world->server)->reply_bytes, 0);
    assert_int_equal(body->refs, 1);
    buf_unref(body);
    visitor_close(client);
    world_free(world);
}

static void a_reader_that_moves_is_not_hung_up_on(void **state)
{
    struct http_deadlines quick = { .write_ms = 400 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct buf *body = filled_body(32u << 20);
    struct visitor *client = visitor_with_reply(world, body, false);
    size_t piece = 16u * HTTP_REPLY_STRETCH_BYTES;
    char *bytes = malloc(piece);

    for (int at = 0; at < 12; at++) { /* in all longer than write_ms */
        visitor_take(client, bytes, piece);
        turns(world, 5);
        uv_sleep(75);
        turns(world, 5);
    }
    assert_int_equal(http_server_figures(world->server)->connections, 1);
    assert_int_equal(http_server_figures(world->server)->slow_readers, 0);
    assert_true(http_server_figures(world->server)->reply_bytes > body->len); /* and its head */
    free(bytes);
    visitor_close(client);
    until(world, body->refs == 1);
    buf_unref(body);
    world_free(world);
}

static void replies_have_a_maximum_together(void **state)
{
    struct http_server_options options = { .replies_bytes_max = 100u << 20 };
    struct world *world = world_new(options);
    const struct http_server_figures *figures = http_server_figures(world->server);
    struct buf *body = filled_body(32u << 20);
    struct visitor *slow[8];

    for (size_t at = 0; at < 8; at++) {
        slow[at] = visitor_with_reply(world, body, false);
        turns(world, 2);
        assert_true(figures->reply_bytes <= 100u << 20);
    }
    until(world, figures->connections == 3); /* the youngest ones: 96 MiB */
    assert_int_equal(figures->shed_readers, 5);

    /* When they have had their time, one that reads is served, at the cost of one that does not. */
    uv_sleep(HTTP_REPLY_GRACE_MS + 100);
    struct visitor *reads = visitor_with_reply(world, body, true);
    until(world, reads->got_len > body->len);
    assert_int_equal(figures->shed_readers, 6);
    assert_int_equal(figures->slow_readers, 0);
    for (size_t at = 0; at < 8; at++)
        visitor_close(slow[at]);
    visitor_close(reads);
    until(world, body->refs == 1);
    assert_int_equal(figures->reply_bytes, 0);
    buf_unref(body);
    world_free(world);
}

/* From now on the process has descriptors up to `more` beyond those that are open. */
static void descriptors_limit(struct rlimit *before, unsigned more)
{
    int lowest = dup(0);

    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
    struct rlimit low = { .rlim_cur = (rlim_t)lowest + more, .rlim_max = before->rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
}

static void without_descriptors_it_answers_all_the_same(void **state)
{
    struct world *world = world_plain();
    const struct http_server_figures *figures = http_server_figures(world->server);
    struct visitor *first = visitor_open(world); /* libuv opens what it keeps for itself */
    struct rlimit before;

    until(world, figures->connections == 1);
    descriptors_limit(&before, 1);
    for (uint64_t at = 1; at <= 3; at++) { /* the visitor has the last one */
        struct visitor *client = visitor_open(world);
        until(world, client->ended);
        assert_false(client->reset);
        assert_true(visitor_got(client, "HTTP/1.1 503 Service Unavailable\r\n"));
        assert_true(visitor_got(client, "Connection: close\r\n"));
        assert_int_equal(figures->turned_away, at);
        visitor_close(client);
        turns(world, 2);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    struct visitor *client = visitor_open(world);
    visitor_send(client, GET);
    until(world, visitor_got(client, "200 OK"));
    visitor_close(client);
    visitor_close(first);
    world_free(world);
}

static void too_many_connections_are_told_so(void **state)
{
    struct world *world = world_new((struct http_server_options){ .connections_max = 2 });
    struct visitor *first = visitor_open(world);
    struct visitor *second = visitor_open(world);

    until(world, http_server_figures(world->server)->connections == 2);
    struct visitor *third = visitor_open(world);
    visitor_send(third, GET);
    until(world, third->ended);
    assert_false(third->reset);
    assert_true(visitor_got(third, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_true(visitor_got(third, "Connection: close\r\n"));
    visitor_close(third);
    visitor_close(first);
    until(world, http_server_figures(world->server)->connections == 1);
    struct visitor *fourth = visitor_open(world);
    visitor_send(fourth, GET);
    until(world, visitor_got(fourth, "200 OK"));
    assert_int_equal(http_server_figures(world->server)->turned_away, 1);
    visitor_close(second);
    visitor_close(fourth);
    world_free(world);
}

static void far_too_many_connections_wait_in_the_backlog(void **state)
{
    struct http_deadlines slow = { .linger_ms = 300 };
    struct world *world =
        world_new((struct http_server_options){ .connections_max = 1, .deadlines = slow });
    struct visitor *one = visitor_open(world);
    struct visitor *many[HTTP_TURNED_AWAY_MAX + 8];
    size_t count = sizeof(many) / sizeof(many[0]);

    until(world, http_server_figures(world->server)->connections == 1);
    for (size_t at = 0; at < count; at++)
        many[at] = visitor_open(world);
    until(world, http_server_figures(world->server)->turned_away == HTTP_TURNED_AWAY_MAX);
    turns(world, 20);
    assert_int_equal(http_server_figures(world->server)->turned_away, HTTP_TURNED_AWAY_MAX);
    for (size_t at = 0; at < count; at++) {
        until(world, many[at]->ended); /* each in its turn */
        assert_true(visitor_got(many[at], "503"));
        visitor_close(many[at]);
    }
    visitor_close(one);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_requests_are_refused_and_hung_up_on),
        cmocka_unit_test(a_body_over_the_maximum_is_refused_in_a_way_the_client_can_read),
        cmocka_unit_test(half_a_request_is_timed_out),
        cmocka_unit_test(a_byte_now_and_then_does_not_keep_a_head_alive),
        cmocka_unit_test(a_body_that_moves_is_not_timed_out),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(a_client_that_does_not_read_its_reply_is_hung_up_on),
        cmocka_unit_test(replies_that_are_being_made_count),
        cmocka_unit_test(a_reply_that_is_being_made_takes_the_room_of_the_slowest_reader),
        cmocka_unit_test(a_byte_now_and_then_does_not_keep_a_reply_alive),
        cmocka_unit_test(a_reader_that_moves_is_not_hung_up_on),
        cmocka_unit_test(replies_have_a_maximum_together),
        cmocka_unit_test(without_descriptors_it_answers_all_the_same),
        cmocka_unit_test(too_many_connections_are_told_so),
        cmocka_unit_test(far_too_many_connections_wait_in_the_backlog),
        cmocka_unit_test(a_port_that_is_taken_is_said_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

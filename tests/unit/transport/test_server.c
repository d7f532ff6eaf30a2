/* Requests and replies over a whole HTTP port, to the end of connection and server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uv.h>

#include "transport/reply.h"
#include "server_world.h"

static void a_request_gets_its_reply_and_the_connection_stays(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);

    visitor_send(client, "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    until(world, visitor_got(client, "hello"));
    assert_true(visitor_got(client, "HTTP/1.1 200 OK\r\nDate: "));
    assert_true(visitor_got(client, " GMT\r\nContent-Length: 5\r\nX-Path: /a\r\n\r\nhello"));
    visitor_send(client, GET);
    until(world, visitor_count(client, "HTTP/1.1 200 OK") == 2);
    assert_false(client->ended);
    assert_int_equal(http_server_figures(world->server)->connections, 1);
    assert_int_equal(http_server_figures(world->server)->requests, 2);
    visitor_close(client);
    until(world, http_server_figures(world->server)->connections == 0);
    world_free(world);
}

static void pipelined_requests_are_answered_one_by_one_in_order(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);
    char text[20000] = "";
    size_t len = 0;

    for (int at = 0; at < 200; at++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n%03d",
                                at, at);
    visitor_send(client, text);
    until(world, visitor_count(client, "200 OK") == 200);
    const char *at = client->got;
    for (int number = 0; number < 200; number++) {
        snprintf(text, sizeof(text), "X-Path: /%d\r\n\r\n%03d", number, number);
        at = strstr(at, text);
        assert_non_null(at);
    }
    visitor_close(client);
    world_free(world);
}

static void the_next_request_waits_for_the_reply_to_the_first(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);

    world->hold = true;
    visitor_send(client, GET GET GET);
    until(world, world->requests == 1);
    for (int at = 0; at < 20; at++)
        visitor_send(client, GET); /* stays in the socket */
    turns(world, 20);
    assert_int_equal(world->requests, 1);
    echo(world->held[0]);
    until(world, world->requests == 2);
    echo(world->held[1]);
    until(world, world->requests == 3);
    world->hold = false;
    echo(world->held[2]);
    until(world, visitor_count(client, "200 OK") == 23);
    visitor_close(client);
    world_free(world);
}

static void replies_may_come_in_any_order(void **state)
{
    struct world *world = world_plain();
    struct visitor *first = visitor_open(world);
    struct visitor *second = visitor_open(world);

    world->hold = true;
    visitor_send(first, GET);
    until(world, world->held_count == 1);
    visitor_send(second, GET);
    until(world, world->held_count == 2);
    assert_int_equal(http_server_figures(world->server)->exchanges, 2);
    echo(world->held[1]);
    until(world, visitor_got(second, "200 OK"));
    assert_false(visitor_got(first, "200 OK"));
    echo(world->held[0]);
    until(world, visitor_got(first, "200 OK"));
    visitor_close(first);
    visitor_close(second);
    world_free(world);
}

static void head_gets_the_length_and_no_body(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);

    visitor_send(client, "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET);
    until(world, visitor_count(client, "200 OK") == 2);
    assert_true(visitor_got(client, "Content-Length: 3\r\n"));
    assert_false(visitor_got(client, "abc"));
    visitor_close(client);
    world_free(world);
}

static void the_connection_ends_when_either_side_wants_it(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);

    visitor_send(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    until(world, client->ended);
    assert_true(visitor_got(client, "Connection: close\r\n"));
    visitor_close(client);

    client = visitor_open(world);
    visitor_send(client, "GET / HTTP/1.0\r\n\r\n");
    until(world, client->ended);
    assert_true(visitor_got(client, "200 OK"));
    visitor_close(client);

    client = visitor_open(world);
    visitor_send(client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    until(world, visitor_got(client, "Connection: keep-alive\r\n"));
    world->hold = true;
    visitor_send(client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    until(world, world->held_count == 1);
    http_exchange_reply(world->held[0], &(struct http_reply){ .status = 204, .close = true });
    until(world, client->ended);
    assert_true(visitor_got(client, "HTTP/1.1 204 No Content\r\n"));
    visitor_close(client);
    world_free(world);
}

static void who_sends_on_after_that_is_ended_by_no_signal(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);

    visitor_send(client, "GET / HTTP/1.0\r\n\r\n");
    until(world, client->ended);
    for (int i = 0; i < 100; i++) /* the first is answered with a reset */
        visitor_send(client, GET);
    visitor_close(client);
    world_free(world);
}

static void who_waits_for_100_continue_gets_it(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);

    visitor_send(client, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                        "Content-Length: 2\r\n\r\n");
    until(world, visitor_got(client, "HTTP/1.1 100 Continue\r\n\r\n"));
    visitor_send(client, "ok");
    until(world, visitor_got(client, "\r\n\r\nok"));
    assert_int_equal(visitor_count(client, "100 Continue"), 1);
    visitor_close(client);
    world_free(world);
}

static void a_big_body_goes_there_and_back(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);
    size_t len = 12u << 20;
    char *body = malloc(len);

    for (size_t at = 0; at < len; at++)
        body[at] = (char)('a' + at % 23);
    visitor_send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12582912\r\n\r\n");
    visitor_send_bytes(client, body, len);
    until(world, client->got_len > len);
    char *end = memmem(client->got, 1000, "\r\n\r\n", 4);
    assert_non_null(end);
    until(world, client->got_len == (size_t)(end + 4 - client->got) + len);
    end = memmem(client->got, 1000, "\r\n\r\n", 4);
    assert_memory_equal(end + 4, body, len);
    free(body);
    visitor_close(client);
    world_free(world);
}

static void an_exchange_outlives_its_client(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);

    world->hold = true;
    visitor_send(client, "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    until(world, world->held_count == 1);
    assert_false(http_exchange_gone(world->held[0]));
    visitor_close(client);
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
    struct visitor *client = visitor_open(world);
    uv_shutdown_t shutdown;

    world->hold = true;
    visitor_send(client, GET);
    uv_shutdown(&shutdown, (uv_stream_t *)&client->tcp, on_shut);
    until(world, world->held_count == 1 && http_exchange_gone(world->held[0]));
    echo(world->held[0]);
    until(world, client->ended);
    assert_true(visitor_got(client, "200 OK"));
    visitor_close(client);
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
        struct visitor *client = visitor_open(world);
        world->hold = true;
        visitor_send(client, GET);
        until(world, world->held_count == 1);
        http_exchange_reply(world->held[0], &(struct http_reply){ .status = 200,
                                                                  .headers = &bad[at],
                                                                  .header_count = 1 });
        until(world, client->ended);
        assert_true(visitor_got(client, "HTTP/1.1 500 Internal Server Error"));
        visitor_close(client);
        world_free(world);
    }
}

static void a_port_that_is_parting_answers_once_more_on_each_connection(void **state)
{
    struct world *world = world_plain();
    struct visitor *old = visitor_open(world);

    visitor_send(old, GET);
    until(world, visitor_count(old, "200 OK") == 1);
    assert_false(visitor_got(old, "Connection: close\r\n"));
    http_server_part(world->server);
    turns(world, 10);
    assert_false(old->ended);
    struct visitor *new = visitor_open(world);
    visitor_send(old, GET);
    visitor_send(new, GET);
    until(world, old->ended && new->ended);
    assert_int_equal(visitor_count(old, "200 OK"), 2);
    assert_int_equal(visitor_count(new, "200 OK"), 1);
    assert_int_equal(visitor_count(old, "Connection: close\r\n"), 1);
    assert_int_equal(visitor_count(new, "Connection: close\r\n"), 1);
    visitor_close(old);
    visitor_close(new);
    world_free(world);
}

static void draining_finishes_what_runs_and_closes_what_is_idle(void **state)
{
    struct world *world = world_plain();
    struct visitor *idle = visitor_open(world);
    struct visitor *busy = visitor_open(world);

    world->hold = true;
    visitor_send(busy, GET);
    until(world, world->held_count == 1);
    until(world, http_server_figures(world->server)->connections == 2);
    http_server_drain(world->server, on_server_drained, world);
    assert_false(world->drained);
    until(world, idle->ended);
    assert_false(world->drained);
    echo(world->held[0]);
    until(world, busy->ended);
    assert_true(visitor_got(busy, "200 OK"));
    assert_true(visitor_got(busy, "Connection: close\r\n"));
    until(world, world->drained);
    visitor_close(idle);
    visitor_close(busy);
    world_free(world);
}

static void a_close_waits_for_replies_that_are_owed(void **state)
{
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);

    world->hold = true;
    visitor_send(client, GET);
    until(world, world->held_count == 1);
    http_server_close(world->server, on_server_closed, world);
    until(world, client->ended);
    turns(world, 10);
    assert_false(world->closed);
    assert_true(http_exchange_gone(world->held[0]));
    echo(world->held[0]);
    assert_false(world->closed); /* not from inside */
    until(world, world->closed);
    visitor_close(client);
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
        cmocka_unit_test(who_sends_on_after_that_is_ended_by_no_signal),
        cmocka_unit_test(who_waits_for_100_continue_gets_it),
        cmocka_unit_test(a_big_body_goes_there_and_back),
        cmocka_unit_test(an_exchange_outlives_its_client),
        cmocka_unit_test(who_shuts_only_its_own_side_gets_its_reply),
        cmocka_unit_test(a_malformed_reply_becomes_a_500),
        cmocka_unit_test(a_port_that_is_parting_answers_once_more_on_each_connection),
        cmocka_unit_test(draining_finishes_what_runs_and_closes_what_is_idle),
        cmocka_unit_test(a_close_waits_for_replies_that_are_owed),
        cmocka_unit_test(dates_are_as_http_wants_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Replies in pieces, in each framing: pace, end, and who goes before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "h2_visitor.h"
#include "transport/long_reply.h"

/* The maker of one reply: what it was told. */
struct maker {
    struct http_exchange *exchange;
    int rooms, gones, parts;
    bool room;
};

static void on_room(void *ctx, struct http_exchange *exchange)
{
    struct maker *maker = ctx;

    assert_ptr_equal(exchange, maker->exchange);
    assert_int_equal(maker->gones, 0);
    assert_false(maker->room);
    maker->room = true;
    maker->rooms++;
}

static void on_gone(void *ctx, struct http_exchange *exchange)
{
    struct maker *maker = ctx;

    assert_ptr_equal(exchange, maker->exchange);
    maker->gones++;
}

static void on_part(void *ctx, struct http_exchange *exchange)
{
    ((struct maker *)ctx)->parts++;
}

static const struct long_reply_events maker_events = { .on_room = on_room,
                                                       .on_gone = on_gone,
                                                       .on_part = on_part };

static void begin(struct maker *maker, struct http_exchange *exchange)
{
    struct http_header type = { slice_text("Content-Type"), slice_text("text/plain") };
    const struct http_reply reply = { .status = 200, .headers = &type, .header_count = 1 };

    *maker = (struct maker){ .exchange = exchange };
    long_reply_begin(exchange, &reply, &maker_events, maker);
    assert_int_equal(maker->rooms + maker->gones, 0); /* never from inside the call */
}

static void give(struct maker *maker, const char *bytes, size_t len)
{
    struct buf *parts[] = { buf_copy(slice_of(bytes, len / 2)),
                            buf_copy(slice_of(bytes + len / 2, len - len / 2)) };

    assert_true(maker->room);
    maker->room = false;
    long_reply_give(maker->exchange, parts, 2);
    assert_false(maker->room);
    buf_unref(parts[0]);
    buf_unref(parts[1]);
}

static uint64_t held_bytes(const struct world *world)
{
    return http_server_figures(world->server)->reply_bytes;
}

/* ---- HTTP/1.1 ---- */

static struct visitor *h1_begin(struct world *world, struct maker *maker, const char *request)
{
    struct visitor *client = visitor_open(world);

    world->hold = true;
    visitor_send(client, request);
    until(world, world->held_count == 1);
    begin(maker, world->held[0]);
    return client;
}

static void chunks_come_as_they_are_given_and_the_connection_goes_on(void **state)
{
    struct world *world = world_plain();
    struct maker maker;
    struct visitor *client = h1_begin(world, &maker, GET);

    until(world, maker.room && visitor_got(client, "\r\n\r\n"));
    assert_true(visitor_got(client, "HTTP/1.1 200 OK\r\n"));
    assert_true(visitor_got(client, "Content-Type: text/plain\r\n"));
    assert_true(visitor_got(client, "Transfer-Encoding: chunked\r\n"));
    assert_false(visitor_got(client, "Content-Length"));
    give(&maker, "one", 3);
    until(world, maker.room && visitor_got(client, "\r\n\r\n3\r\none\r\n"));
    give(&maker, "a second piece", 14);
    until(world, maker.room && visitor_got(client, "e\r\na second piece\r\n"));
    assert_int_equal(http_server_figures(world->server)->exchanges, 1);
    assert_false(visitor_got(client, "\r\n0\r\n"));
    long_reply_end(maker.exchange);
    until(world, visitor_got(client, "\r\n0\r\n\r\n"));
    assert_int_equal(http_server_figures(world->server)->exchanges, 0);
    world->hold = false;
    visitor_send(client, GET);
    until(world, visitor_count(client, "HTTP/1.1 200 OK") == 2);
    assert_int_equal(maker.rooms, 3);
    assert_int_equal(maker.gones + maker.parts, 0);
    visitor_close(client);
    world_free(world);
}

static void http_1_0_ends_with_its_connection(void **state)
{
    struct world *world = world_plain();
    struct maker maker;
    struct visitor *client = h1_begin(world, &maker, "GET / HTTP/1.0\r\n\r\n");

    until(world, maker.room);
    give(&maker, "piece", 5);
    until(world, maker.room);
    long_reply_end(maker.exchange);
    until(world, client->ended);
    assert_false(client->reset);
    assert_false(visitor_got(client, "chunked"));
    assert_string_equal(strstr(client->got, "\r\n\r\n"), "\r\n\r\npiece");
    visitor_close(client);
    world_free(world);
}

static void what_was_given_is_sent_before_the_end(void **state)
{
    struct world *world = world_plain();
    struct maker maker;
    size_t len = 12u << 20;
    char *bytes = calloc(1, len);
    struct visitor *client = h1_begin(world, &maker, GET);

    memset(bytes, 'x', len);
    until(world, maker.room);
    give(&maker, bytes, len);
    long_reply_end(maker.exchange);
    until(world, visitor_got(client, "x\r\n0\r\n\r\n"));
    assert_true(client->got_len > len);
    free(bytes);
    visitor_close(client);
    world_free(world);
}

static void an_end_at_once_is_an_empty_body(void **state)
{
    struct world *world = world_plain();
    struct maker maker;
    struct visitor *client = h1_begin(world, &maker, GET);

    long_reply_end(maker.exchange);
    until(world, visitor_got(client, "\r\n\r\n0\r\n\r\n"));
    assert_int_equal(maker.rooms, 0);
    visitor_close(client);
    world_free(world);
}

/* Gives until there is no room any more. */
static int give_much(struct world *world, struct maker *maker, const char *bytes, size_t len)
{
    int given = 0;

    while (maker->room) {
        give(maker, bytes, len);
        given++;
        turns(world, 50);
    }
    return given;
}

static void a_reader_that_stops_holds_one_piece(void **state)
{
    struct world *world = world_plain();
    struct maker maker;
    size_t len = 1u << 20;
    char *bytes = calloc(1, len);
    struct visitor *client = h1_begin(world, &maker, GET);

    until(world, maker.room && visitor_got(client, "\r\n\r\n"));
    uv_read_stop((uv_stream_t *)&client->tcp);
    int given = give_much(world, &maker, bytes, len);
    assert_in_range(given, 1, 63);
    assert_in_range(held_bytes(world), 1, len + 100);
    client->got_len = 0;
    world->hold = false;
    visitor_listen(client);
    until(world, maker.room && client->got_len > (size_t)given * len);
    assert_int_equal(held_bytes(world), 0);
    long_reply_end(maker.exchange);
    free(bytes);
    visitor_close(client);
    world_free(world);
}

static void a_reader_that_is_too_slow_is_gone(void **state)
{
    struct http_deadlines quick = { .write_ms = 60 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct maker maker;
    size_t len = 12u << 20;
    char *bytes = calloc(1, len);
    struct visitor *client = h1_begin(world, &maker, GET);

    uv_read_stop((uv_stream_t *)&client->tcp);
    until(world, maker.room);
    give(&maker, bytes, len);
    until(world, maker.gones == 1);
    assert_int_equal(http_server_figures(world->server)->slow_readers, 1);
    assert_int_equal(held_bytes(world), 0);
    turns(world, 20);
    assert_int_equal(http_server_figures(world->server)->connections, 1); /* its end is owed */
    long_reply_end(maker.exchange);
    until(world, http_server_figures(world->server)->connections == 0);
    assert_int_equal(maker.gones, 1);
    free(bytes);
    visitor_close(client);
    world_free(world);
}

static void a_client_that_goes_is_told_of_once(void **state)
{
    struct world *world = world_plain();
    struct maker maker;
    uv_shutdown_t shutdown;
    struct visitor *client = h1_begin(world, &maker, GET);

    until(world, maker.room);
    assert_int_equal(uv_shutdown(&shutdown, (uv_stream_t *)&client->tcp, NULL), 0);
    until(world, maker.gones == 1);
    assert_true(http_exchange_gone(maker.exchange));
    give(&maker, "for nobody", 10); /* it had room */
    visitor_close(client);
    turns(world, 20);
    http_server_close(world->server, on_server_closed, world);
    turns(world, 20);
    assert_false(world->closed);
    assert_int_equal(maker.gones, 1);
    long_reply_end(maker.exchange);
    until(world, world->closed);
    world_free(world);
}

/* There is room for one such body at once. */
#define BODY_BYTES 60000u

static struct world *world_of_one_body(void)
{
    return world_new((struct http_server_options){ .body_bytes_max = BODY_BYTES,
                                                   .bodies_bytes_max = BODY_BYTES,
                                                   .address_share = 100 });
}

static char *one_body(void)
{
    char *bytes = calloc(1, BODY_BYTES + 1);

    memset(bytes, 'b', BODY_BYTES);
    return bytes;
}

static void its_request_keeps_no_body(void **state)
{
    struct world *world = world_of_one_body();
    char *body = one_body(), head[100];
    struct visitor *client = visitor_open(world), *other = visitor_open(world);
    struct maker maker;

    snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n",
             BODY_BYTES);
    world->hold = true;
    visitor_send(client, head);
    visitor_send(client, body);
    until(world, world->held_count == 1);
    assert_int_equal(world->held[0]->request.body.len, BODY_BYTES);
    begin(&maker, world->held[0]);
    assert_int_equal(maker.exchange->request.body.len, 0);
    until(world, maker.room);
    world->hold = false;
    visitor_send(other, head);
    visitor_send(other, body);
    until(world, visitor_got(other, "HTTP/1.1 200 OK"));
    give(&maker, "piece", 5);
    until(world, visitor_got(client, "5\r\npiece\r\n"));
    long_reply_end(maker.exchange);
    visitor_close(client);
    visitor_close(other);
    free(body);
    world_free(world);
}

/* ---- HTTP/2 ---- */

static struct answer *h2_begin_one(struct h2_visitor *client, struct maker *maker)
{
    struct world *world = client->visitor->world;
    int held = world->held_count;

    world->hold = true;
    struct answer *answer = ask(client, "POST", "/", NULL, "{}", 2);
    until_pumped(client, world->held_count == held + 1);
    begin(maker, world->held[held]);
    return answer;
}

static void pieces_come_beside_other_replies(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);
    struct maker maker, other;
    struct answer *answer = h2_begin_one(client, &maker);
    struct answer *second = h2_begin_one(client, &other);

    until_pumped(client, maker.room && answer->status == 200);
    give(&maker, "one,", 4);
    until_pumped(client, maker.room && answer->len == 4);
    world->hold = false;
    struct answer *whole = ask(client, "POST", "/", NULL, "whole", 5);
    until_pumped(client, whole->closed);
    assert_string_equal(whole->body, "whole");
    give(&maker, "two", 3);
    give(&other, "x", 1);
    until_pumped(client, maker.room && other.room && answer->len == 7 && second->len == 1);
    assert_string_equal(answer->body, "one,two");
    assert_false(answer->closed);
    long_reply_end(maker.exchange);
    until_pumped(client, answer->closed);
    assert_int_equal(answer->code, 0);
    give(&other, "y", 1);
    long_reply_end(other.exchange);
    until_pumped(client, second->closed);
    assert_string_equal(second->body, "xy");
    assert_int_equal(http_server_figures(world->server)->exchanges, 0);
    assert_int_equal(held_bytes(world), 0);
    assert_int_equal(maker.gones + other.gones, 0);
    h2_visitor_close(client);
    world_free(world);
}

static void its_request_keeps_no_body_in_http_2_either(void **state)
{
    struct world *world = world_of_one_body();
    struct h2_visitor *client = h2_visitor_open(world, 0);
    char *body = one_body();
    struct maker maker;

    world->hold = true;
    struct answer *answer = ask(client, "POST", "/", NULL, body, BODY_BYTES);
    until_pumped(client, world->held_count == 1);
    begin(&maker, world->held[0]);
    assert_int_equal(maker.exchange->request.body.len, 0);
    world->hold = false;
    struct answer *other = ask(client, "POST", "/", NULL, body, BODY_BYTES);
    until_pumped(client, other->closed && maker.room);
    assert_int_equal(other->status, 200);
    give(&maker, "piece", 5);
    long_reply_end(maker.exchange);
    until_pumped(client, answer->closed);
    assert_string_equal(answer->body, "piece");
    h2_visitor_close(client);
    free(body);
    world_free(world);
}

/* However much of them waits for the reader. */
static void pieces_that_are_not_read_stop_no_other_request(void **state)
{
    enum { COUNT = 3 };
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 1000);
    struct maker makers[COUNT];
    size_t len = HTTP_PIECE_BYTES_MAX;
    char *bytes = calloc(1, len);

    assert_true(COUNT * len > H2_REPLIES_BYTES_MAX);
    nghttp2_session_set_local_window_size(client->session, 0, 0, 1 << 20);
    for (int at = 0; at < COUNT; at++) {
        struct answer *answer = h2_begin_one(client, &makers[at]);
        until_pumped(client, makers[at].room);
        client->held_back = answer->id; /* the others' windows stay shut when theirs are used */
        give(&makers[at], bytes, len);
        until_pumped(client, answer->len == 1000);
    }
    assert_in_range(held_bytes(world), H2_REPLIES_BYTES_MAX, COUNT * len);
    world->hold = false;
    struct answer *small = ask(client, "POST", "/", NULL, "small", 5);
    until_pumped(client, small->closed);
    assert_int_equal(small->len, 5);
    for (int at = 0; at < COUNT; at++)
        long_reply_end(makers[at].exchange);
    small = ask(client, "POST", "/", NULL, "small", 5); /* now they are as any replies */
    turns(world, 100);
    pump(client);
    assert_false(small->closed);
    free(bytes);
    h2_visitor_close(client);
    world_free(world);
}

/* The window of one reply is closed; the connection and its other replies do not mind, and no
 * deadline runs while its maker goes on. */
static void the_window_of_its_request_paces_it(void **state)
{
    struct http_deadlines quick = { .write_ms = 40 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct h2_visitor *client = h2_visitor_open(world, 1000);
    struct maker maker;
    char bytes[1500];

    memset(bytes, 'x', sizeof(bytes));
    nghttp2_session_set_local_window_size(client->session, 0, 0, 1 << 20);
    struct answer *answer = h2_begin_one(client, &maker);
    until_pumped(client, maker.room);
    client->held_back = answer->id;
    give(&maker, bytes, sizeof(bytes));
    until_pumped(client, answer->len == 1000);
    world->hold = false;
    for (int at = 0; at < 20; at++) {
        struct answer *small = ask(client, "POST", "/", NULL, "small", 5);
        until_pumped(client, small->closed);
        assert_int_equal(small->len, 5);
        uv_sleep(10);
    }
    assert_false(maker.room);
    assert_int_equal(maker.gones, 0);
    assert_int_equal(held_bytes(world), sizeof(bytes) / 2); /* the first half is written whole */
    nghttp2_session_consume_stream(client->session, answer->id, 1000);
    client->held_back = 0;
    until_pumped(client, maker.room && answer->len == sizeof(bytes));
    assert_int_equal(held_bytes(world), 0);
    long_reply_end(maker.exchange);
    until_pumped(client, answer->closed);
    h2_visitor_close(client);
    world_free(world);
}

static void after_the_end_its_reader_has_a_deadline(void **state)
{
    struct http_deadlines quick = { .write_ms = 40 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct h2_visitor *client = h2_visitor_open(world, 1000);
    struct maker maker;
    char bytes[3000] = "";
    struct answer *answer = h2_begin_one(client, &maker);

    until_pumped(client, maker.room);
    client->held_back = answer->id;
    give(&maker, bytes, sizeof(bytes));
    long_reply_end(maker.exchange);
    until_pumped(client, answer->closed);
    assert_int_equal(answer->code, NGHTTP2_CANCEL);
    assert_int_equal(answer->len, 1000);
    assert_int_equal(http_server_figures(world->server)->slow_readers, 1);
    assert_int_equal(held_bytes(world), 0);
    assert_int_equal(maker.gones, 0);
    h2_visitor_close(client);
    world_free(world);
}

static void a_request_given_up_is_told_of_once(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 1000);
    struct maker maker;
    char bytes[3000] = "";
    struct answer *answer = h2_begin_one(client, &maker);

    until_pumped(client, maker.room);
    client->held_back = answer->id;
    give(&maker, bytes, sizeof(bytes));
    until_pumped(client, answer->len == 1000);
    nghttp2_submit_rst_stream(client->session, 0, answer->id, NGHTTP2_CANCEL);
    until_pumped(client, maker.gones == 1);
    assert_true(http_exchange_gone(maker.exchange));
    until_pumped(client, held_bytes(world) == 0);
    assert_int_equal(http_server_figures(world->server)->exchanges, 1);
    long_reply_end(maker.exchange);
    assert_int_equal(http_server_figures(world->server)->exchanges, 0);
    world->hold = false;
    answer = ask(client, "POST", "/", NULL, "on", 2);
    until_pumped(client, answer->closed && answer->len == 2);
    assert_int_equal(maker.gones, 1);
    h2_visitor_close(client);
    world_free(world);
}

static void all_of_a_connection_that_goes_are_told_of(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);
    struct maker makers[3];

    for (int at = 0; at < 3; at++)
        h2_begin_one(client, &makers[at]);
    until_pumped(client, makers[0].room && makers[1].room && makers[2].room);
    long_reply_end(makers[1].exchange);
    give(&makers[2], "piece", 5);
    h2_visitor_close(client);
    until(world, makers[0].gones == 1 && makers[2].gones == 1);
    assert_int_equal(makers[1].gones, 0);
    http_server_close(world->server, on_server_closed, world);
    turns(world, 5);
    assert_false(world->closed);
    long_reply_end(makers[0].exchange);
    long_reply_end(makers[2].exchange);
    until(world, world->closed);
    world_free(world);
}

static void a_drain_is_told_and_waits_for_the_end(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);
    struct maker before, after;
    struct answer *answer = h2_begin_one(client, &before);

    ask(client, "POST", "/", NULL, "{}", 2);
    until_pumped(client, before.room && world->held_count == 2);
    http_server_part(world->server); /* it would only come again */
    turns(world, 20);
    assert_int_equal(before.parts, 0);
    http_server_drain(world->server, on_server_drained, world);
    until_pumped(client, before.parts == 1);
    begin(&after, world->held[1]);
    until_pumped(client, after.parts == 1);
    give(&before, "last words", 10);
    until_pumped(client, before.room && answer->len == 10);
    assert_int_equal(before.parts, 1);
    assert_false(world->drained);
    long_reply_end(before.exchange);
    long_reply_end(after.exchange);
    until_pumped(client, client->visitor->ended);
    pump(client);
    assert_true(answer->closed);
    assert_int_equal(answer->code, 0);
    h2_visitor_close(client);
    until(world, world->drained);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_come_as_they_are_given_and_the_connection_goes_on),
        cmocka_unit_test(http_1_0_ends_with_its_connection),
        cmocka_unit_test(what_was_given_is_sent_before_the_end),
        cmocka_unit_test(an_end_at_once_is_an_empty_body),
        cmocka_unit_test(a_reader_that_stops_holds_one_piece),
        cmocka_unit_test(a_reader_that_is_too_slow_is_gone),
        cmocka_unit_test(a_client_that_goes_is_told_of_once),
        cmocka_unit_test(its_request_keeps_no_body),
        cmocka_unit_test(its_request_keeps_no_body_in_http_2_either),
        cmocka_unit_test(pieces_that_are_not_read_stop_no_other_request),
        cmocka_unit_test(pieces_come_beside_other_replies),
        cmocka_unit_test(the_window_of_its_request_paces_it),
        cmocka_unit_test(after_the_end_its_reader_has_a_deadline),
        cmocka_unit_test(a_request_given_up_is_told_of_once),
        cmocka_unit_test(all_of_a_connection_that_goes_are_told_of),
        cmocka_unit_test(a_drain_is_told_and_waits_for_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

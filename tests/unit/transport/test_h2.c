/* HTTP/2 on the client port: requests, what is refused, what is too much, and the end. */
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

static void a_request_is_answered_and_its_connection_goes_on(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);
    struct answer *first = ask(client, "POST", "/a?b", NULL, "some body", 9);

    until_pumped(client, first->closed);
    assert_int_equal(first->status, 200);
    assert_string_equal(first->body, "some body");
    assert_string_equal(first->path, "/a");
    struct answer *second = ask(client, "GET", "/", NULL, NULL, 0);
    until_pumped(client, second->closed);
    assert_int_equal(second->status, 200);
    assert_int_equal(second->len, 0);
    assert_int_equal(http_server_figures(world->server)->h2_connections, 1);
    assert_int_equal(client->goaways, 0);
    h2_visitor_close(client);
    world_free(world);
}

static void the_upper_layer_sees_the_request_whole(void **state)
{
    static const char *const more[] = { "x-amz-target", "Kinesis_20131202.ListStreams", NULL };
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);

    world->hold = true;
    ask(client, "POST", "/p?q=1", more, "{}", 2);
    until_pumped(client, world->held_count == 1);
    const struct http_request *request = &world->held[0]->request;
    assert_int_equal(request->verb, HTTP_VERB_POST);
    assert_int_equal(request->major, 2);
    assert_true(slice_equal(request->target, slice_text("/p?q=1")));
    assert_true(slice_equal(request->query, slice_text("q=1")));
    assert_true(slice_equal(request->body, slice_text("{}")));
    assert_int_equal(request->body.data[2], 0); /* the padding */
    assert_int_equal(request->header_count, 2);
    assert_true(slice_equal(http_request_header(request, ":authority")->value,
                            slice_text("braid:4567")));
    assert_true(slice_equal(http_request_header(request, "x-amz-target")->value,
                            slice_text("Kinesis_20131202.ListStreams")));
    echo(world->held[0]);
    h2_visitor_close(client);
    world_free(world);
}

static void requests_are_answered_in_any_order(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);
    struct answer *answers[100];

    world->hold = true;
    for (int at = 0; at < 100; at++)
        answers[at] = ask(client, "POST", "/", NULL, "body", 4);
    until_pumped(client, world->held_count == 100);
    for (int at = 99; at >= 0; at--)
        echo(world->held[at]);
    for (int at = 0; at < 100; at++)
        until_pumped(client, answers[at]->closed && answers[at]->status == 200);
    assert_int_equal(http_server_figures(world->server)->exchanges, 0);
    h2_visitor_close(client);
    world_free(world);
}

static void large_bodies_pass_both_windows_unchanged(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);
    size_t len = 10u << 20;
    char *body = malloc(len);

    for (size_t at = 0; at < len; at++)
        body[at] = (char)(at * 2654435761u >> 13);
    struct answer *first = ask(client, "POST", "/", NULL, body, len);
    struct answer *second = ask(client, "POST", "/", NULL, body, len);
    until_pumped(client, first->closed && second->closed);
    assert_int_equal(first->len, len);
    assert_memory_equal(first->body, body, len);
    assert_int_equal(second->len, len);
    assert_memory_equal(second->body, body, len);
    assert_int_equal(http_server_figures(world->server)->reply_bytes, 0);
    free(body);
    h2_visitor_close(client);
    world_free(world);
}

static void the_preface_may_come_in_pieces_and_other_words_are_not_it(void **state)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct world *world = world_plain();
    struct visitor *client = visitor_open(world);

    for (size_t at = 0; at < sizeof(preface) - 1; at++) {
        visitor_send_bytes(client, preface + at, 1);
        turns(world, 2);
    }
    visitor_send_bytes(client, "\0\0\0\4\0\0\0\0\0", 9);
    until(world, client->got_len >= 9);
    assert_int_equal(client->got[3], NGHTTP2_SETTINGS);
    visitor_close(client);

    expect_refusal(world, "PRI * HTTP/2.0\r\n\r\nSM\r\nxx", "HTTP/1.1 ");
    client = visitor_open(world);
    visitor_send(client, "P");
    turns(world, 5);
    visitor_send(client, "UT /p HTTP/1.1\r\nHost: a\r\n\r\n");
    until(world, visitor_got(client, "HTTP/1.1 200 OK"));
    visitor_close(client);
    world_free(world);
}

/* ---- what is refused ---- */

static void expect_status(struct world *world, const char *method, const char *path,
                          const char *const *more, int status)
{
    struct h2_visitor *client = h2_visitor_open(world, 0);
    struct answer *answer = ask(client, method, path, more, NULL, 0);

    until_pumped(client, answer->closed);
    assert_int_equal(answer->status, status);
    answer = ask(client, "GET", "/", NULL, NULL, 0); /* the others do not suffer */
    until_pumped(client, answer->closed);
    assert_int_equal(answer->status, 200);
    h2_visitor_close(client);
}

static void expect_reset(struct world *world, const char *const *more, const char *body)
{
    struct h2_visitor *client = h2_visitor_open(world, 0);
    struct answer *answer =
        ask(client, "POST", "/", more, body, body != NULL ? strlen(body) : 0);

    until_pumped(client, answer->closed);
    assert_int_equal(answer->status, 0);
    assert_int_equal(answer->code, NGHTTP2_PROTOCOL_ERROR);
    h2_visitor_close(client);
}

static void bad_requests_are_refused_one_by_one(void **state)
{
    static const char *const host[] = { "host", "elsewhere", NULL };
    static const char *const same[] = { "host", "braid:4567", NULL };
    static const char *const expects[] = { "expect", "nothing", NULL };
    struct world *world = world_plain();
    char *value = calloc(1, HTTP_HEAD_BYTES_MAX);
    const char *const large[] = { "x-large", value, NULL };

    memset(value, 'x', HTTP_HEAD_BYTES_MAX - 1);
    expect_status(world, "GET", "/", host, 400);
    expect_status(world, "GET", "/", same, 200);
    expect_status(world, "GET", "/", expects, 417);
    expect_status(world, "GET", "/", large, 431);
    expect_status(world, "GET", "/a#b", NULL, 400);
    assert_int_equal(http_server_figures(world->server)->refused, 4);
    free(value);
    world_free(world);
}

static void what_breaks_the_framing_of_a_request_is_reset(void **state)
{
    static const char *const connection[] = { "connection", "close", NULL };
    static const char *const coding[] = { "transfer-encoding", "chunked", NULL };
    static const char *const shouted[] = { "x-y ", "1", NULL };
    static const char *const control[] = { "x", "a\rb", NULL };
    static const char *const longer[] = { "content-length", "5", NULL };
    static const char *const twice[] = { "content-length", "4", "content-length", "4", NULL };
    struct world *world = world_plain();

    expect_reset(world, connection, NULL);
    expect_reset(world, coding, NULL);
    expect_reset(world, shouted, NULL);
    expect_reset(world, control, NULL);
    expect_reset(world, longer, "four");
    expect_reset(world, twice, "four");
    assert_int_equal(world->requests, 0);
    world_free(world);
}

static void a_body_over_the_maximum_gets_413_and_its_connection_goes_on(void **state)
{
    static const char *const said[] = { "content-length", "1048576", NULL };
    struct world *world = world_new((struct http_server_options){ .body_bytes_max = 1000 });
    struct h2_visitor *client = h2_visitor_open(world, 0);
    char *body = calloc(1, 1u << 20);
    struct answer *known = ask(client, "POST", "/", said, body, 1u << 20);
    struct answer *unsaid = ask(client, "POST", "/", NULL, body, 1u << 20);
    struct answer *good = ask(client, "POST", "/", NULL, body, 1000);

    until_pumped(client, known->closed && unsaid->closed && good->closed);
    assert_int_equal(known->status, 413);
    assert_int_equal(unsaid->status, 413);
    assert_int_equal(good->status, 200);
    free(body);
    h2_visitor_close(client);
    world_free(world);
}

static void bodies_of_all_requests_have_a_budget(void **state)
{
    struct world *world = world_new((struct http_server_options){ .bodies_bytes_max = 300000 });
    struct h2_visitor *client = h2_visitor_open(world, 0);
    char *body = calloc(1, 200000);

    world->hold = true;
    ask(client, "POST", "/", NULL, body, 200000);
    until_pumped(client, world->held_count == 1);
    struct answer *over = ask(client, "POST", "/", NULL, body, 200000);
    until_pumped(client, over->closed);
    assert_int_equal(over->status, 503);
    echo(world->held[0]);
    struct answer *again = ask(client, "POST", "/", NULL, body, 200000);
    until_pumped(client, world->held_count == 2);
    echo(world->held[1]);
    until_pumped(client, again->closed && again->status == 200);
    free(body);
    h2_visitor_close(client);
    world_free(world);
}

/* ---- what is too much ---- */

static void given_up_requests_count_until_their_replies(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);

    world->hold = true;
    for (uint32_t at = 0; at < H2_STREAMS_MAX; at++) {
        ask(client, "GET", "/", NULL, NULL, 0);
        until_pumped(client, world->held_count == (int)at + 1);
        nghttp2_submit_rst_stream(client->session, 0, client->answers[at].id, NGHTTP2_CANCEL);
        pump(client);
    }
    turns(world, 20);
    assert_true(http_exchange_gone(world->held[0]));
    struct answer *over = ask(client, "GET", "/", NULL, NULL, 0);
    until_pumped(client, over->closed);
    assert_int_equal(over->code, NGHTTP2_REFUSED_STREAM);
    assert_int_equal(world->held_count, (int)H2_STREAMS_MAX);
    for (uint32_t at = 0; at < H2_STREAMS_MAX; at++)
        echo(world->held[at]);
    struct answer *fine = ask(client, "GET", "/", NULL, NULL, 0);
    until_pumped(client, world->held_count == (int)H2_STREAMS_MAX + 1);
    echo(world->held[H2_STREAMS_MAX]);
    until_pumped(client, fine->closed && fine->status == 200);
    h2_visitor_close(client);
    world_free(world);
}

/* The frames were raw: what comes back is not for the visitor's own session. */
static void expect_calm(struct h2_visitor *client)
{
    client->silent = true;
    until_pumped(client, client->visitor->ended);
    pump(client);
    assert_int_equal(client->goaways, 1);
    assert_int_equal(client->goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
    h2_visitor_close(client);
}

static void a_rapid_reset_attack_is_hung_up_on(void **state)
{
    /* GET http / host "a", without Huffman and without the table. */
    static const unsigned char head[] = { 0x82, 0x86, 0x84, 0x01, 0x01, 'a' };
    static const unsigned char cancel[] = { 0, 0, 0, NGHTTP2_CANCEL };
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);

    world->hold = true;
    for (int at = 0; at < 3000 && !client->visitor->ended; at++) {
        frame_send(client, NGHTTP2_HEADERS, 5, 2 * at + 1, head, sizeof(head));
        frame_send(client, NGHTTP2_RST_STREAM, 0, 2 * at + 1, cancel, sizeof(cancel));
    }
    expect_calm(client);
    assert_true(world->held_count <= (int)H2_STREAMS_MAX);
    for (int at = 0; at < world->held_count; at++)
        echo(world->held[at]);
    world_free(world);
}

static void frames_for_nothing_are_hung_up_on(void **state)
{
    static const unsigned char eight[8];
    static const struct {
        uint8_t type, flags;
        size_t len;
    } floods[] = { { NGHTTP2_PING, 0, 8 },
                   { NGHTTP2_SETTINGS, 0, 0 },
                   { NGHTTP2_PRIORITY, 0, 5 } };
    struct world *world = world_plain();

    for (size_t at = 0; at < sizeof(floods) / sizeof(floods[0]); at++) {
        struct h2_visitor *client = h2_visitor_open(world, 0);
        for (int count = 0; count < 5000 && !client->visitor->ended; count++)
            frame_send(client, floods[at].type, floods[at].flags,
                       floods[at].type == NGHTTP2_PRIORITY ? 1 : 0, eight, floods[at].len);
        expect_calm(client);
    }
    world_free(world);
}

static void empty_data_is_hung_up_on(void **state)
{
    static const unsigned char head[] = { 0x83, 0x86, 0x84, 0x01, 0x01, 'a' };
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);

    frame_send(client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, head, sizeof(head));
    for (int count = 0; count < 5000 && !client->visitor->ended; count++)
        frame_send(client, NGHTTP2_DATA, 0, 1, "", 0);
    expect_calm(client);
    world_free(world);
}

static void a_head_of_many_frames_is_hung_up_on(void **state)
{
    static const unsigned char head[] = { 0x82, 0x86, 0x84, 0x01, 0x01, 'a' };
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);

    frame_send(client, NGHTTP2_HEADERS, 0, 1, head, sizeof(head));
    for (uint32_t count = 0; count < 100 && !client->visitor->ended; count++)
        frame_send(client, NGHTTP2_CONTINUATION, 0, 1, "", 0);
    until_pumped(client, client->visitor->ended);
    assert_int_equal(world->requests, 0);
    h2_visitor_close(client);
    world_free(world);
}

/* ---- time ---- */

static void half_a_head_and_half_a_body_are_timed_out(void **state)
{
    static const unsigned char head[] = { 0x83, 0x86, 0x84, 0x01, 0x01, 'a' };
    struct http_deadlines quick = { .head_ms = 40, .body_ms = 40 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct h2_visitor *client = h2_visitor_open(world, 0);
    struct answer *answer = &client->answers[client->answer_count++];

    const nghttp2_nv fields[] = { h2_field(":method", "POST"), h2_field(":scheme", "http"),
                                  h2_field(":path", "/"), h2_field("host", "a") };
    answer->id = nghttp2_submit_headers(client->session, 0, -1, NULL, fields, 4, NULL);
    until_pumped(client, answer->closed);
    assert_int_equal(answer->status, 408);
    h2_visitor_close(client);

    client = h2_visitor_open(world, 0);
    frame_send(client, NGHTTP2_HEADERS, 0, 1, head, sizeof(head)); /* and no end */
    until_pumped(client, client->visitor->ended);
    assert_int_equal(http_server_figures(world->server)->timed_out, 2);
    h2_visitor_close(client);
    world_free(world);
}

static void an_idle_connection_is_closed_however_often_it_pings(void **state)
{
    struct http_deadlines quick = { .idle_ms = 60 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct h2_visitor *client = h2_visitor_open(world, 0);
    struct answer *answer = ask(client, "GET", "/", NULL, NULL, 0);

    until_pumped(client, answer->closed);
    for (int at = 0; at < 900 && !client->visitor->ended; at++) {
        nghttp2_submit_ping(client->session, 0, NULL);
        pump(client);
        turns(world, 2);
        uv_sleep(1);
    }
    until_pumped(client, client->visitor->ended);
    pump(client);
    assert_int_equal(client->goaways, 1);
    assert_int_equal(client->goaway_code, NGHTTP2_NO_ERROR);
    assert_int_equal(client->goaway_last, answer->id);
    h2_visitor_close(client);
    world_free(world);
}

static void a_reply_that_is_not_taken_is_given_up_and_no_other(void **state)
{
    struct http_deadlines quick = { .write_ms = 60 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct h2_visitor *client = h2_visitor_open(world, 100); /* 100 bytes, of each reply */
    char body[1000];

    memset(body, 'x', sizeof(body));
    world->hold = true;
    struct answer *large = ask(client, "POST", "/", NULL, body, sizeof(body));
    client->held_back = large->id; /* no window update for it, ever */
    until_pumped(client, world->held_count == 1);
    world->hold = false;
    echo(world->held[0]);
    struct answer *small = ask(client, "POST", "/", NULL, body, 50);
    until_pumped(client, large->closed && small->closed);
    assert_int_equal(large->len, 100);
    assert_int_equal(large->code, NGHTTP2_CANCEL);
    assert_int_equal(small->len, 50);
    assert_int_equal(small->code, 0);
    assert_int_equal(http_server_figures(world->server)->slow_readers, 1);
    until_pumped(client, http_server_figures(world->server)->reply_bytes == 0);
    assert_int_equal(client->goaways, 0);
    h2_visitor_close(client);
    world_free(world);
}

/* So long its memory is held. */
static void a_reply_counts_whole_until_its_last_byte_is_written(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 1000);
    char body[3000];

    memset(body, 'x', sizeof(body));
    world->hold = true;
    struct answer *answer = ask(client, "POST", "/", NULL, body, sizeof(body));
    client->held_back = answer->id;
    until_pumped(client, world->held_count == 1);
    echo(world->held[0]);
    until_pumped(client, answer->len == 1000);
    turns(world, 5);
    assert_int_equal(http_server_figures(world->server)->reply_bytes, sizeof(body));
    client->held_back = 0;
    nghttp2_session_consume_stream(client->session, answer->id, 1000);
    until_pumped(client, answer->closed);
    assert_int_equal(answer->len, sizeof(body));
    until_pumped(client, http_server_figures(world->server)->reply_bytes == 0);
    h2_visitor_close(client);
    world_free(world);
}

static void a_client_that_does_not_read_is_hung_up_on(void **state)
{
    struct http_deadlines quick = { .write_ms = 60 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct h2_visitor *client = h2_visitor_open(world, 1u << 30);
    size_t len = 12u << 20;
    char *body = calloc(1, len);

    nghttp2_session_set_local_window_size(client->session, 0, 0, 1 << 30);
    world->hold = true;
    ask(client, "POST", "/", NULL, body, len);
    until_pumped(client, world->held_count == 1);
    uv_read_stop((uv_stream_t *)&client->visitor->tcp);
    echo(world->held[0]);
    until(world, http_server_figures(world->server)->slow_readers > 0);
    until(world, http_server_figures(world->server)->connections == 0);
    assert_int_equal(http_server_figures(world->server)->reply_bytes, 0);
    free(body);
    h2_visitor_close(client);
    world_free(world);
}

/* ---- the end ---- */

static void draining_finishes_what_runs_and_says_goodbye(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *idle = h2_visitor_open(world, 0);
    struct h2_visitor *client = h2_visitor_open(world, 0);

    until_pumped(idle, idle->fed > 0);
    world->hold = true;
    struct answer *answer = ask(client, "POST", "/", NULL, "late", 4);
    until_pumped(client, world->held_count == 1);
    http_server_part(world->server);
    until_pumped(idle, idle->goaways == 1);
    assert_int_equal(idle->goaway_last, INT32_MAX); /* what it still asks is served */
    http_server_drain(world->server, on_server_drained, world);
    client->silent = true; /* it asks once more before it hears of that */
    turns(world, 20);
    struct answer *crossed = ask(client, "POST", "/", NULL, "crossed", 7);
    until_pumped(client, world->held_count == 2);
    client->silent = false;
    until_pumped(client, client->goaways == 1);
    assert_int_equal(client->goaway_last, INT32_MAX);
    assert_false(world->drained);
    echo(world->held[0]);
    echo(world->held[1]);
    until_pumped(client, answer->closed && crossed->closed);
    assert_int_equal(answer->status, 200);
    assert_int_equal(crossed->status, 200);
    until_pumped(client, client->visitor->ended);
    pump(client);
    assert_false(client->visitor->reset);
    assert_int_equal(client->goaways, 2);
    assert_int_equal(client->goaway_last, crossed->id);
    h2_visitor_close(client);
    h2_visitor_close(idle);
    until(world, world->drained);
    world_free(world);
}

/* It asks again before its last request is answered, so there is no idle moment. */
static void draining_ends_a_connection_that_is_never_idle(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);
    uint64_t began_ms = clock_mono_ms(world->clock);

    world->hold = true;
    ask(client, "POST", "/", NULL, "1", 1);
    until_pumped(client, world->held_count == 1);
    http_server_part(world->server);
    http_server_drain(world->server, on_server_drained, world);
    while (client->goaways < 2) {
        int held = world->held_count;
        assert_false(world->drained); /* not because HTTP_DRAIN_MS are over */
        if (nghttp2_session_get_next_stream_id(client->session) < 1000) {
            ask(client, "POST", "/", NULL, "on", 2);
            until_pumped(client, world->held_count == held + 1 || client->goaways == 2);
        }
        echo(world->held[held - 1]);
        world->held[held - 1] = NULL;
        for (int at = 0; at < 10; at++, pump(client), turns(world, 1))
            uv_sleep(1);
    }
    assert_int_equal(client->goaway_code, NGHTTP2_NO_ERROR);
    assert_true(clock_mono_ms(world->clock) - began_ms >= H2_GOODBYE_MS);
    if (world->held[world->held_count - 1] != NULL)
        echo(world->held[world->held_count - 1]); /* what runs is served */
    until_pumped(client, client->visitor->ended);
    pump(client);
    assert_false(client->visitor->reset);
    for (int at = 0; at < client->answer_count; at++)
        assert_true(client->answers[at].id > client->goaway_last ||
                    (client->answers[at].closed && client->answers[at].status == 200));
    h2_visitor_close(client);
    until(world, world->drained);
    world_free(world);
}

static void a_client_that_goes_leaves_its_exchanges_to_their_replies(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);

    world->hold = true;
    for (int at = 0; at < 5; at++)
        ask(client, "POST", "/", NULL, "body", 4);
    until_pumped(client, world->held_count == 5);
    h2_visitor_close(client);
    until(world, http_exchange_gone(world->held[4]));
    http_server_close(world->server, on_server_closed, world);
    turns(world, 5);
    assert_false(world->closed);
    for (int at = 0; at < 5; at++)
        echo(world->held[at]);
    until(world, world->closed);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_and_its_connection_goes_on),
        cmocka_unit_test(the_upper_layer_sees_the_request_whole),
        cmocka_unit_test(requests_are_answered_in_any_order),
        cmocka_unit_test(large_bodies_pass_both_windows_unchanged),
        cmocka_unit_test(the_preface_may_come_in_pieces_and_other_words_are_not_it),
        cmocka_unit_test(bad_requests_are_refused_one_by_one),
        cmocka_unit_test(what_breaks_the_framing_of_a_request_is_reset),
        cmocka_unit_test(a_body_over_the_maximum_gets_413_and_its_connection_goes_on),
        cmocka_unit_test(bodies_of_all_requests_have_a_budget),
        cmocka_unit_test(given_up_requests_count_until_their_replies),
        cmocka_unit_test(a_rapid_reset_attack_is_hung_up_on),
        cmocka_unit_test(frames_for_nothing_are_hung_up_on),
        cmocka_unit_test(empty_data_is_hung_up_on),
        cmocka_unit_test(a_head_of_many_frames_is_hung_up_on),
        cmocka_unit_test(half_a_head_and_half_a_body_are_timed_out),
        cmocka_unit_test(an_idle_connection_is_closed_however_often_it_pings),
        cmocka_unit_test(a_reply_that_is_not_taken_is_given_up_and_no_other),
        cmocka_unit_test(a_reply_counts_whole_until_its_last_byte_is_written),
        cmocka_unit_test(a_client_that_does_not_read_is_hung_up_on),
        cmocka_unit_test(draining_finishes_what_runs_and_says_goodbye),
        cmocka_unit_test(draining_ends_a_connection_that_is_never_idle),
        cmocka_unit_test(a_client_that_goes_leaves_its_exchanges_to_their_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

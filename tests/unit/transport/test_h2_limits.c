/* HTTP/2: what one request, one connection and one address may have, and who suffers for it. */
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

/* POST http / host "a", without Huffman and without the table. */
static const unsigned char head[] = { 0x83, 0x86, 0x84, 0x01, 0x01, 'a' };

static const struct http_server_figures *figures(const struct world *world)
{
    return http_server_figures(world->server);
}

/* Requests whose bodies have begun and do not go on, in raw frames: quick to make by the thousand.
 * What comes back is not for the visitor's own session. */
static struct h2_visitor *half_bodies_open(struct world *world, uint32_t count)
{
    static const unsigned char frame_heads[] = { 0, 0, sizeof(head), NGHTTP2_HEADERS,
                                                 NGHTTP2_FLAG_END_HEADERS };
    struct h2_visitor *client = h2_visitor_open(world, 0);
    const size_t each = 9 + sizeof(head) + 9 + 1;
    unsigned char *bytes = calloc(count, each);

    client->silent = true;
    for (uint32_t at = 0; at < count; at++) {
        unsigned char *to = bytes + at * each, *data = to + 9 + sizeof(head);
        const uint32_t id = 2 * at + 1;
        memcpy(to, frame_heads, sizeof(frame_heads));
        memcpy(to + 9, head, sizeof(head));
        data[2] = 1; /* byte of a body */
        to[7] = data[7] = (unsigned char)(id >> 8);
        to[8] = data[8] = (unsigned char)id;
    }
    visitor_send_bytes(client->visitor, (const char *)bytes, count * each);
    free(bytes);
    return client;
}

/* ---- bodies ---- */

static void thousands_of_begun_bodies_stop_nobody(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *many[16];
    struct visitor *client;

    for (int at = 0; at < 16; at++)
        many[at] = half_bodies_open(world, H2_STREAMS_MAX);
    turns(world, 100);
    assert_int_equal(figures(world)->refused, 0);
    client = visitor_open(world);
    visitor_send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    until(world, visitor_got(client, "\r\n\r\nbody"));
    assert_true(visitor_got(client, "HTTP/1.1 200 OK\r\n"));
    assert_int_equal(figures(world)->refused, 0);
    assert_int_equal(figures(world)->h2_refused_streams, 0);
    visitor_close(client);
    for (int at = 0; at < 16; at++)
        h2_visitor_close(many[at]);
    world_free(world);
}

static void bodies_of_one_connection_have_a_maximum(void **state)
{
    const size_t len = HTTP_BODY_BYTES_MAX - 1;
    const uint32_t count = H2_BODIES_BYTES_MAX / HTTP_BODY_BYTES_MAX;
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0), *other = h2_visitor_open(world, 0);
    char *body = calloc(1, len);
    struct answer *last = NULL;

    for (uint32_t at = 0; at < count; at++) {
        last = ask_half(client, body, len);
        until_pumped(client, last->sent_at == len);
    }
    turns(world, 20);
    assert_int_equal(figures(world)->refused, 0);
    struct answer *over = ask(client, "POST", "/", NULL, "body", 4);
    until_pumped(client, over->closed);
    assert_int_equal(over->status, 503);
    assert_non_null(strstr(over->body, "on this connection"));
    struct answer *fine = ask(other, "POST", "/", NULL, "body", 4);
    until_pumped(other, fine->closed);
    assert_int_equal(fine->status, 200);
    nghttp2_submit_rst_stream(client->session, 0, last->id, NGHTTP2_CANCEL);
    fine = ask(client, "POST", "/", NULL, "body", 4);
    until_pumped(client, fine->closed);
    assert_int_equal(fine->status, 200);
    free(body);
    h2_visitor_close(client);
    h2_visitor_close(other);
    world_free(world);
}

static void bodies_of_one_address_have_a_share(void **state)
{
    struct world *world = world_new((struct http_server_options){ .body_bytes_max = 1u << 20,
                                                                  .bodies_bytes_max = 4u << 20,
                                                                  .address_share = 50 });
    struct h2_visitor *first = h2_visitor_open(world, 0), *second = h2_visitor_open(world, 0);
    const size_t len = (1u << 20) - 1;
    char *body = calloc(1, len);
    struct answer *one = ask_half(first, body, len), *two = ask_half(second, body, len);

    until_pumped(first, one->sent_at == len);
    until_pumped(second, two->sent_at == len);
    turns(world, 20);
    struct answer *over = ask(first, "POST", "/", NULL, "body", 4);
    until_pumped(first, over->closed);
    assert_int_equal(over->status, 503);
    assert_non_null(strstr(over->body, "from this address"));
    world->from = "127.0.0.2";
    struct h2_visitor *stranger = h2_visitor_open(world, 0);
    struct answer *fine = ask(stranger, "POST", "/", NULL, "body", 4);
    until_pumped(stranger, fine->closed);
    assert_int_equal(fine->status, 200);
    free(body);
    h2_visitor_close(first);
    h2_visitor_close(second);
    h2_visitor_close(stranger);
    world_free(world);
}

/* ---- requests and connections ---- */

/* And a client is not hung up on for that the port is full. */
static void requests_of_one_address_have_a_share(void **state)
{
    const uint32_t share = H2_PORT_STREAMS_MAX / 32;
    struct world *world = world_new((struct http_server_options){ .address_share = 3 });
    struct h2_visitor *many = half_bodies_open(world, share - 20); /* of 3 percent */
    struct h2_visitor *client = h2_visitor_open(world, 0);
    int refused = 0;

    for (uint32_t at = 0; at < H2_RESETS_MAX + 500; at++) {
        struct answer *answer = ask_half(client, "body", 4);
        if (at % 8 == 0)
            until_pumped(client, answer->closed || at < 100);
    }
    turns(world, 100);
    pump(client);
    for (int at = 0; at < client->answer_count; at++)
        refused += client->answers[at].code == NGHTTP2_REFUSED_STREAM;
    assert_true(refused > (int)H2_RESETS_MAX);
    assert_int_equal(figures(world)->h2_refused_streams, refused);
    assert_int_equal(figures(world)->h2_floods, 0);
    assert_int_equal(client->goaways, 0);
    world->from = "127.0.0.2";
    struct h2_visitor *other = h2_visitor_open(world, 0);
    struct answer *fine = ask(other, "POST", "/", NULL, "body", 4);
    until_pumped(other, fine->closed);
    assert_int_equal(fine->status, 200);
    h2_visitor_close(many);
    h2_visitor_close(client);
    h2_visitor_close(other);
    world_free(world);
}

static void connections_of_one_address_have_a_share(void **state)
{
    struct world *world = world_new(
        (struct http_server_options){ .connections_max = 4, .address_share = 50 });
    struct visitor *first = visitor_open(world), *second = visitor_open(world);

    until(world, figures(world)->connections == 2);
    expect_refusal(world, GET, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_int_equal(figures(world)->turned_away, 1);
    assert_int_equal(figures(world)->connections, 2);
    world->from = "127.0.0.2";
    struct visitor *other = visitor_open(world);
    visitor_send(other, GET);
    until(world, visitor_got(other, "HTTP/1.1 200 OK"));
    world->from = NULL;
    visitor_close(first);
    until(world, figures(world)->connections == 2);
    struct visitor *third = visitor_open(world);
    visitor_send(third, GET);
    until(world, visitor_got(third, "HTTP/1.1 200 OK"));
    assert_int_equal(figures(world)->turned_away, 1);
    assert_int_equal(figures(world)->accepted, 4);
    visitor_close(second);
    visitor_close(other);
    visitor_close(third);
    world_free(world);
}

/* ---- replies ---- */

static void a_connection_with_much_to_read_is_given_no_more_requests(void **state)
{
    const uint32_t count = 4;
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 1000), *other = h2_visitor_open(world, 0);
    struct buf *body = buf_new(H2_REPLIES_BYTES_MAX / count);
    const struct http_reply large = { .status = 200, .body = &body, .body_count = 1 };

    memset(body->data, 'x', body->len);
    nghttp2_session_set_local_window_size(client->session, 0, 0, 1000);
    client->held_back = INT32_MAX;
    world->hold = true;
    for (uint32_t at = 0; at < count; at++)
        ask(client, "POST", "/", NULL, "{}", 2);
    until_pumped(client, world->held_count == (int)count);
    for (uint32_t at = 0; at < count; at++) {
        client->held_back = client->answers[at].id;
        http_exchange_reply(world->held[at], &large);
    }
    buf_unref(body);
    turns(world, 20);
    assert_in_range(figures(world)->reply_bytes, H2_REPLIES_BYTES_MAX,
                    H2_REPLIES_BYTES_MAX + 2 * H2_WRITE_BYTES_MAX);
    world->hold = false;
    struct answer *waits = ask(client, "POST", "/", NULL, "{}", 2);
    struct answer *fine = ask(other, "POST", "/", NULL, "{}", 2);
    until_pumped(other, fine->closed);
    turns(world, 100);
    assert_int_equal(world->requests, (int)count + 1);
    nghttp2_submit_rst_stream(client->session, 0, client->answers[0].id, NGHTTP2_CANCEL);
    until_pumped(client, world->requests == (int)count + 2);
    assert_false(waits->code != 0);
    h2_visitor_close(client);
    h2_visitor_close(other);
    world_free(world);
}

/* ---- heads ---- */

/* One field of 4,000 bytes goes into the table, and each further byte stands for all of it. */
static void long_head_send(struct h2_visitor *client, int32_t id, size_t references)
{
    size_t len = sizeof(head) + 2 + 1 + 3 + 4000;
    unsigned char *bytes = malloc(len + references), *to = bytes + sizeof(head);

    memcpy(bytes, head, sizeof(head));
    *to++ = 0x40; /* literal, to be indexed */
    *to++ = 1;
    *to++ = 'x';
    *to++ = 0x7f; /* 127 and more: */
    *to++ = (4000 - 127) % 128 + 128;
    *to++ = (4000 - 127) / 128;
    memset(to, 'v', 4000);
    memset(bytes + len, 0x80 | 62, references);
    frame_send(client, NGHTTP2_HEADERS, 5, id, bytes, len + references);
    free(bytes);
}

static void a_head_that_is_far_too_long_is_reset(void **state)
{
    struct world *world = world_plain();
    struct h2_visitor *client = h2_visitor_open(world, 0);

    client->silent = true;
    long_head_send(client, 1, 5); /* over the maximum, not twice: 431 */
    long_head_send(client, 3, 10000);
    until(world, reset_code(client, 3) != UINT32_MAX);
    assert_int_equal(reset_code(client, 3), NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(reset_code(client, 1), UINT32_MAX);
    assert_int_equal(figures(world)->refused, 1);
    frame_send(client, NGHTTP2_HEADERS, 5, 5, head, sizeof(head));
    until(world, world->requests == 1); /* the others do not suffer */
    for (int at = 0; at < 50 && !client->visitor->ended; at++)
        long_head_send(client, 2 * at + 7, 10000);
    until(world, client->visitor->ended);
    pump(client);
    assert_int_equal(client->goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(figures(world)->h2_floods, 1);
    assert_int_equal(figures(world)->refused, 1);
    h2_visitor_close(client);
    world_free(world);
}

/* ---- time ---- */

static void bodies_that_are_late_again_and_again_end_the_connection(void **state)
{
    struct http_deadlines quick = { .body_ms = 50 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct h2_visitor *few = half_bodies_open(world, 20);

    until(world, figures(world)->timed_out == 20);
    turns(world, 20);
    assert_int_equal(figures(world)->h2_floods, 0);
    struct h2_visitor *many = half_bodies_open(world, 2 * H2_LATE_MAX);
    until(world, many->visitor->ended);
    pump(many);
    assert_int_equal(many->goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(figures(world)->h2_floods, 1);
    assert_false(few->visitor->ended);
    h2_visitor_close(few);
    h2_visitor_close(many);
    world_free(world);
}

static void a_byte_now_and_then_keeps_no_body_alive(void **state)
{
    struct http_deadlines quick = { .body_ms = 100 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct h2_visitor *client = half_bodies_open(world, 1);

    for (int at = 0; at < 1000 && figures(world)->timed_out == 0; at++) {
        frame_send(client, NGHTTP2_DATA, 0, 1, "x", 1);
        turns(world, 1);
        uv_sleep(1);
    }
    assert_int_equal(figures(world)->timed_out, 1);
    assert_int_equal(figures(world)->refused, 1);
    h2_visitor_close(client);
    world_free(world);
}

/* Its frames come byte by byte, and no other request of the connection goes on before it ends. */
static void a_byte_now_and_then_keeps_no_head_alive(void **state)
{
    static const char frame[] = "\0\0\x40\1\5\0\0\0\1\x83\x86\x84\x01\x01"
                                "a\0\1x";
    struct http_deadlines quick = { .head_ms = 100 };
    struct world *world = world_new((struct http_server_options){ .deadlines = quick });
    struct h2_visitor *client = h2_visitor_open(world, 0);

    client->silent = true;
    for (size_t at = 0; at < 1000 && !client->visitor->ended; at++) {
        visitor_send_bytes(client->visitor, at < sizeof(frame) - 1 ? frame + at : "y", 1);
        turns(world, 1);
        uv_sleep(at < sizeof(frame) - 1 ? 0 : 10);
    }
    until(world, client->visitor->ended);
    assert_int_equal(figures(world)->timed_out, 1);
    assert_int_equal(world->requests, 0);
    h2_visitor_close(client);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_of_begun_bodies_stop_nobody),
        cmocka_unit_test(bodies_of_one_connection_have_a_maximum),
        cmocka_unit_test(bodies_of_one_address_have_a_share),
        cmocka_unit_test(requests_of_one_address_have_a_share),
        cmocka_unit_test(connections_of_one_address_have_a_share),
        cmocka_unit_test(a_connection_with_much_to_read_is_given_no_more_requests),
        cmocka_unit_test(a_head_that_is_far_too_long_is_reset),
        cmocka_unit_test(bodies_that_are_late_again_and_again_end_the_connection),
        cmocka_unit_test(a_byte_now_and_then_keeps_no_body_alive),
        cmocka_unit_test(a_byte_now_and_then_keeps_no_head_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

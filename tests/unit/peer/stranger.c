#include "stranger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uv.h>

/* ---- a peer that is not one of us: a bare socket ---- */

static void raw_on_connected(uv_connect_t *connect, int status)
{
    assert_int_equal(status, 0);
    ((struct raw *)connect->data)->connected = true;
}

static void raw_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct raw *raw = handle->data;

    *buf = uv_buf_init(raw->room, sizeof(raw->room));
}

static void raw_on_handle_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void raw_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct raw *raw = stream->data;

    if (len < 0)
        raw->closed = true;
    else
        raw->got += (size_t)len;
}

struct raw *raw_open(struct world *world, uint16_t port)
{
    struct raw *raw = calloc(1, sizeof(*raw));
    struct sockaddr_in place;

    uv_ip4_addr("127.0.0.1", port, &place);
    uv_tcp_init(&world->loop, &raw->tcp);
    raw->tcp.data = raw->connect.data = raw;
    assert_int_equal(
        uv_tcp_connect(&raw->connect, &raw->tcp, (struct sockaddr *)&place, raw_on_connected), 0);
    until(world, raw->connected);
    uv_read_start((uv_stream_t *)&raw->tcp, raw_on_alloc, raw_on_bytes);
    return raw;
}

void raw_send(struct raw *raw, const void *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);

    assert_int_equal(uv_try_write((uv_stream_t *)&raw->tcp, &buf, 1), (int)len);
}

void raw_close(struct raw *raw)
{
    uv_close((uv_handle_t *)&raw->tcp, raw_on_handle_closed);
}

size_t frame_bytes(unsigned char *bytes, struct frame_header header, struct buf *body)
{
    header.body_len = body != NULL ? (uint32_t)body->len : 0;
    header.body_crc = frame_crc(&body, body != NULL);
    frame_header_encode(&header, bytes);
    if (body != NULL)
        memcpy(bytes + FRAME_HEADER_BYTES, body->data, body->len);
    return FRAME_HEADER_BYTES + header.body_len;
}

struct raw *raw_greeted(struct world *world, uint64_t node)
{
    struct greeting greeting = { .lane = NET_LANE_RAFT, .node = node, .boot = 9 };
    AUTO_UNREF struct buf *body = greeting_encode(&greeting);
    struct raw *raw = raw_open(world, world->nodes[0].port);
    unsigned char bytes[256];

    raw_send(raw, bytes, frame_bytes(bytes, (struct frame_header){ .type = FRAME_GREETING }, body));
    until(world, raw->got > 0);
    return raw;
}

/* ---- a node that is a puppet: it accepts, greets as it is told, and says nothing else ---- */

static void string_greet(struct string *string)
{
    struct puppet *puppet = string->puppet;
    struct greeting heard, said;
    unsigned char bytes[256];
    uv_buf_t buf;

    assert_int_equal(greeting_decode(slice_of(string->room + FRAME_HEADER_BYTES,
                                              GREETING_FIXED_BYTES + strlen("test:1")),
                                     &heard),
                     ERR_OK);
    said = (struct greeting){ .lane = puppet->lane_wrong ? !heard.lane : heard.lane,
                              .node = puppet->node,
                              .boot = puppet->boot + (puppet->lanes_differ ? heard.lane : 0) };
    AUTO_UNREF struct buf *body = greeting_encode(&said);
    buf = uv_buf_init((char *)bytes, (unsigned)frame_bytes(
                                         bytes, (struct frame_header){ .type = FRAME_GREETING },
                                         body));
    assert_int_equal(uv_try_write((uv_stream_t *)&string->tcp, &buf, 1), (int)buf.len);
}

static void string_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct string *string = handle->data;

    *buf = uv_buf_init(string->room, sizeof(string->room));
}

static void handle_ended(struct puppet *puppet)
{
    if (--puppet->handles == 0)
        free(puppet);
}

static void string_on_closed(uv_handle_t *handle)
{
    handle_ended(((struct string *)handle->data)->puppet);
}

void string_close(struct string *string)
{
    if (string->open)
        uv_close((uv_handle_t *)&string->tcp, string_on_closed);
    string->open = false;
}

void string_reset(struct string *string)
{
    assert_true(string->open);
    assert_int_equal(uv_tcp_close_reset(&string->tcp, string_on_closed), 0);
    string->open = false;
}

static void string_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct string *string = stream->data;

    if (len < 0)
        string_close(string);
    else if (!string->greeted && !string->puppet->mute)
        string_greet(string);
    string->greeted = true;
}

static void puppet_on_connection(uv_stream_t *stream, int status)
{
    struct puppet *puppet = stream->data;
    struct string *string = &puppet->strings[puppet->string_count++];

    assert_true(puppet->string_count < STRINGS_MAX);
    *string = (struct string){ .puppet = puppet, .open = true };
    uv_tcp_init(&puppet->world->loop, &string->tcp);
    puppet->handles++;
    string->tcp.data = string;
    assert_int_equal(uv_accept(stream, (uv_stream_t *)&string->tcp), 0);
    uv_read_start((uv_stream_t *)&string->tcp, string_on_alloc, string_on_bytes);
}

struct puppet *puppet_new(struct world *world, uint64_t node, uint64_t boot)
{
    struct puppet *puppet = calloc(1, sizeof(*puppet));
    struct sockaddr_in place;
    int len = sizeof(place);

    *puppet = (struct puppet){ .world = world, .node = node, .boot = boot };
    uv_ip4_addr("127.0.0.1", 0, &place);
    uv_tcp_init(&world->loop, &puppet->tcp);
    puppet->handles = 1;
    puppet->tcp.data = puppet;
    uv_tcp_bind(&puppet->tcp, (struct sockaddr *)&place, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&puppet->tcp, 16, puppet_on_connection), 0);
    uv_tcp_getsockname(&puppet->tcp, (struct sockaddr *)&place, &len);
    puppet->port = ntohs(place.sin_port);
    return puppet;
}

void puppet_cut(struct puppet *puppet)
{
    for (int at = 0; at < puppet->string_count; at++)
        string_close(&puppet->strings[at]);
}

static void puppet_on_closed(uv_handle_t *handle)
{
    handle_ended(handle->data);
}

void puppet_free(struct puppet *puppet)
{
    puppet_cut(puppet);
    uv_close((uv_handle_t *)&puppet->tcp, puppet_on_closed);
}

void puppet_dial(struct world *world, const struct puppet *puppet)
{
    char address[64];

    snprintf(address, sizeof(address), "127.0.0.1:%u", puppet->port);
    assert_int_equal(net_dial(world->nodes[0].net, address), ERR_OK);
}

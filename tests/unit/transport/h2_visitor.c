#include "h2_visitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct answer *answer_of(struct h2_visitor *client, int32_t id)
{
    for (int at = client->answer_count - 1; at >= 0; at--)
        if (client->answers[at].id == id)
            return &client->answers[at];
    return NULL;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    struct answer *answer = answer_of(ctx, frame->hd.stream_id);

    assert_non_null(answer);
    if (strcmp((const char *)name, ":status") == 0)
        answer->status = atoi((const char *)value);
    if (strcmp((const char *)name, "x-path") == 0)
        strncpy(answer->path, (const char *)value, sizeof(answer->path) - 1);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *ctx)
{
    struct h2_visitor *client = ctx;
    struct answer *answer = answer_of(client, id);

    assert_non_null(answer);
    nghttp2_session_consume_connection(session, len);
    if (id != client->held_back)
        nghttp2_session_consume_stream(session, id, len);
    if (answer->len + len >= answer->room) {
        answer->room = 2 * (answer->len + len) + 1;
        answer->body = realloc(answer->body, answer->room);
    }
    memcpy(answer->body + answer->len, data, len);
    answer->len += len;
    answer->body[answer->len] = '\0';
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct answer *answer = answer_of(ctx, id);

    if (answer != NULL) {
        answer->closed = true;
        answer->code = code;
    }
    return 0;
}

static uint32_t number(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* In the bytes themselves: after one nghttp2 may take no more. */
static void goaways_look(struct h2_visitor *client)
{
    const unsigned char *got = (const unsigned char *)client->visitor->got;

    while (client->visitor->got_len - client->looked >= 9) {
        const unsigned char *frame = got + client->looked;
        size_t len = 9 + ((size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2]);
        if (client->visitor->got_len - client->looked < len)
            return;
        client->looked += len;
        if (frame[3] != NGHTTP2_GOAWAY)
            continue;
        client->goaways++;
        client->goaway_last = (int32_t)number(frame + 9);
        client->goaway_code = frame[16];
    }
}

struct h2_visitor *h2_visitor_open(struct world *world, uint32_t window)
{
    struct h2_visitor *client = calloc(1, sizeof(*client));
    nghttp2_settings_entry setting = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window };
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_http_messaging(option, 1); /* it may send what it should not */
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, ANSWERS_MAX);
    assert_int_equal(nghttp2_session_client_new2(&client->session, callbacks, client, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, &setting, window > 0);
    client->visitor = visitor_open(world);
    pump(client);
    return client;
}

void h2_visitor_close(struct h2_visitor *client)
{
    visitor_close(client->visitor);
    nghttp2_session_del(client->session);
    for (int at = 0; at < client->answer_count; at++)
        free(client->answers[at].body);
    free(client);
}

void pump(struct h2_visitor *client)
{
    const uint8_t *bytes;
    ssize_t len;

    goaways_look(client);
    while ((len = nghttp2_session_mem_send(client->session, &bytes)) > 0)
        visitor_send_bytes(client->visitor, (const char *)bytes, (size_t)len);
    if (!client->silent && client->visitor->got_len > client->fed) {
        len = nghttp2_session_mem_recv(client->session,
                                       (uint8_t *)client->visitor->got + client->fed,
                                       client->visitor->got_len - client->fed);
        assert_true(len >= 0);
        client->fed += (size_t)len;
    }
}

static ssize_t body_on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct answer *answer = source->ptr;
    size_t left = answer->sent_len - answer->sent_at;
    size_t len = left < room ? left : room;

    memcpy(to, answer->sent + answer->sent_at, len);
    answer->sent_at += len;
    if (len == 0 && answer->unfinished)
        return NGHTTP2_ERR_DEFERRED;
    if (len == left && !answer->unfinished)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

nghttp2_nv h2_field(const char *name, const char *value)
{
    return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
                         .value = (uint8_t *)(uintptr_t)value,
                         .namelen = strlen(name),
                         .valuelen = strlen(value) };
}

static struct answer *ask_one(struct h2_visitor *client, const char *method, const char *path,
                              const char *const *more, const char *body, size_t len,
                              bool unfinished)
{
    struct answer *answer = &client->answers[client->answer_count++];
    nghttp2_data_provider provider = { .source.ptr = answer, .read_callback = body_on_read };
    nghttp2_nv fields[160];
    size_t count = 0;

    assert_true(client->answer_count <= ANSWERS_MAX);
    answer->sent = body;
    answer->sent_len = len;
    answer->unfinished = unfinished;
    fields[count++] = h2_field(":method", method);
    fields[count++] = h2_field(":scheme", "http");
    fields[count++] = h2_field(":authority", "braid:4567");
    fields[count++] = h2_field(":path", path);
    for (; more != NULL && *more != NULL; more += 2)
        fields[count++] = h2_field(more[0], more[1]);
    answer->id = nghttp2_submit_request(client->session, NULL, fields, count,
                                        body != NULL ? &provider : NULL, NULL);
    assert_true(answer->id > 0);
    pump(client);
    return answer;
}

struct answer *ask(struct h2_visitor *client, const char *method, const char *path,
                   const char *const *more, const char *body, size_t len)
{
    return ask_one(client, method, path, more, body, len, false);
}

struct answer *ask_half(struct h2_visitor *client, const char *body, size_t len)
{
    return ask_one(client, "POST", "/", NULL, body, len, true);
}

uint32_t reset_code(const struct h2_visitor *client, int32_t id)
{
    const unsigned char *got = (const unsigned char *)client->visitor->got;
    size_t left = client->visitor->got_len;

    while (left >= 9) {
        size_t len = 9 + ((size_t)got[0] << 16 | (size_t)got[1] << 8 | got[2]);
        if (left >= len && got[3] == NGHTTP2_RST_STREAM && number(got + 5) == (uint32_t)id)
            return number(got + 9);
        if (left < len)
            break;
        got += len;
        left -= len;
    }
    return UINT32_MAX;
}

void frame_send(struct h2_visitor *client, uint8_t type, uint8_t flags, int32_t id,
                const void *payload, size_t len)
{
    const unsigned char head[9] = { (unsigned char)(len >> 16), (unsigned char)(len >> 8),
                                    (unsigned char)len,         type,
                                    flags,                      (unsigned char)(id >> 24),
                                    (unsigned char)(id >> 16),  (unsigned char)(id >> 8),
                                    (unsigned char)id };

    visitor_send_bytes(client->visitor, (const char *)head, sizeof(head));
    visitor_send_bytes(client->visitor, payload, len);
}

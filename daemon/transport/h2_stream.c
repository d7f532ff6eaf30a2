#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "transport/h2_private.h"

/* SDKs send about 15 headers. */
#define HEADERS_AT_FIRST 24u

/* What each field costs beyond its bytes (RFC 9113, 6.5.2). */
#define FIELD_BYTES 32u

static bool pseudo(struct h2_stream *stream, struct slice name, struct slice value);
static bool keep_header(struct h2_stream *stream, struct slice name, struct slice value);
static void head_refuse(struct h2_stream *stream, int status, const char *sentence);
static void head_check(struct h2_stream *stream);
static void headers_check(struct h2_stream *stream);
static void refuse(struct h2_stream *stream, int status, const char *sentence);
static void request_drop(struct h2_stream *stream);
static void stream_end(struct h2_stream *stream);
static void stream_free(struct h2_stream *stream);
static bool parts_take(struct h2_stream *stream, struct buf *const parts[], uint32_t part_count);
static void parts_drop(struct h2_stream *stream, uint32_t upto);
static bool submit(struct h2_stream *stream, const struct http_reply *reply, const char *date,
                   const size_t *body_bytes);
static ssize_t body_on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t len,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx);

static struct http_request *request_of(struct h2_stream *stream)
{
    return &stream->carried.exchange.request;
}

struct h2_stream *h2_stream_new(struct h2 *h2, int32_t id)
{
    struct h2_stream *stream;

    if (h2->count >= H2_STREAMS_MAX || budget_take(h2->share.streams, 1) != NULL)
        return NULL;
    stream = calloc(1, sizeof(*stream));
    if (stream == NULL) {
        budget_return(h2->share.streams, 1);
        return NULL;
    }
    stream->h2 = h2;
    stream->id = id;
    stream->content_length = UINT64_MAX;
    arena_init(&stream->arena, h2->port->arena_bytes_max);
    list_append(&h2->streams, &stream->link);
    h2->live++;
    h2->count++;
    h2->events->on_phase(h2->ctx, stream);
    return stream;
}

/* ---- the head ---- */

bool h2_stream_field(struct h2_stream *stream, struct slice name, struct slice value)
{
    stream->head_bytes += name.len + value.len + FIELD_BYTES;
    if (stream->head_bytes > H2_HEAD_BYTES_READ)
        return false; /* a byte of HPACK may stand for a long field that is looked at each time */
    if (stream->status != 0)
        return true; /* it is refused when it is whole: HPACK has to see all of it */
    if (stream->head_bytes > HTTP_HEAD_BYTES_MAX) {
        head_refuse(stream, 431, "headers are too long");
        return true;
    }
    if (name.len > 0 && name.data[0] == ':' && !slice_equal(name, slice_text(":authority")))
        return pseudo(stream, name, value);
    return keep_header(stream, name, value);
}

static struct slice keep(struct h2_stream *stream, struct slice text)
{
    char *kept = arena_text(&stream->arena, text);

    if (kept == NULL)
        head_refuse(stream, 503, "out of memory");
    return slice_of(kept, kept != NULL ? text.len : 0);
}

static bool pseudo(struct h2_stream *stream, struct slice name, struct slice value)
{
    struct http_request *request = request_of(stream);

    if (slice_equal(name, slice_text(":method")))
        request->method = keep(stream, value);
    else if (slice_equal(name, slice_text(":path")))
        request->target = keep(stream, value);
    else if (!slice_equal(name, slice_text(":scheme")))
        return false;
    return true;
}

static bool keep_header(struct h2_stream *stream, struct slice name, struct slice value)
{
    struct http_request *request = request_of(stream);

    if (request->header_count == HTTP_HEADERS_MAX) {
        head_refuse(stream, 431, "too many headers");
        return true;
    }
    if (request->header_count == stream->header_room) {
        uint32_t room = stream->header_room == 0 ? HEADERS_AT_FIRST : HTTP_HEADERS_MAX;
        struct http_header *headers = arena_raw(&stream->arena, room * sizeof(*headers));
        if (headers == NULL) {
            head_refuse(stream, 503, "out of memory");
            return true;
        }
        if (request->header_count > 0)
            memcpy(headers, stream->headers, request->header_count * sizeof(*headers));
        request->headers = stream->headers = headers;
        stream->header_room = room;
    }
    stream->headers[request->header_count++] =
        (struct http_header){ .name = keep(stream, name), .value = keep(stream, value) };
    return true;
}

bool h2_stream_trailer(struct h2_stream *stream, struct slice name, struct slice value)
{
    stream->trailer_bytes += name.len + value.len + FIELD_BYTES;
    return stream->trailer_bytes <= HTTP_TRAILER_BYTES_MAX;
}

/* The first reason counts. */
static void head_refuse(struct h2_stream *stream, int status, const char *sentence)
{
    if (stream->status != 0)
        return;
    stream->status = status;
    stream->sentence = sentence;
}

void h2_stream_head_ends(struct h2_stream *stream, bool last)
{
    struct h2 *h2 = stream->h2;

    if (stream->status == 0)
        head_check(stream);
    if (stream->status == 0)
        headers_check(stream);
    if (stream->status != 0) {
        refuse(stream, stream->status, stream->sentence);
        return;
    }
    stream->phase = H2_BODY;
    if (last)
        h2_stream_ends(stream);
    else
        h2->events->on_phase(h2->ctx, stream);
}

/* nghttp2 has seen to it that :method is there once, and :path, :scheme and :authority (or host)
 * with it, unless the method is CONNECT. */
static void head_check(struct h2_stream *stream)
{
    struct http_request *request = request_of(stream);
    bool starred = slice_equal(request->target, slice_text("*"));

    request->verb = http_verb_of(request->method);
    request->major = 2;
    request->keep_alive = true;
    if (slice_equal(request->method, slice_text("CONNECT")))
        head_refuse(stream, 501, "this is no proxy");
    else if (request->target.len == 0 || memchr(request->target.data, '#', request->target.len) ||
             (request->target.data[0] != '/' && !(starred && request->verb == HTTP_VERB_OPTIONS)))
        head_refuse(stream, 400, "malformed target");
    else
        http_request_split(request, request->target);
}

static bool parse_length(struct slice text, uint64_t *length)
{
    *length = 0;
    for (size_t at = 0; at < text.len; at++) {
        if (text.data[at] < '0' || text.data[at] > '9' || *length > UINT64_MAX / 100)
            return false;
        *length = 10 * *length + (uint64_t)(text.data[at] - '0');
    }
    return text.len > 0;
}

static void headers_check(struct h2_stream *stream)
{
    const struct http_request *request = request_of(stream);
    const struct http_header *authority = http_request_header(request, ":authority");
    const struct http_header *host = http_request_header(request, "host");
    const struct http_header *length = http_request_header(request, "content-length");
    const struct http_header *expect = http_request_header(request, "expect");

    /* Two names of one place that differ are how requests are smuggled past a proxy. */
    if (authority != NULL && host != NULL && !slice_equal(authority->value, host->value))
        head_refuse(stream, 400, "host and :authority differ");
    if (length != NULL && !parse_length(length->value, &stream->content_length))
        head_refuse(stream, 400, "malformed content-length");
    else if (length != NULL && stream->content_length > stream->h2->port->body_bytes_max)
        head_refuse(stream, 413, "body is too long");
    if (expect != NULL && !slice_equal(expect->value, slice_text("100-continue")))
        head_refuse(stream, 417, "unknown expectation");
    if (stream->status == 0 && expect != NULL) {
        nghttp2_nv go_on = { .name = (uint8_t *)(uintptr_t) ":status",
                             .value = (uint8_t *)(uintptr_t) "100",
                             .namelen = 7,
                             .valuelen = 3 };
        nghttp2_submit_headers(stream->h2->session, NGHTTP2_FLAG_NONE, stream->id, NULL, &go_on, 1,
                               NULL);
    }
}

static void refuse(struct h2_stream *stream, int status, const char *sentence)
{
    struct h2 *h2 = stream->h2;

    h2->events->on_refused(h2->ctx, stream, status, sentence);
}

/* ---- the body ---- */

bool h2_stream_data(struct h2_stream *stream, struct slice data)
{
    struct h2 *h2 = stream->h2;
    size_t most = h2->port->body_bytes_max;
    const char *sentence = NULL;
    int status;

    if (stream->phase != H2_BODY)
        return false;
    if (stream->content_length < most)
        most = (size_t)stream->content_length;
    status = body_add(&stream->body, h2->share.bodies, most, data, &sentence);
    if (status != 0)
        refuse(stream, status, sentence);
    return status == 0;
}

void h2_stream_ends(struct h2_stream *stream)
{
    struct h2 *h2 = stream->h2;
    struct http_request *request = request_of(stream);

    if (stream->phase != H2_BODY)
        return;
    body_show(&stream->body, request);
    request->arena = &stream->arena;
    request->peer = "";
    stream->phase = H2_WHOLE;
    list_append(&h2->whole, &stream->whole);
    h2->events->on_phase(h2->ctx, stream);
}

struct h2_stream *h2_next_whole(struct h2 *h2)
{
    struct list_node *node = list_pop(&h2->whole);

    if (node == NULL)
        return NULL;
    struct h2_stream *stream = container_of(node, struct h2_stream, whole);
    stream->phase = H2_RUNNING;
    return stream;
}

/* ---- the reply ---- */

static void give_up(struct h2_stream *stream)
{
    h2_stream_reset(stream->h2, stream->id, NGHTTP2_INTERNAL_ERROR);
}

/* There is more of its body, or its end.  Not waiting for that, its head has not been sent. */
static void go_on(struct h2_stream *stream)
{
    if (nghttp2_is_fatal(nghttp2_session_resume_data(stream->h2->session, stream->id)))
        give_up(stream);
}

static bool parts_take(struct h2_stream *stream, struct buf *const parts[], uint32_t part_count)
{
    parts_drop(stream, stream->part_count);
    free(stream->parts);
    stream->part_count = stream->part_at = stream->kept_at = 0;
    stream->parts = calloc(part_count, sizeof(struct buf *));
    if (stream->parts == NULL)
        return false;
    for (uint32_t at = 0; at < part_count; at++) {
        stream->parts[stream->part_count++] = buf_ref(parts[at]);
        stream->left_bytes += parts[at]->len;
    }
    stream->h2->held_bytes += stream->left_bytes;
    return true;
}

static void parts_drop(struct h2_stream *stream, uint32_t upto)
{
    for (; stream->kept_at < upto; stream->kept_at++) {
        stream->h2->held_bytes -= stream->parts[stream->kept_at]->len;
        buf_unref(stream->parts[stream->kept_at]);
    }
}

void h2_reply(struct h2_stream *stream, const struct http_reply *reply, const char *date)
{
    struct h2 *h2 = stream->h2;
    bool bare = request_of(stream)->verb == HTTP_VERB_HEAD || reply->status == 204 ||
                reply->status == 304;
    size_t body_bytes = reply_bytes(reply);

    ensure(stream->phase != H2_REPLYING);
    if (stream->id == 0) {
        stream_end(stream);
        return;
    }
    list_remove(&stream->whole);
    stream->phase = H2_REPLYING;
    if ((!bare && body_bytes > 0 && !parts_take(stream, reply->body, reply->body_count)) ||
        !submit(stream, reply, date, &body_bytes))
        give_up(stream);
    request_drop(stream); /* frees what `reply` may have pointed to */
    h2->events->on_phase(h2->ctx, stream);
}

void h2_begin(struct h2_stream *stream, const struct http_reply *reply, const char *date)
{
    ensure(stream->phase == H2_RUNNING);
    stream->phase = H2_TELLING;
    if (stream->id != 0 && !submit(stream, reply, date, NULL))
        give_up(stream);
}

void h2_give(struct h2_stream *stream, struct buf *const parts[], uint32_t part_count)
{
    ensure(stream->phase == H2_TELLING && stream->left_bytes == 0);
    if (stream->id == 0)
        return;
    if (!parts_take(stream, parts, part_count))
        give_up(stream);
    else
        go_on(stream);
}

void h2_finish(struct h2_stream *stream)
{
    struct h2 *h2 = stream->h2;

    ensure(stream->phase == H2_TELLING);
    stream->phase = H2_REPLYING;
    if (stream->id == 0) {
        stream_end(stream);
        return;
    }
    go_on(stream);
    request_drop(stream);
    h2->events->on_phase(h2->ctx, stream);
}

static nghttp2_nv field(struct slice name, struct slice value)
{
    /* nghttp2 copies both, and makes the name lower case in its copy. */
    return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name.data,
                         .value = (uint8_t *)(uintptr_t)value.data,
                         .namelen = name.len,
                         .valuelen = value.len };
}

/* `body_bytes` NULL: it comes in pieces. */
static bool submit(struct h2_stream *stream, const struct http_reply *reply, const char *date,
                   const size_t *body_bytes)
{
    nghttp2_data_provider provider = { .source.ptr = stream, .read_callback = body_on_read };
    nghttp2_nv *fields = calloc(3 + (size_t)reply->header_count, sizeof(*fields));
    char status[16], length[32];
    size_t count = 0;

    if (fields == NULL)
        return false;
    snprintf(status, sizeof(status), "%d", reply->status);
    snprintf(length, sizeof(length), "%zu", body_bytes != NULL ? *body_bytes : 0);
    fields[count++] = field(slice_text(":status"), slice_text(status));
    fields[count++] = field(slice_text("date"), slice_text(date));
    if (body_bytes != NULL && reply->status != 204 && reply->status != 304)
        fields[count++] = field(slice_text("content-length"), slice_text(length));
    for (uint32_t at = 0; at < reply->header_count; at++)
        fields[count++] = field(reply->headers[at].name, reply->headers[at].value);
    int err = nghttp2_submit_response(stream->h2->session, stream->id, fields, count,
                                      stream->left_bytes > 0 || body_bytes == NULL ? &provider
                                                                                   : NULL);
    free(fields);
    return err == 0;
}

/* Says how much; h2_stream_send() moves it. */
static ssize_t body_on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t len,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct h2_stream *stream = source->ptr;

    if (stream->left_bytes == 0 && stream->phase == H2_TELLING)
        return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (stream->left_bytes <= len) {
        len = stream->left_bytes;
        if (stream->phase != H2_TELLING)
            *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)len;
}

bool h2_stream_send(struct h2_stream *stream, size_t bytes)
{
    struct h2 *h2 = stream->h2;

    ensure(bytes <= stream->left_bytes);
    if (bytes > 0 && !list_linked(&stream->write))
        list_append(&h2->writing, &stream->write);
    while (bytes > 0) {
        struct buf *part = stream->parts[stream->part_at];
        size_t len = part->len - stream->part_from;
        len = len < bytes ? len : bytes;
        if (len > 0 &&
            !gather_refer(h2->gather, part, slice_of(part->data + stream->part_from, len)))
            return false;
        bytes -= len;
        stream->part_from += len;
        stream->left_bytes -= len;
        stream->sent_bytes += len;
        h2->write_bytes += len;
        if (stream->part_from == part->len) {
            stream->part_at++;
            stream->part_from = 0;
        }
    }
    return true;
}

/* A part is held until its last byte is written, so it counts as long. */
void h2_stream_sent(struct h2_stream *stream)
{
    struct h2 *h2 = stream->h2;
    bool whole = stream->left_bytes == 0 || stream->id == 0;

    parts_drop(stream, whole ? stream->part_count : stream->part_at);
    if (stream->id == 0 && stream->phase == H2_REPLYING)
        stream_free(stream);
    else if (stream->id != 0 && stream->phase == H2_TELLING && whole)
        h2->events->on_room(h2->ctx, stream);
}

void h2_reset(struct h2_stream *stream)
{
    nghttp2_submit_rst_stream(stream->h2->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
}

/* ---- the end ---- */

void h2_stream_over(struct h2_stream *stream)
{
    struct h2 *h2 = stream->h2;

    ensure(stream->id != 0);
    stream->id = 0;
    h2->live--;
    stream->left_bytes = 0;
    if (!list_linked(&stream->write))
        parts_drop(stream, stream->part_count);
    if (stream->phase == H2_TELLING)
        h2->events->on_gone(h2->ctx, stream);
    else if (stream->phase != H2_RUNNING)
        stream_end(stream);
}

static void request_drop(struct h2_stream *stream)
{
    body_drop(&stream->body, stream->h2->share.bodies);
    arena_fini(&stream->arena);
    arena_init(&stream->arena, stream->h2->port->arena_bytes_max);
}

/* It is no request any more.  Its part of the present write stays until that is done. */
static void stream_end(struct h2_stream *stream)
{
    timer_stop(&stream->deadline);
    request_drop(stream);
    list_remove(&stream->whole);
    stream->h2->count--;
    budget_return(stream->h2->share.streams, 1);
    if (!list_linked(&stream->write))
        stream_free(stream);
}

static void stream_free(struct h2_stream *stream)
{
    parts_drop(stream, stream->part_count);
    free(stream->parts);
    list_remove(&stream->link);
    free(stream);
}

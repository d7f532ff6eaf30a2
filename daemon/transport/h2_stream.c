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

/* ---- the end ---- */

void h2_stream_over(struct h2_stream *stream)
{
    struct h2 *h2 = stream->h2;

    ensure(stream->id != 0);
    stream->id = 0;
    h2->live--;
    stream->left_bytes = 0;
    if (!list_linked(&stream->write))
        h2_parts_drop(stream, stream->part_count);
    if (stream->phase == H2_TELLING)
        h2->events->on_gone(h2->ctx, stream);
    else if (stream->phase != H2_RUNNING)
        h2_stream_end(stream);
}

void h2_request_drop(struct h2_stream *stream)
{
    body_drop(&stream->body, stream->h2->share.bodies);
    arena_fini(&stream->arena);
    arena_init(&stream->arena, stream->h2->port->arena_bytes_max);
}

void h2_stream_end(struct h2_stream *stream)
{
    timer_stop(&stream->deadline);
    h2_request_drop(stream);
    list_remove(&stream->whole);
    stream->h2->count--;
    budget_return(stream->h2->share.streams, 1);
    if (!list_linked(&stream->write))
        h2_stream_free(stream);
}

void h2_stream_free(struct h2_stream *stream)
{
    h2_parts_drop(stream, stream->part_count);
    free(stream->parts);
    list_remove(&stream->link);
    free(stream);
}

#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "transport/h2_private.h"

static bool submit(struct h2_stream *stream, const struct http_reply *reply, const char *date,
                   const size_t *body_bytes);
static ssize_t body_on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t len,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx);

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

/* What it holds counts in the sums of its connection. */
static void held_set(struct h2_stream *stream, size_t bytes)
{
    struct h2 *h2 = stream->h2;

    h2->held_bytes += bytes - stream->held_bytes;
    if (stream->phase == H2_TELLING)
        h2->telling_bytes += bytes - stream->held_bytes;
    stream->held_bytes = bytes;
}

static bool parts_take(struct h2_stream *stream, struct buf *const parts[], uint32_t part_count)
{
    h2_parts_drop(stream, stream->part_count);
    free(stream->parts);
    stream->part_count = stream->part_at = stream->kept_at = 0;
    stream->parts = calloc(part_count, sizeof(struct buf *));
    if (stream->parts == NULL)
        return false;
    for (uint32_t at = 0; at < part_count; at++) {
        stream->parts[stream->part_count++] = buf_ref(parts[at]);
        stream->left_bytes += parts[at]->len;
    }
    held_set(stream, stream->left_bytes);
    return true;
}

void h2_parts_drop(struct h2_stream *stream, uint32_t upto)
{
    for (; stream->kept_at < upto; stream->kept_at++) {
        held_set(stream, stream->held_bytes - stream->parts[stream->kept_at]->len);
        buf_unref(stream->parts[stream->kept_at]);
    }
}

void h2_reply(struct h2_stream *stream, const struct http_reply *reply, const char *date)
{
    struct h2 *h2 = stream->h2;
    bool bare = stream->carried.exchange.request.verb == HTTP_VERB_HEAD || reply->status == 204 ||
                reply->status == 304;
    size_t body_bytes = reply_bytes(reply);

    ensure(stream->phase != H2_REPLYING);
    if (stream->id == 0) {
        h2_stream_end(stream);
        return;
    }
    list_remove(&stream->whole);
    stream->phase = H2_REPLYING;
    if ((!bare && body_bytes > 0 && !parts_take(stream, reply->body, reply->body_count)) ||
        !submit(stream, reply, date, &body_bytes))
        give_up(stream);
    h2_request_drop(stream); /* frees what `reply` may have pointed to */
    h2->events->on_phase(h2->ctx, stream);
}

void h2_begin(struct h2_stream *stream, const struct http_reply *reply, const char *date)
{
    ensure(stream->phase == H2_RUNNING);
    stream->phase = H2_TELLING;
    body_drop(&stream->body, stream->h2->share.bodies);
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
    h2->telling_bytes -= stream->held_bytes;
    stream->phase = H2_REPLYING;
    if (stream->id == 0) {
        h2_stream_end(stream);
        return;
    }
    go_on(stream);
    h2_request_drop(stream);
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

    h2_parts_drop(stream, whole ? stream->part_count : stream->part_at);
    if (stream->id == 0 && stream->phase == H2_REPLYING)
        h2_stream_free(stream);
    else if (stream->id != 0 && stream->phase == H2_TELLING && whole)
        h2->events->on_room(h2->ctx, stream);
}

void h2_reset(struct h2_stream *stream)
{
    nghttp2_submit_rst_stream(stream->h2->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
}

#include "transport/h2.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "transport/h2_private.h"

static nghttp2_session *session_new(struct h2 *h2);
static void callbacks_fill(nghttp2_session_callbacks *callbacks);
static bool settings_submit(nghttp2_session *session);
static int flood(struct h2 *h2);

struct h2 *h2_new(struct h2_port *port, struct h2_share share, const struct h2_events *events,
                  void *ctx)
{
    struct h2 *h2 = calloc(1, sizeof(*h2));

    if (h2 == NULL)
        return NULL;
    h2->port = port;
    h2->share = share;
    h2->events = events;
    h2->ctx = ctx;
    h2->resets.left = H2_RESETS_MAX;
    h2->idle_frames.left = H2_IDLE_FRAMES_MAX;
    h2->late.left = H2_LATE_MAX;
    list_init(&h2->streams);
    list_init(&h2->whole);
    list_init(&h2->writing);
    h2->session = session_new(h2);
    if (h2->session == NULL || !settings_submit(h2->session)) {
        nghttp2_session_del(h2->session);
        free(h2);
        return NULL;
    }
    return h2;
}

static nghttp2_session *session_new(struct h2 *h2)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_session *session = NULL;
    nghttp2_option *option = NULL;

    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        return NULL;
    }
    callbacks_fill(callbacks);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_outbound_ack(option, H2_ACKS_MAX);
    nghttp2_option_set_max_settings(option, H2_SETTINGS_MAX);
    nghttp2_option_set_max_continuations(option, H2_CONTINUATIONS_MAX);
    /* Ours comes first: it says ENHANCE_YOUR_CALM. */
    nghttp2_option_set_stream_reset_rate_limit(option, (uint64_t)2 * H2_RESETS_MAX,
                                               (uint64_t)2 * H2_RESETS_PER_S);
    if (nghttp2_session_server_new2(&session, callbacks, h2, option) != 0)
        session = NULL;
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

static bool settings_submit(nghttp2_session *session)
{
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW_BYTES },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_BYTES_MAX },
    };

    return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings,
                                   sizeof(settings) / sizeof(settings[0])) == 0 &&
           nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)H2_WINDOW_BYTES) == 0;
}

void h2_free(struct h2 *h2)
{
    if (h2 == NULL)
        return;
    h2_hang_up(h2);
    ensure(h2->count == 0 && h2->held_bytes == 0);
    free(h2);
}

void h2_hang_up(struct h2 *h2)
{
    if (h2->session == NULL)
        return;
    nghttp2_session_del(h2->session);
    h2->session = NULL;
    h2->ended = true;
    for (struct list_node *node = list_first(&h2->streams); node != NULL;) {
        struct h2_stream *stream = container_of(node, struct h2_stream, link);
        node = list_next(&h2->streams, node);
        if (stream->id != 0)
            h2_stream_over(stream);
    }
    h2_sent(h2); /* there will be no such write */
}

void *h2_ctx(const struct h2 *h2)
{
    return h2->ctx;
}

uint32_t h2_live(const struct h2 *h2)
{
    return h2->live;
}

uint32_t h2_count(const struct h2 *h2)
{
    return h2->count;
}

size_t h2_behind(const struct h2 *h2)
{
    return h2->held_bytes - h2->write_bytes;
}

size_t h2_whole_behind(const struct h2 *h2)
{
    return h2->held_bytes - h2->telling_bytes;
}

bool h2_has_ended(const struct h2 *h2)
{
    return h2->ended || (nghttp2_session_want_read(h2->session) == 0 &&
                         nghttp2_session_want_write(h2->session) == 0);
}

bool h2_is_crowded(const struct h2 *h2)
{
    return h2->session != NULL &&
           nghttp2_session_get_outbound_queue_size(h2->session) > H2_OWN_FRAMES_MAX;
}

/* ---- in ---- */

void h2_feed(struct h2 *h2, struct slice bytes, uint64_t now_ms)
{
    if (h2->ended)
        return;
    h2->now_ms = now_ms;
    ssize_t taken = nghttp2_session_mem_recv(h2->session, bytes.data, bytes.len);
    if (taken >= 0 || h2->ended)
        return;
    if (taken == NGHTTP2_ERR_FLOODED) { /* H2_ACKS_MAX */
        (void)flood(h2);
        return;
    }
    nghttp2_session_terminate_session(h2->session, taken == NGHTTP2_ERR_NOMEM
                                                       ? NGHTTP2_INTERNAL_ERROR
                                                       : NGHTTP2_PROTOCOL_ERROR);
    h2->ended = true;
}

void h2_notice(struct h2 *h2)
{
    if (!h2->noticed && !h2->ended)
        nghttp2_submit_shutdown_notice(h2->session);
    h2->noticed = true;
}

void h2_goodbye(struct h2 *h2)
{
    if (!h2->ended)
        nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(h2->session),
                              NGHTTP2_NO_ERROR, NULL, 0);
}

void h2_end(struct h2 *h2, bool calm)
{
    if (h2->ended)
        return;
    nghttp2_session_terminate_session(h2->session,
                                      calm ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_NO_ERROR);
    h2->ended = true;
}

/* Whether there is one more; the first look begins the time. */
static bool ration_take(struct h2_ration *ration, uint64_t now_ms, uint32_t most, uint32_t per_s)
{
    uint64_t ms = now_ms > ration->at_ms ? now_ms - ration->at_ms : 0;
    uint64_t more = ms * per_s / 1000;

    if (more > 0) {
        ration->left = more < most - ration->left ? ration->left + (uint32_t)more : most;
        ration->at_ms = now_ms;
    }
    if (ration->left == 0)
        return false;
    ration->left--;
    return true;
}

/* Nobody who wants something sends so many: NGHTTP2_ERR_CALLBACK_FAILURE ends the reading. */
static int flood(struct h2 *h2)
{
    if (!h2->ended)
        ++*h2->port->floods;
    h2_end(h2, true);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int reset_count(struct h2 *h2, uint32_t count)
{
    bool fine = true;

    for (uint32_t at = 0; fine && at < count; at++)
        fine = ration_take(&h2->resets, h2->now_ms, H2_RESETS_MAX, H2_RESETS_PER_S);
    return fine ? 0 : flood(h2);
}

void h2_late(struct h2 *h2, uint64_t now_ms)
{
    if (!ration_take(&h2->late, now_ms, H2_LATE_MAX, H2_LATE_PER_S))
        (void)flood(h2);
}

static int idle_frame_count(struct h2 *h2)
{
    bool fine =
        ration_take(&h2->idle_frames, h2->now_ms, H2_IDLE_FRAMES_MAX, H2_IDLE_FRAMES_PER_S);

    return fine ? 0 : flood(h2);
}

static void updates_earn(struct h2 *h2)
{
    if (h2->updates_earned < H2_IDLE_FRAMES_MAX)
        h2->updates_earned += H2_WINDOW_UPDATES_EARNED;
}

/* Each frame's head: what it costs.  Those of unknown types nghttp2 passes over without a word. */
static int on_frame_begins(nghttp2_session *session, const nghttp2_frame_hd *head, void *ctx)
{
    struct h2 *h2 = ctx;

    switch (head->type) {
    case NGHTTP2_HEADERS: /* makes a request, or is refused */
    case NGHTTP2_CONTINUATION: /* H2_CONTINUATIONS_MAX */
        return 0;
    case NGHTTP2_DATA:
        return head->length > 0 || (head->flags & NGHTTP2_FLAG_END_STREAM) != 0
                   ? 0
                   : idle_frame_count(h2);
    case NGHTTP2_WINDOW_UPDATE:
        if (h2->updates_earned == 0)
            return idle_frame_count(h2);
        h2->updates_earned--;
        return 0;
    case NGHTTP2_RST_STREAM:
        return reset_count(h2, 1);
    default:
        return idle_frame_count(h2);
    }
}

static struct h2_stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

void h2_stream_reset(struct h2 *h2, int32_t id, uint32_t code)
{
    if (nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, id, code) == 0)
        h2->spared++;
}

static int reset(nghttp2_session *session, int32_t id, uint32_t code)
{
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, code);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_headers_begin(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2 *h2 = ctx;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct h2_stream *stream = h2_stream_new(h2, frame->hd.stream_id);
    if (stream == NULL) {
        ++*h2->port->refused_streams;
        if (h2->count < H2_STREAMS_MAX)
            h2->spared++; /* the port is full, or the memory */
        return reset(session, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
    }
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
    updates_earn(h2);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    struct h2_stream *stream = stream_of(session, frame->hd.stream_id);
    struct slice names = slice_of(name, name_len), values = slice_of(value, value_len);
    struct h2 *h2 = ctx;
    bool fine = true;

    if (stream != NULL)
        fine = frame->headers.cat == NGHTTP2_HCAT_REQUEST
                   ? h2_stream_field(stream, names, values)
                   : h2_stream_trailer(stream, names, values);
    if (fine)
        return 0;
    if (stream->head_bytes > H2_HEAD_BYTES_READ && reset_count(h2, H2_LONG_HEAD_RESETS - 1) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return reset(session, frame->hd.stream_id,
                 stream->head_bytes > H2_HEAD_BYTES_READ ? NGHTTP2_ENHANCE_YOUR_CALM
                                                         : NGHTTP2_PROTOCOL_ERROR);
}

/* nghttp2 would overlook it, a program behind or before us perhaps not. */
static int on_bad_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                         size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                         void *ctx)
{
    return reset(session, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2_stream *stream = stream_of(session, frame->hd.stream_id);
    bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    if (frame->hd.type == NGHTTP2_DATA && !last && frame->hd.length > 0 &&
        frame->hd.length <= frame->data.padlen)
        return idle_frame_count(ctx); /* padding only */
    if (stream == NULL)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        h2_stream_head_ends(stream, last);
    else if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && last)
        h2_stream_ends(stream);
    return 0;
}

/* A request's window is filled up when its bytes have their place, the connection's when they are
 * off it. */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *ctx)
{
    struct h2_stream *stream = stream_of(session, id);
    int err = stream != NULL && h2_stream_data(stream, slice_of(data, len))
                  ? nghttp2_session_consume(session, id, len)
                  : nghttp2_session_consume_connection(session, len);

    return err == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct h2_stream *stream = stream_of(session, id);

    if (stream != NULL)
        h2_stream_over(stream);
    return 0;
}

/* ---- out ---- */

bool h2_output(struct h2 *h2, struct gather *gather)
{
    if (h2->session == NULL)
        return true;
    h2->gather = gather;
    int err = nghttp2_session_send(h2->session);
    h2->gather = NULL;
    return err == 0 && gather_end(gather);
}

void h2_sent(struct h2 *h2)
{
    struct list_node *node;

    h2->write_bytes = 0;
    while ((node = list_pop(&h2->writing)) != NULL)
        h2_stream_sent(container_of(node, struct h2_stream, write));
}

void h2_half(struct h2 *h2)
{
    for (struct list_node *node = list_first(&h2->streams); node != NULL;
         node = list_next(&h2->streams, node)) {
        struct h2_stream *stream = container_of(node, struct h2_stream, link);
        if (stream->phase == H2_TELLING)
            h2->events->on_gone(h2->ctx, stream);
    }
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t len, int flags,
                       void *ctx)
{
    struct h2 *h2 = ctx;

    if (h2->gather->bytes >= H2_WRITE_BYTES_MAX)
        return NGHTTP2_ERR_WOULDBLOCK;
    return gather_copy(h2->gather, slice_of(data, len)) ? (ssize_t)len
                                                        : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t len, nghttp2_data_source *source, void *ctx)
{
    struct h2 *h2 = ctx;

    if (h2->gather->bytes >= H2_WRITE_BYTES_MAX)
        return NGHTTP2_ERR_WOULDBLOCK;
    updates_earn(h2);
    return gather_copy(h2->gather, slice_of(head, 9)) && h2_stream_send(source->ptr, len)
               ? 0
               : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* A reply that came before the end of its request: nobody waits for the rest of that. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2 *h2 = ctx;
    bool body = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;

    if (body && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                  NGHTTP2_NO_ERROR);
    if (frame->hd.type != NGHTTP2_RST_STREAM || frame->rst_stream.error_code == NGHTTP2_NO_ERROR)
        return 0;
    bool ours = frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM ||
                frame->rst_stream.error_code == NGHTTP2_INTERNAL_ERROR;
    if (ours && h2->spared > 0)
        h2->spared--;
    else
        (void)reset_count(h2, 1); /* the client made us do it; what it says to the rest is sent */
    return 0;
}

static void callbacks_fill(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_frame_begins);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_headers_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_bad_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
}

/* One connection.  Frames that are sent in a turn wait in `waiting` and leave
 * together at its end: one write with many pieces.  One write is under way at
 * a time, so a slow peer makes the next one larger, and what was not handed to
 * the socket is known exactly: net_call()'s errors depend on it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "peer/peer_private.h"

struct outgoing {
    struct list_node link;
    uint64_t call; /* number of the call that it asks; 0 = none */
    size_t bytes;
    uint32_t part_count;
    unsigned char head[FRAME_HEADER_BYTES];
    struct buf *parts[];
};

static void tick_on_time(struct timer *timer);
static void flush_on_defer(struct defer *defer);
static void write_gathered(struct link *link);
static void written(struct link *link);
static void drop_all(struct list *frames);
static void write_on_done(uv_write_t *write, int status);
static void read_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void read_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf);
static void take_frames(struct link *link, struct slice bytes);
static void take_frame(struct link *link, struct frame *frame);
static void take_greeting(struct link *link, struct frame *frame);
static void close_on_closed(uv_handle_t *handle);
static void broken(struct link *link, const char *why);
static void hostile(struct link *link, const char *why);
static void outgoing_free(struct outgoing *out);

struct link *link_new(struct net *net, struct dial *dial)
{
    struct link *link = calloc(1, sizeof(*link));

    if (link == NULL)
        return NULL;
    if (uv_tcp_init(net->loop, &link->tcp) != 0) {
        free(link);
        return NULL;
    }
    net->handles++;
    link->net = net;
    link->dial = dial;
    link->order = ++net->link_order;
    link->tcp.data = link->write.data = link->connect.data = link;
    list_init(&link->waiting);
    list_init(&link->flying);
    list_init(&link->incomings);
    frame_reader_init(&link->reader, GREETING_BYTES_MAX);
    link->opened_ns = link->heard_ns = link->sent_ns = clock_mono_ns(net->clock);
    timer_start(net->clock, &link->tick, net->options.ping_ms / 2 + 1, tick_on_time);
    return link;
}

void link_begin(struct link *link)
{
    link->state = LINK_GREETING;
    uv_tcp_nodelay(&link->tcp, 1);
    if (link->dial != NULL && !link_greet(link)) {
        broken(link, "no memory");
        return;
    }
    if (uv_read_start((uv_stream_t *)&link->tcp, read_on_alloc, read_on_bytes) != 0)
        broken(link, "cannot read");
}

bool link_greet(struct link *link)
{
    struct net *net = link->net;
    struct greeting greeting = {
        .lane = (uint8_t)link->lane,
        .node = net->options.node,
        .boot = net->options.boot,
        .address = slice_text(net->address),
        .hello = slice_of(net->hello, net->hello_len),
    };

    AUTO_UNREF struct buf *body = greeting_encode(&greeting);
    if (body == NULL)
        return false;
    struct outgoing_frame frame = { .type = FRAME_GREETING, .parts = &body, .part_count = 1 };
    return link_queue(link, &frame);
}

/* Dead peers are found by their silence, and both ends speak at least once in ping_ms: there is
 * no answer to a ping. */
static void tick_on_time(struct timer *timer)
{
    struct link *link = container_of(timer, struct link, tick);
    struct net *net = link->net;
    uint64_t now_ns = clock_mono_ns(net->clock);
    uint64_t ping_ns = (uint64_t)net->options.ping_ms * 1000000u;

    timer_start(net->clock, timer, net->options.ping_ms / 2 + 1, tick_on_time);
    if (link->state != LINK_UP) {
        if (now_ns - link->opened_ns >= (uint64_t)net->options.greeting_ms * 1000000u)
            broken(link, "no greeting in time");
        return;
    }
    if (now_ns - link->heard_ns >= (uint64_t)net->options.silence_ms * 1000000u) {
        broken(link, "silent");
        return;
    }
    if (now_ns - link->sent_ns >= ping_ns && list_empty(&link->waiting) && !link->writing)
        link_queue(link, &(struct outgoing_frame){ .type = FRAME_PING });
}

/* ---- writing ---- */

bool link_queue(struct link *link, const struct outgoing_frame *frame)
{
    if (link->state == LINK_CLOSED)
        return false;

    size_t bytes = 0;
    for (uint32_t at = 0; at < frame->part_count; at++)
        bytes += frame->parts[at]->len;
    ensure(bytes <= PEER_FRAME_BYTES_MAX);

    struct outgoing *out = malloc(sizeof(*out) + frame->part_count * sizeof(out->parts[0]));
    if (out == NULL)
        return false;
    *out = (struct outgoing){
        .call = frame->type == FRAME_CALL ? frame->number : 0,
        .bytes = FRAME_HEADER_BYTES + bytes,
        .part_count = frame->part_count,
    };
    for (uint32_t at = 0; at < frame->part_count; at++)
        out->parts[at] = buf_ref(frame->parts[at]);
    struct frame_header header = {
        .type = frame->type,
        .kind = frame->kind,
        .err = frame->err,
        .number = frame->number,
        .body_len = (uint32_t)bytes,
        .body_crc = frame_crc(frame->parts, frame->part_count),
    };
    frame_header_encode(&header, out->head);

    list_append(&link->waiting, &out->link);
    link->queued_bytes += out->bytes;
    link->net->figures.frames_out++;
    defer_run(link->net->clock, &link->flush, flush_on_defer);
    return true;
}

static void flush_on_defer(struct defer *defer)
{
    struct link *link = container_of(defer, struct link, flush);

    link_flush(link);
}

void link_flush(struct link *link)
{
    while (link->state != LINK_CLOSED && !link->writing && !list_empty(&link->waiting))
        write_gathered(link);
}

/* Moves as many frames as fit to `flying` and returns the number of their pieces. */
static unsigned gather(struct link *link)
{
    unsigned pieces = 0;

    for (struct list_node *node; (node = list_first(&link->waiting)) != NULL;) {
        struct outgoing *out = container_of(node, struct outgoing, link);
        if (pieces > 0 && pieces + 1 + out->part_count > PEER_WRITE_PIECES_MAX)
            break;
        pieces += 1 + out->part_count;
        list_remove(node);
        list_append(&link->flying, node);
        if (out->call != 0)
            call_handed(link->net, out->call);
    }
    return pieces;
}

static unsigned bufs_fill(const struct link *link, uv_buf_t *bufs)
{
    unsigned count = 0;

    for (struct list_node *node = list_first(&link->flying); node != NULL;
         node = list_next(&link->flying, node)) {
        struct outgoing *out = container_of(node, struct outgoing, link);
        bufs[count++] = uv_buf_init((char *)out->head, FRAME_HEADER_BYTES);
        for (uint32_t at = 0; at < out->part_count; at++)
            if (out->parts[at]->len > 0)
                bufs[count++] =
                    uv_buf_init((char *)out->parts[at]->data, (unsigned)out->parts[at]->len);
    }
    return count;
}

/* Leaves out what the socket has taken, and returns how many pieces are left. */
static unsigned bufs_skip(uv_buf_t *bufs, unsigned count, size_t taken)
{
    unsigned whole = 0;

    while (whole < count && taken >= bufs[whole].len)
        taken -= bufs[whole++].len;
    memmove(bufs, bufs + whole, (count - whole) * sizeof(*bufs));
    if (whole < count) {
        bufs[0].base += taken;
        bufs[0].len -= taken;
    }
    return count - whole;
}

/* Most of what is sent the socket takes whole at once.  uv_write() goes once more around the loop
 * for it, with two system calls; so it has only what is left. */
static int write_bufs(struct link *link, uv_buf_t *bufs, unsigned count)
{
    int taken = uv_try_write((uv_stream_t *)&link->tcp, bufs, count);

    if (taken < 0 && taken != UV_EAGAIN)
        return taken;
    count = bufs_skip(bufs, count, taken > 0 ? (size_t)taken : 0);
    if (count == 0) {
        written(link);
        return 0;
    }
    link->writing = true;
    int status = uv_write(&link->write, (uv_stream_t *)&link->tcp, bufs, count, write_on_done);
    if (status != 0)
        link->writing = false;
    return status;
}

static void write_gathered(struct link *link)
{
    unsigned pieces = gather(link);

    ensure(pieces > 0);
    uv_buf_t *bufs = malloc(pieces * sizeof(*bufs));

    if (bufs == NULL) {
        broken(link, "no memory");
        return;
    }
    link->sent_ns = clock_mono_ns(link->net->clock);
    int status = write_bufs(link, bufs, bufs_fill(link, bufs));
    free(bufs); /* libuv has its own copy of the list */
    if (status != 0)
        broken(link, uv_strerror(status));
}

static void written(struct link *link)
{
    for (struct list_node *node; (node = list_pop(&link->flying)) != NULL;) {
        struct outgoing *out = container_of(node, struct outgoing, link);
        link->queued_bytes -= out->bytes;
        link->net->figures.bytes_out += out->bytes;
        outgoing_free(out);
    }
}

static void write_on_done(uv_write_t *write, int status)
{
    struct link *link = write->data;

    link->writing = false;
    written(link);
    if (link->state == LINK_CLOSED)
        return;
    if (status != 0)
        broken(link, uv_strerror(status));
    else
        link_flush(link);
}

static void outgoing_free(struct outgoing *out)
{
    for (uint32_t at = 0; at < out->part_count; at++)
        buf_unref(out->parts[at]);
    free(out);
}

/* ---- reading ---- */

/* A large body is read to its place; anything else to the scratch bytes, which are free again
 * when read_on_bytes() returns. */
static void read_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct link *link = handle->data;
    struct frame_space space = frame_reader_space(&link->reader);

    *buf = space.len > 0 ? uv_buf_init((char *)space.data, (unsigned)space.len)
                         : uv_buf_init((char *)link->net->scratch, PEER_READ_BYTES);
}

static void read_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct link *link = stream->data;

    if (len == 0 || link->state == LINK_CLOSED)
        return;
    if (len < 0) {
        broken(link, len == UV_EOF ? "closed by the other end" : uv_strerror((int)len));
        return;
    }
    link->heard_ns = clock_mono_ns(link->net->clock);
    link->net->figures.bytes_in += (uint64_t)len;
    if ((unsigned char *)buf->base == link->net->scratch) {
        take_frames(link, slice_of(buf->base, (size_t)len));
        return;
    }
    frame_reader_filled(&link->reader, (size_t)len);
    take_frames(link, slice_of(NULL, 0));
}

static void take_frames(struct link *link, struct slice bytes)
{
    struct frame frame;
    bool whole = true;

    while (link->state != LINK_CLOSED) {
        enum err err = frame_reader_next(&link->reader, &bytes, &frame, &whole);
        if (err == ERR_NO_MEMORY) {
            broken(link, "no memory");
            return;
        }
        if (err != ERR_OK) {
            hostile(link, err == ERR_TOO_BIG ? "frame too big" : "not a frame of ours");
            return;
        }
        if (!whole)
            return;
        link->net->figures.frames_in++;
        take_frame(link, &frame);
        buf_unref(frame.body);
    }
}

static void take_frame(struct link *link, struct frame *frame)
{
    enum frame_type type = frame->header.type;

    if ((link->state == LINK_GREETING) != (type == FRAME_GREETING))
        hostile(link, "greeting out of place");
    else if (type == FRAME_GREETING)
        take_greeting(link, frame);
    else if (type == FRAME_PING)
        return; /* heard_ns is all it is for */
    else if (link->dial == NULL && type != FRAME_ANSWER)
        inbound_on_frame(link, frame);
    else if (link->dial != NULL && type == FRAME_ANSWER)
        call_answered(link->net, link, frame->header.number, frame->header.err,
                      frame->body != NULL ? frame->body : link->net->empty);
    else
        hostile(link, "frame in the wrong direction");
}

static void take_greeting(struct link *link, struct frame *frame)
{
    struct slice body = frame->body != NULL ? buf_slice(frame->body) : slice_of(NULL, 0);
    struct greeting greeting;
    enum err err = greeting_decode(body, &greeting);

    if (err != ERR_OK) {
        hostile(link, err == ERR_VERSION ? "speaks another version of the protocol"
                                         : "not a greeting of ours");
        return;
    }
    if (link->dial != NULL && greeting.lane != link->lane) {
        hostile(link, "greeting for another lane");
        return;
    }
    link->lane = (enum net_lane)greeting.lane;
    link->node = greeting.node;
    link->boot = greeting.boot;
    link->state = LINK_UP;
    link->reader.body_bytes_max = PEER_FRAME_BYTES_MAX;
    if (link->dial != NULL)
        dial_on_greeting(link, &greeting);
    else
        inbound_on_greeting(link, &greeting);
}

/* ---- ends ---- */

static void hostile(struct link *link, const char *why)
{
    link->net->figures.hostile++;
    broken(link, why);
}

static void broken(struct link *link, const char *why)
{
    if (link->dial != NULL)
        dial_on_broken(link, why);
    else
        inbound_on_broken(link, why);
}

void link_close(struct link *link)
{
    if (link->state == LINK_CLOSED)
        return;
    link->state = LINK_CLOSED;
    timer_stop(&link->tick);
    defer_cancel(&link->flush);
    list_remove(&link->link_node);
    for (struct list_node *node; (node = list_pop(&link->incomings)) != NULL;)
        container_of(node, struct net_incoming, in_link)->link = NULL;
    call_link_broken(link->net, link);
    drop_all(&link->waiting);
    if (!link->writing) /* a write that failed at once has left its frames; libuv has none */
        drop_all(&link->flying);
    uv_close((uv_handle_t *)&link->tcp, close_on_closed);
}

static void drop_all(struct list *frames)
{
    for (struct list_node *node; (node = list_pop(frames)) != NULL;)
        outgoing_free(container_of(node, struct outgoing, link));
}

static void close_on_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;
    struct net *net = link->net;

    /* libuv has cancelled the write, if there was one, and said so before. */
    ensure(!link->writing && list_empty(&link->flying));
    frame_reader_fini(&link->reader);
    free(link);
    net_handle_ended(net);
}

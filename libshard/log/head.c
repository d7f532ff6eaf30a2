#include <stdlib.h>

#include "base/copy_past.h"
#include "base/ensure.h"
#include "log/log_private.h"

/* The open end of the log.
 *
 *  1. head_room()      the gathering frame, or a new one; a full segment is left here
 *  2. head_add()       an item joins it
 *  3. turn_on_end()    at the end of the loop's turn, when nothing flies: the log's turn is closed
 *  4. fly()            the first frame is built in an aligned buffer and written
 *  5. frame_on_done()  it is durable; so is the turn, when it was its last frame; then the next
 *
 * While a frame flies the next gathers, over as many turns of the loop as it takes, until it is
 * large; then it is copied, and the one after it gathers.  A turn that
 * gathers more than FRAME_BYTES_MAX, or more than the segment holds, leaves as several frames.
 *
 * The end of a segment is known when the item that does not fit arrives, before it changes any
 * state: so the states of that moment are those as of the end of the segment. */

#define BUFFER_BYTES_FIRST (64u * 1024u)
#define AHEAD_BYTES (64u * 1024u) /* a frame that is copied while another flies */
#define IDLE_MS 1000u
#define ROUNDS 2u
#define PAYLOADS_FIRST 8u

static void turn_on_end(struct defer *defer);
static void fly(struct log *log);
static void open_segment(struct log *log, struct segment *segment);
static void open_on_done(struct disk_io *req, enum err err);
static void build(struct log *log, struct frame_out *frame);
static void build_ahead(struct log *log);
static void frame_on_done(struct disk_io *req, enum err err);
static void idle_on_timer(struct timer *timer);

void head_init(struct log *log)
{
    list_init(&log->head.frames);
    log->head.block = disk_memory(SEGMENT_HEAD_BYTES);
    ensure(log->head.block != NULL);
}

static void frame_free(struct frame_out *frame)
{
    for (uint32_t i = 0; i < frame->payload_count; i++)
        buf_unref(frame->payloads[i].buf);
    list_remove(&frame->link);
    writer_fini(&frame->items);
    free(frame->payloads);
    free(frame);
}

void head_fini(struct log *log)
{
    struct head *head = &log->head;

    for (struct list_node *node; (node = list_first(&head->frames)) != NULL;)
        frame_free(container_of(node, struct frame_out, link));
    for (unsigned i = 0; i < 2; i++)
        disk_memory_free(head->buffers[i].bytes);
    disk_memory_free(head->block);
    defer_cancel(&head->turn_end);
    timer_stop(&head->idle);
}

static struct frame_out *frame_first(const struct log *log)
{
    struct list_node *node = list_first(&log->head.frames);

    return node == NULL ? NULL : container_of(node, struct frame_out, link);
}

bool head_idle(const struct log *log)
{
    const struct frame_out *frame = frame_first(log);

    if (log->head.flying)
        return false;
    if (log->failed || frame == NULL)
        return true;
    /* Nothing will come of frames that wait for a free file. */
    return frame->closed && frame->segment->file == NULL && log->files_ready_count == 0;
}

static uint64_t frame_size_with(const struct frame_out *frame, uint64_t item_bytes,
                                uint64_t payload_bytes)
{
    return frame_bytes(FRAME_HEAD_BYTES + frame->items.len + item_bytes,
                       frame->payload_bytes + payload_bytes);
}

static void close_gathering(struct log *log)
{
    struct frame_out *frame = log->head.gathering;

    frame->bytes = frame_size_with(frame, 0, 0);
    frame->closed = true;
    frame->segment->end = frame->offset + frame->bytes;
    log->head.gathering = NULL;
}

struct frame_out *head_room(struct log *log, uint64_t item_bytes, uint64_t payload_bytes)
{
    struct head *head = &log->head;
    struct segment *tail = segment_tail(log);
    uint64_t alone = frame_bytes(FRAME_HEAD_BYTES + item_bytes, payload_bytes);

    if (head->gathering != NULL) {
        uint64_t bytes = frame_size_with(head->gathering, item_bytes, payload_bytes);
        if (bytes <= FRAME_BYTES_MAX && head->gathering->offset + bytes <= tail->bytes)
            return head->gathering;
        close_gathering(log);
    }
    if (tail->end + alone > tail->bytes) {
        segment_leave(log);
        tail = segment_tail(log);
        ensure(tail->end + alone <= tail->bytes); /* log_open() has checked the sizes */
    }

    struct frame_out *frame = log_memory(1, sizeof(*frame));
    frame->segment = tail;
    frame->offset = tail->end;
    frame->number = log->frame_next++;
    frame->turn = log->turn;
    writer_init(&frame->items, FRAME_BYTES_MAX);
    list_append(&head->frames, &frame->link);
    head->gathering = frame;
    return frame;
}

uint64_t head_add(struct log *log, struct frame_out *frame, const struct frame_item *item)
{
    item_write(&frame->items, item);
    ensure(!frame->items.failed);
    frame->item_count++;
    if (!log->failed)
        defer_run(log->world.clock, &log->head.turn_end, turn_on_end);
    return frame->turn;
}

void head_add_payload(struct log *log, struct frame_out *frame, struct run *run,
                      const struct entry_head *head, struct buf *payload)
{
    if (frame->payload_count == frame->payload_room) {
        frame->payload_room = frame->payload_room == 0 ? PAYLOADS_FIRST : frame->payload_room * 2;
        frame->payloads =
            log_memory_grow(frame->payloads, frame->payload_room, sizeof(*frame->payloads));
    }
    frame->payloads[frame->payload_count++] = (struct payload){
        .buf = buf_ref(payload),
        .run = run,
        .group = head->group,
        .index = head->index,
        .length = head->length,
        .crc = head->crc,
    };
    frame->payload_bytes += head->length;
    log->pending_bytes += head->length;
}

struct buf *head_payload(const struct log *log, uint64_t group, uint64_t index, uint32_t crc)
{
    for (struct list_node *node = list_last(&log->head.frames); node != NULL;
         node = node->prev == &log->head.frames.ends ? NULL : node->prev) {
        const struct frame_out *frame = container_of(node, struct frame_out, link);
        for (uint32_t i = frame->payload_count; i > 0; i--) {
            const struct payload *payload = &frame->payloads[i - 1];
            if (payload->group == group && payload->index == index && payload->crc == crc)
                return payload->buf;
        }
    }
    return NULL;
}

static void end_turn(struct log *log)
{
    log->head.gathering->ends_turn = true;
    close_gathering(log);
    log->turn++;
}

/* While a frame flies, small ones are better gathered on.  One that is large already is copied now,
 * so that the disk need not wait for the copy. */
static void turn_ahead(struct log *log)
{
    struct frame_out *next = log->head.gathering;
    const struct frame_out *first = frame_first(log);

    if (next == NULL || list_next(&log->head.frames, &first->link) != &next->link ||
        next->segment != first->segment || frame_size_with(next, 0, 0) < AHEAD_BYTES)
        return;
    end_turn(log);
    build_ahead(log);
}

static void turn_on_end(struct defer *defer)
{
    struct log *log = container_of(defer, struct log, head.turn_end);

    /* Some more times around: what else waits for the end of this turn may have something for the
     * log, and shares the write then; and what goes to the peers leaves first, because their writes
     * are the longer way. */
    if (log->head.rounds++ < ROUNDS) {
        defer_run(log->world.clock, defer, turn_on_end);
        return;
    }
    log->head.rounds = 0;
    if (log->failed)
        return;
    if (log->head.flying) {
        turn_ahead(log);
        return; /* frame_on_done() comes back here */
    }
    if (log->head.gathering != NULL)
        end_turn(log);
    fly(log);
    log_close_kick(log); /* a frame that finds no file is as much at its end as one that flew */
}

void head_kick(struct log *log)
{
    if (frame_first(log) != NULL && !log->head.flying && !log->failed)
        defer_run(log->world.clock, &log->head.turn_end, turn_on_end);
}

static void fly(struct log *log)
{
    struct head *head = &log->head;
    struct frame_out *frame = frame_first(log);

    if (frame == NULL || !frame->closed || head->flying)
        return;
    if (!supply_bind(log, frame->segment))
        return; /* no file is free: supply_give() comes back */

    head->flying = true;
    head->wrote = true;
    head->flight_ns = clock_mono_ns(log->world.clock);
    if (!frame->segment->opened) {
        open_segment(log, frame->segment);
        return;
    }
    build(log, frame);
    disk_write(frame->segment->file->file, &head->io, frame->offset, frame->buffer->bytes,
               frame->bytes, frame_on_done);
    build_ahead(log);
}

/* The first block of a segment, before its first frame. */
static void open_segment(struct log *log, struct segment *segment)
{
    struct segment_head first = {
        .node = log->options.node,
        .number = segment->number,
        .life = segment->life,
        .file = segment->file->id,
        .bytes = segment->file->bytes,
        .created_ms = clock_wall_ms(log->world.clock),
        .previous_end = segment->previous_end,
        .next_frame = segment->next_frame,
        .next_turn = segment->next_turn,
    };

    segment_head_write(&first, log->head.block);
    disk_write(segment->file->file, &log->head.io, 0, log->head.block, SEGMENT_HEAD_BYTES,
               open_on_done);
}

static void open_on_done(struct disk_io *req, enum err err)
{
    struct log *log = container_of(req, struct log, head.io);
    struct segment *segment = frame_first(log)->segment;

    log->head.flying = false;
    if (err != ERR_OK) {
        log_fail(log, &req->reason);
        return;
    }
    segment->opened = true;
    /* All frames of the one before were durable before this block was written. */
    struct segment *before = segment_find(log, segment->number - 1);
    if (before != NULL && before->phase == SEGMENT_LEFT)
        before->phase = SEGMENT_COMPLETE;
    fly(log);
    jobs_kick(log);
}

static struct buffer *buffer_take(struct log *log, size_t size)
{
    struct buffer *buffer = &log->head.buffers[log->head.buffers[0].busy ? 1 : 0];

    ensure(!buffer->busy);
    if (buffer->size < size) {
        size_t room = BUFFER_BYTES_FIRST;
        while (room < size)
            room *= 2;
        disk_memory_free(buffer->bytes);
        buffer->bytes = disk_memory(room);
        buffer->size = room;
        ensure(buffer->bytes != NULL);
    }
    buffer->busy = true;
    return buffer;
}

/* One copy of each payload: O_DIRECT takes aligned memory only. */
static void build(struct log *log, struct frame_out *frame)
{
    if (frame->buffer != NULL)
        return;
    frame->buffer = buffer_take(log, frame->bytes);

    unsigned char *bytes = frame->buffer->bytes;
    struct frame_head head = {
        .node = log->options.node,
        .life = frame->segment->life,
        .segment = frame->segment->number,
        .offset = frame->offset,
        .number = frame->number,
        .turn = frame->turn,
        .head_bytes = (uint32_t)(FRAME_HEAD_BYTES + frame->items.len),
        .payload_bytes = (uint32_t)frame->payload_bytes,
        .items = frame->item_count,
        .ends_turn = frame->ends_turn,
    };
    struct slice items = writer_slice(&frame->items);
    if (items.data != NULL)
        memcpy(bytes + FRAME_HEAD_BYTES, items.data, items.len);
    frame_head_write(&head, bytes);

    size_t at = head.head_bytes;
    for (uint32_t i = 0; i < frame->payload_count; i++) {
        const struct payload *payload = &frame->payloads[i];
        index_settle(payload, (uint32_t)(frame->offset + at));
        if (payload->length > 0)
            copy_past_cache(bytes + at, payload->buf->data, payload->length);
        at += payload->length;
    }
    memset(bytes + at, 0, frame->bytes - at);
}

/* Copies the next frame while this one flies, when it is known already. */
static void build_ahead(struct log *log)
{
    struct list_node *node = list_next(&log->head.frames, list_first(&log->head.frames));

    if (node == NULL)
        return;
    struct frame_out *frame = container_of(node, struct frame_out, link);
    if (frame->closed)
        build(log, frame);
}

static void count_flight(struct log *log, const struct frame_out *frame)
{
    struct log_figures *figures = &log->figures;
    uint64_t ns = clock_mono_ns(log->world.clock) - log->head.flight_ns;

    figures->frames++;
    figures->turns += frame->ends_turn;
    figures->bytes_framed += frame->bytes;
    figures->bytes_payload += frame->payload_bytes;
    figures->entries += frame->payload_count;
    figures->write_count++;
    figures->write_ns_sum += ns;
    if (ns > figures->write_ns_max)
        figures->write_ns_max = ns;
}

static void frame_on_done(struct disk_io *req, enum err err)
{
    struct log *log = container_of(req, struct log, head.io);
    struct frame_out *frame = frame_first(log);
    bool ends_turn = frame->ends_turn;
    uint64_t turn = frame->turn;

    log->head.flying = false;
    frame->buffer->busy = false;
    if (err != ERR_OK) {
        log_fail(log, &req->reason);
        return;
    }
    count_flight(log, frame);
    frame->segment->durable_end = frame->offset + frame->bytes;
    log->pending_bytes -= frame->payload_bytes;
    frame_free(frame);

    fly(log); /* the next frame of the same turn, if there is one */
    head_kick(log);
    if (!timer_running(&log->head.idle)) {
        log->head.wrote = false;
        timer_start(log->world.clock, &log->head.idle, IDLE_MS, idle_on_timer);
    }
    if (ends_turn) {
        log->durable = turn;
        log->options.on_durable(log->options.ctx, turn);
    }
    jobs_kick(log);
    log_close_kick(log);
}

/* A second without writes: an idle node keeps no large buffers. */
static void idle_on_timer(struct timer *timer)
{
    struct log *log = container_of(timer, struct log, head.idle);
    struct head *head = &log->head;

    if (head->wrote) {
        head->wrote = false;
        timer_start(log->world.clock, timer, IDLE_MS, idle_on_timer);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct buffer *buffer = &head->buffers[i];
        if (buffer->busy || buffer->size <= BUFFER_BYTES_FIRST)
            continue;
        disk_memory_free(buffer->bytes);
        *buffer = (struct buffer){ 0 };
    }
}

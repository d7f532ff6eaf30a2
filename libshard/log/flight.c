#include <string.h>

#include "base/copy_past.h"
#include "base/ensure.h"
#include "base/mutant.h"
#include "log/log_private.h"

/* What the disk has of the open end of the log: the first frame, and often the second.
 *
 *  1. flight_start()    the first frame is built in an aligned buffer and written; before it the
 *                       first block of a segment that is new
 *  2. flight_follow()   the second goes to the disk behind it, which then need not wait for the
 *                       loop to hear of the first and to answer: two changes of threads, a quarter
 *                       of a small write
 *  3. flight_recall()   a small second one that has not begun is taken back when more comes for it:
 *                       a busy node writes few large frames, not many small ones
 *  4. frame_on_done()   it is durable, and so is its turn; then the next
 *
 * The disk begins a write when the one before it is durable, so a crash tears the last frame only:
 * recovery takes a damaged one with a good one behind it for corruption. */

#define BUFFER_BYTES_FIRST (64u * 1024u)
#define IDLE_MS 1000u
#define RECALL_BYTES_MAX (16u * 1024u) /* what is taken back is built twice */

static void give(struct log *log, struct frame_out *frame);
static void open_segment(struct log *log, struct segment *segment);
static void open_on_done(struct disk_io *req, enum err err);
static void build(struct log *log, struct frame_out *frame);
static void frame_on_done(struct disk_io *req, enum err err);
static void idle_on_timer(struct timer *timer);

static struct frame_out *frame_at(struct list_node *node)
{
    return node == NULL ? NULL : container_of(node, struct frame_out, link);
}

static struct frame_out *frame_first(const struct log *log)
{
    return frame_at(list_first(&log->head.frames));
}

static struct frame_out *frame_second(const struct log *log)
{
    struct frame_out *first = frame_first(log);

    return first == NULL ? NULL : frame_at(list_next(&log->head.frames, &first->link));
}

void flight_start(struct log *log)
{
    struct frame_out *frame = frame_first(log);

    if (frame == NULL || !frame->closed || log->head.given > 0)
        return;
    if (!supply_bind(log, frame->segment))
        return; /* no file is free: supply_give() comes back */

    log->head.wrote = true;
    if (!frame->segment->opened) {
        open_segment(log, frame->segment);
        return;
    }
    give(log, frame);
    flight_follow(log);
}

/* The second frame is copied while the first one flies, also when it lies in the next segment and
 * may not be written yet. */
void flight_follow(struct log *log)
{
    struct frame_out *first = frame_first(log), *second = frame_second(log);

    if (second == NULL || !second->closed || !first->given || second->given)
        return;
    build(log, second);
    if (second->segment == first->segment)
        give(log, second);
}

bool flight_takes(const struct log *log, const struct frame_out *frame, uint64_t bytes)
{
    const struct frame_out *first = frame_first(log), *second = frame_second(log);

    return second != NULL && frame == second && second->segment == first->segment &&
           (bytes <= RECALL_BYTES_MAX || bytes >= AHEAD_BYTES);
}

void flight_recall(struct log *log)
{
    struct frame_out *frame = frame_second(log);

    if (frame == NULL || !frame->given || &frame->link != list_last(&log->head.frames) ||
        frame->segment != segment_tail(log) || frame->bytes > RECALL_BYTES_MAX ||
        !disk_withdraw(&frame->io))
        return;
    frame->given = frame->closed = false;
    frame->buffer->busy = false;
    frame->buffer = NULL;
    frame->segment->end = frame->offset;
    log->head.given--;
    log->head.gathering = frame;
    log->turn--;
}

static void give(struct log *log, struct frame_out *frame)
{
    struct head *head = &log->head;

    ensure(head->given < GIVEN_MAX);
    if (head->given++ == 0)
        head->flight_ns = clock_mono_ns(log->world.clock);
    build(log, frame);
    frame->given = true;
    frame->log = log;
    disk_write(frame->segment->file->file, &frame->io, frame->offset, frame->buffer->bytes,
               frame->bytes, frame_on_done);
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
    log->head.given++;
    disk_write(segment->file->file, &log->head.io, 0, log->head.block, SEGMENT_HEAD_BYTES,
               open_on_done);
}

static void open_on_done(struct disk_io *req, enum err err)
{
    struct log *log = container_of(req, struct log, head.io);
    struct segment *segment = frame_first(log)->segment;

    log->head.given--;
    if (err != ERR_OK) {
        log_fail(log, &req->reason);
        return;
    }
    segment->opened = true;
    /* All frames of the one before were durable before this block was written. */
    struct segment *before = segment_find(log, segment->number - 1);
    if (before != NULL && before->phase == SEGMENT_LEFT)
        before->phase = SEGMENT_COMPLETE;
    flight_start(log);
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
        .ends_turn = true,
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

static void count_flight(struct log *log, const struct frame_out *frame)
{
    struct log_figures *figures = &log->figures;
    uint64_t ns = clock_mono_ns(log->world.clock) - log->head.flight_ns;

    figures->frames++;
    figures->bytes_framed += frame->bytes;
    figures->bytes_payload += frame->payload_bytes;
    figures->entries += frame->payload_count;
    figures->write_count++;
    figures->write_ns_sum += ns;
    if (ns > figures->write_ns_max)
        figures->write_ns_max = ns;
    cost_wrote(&log->head.cost, frame->bytes, ns);
}

static void next(struct log *log)
{
    if (log->head.given > 0) { /* it has begun by itself */
        log->head.flight_ns = clock_mono_ns(log->world.clock);
        flight_follow(log);
    } else {
        flight_start(log);
    }
    head_kick(log);
}

static void frame_on_done(struct disk_io *req, enum err err)
{
    struct frame_out *frame = container_of(req, struct frame_out, io);
    struct log *log = frame->log;
    uint64_t turn = frame->turn;

    log->head.given--;
    frame->buffer->busy = false;
    if (err != ERR_OK && !MUTANT(failed_write_taken)) {
        log_fail(log, &req->reason);
        return;
    }
    ensure(frame == frame_first(log));
    count_flight(log, frame);
    frame->segment->durable_end = frame->offset + frame->bytes;
    log->pending_bytes -= frame->payload_bytes;
    log->filling_bytes -= frame->fill_bytes;
    frame_free(frame);
    if (MUTANT(durable_when_given) && log->head.given > 0)
        turn = frame_first(log)->turn;

    next(log);
    if (!timer_running(&log->head.idle)) {
        log->head.wrote = false;
        timer_start(log->world.clock, &log->head.idle, IDLE_MS, idle_on_timer);
    }
    bool told = MUTANT(durable_when_given) && turn <= log->durable;
    if (!told) {
        if (log->durable < log->lost_turn && log->lost_turn <= turn)
            reclaim_want(log);
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
    for (unsigned i = 0; i < GIVEN_MAX; i++) {
        struct buffer *buffer = &head->buffers[i];
        if (buffer->busy || buffer->size <= BUFFER_BYTES_FIRST)
            continue;
        disk_memory_free(buffer->bytes);
        *buffer = (struct buffer){ 0 };
    }
}

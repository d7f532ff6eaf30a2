#include <stdlib.h>

#include "base/ensure.h"
#include "log/log_private.h"

/* The open end of the log.
 *
 *  1. head_room()      the gathering frame, or a new one; a full segment is left here
 *  2. head_add()       an item joins it
 *  3. turn_on_end()    at the end of the loop's turn the frame is closed, and flight.c has it;
 *                      while a frame flies and the disk would not take another, the next gathers on
 *
 * What is more than a frame may have (FRAME_BYTES_MAX; cost.c of what nobody waits for), or than
 * the segment holds, leaves as several frames.  Each of them ends a turn of the log: what the first
 * has is durable, and told so, while others still wait.
 *
 * The end of a segment is known when the item that does not fit arrives, before it changes any
 * state: so the states of that moment are those as of the end of the segment. */

#define ROUNDS 2u
#define PAYLOADS_FIRST 8u

static void turn_on_end(struct defer *defer);

void head_init(struct log *log)
{
    list_init(&log->head.frames);
    log->head.block = disk_memory(SEGMENT_HEAD_BYTES);
    ensure(log->head.block != NULL);
}

void frame_free(struct frame_out *frame)
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
    for (unsigned i = 0; i < GIVEN_MAX; i++)
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

    if (log->head.given > 0)
        return false;
    if (log->failed || frame == NULL)
        return true;
    /* Nothing will come of frames that wait for a free file. */
    return frame->segment->file == NULL && !supply_has_for(log);
}

bool head_stands(const struct log *log)
{
    const struct frame_out *frame = frame_first(log);

    return frame != NULL && frame->segment == segment_tail(log) && frame->segment->file == NULL &&
           supply_for_head(log) == 0;
}

bool head_has_entry(const struct log *log)
{
    for (struct list_node *node = list_first(&log->head.frames); node != NULL;
         node = list_next(&log->head.frames, node))
        if (container_of(node, struct frame_out, link)->payload_count > 0)
            return true;
    return false;
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
    log->turn++;
}

static uint64_t frame_bytes_max(const struct head *head, bool fills)
{
    return fills || head->gathering->fills ? cost_frame_bytes(&head->cost) : FRAME_BYTES_MAX;
}

static struct frame_out *room(struct log *log, uint64_t item_bytes, uint64_t payload_bytes,
                              bool fills)
{
    struct head *head = &log->head;
    uint64_t alone = frame_bytes(FRAME_HEAD_BYTES + item_bytes, payload_bytes);

    if (head->gathering == NULL)
        flight_recall(log);
    struct segment *tail = segment_tail(log);
    if (head->gathering != NULL) {
        uint64_t bytes = frame_size_with(head->gathering, item_bytes, payload_bytes);
        if (bytes <= frame_bytes_max(head, fills) && head->gathering->offset + bytes <= tail->bytes)
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

struct frame_out *head_room(struct log *log, uint64_t item_bytes, uint64_t payload_bytes)
{
    return room(log, item_bytes, payload_bytes, false);
}

struct frame_out *head_room_filled(struct log *log, uint64_t item_bytes, uint64_t payload_bytes)
{
    struct frame_out *frame = room(log, item_bytes, payload_bytes, true);

    frame->fills = true;
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

/* Behind a frame that flies. */
static void turn_ahead(struct log *log)
{
    const struct frame_out *frame = log->head.gathering;

    if (frame == NULL || !flight_takes(log, frame, frame_size_with(frame, 0, 0)))
        return;
    close_gathering(log);
    flight_follow(log);
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
    if (log->head.given > 0) {
        turn_ahead(log);
        return; /* comes back when the first is done */
    }
    const struct frame_out *first = frame_first(log);
    if (first != NULL && first->segment->file == NULL && !supply_has_for(log))
        reclaim_want(log); /* what comes meanwhile joins the frame: supply_give() comes back */
    else if (log->head.gathering != NULL)
        close_gathering(log);
    flight_start(log);
    log_close_kick(log); /* a frame that finds no file is as much at its end as one that flew */
}

void head_kick(struct log *log)
{
    if (!list_empty(&log->head.frames) && log->head.given < GIVEN_MAX && !log->failed)
        defer_run(log->world.clock, &log->head.turn_end, turn_on_end);
}

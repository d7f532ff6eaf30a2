#include "log/log_private.h"

/* Segments that are written aside: not by the head, and in no order with what it writes.
 *
 * Such a segment has a first block and payloads behind it, one after the other, padded to
 * DISK_ALIGN where a write ends.  What each of them is only the rows say.  So there is nothing to
 * replay at a start, and what was written without becoming visible is as good as not written. */

struct segment *aside_begin(struct log *log)
{
    struct segment_file *file = supply_take(log, 0);

    if (file == NULL)
        return NULL;
    struct segment *segment = segment_add(log, SEGMENT_ASIDE | ++log->aside_last,
                                          random_id(log->world.random), file);
    segment->phase = SEGMENT_FILED;
    supply_kick(log);
    return segment;
}

void aside_head(const struct log *log, const struct segment *segment, unsigned char *block)
{
    struct segment_head head = {
        .node = log->options.node,
        .number = segment->number,
        .life = segment->life,
        .file = segment->file->id,
        .bytes = segment->bytes,
        .created_ms = clock_wall_ms(log->world.clock),
    };

    segment_head_write(&head, block);
}

void aside_grew(struct log *log, struct segment *segment, uint64_t end, const struct extent *run)
{
    shelf_drop(log, segment); /* blocks that were read before it grew */
    segment->end = segment->durable_end = end;
    segment->witness = *run;
    /* One more, as in alive.c: entries without payload live, too. */
    segment->alive = (segment->alive == UINT64_MAX ? 0 : segment->alive) + run->bytes + 1;
    segment->behind = (segment->behind == UINT64_MAX ? 0 : segment->behind) + run->bytes + 1;
    log->figures.bytes_aside += run->bytes;
}

void aside_take_back(struct log *log, struct segment *segment)
{
    segment->end = segment->durable_end;
    if (segment->end == SEGMENT_HEAD_BYTES)
        segment_drop(log, segment);
}

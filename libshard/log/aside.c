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

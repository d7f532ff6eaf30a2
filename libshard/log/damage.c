#include <stdlib.h>

#include "base/limits.h"
#include "log/log_private.h"

/* Which entries are known to be damaged: a short list, by group and index.  It is not written down:
 * after a start the next read of an entry, or the scrubber, finds it again. */

/* Where the first one at or above this place is, or would be. */
static uint32_t damage_at(const struct log *log, uint64_t group, uint64_t index)
{
    uint32_t low = 0, high = log->damaged_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct entry_head *head = &log->damaged[middle].head;
        if (head->group < group || (head->group == group && head->index < index))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct log *log, uint32_t at, uint64_t group, uint64_t index)
{
    return at < log->damaged_count && log->damaged[at].head.group == group &&
           log->damaged[at].head.index == index;
}

static void drop(struct log *log, uint32_t at)
{
    memmove(&log->damaged[at], &log->damaged[at + 1],
            (log->damaged_count - at - 1) * sizeof(*log->damaged));
    log->damaged_count--;
}

static void keep(struct log *log, uint32_t at, const struct log_damage *damage)
{
    if (log->damaged_count == LOG_DAMAGED_MAX)
        return; /* the scrubber's next pass finds it, when there is room again */
    if (log->damaged == NULL)
        log->damaged = log_memory(LOG_DAMAGED_MAX, sizeof(*log->damaged));
    memmove(&log->damaged[at + 1], &log->damaged[at],
            (log->damaged_count - at) * sizeof(*log->damaged));
    log->damaged[at] = *damage;
    log->damaged_count++;
}

void damage_found(struct log *log, const struct entry_head *head, const struct segment *segment,
                  uint32_t offset, const struct reason *why)
{
    uint32_t at = damage_at(log, head->group, head->index);
    struct log_damage damage = { .head = *head, .known = is_at(log, at, head->group, head->index) };

    if (segment != NULL) {
        damage.segment = segment->number;
        damage.offset = offset;
        segment_file_name(segment->file->id, damage.file);
    }
    log->figures.corrupt_entries++;
    if (damage.known)
        log->damaged[at] = damage;
    else
        keep(log, at, &damage);
    if (log->options.on_damaged != NULL)
        log->options.on_damaged(log->options.ctx, &damage, why);
}

void damage_gone(struct log *log, uint64_t group, uint64_t index)
{
    uint32_t at = damage_at(log, group, index);

    if (is_at(log, at, group, index))
        drop(log, at);
}

const struct log_damage *log_damaged_next(struct log *log, uint64_t group, uint64_t index)
{
    uint32_t at = damage_at(log, group, index);

    if (is_at(log, at, group, index))
        at++;
    while (at < log->damaged_count) {
        const struct entry_head *head = &log->damaged[at].head;
        const struct group *of = group_find(log, head->group);
        if (of != NULL && head->index >= of->state.first && head->index <= of->state.last)
            return &log->damaged[at];
        drop(log, at);
    }
    return NULL;
}

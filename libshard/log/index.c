#include <stdlib.h>

#include "base/ensure.h"
#include "log/log_private.h"

/* Where the entries of segments that are not filed lie.
 *
 * A group's entries in one segment are one run.  While the segment is the tail
 * a cut takes entries out of the run; afterwards the run is what the segment
 * says, workers read it, and a cut moves `live` only and is noted in the
 * segment that holds it.  So filing writes each segment as of its end, in
 * order, and the table is always the exact state at one point of the log. */

#define RUN_ROOM_FIRST 4u

struct entry_head place_head(const struct place *place, uint64_t group, uint64_t index)
{
    return (struct entry_head){
        .group = group,
        .index = index,
        .term = place->term,
        .time_ms = place->time_ms,
        .epoch = place->epoch,
        .length = place->length,
        .crc = place->crc,
        .records = place->records,
        .type = place->type,
        .flags = place->flags,
    };
}

static struct place place_of(const struct entry_head *head, uint32_t offset)
{
    return (struct place){
        .term = head->term,
        .time_ms = head->time_ms,
        .epoch = head->epoch,
        .length = head->length,
        .crc = head->crc,
        .offset = offset,
        .records = head->records,
        .type = head->type,
        .flags = head->flags,
    };
}

bool place_is_durable(const struct place *place, const struct segment *segment)
{
    if (segment->phase >= SEGMENT_COMPLETE)
        return true;
    return place->offset != 0 &&
           (uint64_t)place->offset + place->length <= segment->durable_end;
}

static struct run *run_last(const struct group *group)
{
    return group->run_count == 0 ? NULL : group->runs[group->run_count - 1];
}

static struct run *run_new(struct group *group, struct segment *segment, uint64_t first)
{
    struct run *run = log_memory(1, sizeof(*run));

    if (group->run_count == group->run_room) {
        group->run_room = group->run_room == 0 ? 2 : group->run_room * 2;
        group->runs = log_memory_grow(group->runs, group->run_room, sizeof(struct run *));
    }
    group->runs[group->run_count++] = run;
    run->group = group;
    run->segment = segment;
    run->group_id = group->state.group;
    run->first = first;
    segment->kept++;
    return run;
}

void run_free(struct run *run)
{
    list_remove(&run->link);
    free(run->places);
    free(run);
}

static void run_unlink(struct group *group, uint32_t at)
{
    struct run *run = group->runs[at];

    memmove(&group->runs[at], &group->runs[at + 1],
            (group->run_count - at - 1) * sizeof(struct run *));
    group->run_count--;
    run->segment->kept--;
    run->group = NULL;
    run->live = 0;
    if (!list_linked(&run->link))
        run_free(run); /* of a filed segment: nobody else has it */
}

struct run *index_add(struct log *log, struct group *group, const struct entry_head *head,
                      uint32_t offset)
{
    struct segment *tail = segment_tail(log);
    struct run *run = run_last(group);

    if (run == NULL || run->segment != tail) {
        run = run_new(group, tail, head->index);
        list_append(&tail->runs, &run->link);
    }
    ensure(head->index == run->first + run->count && run->live == run->count);
    if (run->count == run->room) {
        run->room = run->room == 0 ? RUN_ROOM_FIRST : run->room * 2;
        run->places = log_memory_grow(run->places, run->room, sizeof(*run->places));
    }
    run->places[run->count++] = place_of(head, offset);
    run->live++;
    tail->entries++;
    return run;
}

const struct place *index_find(const struct group *group, uint64_t index, struct run **ret)
{
    for (uint32_t i = group->run_count; i > 0; i--) {
        struct run *run = group->runs[i - 1];
        if (index < run->first)
            continue;
        if (index - run->first >= run->live)
            return NULL;
        if (ret != NULL)
            *ret = run;
        return &run->places[index - run->first];
    }
    return NULL;
}

uint64_t index_first(const struct group *group)
{
    return group->run_count == 0 ? group->state.last + 1 : group->runs[0]->first;
}

/* Notes in the tail that earlier segments lose entries; of a FORGET, `forgotten` is the turn that
 * made the group. */
static void note_cut(struct segment *tail, uint64_t group, uint64_t from, bool forget,
                     uint64_t forgotten)
{
    for (uint32_t i = 0; i < tail->cut_count; i++) {
        struct cut *cut = &tail->cuts[i];
        if (cut->group != group)
            continue;
        cut->from = from < cut->from ? from : cut->from;
        cut->forget = cut->forget || forget;
        if (forget)
            cut->forgotten = forgotten;
        return;
    }
    if (tail->cut_count == tail->cut_room) {
        tail->cut_room = tail->cut_room == 0 ? 4 : tail->cut_room * 2;
        tail->cuts = log_memory_grow(tail->cuts, tail->cut_room, sizeof(*tail->cuts));
    }
    tail->cuts[tail->cut_count++] = (struct cut){ group, from, forget, forgotten };
}

void index_cut(struct log *log, struct group *group, uint64_t from)
{
    struct segment *tail = segment_tail(log);
    struct run *last = run_last(group);
    bool within_tail = last != NULL && last->segment == tail && from >= last->first;

    for (struct run *run; (run = run_last(group)) != NULL;) {
        if (run->first + run->live <= from)
            break;
        uint32_t left = run->first >= from ? 0 : (uint32_t)(from - run->first);
        if (run->segment == tail && list_linked(&run->link)) {
            tail->entries -= run->count - left;
            run->count = left;
        }
        run->live = left;
        if (left > 0)
            break;
        run_unlink(group, group->run_count - 1);
    }
    if (!within_tail)
        note_cut(tail, group->state.group, from, false, 0);
    log->cuts++;
}

/* What the tail has of them would be filed behind the cuts that the tail notes, and be found beside
 * what came in its place. */
void index_detach(struct log *log, struct group *group)
{
    while (group->run_count > 0) {
        struct run *run = run_last(group);
        if (run->segment == log->tail) {
            run->segment->entries -= run->count;
            run->count = 0;
        }
        run_unlink(group, group->run_count - 1);
    }
}

void index_forget(struct log *log, struct group *group)
{
    index_detach(log, group);
    note_cut(segment_tail(log), group->state.group, 0, true, group->made);
    log->cuts++;
}

/* The frame that holds the entry was built: its place is decided.  The entry may have been cut
 * meanwhile, and another have its index. */
void index_settle(const struct payload *payload, uint32_t offset)
{
    struct run *run = payload->run;
    uint64_t at = payload->index - run->first;

    if (at < run->count && run->places[at].crc == payload->crc &&
        run->places[at].length == payload->length)
        run->places[at].offset = offset;
}

/* Gives back the places of what is known to be applied.  The rest stays: the next TRUNCATE may ask
 * for its terms, and the loop does not wait for the table. */
static void run_shrink(struct run *run, uint64_t applied)
{
    struct group *group = run->group;
    uint32_t drop = applied < run->first ? 0 : (uint32_t)(applied - run->first + 1);

    if (drop >= run->live) {
        for (uint32_t i = 0; i < group->run_count; i++) {
            if (group->runs[i] == run) {
                run_unlink(group, i);
                return;
            }
        }
        ensure(false);
    }
    uint32_t kept = run->live - drop;
    struct place *places = log_memory(kept, sizeof(*places));
    memcpy(places, run->places + drop, kept * sizeof(*places));
    free(run->places);
    run->places = places;
    run->first += drop;
    run->count = run->live = run->room = kept;
}

void index_filed(struct segment *segment)
{
    for (struct list_node *node; (node = list_pop(&segment->runs)) != NULL;) {
        struct run *run = container_of(node, struct run, link);
        if (run->group == NULL)
            run_free(run);
        else
            run_shrink(run, run->group->state.applied);
    }
}

void index_applied(struct group *group)
{
    while (group->run_count > 0) {
        struct run *run = group->runs[0];
        if (list_linked(&run->link) || run->first + run->live - 1 > group->state.applied)
            return;
        run_unlink(group, 0);
    }
}

void index_keep(struct group *group, struct segment *segment, const struct index_row *row,
                uint64_t from, uint64_t last)
{
    uint64_t first = row->first < from ? from : row->first;
    uint64_t end = row->first + row->count - 1 < last ? row->first + row->count - 1 : last;
    struct run *run = run_new(group, segment, first);

    /* Called from the newest row to the oldest, so it goes to the front. */
    memmove(&group->runs[1], &group->runs[0], (group->run_count - 1) * sizeof(struct run *));
    group->runs[0] = run;
    run->count = run->live = run->room = (uint32_t)(end - first + 1);
    run->places = log_memory(run->count, sizeof(*run->places));
    memcpy(run->places, row->places + (first - row->first), run->count * sizeof(*run->places));
}

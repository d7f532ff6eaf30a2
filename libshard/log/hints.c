#include <stdlib.h>

#include "base/mutant.h"
#include "log/log_private.h"

/* Hints: what of a group was applied and trimmed.
 *
 * They have rows of their own in the tables, which may lag behind, but never go back: rows below a
 * trim that was written once may be gone.  Filing a segment could do that.  With a START that let
 * go of entries goes the hint of the segment's end, because what was trimmed before says nothing of
 * what came in its place; and a FORGET takes the hint away.  But a segment may wait long for its
 * turn, in a full log or before full tables, and newer hints were written meanwhile.
 *
 * So from such a START or FORGET on, until its segment is filed, the newest hint that was taken for
 * the tables is kept here, and goes into that batch behind all others.  The group's own state does
 * not do: a later START that is not durable may be in it, or the group be gone. */

/* Where the group's is, or would be, in log->kept. */
static size_t kept_at(const struct log *log, uint64_t group)
{
    size_t low = 0, high = log->kept_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->kept[middle]->group < group)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct kept_hint *kept_find(const struct log *log, uint64_t group)
{
    size_t at = kept_at(log, group);

    return at < log->kept_count && log->kept[at]->group == group ? log->kept[at] : NULL;
}

void hints_outlive(struct log *log, uint64_t group)
{
    struct kept_hint *kept = kept_find(log, group);

    if (kept == NULL) {
        size_t at = kept_at(log, group);
        if (log->kept_count == log->kept_room) {
            log->kept_room = log->kept_room == 0 ? 8 : log->kept_room * 2;
            log->kept = log_memory_grow(log->kept, log->kept_room, sizeof(*log->kept));
        }
        memmove(&log->kept[at + 1], &log->kept[at], (log->kept_count - at) * sizeof(*log->kept));
        log->kept_count++;
        kept = log->kept[at] = log_memory(1, sizeof(*kept));
        kept->group = group;
    }
    kept->segment = segment_tail(log)->number;
}

void hints_take_one(struct log *log, const struct group *group, struct hint *hint)
{
    struct kept_hint *kept = kept_find(log, group->state.group);

    group_hint(group, hint);
    if (kept == NULL)
        return;
    kept->known = true;
    kept->hint = *hint;
}

/* What is there now is as new as what the tables have. */
static void found(struct log *log)
{
    struct hint hint;

    for (size_t i = 0; i < log->kept_count; i++) {
        const struct group *group = group_find(log, log->kept[i]->group);
        if (group != NULL)
            hints_take_one(log, group, &hint);
    }
}

/* The entry that a truncate left as the last one was gone already when it was replayed. */
static void name_last(struct group *group, const struct hint *hint)
{
    struct log_state *state = &group->state;

    if (state->last_term != 0 || state->last != hint->applied)
        return;
    state->last_term = hint->applied_term;
    state->last_time_ms = hint->applied_time_ms;
}

/* A hint from before a START that took applied entries back says nothing, unless the very entry
 * that it names is there again. */
static bool is_overtaken(const struct group *group, const struct hint *hint)
{
    uint64_t term = 0, time_ms = 0;

    if (!group->taken_back)
        return false;
    if (hint->applied > group->state.last)
        return true;
    return group_name_at(group, hint->applied, &term, &time_ms) && term != hint->applied_term;
}

/* What START says was applied at its own place is newer.  And while a member is filled only places
 * are noted: what was applied there is said by the START with which it begins to count. */
static bool says_more(const struct group *group, const struct hint *hint)
{
    if (MUTANT(hint_over_start))
        return hint->applied >= group->state.applied;
    return hint->applied > group->state.applied &&
           (hint->image_bytes > 0 || group->state.image_bytes == 0);
}

enum err hints_apply(struct log *log, const struct hint hints[], size_t count,
                     struct reason *reason)
{
    for (size_t i = 0; i < count; i++) {
        const struct hint *hint = &hints[i];
        struct group *group = group_find(log, hint->group);
        if (group == NULL || group->made != hint->made)
            continue; /* of an incarnation that is gone */
        bool overtaken = is_overtaken(group, hint);
        bool counts = group->state.epoch == hint->epoch && !overtaken;
        if (counts && hint->applied > group->state.last) {
            reason_set(reason,
                       "group %llu ends at entry %llu, but entry %llu was applied: the end of the "
                       "log is lost; " REASON_KEEP_DATA,
                       (unsigned long long)hint->group, (unsigned long long)group->state.last,
                       (unsigned long long)hint->applied);
            return ERR_CORRUPT;
        }
        if (counts)
            name_last(group, hint);
        if (counts && says_more(group, hint))
            group_applied(log, group, hint);
        /* What was trimmed is gone in whatever epoch, but what came in its place since is not. */
        uint64_t first = group->hint_first;
        if (overtaken && group->again_first != 0 && group->again_first < first)
            first = group->again_first;
        if (first <= group->state.last + 1)
            group_trim(log, group, first);
    }
    while (list_pop(&log->dirty_hint) != NULL)
        continue;
    found(log);
    return ERR_OK;
}

void hints_filed(struct log *log)
{
    size_t left = 0;

    for (size_t i = 0; i < log->kept_count; i++) {
        if (log->kept[i]->segment > log->filed)
            log->kept[left++] = log->kept[i];
        else
            free(log->kept[i]);
    }
    log->kept_count = left;
}

void hints_fini(struct log *log)
{
    for (size_t i = 0; i < log->kept_count; i++)
        free(log->kept[i]);
    free(log->kept);
}

static void take_changed(struct log *log)
{
    struct table_job *job = &log->job;
    struct list later;

    list_init(&later);
    for (struct list_node *node; (node = list_pop(&log->dirty_hint)) != NULL;) {
        const struct group *group = container_of(node, struct group, dirty_hint);
        if (group_hint_is_safe(log, group))
            hints_take_one(log, group, &job->hints[job->hint_count++]);
        else
            list_append(&later, node);
    }
    list_join(&log->dirty_hint, &later);
}

/* What was taken since the segment's START, or since the group that its FORGET ended. */
static void take_kept(struct log *log, const struct segment *filed)
{
    struct table_job *job = &log->job;

    for (uint32_t i = 0; i < filed->hard_count; i++) {
        const struct hard *hard = &filed->hards[i];
        const struct kept_hint *kept =
            hard->let_go == 0 ? NULL : kept_find(log, hard->state.group);
        if (kept != NULL && kept->known && kept->hint.started >= hard->let_go)
            job->hints[job->hint_count++] = kept->hint;
    }
    for (uint32_t i = 0; i < filed->cut_count; i++) {
        const struct cut *cut = &filed->cuts[i];
        const struct kept_hint *kept = cut->forget ? kept_find(log, cut->group) : NULL;
        if (kept != NULL && kept->known && kept->hint.made > cut->forgotten)
            job->hints[job->hint_count++] = kept->hint;
    }
}

void hints_take(struct log *log, const struct segment *filed)
{
    struct table_job *job = &log->job;
    size_t room = log->group_count + 1;

    if (filed != NULL)
        room += filed->hard_count + filed->cut_count;
    job->hints = log_memory(room, sizeof(*job->hints));
    job->hint_count = 0;
    take_changed(log);
    if (filed != NULL && !MUTANT(hint_put_back))
        take_kept(log, filed);
}

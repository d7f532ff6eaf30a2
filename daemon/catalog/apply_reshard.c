#include "catalog/apply_reshard.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "catalog/keymap.h"
#include "catalog/model_private.h"
#include "catalog/row.h"

#define HASH_BYTES 16u

static enum err begin(struct model *model, const Braid__Catalog__BeginReshard *row,
                      uint64_t proposed_ms, struct reason *reason);
static enum err begin_allowed(const struct model *model, const struct model_stream *stream,
                              const Braid__Catalog__BeginReshard *row, struct reason *reason);
static enum err step_check(const struct model *model, const struct model_stream *stream,
                           const Braid__Catalog__ReshardStep *step, bool *taken,
                           struct reason *reason);
static bool child_holds(const struct model *model, const Braid__Catalog__Shard *child);
static void step_begin(struct model *model, struct model_stream *stream,
                       const Braid__Catalog__ReshardStep *step, uint64_t proposed_ms);
static void count(struct model *model, struct model_stream *stream, uint64_t proposed_ms);
static enum err commit(struct model *model, const Braid__Catalog__CommitReshard *row,
                       uint64_t proposed_ms, struct reason *reason);
static bool commit_steps(struct model_stream *stream, const Braid__Catalog__EndedShard **ended_by,
                         uint64_t proposed_ms);
static enum err forget(struct model *model, const Braid__Catalog__ForgetShards *row,
                       uint64_t proposed_ms, struct reason *reason);

enum err apply_reshard(struct model *model, const Braid__Catalog__Change *change,
                       struct reason *reason)
{
    switch (change->of_case) {
    case BRAID__CATALOG__CHANGE__OF_BEGIN_RESHARD:
        return begin(model, change->begin_reshard, change->proposed_ms, reason);
    case BRAID__CATALOG__CHANGE__OF_COMMIT_RESHARD:
        return commit(model, change->commit_reshard, change->proposed_ms, reason);
    default:
        return forget(model, change->forget_shards, change->proposed_ms, reason);
    }
}

static uint32_t place_of(const struct model_stream *stream, uint32_t number)
{
    const struct model_shard *shard = model_shard_by_number(stream, number);

    return shard == NULL ? UINT32_MAX : (uint32_t)(shard - stream->shards);
}

static bool is_opening(const struct model_stream *stream)
{
    for (uint32_t i = stream->shard_count; i-- > 0;)
        if (stream->shards[i].state == SHARD_OPENING)
            return true;
    return false;
}

/* ---- beginning ---- */

static enum err begin(struct model *model, const Braid__Catalog__BeginReshard *row,
                      uint64_t proposed_ms, struct reason *reason)
{
    struct model_stream *stream = model_stream_change(model, row->stream);

    if (stream == NULL) {
        reason_set(reason, "no such stream");
        return ERR_NOT_FOUND;
    }
    enum err err = begin_allowed(model, stream, row, reason);
    if (err != ERR_OK)
        return err;

    bool *taken = model_memory(stream->shard_count, sizeof(*taken));
    for (size_t i = 0; i < row->n_steps && err == ERR_OK; i++)
        err = step_check(model, stream, row->steps[i], taken, reason);
    free(taken);
    if (err != ERR_OK)
        return err;
    for (size_t i = 0; i < row->n_steps; i++)
        step_begin(model, stream, row->steps[i], proposed_ms);
    stream->status = STREAM_UPDATING;
    stream->target = row->target;
    if (row->counted)
        count(model, stream, proposed_ms);
    return ERR_OK;
}

/* Whoever sets something of the stream at the same time looks again. */
static void count(struct model *model, struct model_stream *stream, uint64_t proposed_ms)
{
    model->stream_bytes -= model_settings_bytes(stream->settings);
    if (stream->settings == NULL)
        stream->settings = model_memory(1, sizeof(*stream->settings));
    stream->settings->revision++;
    model_times_note(&stream->settings->resharded, proposed_ms);
    model->stream_bytes += model_settings_bytes(stream->settings);
}

/* One that is on its way to a number of shards begins its next steps when the last are done. */
static enum err begin_allowed(const struct model *model, const struct model_stream *stream,
                              const Braid__Catalog__BeginReshard *row, struct reason *reason)
{
    bool goes_on = stream->status == STREAM_UPDATING && stream->target != 0 &&
                   stream->target == row->target && !is_opening(stream);
    size_t children = 0;

    if (stream->status == STREAM_DELETING) {
        reason_set(reason, "stream %s is being deleted", stream->name);
        return ERR_CLOSED;
    }
    if ((stream->status != STREAM_ACTIVE || is_opening(stream)) && !goes_on) {
        reason_set(reason, "stream %s is being changed", stream->name);
        return ERR_EXISTS;
    }
    for (size_t i = 0; i < row->n_steps; i++)
        children += row->steps[i]->n_children;
    if (children == 0 || children > STREAM_SHARDS_MAX ||
        stream->shard_count + children > STREAM_SHARDS_MAX) {
        reason_set(reason, "stream %s: %u shards with those that are closed, and %zu more; %u are "
                   "possible", stream->name, stream->shard_count, children, STREAM_SHARDS_MAX);
        return children == 0 ? ERR_INVALID : ERR_BUSY;
    }
    if (model->group_count + children > CATALOG_SHARDS_MAX) {
        reason_set(reason, "a cluster has at most %u shards, %u are in use", CATALOG_SHARDS_MAX,
                   model->group_count);
        return ERR_BUSY;
    }
    if (model->stream_bytes + children * SHARD_ROW_BYTES > CATALOG_BYTES_MAX ||
        stream->next_number > INT32_MAX - children) {
        reason_set(reason, "the catalogue has no room for %zu more shards", children);
        return ERR_BUSY;
    }
    return ERR_OK;
}

static bool is_out_of_range(const Braid__Catalog__ReshardStep *step)
{
    for (size_t i = 0; i < step->n_children; i++)
        if (step->children[i]->hash_first.len != HASH_BYTES ||
            step->children[i]->hash_last.len != HASH_BYTES)
            return true;
    return step->n_parents < 1 || step->n_parents > SHARD_PARENTS_MAX || step->n_children < 1;
}

/* The children hold what the parents hold, in the same order. */
static enum err step_check(const struct model *model, const struct model_stream *stream,
                           const Braid__Catalog__ReshardStep *step, bool *taken,
                           struct reason *reason)
{
    struct u128 next, last = { 0 };

    if (is_out_of_range(step)) {
        reason_set(reason, "stream %s: a step is out of range", stream->name);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < step->n_parents; i++) {
        uint32_t at = place_of(stream, step->parents[i]);
        if (at == UINT32_MAX || stream->shards[at].state != SHARD_OPEN || taken[at] ||
            (i > 0 && stream->shards[at].hash_first.v != last.v + 1)) {
            reason_set(reason, "shard %u of stream %s is not open, or no neighbour",
                       step->parents[i], stream->name);
            return ERR_INVALID;
        }
        taken[at] = true;
        last = stream->shards[at].hash_last;
    }
    next = stream->shards[place_of(stream, step->parents[0])].hash_first;
    for (size_t i = 0; i < step->n_children; i++) {
        struct u128 first = u128_get(step->children[i]->hash_first.data);
        struct u128 end = u128_get(step->children[i]->hash_last.data);
        if (first.v != next.v || end.v < first.v || end.v > last.v ||
            (i + 1 == step->n_children) != (end.v == last.v) ||
            !child_holds(model, step->children[i])) {
            reason_set(reason, "shard %u of stream %s: its children do not hold its hash keys, or "
                       "have no members", step->parents[0], stream->name);
            return ERR_INVALID;
        }
        next.v = end.v + 1;
    }
    return ERR_OK;
}

static bool child_holds(const struct model *model, const Braid__Catalog__Shard *child)
{
    if (child->n_members < 1 || child->n_members > GROUP_MEMBERS_MAX)
        return false;
    for (size_t i = 0; i < child->n_members; i++) {
        if (model_node_by_id(model, child->members[i]) == NULL)
            return false;
        for (size_t k = 0; k < i; k++)
            if (child->members[k] == child->members[i])
                return false;
    }
    return true;
}

/* A second above its parents': so its sequence numbers sort behind all of theirs, whatever the
 * clocks say. */
static uint64_t created_s(const struct model_stream *stream,
                          const Braid__Catalog__ReshardStep *step, uint64_t proposed_ms)
{
    uint64_t at_s = proposed_ms / 1000;

    for (size_t i = 0; i < step->n_parents; i++) {
        const struct model_shard *parent = model_shard_by_number(stream, step->parents[i]);
        if (parent->created_s > at_s)
            at_s = parent->created_s;
    }
    return at_s + 1 < ROW_CREATED_S_END ? at_s + 1 : ROW_CREATED_S_END - 1;
}

static void step_begin(struct model *model, struct model_stream *stream,
                       const Braid__Catalog__ReshardStep *step, uint64_t proposed_ms)
{
    uint64_t at_s = created_s(stream, step, proposed_ms);
    struct model_shard *shards = model_shards_add(model, stream, (uint32_t)step->n_children);

    for (size_t i = 0; i < step->n_children; i++) {
        const Braid__Catalog__Shard *row = step->children[i];
        struct model_shard *shard = &shards[i];
        shard->state = SHARD_OPENING;
        shard->hash_first = u128_get(row->hash_first.data);
        shard->hash_last = u128_get(row->hash_last.data);
        shard->created_s = at_s;
        shard->member_count = (uint32_t)row->n_members;
        memcpy(shard->members, row->members, row->n_members * sizeof(row->members[0]));
        shard->parent_count = (uint32_t)step->n_parents;
        memcpy(shard->parents, step->parents, step->n_parents * sizeof(step->parents[0]));
    }
}

/* ---- committing ---- */

static enum err commit(struct model *model, const Braid__Catalog__CommitReshard *row,
                       uint64_t proposed_ms, struct reason *reason)
{
    struct model_stream *stream = model_stream_change(model, row->stream);

    if (stream == NULL) {
        reason_set(reason, "no such stream");
        return ERR_NOT_FOUND;
    }
    if (stream->status != STREAM_UPDATING) {
        reason_set(reason, "stream %s is not being resharded", stream->name);
        return ERR_CLOSED;
    }

    const Braid__Catalog__EndedShard **ended_by =
        model_memory(stream->shard_count, sizeof(*ended_by));
    for (size_t i = 0; i < row->n_ended; i++) {
        uint32_t at = place_of(stream, row->ended[i]->number);
        if (at != UINT32_MAX && stream->shards[at].state == SHARD_OPEN)
            ended_by[at] = row->ended[i];
    }
    bool any = commit_steps(stream, ended_by, proposed_ms);
    free(ended_by);
    if (!any) {
        reason_set(reason, "stream %s: no step has ended with it", stream->name);
        return ERR_CLOSED;
    }
    ensure(keymap_make(stream)); /* begin() has seen to it */
    if (!is_opening(stream) && (stream->target == 0 || stream->target == stream->open_count)) {
        stream->status = STREAM_ACTIVE;
        stream->target = 0;
    }
    return ERR_OK;
}

/* Whether all parents of the child are in it. */
static bool is_ready(const struct model_stream *stream, const struct model_shard *child,
                     const Braid__Catalog__EndedShard *const *ended_by)
{
    if (child->state != SHARD_OPENING)
        return false; /* its parents may be gone */
    for (uint32_t i = 0; i < child->parent_count; i++)
        if (ended_by[place_of(stream, child->parents[i])] == NULL)
            return false;
    return true;
}

static void parent_close(struct model_shard *parent, const Braid__Catalog__EndedShard *ended,
                         uint64_t at_ms)
{
    parent->state = SHARD_CLOSED;
    parent->closed_ms = at_ms;
    parent->end = ended->end;
}

/* Parents of one child have the same other children: they close, and all of those open. */
static bool commit_steps(struct model_stream *stream, const Braid__Catalog__EndedShard **ended_by,
                         uint64_t proposed_ms)
{
    bool any = false;

    for (uint32_t i = 0; i < stream->shard_count; i++) {
        struct model_shard *child = &stream->shards[i];
        uint64_t at_ms = proposed_ms;
        if (!is_ready(stream, child, ended_by))
            continue;
        for (uint32_t k = 0; k < child->parent_count; k++) {
            uint32_t at = place_of(stream, child->parents[k]);
            uint64_t last_ms = ended_by[at]->time_ms, opened_ms = stream->shards[at].opened_ms;
            at_ms = last_ms > at_ms ? last_ms : at_ms; /* no record of it is younger */
            at_ms = opened_ms > at_ms ? opened_ms : at_ms; /* by another node's clock */
        }
        for (uint32_t k = 0; k < child->parent_count; k++) {
            uint32_t at = place_of(stream, child->parents[k]);
            parent_close(&stream->shards[at], ended_by[at], at_ms);
        }
        child->state = SHARD_OPEN;
        child->opened_ms = at_ms;
        any = true;
    }
    return any;
}

/* ---- forgetting ---- */

/* Who reads on from it is to be told all its children. */
static bool has_parent(const struct model_stream *stream, const struct model_shard *shard)
{
    for (uint32_t i = 0; i < shard->parent_count; i++)
        if (place_of(stream, shard->parents[i]) != UINT32_MAX)
            return true;
    return false;
}

static enum err forget(struct model *model, const Braid__Catalog__ForgetShards *row,
                       uint64_t proposed_ms, struct reason *reason)
{
    struct model_stream *stream = model_stream_change(model, row->stream);
    bool any = false;

    if (stream == NULL) {
        reason_set(reason, "no such stream");
        return ERR_NOT_FOUND;
    }
    for (size_t i = 0; i < row->n_numbers; i++) {
        uint32_t at = place_of(stream, row->numbers[i]);
        if (at == UINT32_MAX || stream->shards[at].state != SHARD_CLOSED ||
            model_shard_gone_ms(stream, &stream->shards[at]) > proposed_ms ||
            has_parent(stream, &stream->shards[at]))
            continue;
        model_shard_remove(model, stream, at);
        any = true;
    }
    if (!any) {
        reason_set(reason, "stream %s: none of them is closed for longer than its retention",
                   stream->name);
        return ERR_CLOSED;
    }
    ensure(keymap_make(stream)); /* places have moved */
    return ERR_OK;
}

#include "catalog/apply_members.h"

#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "catalog/version.h"

static bool row_holds(const struct model *model, const Braid__Catalog__Members *row,
                      struct reason *why);
static bool is_there(const struct model *model, const Braid__Catalog__Members *row,
                     struct reason *why);
static bool is_order(const struct model *model, const Braid__Catalog__Members *row);
static bool is_next(const struct model *model, const Braid__Catalog__Members *row,
                    struct reason *why);
static bool are_nodes(const struct model *model, const Braid__Catalog__Members *row,
                      struct reason *why);
static bool one_comes(const struct model *model, const Braid__Catalog__Members *row,
                      struct reason *why);
static void row_apply(struct model *model, const Braid__Catalog__Members *row);
static void members_put(struct model_shard *shard, const Braid__Catalog__Members *row);
static void left_add(struct model_shard *shard, uint64_t node);

enum err apply_members(struct model *model, const Braid__Catalog__SetMembers *set,
                       struct reason *reason)
{
    struct reason first = { .text = "" };
    bool any = false;

    if (set->n_rows < 1 || set->n_rows > CATALOG_MEMBERS_ROWS_MAX) {
        reason_set(reason, "%zu groups in it; 1 to %u are possible", set->n_rows,
                   CATALOG_MEMBERS_ROWS_MAX);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < set->n_rows; i++) {
        if (!row_holds(model, set->rows[i], i == 0 ? &first : NULL))
            continue;
        row_apply(model, set->rows[i]);
        any = true;
    }
    if (any)
        return ERR_OK;
    *reason = first;
    reason_wrap(reason, "group %llu", (unsigned long long)set->rows[0]->group);
    return ERR_CLOSED;
}

static bool row_holds(const struct model *model, const Braid__Catalog__Members *row,
                      struct reason *why)
{
    return is_there(model, row, why) &&
           (is_order(model, row) || (is_next(model, row, why) && are_nodes(model, row, why) &&
                                     one_comes(model, row, why)));
}

static bool is_there(const struct model *model, const Braid__Catalog__Members *row,
                     struct reason *why)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *shard = model_shard_by_group(model, row->group, &stream);

    if (shard == NULL) {
        reason_set(why, "no shard has it");
        return false;
    }
    if (stream->status == STREAM_DELETING) {
        reason_set(why, "stream %s is being deleted", stream->name);
        return false;
    }
    return true;
}

/* Those that are there in the epoch that is there, and another one of them first. */
static bool is_order(const struct model *model, const Braid__Catalog__Members *row)
{
    const struct model_shard *shard = model_shard_by_group(model, row->group, NULL);

    if (!version_allows(model, VERSION_PREFERS) || row->epoch != shard->epoch ||
        row->n_members != shard->member_count || row->members[0] == shard->members[0])
        return false;
    for (uint32_t i = 0; i < shard->member_count; i++) {
        bool stays = false;
        for (size_t k = 0; k < row->n_members; k++)
            stays |= row->members[k] == shard->members[i];
        if (!stays)
            return false;
    }
    return true;
}

static bool is_next(const struct model *model, const Braid__Catalog__Members *row,
                    struct reason *why)
{
    const struct model_shard *shard = model_shard_by_group(model, row->group, NULL);

    if (row->epoch != (uint64_t)shard->epoch + 1) {
        reason_set(why, "epoch %u does not follow epoch %u", row->epoch, shard->epoch);
        return false;
    }
    if (!model_same_history(row->epoch, shard->epoch)) {
        reason_set(why, "it has had %u epochs, and there are no more", MODEL_RESCUE_EPOCHS);
        return false;
    }
    return true;
}

static bool are_nodes(const struct model *model, const Braid__Catalog__Members *row,
                      struct reason *why)
{
    if (row->n_members < 1 || row->n_members > GROUP_MEMBERS_MAX) {
        reason_set(why, "%zu members; 1 to %u are possible", row->n_members, GROUP_MEMBERS_MAX);
        return false;
    }
    for (size_t i = 0; i < row->n_members; i++) {
        for (size_t k = 0; k < i; k++) {
            if (row->members[k] == row->members[i]) {
                reason_set(why, "a member twice");
                return false;
            }
        }
        if (model_node_by_id(model, row->members[i]) == NULL) {
            reason_set(why, "a member is no node of this cluster");
            return false;
        }
    }
    return true;
}

static bool one_comes(const struct model *model, const Braid__Catalog__Members *row,
                      struct reason *why)
{
    const struct model_shard *shard = model_shard_by_group(model, row->group, NULL);
    uint32_t coming = 0;

    if (row->n_members < shard->member_count) {
        reason_set(why, "%u members would become %zu", shard->member_count, row->n_members);
        return false;
    }
    for (size_t i = 0; i < row->n_members; i++) {
        if (i < shard->member_count && row->members[i] == shard->members[i])
            continue;
        coming++;
        const struct model_node *node = model_node_by_id(model, row->members[i]);
        if (model_shard_aside(shard, node->id) && !MUTANT(aside_let_in)) {
            reason_set(why, "a node whose copy was put aside cannot come in");
            return false;
        }
        if (node->replaced || node->draining) {
            reason_set(why, "a node that is %s cannot come in",
                       node->replaced ? "replaced" : "draining");
            return false;
        }
    }
    if (coming > 1)
        reason_set(why, "%u places would change at once", coming);
    return coming <= 1;
}

static void row_apply(struct model *model, const Braid__Catalog__Members *row)
{
    struct model_shard *shard = model_shard_change(model, row->group);
    const struct model_stream *stream = NULL;

    ensure(shard != NULL && row->n_members <= GROUP_MEMBERS_MAX);
    if (row->epoch == shard->epoch) { /* nothing begins */
        members_put(shard, row);
        return;
    }
    for (uint32_t i = 0; i < shard->member_count; i++) {
        bool stays = false;
        for (size_t k = 0; k < row->n_members; k++)
            stays |= row->members[k] == shard->members[i];
        if (!stays)
            left_add(shard, shard->members[i]);
    }
    shard->epoch = row->epoch;
    members_put(shard, row);
    if (model_shard_by_group(model, row->group, &stream) != NULL &&
        (stream->status == STREAM_CREATING || shard->state == SHARD_OPENING) &&
        !MUTANT(created_carried))
        model_shard_begin_anew(model, row->group);
}

static void members_put(struct model_shard *shard, const Braid__Catalog__Members *row)
{
    shard->member_count = (uint32_t)row->n_members;
    memset(shard->members, 0, sizeof(shard->members));
    memcpy(shard->members, row->members, row->n_members * sizeof(row->members[0]));
}

static void left_add(struct model_shard *shard, uint64_t node)
{
    if (shard->left_count == MODEL_LEFT_MAX)
        memmove(shard->left, shard->left + 1, --shard->left_count * sizeof(shard->left[0]));
    shard->left[shard->left_count++] = node;
}

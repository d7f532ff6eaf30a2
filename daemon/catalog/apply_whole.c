#include "catalog/apply_whole.h"

enum err apply_whole(struct model *model, const Braid__Catalog__WholeShards *set,
                     struct reason *reason)
{
    bool any = false;

    if (set->n_rows < 1 || set->n_rows > CATALOG_WHOLE_ROWS_MAX) {
        reason_set(reason, "%zu groups in it; 1 to %u are possible", set->n_rows,
                   CATALOG_WHOLE_ROWS_MAX);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < set->n_rows; i++) {
        struct model_shard *shard = model_shard_change(model, set->rows[i]->group);
        bool rests = set->rows[i]->rests;
        if (shard == NULL || shard->epoch != set->rows[i]->epoch ||
            (rests && shard->state != SHARD_CLOSED))
            continue;
        shard->whole_in = shard->epoch;
        if (rests)
            shard->rests_in = shard->epoch;
        any = true;
    }
    if (any)
        return ERR_OK;
    reason_set(reason, "no shard is in the epoch in which its members said that they have it");
    return ERR_CLOSED;
}

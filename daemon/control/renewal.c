#include "control/renewal.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mutant.h"

#define ROW_RENEWED "renewed"

static enum err renewed_read(struct table *table, struct renewal *ret, struct reason *reason);
static bool is_majority_without(const struct identity_cluster *cluster, uint64_t node);
static void times_prune(struct renewal *renewal, uint64_t now_ms);

enum err renewal_plan(struct table *old, uint64_t now_ms, struct renewal *ret,
                      struct reason *reason)
{
    struct renewal renewal = { .from = 0 };
    uint64_t node = 0;
    bool removed = false;
    enum err err = identity_removed(old, &removed, reason);

    if (err == ERR_OK)
        err = renewed_read(old, &renewal, reason);
    if (err == ERR_OK)
        err = identity_node_read(old, &node, reason);
    if (err == ERR_OK)
        err = identity_cluster_read(old, &renewal.cluster, reason);
    if (err != ERR_OK)
        return err;
    renewal.from = node;
    if (removed || !is_majority_without(&renewal.cluster, node)) {
        reason_set(reason, "it belongs to no cluster whose other nodes are a majority of the "
                           "catalogue, so that nobody can give back what it lost");
        return ERR_CLOSED;
    }
    times_prune(&renewal, now_ms);
    if (renewal.count == RENEWALS_MAX) {
        reason_set(reason, "it had %u new ids within %u hours, so its disk is ill: replace it",
                   RENEWALS_MAX, RENEWALS_MS / 3600000u);
        return ERR_BUSY;
    }
    renewal.times_ms[renewal.count++] = now_ms;
    *ret = renewal;
    return ERR_OK;
}

static enum err renewed_read(struct table *table, struct renewal *ret, struct reason *reason)
{
    AUTO_UNREF struct buf *row = NULL;
    enum err err = table_get(table, TABLE_NODE, slice_text(ROW_RENEWED), &row, reason);

    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    struct reader reader = reader_of(buf_slice(row));
    ret->from = reader_u64(&reader);
    while (!reader.bad && reader.rest.len > 0 && ret->count < RENEWALS_MAX)
        ret->times_ms[ret->count++] = reader_u64(&reader);
    if (reader_done(&reader) && ret->from != 0 && ret->count > 0)
        return ERR_OK;
    reason_set(reason, "the row that names this node's former id is damaged");
    return ERR_CORRUPT;
}

static bool is_majority_without(const struct identity_cluster *cluster, uint64_t node)
{
    uint32_t others = 0;

    for (uint32_t i = 0; i < cluster->member_count; i++)
        others += cluster->members[i] != node;
    return 2 * others > cluster->member_count;
}

/* Those that a clock which was set back puts into the future count too. */
static void times_prune(struct renewal *renewal, uint64_t now_ms)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < renewal->count; i++)
        if (renewal->times_ms[i] + RENEWALS_MS > now_ms)
            renewal->times_ms[kept++] = renewal->times_ms[i];
    renewal->count = kept;
}

enum err renewal_write(struct table *fresh, const struct renewal *renewal, struct reason *reason)
{
    struct table_batch *batch = table_batch_new();
    unsigned char bytes[8 * (1 + RENEWALS_MAX)];

    if (batch == NULL) {
        reason_set(reason, "no memory");
        return ERR_NO_MEMORY;
    }
    put_u64(bytes, renewal->from);
    for (uint32_t i = 0; i < renewal->count; i++)
        put_u64(bytes + 8 * (size_t)(i + 1), renewal->times_ms[i]);
    table_batch_put(batch, TABLE_NODE, slice_text(ROW_RENEWED),
                    slice_of(bytes, 8 * (size_t)(1 + renewal->count)));
    identity_cluster_put(batch, &renewal->cluster);
    if (MUTANT(renewed_as_before))
        identity_node_put(batch, renewal->from);
    enum err err = table_write(fresh, batch, true, reason);
    table_batch_free(batch);
    return err;
}

enum err renewal_from(struct table *table, uint64_t *from, struct reason *reason)
{
    struct renewal renewal = { .from = 0 };
    enum err err = renewed_read(table, &renewal, reason);

    if (err == ERR_OK)
        *from = renewal.from;
    return err;
}

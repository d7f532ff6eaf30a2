#include "control/renewal.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mutant.h"

#define ROW_RENEWED "renewed"

static bool is_majority_without(const struct identity_cluster *cluster, uint64_t node);
static uint32_t count_since(const struct renewal_former *former, uint64_t now_ms);
static void former_add(struct renewal_former *former, uint64_t id, uint64_t now_ms);

enum err renewal_plan(struct table *old, uint64_t now_ms, struct renewal *ret,
                      struct reason *reason)
{
    struct renewal renewal;
    uint64_t node = 0;
    bool removed = false;
    enum err err = identity_removed(old, &removed, reason);

    if (err == ERR_OK)
        err = renewal_former(old, &renewal.former, reason);
    if (err == ERR_OK)
        err = identity_node_read(old, &node, reason);
    if (err == ERR_OK)
        err = identity_cluster_read(old, &renewal.cluster, reason);
    if (err != ERR_OK)
        return err;
    if (removed || !is_majority_without(&renewal.cluster, node)) {
        reason_set(reason, "it belongs to no cluster whose other nodes are a majority of the "
                           "catalogue, so that nobody can give back what it lost");
        return ERR_CLOSED;
    }
    if (count_since(&renewal.former, now_ms) >= RENEWALS_MAX) {
        reason_set(reason, "it had %u new ids within %u hours, so its disk is ill: replace it",
                   RENEWALS_MAX, RENEWALS_MS / 3600000u);
        return ERR_BUSY;
    }
    former_add(&renewal.former, node, now_ms);
    *ret = renewal;
    return ERR_OK;
}

enum err renewal_former(struct table *table, struct renewal_former *ret, struct reason *reason)
{
    AUTO_UNREF struct buf *row = NULL;
    enum err err = table_get(table, TABLE_NODE, slice_text(ROW_RENEWED), &row, reason);

    *ret = (struct renewal_former){ .count = 0 };
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    struct reader reader = reader_of(buf_slice(row));
    bool bad = reader.rest.len == 0;
    while (!reader.bad && reader.rest.len > 0 && ret->count < RENEWALS_KEPT) {
        ret->ids[ret->count] = reader_u64(&reader);
        bad |= ret->ids[ret->count] == 0;
        ret->times_ms[ret->count++] = reader_u64(&reader);
    }
    if (reader_done(&reader) && !bad)
        return ERR_OK;
    reason_set(reason, "the row that names this node's former ids is damaged");
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
static uint32_t count_since(const struct renewal_former *former, uint64_t now_ms)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < former->count; i++)
        count += former->times_ms[i] + RENEWALS_MS > now_ms;
    return count;
}

static void former_add(struct renewal_former *former, uint64_t id, uint64_t now_ms)
{
    if (former->count == RENEWALS_KEPT) {
        former->count--;
        memmove(former->ids, former->ids + 1, former->count * sizeof(former->ids[0]));
        memmove(former->times_ms, former->times_ms + 1,
                former->count * sizeof(former->times_ms[0]));
    }
    former->ids[former->count] = id;
    former->times_ms[former->count++] = now_ms;
}

enum err renewal_write(struct table *fresh, const struct renewal *renewal, struct reason *reason)
{
    const struct renewal_former *former = &renewal->former;
    struct table_batch *batch = table_batch_new();
    unsigned char bytes[16 * RENEWALS_KEPT];

    if (batch == NULL) {
        reason_set(reason, "no memory");
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < former->count; i++) {
        put_u64(bytes + 16 * (size_t)i, former->ids[i]);
        put_u64(bytes + 16 * (size_t)i + 8, former->times_ms[i]);
    }
    table_batch_put(batch, TABLE_NODE, slice_text(ROW_RENEWED),
                    slice_of(bytes, 16 * (size_t)former->count));
    identity_cluster_put(batch, &renewal->cluster);
    if (MUTANT(renewed_as_before))
        identity_node_put(batch, former->ids[former->count - 1]);
    enum err err = table_write(fresh, batch, true, reason);
    table_batch_free(batch);
    return err;
}

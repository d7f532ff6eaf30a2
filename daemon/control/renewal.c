#include "control/renewal.h"

#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/mutant.h"

#define ROW_RENEWED "renewed"
#define MAGIC "braid identity 1\n"

static bool is_majority_without(const struct identity_cluster *cluster, uint64_t node);
static uint32_t count_since(const struct renewal_former *former, uint64_t now_ms);
static void former_add(struct renewal_former *former, uint64_t id, uint64_t now_ms);

enum err renewal_look(struct table *table, struct renewal_node *ret, struct reason *reason)
{
    struct renewal_node node = { .id = 0 };
    enum err err = identity_removed(table, &node.removed, reason);

    if (err == ERR_OK)
        err = renewal_former(table, &node.former, reason);
    if (err == ERR_OK)
        err = identity_node_read(table, &node.id, reason);
    if (err == ERR_OK)
        err = identity_cluster_read(table, &node.cluster, reason);
    if (err == ERR_OK)
        *ret = node;
    return err;
}

enum err renewal_plan(const struct renewal_node *old, uint64_t now_ms, struct renewal *ret,
                      struct reason *reason)
{
    struct renewal renewal = { .former = old->former, .cluster = old->cluster };

    if (old->removed || !is_majority_without(&old->cluster, old->id)) {
        reason_set(reason, "it belongs to no cluster whose other nodes are a majority of the "
                           "catalogue, so that nobody can give back what it lost");
        return ERR_CLOSED;
    }
    if (count_since(&old->former, now_ms) >= RENEWALS_MAX) {
        reason_set(reason, "it had %u new ids within %u hours, so its disk is ill: replace it",
                   RENEWALS_MAX, RENEWALS_MS / 3600000u);
        return ERR_BUSY;
    }
    former_add(&renewal.former, old->id, now_ms);
    *ret = renewal;
    return ERR_OK;
}

/* ---- as bytes ---- */

struct buf *renewal_encode(const struct renewal_node *node)
{
    struct writer writer;

    writer_init(&writer, RENEWAL_BYTES_MAX);
    writer_bytes(&writer, slice_text(MAGIC));
    writer_u64(&writer, node->id);
    writer_u8(&writer, node->removed);
    writer_u8(&writer, (uint8_t)node->cluster.member_count);
    writer_u8(&writer, (uint8_t)node->former.count);
    writer_u64(&writer, node->cluster.id);
    for (uint32_t i = 0; i < node->cluster.member_count; i++)
        writer_u64(&writer, node->cluster.members[i]);
    for (uint32_t i = 0; i < node->former.count; i++) {
        writer_u64(&writer, node->former.ids[i]);
        writer_u64(&writer, node->former.times_ms[i]);
    }
    struct slice bytes = writer_slice(&writer);
    writer_u32(&writer, crc32c(0, bytes.data, bytes.len));
    return writer_take(&writer);
}

static bool is_sound(const struct renewal_node *node)
{
    bool sound = node->id != 0;

    for (uint32_t i = 0; i < node->former.count; i++)
        sound &= node->former.ids[i] != 0;
    if (node->cluster.id == 0)
        return sound && node->cluster.member_count == 0;
    return sound && identity_cluster_valid(&node->cluster);
}

bool renewal_decode(struct slice bytes, struct renewal_node *ret)
{
    struct renewal_node node = { .id = 0 };

    if (bytes.len < 4)
        return false;
    struct reader reader = reader_of(slice_of(bytes.data, bytes.len - 4));
    struct slice magic = reader_bytes(&reader, strlen(MAGIC));
    node.id = reader_u64(&reader);
    node.removed = reader_u8(&reader) != 0;
    node.cluster.member_count = reader_u8(&reader);
    node.former.count = reader_u8(&reader);
    node.cluster.id = reader_u64(&reader);
    if (reader.bad || !slice_equal(magic, slice_text(MAGIC)) ||
        get_u32(bytes.data + bytes.len - 4) != crc32c(0, bytes.data, bytes.len - 4) ||
        node.cluster.member_count > GROUP_MEMBERS_MAX || node.former.count > RENEWALS_KEPT)
        return false;
    for (uint32_t i = 0; i < node.cluster.member_count; i++)
        node.cluster.members[i] = reader_u64(&reader);
    for (uint32_t i = 0; i < node.former.count; i++) {
        node.former.ids[i] = reader_u64(&reader);
        node.former.times_ms[i] = reader_u64(&reader);
    }
    if (!reader_done(&reader) || !is_sound(&node))
        return false;
    *ret = node;
    return true;
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

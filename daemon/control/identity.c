#include "control/identity.h"

#include <string.h>

#include "base/bytes.h"
#include "control/control.h"

#define DIRECTORY_FORMAT 1u

#define ROW_ID "id"
#define ROW_FORMAT "format"
#define ROW_CLUSTER "cluster"
#define ROW_FORGOTTEN "forgotten"
#define ROW_REMOVED "removed"

static enum err format_check(struct table *table, struct reason *reason);
static enum err forgotten_check(struct table *table, struct reason *reason);
static enum err identity_make(struct table *table, struct random *random, uint64_t *node,
                              struct reason *reason);
static enum err refusal_write(struct table *table, const struct reason *why, bool removed,
                              struct reason *reason);

enum err control_identity(struct table *table, struct random *random, uint64_t *node,
                          struct reason *reason)
{
    enum err err = format_check(table, reason);

    if (err == ERR_OK)
        err = forgotten_check(table, reason);
    if (err == ERR_CORRUPT)
        return err; /* its sentence stands alone */
    if (err == ERR_OK)
        err = identity_node_read(table, node, reason);
    return err == ERR_NOT_FOUND ? identity_make(table, random, node, reason) : err;
}

enum err identity_node_read(struct table *table, uint64_t *node, struct reason *reason)
{
    AUTO_UNREF struct buf *row = NULL;
    enum err err = table_get(table, TABLE_NODE, slice_text(ROW_ID), &row, reason);

    if (err == ERR_NOT_FOUND)
        return err;
    if (err != ERR_OK) {
        reason_wrap(reason, "identity of this node");
        return err;
    }
    if (row->len != 8 || get_u64(row->data) == 0) {
        reason_set(reason, "identity of this node: the row is damaged");
        return ERR_CORRUPT;
    }
    *node = get_u64(row->data);
    return ERR_OK;
}

static enum err format_check(struct table *table, struct reason *reason)
{
    AUTO_UNREF struct buf *row = NULL;
    enum err err = table_get(table, TABLE_NODE, slice_text(ROW_FORMAT), &row, reason);

    if (err == ERR_NOT_FOUND)
        return ERR_OK; /* nobody was here before */
    if (err != ERR_OK)
        return err;
    if (row->len != 4) {
        reason_set(reason, "format of the data directory: the row is damaged");
        return ERR_CORRUPT;
    }
    if (get_u32(row->data) > DIRECTORY_FORMAT) {
        reason_set(reason, "the data directory has format %u; this version reads up to %u: start a "
                           "newer one",
                   get_u32(row->data), DIRECTORY_FORMAT);
        return ERR_VERSION;
    }
    return ERR_OK;
}

static enum err forgotten_check(struct table *table, struct reason *reason)
{
    AUTO_UNREF struct buf *row = NULL;
    enum err err = table_get(table, TABLE_NODE, slice_text(ROW_FORGOTTEN), &row, reason);

    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    reason_set(reason, "%.*s", (int)row->len, (const char *)row->data);
    return ERR_CORRUPT;
}

enum err identity_forgotten_write(struct table *table, const struct reason *why,
                                  struct reason *reason)
{
    return refusal_write(table, why, false, reason);
}

enum err identity_removed_write(struct table *table, const struct reason *why,
                                struct reason *reason)
{
    return refusal_write(table, why, true, reason);
}

static enum err refusal_write(struct table *table, const struct reason *why, bool removed,
                              struct reason *reason)
{
    struct table_batch *batch = table_batch_new();

    if (batch == NULL) {
        reason_set(reason, "no memory");
        return ERR_NO_MEMORY;
    }
    table_batch_put(batch, TABLE_NODE, slice_text(ROW_FORGOTTEN), slice_text(why->text));
    if (removed)
        table_batch_put(batch, TABLE_NODE, slice_text(ROW_REMOVED), slice_text("1"));
    enum err err = table_write(table, batch, true, reason);
    table_batch_free(batch);
    return err;
}

static enum err identity_make(struct table *table, struct random *random, uint64_t *node,
                              struct reason *reason)
{
    struct table_batch *batch = table_batch_new();
    uint64_t id = random_id(random);

    if (batch == NULL) {
        reason_set(reason, "identity of this node: no memory");
        return ERR_NO_MEMORY;
    }
    identity_node_put(batch, id);
    enum err err = table_write(table, batch, true, reason);
    table_batch_free(batch);
    if (err == ERR_OK)
        *node = id;
    else
        reason_wrap(reason, "identity of this node");
    return err;
}

void identity_node_put(struct table_batch *batch, uint64_t node)
{
    unsigned char id[8], format[4];

    put_u64(id, node);
    put_u32(format, DIRECTORY_FORMAT);
    table_batch_put(batch, TABLE_NODE, slice_text(ROW_ID), slice_of(id, sizeof(id)));
    table_batch_put(batch, TABLE_NODE, slice_text(ROW_FORMAT), slice_of(format, sizeof(format)));
}

bool identity_cluster_valid(const struct identity_cluster *cluster)
{
    if (cluster->id == 0 || cluster->member_count < 1 || cluster->member_count > GROUP_MEMBERS_MAX)
        return false;
    for (uint32_t i = 0; i < cluster->member_count; i++) {
        if (cluster->members[i] == 0)
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (cluster->members[k] == cluster->members[i])
                return false;
    }
    return true;
}

enum err identity_cluster_read(struct table *table, struct identity_cluster *ret,
                               struct reason *reason)
{
    AUTO_UNREF struct buf *row = NULL;
    struct identity_cluster cluster = { .id = 0 };
    enum err err = table_get(table, TABLE_NODE, slice_text(ROW_CLUSTER), &row, reason);

    if (err == ERR_NOT_FOUND) {
        *ret = cluster;
        return ERR_OK;
    }
    if (err != ERR_OK)
        return err;

    struct reader reader = reader_of(buf_slice(row));
    cluster.id = reader_u64(&reader);
    while (!reader.bad && reader.rest.len > 0 && cluster.member_count < GROUP_MEMBERS_MAX)
        cluster.members[cluster.member_count++] = reader_u64(&reader);
    if (!reader_done(&reader) || !identity_cluster_valid(&cluster)) {
        reason_set(reason, "the row that names this node's cluster is damaged");
        return ERR_CORRUPT;
    }
    *ret = cluster;
    return ERR_OK;
}

enum err identity_cluster_write(struct table *table, const struct identity_cluster *cluster,
                                struct reason *reason)
{
    struct table_batch *batch = table_batch_new();

    if (batch == NULL) {
        reason_set(reason, "no memory");
        return ERR_NO_MEMORY;
    }
    identity_cluster_put(batch, cluster);
    enum err err = table_write(table, batch, true, reason);
    table_batch_free(batch);
    return err;
}

void identity_cluster_put(struct table_batch *batch, const struct identity_cluster *cluster)
{
    unsigned char bytes[8 * (1 + GROUP_MEMBERS_MAX)];

    put_u64(bytes, cluster->id);
    for (uint32_t i = 0; i < cluster->member_count; i++)
        put_u64(bytes + 8 * (size_t)(i + 1), cluster->members[i]);
    table_batch_put(batch, TABLE_NODE, slice_text(ROW_CLUSTER),
                    slice_of(bytes, 8 * (size_t)(1 + cluster->member_count)));
}

enum err identity_removed(struct table *table, bool *removed, struct reason *reason)
{
    AUTO_UNREF struct buf *row = NULL;
    enum err err = table_get(table, TABLE_NODE, slice_text(ROW_REMOVED), &row, reason);

    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *removed = err == ERR_OK;
    return ERR_OK;
}

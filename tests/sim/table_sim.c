#include "table_sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/limits.h"
#include "disk_sim.h"
#include "moments.h"

/* Immutable bytes, shared by the present rows, the durable rows and pending batches. */
struct blob {
    size_t len;
    uint32_t refs;
    unsigned char bytes[];
};

struct row {
    struct blob *key, *value; /* value NULL: a deletion, in batches only */
};

struct rows {
    struct row *at;
    uint32_t count, room;
};

struct table_op {
    enum table_space space;
    struct row row;
};

struct table_batch {
    struct table_op *ops;
    uint32_t count, room;
    struct table_batch *next; /* while it is unsynced */
};

struct table {
    struct sim_node *node;
    bool breaks, failed, misread;
    struct rows present[TABLE_SPACES];
    struct rows durable[TABLE_SPACES];
    struct table_batch *unsynced; /* oldest first */
    struct table_batch **unsynced_end;
};

/* ---- blobs ---- */

static struct blob *blob_new(struct slice bytes)
{
    struct blob *blob = sim_take(sizeof *blob + bytes.len);

    blob->len = bytes.len;
    blob->refs = 1;
    if (bytes.len > 0)
        memcpy(blob->bytes, bytes.data, bytes.len);
    return blob;
}

static struct blob *blob_ref(struct blob *blob)
{
    if (blob != NULL)
        blob->refs++;
    return blob;
}

static void blob_unref(struct blob *blob)
{
    if (blob != NULL && --blob->refs == 0)
        sim_free(blob);
}

static int compare(const struct blob *blob, struct slice key)
{
    size_t least = blob->len < key.len ? blob->len : key.len;
    int order = least == 0 ? 0 : memcmp(blob->bytes, key.data, least);

    return order != 0 ? order : (blob->len > key.len) - (blob->len < key.len);
}

/* ---- rows ---- */

/* The first row whose key is >= `key`. */
static uint32_t lower(const struct rows *rows, struct slice key)
{
    uint32_t low = 0, high = rows->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(rows->at[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void rows_clear(struct rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        blob_unref(rows->at[i].key);
        blob_unref(rows->at[i].value);
    }
    sim_free(rows->at);
    *rows = (struct rows){ .at = NULL };
}

static void rows_grow(struct rows *rows)
{
    uint32_t room = rows->room == 0 ? 64 : rows->room * 2;
    struct row *fresh = sim_malloc(room * sizeof(struct row));

    if (rows->count > 0)
        memcpy(fresh, rows->at, rows->count * sizeof(struct row));
    sim_free(rows->at);
    rows->at = fresh;
    rows->room = room;
}

static void rows_apply(struct rows *rows, const struct row *change)
{
    uint32_t at = lower(rows, slice_of(change->key->bytes, change->key->len));
    bool there = at < rows->count &&
                 compare(rows->at[at].key, slice_of(change->key->bytes, change->key->len)) == 0;

    if (there) {
        blob_unref(rows->at[at].value);
        rows->at[at].value = blob_ref(change->value);
        if (change->value != NULL)
            return;
        blob_unref(rows->at[at].key);
        memmove(rows->at + at, rows->at + at + 1, (rows->count - at - 1) * sizeof(struct row));
        rows->count--;
        return;
    }
    if (change->value == NULL)
        return;
    if (rows->count == rows->room)
        rows_grow(rows);
    memmove(rows->at + at + 1, rows->at + at, (rows->count - at) * sizeof(struct row));
    rows->at[at] = (struct row){ blob_ref(change->key), blob_ref(change->value) };
    rows->count++;
}

static void batch_apply(struct rows spaces[TABLE_SPACES], const struct table_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        rows_apply(&spaces[batch->ops[i].space], &batch->ops[i].row);
}

/* ---- batches ---- */

struct table_batch *table_batch_new(void)
{
    return calloc(1, sizeof(struct table_batch)); /* of the node that makes it */
}

static void batch_clear(struct table_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        blob_unref(batch->ops[i].row.key);
        blob_unref(batch->ops[i].row.value);
    }
}

void table_batch_free(struct table_batch *batch)
{
    if (batch == NULL)
        return;
    batch_clear(batch);
    free(batch->ops);
    free(batch);
}

static void batch_add(struct table_batch *batch, enum table_space space, struct blob *key,
                      struct blob *value)
{
    if (batch->count == batch->room) {
        batch->room = batch->room == 0 ? 16 : batch->room * 2;
        batch->ops = realloc(batch->ops, batch->room * sizeof(struct table_op));
        ensure(batch->ops != NULL);
    }
    batch->ops[batch->count++] = (struct table_op){ space, { key, value } };
}

void table_batch_put(struct table_batch *batch, enum table_space space, struct slice key,
                     struct slice value)
{
    batch_add(batch, space, blob_new(key), blob_new(value));
}

void table_batch_delete(struct table_batch *batch, enum table_space space, struct slice key)
{
    batch_add(batch, space, blob_new(key), NULL);
}

/* ---- the table ---- */

struct table *table_sim_new(struct sim_node *node)
{
    struct table *table = sim_malloc(sizeof *table);

    table->node = node;
    table->unsynced_end = &table->unsynced;
    return table;
}

static void fold(struct table *table, uint64_t batches)
{
    for (; batches > 0 && table->unsynced != NULL; batches--) {
        struct table_batch *batch = table->unsynced;

        table->unsynced = batch->next;
        batch_apply(table->durable, batch);
        batch_clear(batch);
        sim_free(batch->ops);
        sim_free(batch);
    }
    if (table->unsynced == NULL)
        table->unsynced_end = &table->unsynced;
}

static void remember(struct table *table, const struct table_batch *batch)
{
    struct heap *former = heap_enter(NULL);
    struct table_batch *copy = sim_malloc(sizeof *copy);

    for (uint32_t i = 0; i < batch->count; i++)
        batch_add(copy, batch->ops[i].space, blob_ref(batch->ops[i].row.key),
                  blob_ref(batch->ops[i].row.value));
    *table->unsynced_end = copy;
    table->unsynced_end = &copy->next;
    heap_enter(former);
}

void table_sim_break(struct table *table, bool breaks)
{
    table->breaks = breaks;
}

bool table_sim_has_failed(const struct table *table)
{
    return table->failed || table->misread;
}

static void take(struct table *table, const struct table_batch *batch, bool sync)
{
    batch_apply(table->present, batch);
    remember(table, batch);
    if (sync)
        fold(table, UINT64_MAX);
}

static size_t batch_bytes(const struct table_batch *batch)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < batch->count; i++)
        bytes += batch->ops[i].row.key->len +
                 (batch->ops[i].row.value == NULL ? 0 : batch->ops[i].row.value->len);
    return bytes;
}

static void note_moment(struct table *table, const struct table_batch *batch)
{
    struct world *world = table->node->world;

    bool filed = false, freed = false;

    for (uint32_t i = 0; i < batch->count; i++) {
        const struct table_op *op = &batch->ops[i];
        if (op->space == TABLE_IMAGE) {
            moments_note(world, table->node, MOMENT_IMAGE_KEPT, 0);
            return;
        }
        filed |= op->space == TABLE_SEGMENT && op->row.value != NULL;
        freed |= op->space == TABLE_SEGMENT && op->row.value == NULL;
    }
    if (filed || freed)
        moments_note(world, table->node,
                     filed && freed ? MOMENT_SEGMENT_EMPTIED
                     : filed        ? MOMENT_SEGMENT_FILED
                                    : MOMENT_SEGMENT_FREED,
                     0);
}

enum err table_room(const struct table *table, const struct table_batch *batch,
                    struct reason *reason)
{
    if (!disk_sim_is_full(table->node->disk))
        return ERR_OK;
    reason_set(reason, "tables: the disk is full");
    return ERR_NO_SPACE;
}

/* Both errors leave it open whether the batch is there: table.h says "mostly". */
enum err table_write(struct table *table, const struct table_batch *batch, bool sync,
                     struct reason *reason)
{
    struct world *world = table->node->world;

    note_moment(table, batch);
    if (table->breaks || table->failed) {
        if (!table->failed && world_chance(world, 1, 2))
            take(table, batch, sync);
        table->breaks = false;
        table->failed = true;
        reason_set(reason, "tables: Input/output error");
        return ERR_IO;
    }
    if (disk_sim_is_full(table->node->disk) && batch_bytes(batch) > TABLE_BATCH_SMALL_BYTES) {
        if (world_chance(world, 1, 8))
            take(table, batch, sync);
        reason_set(reason, "tables: No space left on device");
        return ERR_NO_SPACE;
    }
    take(table, batch, sync);
    return ERR_OK;
}

static uint32_t end_of(const struct rows *rows, struct slice to)
{
    return to.len == 0 ? rows->count : lower(rows, to);
}

static bool hand_out(const struct row *row, table_scan_cb cb, void *ctx)
{
    return cb(ctx, slice_of(row->key->bytes, row->key->len),
              slice_of(row->value->bytes, row->value->len));
}

/* Sound rows that the disk does not give this time: not an answer, and no reason to believe that
 * there are none. */
static enum err row_error(struct table *table, struct reason *reason)
{
    if (!disk_sim_misreads_row(table->node->disk))
        return ERR_OK;
    table->misread = true;
    reason_set(reason, "tables: read: Input/output error");
    return ERR_IO;
}

bool table_sim_last(const struct table *table, enum table_space space, struct slice from,
                    struct slice to, table_scan_cb cb, void *ctx)
{
    const struct rows *rows = &table->present[space];
    uint32_t first = lower(rows, from), end = end_of(rows, to);

    if (end > first)
        hand_out(&rows->at[end - 1], cb, ctx);
    return end > first;
}

enum err table_get(struct table *table, enum table_space space, struct slice key, struct buf **ret,
                   struct reason *reason)
{
    struct rows *rows = &table->present[space];
    uint32_t at = lower(rows, key);

    if (row_error(table, reason) != ERR_OK)
        return ERR_IO;
    if (at == rows->count || compare(rows->at[at].key, key) != 0)
        return ERR_NOT_FOUND;
    struct buf *buf = buf_copy(slice_of(rows->at[at].value->bytes, rows->at[at].value->len));
    if (buf == NULL)
        return ERR_NO_MEMORY;
    *ret = buf;
    return ERR_OK;
}

void table_forget_cached(struct table *table)
{
}

enum err table_scan(struct table *table, enum table_space space, struct slice from, struct slice to,
                    table_scan_cb cb, void *ctx, struct reason *reason)
{
    const struct rows *rows = &table->present[space];
    uint32_t end = end_of(rows, to);

    if (row_error(table, reason) != ERR_OK)
        return ERR_IO;
    for (uint32_t at = lower(rows, from); at < end; at++)
        if (!hand_out(&rows->at[at], cb, ctx))
            break;
    return ERR_OK;
}

enum err table_scan_back(struct table *table, enum table_space space, struct slice from,
                         struct slice to, table_scan_cb cb, void *ctx, struct reason *reason)
{
    const struct rows *rows = &table->present[space];
    uint32_t first = lower(rows, from);

    if (row_error(table, reason) != ERR_OK)
        return ERR_IO;
    for (uint32_t at = end_of(rows, to); at > first; at--)
        if (!hand_out(&rows->at[at - 1], cb, ctx))
            break;
    return ERR_OK;
}

static void unsynced_count(const struct table *table, uint64_t *count)
{
    *count = 0;
    for (const struct table_batch *batch = table->unsynced; batch != NULL; batch = batch->next)
        ++*count;
}

void table_sim_crash(struct table *table, enum death death)
{
    uint64_t count;

    table->failed = table->misread = false;
    if (death == DEATH_KILL)
        return;
    unsynced_count(table, &count);
    fold(table, world_below(table->node->world, count + 1));
    while (table->unsynced != NULL) {
        struct table_batch *batch = table->unsynced;
        table->unsynced = batch->next;
        batch_clear(batch);
        sim_free(batch->ops);
        sim_free(batch);
    }
    table->unsynced_end = &table->unsynced;
    for (unsigned space = 0; space < TABLE_SPACES; space++) {
        rows_clear(&table->present[space]);
        for (uint32_t i = 0; i < table->durable[space].count; i++)
            rows_apply(&table->present[space], &table->durable[space].at[i]);
    }
}

void table_sim_wipe(struct table *table)
{
    fold(table, UINT64_MAX);
    for (unsigned space = 0; space < TABLE_SPACES; space++) {
        rows_clear(&table->present[space]);
        rows_clear(&table->durable[space]);
    }
}

struct table *table_sim_copy(const struct table *table)
{
    struct table *copy = table_sim_new(table->node);

    for (unsigned space = 0; space < TABLE_SPACES; space++) {
        for (uint32_t i = 0; i < table->present[space].count; i++) {
            rows_apply(&copy->present[space], &table->present[space].at[i]);
            rows_apply(&copy->durable[space], &table->present[space].at[i]);
        }
    }
    return copy;
}

void table_sim_free(struct table *table)
{
    table_sim_wipe(table);
    sim_free(table);
}

#include "fake_table.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "env/random.h"

struct table_batch {
    struct fake_row rows[FAKE_ROWS_MAX];
    uint32_t count;
};

struct fake_row *fake_table_row(struct table *table, const char *key)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].key, key) == 0)
            return &table->rows[i];
    return NULL;
}

struct table_batch *table_batch_new(void)
{
    return calloc(1, sizeof(struct table_batch));
}

void table_batch_free(struct table_batch *batch)
{
    free(batch);
}

void table_batch_put(struct table_batch *batch, enum table_space space, struct slice key,
                     struct slice value)
{
    struct fake_row *row = &batch->rows[batch->count++];

    ensure(space == TABLE_NODE && batch->count <= FAKE_ROWS_MAX);
    ensure(key.len < sizeof(row->key) && value.len <= sizeof(row->value));
    memcpy(row->key, key.data, key.len);
    memcpy(row->value, value.data, value.len);
    row->len = value.len;
}

enum err table_write(struct table *table, const struct table_batch *batch, bool sync,
                     struct reason *reason)
{
    if (table->fails != ERR_OK) {
        reason_set(reason, "the fake fails");
        return table->fails;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        struct fake_row *row = fake_table_row(table, batch->rows[i].key);
        if (row == NULL)
            row = &table->rows[table->count++];
        *row = batch->rows[i];
        row->synced = sync;
    }
    return ERR_OK;
}

enum err table_room(const struct table *table, const struct table_batch *batch,
                    struct reason *reason)
{
    return ERR_OK;
}

enum err table_get(struct table *table, enum table_space space, struct slice key, struct buf **ret,
                   struct reason *reason)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (!slice_equal(slice_text(table->rows[i].key), key))
            continue;
        *ret = buf_copy(slice_of(table->rows[i].value, table->rows[i].len));
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

uint64_t random_id(struct random *random)
{
    return ++random->state[0];
}

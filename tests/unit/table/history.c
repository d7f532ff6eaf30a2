#include "history.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "env/random.h"

#define OPS_MAX 4u
#define SYNC_ONE_IN 5u

struct key_text {
    char text[16];
};

static struct key_text row_key(uint64_t row)
{
    struct key_text key;

    snprintf(key.text, sizeof(key.text), "%06llu", (unsigned long long)row);
    return key;
}

/* Bytes that do not compress. */
static struct slice value_of(uint64_t stamp)
{
    static unsigned char bytes[HISTORY_VALUE_BYTES_MAX + 8];
    struct random random;

    random_init(&random, stamp);
    size_t len = random_below(&random, HISTORY_VALUE_BYTES_MAX + 1);
    for (size_t i = 0; i < len; i += 8)
        put_u64(bytes + i, random_u64(&random));
    return slice_of(bytes, len);
}

bool history_is_synced(const struct history *history)
{
    return (history->batches + 1) % SYNC_ONE_IN == 0;
}

/* The model of the next batch, and the batch itself unless it is NULL. */
static void step(struct history *history, struct table_batch *batch)
{
    uint64_t n = ++history->batches;
    struct random random;

    random_init(&random, n);
    for (uint64_t ops = 1 + random_below(&random, OPS_MAX), i = 0; i < ops; i++) {
        enum table_space space = (enum table_space)random_below(&random, TABLE_SPACES);
        uint64_t row = random_below(&random, HISTORY_ROWS);
        bool deletes = random_below(&random, 5) == 0;
        uint64_t stamp = deletes ? 0 : n * OPS_MAX + i;
        struct key_text key = row_key(row);
        struct slice value = value_of(stamp);

        history->stamps[space][row] = stamp;
        history->bytes += deletes ? 0 : value.len;
        if (batch != NULL && deletes)
            table_batch_delete(batch, space, slice_text(key.text));
        else if (batch != NULL)
            table_batch_put(batch, space, slice_text(key.text), value);
    }
}

enum err history_write(struct history *history, struct table *table, struct reason *reason)
{
    bool synced = history_is_synced(history);
    unsigned char number[8];

    if (table == NULL) {
        step(history, NULL);
        return ERR_OK;
    }
    struct table_batch *batch = table_batch_new();
    if (batch == NULL)
        return ERR_NO_MEMORY;
    step(history, batch);
    put_u64(number, history->batches);
    table_batch_put(batch, TABLE_NODE, slice_text("batches"), slice_of(number, sizeof(number)));
    enum err err = table_write(table, batch, synced, reason);
    table_batch_free(batch);
    return err;
}

/* ---- the check ---- */

static void check_row(struct table *table, enum table_space space, uint64_t row, uint64_t stamp,
                      struct history_finding *ret)
{
    AUTO_UNREF struct buf *bytes = NULL;
    struct key_text key = row_key(row);
    struct reason reason;

    enum err err = table_get(table, space, slice_text(key.text), &bytes, &reason);
    ret->refused += err == ERR_CORRUPT;
    if (err == ERR_CORRUPT || (err == ERR_NOT_FOUND && stamp == 0))
        return;
    if (err != ERR_OK || stamp == 0 || !slice_equal(buf_slice(bytes), value_of(stamp)))
        snprintf(ret->wrong, sizeof(ret->wrong), "space %d, row %llu, batch %llu: %s",
                 (int)space, (unsigned long long)row, (unsigned long long)stamp / OPS_MAX,
                 err != ERR_OK ? err_name(err) : "another value");
}

struct scan {
    const uint64_t *stamps;
    uint64_t next; /* row */
    bool wrong;
};

/* Each row that is there, in order, and no other one. */
static bool see(void *ctx, struct slice key, struct slice value)
{
    struct scan *scan = ctx;

    while (scan->next < HISTORY_ROWS && scan->stamps[scan->next] == 0)
        scan->next++;
    struct key_text wanted = row_key(scan->next);
    scan->wrong = scan->next == HISTORY_ROWS || !slice_equal(key, slice_text(wanted.text)) ||
                  !slice_equal(value, value_of(scan->stamps[scan->next]));
    scan->next++;
    return !scan->wrong;
}

static void check_scan(struct table *table, enum table_space space, const uint64_t *stamps,
                       struct history_finding *ret)
{
    struct scan scan = { .stamps = stamps };
    struct reason reason;

    enum err err = table_scan(table, space, slice_text("0"), slice_text("1"), see, &scan, &reason);
    ret->refused += err == ERR_CORRUPT;
    while (scan.next < HISTORY_ROWS && stamps[scan.next] == 0)
        scan.next++;
    if (scan.wrong || (err == ERR_OK && scan.next < HISTORY_ROWS) ||
        (err != ERR_OK && err != ERR_CORRUPT))
        snprintf(ret->wrong, sizeof(ret->wrong), "scan of space %d ends before row %llu: %s",
                 (int)space, (unsigned long long)scan.next, err_name(err));
}

void history_check(struct table *table, uint64_t at, struct history_finding *ret)
{
    AUTO_UNREF struct buf *number = NULL;
    struct history history = { 0 };
    struct reason reason;

    *ret = (struct history_finding){ 0 };
    enum err err = table_get(table, TABLE_NODE, slice_text("batches"), &number, &reason);
    ret->refused += err == ERR_CORRUPT;
    ret->batches = err == ERR_CORRUPT ? UINT64_MAX : err == ERR_OK ? get_u64(number->data) : 0;
    while (history.batches < (err == ERR_CORRUPT ? at : ret->batches))
        (void)history_write(&history, NULL, &reason);
    for (unsigned space = 0; space < TABLE_SPACES; space++) {
        for (uint64_t row = 0; row < HISTORY_ROWS; row++)
            check_row(table, space, row, history.stamps[space][row], ret);
        check_scan(table, space, history.stamps[space], ret);
    }
}

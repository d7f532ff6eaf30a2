#include <stdlib.h>

#include "base/mutant.h"
#include "log/log_private.h"
#include "table/keys.h"

/* Finds filed entries: a worker asks the table for the row that holds an index; the newest rows
 * stay decoded, because a reader comes back for what follows.
 *
 * A row that was read while a TRUNCATE took entries back may be from before or after: it is asked
 * for again (log->cuts). */

struct finding {
    struct index_row *row;
    uint64_t index;
    enum err err;
};

static bool take_row(void *ctx, struct slice key, struct slice value)
{
    struct finding *finding = ctx;
    struct index_span span;

    finding->err = index_span_read(key, value, &span);
    if (finding->err == ERR_OK && span.last < finding->index)
        finding->err = ERR_NOT_FOUND;
    if (finding->err == ERR_OK)
        finding->err = index_row_read(key, value, finding->row);
    return false;
}

enum err row_find(struct table *table, uint64_t group, uint64_t index, struct index_row *row,
                  struct reason *reason)
{
    struct finding finding = { .row = row, .index = index, .err = ERR_NOT_FOUND };
    struct key from = key_index(group, 0);
    struct key to = key_index(group, index + 1);

    enum err err = table_scan_back(table, TABLE_INDEX, key_slice(&from), key_slice(&to), take_row,
                                   &finding, reason);
    if (err == ERR_OK && finding.err == ERR_CORRUPT)
        reason_set(reason, "the index row of entry %llu of group %llu is damaged",
                   (unsigned long long)index, (unsigned long long)group);
    return err != ERR_OK ? err : finding.err;
}

static void lookup_run(struct work *work)
{
    struct lookup *lookup = container_of(work, struct lookup, work);

    lookup->err =
        row_find(lookup->table, lookup->group, lookup->index, &lookup->row, &lookup->reason);
}

static void lookup_done(struct work *work)
{
    struct lookup *lookup = container_of(work, struct lookup, work);

    lookup->cb(lookup, lookup->err);
}

void lookup_start(struct log *log, struct lookup *lookup, lookup_cb cb)
{
    lookup->log = log;
    lookup->table = log->world.table;
    lookup->cuts = log->cuts;
    lookup->cb = cb;
    lookup->row = (struct index_row){ 0 };
    work_start(log->world.work, &lookup->work, lookup_run, lookup_done);
}

void cache_init(struct log *log)
{
    list_init(&log->cache.rows);
    for (unsigned i = 0; i < CACHE_LISTS; i++)
        list_init(&log->cache.groups[i]);
}

static struct list *cache_of(struct log *log, uint64_t group)
{
    return &log->cache.groups[group % CACHE_LISTS];
}

static size_t cached_bytes(const struct cached_row *cached)
{
    return sizeof(*cached) + cached->row.count * sizeof(*cached->row.places);
}

static void forget(struct log *log, struct cached_row *cached)
{
    list_remove(&cached->link);
    list_remove(&cached->by_group);
    log->cache.bytes -= cached_bytes(cached);
    log->cache.count--;
    index_row_fini(&cached->row);
    free(cached);
}

const struct index_row *cache_find(struct log *log, uint64_t group, uint64_t index)
{
    struct list *rows = cache_of(log, group);

    for (struct list_node *node = list_first(rows); node != NULL; node = list_next(rows, node)) {
        struct cached_row *cached = container_of(node, struct cached_row, by_group);
        if (cached->row.group != group || index < cached->row.first ||
            index - cached->row.first >= cached->row.count)
            continue;
        list_remove(&cached->link);
        list_prepend(&log->cache.rows, &cached->link);
        return &cached->row;
    }
    return NULL;
}

static bool is_over(const struct cache *cache)
{
    return cache->count > LOG_ROWS_CACHED_MAX || cache->bytes > LOG_ROWS_CACHED_BYTES;
}

static void forget_oldest(struct log *log)
{
    struct list_node *node = list_last(&log->cache.rows);

    while (node != NULL && is_over(&log->cache)) {
        struct cached_row *cached = container_of(node, struct cached_row, link);
        node = node->prev == &log->cache.rows.ends ? NULL : node->prev;
        forget(log, cached);
    }
}

const struct index_row *cache_put(struct log *log, struct lookup *lookup)
{
    if (lookup->cuts != log->cuts) {
        index_row_fini(&lookup->row);
        return NULL;
    }

    struct cached_row *cached = log_memory(1, sizeof(*cached));
    cached->row = lookup->row;
    lookup->row = (struct index_row){ 0 };
    log->cache.count++;
    log->cache.bytes += cached_bytes(cached);
    forget_oldest(log);
    list_prepend(&log->cache.rows, &cached->link);
    list_prepend(cache_of(log, cached->row.group), &cached->by_group);
    return &cached->row;
}

void cache_drop(struct log *log, uint64_t group, uint64_t from)
{
    struct list *rows = cache_of(log, group);

    if (MUTANT(lookup_keeps_cut))
        return;
    for (struct list_node *node = list_first(rows), *next; node != NULL; node = next) {
        struct cached_row *cached = container_of(node, struct cached_row, by_group);
        next = list_next(rows, node);
        if (cached->row.group == group && cached->row.first + cached->row.count > from)
            forget(log, cached);
    }
}

void cache_drop_segment(struct log *log, uint64_t segment)
{
    for (struct list_node *node = list_first(&log->cache.rows), *next; node != NULL; node = next) {
        struct cached_row *cached = container_of(node, struct cached_row, link);
        next = list_next(&log->cache.rows, node);
        if (cached->row.segment == segment)
            forget(log, cached);
    }
}

void cache_fini(struct log *log)
{
    for (struct list_node *node; (node = list_first(&log->cache.rows)) != NULL;)
        forget(log, container_of(node, struct cached_row, link));
}

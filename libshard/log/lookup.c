#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
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

static bool take_next(void *ctx, struct slice key, struct slice value)
{
    struct lookup *lookup = ctx;

    if (index_row_read(key, value, &lookup->next[lookup->next_count]) != ERR_OK)
        return false; /* who gets there finds it, and says so */
    lookup->next_count++;
    return lookup->next_count < LOG_ROWS_AHEAD;
}

/* What cannot be read ahead is read when somebody needs it. */
static void find_next(struct lookup *lookup)
{
    struct key from = key_index(lookup->group, lookup->row.first + lookup->row.count);
    struct key to = key_index(lookup->group, UINT64_MAX);
    struct reason reason;

    (void)!table_scan(lookup->table, TABLE_INDEX, key_slice(&from), key_slice(&to), take_next,
                      lookup, &reason);
}

static void lookup_run(struct work *work)
{
    struct lookup *lookup = container_of(work, struct lookup, work);

    lookup->err =
        row_find(lookup->table, lookup->group, lookup->index, &lookup->row, &lookup->reason);
    if (lookup->err == ERR_OK && lookup->ahead)
        find_next(lookup);
}

static void lookup_done(struct work *work)
{
    struct lookup *lookup = container_of(work, struct lookup, work);

    lookup->cb(lookup, lookup->err);
}

/* Where many groups are read side by side, rows that nobody needs yet would make those go that are
 * in use, which are looked up anew then: more often than without any that come ahead.  Half of the
 * cache: were it all of it, groups would go for others, and never be too many. */
static bool has_room_ahead(const struct cache *cache)
{
    size_t rows = (size_t)cache->groups * (LOG_ROWS_AHEAD + 1);

    return rows <= LOG_ROWS_CACHED_MAX / 2 &&
           (cache->count == 0 || rows * (cache->bytes / cache->count) <= LOG_ROWS_CACHED_BYTES / 2);
}

void lookup_start(struct log *log, struct lookup *lookup, lookup_cb cb)
{
    lookup->log = log;
    lookup->table = log->world.table;
    lookup->cuts = log->cuts;
    lookup->cb = cb;
    lookup->row = (struct index_row){ 0 };
    lookup->next_count = 0;
    lookup->ahead = lookup->ahead && has_room_ahead(&log->cache);
    log->figures.lookups++;
    work_start(log->world.work, &lookup->work, lookup_run, lookup_done);
}

void cache_init(struct log *log)
{
    list_init(&log->cache.rows);
}

static size_t cached_bytes(const struct cached_row *cached)
{
    return sizeof(*cached) + cached->row.count * sizeof(*cached->row.places);
}

/* How many rows begin at this entry or before it. */
static uint32_t places_to(const struct cache *cache, uint64_t group, uint64_t index)
{
    uint32_t low = 0, high = cache->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct cached_place *place = &cache->places[middle];
        if (place->group < group || (place->group == group && place->first <= index))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_only_one(const struct cache *cache, uint32_t at)
{
    uint64_t group = cache->places[at].group;

    return (at == 0 || cache->places[at - 1].group != group) &&
           (at + 1 == cache->count || cache->places[at + 1].group != group);
}

static void forget(struct log *log, struct cached_row *cached)
{
    struct cache *cache = &log->cache;
    uint32_t end = places_to(cache, cached->row.group, cached->row.first);

    ensure(end > 0 && cache->places[end - 1].row == cached);
    cache->groups -= is_only_one(cache, end - 1);
    memmove(&cache->places[end - 1], &cache->places[end],
            (cache->count - end) * sizeof(cache->places[0]));
    cache->count--;
    list_remove(&cached->link);
    cache->bytes -= cached_bytes(cached);
    index_row_fini(&cached->row);
    free(cached);
}

/* Rows of the group that have an entry of these. */
static void forget_between(struct log *log, uint64_t group, uint64_t from, uint64_t last)
{
    struct cache *cache = &log->cache;

    for (uint32_t at = places_to(cache, group, last); at > 0; at--) {
        const struct cached_place *place = &cache->places[at - 1];
        if (place->group != group || place->first + place->row->row.count <= from)
            return;
        forget(log, place->row);
    }
}

const struct index_row *cache_find(struct log *log, uint64_t group, uint64_t index)
{
    uint32_t end = places_to(&log->cache, group, index);

    if (end == 0)
        return NULL;
    const struct cached_place *place = &log->cache.places[end - 1];
    if (place->group != group || index - place->first >= place->row->row.count)
        return NULL;
    list_remove(&place->row->link);
    list_prepend(&log->cache.rows, &place->row->link);
    return &place->row->row;
}

static bool has_room(const struct cache *cache, size_t bytes)
{
    return cache->count < LOG_ROWS_CACHED_MAX && cache->bytes + bytes <= LOG_ROWS_CACHED_BYTES;
}

static void forget_oldest(struct log *log, size_t bytes)
{
    struct list_node *node = list_last(&log->cache.rows);

    while (node != NULL && !has_room(&log->cache, bytes)) {
        struct cached_row *cached = container_of(node, struct cached_row, link);
        node = node->prev == &log->cache.rows.ends ? NULL : node->prev;
        forget(log, cached);
    }
}

static void add(struct cache *cache, struct cached_row *cached)
{
    const struct index_row *row = &cached->row;
    uint32_t at = places_to(cache, row->group, row->first);

    memmove(&cache->places[at + 1], &cache->places[at],
            (cache->count - at) * sizeof(cache->places[0]));
    cache->places[at] = (struct cached_place){ row->group, row->first, cached };
    cache->count++;
    cache->groups += is_only_one(cache, at);
    cache->bytes += cached_bytes(cached);
    list_prepend(&cache->rows, &cached->link);
}

static void put(struct log *log, struct index_row *row)
{
    struct cached_row *cached = log_memory(1, sizeof(*cached));

    cached->row = *row;
    *row = (struct index_row){ 0 };
    ensure(cached->row.count > 0);
    forget_between(log, cached->row.group, cached->row.first,
                   cached->row.first + cached->row.count - 1);
    forget_oldest(log, cached_bytes(cached));
    add(&log->cache, cached);
}

/* The one that was asked for comes last: it is the last to be forgotten. */
void cache_put(struct log *log, struct lookup *lookup)
{
    bool trusted = lookup->cuts == log->cuts;

    while (lookup->next_count > 0) {
        struct index_row *row = &lookup->next[--lookup->next_count];
        if (trusted)
            put(log, row);
        else
            index_row_fini(row);
    }
    if (trusted)
        put(log, &lookup->row);
    else
        index_row_fini(&lookup->row);
}

void cache_drop(struct log *log, uint64_t group, uint64_t from)
{
    if (MUTANT(lookup_keeps_cut))
        return;
    forget_between(log, group, from, UINT64_MAX);
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

#include "table/rocks.h"

#include <dirent.h>
#include <fcntl.h>
#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "env/space.h"
#include "table/keys.h"

/* Raised when an older Braid would misread the rows. */
#define TABLE_FORMAT 1u

/* The tables are small and mostly idle: these keep an idle node's memory and the time to replay
 * RocksDB's own log low.  One cache for all spaces. */
#define WRITE_BUFFER_BYTES (4u * 1024u * 1024u)
#define WAL_BYTES_MAX (16u * 1024u * 1024u)
#define CACHE_BYTES (16u * 1024u * 1024u)
#define OPEN_FILES_MAX 512
#define OWN_LOGS_MAX 2
#define OWN_LOGS_LEVEL 2 /* warnings */

static const char *const space_names[TABLE_SPACES] = {
    /* RocksDB insists on a family named "default": it holds the node's facts. */
    [TABLE_NODE] = "default", [TABLE_SEGMENT] = "segment", [TABLE_INDEX] = "index",
    [TABLE_STATE] = "state",  [TABLE_IMAGE] = "image",
};

struct table {
    char *path;
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *blocks;
    rocksdb_cache_t *cache;
    rocksdb_column_family_handle_t *spaces[TABLE_SPACES];
    rocksdb_writeoptions_t *write_synced, *write_unsynced;
    rocksdb_readoptions_t *read;
};

/* Operations name a space, and a space's handle belongs to an open table, so that they can only be
 * replayed into RocksDB's own batch when the table is known: table_write(). */
struct table_batch {
    struct writer ops;
};

enum { OP_PUT = 1, OP_DELETE = 2 };

/* All operations of one batch; a filed segment of 1 GB needs a few MiB. */
#define BATCH_BYTES_MAX (1u << 30)

static enum err check_files(const char *path, struct reason *reason);
static enum err open_db(struct table *table, const char *path, struct reason *reason);
static void close_options(struct table *table);
static enum err check_format(struct table *table, struct reason *reason);
static enum err check_space(const struct table *table, size_t bytes, struct reason *reason);
static enum err translate(char *error, struct reason *reason);
static enum err scan(struct table *table, enum table_space space, struct slice range[2], bool back,
                     table_scan_cb cb, void *ctx, struct reason *reason);

enum err table_open(struct table **ret, const char *path, struct reason *reason)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        return ERR_NO_MEMORY;
    table->path = strdup(path);
    if (table->path == NULL) {
        free(table);
        return ERR_NO_MEMORY;
    }

    enum err err = check_space(table, 0, reason);
    if (err == ERR_OK)
        err = check_files(path, reason);
    if (err == ERR_OK)
        err = open_db(table, path, reason);
    if (err == ERR_OK)
        err = check_format(table, reason);
    if (err != ERR_OK) {
        reason_wrap(reason, "open the tables in %s", path);
        table_close(table);
        return err;
    }
    *ret = table;
    return ERR_OK;
}

void table_close(struct table *table)
{
    if (table == NULL)
        return;
    /* Handles before the database: it asserts that nobody holds one. */
    for (unsigned i = 0; i < TABLE_SPACES; i++) {
        if (table->spaces[i] != NULL)
            rocksdb_column_family_handle_destroy(table->spaces[i]);
    }
    if (table->db != NULL)
        rocksdb_close(table->db);
    if (table->options != NULL)
        close_options(table);
    free(table->path);
    free(table);
}

static void close_options(struct table *table)
{
    rocksdb_readoptions_destroy(table->read);
    rocksdb_writeoptions_destroy(table->write_synced);
    rocksdb_writeoptions_destroy(table->write_unsynced);
    rocksdb_options_destroy(table->options);
    rocksdb_block_based_options_destroy(table->blocks);
    rocksdb_cache_destroy(table->cache);
}

static void set_options(struct table *table)
{
    rocksdb_options_t *o = table->options = rocksdb_options_create();

    table->blocks = rocksdb_block_based_options_create();
    table->cache = rocksdb_cache_create_lru(CACHE_BYTES);
    rocksdb_block_based_options_set_block_cache(table->blocks, table->cache);

    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_create_missing_column_families(o, 1);
    /* The default (point in time) opens after a flipped bit and drops all that was acknowledged
     * behind it, without a word. */
    rocksdb_options_set_wal_recovery_mode(o, rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_paranoid_checks(o, 1);
    rocksdb_options_set_write_buffer_size(o, WRITE_BUFFER_BYTES);
    rocksdb_options_set_max_total_wal_size(o, WAL_BYTES_MAX);
    rocksdb_options_set_max_open_files(o, OPEN_FILES_MAX);
    rocksdb_options_set_max_background_jobs(o, 2);
    rocksdb_options_set_keep_log_file_num(o, OWN_LOGS_MAX);
    rocksdb_options_set_info_log_level(o, OWN_LOGS_LEVEL);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    rocksdb_options_set_compression(o, rocksdb_lz4_compression);
    rocksdb_options_set_block_based_table_factory(o, table->blocks);

    table->read = rocksdb_readoptions_create();
    table->write_unsynced = rocksdb_writeoptions_create();
    table->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(table->write_synced, 1);
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* Without CURRENT RocksDB makes new tables beside the old files, and deletes these; without its log
 * it opens as if nothing had been in it.  Of tables that were opened once, both are always there:
 * CURRENT comes first, then a log, then the options; a log goes when the next one is there. */
static enum err check_files(const char *path, struct reason *reason)
{
    bool current = false, log = false, used = false;
    DIR *folder = opendir(path);

    if (folder == NULL)
        return ERR_OK; /* there is none yet, or RocksDB says what is wrong with it */
    for (const struct dirent *item; (item = readdir(folder)) != NULL;) {
        current |= strcmp(item->d_name, "CURRENT") == 0;
        log |= ends_with(item->d_name, ".log");
        used |= ends_with(item->d_name, ".sst") || strncmp(item->d_name, "OPTIONS-", 8) == 0;
    }
    closedir(folder);
    if (current ? log || !used : !log && !used)
        return ERR_OK;
    reason_set(reason, "%s is lost; " REASON_KEEP_DATA,
               current ? "its write-ahead log (*.log)" : "its file CURRENT");
    return ERR_CORRUPT;
}

static enum err open_db(struct table *table, const char *path, struct reason *reason)
{
    const rocksdb_options_t *options[TABLE_SPACES];
    char *error = NULL;

    set_options(table);
    for (unsigned i = 0; i < TABLE_SPACES; i++)
        options[i] = table->options;

    table->db = rocksdb_open_column_families(table->options, path, TABLE_SPACES, space_names,
                                             options, table->spaces, &error);
    if (error == NULL)
        return ERR_OK;
    table->db = NULL;
    memset(table->spaces, 0, sizeof(table->spaces));

    /* The C interface has no codes, only sentences. */
    bool locked = strstr(error, "lock") != NULL && strstr(error, "LOCK") != NULL;
    bool newer = strstr(error, "olumn families not opened") != NULL;
    bool missing = strstr(error, "No such file") != NULL;
    enum err err = translate(error, reason);
    if (locked) {
        reason_wrap(reason, "another process has them open; stop it, or use another directory");
        return ERR_BUSY;
    }
    if (newer) {
        reason_wrap(reason, "written by a newer Braid; start that version");
        return ERR_VERSION;
    }
    if (err == ERR_CORRUPT || missing) {
        reason_wrap(reason, "a file is damaged or lost; " REASON_KEEP_DATA);
        return ERR_CORRUPT;
    }
    return err;
}

static enum err check_format(struct table *table, struct reason *reason)
{
    struct slice key = slice_text(KEY_NODE_TABLE);
    AUTO_UNREF struct buf *value = NULL;
    unsigned char bytes[2];

    enum err err = table_get(table, TABLE_NODE, key, &value, reason);
    if (err == ERR_OK) {
        uint16_t format = value->len == sizeof(bytes) ? get_u16(value->data) : 0;
        if (format == TABLE_FORMAT)
            return ERR_OK;
        reason_set(reason, "format %u, this Braid knows up to %u; start the newer version",
                   (unsigned)format, TABLE_FORMAT);
        return format > TABLE_FORMAT ? ERR_VERSION : ERR_CORRUPT;
    }
    if (err == ERR_CORRUPT)
        reason_wrap(reason, "a file is damaged; " REASON_KEEP_DATA);
    if (err != ERR_NOT_FOUND)
        return err;

    struct table_batch *batch = table_batch_new();
    if (batch == NULL)
        return ERR_NO_MEMORY;
    put_u16(bytes, TABLE_FORMAT);
    table_batch_put(batch, TABLE_NODE, key, slice_of(bytes, sizeof(bytes)));
    err = table_write(table, batch, true, reason);
    table_batch_free(batch);
    return err;
}

struct table_batch *table_batch_new(void)
{
    struct table_batch *batch = calloc(1, sizeof(*batch));

    if (batch != NULL)
        writer_init(&batch->ops, BATCH_BYTES_MAX);
    return batch;
}

void table_batch_free(struct table_batch *batch)
{
    if (batch == NULL)
        return;
    writer_fini(&batch->ops);
    free(batch);
}

void table_batch_put(struct table_batch *batch, enum table_space space, struct slice key,
                     struct slice value)
{
    writer_u8(&batch->ops, OP_PUT);
    writer_u8(&batch->ops, (uint8_t)space);
    writer_varint(&batch->ops, key.len);
    writer_varint(&batch->ops, value.len);
    writer_bytes(&batch->ops, key);
    writer_bytes(&batch->ops, value);
}

void table_batch_delete(struct table_batch *batch, enum table_space space, struct slice key)
{
    writer_u8(&batch->ops, OP_DELETE);
    writer_u8(&batch->ops, (uint8_t)space);
    writer_varint(&batch->ops, key.len);
    writer_bytes(&batch->ops, key);
}

static void replay(const struct table_batch *batch, const struct table *table,
                   rocksdb_writebatch_t *into)
{
    struct reader reader = reader_of(writer_slice(&batch->ops));

    while (reader.rest.len > 0) {
        uint8_t op = reader_u8(&reader);
        uint8_t space = reader_u8(&reader);
        size_t key_len = reader_varint(&reader);
        size_t value_len = op == OP_PUT ? reader_varint(&reader) : 0;
        struct slice key = reader_bytes(&reader, key_len);
        struct slice value = reader_bytes(&reader, value_len);

        ensure(!reader.bad && space < TABLE_SPACES);
        if (op == OP_PUT)
            rocksdb_writebatch_put_cf(into, table->spaces[space], (const char *)key.data, key.len,
                                      (const char *)value.data, value.len);
        else
            rocksdb_writebatch_delete_cf(into, table->spaces[space], (const char *)key.data,
                                         key.len);
    }
}

/* RocksDB should not find the disk full itself.  Where its log does, Debian's build ends the
 * process by an assertion; where a table does that is written in the background, it takes no rows
 * until some seconds after there is room again.  Besides the batch it writes its tables and merges
 * them. */
static enum err check_space(const struct table *table, size_t bytes, struct reason *reason)
{
    struct space space;

    if (!space_of(table->path, &space))
        return ERR_OK;
    uint64_t left = space_headroom(&space) / 8;
    if (left > TABLE_HEADROOM_BYTES)
        left = TABLE_HEADROOM_BYTES;
    if (bytes <= TABLE_BATCH_SMALL_BYTES && left > TABLE_HEADROOM_SMALL_BYTES)
        left = TABLE_HEADROOM_SMALL_BYTES;
    uint64_t need = left + 2 * (uint64_t)bytes;
    if (space.free_bytes >= need)
        return ERR_OK;
    reason_set(reason,
               "the disk of %s is full: %llu bytes are free, the tables need %llu; make room on it",
               table->path, (unsigned long long)space.free_bytes, (unsigned long long)need);
    return ERR_NO_SPACE;
}

enum err table_room(const struct table *table, const struct table_batch *batch,
                    struct reason *reason)
{
    if (batch->ops.failed) {
        reason_set(reason, "no memory for a batch of rows");
        return ERR_NO_MEMORY;
    }
    return check_space(table, batch->ops.len, reason);
}

enum err table_write(struct table *table, const struct table_batch *batch, bool sync,
                     struct reason *reason)
{
    char *error = NULL;
    enum err err = table_room(table, batch, reason);

    if (err != ERR_OK)
        return err;

    rocksdb_writebatch_t *rows = rocksdb_writebatch_create();
    replay(batch, table, rows);
    rocksdb_write(table->db, sync ? table->write_synced : table->write_unsynced, rows, &error);
    rocksdb_writebatch_destroy(rows);
    err = translate(error, reason);
    if (err != ERR_OK)
        reason_wrap(reason, "write to the tables");
    return err;
}

enum err table_get(struct table *table, enum table_space space, struct slice key, struct buf **ret,
                   struct reason *reason)
{
    char *error = NULL;
    size_t len;

    rocksdb_pinnableslice_t *row = rocksdb_get_pinned_cf(
        table->db, table->read, table->spaces[space], (const char *)key.data, key.len, &error);
    if (error != NULL) {
        enum err err = translate(error, reason);
        reason_wrap(reason, "read from the tables");
        return err;
    }
    if (row == NULL)
        return ERR_NOT_FOUND;

    const char *bytes = rocksdb_pinnableslice_value(row, &len);
    struct buf *value = buf_copy(slice_of(bytes, len));
    rocksdb_pinnableslice_destroy(row);
    if (value == NULL)
        return ERR_NO_MEMORY;
    *ret = value;
    return ERR_OK;
}

enum err table_scan(struct table *table, enum table_space space, struct slice from, struct slice to,
                    table_scan_cb cb, void *ctx, struct reason *reason)
{
    return scan(table, space, (struct slice[2]){ from, to }, false, cb, ctx, reason);
}

enum err table_scan_back(struct table *table, enum table_space space, struct slice from,
                         struct slice to, table_scan_cb cb, void *ctx, struct reason *reason)
{
    return scan(table, space, (struct slice[2]){ from, to }, true, cb, ctx, reason);
}

void table_forget_cached(struct table *table)
{
    DIR *stream = opendir(table->path);

    rocksdb_cache_set_capacity(table->cache, 0);
    rocksdb_cache_set_capacity(table->cache, CACHE_BYTES);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        int fd = strstr(entry->d_name, ".sst") == NULL
                     ? -1
                     : openat(dirfd(stream), entry->d_name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue; /* merged into another one since */
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
    if (stream != NULL)
        closedir(stream);
}

static void seek(rocksdb_iterator_t *rows, const struct slice range[2], bool back)
{
    if (back)
        rocksdb_iter_seek_to_last(rows); /* of those below the upper bound */
    else if (range[0].len == 0)
        rocksdb_iter_seek_to_first(rows);
    else
        rocksdb_iter_seek(rows, (const char *)range[0].data, range[0].len);
}

static enum err scan(struct table *table, enum table_space space, struct slice range[2], bool back,
                     table_scan_cb cb, void *ctx, struct reason *reason)
{
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    char *error = NULL;

    if (range[0].len > 0)
        rocksdb_readoptions_set_iterate_lower_bound(options, (const char *)range[0].data,
                                                    range[0].len);
    if (range[1].len > 0)
        rocksdb_readoptions_set_iterate_upper_bound(options, (const char *)range[1].data,
                                                    range[1].len);

    rocksdb_iterator_t *rows = rocksdb_create_iterator_cf(table->db, options, table->spaces[space]);
    for (seek(rows, range, back); rocksdb_iter_valid(rows);) {
        struct slice key, value;
        key.data = (const unsigned char *)rocksdb_iter_key(rows, &key.len);
        value.data = (const unsigned char *)rocksdb_iter_value(rows, &value.len);
        if (!cb(ctx, key, value))
            break;
        if (back)
            rocksdb_iter_prev(rows);
        else
            rocksdb_iter_next(rows);
    }
    rocksdb_iter_get_error(rows, &error);
    rocksdb_iter_destroy(rows);
    rocksdb_readoptions_destroy(options);

    enum err err = translate(error, reason);
    if (err != ERR_OK)
        reason_wrap(reason, "read from the tables");
    return err;
}

/* Takes `error`, which RocksDB has allocated. */
static enum err translate(char *error, struct reason *reason)
{
    enum err err = ERR_IO;

    if (error == NULL)
        return ERR_OK;
    if (strncmp(error, "Corruption", strlen("Corruption")) == 0)
        err = ERR_CORRUPT;
    else if (strstr(error, "No space left") != NULL)
        err = ERR_NO_SPACE;
    reason_set(reason, "%s", error);
    rocksdb_free(error);
    return err;
}

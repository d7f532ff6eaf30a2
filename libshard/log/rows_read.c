#include <string.h>

#include "base/ensure.h"
#include "log/log_private.h"

/* Rows of the tables, read so that damage is found: who reads a block of RocksDB's checks it.  On a
 * worker, a part at a time; the next one begins behind the last key. */

static bool take_row(void *ctx, struct slice key, struct slice value)
{
    struct log_rows *req = ctx;

    ensure(key.len < sizeof(req->from));
    memcpy(req->from, key.data, key.len);
    req->from[key.len] = 0; /* the lowest key behind it */
    req->from_len = key.len + 1;
    req->rows++;
    req->bytes += key.len + value.len;
    return req->bytes < req->bytes_max;
}

static void rows_run(struct work *work)
{
    struct log_rows *req = container_of(work, struct log_rows, work);
    struct table *table = req->log->world.table;

    if (req->space == 0 && req->from_len == 0)
        table_forget_cached(table);
    while (req->space < TABLE_SPACES && req->err == ERR_OK && req->bytes < req->bytes_max) {
        req->err = table_scan(table, req->space, slice_of(req->from, req->from_len),
                              slice_of(NULL, 0), take_row, req, &req->reason);
        if (req->err == ERR_OK && req->bytes < req->bytes_max) {
            req->space++;
            req->from_len = 0;
        }
    }
}

static void rows_done(struct work *work)
{
    struct log_rows *req = container_of(work, struct log_rows, work);
    struct log *log = req->log;

    req->over = req->space == TABLE_SPACES;
    log->active--;
    req->cb(req, req->err);
    log_close_kick(log);
}

void log_rows_read(struct log *log, struct log_rows *req, log_rows_cb cb)
{
    req->rows = req->bytes = 0;
    req->over = false;
    req->err = ERR_OK;
    req->reason = (struct reason){ 0 };
    req->cb = cb;
    req->log = log;
    log->active++;
    work_start(log->world.work, &req->work, rows_run, rows_done);
}

#include "ops/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/ensure.h"
#include "base/limits.h"
#include "env/timer.h"

struct audit {
    char *path;
    struct work_pool *work;
    struct clock *clock;
    struct list lines; /* of struct audit_line: the first one is being written */
    uint32_t line_count;
    audit_cb closed; /* NULL: it is open */
    void *ctx;
    struct defer defer;
};

struct audit_line {
    struct list_node link;
    struct audit *audit;
    struct work work;
    struct buf *text;
    struct timer late;
    audit_done done; /* NULL: nobody waits */
    void *ctx;
    enum err err;
    struct reason reason;
};

static void start_first(struct audit *audit);
static void run(struct work *work);
static void on_late(struct timer *timer);
static void on_done(struct work *work);
static void tell(struct audit_line *line, enum err err, const struct reason *reason);
static bool append(struct audit_line *line, int file);
static bool end_torn_line(int file);
static bool write_all(int file, const void *bytes, size_t len);
static bool sync_directory(const char *path);
static void close_if_written(struct audit *audit);
static void on_closed(struct defer *defer);

enum err audit_open(struct audit **ret, const struct audit_options *options)
{
    struct audit *audit = calloc(1, sizeof(*audit));

    if (audit == NULL || (audit->path = strdup(options->path)) == NULL) {
        free(audit);
        return ERR_NO_MEMORY;
    }
    audit->work = options->work;
    audit->clock = options->clock;
    list_init(&audit->lines);
    *ret = audit;
    return ERR_OK;
}

void audit_close(struct audit *audit, audit_cb cb, void *ctx)
{
    audit->closed = cb;
    audit->ctx = ctx;
    close_if_written(audit);
}

static void close_if_written(struct audit *audit)
{
    if (audit->closed != NULL && list_empty(&audit->lines))
        defer_run(audit->clock, &audit->defer, on_closed);
}

static void on_closed(struct defer *defer)
{
    struct audit *audit = container_of(defer, struct audit, defer);
    audit_cb cb = audit->closed;
    void *ctx = audit->ctx;

    free(audit->path);
    free(audit);
    cb(ctx);
}

void audit_write(struct audit *audit, struct buf *text, audit_done done, void *ctx,
                 struct audit_line **ret)
{
    bool full = audit->line_count >= OPS_AUDIT_LINES_MAX;
    struct audit_line *line = text == NULL || full ? NULL : calloc(1, sizeof(*line));
    struct reason reason;

    ensure(audit->closed == NULL);
    if (full)
        reason_set(&reason, "%s: %u lines wait for its disk already", audit->path,
                   OPS_AUDIT_LINES_MAX);
    else
        reason_set(&reason, "%s: no memory", audit->path);
    if (line == NULL) {
        done(ctx, full ? ERR_BUSY : ERR_NO_MEMORY, &reason);
        return;
    }
    line->audit = audit;
    line->text = buf_ref(text);
    line->done = done;
    line->ctx = ctx;
    timer_start(audit->clock, &line->late, OPS_AUDIT_MS, on_late);
    list_append(&audit->lines, &line->link);
    *ret = line;
    if (++audit->line_count == 1)
        start_first(audit);
}

static void start_first(struct audit *audit)
{
    struct audit_line *line = container_of(list_first(&audit->lines), struct audit_line, link);

    work_start(audit->work, &line->work, run, on_done);
}

void audit_leave(struct audit_line *line)
{
    timer_stop(&line->late);
    line->done = NULL;
}

static void on_late(struct timer *timer)
{
    struct audit_line *line = container_of(timer, struct audit_line, late);
    struct reason reason;

    reason_set(&reason, "%s: not written within %u ms, its disk may hang", line->audit->path,
               OPS_AUDIT_MS);
    tell(line, ERR_TIMEOUT, &reason);
}

static void tell(struct audit_line *line, enum err err, const struct reason *reason)
{
    audit_done done = line->done;

    audit_leave(line);
    if (done != NULL)
        done(line->ctx, err, reason);
}

static void run(struct work *work)
{
    struct audit_line *line = container_of(work, struct audit_line, work);
    const char *path = line->audit->path;
    int file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

    if (file >= 0 && append(line, file) && fdatasync(file) == 0 && sync_directory(path)) {
        close(file);
        return;
    }
    line->err = errno == ENOSPC ? ERR_NO_SPACE : ERR_IO;
    reason_set(&line->reason, "%s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
}

static bool append(struct audit_line *line, int file)
{
    return end_torn_line(file) && write_all(file, line->text->data, line->text->len);
}

/* The disk was full in the middle of a line, or the power failed: the next one stands by itself. */
static bool end_torn_line(int file)
{
    off_t end = lseek(file, 0, SEEK_END);
    char last;

    if (end <= 0)
        return end == 0;
    ssize_t got = pread(file, &last, 1, end - 1);
    if (got < 0)
        return false;
    return (got == 1 && last == '\n') || write_all(file, "\n", 1);
}

static bool write_all(int file, const void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t wrote = write(file, (const char *)bytes + at, len - at);
        if (wrote < 0 && errno != EINTR)
            return false;
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    return true;
}

/* The file may be new. */
static bool sync_directory(const char *path)
{
    char copy[4096];
    bool synced = false;

    if (strlen(path) >= sizeof(copy)) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(copy, path);
    int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        synced = fsync(directory) == 0;
        close(directory);
    }
    return synced;
}

/* Who is told may give the next one. */
static void on_done(struct work *work)
{
    struct audit_line *line = container_of(work, struct audit_line, work);
    struct audit *audit = line->audit;

    list_remove(&line->link);
    if (--audit->line_count > 0)
        start_first(audit);
    tell(line, line->err, &line->reason);
    buf_unref(line->text);
    free(line);
    close_if_written(audit);
}

void audit_time_print(char text[AUDIT_TIME_MAX])
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t len = strftime(text, AUDIT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, AUDIT_TIME_MAX - len, ".%03ldZ", now.tv_nsec / 1000000);
}

#include "ops/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct audit_line {
    struct work work;
    char *path;
    struct buf *text;
    audit_done done; /* NULL: nobody waits */
    void *ctx;
    enum err err;
    struct reason reason;
};

static void run(struct work *work);
static void on_done(struct work *work);
static bool append(struct audit_line *line, int file);
static bool sync_directory(const char *path);

struct audit_line *audit_write(const struct audit *audit, struct buf *text, audit_done done,
                               void *ctx)
{
    struct audit_line *line = calloc(1, sizeof(*line));

    if (line == NULL || (line->path = strdup(audit->path)) == NULL) {
        free(line);
        return NULL;
    }
    line->text = buf_ref(text);
    line->done = done;
    line->ctx = ctx;
    work_start(audit->work, &line->work, run, on_done);
    return line;
}

void audit_leave(struct audit_line *line)
{
    line->done = NULL;
}

static void run(struct work *work)
{
    struct audit_line *line = container_of(work, struct audit_line, work);
    int file = open(line->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

    if (file >= 0 && append(line, file) && fdatasync(file) == 0 && sync_directory(line->path)) {
        close(file);
        return;
    }
    line->err = errno == ENOSPC ? ERR_NO_SPACE : ERR_IO;
    reason_set(&line->reason, "%s: %s", line->path, strerror(errno));
    if (file >= 0)
        close(file);
}

static bool append(struct audit_line *line, int file)
{
    for (size_t at = 0; at < line->text->len;) {
        ssize_t wrote = write(file, line->text->data + at, line->text->len - at);
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

static void on_done(struct work *work)
{
    struct audit_line *line = container_of(work, struct audit_line, work);

    if (line->done != NULL)
        line->done(line->ctx, line->err, &line->reason);
    buf_unref(line->text);
    free(line->path);
    free(line);
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

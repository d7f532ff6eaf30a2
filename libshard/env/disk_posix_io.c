/* Reads and writes of disk_posix.c.  A request that waits or is done lies in a
 * list by its own link; nothing is allocated for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/ensure.h"
#include "env/disk_posix_private.h"

static void io_set(struct disk_file *file, struct disk_io *req, uint64_t offset, size_t len,
                   disk_io_cb cb);
static void check_place(const struct disk_file *file, uint64_t offset, const void *bytes,
                        size_t len);
static void io_finish(struct disk_io *req);
static void writer_run(void *arg);
static void write_one(struct disk *disk, struct disk_io *req);
static void tell_loop(struct disk *disk);
static void written_on_event(uv_poll_t *poll, int status, int events);
static void written_on_close(uv_handle_t *handle);
static void reads_start(struct disk *disk);
static void read_on_thread(uv_work_t *req);
static void read_on_done(uv_work_t *req, int status);

void disk_write(struct disk_file *file, struct disk_io *req, uint64_t offset, const void *bytes,
                size_t len, disk_io_cb cb)
{
    struct disk *disk = file->disk;

    check_place(file, offset, bytes, len);
    io_set(file, req, offset, len, cb);
    req->bytes = (void *)(uintptr_t)bytes; /* only read from; the struct serves reads too */

    uv_mutex_lock(&disk->lock);
    bool first = disk->thread_may && !disk->thread_writes && list_empty(&disk->to_write) &&
                 list_empty(&disk->done) && !disk->failed;
    if (first && disk_aio_start(disk, req)) {
        disk->thread_may = false;
        uv_mutex_unlock(&disk->lock);
        return;
    }
    req->waiting = true;
    list_append(&disk->to_write, &req->link);
    uv_mutex_unlock(&disk->lock);
    uv_cond_signal(&disk->wanted); /* unlocked: the woken thread need not wait again */
}

bool disk_withdraw(struct disk_io *req)
{
    struct disk *disk = req->file->disk;

    uv_mutex_lock(&disk->lock);
    bool waiting = req->waiting;
    if (waiting)
        list_remove(&req->link);
    req->waiting = false;
    uv_mutex_unlock(&disk->lock);
    if (waiting)
        req->file->under_way--;
    return waiting;
}

void disk_read(struct disk_file *file, struct disk_io *req, uint64_t offset, void *bytes,
               size_t len, disk_io_cb cb)
{
    check_place(file, offset, bytes, len);
    io_set(file, req, offset, len, cb);
    req->bytes = bytes;
    list_append(&file->disk->reads_waiting, &req->link);
    reads_start(file->disk);
}

enum err disk_write_now(struct disk_file *file, uint64_t offset, const void *bytes, size_t len,
                        struct reason *reason)
{
    check_place(file, offset, bytes, len);
    return disk_write_fully(file, offset, bytes, len, reason);
}

enum err disk_read_now(struct disk_file *file, uint64_t offset, void *bytes, size_t len,
                       struct reason *reason)
{
    unsigned char *at = bytes;

    check_place(file, offset, bytes, len);
    /* Without O_DIRECT the kernel would give back what it remembers of a write, and damage on the
     * disk would be found, and mended, nowhere. */
    if (!file->disk->direct)
        (void)posix_fadvise(file->fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED);
    while (len > 0) {
        ssize_t n = pread(file->fd, at, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return disk_failed_errno(reason, errno, "read %s/%s at %llu", file->disk->path,
                                     file->name, (unsigned long long)offset);
        if (n == 0)
            return disk_failed(reason, ERR_IO, "read %s/%s at %llu: the file ends there",
                               file->disk->path, file->name, (unsigned long long)offset);
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

enum err disk_write_fully(struct disk_file *file, uint64_t offset, const void *bytes, size_t len,
                          struct reason *reason)
{
    const unsigned char *at = bytes;

    while (len > 0) {
        ssize_t n = pwrite(file->fd, at, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO;
        if (n <= 0) {
            disk_failed_errno(reason, errno, "write %s/%s at %llu", file->disk->path, file->name,
                              (unsigned long long)offset);
            return ERR_IO; /* a full disk too: whatever it was, it is final */
        }
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    if (!file->disk->direct && fdatasync(file->fd) != 0) {
        disk_failed_errno(reason, errno, "sync %s/%s", file->disk->path, file->name);
        return ERR_IO;
    }
    return ERR_OK;
}

enum err disk_writer_start(struct disk *disk, struct reason *reason)
{
    list_init(&disk->to_write);
    list_init(&disk->done);
    disk->thread_may = true;
    ensure(uv_mutex_init(&disk->lock) == 0);
    ensure(uv_cond_init(&disk->wanted) == 0);

    disk->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (disk->event_fd < 0)
        return disk_failed_errno(reason, errno, "open disk %s", disk->path);
    int error = uv_poll_init(disk->loop, &disk->written, disk->event_fd);
    if (error != 0)
        return disk_failed_errno(reason, -error, "open disk %s", disk->path);
    disk->written.data = disk;
    ensure(uv_poll_start(&disk->written, UV_READABLE, written_on_event) == 0);
    /* A process that cannot start one thread at its start has no use for a tidy error path. */
    ensure(uv_thread_create(&disk->writer, writer_run, disk) == 0);
    disk_aio_open(disk);
    return ERR_OK;
}

void disk_writer_stop(struct disk *disk)
{
    uv_mutex_lock(&disk->lock);
    ensure(list_empty(&disk->to_write));
    disk->stopping = true;
    uv_cond_signal(&disk->wanted);
    uv_mutex_unlock(&disk->lock);
    uv_thread_join(&disk->writer);
    disk_aio_close(disk);
    ensure(list_empty(&disk->done));
    uv_close((uv_handle_t *)&disk->written, written_on_close);
}

static void written_on_close(uv_handle_t *handle)
{
    struct disk *disk = handle->data;

    uv_mutex_destroy(&disk->lock);
    uv_cond_destroy(&disk->wanted);
    disk_give_back(disk);
}

/* The writing thread. */
static void writer_run(void *arg)
{
    struct disk *disk = arg;

    uv_mutex_lock(&disk->lock);
    for (;;) {
        while ((list_empty(&disk->to_write) || !disk->thread_may) && !disk->stopping)
            uv_cond_wait(&disk->wanted, &disk->lock);
        if (list_empty(&disk->to_write))
            break;

        struct disk_io *req = container_of(list_pop(&disk->to_write), struct disk_io, link);
        req->waiting = false;
        disk->thread_writes = true;
        uv_mutex_unlock(&disk->lock);
        write_one(disk, req);
        uv_mutex_lock(&disk->lock);
        disk->thread_writes = false;
        list_append(&disk->done, &req->link);
        uv_mutex_unlock(&disk->lock);
        tell_loop(disk);
        uv_mutex_lock(&disk->lock);
    }
    uv_mutex_unlock(&disk->lock);
}

/* After one failure nothing may be acknowledged any more: the owner is about to
 * hear of it and to stop, and what waits must not overtake the news. */
static void write_one(struct disk *disk, struct disk_io *req)
{
    if (disk->failed)
        req->err = disk_failed(&req->reason, ERR_IO, "write %s/%s at %llu: an earlier write failed",
                               disk->path, req->file->name, (unsigned long long)req->offset);
    else
        req->err = disk_write_fully(req->file, req->offset, req->bytes, req->len, &req->reason);
    disk->failed = disk->failed || req->err != ERR_OK;
}

/* An eventfd of our own: in libuv 1.44 the loop that an uv_async_send() wakes spins until the
 * sender is back from its system call, 20 us of each write (docs/performance.md). */
static void tell_loop(struct disk *disk)
{
    uint64_t one = 1;

    while (write(disk->event_fd, &one, sizeof(one)) != sizeof(one))
        ensure(errno == EINTR); /* it holds 2^64 - 2 of them */
}

/* The write that the kernel had, and then the thread's turn.  A short one is written once more from
 * its start, by the thread: it has not been told to anybody. */
static struct disk_io *take_from_kernel(struct disk *disk)
{
    bool whole;
    struct disk_io *req = disk_aio_take(disk, &whole);

    if (req == NULL)
        return NULL;
    uv_mutex_lock(&disk->lock);
    disk->failed = req->err != ERR_OK;
    if (!whole && !disk->failed)
        list_prepend(&disk->to_write, &req->link);
    disk->thread_may = true;
    bool more = !list_empty(&disk->to_write);
    uv_mutex_unlock(&disk->lock);
    if (more)
        uv_cond_signal(&disk->wanted);
    return whole || req->err != ERR_OK ? req : NULL;
}

static void written_on_event(uv_poll_t *poll, int status, int events)
{
    struct disk *disk = poll->data;
    struct list done;
    uint64_t count;

    ensure(status == 0);
    if (read(disk->event_fd, &count, sizeof(count)) < 0)
        ensure(errno == EAGAIN || errno == EINTR);
    struct disk_io *req = take_from_kernel(disk);
    uv_mutex_lock(&disk->lock);
    list_take(&done, &disk->done);
    bool well = !disk->failed;
    uv_mutex_unlock(&disk->lock);
    if (well)
        disk_aio_trust(disk);
    if (req != NULL)
        io_finish(req);
    for (struct list_node *node; (node = list_pop(&done)) != NULL;)
        io_finish(container_of(node, struct disk_io, link));
}

static void reads_start(struct disk *disk)
{
    for (unsigned i = 0; i < DISK_READS_MAX && !list_empty(&disk->reads_waiting); i++) {
        struct read_slot *slot = &disk->read_slots[i];

        if (slot->io != NULL)
            continue;
        slot->io = container_of(list_pop(&disk->reads_waiting), struct disk_io, link);
        slot->req.data = slot;
        ensure(uv_queue_work(disk->loop, &slot->req, read_on_thread, read_on_done) == 0);
    }
}

static void read_on_thread(uv_work_t *req)
{
    struct read_slot *slot = req->data;
    struct disk_io *io = slot->io;

    io->err = disk_read_now(io->file, io->offset, io->bytes, io->len, &io->reason);
}

static void read_on_done(uv_work_t *req, int status)
{
    struct read_slot *slot = req->data;
    struct disk_io *io = slot->io;

    ensure(status == 0); /* nobody cancels */
    slot->io = NULL;
    reads_start(io->file->disk);
    io_finish(io);
}

static void io_set(struct disk_file *file, struct disk_io *req, uint64_t offset, size_t len,
                   disk_io_cb cb)
{
    *req = (struct disk_io){ .file = file, .offset = offset, .len = len, .cb = cb };
    file->under_way++;
}

/* Last in its callers: the callback may free the request and close the file. */
static void io_finish(struct disk_io *req)
{
    req->file->under_way--;
    req->cb(req, req->err);
}

static void check_place(const struct disk_file *file, uint64_t offset, const void *bytes,
                        size_t len)
{
    ensure(offset % DISK_ALIGN == 0);
    ensure(len % DISK_ALIGN == 0);
    ensure((uintptr_t)bytes % DISK_ALIGN == 0);
    ensure(offset <= INT64_MAX - len);
}

enum err disk_errno_err(int error)
{
    return error == ENOSPC || error == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

enum err disk_failed_errno(struct reason *reason, int error, const char *format, ...)
{
    char text[REASON_BYTES_MAX];
    char cause[128];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reason_set(reason, "%s: %s", text, strerror_r(error, cause, sizeof(cause)));
    return disk_errno_err(error);
}

enum err disk_failed(struct reason *reason, enum err err, const char *format, ...)
{
    char text[REASON_BYTES_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reason_set(reason, "%s", text);
    return err;
}

bool disk_name_legal(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len + sizeof(HALF_MADE) <= DISK_NAME_MAX && name[0] != '.' &&
           strchr(name, '/') == NULL && !disk_name_half_made(name);
}

bool disk_name_half_made(const char *name)
{
    size_t len = strlen(name);
    size_t tail = sizeof(HALF_MADE) - 1;

    return len > tail && strcmp(name + len - tail, HALF_MADE) == 0;
}

/* New files of disk_posix.c: all their blocks are written once, so that later
 * writes change no metadata, or reserved, when so much is about to be written
 * that it would be the disk's work twice.  A full disk is found out here. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/ensure.h"
#include "env/disk_posix_private.h"
#include "env/space.h"

#define CHUNK_BYTES (1024u * 1024u)

/* A segment is made long before it is needed.  At the disk's full speed its zeros would hold up
 * every write that somebody waits for: so behind each piece comes a rest of so many times what it
 * took, but no longer than this, so that a slow disk gets it done as well. */
#define REST_TIMES 3u
#define REST_NS_MAX 20000000u

/* A request on its way; `req->platform` while it waits or runs. */
struct creation {
    struct disk *disk;
    struct disk_create *req;
    enum err err;
    atomic_bool hurries;
    struct list_node link;
};

static void creates_start(struct disk *disk);
static void create_on_thread(uv_work_t *work);
static void create_on_done(uv_work_t *work, int status);
static enum err make_file(struct disk *disk, const char *name, uint64_t size,
                          enum disk_blocks blocks, const atomic_bool *hurries,
                          struct reason *reason);
static enum err check_space(struct disk *disk, const char *name, uint64_t size,
                            struct reason *reason);
static enum err fill_file(struct disk *disk, int fd, const char *name, uint64_t size,
                          enum disk_blocks blocks, const atomic_bool *hurries,
                          struct reason *reason);
static enum err make_zeros(struct disk *disk, int fd, const char *name, uint64_t size,
                           const atomic_bool *hurries, struct reason *reason);
static void rest(uint64_t took_ns);
static uint64_t now_ns(void);
static enum err publish(struct disk *disk, const char *half_made, const char *name,
                        struct reason *reason);

void disk_create_start(struct disk *disk, struct disk_create *req, const char *name, uint64_t size,
                       enum disk_blocks blocks, disk_create_cb cb)
{
    ensure(disk_name_legal(name));
    ensure(size % DISK_ALIGN == 0 && size <= INT64_MAX);
    *req = (struct disk_create){ .disk = disk, .size = size, .blocks = blocks, .cb = cb };
    strcpy(req->name, name);

    struct creation *creation = calloc(1, sizeof(*creation));
    ensure(creation != NULL); /* a few bytes: without them the node cannot go on either */
    *creation = (struct creation){ .disk = disk, .req = req };
    req->platform = creation;
    list_append(&disk->creates_waiting, &creation->link);
    creates_start(disk);
}

enum err disk_create_now(struct disk *disk, const char *name, uint64_t size, struct disk_file **ret,
                         struct reason *reason)
{
    ensure(disk_name_legal(name));
    ensure(size % DISK_ALIGN == 0 && size <= INT64_MAX);

    const atomic_bool hurries = true;
    enum err err = make_file(disk, name, size, DISK_WRITTEN, &hurries, reason);
    if (err != ERR_OK)
        return err;
    return disk_open(disk, name, ret, reason);
}

void disk_create_hurry(struct disk_create *req)
{
    struct creation *creation = req->platform;

    if (creation != NULL)
        atomic_store(&creation->hurries, true);
}

static void creates_start(struct disk *disk)
{
    if (disk->create != NULL || list_empty(&disk->creates_waiting))
        return;
    disk->create = container_of(list_pop(&disk->creates_waiting), struct creation, link);
    disk->create_req.data = disk->create;
    ensure(uv_queue_work(disk->loop, &disk->create_req, create_on_thread, create_on_done) == 0);
}

static void create_on_thread(uv_work_t *work)
{
    struct creation *creation = work->data;
    struct disk_create *req = creation->req;

    creation->err = make_file(creation->disk, req->name, req->size, req->blocks, &creation->hurries,
                              &req->reason);
}

static void create_on_done(uv_work_t *work, int status)
{
    struct creation *creation = work->data;
    struct disk *disk = creation->disk;
    struct disk_create *req = creation->req;
    enum err err = creation->err;
    struct disk_file *file = NULL;

    ensure(status == 0); /* nobody cancels */
    if (err == ERR_OK)
        err = disk_open(disk, req->name, &file, &req->reason);
    free(creation);
    req->platform = NULL;
    disk->create = NULL;
    creates_start(disk);
    req->cb(req, err, file); /* last: it may free the request */
}

/* Any thread. */
static enum err make_file(struct disk *disk, const char *name, uint64_t size,
                          enum disk_blocks blocks, const atomic_bool *hurries,
                          struct reason *reason)
{
    char half_made[DISK_NAME_MAX + sizeof(HALF_MADE)];
    int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | (disk->direct ? O_DIRECT : 0);

    /* Nobody else makes files here: the directory is locked, and creates take turns. */
    if (faccessat(disk->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return disk_failed(reason, ERR_EXISTS, "create %s/%s: it exists", disk->path, name);
    enum err err = check_space(disk, name, size, reason);
    if (err != ERR_OK)
        return err;
    snprintf(half_made, sizeof(half_made), "%s" HALF_MADE, name);

    int fd = openat(disk->dir_fd, half_made, flags, 0600);
    if (fd < 0)
        return disk_failed_errno(reason, errno, "create %s/%s", disk->path, half_made);
    err = fill_file(disk, fd, half_made, size, blocks, hurries, reason);
    close(fd);
    if (err == ERR_OK)
        err = publish(disk, half_made, name, reason);
    if (err != ERR_OK)
        unlinkat(disk->dir_fd, half_made, 0);
    return err;
}

/* Before the first byte: a file that is tried and taken back fills the disk to its end each time,
 * and takes the tables' last room. */
static enum err check_space(struct disk *disk, const char *name, uint64_t size,
                            struct reason *reason)
{
    struct space space;

    if (!space_of(disk->path, &space))
        return ERR_OK;
    uint64_t headroom = space_headroom(&space);
    if (space.free_bytes >= size && space.free_bytes - size >= headroom)
        return ERR_OK;
    return disk_failed(reason, ERR_NO_SPACE,
                       "create %s/%s: %llu bytes are free; it needs %llu, and %llu are left for "
                       "the tables",
                       disk->path, name, (unsigned long long)space.free_bytes,
                       (unsigned long long)size, (unsigned long long)headroom);
}

/* What cannot be reserved, by this file system or now, is written, which says why.  A sync that
 * failed is not tried again: a second one may say that all is well. */
static enum err fill_file(struct disk *disk, int fd, const char *name, uint64_t size,
                          enum disk_blocks blocks, const atomic_bool *hurries,
                          struct reason *reason)
{
    if (blocks == DISK_WRITTEN || fallocate(fd, 0, 0, (off_t)size) != 0)
        return make_zeros(disk, fd, name, size, hurries, reason);
    if (fdatasync(fd) != 0)
        return disk_failed_errno(reason, errno, "create %s/%s: sync", disk->path, name);
    return ERR_OK;
}

static enum err make_zeros(struct disk *disk, int fd, const char *name, uint64_t size,
                           const atomic_bool *hurries, struct reason *reason)
{
    void *zeros = disk_memory(CHUNK_BYTES);
    uint64_t offset = 0;
    int error = 0;

    if (zeros == NULL)
        return disk_failed(reason, ERR_NO_MEMORY, "create %s/%s: no memory", disk->path, name);
    memset(zeros, 0, CHUNK_BYTES);
    while (offset < size && error == 0) {
        size_t len = size - offset < CHUNK_BYTES ? (size_t)(size - offset) : CHUNK_BYTES;
        uint64_t began_ns = now_ns();
        ssize_t n = pwrite(fd, zeros, len, (off_t)offset);

        if (n > 0) {
            offset += (uint64_t)n;
            if (!atomic_load(hurries))
                rest(now_ns() - began_ns);
        } else if (n == 0 || errno != EINTR) {
            error = n == 0 ? EIO : errno;
        }
    }
    disk_memory_free(zeros);

    if (error == 0 && fdatasync(fd) != 0)
        error = errno;
    if (error == 0)
        return ERR_OK;
    return disk_failed_errno(reason, error, "create %s/%s: write at %llu", disk->path, name,
                             (unsigned long long)offset);
}

static void rest(uint64_t took_ns)
{
    uint64_t ns = took_ns < REST_NS_MAX / REST_TIMES ? took_ns * REST_TIMES : REST_NS_MAX;
    struct timespec time = { .tv_nsec = (long)ns };

    nanosleep(&time, NULL);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The name is durable when the directory is. */
static enum err publish(struct disk *disk, const char *half_made, const char *name,
                        struct reason *reason)
{
    if (renameat(disk->dir_fd, half_made, disk->dir_fd, name) != 0)
        return disk_failed_errno(reason, errno, "rename %s/%s", disk->path, half_made);
    if (fsync(disk->dir_fd) != 0)
        return disk_failed_errno(reason, errno, "sync directory %s", disk->path);
    return ERR_OK;
}

/* disk_posix_private.h - what the files disk_posix*.c share.
 *
 *     disk_posix.c         directory and files
 *     disk_posix_io.c      reads and writes, and the thread that writes
 *     disk_posix_aio.c     the small write that needs no thread
 *     disk_posix_create.c  zeroed files
 */
#ifndef ENV_DISK_POSIX_PRIVATE_H
#define ENV_DISK_POSIX_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/note.h"
#include "env/disk.h"
#include "env/real.h"

/* Names that end like this are files being made; whoever finds one after a crash removes it. */
#define HALF_MADE ".new"

/* A read that libuv's threads have. */
struct read_slot {
    uv_work_t req;
    struct disk_io *io; /* NULL while free */
};

struct disk {
    char *path;
    int dir_fd;
    bool direct; /* O_DIRECT|O_DSYNC; else page cache and fdatasync */
    uv_loop_t *loop;
    unsigned files_open;

    /* Loop thread only. */
    struct list reads_waiting; /* of struct disk_io */
    struct read_slot read_slots[DISK_READS_MAX];
    struct list creates_waiting; /* of struct creation */
    struct creation *create;     /* the one that is under way */
    uv_work_t create_req;

    struct disk_aio *aio; /* NULL: the thread writes all */

    /* The writing thread's; `lock` guards all but the thread itself. */
    uv_thread_t writer;
    uv_mutex_t lock;
    uv_cond_t wanted;
    int event_fd;         /* tells the loop that `done` is not empty */
    uv_poll_t written;    /* of event_fd */
    struct list to_write; /* of struct disk_io, oldest first */
    struct list done;     /* of struct disk_io, oldest first */
    bool thread_may;      /* no write is with the kernel */
    bool thread_writes;   /* it has taken one that is not in `done` yet */
    bool stopping;
    bool failed; /* a write failed: no later one may succeed */
};

struct disk_file {
    struct disk *disk;
    int fd;
    uint64_t size;
    unsigned under_way; /* reads and writes whose callbacks have not run */
    char name[DISK_NAME_MAX];
};

/* Frees a disk whose thread has ended, or never began. */
void disk_give_back(struct disk *disk);

/* Starts the writing thread. */
enum err disk_writer_start(struct disk *disk, struct reason *reason);

/* Ends the thread; the disk is freed when the loop has closed its handle. */
void disk_writer_stop(struct disk *disk);

/* Writes all of it and makes it durable; moves on behind short writes.  ERR_IO. */
enum err disk_write_fully(struct disk_file *file, uint64_t offset, const void *bytes, size_t len,
                          struct reason *reason);

/* All of disk_aio_*() on the loop thread. */
void disk_aio_open(struct disk *disk);
void disk_aio_close(struct disk *disk);

/* A write was made durable just now. */
void disk_aio_trust(struct disk *disk);

/* Begins a write when no other one is under way.  False: it is one for the thread. */
bool disk_aio_start(struct disk *disk, struct disk_io *req);

/* The write that disk_aio_start() began, when it has ended, else NULL.  `err` is set; with ERR_OK
 * and `*whole` false it was short, and nothing of it counts. */
struct disk_io *disk_aio_take(struct disk *disk, bool *whole);

/* What an errno means to the caller. */
enum err disk_errno_err(int error);

/* Fills `reason` with the sentence and what the errno `error` says; returns disk_errno_err(). */
enum err disk_failed_errno(struct reason *reason, int error, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Fills `reason` and returns `err`. */
enum err disk_failed(struct reason *reason, enum err err, const char *format, ...)
    PRINTF_LIKE(3, 4);

bool disk_name_legal(const char *name);
bool disk_name_half_made(const char *name);

#endif

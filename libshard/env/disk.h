/* disk.h - one node's data directory: aligned files that are written in place.
 *
 * All a log needs and nothing else.  A write is durable when its callback says
 * ERR_OK (O_DIRECT|O_DSYNC, or fdatasync where the file system refuses it).
 * No read delays a write, and a disk that hangs does not hold up the loop.  One at
 * a time is under way: the next begins when the one before it is durable, in the
 * order of their starts, and none begins behind one that failed.
 *
 * A failed write is never tried again: what the kernel did with the pages is
 * unknown.  The owner stops the process.
 *
 * Callbacks run on the loop thread, never from inside the call.  The functions
 * marked "blocking" are for the start of a node only.
 */
#ifndef ENV_DISK_H
#define ENV_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

/* Offsets, lengths and memory of writes and reads are multiples of this. */
#define DISK_ALIGN 4096u
#define DISK_NAME_MAX 64u

struct disk;
struct disk_file;

typedef void (*disk_list_cb)(void *ctx, const char *name, uint64_t size);

/* Blocking.  Calls `cb` for each regular file, in the order of their names. */
MUST_CHECK enum err disk_list(struct disk *disk, disk_list_cb cb, void *ctx,
                              struct reason *reason);

/* Blocking.  Opens an existing file. ERR_NOT_FOUND, ERR_IO. */
MUST_CHECK enum err disk_open(struct disk *disk, const char *name, struct disk_file **ret,
                              struct reason *reason);

/* Blocking.  Reads exactly `len` bytes.  ERR_IO, also when the file is shorter. */
MUST_CHECK enum err disk_read_now(struct disk_file *file, uint64_t offset, void *bytes, size_t len,
                                  struct reason *reason);

/* Blocking.  As disk_write(), durable on return. */
MUST_CHECK enum err disk_write_now(struct disk_file *file, uint64_t offset, const void *bytes,
                                   size_t len, struct reason *reason);

/* Closes the file.  No request on it may be under way. */
void disk_close(struct disk_file *file);

uint64_t disk_size(const struct disk_file *file);

/* What is to be known of a new file's blocks. */
enum disk_blocks {
    DISK_WRITTEN, /* written once as zeros: later writes change no metadata */
    DISK_RESERVED /* theirs, and read as zeros: the first write to each costs a little more */
};

struct disk_create;
typedef void (*disk_create_cb)(struct disk_create *req, enum err err, struct disk_file *file);

/* Embedded in the caller, which owns it until the callback. */
struct disk_create {
    struct disk *disk;
    char name[DISK_NAME_MAX];
    uint64_t size;
    enum disk_blocks blocks;
    disk_create_cb cb;
    struct reason reason; /* set when err is not ERR_OK */
    void *platform;       /* private */
};

/* Makes a file of `size` bytes, all zeros and durable, the name included; a
 * half-made one does not survive under that name.  Where blocks cannot be
 * reserved they are written.  ERR_EXISTS, ERR_IO, ERR_NO_SPACE, said before
 * anything is written when the file would take from DISK_HEADROOM_BYTES. */
void disk_create_start(struct disk *disk, struct disk_create *req, const char *name, uint64_t size,
                       enum disk_blocks blocks, disk_create_cb cb);

/* Somebody waits for it.  Until this is said most of the disk's time is left to others.  No effect
 * when it is done. */
void disk_create_hurry(struct disk_create *req);

/* Blocking twin of disk_create_start(); DISK_WRITTEN. */
MUST_CHECK enum err disk_create_now(struct disk *disk, const char *name, uint64_t size,
                                    struct disk_file **ret, struct reason *reason);

struct disk_io;
typedef void (*disk_io_cb)(struct disk_io *req, enum err err);

/* One read or write.  Embedded in the caller, which owns it and the bytes until the callback. */
struct disk_io {
    struct disk_file *file;
    uint64_t offset;
    void *bytes;
    size_t len;
    disk_io_cb cb;
    struct reason reason;  /* set when err is not ERR_OK; names device and offset */
    struct list_node link; /* private */
    bool waiting;          /* private: a write that has not begun */
    enum err err;          /* private */
    void *platform;        /* private */
};

/* Durable when `cb` says ERR_OK.  ERR_IO is final: stop the process. */
void disk_write(struct disk_file *file, struct disk_io *req, uint64_t offset, const void *bytes,
                size_t len, disk_io_cb cb);

/* Takes back a write that was started and whose callback has not run.  True: it had not begun, and
 * its callback will not run.  False: it is under way or done. */
bool disk_withdraw(struct disk_io *req);

/* Of the disk, not of what the kernel remembers of a write.  ERR_IO.  Several may be under way;
 * they may overtake each other. */
void disk_read(struct disk_file *file, struct disk_io *req, uint64_t offset, void *bytes,
               size_t len, disk_io_cb cb);

/* Memory that meets DISK_ALIGN; free with disk_memory_free().  NULL when there is none. */
void *disk_memory(size_t len);
void disk_memory_free(void *bytes);

#endif

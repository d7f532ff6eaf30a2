/* disk_sim.h - a node's disk: what was written survives, what was under way may not.
 *
 * A write takes a while; when its callback runs it is durable.  The death of
 * the process loses the writes that had not reached the kernel; the loss of
 * power tears or drops the one that was under way.
 *
 * What else can go wrong, each until it is mended:
 *
 *     broken    a write fails with ERR_IO; any part of it may be on the disk
 *     full      no file can be made, and the tables take a row or two at most
 *     misread   one read in so many fails with ERR_IO, and is good the next time
 *     spoiled   a block that cannot be read until it is written to
 */
#ifndef SIM_DISK_SIM_H
#define SIM_DISK_SIM_H

#include "env/disk.h"
#include "world.h"

struct disk *disk_sim_new(struct sim_node *node);
void disk_sim_free(struct disk *disk);

/* Another one with the same files: while the node is down. */
struct disk *disk_sim_copy(const struct disk *disk);

/* The node dies: settles what was under way. */
void disk_sim_crash(struct disk *disk, enum death death);

/* Everything is lost: an empty disk. */
void disk_sim_wipe(struct disk *disk);

/* No write or read ends before `until_ns` of world time. */
void disk_sim_stall(struct disk *disk, uint64_t until_ns);

/* Each operation takes `factor` times as long; 1 = normal. */
void disk_sim_slow(struct disk *disk, uint32_t factor);

/* The next write fails, and all that begin before `until_ns` of world time. */
void disk_sim_break(struct disk *disk, uint64_t until_ns);

/* Whether this process was told of a failed write: it must not go on. */
bool disk_sim_has_failed(const struct disk *disk);

/* Whether writes or reads fail now: a start may be refused. */
bool disk_sim_is_ill(const struct disk *disk);

void disk_sim_fill(struct disk *disk, bool full);
bool disk_sim_is_full(const struct disk *disk);

/* One read in `of` fails, and one in four times as many of the tables; 0 = none. */
void disk_sim_misread(struct disk *disk, uint32_t of);

/* Whether this read of the tables fails. */
bool disk_sim_misreads_row(struct disk *disk);

/* The block at `offset` cannot be read any more.  False when there is none, or too many are. */
bool disk_sim_spoil(struct disk *disk, const char *name, uint64_t offset);

/* It can be read again, as it was. */
void disk_sim_cure(struct disk *disk, const char *name, uint64_t offset);

bool disk_sim_is_spoiled(const struct disk *disk, const char *name, uint64_t offset);

/* All is well again, but for spoiled blocks. */
void disk_sim_mend(struct disk *disk);

/* No write is under way. */
bool disk_sim_idle(const struct disk *disk);

/* Copies what a file holds; false when it does not hold so much. */
bool disk_sim_peek(const struct disk *disk, const char *name, uint64_t offset, void *bytes,
                   size_t len);

/* A copy of a whole file, good until the next look at another one of this disk; NULL when there is
 * none. */
const unsigned char *disk_sim_bytes(struct disk *disk, const char *name, uint64_t *size);

/* The file is gone, or has this size, a multiple of DISK_ALIGN: while nothing has it open. */
void disk_sim_lose(struct disk *disk, const char *name);
void disk_sim_cut(struct disk *disk, const char *name, uint64_t size);

/* Flips a bit of the byte at `offset`; false when there is nothing. */
bool disk_sim_rot(struct disk *disk, const char *name, uint64_t offset);

#endif

/* disk_sim.h - a node's disk: what was written survives, what was under way may not.
 *
 * A write takes a while; when its callback runs it is durable.  The death of
 * the process loses the writes that had not reached the kernel; the loss of
 * power tears or drops the one that was under way.
 */
#ifndef SIM_DISK_SIM_H
#define SIM_DISK_SIM_H

#include "env/disk.h"
#include "world.h"

struct disk *disk_sim_new(struct sim_node *node);
void disk_sim_free(struct disk *disk);

/* The node dies: settles what was under way. */
void disk_sim_crash(struct disk *disk, enum death death);

/* Everything is lost: an empty disk. */
void disk_sim_wipe(struct disk *disk);

/* No write or read ends before `until_ns` of world time. */
void disk_sim_stall(struct disk *disk, uint64_t until_ns);

/* Each operation takes `factor` times as long; 1 = normal. */
void disk_sim_slow(struct disk *disk, uint32_t factor);

/* No write is under way. */
bool disk_sim_idle(const struct disk *disk);

/* What a file holds, to look at; NULL when there is none. */
const unsigned char *disk_sim_bytes(const struct disk *disk, const char *name, uint64_t *size);

/* Flips a bit in the middle of a file's used part; false when there is nothing. */
bool disk_sim_rot(struct disk *disk, const char *name, uint64_t offset);

#endif

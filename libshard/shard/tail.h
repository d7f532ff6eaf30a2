/* tail.h - the newest entries of a shard, in memory.
 *
 * Most readers follow the writers closely: what they ask for was applied a
 * moment ago and need not come from the disk.  The tail keeps the newest
 * entries, without gaps, as references to the payloads that replication held
 * anyway.
 *
 *     tail_add      each applied entry; the oldest go when a budget is spent
 *     tail_find     by index, NULL: ask the log
 *     tail_rest     now and then: gives memory back where nobody reads or writes
 *
 * Two budgets: `bytes_max` of this tail, and what is left for all tails of the
 * node, which all of them count down and up.  A tail only ever evicts its own
 * entries.  Loop thread only; embedded in the shard.
 */
#ifndef SHARD_TAIL_H
#define SHARD_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "log/entry.h"

struct tail_entry {
    struct entry_head head;
    struct buf *payload; /* NULL when head.length is 0 */
};

struct tail {
    struct tail_entry *ring; /* NULL while nothing is kept */
    uint32_t room;           /* entries in `ring`: a power of two */
    uint32_t oldest, count;  /* place of the oldest; how many */
    size_t bytes, bytes_max;
    size_t *bytes_left;      /* of the node's budget */
    bool used;               /* since tail_rest() */
};

void tail_init(struct tail *tail, size_t bytes_max, size_t *bytes_left);
void tail_fini(struct tail *tail);

/* Keeps an entry, or does not: without its payload, without memory or without budget the tail
 * starts again behind it. */
void tail_add(struct tail *tail, const struct entry_head *head, struct buf *payload);

/* The entry at `index`, valid until the next call that changes the tail.  NULL: it is not here. */
const struct tail_entry *tail_find(struct tail *tail, uint64_t index);

/* Index of the oldest entry; 0 when nothing is kept. */
uint64_t tail_first(const struct tail *tail);

/* Forgets the entries below `index`. */
void tail_drop_below(struct tail *tail, uint64_t index);

/* Forgets everything when the node's budget is short and nothing was added or found since the last
 * call: other shards need it more. */
void tail_rest(struct tail *tail);

#endif

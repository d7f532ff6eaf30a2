/* watch.h - reads that wait until there is something to read.
 *
 * A read that `waits` and finds nothing parks at the leader; applying records
 * wakes all that park, once at the end of the turn.  After SHARD_WATCH_MS it is
 * answered with nothing.  Elsewhere, when SHARD_WATCHES_MAX park already, and of a
 * shard that has ended, it is answered at once: its asker sees to the pause.
 */
#ifndef SHARD_WATCH_H
#define SHARD_WATCH_H

#include "shard/shard_private.h"

/* True: the read, which found nothing so far, parks. */
bool watch_parks(struct shard_read *req);

/* There may be something to read, or nothing to wait for any more: it has ended, or this node
 * leads no longer. */
void watch_wake(struct shard *shard);

/* All that park are answered with `err`.  Called at the end of a turn. */
void watch_end(struct shard *shard, enum err err);

#endif

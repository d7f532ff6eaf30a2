/* position.h - where a reader starts.
 *
 * shard_locate() (shard/cursor.h) is implemented here.  Four of the five types
 * are arithmetic; AT_TIMESTAMP is a binary search over the entries' times,
 * which never go back.
 */
#ifndef SHARD_POSITION_H
#define SHARD_POSITION_H

#include "shard/cursor.h"

/* The position, or the horizon when retention has passed it. */
struct position position_visible(const struct shard *shard, struct position position);

/* Behind everything that is applied here. */
struct position position_tip(const struct shard *shard);

#endif

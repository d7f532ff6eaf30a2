/* gaps.h - what a forced succession leaves out of a shard's numbers.
 *
 * After a rescue (docs/flows/rescue.md) the log goes on behind the survivor's last
 * entry, where entries of the lost majority may have been acknowledged and read.
 * Their sequence numbers must never be given again: so numbers jump by GAP_STEP,
 * while the indices of the log go on without a gap.
 *
 *     index of the log           1 ... m | m + 1 ...
 *     place, as outside of it    1 ... m | m + 1 + GAP_STEP ...      rescued at m
 *
 * Places are what sequence numbers, iterators and calls between nodes have.  One
 * that lies in a gap, as a checkpoint behind a lost record does, is the first
 * place behind it.
 *
 * Plain functions.
 */
#ifndef SHARD_GAPS_H
#define SHARD_GAPS_H

#include <stdint.h>

#include "base/limits.h"
#include "shard/cursor.h"

#define GAP_STEP (UINT64_C(1) << 32)

/* The index of the place. */
uint64_t gaps_out(const struct gaps *gaps, uint64_t index);

struct position gaps_position_out(const struct gaps *gaps, struct position position);

/* The other way; a place in a gap is the first record behind it. */
struct position gaps_position_in(const struct gaps *gaps, struct position place);

#endif

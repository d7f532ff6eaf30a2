/* seal.h - the entry that ends an epoch, as bytes.
 *
 * A group's members never change while it runs.  The last entry of an epoch, its
 * SEAL, says which epoch comes next and who its members are; committed at n, it
 * ends the epoch there: what may lie behind it in the log is void.
 *
 *      0  format, 1       1       2  epoch that begins    4
 *      1  members         1       6  their node ids       8 each
 *
 * Big-endian.  Plain functions over bytes.
 */
#ifndef REPLICA_SEAL_H
#define REPLICA_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/slice.h"

struct seal {
    uint32_t epoch; /* the one that begins */
    uint32_t member_count;
    uint64_t members[GROUP_MEMBERS_MAX];
};

/* NULL when there is no memory; the caller's reference otherwise. */
struct buf *seal_encode(const struct seal *seal);

/* False when no node makes such a SEAL: format, epoch or members out of range, a member twice. */
bool seal_decode(struct seal *seal, struct slice bytes);

bool seal_has(const struct seal *seal, uint64_t node);

#endif

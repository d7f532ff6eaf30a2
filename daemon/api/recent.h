/* recent.h - things that count for a while, found by two numbers.
 *
 * One that is over is like one that is not there: it is forgotten when there are
 * many, so that adding one costs the same however long a node runs.
 *
 * An engine: no I/O, the time is given.
 */
#ifndef API_RECENT_H
#define API_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "base/err.h"

struct recent_key {
    uint64_t kind, about;
};

/* The first member of what is remembered. */
struct recent {
    UT_hash_handle hh;
    struct recent_key key;
};

/* Zeroed: none. */
struct recents {
    struct recent *by_key;
    uint32_t count;
    uint32_t swept; /* so many there may be before those that are over are looked for again */
};

typedef bool (*recent_over_fn)(const struct recent *recent, uint64_t now);

void recents_fini(struct recents *recents);

/* NULL: there is none. */
struct recent *recents_find(const struct recents *recents, const struct recent_key *key);

/* Another one, of `bytes`, zeroed but for its key.  `over` tells which are over `now`.
 * ERR_BUSY: there are `most` that are not.  ERR_NO_MEMORY. */
MUST_CHECK enum err recents_add(struct recents *recents, const struct recent_key *key,
                                size_t bytes, uint32_t most, recent_over_fn over, uint64_t now,
                                struct recent **ret);

#endif

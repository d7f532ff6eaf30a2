/* grants.h - whose subscription of a shard is the present one, as its leader knows.
 *
 * A consumer has one subscription of a shard.  A new one is refused for
 * GRANT_HOLD_MS after the last was granted, then it takes over; the old one
 * hears of it when it is renewed, which it is every SUBSCRIPTION_RENEW_MS.  A
 * new leader knows nothing: it takes what is renewed there, the youngest of two.
 *
 * An engine: no I/O, the time is given.
 */
#ifndef API_GRANTS_H
#define API_GRANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/recent.h"
#include "base/err.h"

struct grant_ask {
    uint64_t group, consumer, token;
    bool renews;
    uint32_t age_ms; /* of one that is renewed */
    uint32_t calls_per_s; /* that the leader allows for one; 0: no limit */
};

/* `grants` begin zeroed, and end with recents_fini().
 * ERR_EXISTS     another one is the present one
 * ERR_BUSY       `throttled`: called for more often than `calls_per_s`; else GRANTS_MAX of them
 * ERR_NO_MEMORY */
MUST_CHECK enum err grants_take(struct recents *grants, const struct grant_ask *ask,
                                uint64_t now_ms, bool *throttled);

#endif

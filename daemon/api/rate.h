/* rate.h - how often something may be done in a second, for many things at once.
 *
 * A second's worth may come at once; what is not used for a second is lost.
 *
 * An engine: no I/O, the time is given.
 */
#ifndef API_RATE_H
#define API_RATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct rate_key {
    uint64_t kind, about;
};

struct rate {
    UT_hash_handle hh;
    struct rate_key key;
    uint64_t used_us; /* until then it has been done for often enough, at that rate */
};

/* Zeroed: none. */
struct rates {
    struct rate *by_key;
    uint32_t count;
    uint32_t swept; /* so many there may be before those at rest are looked for again */
};

void rates_fini(struct rates *rates);

/* Whether it may be done now, `per_s` > 0 times a second; if so it is counted.  What there is no
 * memory for, or no room (RATES_MAX), may always be done. */
bool rates_take(struct rates *rates, struct rate_key key, uint32_t per_s, uint64_t now_ms);

#endif

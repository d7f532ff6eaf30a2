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

#include "api/recent.h"

/* `rates` begin zeroed, and end with recents_fini().  Whether it may be done now, `per_s` > 0 times
 * a second; if so it is counted.  What there is no memory for, or no room (RATES_MAX), may always
 * be done. */
bool rates_take(struct recents *rates, struct recent_key key, uint32_t per_s, uint64_t now_ms);

#endif

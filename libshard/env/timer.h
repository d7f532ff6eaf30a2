/* timer.h - one call, later.
 *
 * Embedded in its owner and zeroed before first use.  Same thread and same two
 * worlds as clock.h.
 */
#ifndef ENV_TIMER_H
#define ENV_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "env/clock.h"

struct timer;
typedef void (*timer_cb)(struct timer *timer);

struct timer {
    timer_cb cb;
    uint64_t due_ns;
    uint64_t order;     /* private: equal times fire in the order of their starts */
    uint32_t heap_at;   /* private: place in the clock's heap + 1, 0 when stopped */
    struct clock *clock; /* private */
};

/* Fires `cb` once, `after_ms` from now at the earliest.  Running: it starts anew. */
void timer_start(struct clock *clock, struct timer *timer, uint64_t after_ms, timer_cb cb);

/* It will not fire any more; legal when it is not running. */
void timer_stop(struct timer *timer);

static inline bool timer_running(const struct timer *timer)
{
    return timer->heap_at != 0;
}

#endif

/* turn.h - what both worlds' clocks have in common: a heap of timers and the
 * calls that wait for the end of the turn.
 *
 * Each world's `struct clock` embeds one and hands it out with clock_turn();
 * turn.c builds timer_start(), timer_stop(), defer_run(), defer_cancel() and
 * clock_mono_ms() on it.  What is left to a world: clock_mono_ns(),
 * clock_wall_ms(), clock_turn(), and when to call turn_fire() and turn_settle().
 *
 *     wake up -> sockets and disk -> turn_fire(now) -> turn_settle() -> sleep
 *                                                      until turn_due_ns()
 *
 * Loop thread only.  Timers and deferred calls are embedded in their owners; the
 * heap of pointers to timers is the only allocation.
 */
#ifndef ENV_TURN_H
#define ENV_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "env/clock.h"
#include "env/timer.h"

#define TURN_NEVER UINT64_MAX

struct turn {
    struct timer **heap; /* by (due_ns, order), the earliest first */
    size_t count;
    size_t room;
    uint64_t starts;    /* timers started so far: the next one's order */
    struct list defers; /* of struct defer, in the order of the calls */
};

void turn_init(struct turn *turn);

/* Timers that run are stopped, deferred calls are dropped. */
void turn_fini(struct turn *turn);

/* Each world's own: the turn inside its clock. */
struct turn *clock_turn(struct clock *clock);

/* When the earliest timer fires; TURN_NEVER when none runs. */
uint64_t turn_due_ns(const struct turn *turn);

/* Runs the timers that are due at `now_ns`, in order.  One that is started meanwhile waits for
 * the next call, even if it is due at once.  True when any ran. */
bool turn_fire(struct turn *turn, uint64_t now_ns);

/* Runs the deferred calls in order, those that they defer too, up to TURN_ROUNDS_MAX
 * generations.  True when some wait still: then the loop must not sleep. */
bool turn_settle(struct turn *turn);

#endif

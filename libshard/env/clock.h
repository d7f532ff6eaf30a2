/* clock.h - the time of one node, its timers and the end of its turns.
 *
 * A turn is one round of the node's loop: everything that the sockets, the
 * disk and the timers had to say is handled, then the deferred calls run, then
 * the loop sleeps.  One loop thread calls everything here.
 *
 * Two worlds implement this header: the daemon on libuv (clock_uv.c), the
 * simulator on virtual time (tests/sim).  Which one is decided at link time.
 */
#ifndef ENV_CLOCK_H
#define ENV_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct clock;

/* Nanoseconds since some fixed moment; never goes back.  Constant within a turn. */
uint64_t clock_mono_ns(struct clock *clock);

/* As clock_mono_ns(), in milliseconds. */
uint64_t clock_mono_ms(struct clock *clock);

/* Milliseconds since 1970; may jump in both directions. */
uint64_t clock_wall_ms(struct clock *clock);

/* A call at the end of this turn: the way to call back without calling from
 * inside the call that was made.  Embedded in its owner. */
struct defer;
typedef void (*defer_cb)(struct defer *defer);

struct defer {
    struct list_node link; /* private */
    defer_cb cb;
};

/* Runs `cb` once, after the present callback returned and before the loop
 * sleeps.  In the order of the calls.  Already waiting: nothing changes. */
void defer_run(struct clock *clock, struct defer *defer, defer_cb cb);

/* Takes it back; legal when nothing waits. */
void defer_cancel(struct defer *defer);

static inline bool defer_waits(const struct defer *defer)
{
    return list_linked(&defer->link);
}

#endif

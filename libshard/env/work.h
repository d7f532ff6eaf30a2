/* work.h - jobs that would hold the loop too long, or that block.
 *
 * The job runs on another thread (in the simulator: as an event of its own) and
 * must touch nothing but what its owner set aside for it.  Then `done` runs on
 * the loop thread.
 */
#ifndef ENV_WORK_H
#define ENV_WORK_H

#include "base/list.h"

struct work_pool;
struct work;
typedef void (*work_fn)(struct work *work);
typedef void (*work_cb)(struct work *work);

/* Embedded in its owner, which must live until `done` has run. */
struct work {
    struct list_node link; /* private */
    work_fn run;
    work_cb done;
    struct work_pool *pool; /* private */
};

/* Runs `run` elsewhere and `done` here afterwards, never from inside this call.
 * Jobs may overtake each other. */
void work_start(struct work_pool *pool, struct work *work, work_fn run, work_cb done);

#endif

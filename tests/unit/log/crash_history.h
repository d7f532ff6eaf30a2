/* crash_history.h - what a log must be after its process died: a moment of its history.
 *
 * One history is played on the real disk and tables (test_crash.c, killed with SIGKILL) and on the
 * simulated ones (crash_sim.c): what the one may leave behind, the other must allow.
 *
 *     history_step()    one random operation; now and then a turn of the loop, a save
 *     history_check()   opens what is left: all that was durable is there, in a state that the log
 *                       was in at that time or later; every entry is read
 */
#ifndef TESTS_LOG_CRASH_HISTORY_H
#define TESTS_LOG_CRASH_HISTORY_H

#include "fixture.h"

#define HISTORY_TURNS_MAX 4096u

struct history {
    struct random random;
    uint32_t ops;     /* that were done */
    uint32_t durable; /* of them are durable, for sure */
    uint64_t said;    /* the turn that `durable` is of */
    uint32_t ops_by_turn[HISTORY_TURNS_MAX];
};

void history_init(struct history *history, const struct node *node, uint64_t seed);
void history_step(struct history *history, struct node *node);

/* `node` is closed and its model as it was before the history of `seed` began. */
void history_check(struct node *node, uint64_t seed, uint32_t durable);

#endif

/* leaders.h - which groups a leader should hand over to the member that is preferred: an engine.
 *
 * Placement spreads the preferred members over the nodes (catalog/placement.h), so a group that is
 * led by its preferred member is where it belongs.  After a node was away its groups are led by
 * others; each of those hands back, when it is sure that the node is back for good.
 *
 * Hysteresis: the preferred member must have been up for CONTROL_LEADERS_CALM_MS without a break,
 * and a group that was tried is left alone for CONTROL_LEADERS_RETRY_MS, whatever came of it: what
 * the elections take away again, or what cannot be handed over, does not go to and fro.
 *
 * balance.c feeds it.  Plain memory, no allocation.
 */
#ifndef CONTROL_LEADERS_H
#define CONTROL_LEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

/* All that can have been tried in the time that tries are remembered: looks are at least
 * CONTROL_LEADERS_EVERY_MS apart. */
#define LEADERS_TRIES_MAX                                                                          \
    (CONTROL_LEADERS_AT_ONCE * (CONTROL_LEADERS_RETRY_MS / CONTROL_LEADERS_EVERY_MS + 1))

struct leaders_try {
    uint64_t group; /* 0: none yet */
    uint64_t target;
    uint64_t at_ms; /* monotonic, as all times here */
};

/* Zeroed: nothing was tried. */
struct leaders {
    struct leaders_try tries[LEADERS_TRIES_MAX]; /* a ring */
    uint32_t next;
};

/* A group as this node sees it. */
struct leaders_group {
    uint64_t group;
    uint64_t self, preferred; /* node ids; 0: nobody is better than this node */
    bool leads;               /* this node leads it, and takes proposals */
    bool leaves;              /* this node is to lead nothing: it need not be sure */
    bool up;                  /* the preferred member is, */
    uint64_t up_ms;           /* since then */
};

/* Whether this node should try to hand the group over now. */
bool leaders_should_move(const struct leaders *leaders, const struct leaders_group *group,
                         uint64_t now_ms);

/* It was tried to hand it to `target`. */
void leaders_tried(struct leaders *leaders, uint64_t group, uint64_t target, uint64_t now_ms);

/* Whom it was tried with last, of the tries that are remembered; 0: none. */
uint64_t leaders_tried_with(const struct leaders *leaders, uint64_t group);

#endif

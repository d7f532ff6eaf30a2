/* absence.h - since when nodes are down, as this node has seen it: an engine.
 *
 *     absence_look(node, up, now) for each node, every now and then
 *     absence_ms(node, now)    how long it has been down without a break; 0 = it is up
 *
 * Time counts from the first look that found the node down, so that nobody is held to be away for
 * longer than this node has been looking.  Who takes over the catalogue forgets what it has seen:
 * its predecessor may have been right, but it cannot know.
 *
 * Plain memory, no allocation.
 */
#ifndef CONTROL_ABSENCE_H
#define CONTROL_ABSENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct absence_node {
    uint64_t node;
    uint64_t since_ms; /* monotonic */
    bool said;         /* that it is given up */
};

/* Zeroed: nobody is known to be down. */
struct absence {
    struct absence_node nodes[NODE_ROWS_MAX]; /* those that are down */
    uint32_t count;
};

/* When more than NODE_ROWS_MAX are down the last ones are not noted, as if they were up. */
void absence_look(struct absence *absence, uint64_t node, bool up, uint64_t now_ms);

/* At least 1 for a node that was found down. */
uint64_t absence_ms(const struct absence *absence, uint64_t node, uint64_t now_ms);

/* True once in an absence, for who says something about it; false when the node is up. */
bool absence_say(struct absence *absence, uint64_t node);

/* The node is no part of the cluster any more. */
void absence_forget(struct absence *absence, uint64_t node);

#endif

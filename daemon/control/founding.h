/* founding.h - who founds a cluster, and who holds its catalogue: a pure function.
 *
 * A cluster is founded only when every seed that is listed answers, each a
 * different node, and none belongs to a cluster.  So a node that lost its disk
 * can never found a second one: it is one of the seeds, and the others answer
 * "we belong to one".  The seed with the lowest id decides; all of them come to
 * the same conclusion, whoever asks.
 *
 * When all seeds have lost their disks, nodes that no list of seeds names may
 * hold the cluster: they call (guide.c), as soon as they notice that their old
 * neighbours listen again.  So whoever decides waits for that long first.
 */
#ifndef CONTROL_FOUNDING_H
#define CONTROL_FOUNDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

#define FOUNDING_MEMBERS_MAX 3u /* one of three may fail */

struct founding_seed {
    bool answered;
    uint64_t node;
    uint64_t cluster; /* 0: none */
    const char *name, *az;
};

enum founding {
    FOUNDING_WAIT,  /* not every seed has answered, or one belongs to a cluster */
    FOUNDING_OURS,  /* this node decides; members are set */
    FOUNDING_THEIRS /* another one will */
};

/* `members` are up to FOUNDING_MEMBERS_MAX seeds: over distinct AZs first, in the order of their
 * names. */
enum founding founding_decide(const struct founding_seed seeds[], uint32_t seed_count,
                              uint64_t self, uint64_t members[GROUP_MEMBERS_MAX],
                              uint32_t *member_count);

/* How long it has been this node that decides, with all seeds there: zeroed at the start, and when
 * one of them goes. */
struct founding_wait {
    bool waiting;
    uint64_t since_ms, looked_ms;
};

/* Whether that is `wait_ms` or more at this look.  A look that comes much later than the one
 * before, as that of a process that stood still, begins the wait anew: calls that came meanwhile
 * are not read yet. */
bool founding_waited(struct founding_wait *wait, uint64_t now_ms, uint64_t wait_ms);

#endif

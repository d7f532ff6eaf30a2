/* founding.h - who founds a cluster, and who holds its catalogue: a pure function.
 *
 * A cluster is founded only when every seed that is listed answers, each a
 * different node, and none belongs to a cluster.  So a node that lost its disk
 * can never found a second one: it is one of the seeds, and the others answer
 * "we belong to one".  The seed with the lowest id decides; all of them come to
 * the same conclusion, whoever asks.
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

#endif

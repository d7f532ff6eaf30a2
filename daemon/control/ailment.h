/* ailment.h - what keeps a node from leading as well as others could: an engine.
 *
 *     clock   its clock is off the majority's by CONTROL_CLOCK_OFF_MS or more: what it would
 *             lead gets wrong times
 *     full    its log has no room: what it would lead takes no puts
 *     slow    a write of its log takes CONTROL_SLOW_US or more, and CONTROL_SLOW_TIMES what it
 *             takes on the others; or one hangs
 *
 * A node that ails gives up what it leads to members that are well (ailing.c), and is given nothing
 * before it is well again.
 *
 * Hysteresis: an ailment begins when it has been seen for its time without a break, and ends when
 * less than half of it has been seen for CONTROL_WELL_AFTER_MS; twice as long each time that it
 * comes back within CONTROL_RELAPSE_MS.  A write that is under way for less than CONTROL_SLOW_US
 * says nothing of a disk whose other writes are fast.  A look that cannot tell (nothing was
 * written) changes nothing.
 *
 * Plain memory, no allocation.
 */
#ifndef CONTROL_AILMENT_H
#define CONTROL_AILMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

/* Of two the lower number is said, but a wrong clock before all.  The numbers are on the wire. */
enum ailment { AILMENT_NONE = 0, AILMENT_FULL = 1, AILMENT_SLOW = 2, AILMENT_CLOCK = 3 };
#define AILMENTS 4u

/* What one look finds. */
struct ailment_sight {
    bool full;
    uint64_t write_us, peers_us; /* what a write takes, here and on the others; 0: not known */
    uint64_t hangs_us;           /* the write under way has been so for this long */
    uint64_t off_ms;             /* how far this clock is off the majority's, either way */
    uint64_t off_max_ms;         /* how far it may be; 0: as far as it likes */
};

struct ailment_state {
    bool ails;
    bool counting;         /* looks say the opposite of `ails`, */
    uint64_t counting_ms;  /* since then */
    bool ended;            /* it ailed once, */
    uint64_t ended_ms;     /* until then */
    uint64_t well_after_ms;
};

/* Zeroed: nothing ails. */
struct ailments {
    struct ailment_state states[AILMENTS];
};

/* One look, of about one a second.  What ails the node now. */
enum ailment ailments_look(struct ailments *ailments, const struct ailment_sight *sight,
                           uint64_t now_ms);

/* "clock", and NULL for none; of another node's word, which may be of a newer Braid. */
const char *ailment_name(uint32_t ailment);

#define AILMENT_WRITES_MAX (CONTROL_SLOW_LOOKS + 1)

/* What writes took, look by look. */
struct ailment_writes {
    uint64_t ns[AILMENT_WRITES_MAX], counts[AILMENT_WRITES_MAX]; /* a ring of sums */
    uint32_t looks;
};

/* One look at the sums that a log counts.  What a write took on average in the last
 * CONTROL_SLOW_LOOKS looks; 0: nothing was written. */
uint64_t ailment_writes_look(struct ailment_writes *writes, uint64_t ns_sum, uint64_t count);

#endif

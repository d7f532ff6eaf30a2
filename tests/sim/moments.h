/* moments.h - faults at the very moments that matter, each with a chance of its own seed.
 *
 * A fault thrown at a random time meets a moment of some microseconds about
 * never.  So the simulated disks and tables say what they are about to do, and
 * after each event it is seen what changed in the node's log; then, once in so
 * many times, the node dies in that very event, or is cut off, or its disk
 * fails.  Which moments a seed aims at is another mixture each time.
 */
#ifndef SIM_MOMENTS_H
#define SIM_MOMENTS_H

#include "log/log.h"
#include "world.h"

enum moment {
    MOMENT_SEAL_STORED,    /* a SEAL is the last entry of a log, committed or not */
    MOMENT_SEAL_APPLIED,   /* the epoch behind it begins here */
    MOMENT_START,          /* a START was given to the log: by whom that came in, or was filled */
    MOMENT_FILL_BEGINS,    /* a START without members */
    MOMENT_FILL_GOES_ON,   /* entries came from another member */
    MOMENT_FILL_ENDS,      /* the START behind them */
    MOMENT_TRUNCATE,       /* entries of a log were taken back */
    MOMENT_VOTE,           /* term or vote changed */
    MOMENT_TRIM,           /* retention let go of entries */
    MOMENT_FILE_MADE,      /* a new segment file is there */
    MOMENT_SEGMENT_OPENED, /* a file's first block is being written, a used file's too */
    MOMENT_SEGMENT_FILED,  /* the batch of a full segment */
    MOMENT_SEGMENT_FREED,  /* the batch that forgets a segment, before its file is used again */
    MOMENT_SEGMENT_EMPTIED, /* the batch that says where the living entries of one are now */
    MOMENT_IMAGE_KEPT,     /* the catalogue's image goes to the tables */
    MOMENTS
};

/* The node is in this moment; `group` 0 = of the whole node.  May doom it. */
void moments_note(struct world *world, struct sim_node *node, enum moment moment, uint64_t group);

/* Called by the checks after each event of the node in which a state of its log may have changed:
 * before the groups are looked at, and for each that changed, in ascending order. */
void moments_look_begin(struct world *world, struct sim_node *node);
void moments_look(struct world *world, struct sim_node *node, const struct log_state *state);

/* When nothing should be new: aborts when something is. */
void moments_look_for_untold(struct world *world, struct sim_node *node);

uint64_t moments_count(const struct world *world, enum moment moment);

/* How often each came, in one line. */
void moments_report(const struct world *world);

#endif

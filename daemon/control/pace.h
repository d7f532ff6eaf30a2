/* pace.h - how fast a node gives to others while it has clients of its own: an engine.
 *
 * Every put that this node takes part in waits for its loop and its disk, and so do the entries
 * that it reads for a member that is being filled.  So while there are puts one read goes at a
 * time, and behind it comes a rest that is a multiple of what it took: whatever makes things slow,
 * clients or the disk or the processor, makes the rest longer.  What it took is the time until its
 * bytes are there, and what the loop then has to do with so many.  The multiple follows the log's
 * own writes: it grows while they take more than at other times, and shrinks to PACE_REST_MIN while
 * they do not.  It has a maximum, and so has one rest: a member that is filled comes to its end.
 *
 * What they take at other times must be known first: who has just begun gives nothing for a look or
 * two.  And it changes: when the longest rests do not help, nothing is given for a second, and
 * it is looked anew whether reads are what makes the writes slow.
 *
 *     pace_wait_ns() is 0 -> pace_begin, the read, pace_end -> pace_wait_ns() ...
 *
 * The caller gives the time (monotonic, nanoseconds).  Plain memory, no allocation.
 */
#ifndef CONTROL_PACE_H
#define CONTROL_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    uint64_t next_ns;   /* not before */
    uint64_t began_ns;  /* the read that is under way; 0: none is */
    uint64_t gave_ns;   /* the last one ended; 0: none has */
    uint64_t busy_ns;   /* clients were seen last; 0: never */
    uint64_t applied;   /* entries of live groups, at the last look */
    uint32_t rest;      /* behind a read, in parts of PACE_PART of what it took */
    uint64_t look_ns;   /* the writes were looked at last, */
    uint64_t writes, writes_ns; /* and so many had been made, in this time */
    uint64_t calm_ns;   /* what a write takes while nothing is given; 0: not known */
    uint64_t came_ns;   /* clients, after a time without */
    uint64_t most_ns;   /* rests have been the longest since then; 0: they are not */
    bool doubts;        /* nothing is given, to see what a write takes now */
};

#define PACE_PART 4u

void pace_init(struct pace *pace);

/* What has been applied in groups that are open here, and the log's writes: how many, how long all
 * of them together.  Before each of the questions below, and once a second at other times. */
void pace_look(struct pace *pace, uint64_t now_ns, uint64_t applied, uint64_t writes,
               uint64_t writes_ns);

/* Whether this node has clients: without them there is no pace, and reads go side by side. */
bool pace_has_clients(const struct pace *pace, uint64_t now_ns);

/* How long until the next read may begin; UINT64_MAX: when the one under way is over. */
uint64_t pace_wait_ns(const struct pace *pace, uint64_t now_ns);

void pace_begin(struct pace *pace, uint64_t now_ns);
/* It gave so many bytes. */
void pace_end(struct pace *pace, uint64_t now_ns, uint64_t bytes);

#endif

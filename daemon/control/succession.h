/* succession.h - how a group of this node gets from one epoch to the next.
 *
 * The catalogue's row says which epoch and members are wanted.  The leader of the
 * present epoch ends it with a SEAL (host.c asks it to); whoever applies that
 * begins the next epoch behind it.  Whoever missed it, or is new, comes in by
 * being filled up:
 *
 *     ASK    a member of the newest epoch: epoch, members, how far it has applied
 *     PULL   what it has itself above its own applied entries, to compare
 *     START  of that epoch without members, behind what is the same: from here on
 *            this node has no vote in any earlier one; what differs goes
 *     PULL   what it lacks up to there, entry by entry, each checked
 *     START  of that epoch there, with its members: the shard can be opened
 *
 * Until then it takes no part: it neither votes nor counts, so no majority ever
 * rests on a member that lacks an acknowledged entry.  docs/flows/succession.md.
 *
 * Nothing is done on hearsay: a group that is not in this node's log is filled up
 * only when the catalogue's row names this node.
 */
#ifndef CONTROL_SUCCESSION_H
#define CONTROL_SUCCESSION_H

#include "control/control_private.h"

struct seal;

void succession_open(struct control *control);
/* No callback any more; what was half filled is found again by the next start. */
void succession_close(struct control *control);

/* This node's member of `group` should reach `epoch`; `from` (a node, 0 = none) knows more. */
void succession_want(struct control *control, uint64_t group, uint32_t epoch, uint64_t from);

/* Whether the group is on its way: it must not be opened now. */
bool succession_holds(const struct control *control, uint64_t group);

/* The shard that was asked to close for it has closed. */
void succession_closed(struct control *control, uint64_t group);

/* The log is about to forget the group. */
void succession_drop(struct control *control, uint64_t group);

/* The epoch ended here at `head`: the next one begins behind it, in the log, now.  True: this node
 * is to ask for votes there at once. */
bool succession_begin(struct control *control, const struct shard *shard,
                      const struct entry_head *head, const struct seal *seal);

/* One word to another node: here the group is in this epoch. */
void succession_tell(struct control *control, uint64_t node, uint64_t group, uint32_t epoch);

/* roster_options.on_stranger. */
void succession_stranger(void *ctx, uint64_t group, uint32_t epoch, uint64_t from,
                         const struct replica *replica);

/* ---- epoch_catalog.c ---- */
/* On the catalogue's leader, now and then: who shall be in its group (voters.h). */
void epoch_catalog_look(struct control *control);
/* The model has changed.  Every node knows the members of the catalogue from it; they are kept in
 * the row "cluster" too, for greetings and for a start without an image. */
void epoch_catalog_changed(struct control *control);

/* ---- epoch_serve.c ---- */
void epoch_serve_open(struct control *control);
void epoch_serve_close(struct control *control);
/* Once a second, for the pace of what is given (pace.h). */
void epoch_serve_look(struct control *control);
/* Whether this node left the group with its SEAL applied: it has a whole copy up to there, and
 * gives it to those who go on and have not begun. */
bool epoch_serves_left(const struct control *control, uint64_t group);

#endif

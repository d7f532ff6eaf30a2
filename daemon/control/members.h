/* members.h - whose place a node takes that lost its disk: a pure function of model and up-set.
 *
 * Such a node comes back under a new id with the same name, and the model calls
 * the old id replaced.  One pass over all shards, a few rows per step:
 *
 *     members_begin -> members_step ... -> done -> members_unnamed
 *
 *     {A, B, C}, C replaced by D, D up     the row {A, B, D} in the next epoch
 *     D is not up, or a member already     nothing
 *     two members are replaced             the first now, the other in a later pass
 *     the stream is being deleted          nothing
 *
 * A row waits for the catalogue only, not for its group: gossip does not say in
 * which epoch a leader is.  So control relies on the majority of the epoch that
 * runs: its end is an entry that a majority of its members has, of whom a
 * replaced one can be none.  In a group of three that majority is two, hence
 * never more than one is new in an epoch; with two lost it has no end at all.
 *
 * No state but the look; nothing is owned.
 */
#ifndef CONTROL_MEMBERS_H
#define CONTROL_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "catalog/change.h"

struct members_lost {
    uint64_t node;  /* replaced */
    uint64_t comer; /* who takes its place: of its name, not replaced, up; 0 = nobody yet */
    bool named;     /* by a shard that this pass has seen */
    bool kept;      /* by the catalogue's own group */
};

struct members_look {
    uint64_t after; /* the group that was looked at last */
    bool done;      /* all shards were looked at, or no node is replaced */
    struct change_members rows[CATALOG_MEMBERS_ROWS_MAX]; /* what the last step found */
    uint32_t row_count;
    /* private */
    struct members_lost lost[NODE_ROWS_MAX];
    uint32_t lost_count;
};

/* Who takes the place of `lost`: the node of its name that is up and not replaced; 0 = nobody. */
uint64_t members_comer(const struct model *model, uint64_t lost, change_up_fn up, void *ctx);

/* `kept`: members of the catalogue's own group, which the model does not know. */
void members_begin(struct members_look *look, const struct model *model, const uint64_t kept[],
                   uint32_t kept_count);

/* Up to CONTROL_LOOKS_PER_TURN shards, fewer when `rows` is full. */
void members_step(struct members_look *look, const struct model *model, change_up_fn up,
                  void *ctx);

/* After a whole pass: a replaced node that nothing names, whose row may go; 0 = none. */
uint64_t members_unnamed(const struct members_look *look);

#endif

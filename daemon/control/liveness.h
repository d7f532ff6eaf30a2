/* liveness.h - who is up, who leads what, and what time it is: what other nodes said, kept.
 *
 * An engine: words and link events go in with the time they came, answers come
 * out.  gossip.c feeds it.  Each node says every second (and when it changes)
 * which groups it leads in which term, its clock, and how far it has applied the
 * catalogue.
 *
 *     link up, a word             up
 *     its process is gone, or it says that it stops     down at once
 *     silent for CONTROL_SILENT_MS                      down
 *     it says that it is leaving                        up, but nothing is given to it any more
 *     it says that it ails (ailment.h)                  up, but it is given nothing to lead
 *
 * Of two that claim to lead a group the higher term is right; who is down leads
 * nothing.  Memory: the lists of each node, freed by liveness_fini().
 */
#ifndef CONTROL_LIVENESS_H
#define CONTROL_LIVENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

/* What a node says of itself. */
struct liveness_word {
    uint64_t wall_ms;
    uint64_t boot;
    uint64_t catalog_index; /* applied; */
    uint64_t catalog_saved; /* and durably so */
    uint64_t catalog_token; /* model_token() */
    bool stopping;
    bool leaving;                   /* it is about to stop, and hands over what it leads */
    const uint64_t *groups, *terms; /* that it leads, ascending by group */
    const uint64_t *whole; /* likewise: up to where all members have the entries; NULL: not said */
    size_t group_count;
    const uint64_t *open; /* groups of streams in CREATING or DELETING that it has open */
    size_t open_count;
    /* Groups whose row names this node and that it has not open in the row's epoch, and those that
     * it has open although the row does not name it. */
    const uint64_t *moving;
    size_t moving_count;
    /* Groups that have ended and do not rest, and that it has up to the END. */
    const uint64_t *ended;
    size_t ended_count;
    /* Of what it leads, groups that are to be split, and that may be merged (scale.h). */
    const uint64_t *hot, *quiet;
    size_t hot_count, quiet_count;
    bool full; /* its log has no room */
    uint32_t ails;     /* enum ailment, or one that only a newer Braid knows; 0: it is well */
    uint64_t write_us; /* what a write of its log takes now; 0: not known */
    uint32_t knows;    /* up to this cluster version */
};

struct liveness_node {
    uint64_t id;
    bool heard, gone, told; /* told: `word` is set */
    uint64_t heard_ms;      /* monotonic, as all times here but wall_ms */
    uint64_t up_ms;         /* up since then, if it is */
    uint64_t well_ms;       /* it has said since then that it is well, if it is */
    uint64_t word_ms;
    struct liveness_word word; /* its lists belong to this node */
};

struct liveness {
    uint64_t self;
    uint32_t count;
    struct liveness_node nodes[CONTROL_PEERS_MAX];
};

void liveness_init(struct liveness *liveness, uint64_t self);
void liveness_fini(struct liveness *liveness);

/* A link to the node came up, or its process is known to be gone. */
void liveness_up(struct liveness *liveness, uint64_t node, uint64_t now_ms);
void liveness_gone(struct liveness *liveness, uint64_t node);

/* The node said something; it is copied.  ERR_INVALID: its lists break a rule.  ERR_BUSY: too many
 * nodes.  ERR_NO_MEMORY.  It counts as heard in any case but ERR_BUSY. */
MUST_CHECK enum err liveness_told(struct liveness *liveness, uint64_t node, uint64_t now_ms,
                                  const struct liveness_word *word);

/* This node itself is always up. */
bool liveness_is_up(const struct liveness *liveness, uint64_t node, uint64_t now_ms);

/* Up, and not leaving: leaders and replicas may be given to it.  This node itself: always. */
bool liveness_stays(const struct liveness *liveness, uint64_t node, uint64_t now_ms);

/* Whether it stays, and since when it is up without a break: no silence, no other process.  This
 * node: since 0. */
bool liveness_stays_since(const struct liveness *liveness, uint64_t node, uint64_t now_ms,
                          uint64_t *since_ms);

/* Whether leaders may be given to the node: it stays, and is well; and since when.  This node:
 * since 0. */
bool liveness_leads_since(const struct liveness *liveness, uint64_t node, uint64_t now_ms,
                          uint64_t *since_ms);

/* Which other node leads the group, by what was said; 0 = nobody known. */
uint64_t liveness_leader(const struct liveness *liveness, uint64_t group, uint64_t now_ms);

/* What the same node said: all members of the group have the entries up to there; 0 = nothing. */
uint64_t liveness_whole(const struct liveness *liveness, uint64_t group, uint64_t now_ms);

/* The last word of a node, NULL when it has said none. */
const struct liveness_word *liveness_word_of(const struct liveness *liveness, uint64_t node);

/* Whether the node's last word lists the group as open. */
bool liveness_has_open(const struct liveness *liveness, uint64_t node, uint64_t group);

/* Whether the node's last word lists the group as one that it comes into, or leaves. */
bool liveness_moves(const struct liveness *liveness, uint64_t node, uint64_t group);

/* Whether the node's last word lists the group as one that has ended. */
bool liveness_has_ended(const struct liveness *liveness, uint64_t node, uint64_t group);

/* Whether the node's last word lists the group as one to be split, or as one that may be merged. */
bool liveness_has_hot(const struct liveness *liveness, uint64_t node, uint64_t group);
bool liveness_has_quiet(const struct liveness *liveness, uint64_t node, uint64_t group);

/* What a write takes on the other nodes that are up and know it: the median, the lower one of two;
 * 0: no other knows. */
uint64_t liveness_write_us(const struct liveness *liveness, uint64_t now_ms);

/* By how much this node's clock is off those of the majority: of all that were heard in the last
 * CONTROL_CLOCK_MS the one in the middle, and 0 between the two in the middle.  Positive: it is
 * ahead.  0 too while those that were heard are no majority of `count`. */
int64_t liveness_clock_off_ms(const struct liveness *liveness, const uint64_t nodes[],
                              uint32_t count, uint64_t wall_ms, uint64_t now_ms);

/* The earliest clock of those nodes of `nodes` that were heard in the last CONTROL_CLOCK_MS, this
 * node's own `wall_ms` included; 0 when they are no majority of `count`. */
uint64_t liveness_agreed_ms(const struct liveness *liveness, const uint64_t nodes[], uint32_t count,
                            uint64_t wall_ms, uint64_t now_ms);

#endif

/* history.h - what happened, and whether it was allowed to.
 *
 * Facts are noted as they come and are never forgotten:
 *
 *     the entry at each (group, index) that any node applied: term, checksum
 *     the leader of each (group, term)
 *     the catalogue's model at each of its indices
 *     each value that a client put: acknowledged where, refused, or unknown
 *
 * A second opinion about a fact is a violation and ends the run.  At the end
 * every replica's records are compared with what was acknowledged.
 */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ensure.h"
#include "catalog/model.h"
#include "log/entry.h"
#include "shard/cursor.h"
#include "shard/gaps.h"
#include "world.h"

struct history;

enum value_state {
    VALUE_PENDING, /* no answer: may appear once */
    VALUE_ACKED,   /* must appear, where the answer said */
    VALUE_REFUSED  /* the answer proves that nothing was stored: must never appear */
};

/* Values may be missing at the end when they were put longer than `keep_ns` ago; 0 = never. */
struct history *history_new(struct world *world, uint64_t keep_ns);
void history_free(struct history *history);

/* `node` applied this entry. */
void history_applied(struct history *history, struct sim_node *node, const struct entry_head *head);

/* Where an entry stands in the order of all numbers that its group ever gives: a rescue raises the
 * epoch, and the indices begin again behind the survivor's last one. */
static inline uint64_t sim_place(uint32_t epoch, uint64_t index)
{
    return index + (epoch / MODEL_RESCUE_EPOCHS) * GAP_STEP;
}

/* A place for the group in tables of SIM_GROUPS_MAX: a rescue of the catalogue lets the ids of
 * groups jump. */
#define SIM_GROUPS_MAX 1024u
static inline uint64_t sim_slot(uint64_t group)
{
    uint64_t history = group / MODEL_RESCUE_INDEX, at = group % MODEL_RESCUE_INDEX;

    ensure(history == 0 ? at < SIM_GROUPS_MAX - 4 * 64 : history <= 4 && at < 64);
    return history == 0 ? at : SIM_GROUPS_MAX - history * 64 + at;
}

/* Before history_rescued(), for each entry of the survivor that it does not know committed: when it
 * is another one than the lost majority applied there, that one is lost, and this counts. */
void history_survives(struct history *history, const struct entry_head *head);

/* The group goes on from a survivor that has nothing behind this place: what was acknowledged there
 * until now is lost, and must stay so. */
void history_rescued(struct history *history, uint64_t group, uint64_t place);

/* Some node has applied the group's entries up to here; the highest such entry. */
void history_reached(struct history *history, uint64_t group, uint64_t index);
uint64_t history_reach(const struct history *history, uint64_t group);

/* `node` leads the group in this term: it has said so, or takes proposals.  Who was elected, and
 * forgets that before it says anything, was not. */
void history_leads(struct history *history, struct sim_node *node, uint64_t group, uint32_t epoch,
                   uint64_t term);

/* `node`'s model of the cluster at this index of the catalogue. */
void history_model(struct history *history, const struct sim_node *node, uint64_t index,
                   uint64_t digest);

/* A client begins to put its next value; counters of a client start at 1 and go up by one. */
void history_put(struct history *history, uint32_t client, uint64_t counter);
void history_refused(struct history *history, uint32_t client, uint64_t counter);

/* Acknowledged at this place.  `in_time`: before the client began its next put; then it must lie
 * behind all earlier ones of the client that were acknowledged in time. */
struct history_place {
    uint64_t group, index;
    uint32_t ordinal;
};
void history_acked(struct history *history, uint32_t client, uint64_t counter,
                   struct history_place place, bool in_time);

/* A reader got this value at this place: must agree with all other readers and with the
 * acknowledgement.  Returns false for bytes that no client ever put. */
void history_read(struct history *history, struct sim_node *node, uint64_t group, uint64_t index,
                  uint32_t ordinal, uint32_t client, uint64_t counter);

/* A read went from one position to the other: what history_read() is told between the two calls
 * must be all that was acknowledged in entries that it passed whole. */
void history_pass_begin(struct history *history, uint64_t group, struct position from,
                        struct position next);
void history_pass_end(struct history *history, const struct sim_node *node);

/* Begins a full read of one group on one node, which must then deliver everything in order. */
void history_scan_begin(struct history *history, struct sim_node *node, uint64_t group);
void history_scan_end(struct history *history, struct sim_node *node, uint64_t group);

/* Whether something that was acknowledged in the group, from this index on, must still be there. */
bool history_keeps(const struct history *history, uint64_t group, uint64_t from);

struct history_counts {
    uint64_t puts, acked, refused, pending, reads, applied, leaders, facts;
    uint64_t lost; /* of acked, by rescues */
};
struct history_counts history_counts(const struct history *history);

/* The newest entry of the group in which something was acknowledged; 0 = none. */
uint64_t history_newest(const struct history *history, uint64_t group);

/* `node` said that entry `index` comes next, when `newest` had been acknowledged before it was
 * asked. */
void history_tip(struct history *history, const struct sim_node *node, uint64_t group,
                 uint64_t index, uint64_t newest);

/* Acknowledged values of one group. */
uint64_t history_acked_in(const struct history *history, uint64_t group);

#endif

/* roster.h - the replicas of this node: one ticker, one way in, one way out.
 *
 * Thousands of groups share one timer, one log, one connection per peer.  The
 * roster finds the replica a message is for, drives all of them with one tick,
 * lets messages leave only when what they promise is durable (F7, output
 * commit), sends everything for one peer as few frames as possible, and reacts
 * when a peer's process is known to be gone: the groups that it led elect at
 * once.
 *
 * A node whose log ends before a turn that a peer heard was durable has
 * forgotten what it promised (replica/witness.h, S8).  The roster says nothing
 * any more then, hears nothing, and says so to its owner.  After a start with a
 * log nothing is taken part in until all other members of a group have spoken
 * once, are known to be gone, or have been silent for 2 T.
 */
#ifndef REPLICA_ROSTER_H
#define REPLICA_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/note.h"
#include "env/clock.h"
#include "env/net.h"
#include "env/random.h"
#include "log/log.h"

struct roster;
struct replica;

struct roster_options {
    uint64_t node;                /* id of this node */
    uint64_t boot;                /* changes with each start of its process; not 0 */
    uint32_t election_timeout_ms; /* T; members wait between T and 2T */
    uint32_t heartbeat_ms;
    uint32_t tick_ms;             /* at most half of heartbeat_ms */
    size_t payload_cache_bytes;   /* payloads that are not applied yet are held beyond it */
    uint32_t trailing_entries;    /* applied heads that libraft keeps; 0 = RAFT_TRAILING_ENTRIES.  A
                                   * test's groups have few more */
    /* Once: this node must never take part under its id again.  Make that durable, then stop the
     * process; `reason` says what to do. */
    void (*on_forgotten)(void *ctx, const struct reason *reason);
    /* A peer speaks of a group in an epoch that is not the one of the replica here, or of a group
     * that is not open here (then `replica` is NULL): it is behind, or this node is.  What it said
     * was dropped.  May be NULL; runs often, from inside the net's call. */
    void (*on_stranger)(void *ctx, uint64_t group, uint32_t epoch, uint64_t from,
                        const struct replica *replica);
    /* This node leads the group, and `node`, a member, lacks entries that its log has no more: it
     * can only come into a later epoch.  Said once in FEED_NOTE_MS while it is so.  May be NULL. */
    void (*on_behind)(void *ctx, uint64_t group, uint32_t epoch, uint64_t node);
    void *ctx;
};

struct roster_world {
    struct clock *clock;
    struct random *random;
    struct net *net;
    struct log *log;
    struct note *note; /* may be NULL */
};

/* A roster without replicas; registers itself for NET_RAFT and for links' ups and downs. */
MUST_CHECK enum err roster_open(struct roster **ret, const struct roster_options *options,
                                const struct roster_world *world);

/* All replicas must be closed. */
void roster_close(struct roster *roster);

/* From now on no member here asks for votes: this node is about to stop.  It still votes for
 * others, and what it leads it goes on leading (replica_transfer() hands it over). */
void roster_retire(struct roster *roster);

/* Whether this node should lead nothing if others can (control/ailment.h).  Its members wait
 * longest before they ask for votes, and what is handed over waits TRANSFER_AILING_MS for this
 * node's own disk; then it goes without, if the member it goes to has all of it. */
void roster_ail(struct roster *roster, bool ails);

/* The last turn of its log that `node` ever said was durable, to this process; 0 = none. */
uint64_t roster_heard(const struct roster *roster, uint64_t node);

/* To be called from log_options.on_durable. */
void roster_durable(struct roster *roster, uint64_t turn);

/* NULL when this node has no open replica of the group. */
struct replica *roster_find(const struct roster *roster, uint64_t group);

/* In ascending order of groups; start with after = 0, NULL at the end.  O(log n). */
struct replica *roster_next(const struct roster *roster, uint64_t after);

/* The one at this place of that order, from 0 on; NULL behind the last one.  O(1). */
struct replica *roster_at(const struct roster *roster, size_t place);

/* Goes up whenever a replica comes or goes, or another replica_glance() is to be had of one. */
uint64_t roster_changes(const struct roster *roster);

/* The group of one of the newest ROSTER_CHANGES_KEPT of them: `change` is from 1 to
 * roster_changes(). */
#define ROSTER_CHANGES_KEPT 16u
uint64_t roster_changed(const struct roster *roster, uint64_t change);

struct roster_figures {
    uint64_t replicas, leaders, elections, proposals, applied_entries;
    uint64_t messages_sent, messages_received, frames_sent, messages_parked;
    uint64_t fed_entries, fed_bytes;   /* sent from the log to followers that were behind, F14 */
    uint64_t reopened;                 /* replicas that became UNAVAILABLE, F9 */
    uint64_t dropped_messages;
    uint64_t transfers, transfers_failed; /* leaderships handed over on purpose */
    uint64_t refused_entries;          /* messages with entries that the log had no room for, F21 */
};
struct roster_figures roster_figures(const struct roster *roster);

#endif

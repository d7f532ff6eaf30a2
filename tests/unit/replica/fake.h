/* fake.h - a cluster in one process, as far as replica/ can see: virtual time, a
 * net that delays and loses, a log in memory whose writes become durable later.
 *
 * Nothing here proves what a crash does: that is the simulator's.  Here each
 * rule is seen alone.
 */
#ifndef TESTS_UNIT_REPLICA_FAKE_H
#define TESTS_UNIT_REPLICA_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "env/turn.h"
#include "log/log.h"
#include "replica/replica.h"
#include "replica/roster.h"

#define FAKE_NODES_MAX 5u
#define FAKE_GROUPS_MAX 40u
#define FAKE_ENTRIES_MAX 6000u
#define FAKE_T 500u
#define FAKE_BEAT 100u

struct fake_node;

struct clock {
    struct turn turn;
    struct fake_node *node;
};

struct net {
    struct fake_node *node;
    net_message_cb on_raft;
    void *ctx;
    net_event_cb listener;
    void *listener_ctx;
};

struct fake_group {
    struct log_state state; /* state.group == 0: none */
    struct entry_head *heads;
    struct buf **payloads; /* by index */
};

/* Something that was given to the log and is not on its disk yet. */
struct fake_write {
    struct list_node link;
    uint64_t turn, group;
    enum { WRITE_ENTRY, WRITE_CUT, WRITE_HARD, WRITE_APPLIED } kind;
    struct entry_head head;
    struct buf *payload;
    uint64_t index, term, vote;
};

struct log {
    struct fake_node *node;
    struct fake_group groups[FAKE_GROUPS_MAX];
    struct fake_group disk[FAKE_GROUPS_MAX]; /* what a power loss leaves */
    struct list writes;
    uint64_t turn, durable;   /* gathering, durable */
    uint64_t found;           /* what a start finds durable */
    uint64_t write_done_ms;   /* 0 = nothing is being written */
    uint64_t write_turn;
    uint64_t reads_take_ms; /* more than one */
    bool gathered, stalled, full;
    size_t room_bytes; /* most that it says to have room for; 0 = any */
    uint64_t reads;
    uint32_t reading, reading_most; /* at once */
};

/* What an owner heard of one replica. */
struct fake_owner {
    struct replica *replica;
    uint64_t group;
    struct fake_node *node;
    enum replica_role role;
    uint64_t leader, applied;
    uint64_t applied_count, roles, payloads_missing;
    struct entry_head heads[FAKE_ENTRIES_MAX]; /* by index */
    bool closed;
    struct proposal proposal;
    bool proposed, settled;
    enum err settled_err;
    uint64_t settled_index, settled_applied;
};

struct fake_node {
    struct fake *fake;
    uint64_t id;
    bool up;
    struct clock clock;
    struct net net;
    struct log log;
    struct random random;
    struct roster *roster;
    uint64_t boot;
    uint64_t forgotten; /* how often the roster said so */
    uint64_t behind;    /* the member that it said to be behind retention; 0 = none */
    struct reason forgotten_why;
    struct fake_owner owners[FAKE_GROUPS_MAX];
};

struct fake_message {
    struct list_node link;
    uint64_t from, to, due_ms;
    struct buf *buf;
};

struct fake {
    struct fake_node nodes[FAKE_NODES_MAX];
    uint32_t node_count;
    uint64_t now_ms;
    struct list messages;
    bool cut[FAKE_NODES_MAX + 1][FAKE_NODES_MAX + 1]; /* by ids */
    uint64_t frames, delay_ms;
    /* Sees each frame before it is delivered; false drops it. */
    bool (*filter)(struct fake *fake, const struct fake_message *message);
    void *filter_ctx;
};

struct fake *fake_new(uint32_t nodes);
void fake_free(struct fake *fake);

/* Makes the group on all nodes, epoch 1, members 1 .. count, and opens it there. */
void fake_group(struct fake *fake, uint64_t group, uint32_t members, uint64_t preferred);
/* Its START only. */
void fake_start(struct fake_node *node, uint64_t group, uint32_t members);
void fake_open(struct fake_node *node, uint64_t group, uint64_t preferred, bool eager);

void fake_run(struct fake *fake, uint64_t ms);
/* Runs until somebody leads and takes proposals; fails after five seconds. */
struct fake_owner *fake_leader(struct fake *fake, uint64_t group);
struct fake_owner *fake_owner(struct fake *fake, uint64_t node, uint64_t group);
struct fake_node *fake_node(struct fake *fake, uint64_t node);

/* Proposes `bytes` bytes; the result lands in the owner. */
enum err fake_propose(struct fake_owner *owner, size_t bytes);
/* Proposes and runs until it is settled; its index. */
uint64_t fake_put(struct fake *fake, struct fake_owner *owner, size_t bytes);

/* The process of `node` ends; the others hear that it is gone.  What it appended stays. */
void fake_kill(struct fake *fake, uint64_t node);
/* As fake_kill(), but of what is not durable only the first `kept` writes survive. */
void fake_power_off(struct fake *fake, uint64_t node, uint64_t kept);
/* It comes back, with an empty memory, and opens all its groups. */
void fake_restart(struct fake *fake, uint64_t node, uint64_t preferred);
/* Likewise, but the last `turns` that were durable are not found any more. */
void fake_restart_forgetful(struct fake *fake, uint64_t node, uint64_t turns);
void fake_cut(struct fake *fake, uint64_t a, uint64_t b, bool cut);
void fake_cut_off(struct fake *fake, uint64_t node, bool cut);

/* ---- fake_log.c, for fake.c ---- */
void fake_log_step(struct log *log);
void fake_log_fini(struct log *log);
void fake_log_power_off(struct log *log, uint64_t kept);

#endif

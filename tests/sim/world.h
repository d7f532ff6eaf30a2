/* world.h - virtual time: everything that will happen, in order.
 *
 * One seed is one world.  Whatever a node, a disk, a network or the nemesis
 * does later is an event with a time; the earliest runs next, equal times in
 * the order of their making.  Nothing else moves time, so the same seed gives
 * the same events for ever: `trace` is a running hash of them.
 *
 * An event that belongs to a node runs inside it: its allocations are the
 * node's, and the node's turn ends behind it (timers that are due, deferred
 * calls).  It is dropped when that node died since, and waits while the node
 * is paused.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/list.h"
#include "base/note.h"
#include "env/random.h"
#include "env/turn.h"
#include "heap.h"

#define SIM_NODES_MAX 8u
#define SIM_US UINT64_C(1000)
#define SIM_MS UINT64_C(1000000)
#define SIM_S UINT64_C(1000000000)

struct world;
struct sim_node;
struct control;
struct route;

/* What an event is, for the trace. */
enum world_kind {
    KIND_WAKE = 1,
    KIND_DISK_WRITTEN,
    KIND_DISK_READ,
    KIND_DISK_CREATED,
    KIND_WORK_RUN,
    KIND_WORK_DONE,
    KIND_NET_MESSAGE,
    KIND_NET_EVENT,
    KIND_NET_TRY,
    KIND_NODE_START,
    KIND_NODE_STOP,
    KIND_NEMESIS,
    KIND_CLIENT,
    KIND_CHECK
};

typedef void (*world_fn)(struct world *world, struct sim_node *node, void *ctx, uint64_t arg);

struct clock {
    struct turn turn;
    struct sim_node *node;
    uint64_t offset_ns; /* of its monotonic clock */
    int64_t drift_ppm;  /* how much faster that one goes than the world's time */
    int64_t skew_ms;    /* of its wall clock */
    uint64_t wake_ns;   /* world time of the earliest wake-up on its way, TURN_NEVER = none */
};

struct work_pool {
    struct sim_node *node;
};

/* How a node dies. */
enum death { DEATH_KILL, DEATH_POWER };

struct sim_node {
    struct world *world;
    uint32_t at;    /* 0 .. node_count - 1 */
    bool up;        /* its process runs */
    bool host_down; /* power is off: not even a refusal comes back */
    uint32_t life;  /* counts its processes */
    uint64_t paused_until_ns, deaf_ns;
    struct heap heap;
    struct clock clock;
    struct work_pool pool;
    struct random random;
    struct note note;
    struct disk *disk; /* these three outlive the process */
    struct table *table;
    struct net *net;
    struct control *control;
    struct route *route;
    uint64_t id, boot;
    bool leaving;  /* it is stopping in an orderly way: it hands over what it leads, */
    bool deaf;     /* takes no new requests of clients, */
    bool stopping; /* and its parts go one by one */
    bool doomed;   /* dies as soon as the present event has run */
    enum death doom;
    bool broke; /* because of its disk or its tables */
};

struct world_event;

/* An event and its place in time. */
struct world_slot {
    uint64_t at_ns, order;
    struct world_event *event;
};

struct world {
    uint64_t seed, now_ns, order, events;
    uint64_t trace;
    uint32_t wall_speed; /* wall clocks go so many times as fast */
    bool print_trace;
    struct random random; /* the world's own chances */
    struct world_slot *heap; /* of events, the earliest first */
    size_t count, room;
    struct sim_node nodes[SIM_NODES_MAX];
    uint32_t node_count;
    void (*after_event)(struct world *world, struct sim_node *node); /* checkers */
    void (*on_doom)(struct world *world, struct sim_node *node);     /* kills the node */
    void *cluster;                                                   /* of cluster.h */
    FILE *notes; /* where the nodes' notes go, NULL = nowhere */
};

void world_init(struct world *world, uint64_t seed, uint32_t node_count);
void world_fini(struct world *world);

/* Runs `fn` after `delay_ns`.  `node` may be NULL: then outside of all nodes.  `owned` is memory
 * from sim_malloc() that the world frees when the event has run or was dropped; may be NULL. */
struct world_after {
    uint64_t delay_ns;
    struct sim_node *node;
    enum world_kind kind;
    world_fn fn;
    void *ctx;
    uint64_t arg;
    void *owned;
};
void world_after(struct world *world, struct world_after after);

/* Runs events until `until_ns` of virtual time. */
void world_run(struct world *world, uint64_t until_ns);

/* Runs `fn` inside the node now, as an event of its own kind; for code outside of events. */
void world_inside(struct world *world, struct sim_node *node, world_fn fn, void *ctx, uint64_t arg);

/* Chances of the world. */
uint64_t world_below(struct world *world, uint64_t limit);
bool world_chance(struct world *world, uint32_t in, uint32_t of);

/* Ends the run: prints seed, time and what is wrong, and exits with status 1. */
__attribute__((noreturn, format(printf, 3, 4))) void
world_violation(struct world *world, const char *kind, const char *format, ...);

/* One line into the readable trace, when it is asked for. */
__attribute__((format(printf, 3, 4))) void world_say(struct world *world, struct sim_node *node,
                                                     const char *format, ...);

#endif

/* route_world.h - a node of which only the route is real.
 *
 * The test says who leads and who is up; the world notes what was asked, of whom, and answers when
 * the test tells it to.  Time stands still until it is moved.
 */
#ifndef ROUTE_WORLD_H
#define ROUTE_WORLD_H

#include "api/route.h"
#include "api/route_message.h"

#define HERE 1u /* this node's id */
#define GROUP 7u

struct route_world {
    struct route *route;
    uint64_t now_ms;
    bool inside; /* a call of the route is under way: no callback may run */

    /* what the test sets */
    bool has_replica, leads; /* of GROUP, here */
    bool rests;              /* it does, here and in the model, on 2, 3 and 1 */
    bool awake;              /* but not here yet */
    bool ails[8], leaves[8]; /* by node id */
    uint64_t leader;         /* as this node knows it */
    bool up[8];              /* by node id */
    bool shard_gone;         /* the model has it no more */
    enum err put_err;        /* what shard_put() says */
    bool put_throttled;
    bool put_waits;          /* it has not left in an entry: it can be taken back */

    /* what was done here */
    struct put *put;
    struct shard_read *read;
    struct locate *locate;
    uint32_t puts, reads, locates;

    /* what was asked of others */
    struct net_call *call;
    uint64_t called;
    enum net_kind kind;
    struct buf *parts[2];
    uint32_t part_count, calls;
    uint64_t timeout_ms;

    /* whom a replica here tells that it knows a leader */
    void (*leader_known)(void *ctx, uint64_t group);
    void *leader_ctx;

    /* what was answered to others */
    uint32_t answers;
    enum err answer_err;
    unsigned char answer[4096];
    size_t answer_len;
};

extern struct route_world world;

void world_open(void);
void world_close(void);

/* Lets the turn end: deferred calls run. */
void world_turn(void);

/* A replica here has come to know who leads the group. */
void world_leader_known(uint64_t group);

/* Moves time and fires what is due. */
void world_pass(uint64_t ms);

/* The call under way is answered. */
void world_answer(enum err err, enum err remote, struct slice answer);
void world_refuse(enum err remote, uint64_t leader);

/* Another node asks. */
void world_ask(enum net_kind kind, struct slice bytes);

/* The put or read that waits in the shard here is done. */
void world_put_done(enum err err);
void world_read_done(enum err err);

/* Two records become the result of a read. */
void world_give_records(struct shard_read *read);

/* Two records, one reference. */
struct buf *world_records(void);

#endif

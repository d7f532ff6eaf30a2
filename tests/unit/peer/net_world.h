/* net_world.h - several nodes in one process and one loop, over real sockets on 127.0.0.1.
 *
 * A world belongs to its test.  A node's callbacks write down what they were told, and the test
 * lets the loop run until something is there.
 */
#ifndef NET_WORLD_H
#define NET_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "env/timer.h"
#include "peer/net_peer.h"

#define NODES 3
#define EVENTS_MAX 64
#define PATIENCE_MS 20000

struct event {
    enum net_event event;
    uint64_t node, boot;
    char hello[64];
};

struct node {
    struct world *world;
    struct net *net;
    uint16_t port;
    struct event events[EVENTS_MAX];
    int event_count;
    char got[1 << 16]; /* messages, one behind the other */
    size_t got_len;
    uint64_t got_bytes;
    int requests;
    bool hold; /* keep incoming calls in `held` */
    struct net_incoming *held;
    bool closed;
};

struct world {
    uv_loop_t loop;
    struct clock *clock;
    struct timer patience;
    int waited_ms;
    struct node nodes[NODES];
};

/* Wakes the loop now and then: what a deferred call did right before it went to sleep is seen. */
void patience_on_time(struct timer *timer);

/* Runs the loop until `condition` holds; fails the test when it waits for too long. */
#define until(world, condition)                                                                    \
    do {                                                                                           \
        (world)->waited_ms = 0;                                                                    \
        timer_start((world)->clock, &(world)->patience, 1, patience_on_time);                      \
        while (!(condition))                                                                       \
            uv_run(&(world)->loop, UV_RUN_ONCE);                                                   \
        timer_stop(&(world)->patience);                                                            \
    } while (0)

struct world *world_new(void);
void on_closed(void *ctx);
void node_open_with(struct world *world, int at, uint64_t boot, struct net_peer_options options);
void node_open(struct world *world, int at, uint64_t boot);
void node_close(struct world *world, int at);
void node_dial(struct world *world, int from, int to);
void world_free(struct world *world);

/* Two nodes that have dialled each other. */
struct world *pair_with(struct net_peer_options options);
struct world *pair(void);

bool send_text(struct node *node, uint64_t to, enum net_lane lane, const char *text);
struct event last_event(const struct node *node);
int events_of(const struct node *node, enum net_event event);

/* ---- a call that remembers its end ---- */

struct ask {
    struct net_call call;
    int ends;
    enum err err, remote;
    char answer[64];
    size_t answer_len;
};

void ask_on_end(struct net_call *call, enum err err, enum err remote, struct slice answer,
                struct buf *buf);
void ask_text(struct node *node, struct ask *ask, uint64_t to, const char *text,
              uint64_t timeout_ms);

#endif

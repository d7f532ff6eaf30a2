/* net.h - messages between the nodes of a cluster.
 *
 * Three ways to talk: net_send() may be lost and asks nothing; net_call() gets
 * exactly one answer or an error.  What a message means is registered from
 * above with net_handle(): this layer moves bytes.
 *
 * Order: two messages on one lane to one node arrive in the order of their
 * calls, or not at all.  Between lanes there is no order: Raft has a lane of
 * its own, so that no bulk transfer delays a heartbeat.
 *
 * Nodes find each other by address (net_dial); a node's id is what the other
 * end says of itself when the link comes up.  An address is resolved at each
 * connect.
 */
#ifndef ENV_NET_H
#define ENV_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/slice.h"

#define NET_ADDRESS_MAX 256u
#define NET_HELLO_MAX 1024u /* bytes of what a node says of itself */

struct net;

enum net_lane { NET_LANE_RAFT, NET_LANE_BULK, NET_LANES };

/* Kinds of messages.  Fixed numbers: they are the wire. */
enum net_kind {
    NET_RAFT = 1,          /* raft messages of many groups, replica/envelope.h */
    NET_GOODBYE = 2,       /* the sender's process is about to end */
    NET_LEADING = 3,       /* which groups the sender leads, control/liveness.h */
    NET_PUT = 16,          /* call: records for a group, api/route.h */
    NET_READ = 17,         /* call: records of a group from a position */
    NET_LOCATE = 18,       /* call: turn an iterator type into a position */
    NET_GRANT = 19,        /* call: a consumer's subscription of a group, api/grants.h */
    NET_CHANGE = 32,       /* call: propose a change of the catalogue */
    NET_CATALOG_READ = 33, /* call: the catalogue's log or image, for nodes outside the group */
    NET_FOUND = 34,        /* call: which cluster there is, or the question, control/bootstrap.c */
    NET_EPOCH = 35,        /* message: a group is in a later epoch than the receiver speaks */
    NET_EPOCH_ASK = 36,    /* call: the newest epoch of a group, control/epoch_message.h */
    NET_EPOCH_PULL = 37,   /* call: applied entries of a group, for a member that lacks them */
    NET_ENTRY = 38,        /* call: one entry of the log, for a member whose copy is damaged */
    NET_COMPARE = 39,      /* call: heads of applied entries, for a member that compares its own */
    NET_HOLDING = 40,      /* call: what a node has of a group, control/holding.h */
    NET_END = 41,          /* call: a shard that is split or merged ends, control/reshard.c */
    NET_KIND_MAX = 64
};

/* What a peer said of itself in its greeting. */
struct net_peer {
    uint64_t node;             /* its id */
    uint64_t boot;             /* changes with each start of its process */
    const char *address;       /* the one that was dialled; "" for one that dialled us */
    struct slice hello;        /* opaque bytes given to net_hello_set() there */
};

enum net_event {
    NET_UP,   /* messages reach it */
    NET_LOST, /* the connection broke; its process may be alive and may hold a lease */
    NET_GONE  /* its process is known to be gone: refused, said goodbye, or came back anew */
};

typedef void (*net_event_cb)(void *ctx, enum net_event event, const struct net_peer *peer);

/* One message that arrived.  `bytes` lie in `buf`: take a reference or a buf_part to keep them. */
struct net_message {
    uint64_t from;
    enum net_kind kind;
    struct slice bytes;
    struct buf *buf;
};

typedef void (*net_message_cb)(void *ctx, const struct net_message *message);

/* A call that arrived and waits for its answer. */
struct net_incoming;
typedef void (*net_request_cb)(void *ctx, const struct net_message *message,
                               struct net_incoming *incoming);

/* Who receives messages (`on_message`) or calls (`on_request`) of this kind.  One of the
 * two is NULL.  Set before the first net_dial(). */
void net_handle(struct net *net, enum net_kind kind, net_message_cb on_message,
                net_request_cb on_request, void *ctx);

/* Every link's ups and downs; any number of listeners up to NET_LISTENERS_MAX. */
#define NET_LISTENERS_MAX 8u
void net_listen(struct net *net, net_event_cb cb, void *ctx);

/* No message, call or event reaches `ctx` any more: its owner closes. */
void net_forget(struct net *net, const void *ctx);

/* What this node says of itself in greetings from now on (cluster, name, AZ, addresses). */
void net_hello_set(struct net *net, struct slice hello);

/* Keeps links to whoever answers at `address` ("host:port"), until net_undial(); asking
 * twice changes nothing.  ERR_INVALID: not an address.  ERR_BUSY: NET_PEERS_MAX of them. */
MUST_CHECK enum err net_dial(struct net *net, const char *address);

/* Nobody is to be reached there any more: a link that is up stays so, and none follows. */
void net_undial(struct net *net, const char *address);

/* Whether messages to `node` go out now. */
bool net_is_up(const struct net *net, uint64_t node);

/* Whether the process of `node` is known to be gone, and has not come back. */
bool net_is_gone(const struct net *net, uint64_t node);

/* Sends `parts` as one message; takes a reference on each part.  Dropped without a word when
 * `node` is not up or when more than the lane's maximum waits; false then. */
bool net_send(struct net *net, uint64_t node, enum net_lane lane, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count);

/* Bytes that wait on the lane to `node`; 0 when it is not up. */
size_t net_queued(const struct net *net, uint64_t node, enum net_lane lane);

/* A call on its way, embedded in the caller. */
struct net_call;
/* ERR_OK: `answer` lies in `answer_buf` (take a reference to keep it), `remote` is what the other
 * side's net_answer() said.  ERR_UNREACHABLE: nothing was sent.  ERR_TIMEOUT, ERR_UNKNOWN: it may
 * have been done. */
typedef void (*net_call_cb)(struct net_call *call, enum err err, enum err remote,
                            struct slice answer, struct buf *answer_buf);

struct net_call {
    net_call_cb cb;
    struct list_node link; /* private */
    uint64_t number;       /* private */
    uint64_t node;         /* private */
    uint64_t due_ns;       /* private */
    enum err err;          /* private */
};

/* Asks `node` (which may be this node) and calls back exactly once, never from inside.
 * Takes a reference on each part. */
void net_call(struct net *net, struct net_call *call, uint64_t node, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count, uint64_t timeout_ms,
              net_call_cb cb);

/* No callback any more.  The other side may still do it. */
void net_call_cancel(struct net *net, struct net_call *call);

/* Answers a call, exactly once; `incoming` is gone afterwards.  Takes references. */
void net_answer(struct net_incoming *incoming, enum err remote, struct buf *const parts[],
                uint32_t part_count);

#endif

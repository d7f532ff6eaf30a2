/* peer_private.h - how the parts of peer/ hang together.
 *
 *     struct net -+- dials:   struct dial, an address that is kept connected, with two links
 *                 +- inbound: struct link, connections that others made
 *                 +- peers:   what is known of each node: up, gone
 *                 +- slots:   calls that wait for answers (call.c)
 *
 * link.c moves frames over one connection and reports to dial.c or inbound.c;
 * these decide what a greeting or a break means; net_peer.c is env/net.h.
 *
 * A link's memory is freed when libuv has closed its handle, never earlier, so
 * a function that may have closed a link can still look at its state.
 */
#ifndef PEER_PEER_PRIVATE_H
#define PEER_PEER_PRIVATE_H

#include <uv.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/note.h"
#include "env/clock.h"
#include "env/timer.h"
#include "peer/frame.h"
#include "peer/net_peer.h"

/* ---- link.c: one connection ---- */

enum link_state {
    LINK_CONNECTING,
    LINK_GREETING, /* connected; the other end has not said who it is */
    LINK_UP,
    LINK_CLOSED    /* nothing is read, written or reported any more */
};

struct link {
    struct net *net;
    struct dial *dial; /* NULL: an inbound one */
    enum net_lane lane;
    enum link_state state;
    uint64_t node, boot; /* of the other end, since LINK_UP */
    uint64_t order; /* a later connection has a higher one */
    bool spoke;     /* inbound: a message or call has come on it */

    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    bool writing;
    struct frame_reader reader;
    struct list waiting; /* of struct outgoing */
    struct list flying;  /* of struct outgoing: handed to the socket */
    size_t queued_bytes; /* of both */
    struct defer flush;
    struct timer tick;
    uint64_t opened_ns, heard_ns, sent_ns;
    struct list incomings; /* of struct net_incoming */
    uint32_t incoming_count;
    struct list_node link_node; /* in net.inbound */
};

/* A link with an open handle, not connected.  NULL when there is no memory. */
struct link *link_new(struct net *net, struct dial *dial);

/* Connected: greets (a dialled one), reads, keeps alive. */
void link_begin(struct link *link);

struct outgoing_frame {
    enum frame_type type;
    enum net_kind kind;
    enum err err;
    uint64_t number;
    struct buf *const *parts;
    uint32_t part_count;
};

/* Queues a frame for the end of this turn; takes references.  False when there is no memory. */
bool link_queue(struct link *link, const struct outgoing_frame *frame);

/* Queues this node's greeting. */
bool link_greet(struct link *link);

/* Closes it: nothing is reported, calls on it are failed. */
void link_close(struct link *link);

/* Hands what waits to the socket at once. */
void link_flush(struct link *link);

/* ---- dial.c: an address that is kept connected ---- */

struct dial {
    struct net *net;
    char address[NET_ADDRESS_MAX];
    char host[NET_ADDRESS_MAX];
    char port[8];
    struct link *links[NET_LANES];
    bool self; /* this node answers there: for ever done */
    bool unwanted; /* ends in place of the next attempt */
    bool up;   /* both lanes are greeted */
    bool resolving;
    uv_getaddrinfo_t resolve;
    struct sockaddr_storage places[PEER_PLACES_MAX]; /* what the address means, this time */
    uint32_t place_count, place_at;
    struct sockaddr_storage answered_at; /* where `node` was last greeted */
    bool answered;
    bool refused; /* this time: where `node` used to answer */
    uint64_t node, boot; /* who answered last; 0 = nobody yet */
    struct buf *hello;
    uint64_t up_ns;
    uint32_t pause_ms;
    uint32_t quick_breaks; /* in a row */
    bool complained;       /* a note says that it does not work; next one when it has been up */
    struct timer retry;
    struct list_node link_node; /* in net.dials */
};

/* ERR_INVALID, ERR_NO_MEMORY. */
MUST_CHECK enum err dial_new(struct net *net, const char *address, struct dial **ret);
void dial_on_connected(struct link *link, int status);
void dial_on_greeting(struct link *link, const struct greeting *greeting);
void dial_on_broken(struct link *link, const char *why);

/* It is up: closes its links and dials anew, unless the net closes or leaves. */
void dial_down(struct dial *dial);

/* No retry, no link; frees it when nothing of libuv's is under way. */
void dial_close(struct dial *dial);

/* ---- inbound.c: connections that others made ---- */

void inbound_on_connection(uv_stream_t *listener, int status);
void inbound_on_greeting(struct link *link, const struct greeting *greeting);
void inbound_on_frame(struct link *link, struct frame *frame);
void inbound_on_broken(struct link *link, const char *why);

/* A call that waits for net_answer(); `link` NULL: of this node itself.  NULL: no memory. */
struct net_incoming *incoming_new(struct net *net, struct link *link, uint64_t number);

/* A call that arrived: from a link, or from this node itself (`link` is NULL then). */
struct net_incoming {
    struct net *net;   /* NULL when it closed */
    struct link *link; /* NULL when it broke */
    bool local;
    uint64_t number;
    struct list_node in_link;
    struct list_node in_net;
};

/* ---- call.c: calls that wait for an answer ---- */

struct call_slot {
    struct net_call *call; /* NULL: free */
    struct link *link;     /* NULL: to this node itself */
    bool handed;           /* its bytes were given to the socket */
    uint32_t next_free;
    uint64_t number;
};

void call_handed(struct net *net, uint64_t number);
void call_answered(struct net *net, const struct link *link, uint64_t number, enum err remote,
                   struct buf *answer);
void call_link_broken(struct net *net, const struct link *link);
void call_fail_all(struct net *net);
void call_fini(struct net *net);

/* ---- local.c: messages and calls to this node itself ---- */

bool local_queue(struct net *net, const struct outgoing_frame *frame);
void local_fini(struct net *net);

/* ---- net_peer.c ---- */

struct peer {
    uint64_t node;
    uint64_t boot;         /* of the process that was last up or said goodbye; 0 = unknown */
    uint64_t goodbye_boot; /* the process that said goodbye; 0 = none */
    bool gone;
    struct dial *dial; /* over which it is up; NULL = not up */
};

struct handler {
    net_message_cb on_message;
    net_request_cb on_request;
    void *ctx;
};

struct listener {
    net_event_cb cb;
    void *ctx;
};

struct net {
    struct uv_loop_s *loop;
    struct clock *clock;
    struct note *note;
    struct net_peer_options options;
    char address[NET_ADDRESS_MAX];
    uv_tcp_t tcp; /* the listener */
    bool listening;
    struct timer accept_again;
    uint16_t port;
    unsigned char hello[NET_HELLO_MAX];
    size_t hello_len;
    struct handler handlers[NET_KIND_MAX + 1];
    struct listener listeners[NET_LISTENERS_MAX];
    uint32_t listener_count;
    struct list dials;
    uint32_t dial_count;
    struct list inbound; /* of struct link, the oldest first */
    struct peer *peers; /* NET_PEERS_MAX of them */
    uint32_t peer_count;
    uint64_t link_order;

    struct call_slot *slots;
    uint32_t slot_count;
    uint32_t slot_free; /* first free one + 1; 0 = none */
    struct list calls; /* of struct net_call, by due_ns */
    struct list done;  /* of struct net_call whose callback is owed */
    struct defer settle;
    struct timer deadline;

    struct list local; /* of struct local */
    size_t local_bytes;
    struct defer deliver;
    struct list incomings; /* of struct net_incoming */
    struct buf *empty;     /* stands for the body of an empty frame */

    unsigned char *scratch; /* what is being read, PEER_READ_BYTES */
    uint32_t handles;       /* of libuv, and names that are being resolved */
    bool leaving;
    bool closing;
    net_peer_close_cb close_cb;
    void *close_ctx;
    struct defer shut;
    struct net_peer_figures figures;
};

/* Finds what is known of `node`; NULL: nothing. */
struct peer *peer_find(const struct net *net, uint64_t node);

/* As peer_find(), makes it; NULL when there are too many. */
struct peer *peer_get(struct net *net, uint64_t node);

/* Both lanes of `dial` are greeted. */
void peer_up(struct dial *dial);

/* `dial`, over which its node was up, has broken. */
void peer_lost(struct dial *dial);

/* The process of `node` with this boot number is known to be gone: says so once. */
void peer_gone(struct net *net, uint64_t node, const char *address, const char *why);

/* Hands a message or a call to its handler.  Keeps `body`'s reference as it is. */
void net_deliver(struct net *net, struct link *link, uint64_t from,
                 const struct frame_header *header, struct buf *body);

/* A handle or a name resolution has ended; the last one of a closing net frees it. */
void net_handle_ended(struct net *net);

#endif

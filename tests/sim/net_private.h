/* net_private.h - what net_sim.c (links), net_parcel.c (messages and calls) and net_repeat.c (those
 * that are said twice) share. */
#ifndef SIM_NET_PRIVATE_H
#define SIM_NET_PRIVATE_H

#include "env/timer.h"
#include "net_sim.h"

#define LANE_BYTES_MAX (32u * 1024u * 1024u)

/* This node's dialled link to another. */
struct link {
    bool wanted; /* somebody dialled the address */
    bool up;
    bool trying;
    bool gone;           /* the process that was there is known to be gone */
    bool lingers;        /* broken, and what is on its way arrives still */
    uint64_t node, boot; /* who answered last; 0 = nobody yet */
    uint32_t number;     /* counts the link's lives: what was sent before is lost */
    uint64_t retry_ns;
    uint64_t last_ns[NET_LANES * 2]; /* arrival of the newest message, per lane and direction */
    size_t queued[NET_LANES];
    struct list held[2]; /* of struct parcel: what meets a cut, in order, that way and back */
    struct list sent; /* of struct parcel: copies of the newest, when they may be said again */
    uint32_t sent_count;
};

struct handler {
    net_message_cb on_message;
    net_request_cb on_request;
    void *ctx;
};

struct net {
    struct sim_node *node;
    const struct net_weather *weather;
    struct handler handlers[NET_KIND_MAX];
    struct {
        net_event_cb cb;
        void *ctx;
    } listeners[NET_LISTENERS_MAX];
    uint32_t listener_count;
    unsigned char hello[NET_HELLO_MAX];
    size_t hello_len;
    struct link links[SIM_NODES_MAX];
    bool cut_to[SIM_NODES_MAX];
    uint64_t cut_since[SIM_NODES_MAX];
    struct list calls; /* of struct net_call, unanswered */
    uint64_t calls_made;
    uint64_t repeated; /* messages and calls that were sent twice */
    struct defer local; /* delivers what the node says to itself */
    struct list local_parcels;
    struct timer deadline;
};

enum parcel_form { PARCEL_MESSAGE, PARCEL_CALL, PARCEL_ANSWER };

/* A message on its way; memory of the simulator, as it outlives its sender. */
struct parcel {
    struct list_node link;
    uint32_t from, to; /* nodes' places */
    uint64_t sender;   /* the id that it had */
    uint64_t boot;     /* of the process that it was sent to */
    uint32_t dialler;  /* whose link it travels on */
    uint32_t number;   /* that link's life */
    enum net_lane lane;
    enum net_kind kind;
    enum parcel_form form;
    enum err remote;
    uint64_t call;
    size_t len;
    unsigned char bytes[];
};

struct net_incoming {
    struct net *net;
    uint32_t from;
    uint32_t number; /* of the caller's link */
    uint64_t call;
    enum net_lane lane;
};

static inline struct net *net_at(struct world *world, uint32_t at)
{
    return world->nodes[at].net;
}

/* Whose link leads to the node with this id; -1 when none does. */
int net_place_of(const struct net *net, uint64_t node);

/* The link breaks after a while. */
void net_link_break(struct net *net, uint32_t to, uint64_t after_ns);

/* Messages that met a cut go on. */
void net_release(struct world *world, uint32_t from, uint32_t to);

/* Sends the parcel on its way: its lane keeps order. */
void net_post(struct world *world, struct parcel *parcel);

/* ---- net_repeat.c ---- */
/* Keeps a copy, when the weather repeats and the parcel may come twice. */
void net_repeat_note(struct net *net, const struct parcel *parcel);
/* The link stands anew: some of the newest that its former life carried go over it once more, in
 * their order and before anything else, whether they had arrived or not. */
void net_repeat(struct net *net, uint32_t to);
void net_repeat_drop(struct link *link);

/* Calls to a node whose link broke get no answer any more. */
void net_fail_calls(struct net *net, uint64_t node);

#endif

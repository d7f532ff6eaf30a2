/* net_peer.h - env/net.h between processes: framed TCP on libuv.
 *
 *     net_peer_open -> net_handle, net_listen, net_hello_set -> net_dial ...
 *         -> net_goodbye (graceful stop) -> net_peer_close(cb)
 *
 * Each node dials each address, once per lane; a dialled connection carries
 * the dialler's messages and calls, and the answers to those calls come back
 * on it.  So two nodes share four connections, and nobody has to agree on who
 * dials whom.
 *
 * A node is up when both lanes have been greeted by it.  When one breaks, both
 * are closed (NET_LOST) and dialled anew at once, later with a growing pause.
 * NET_GONE is said once, when its process provably ended: it said goodbye, it
 * refuses connections where it used to answer, or another process answers there.
 *
 * The process ignores SIGPIPE (main.c): libuv writes to a node that is gone without MSG_NOSIGNAL.
 *
 * Loop thread only.  All memory belongs to the struct net.
 */
#ifndef PEER_NET_PEER_H
#define PEER_NET_PEER_H

#include <stdint.h>

#include "base/err.h"
#include "env/clock.h"
#include "env/net.h"

struct uv_loop_s;
struct note;

struct net_peer_options {
    uint64_t node; /* this node's id, not 0 */
    uint64_t boot; /* this process's number, not 0 */
    const char *host; /* to listen on: a numeric IPv4 or IPv6 address */
    uint16_t port;    /* 0: any free one, see net_peer_port() */
    const char *address; /* where others reach it, "host:port", for their notes; may be NULL */
    struct note *note;   /* may be NULL */
    uint32_t ping_ms;    /* 0 takes PEER_PING_MS, and so on */
    uint32_t silence_ms;
    uint32_t greeting_ms;
    size_t raft_queue_bytes_max;
    size_t bulk_queue_bytes_max;
};

/* Listens.  ERR_INVALID: an option breaks its rule.  ERR_IO: the address cannot be listened on.
 * ERR_NO_MEMORY.  `options` is copied.  After an error the loop has to run once more to free
 * what was begun. */
MUST_CHECK enum err net_peer_open(struct net **ret, struct uv_loop_s *loop, struct clock *clock,
                                  const struct net_peer_options *options, struct reason *reason);

/* The port that is listened on. */
uint16_t net_peer_port(const struct net *net);

/* Tells all that are up that this process is about to end: they report NET_GONE.  Nothing is
 * dialled afterwards; what is connected goes on until net_peer_close(). */
void net_goodbye(struct net *net);

typedef void (*net_peer_close_cb)(void *ctx);

/* Hands what waits to the sockets and closes them.  Calls that wait get ERR_UNKNOWN or
 * ERR_UNREACHABLE before `cb`, no event is reported any more.  Incoming calls may be answered
 * until and after `cb`, to no effect; `cb` runs when the struct net is freed. */
void net_peer_close(struct net *net, net_peer_close_cb cb, void *ctx);

/* Since the start, except `peers_up`. */
struct net_peer_figures {
    uint64_t peers_up;
    uint64_t links_in; /* open now */
    uint64_t frames_in, frames_out;
    uint64_t bytes_in, bytes_out;
    uint64_t dropped; /* messages that were not sent: not up, or too much waited */
    uint64_t lost;    /* NET_LOST events */
    uint64_t hostile; /* connections closed for breaking the protocol */
    uint64_t calls;   /* waiting for an answer now */
};

const struct net_peer_figures *net_peer_figures(const struct net *net);

#endif

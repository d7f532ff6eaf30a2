/* listener.h - a TCP port that is listened on.
 *
 *     listener_open -> on_ready, listener_accept ... -> listener_close(cb)
 *
 * Back-pressure: `on_ready` says that one connection waits.  Until it is taken
 * with listener_accept() or listener_refuse(), nothing more is reported, and
 * others wait in the kernel's backlog.  So who cannot serve one more simply does
 * not take it.
 *
 * Out of descriptors: libuv's own listener would close what waits without a
 * word, therefore this one polls.  It keeps a descriptor in reserve; when the
 * system has no other, it gives that up for the time that it takes to say
 * `farewell` to one connection.  Without even that it looks again after
 * HTTP_ACCEPT_AGAIN_MS and does not spin.
 *
 * Embedded; loop thread only.
 */
#ifndef TRANSPORT_LISTENER_H
#define TRANSPORT_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/err.h"
#include "env/timer.h"

struct listener;
typedef void (*listener_cb)(struct listener *listener);

struct listener_world {
    struct clock *clock;
    listener_cb on_ready;
    listener_cb on_refused; /* one was sent away with `farewell` */
    struct slice farewell;  /* a static text */
};

struct listener {
    struct listener_world world;
    uv_poll_t poll;
    int fd;
    int waiting_fd; /* the connection that waits to be taken; -1: none */
    int reserve_fd; /* -1: lost, to be had again */
    uint16_t port;
    bool open;
    bool polling;
    bool ready; /* a connection waits to be taken */
    struct timer again;
    listener_cb on_closed;
};

/* Listens on a numeric IPv4 or IPv6 address; port 0 takes any free one, `listener->port` says
 * which.  ERR_INVALID: not an address.  ERR_IO: the reason says why.  After an error,
 * listener_close() is due only when `listener->open` is true. */
MUST_CHECK enum err listener_open(struct listener *listener, struct uv_loop_s *loop,
                                  const struct listener_world *world, const char *host,
                                  uint16_t port, struct reason *reason);

/* Takes the connection that waits into `tcp`, which is initialised.  ERR_IO: it is gone; the
 * caller closes `tcp`. */
MUST_CHECK enum err listener_accept(struct listener *listener, uv_tcp_t *tcp);

/* Says `farewell` to the connection that waits, and closes it. */
void listener_refuse(struct listener *listener);

/* Stops; `cb` runs when the handle is closed. */
void listener_close(struct listener *listener, listener_cb cb);

#endif

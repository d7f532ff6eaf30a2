/* listener.h - a TCP port that is listened on.
 *
 *     listener_open -> on_ready, listener_accept ... -> listener_close(cb)
 *
 * Back-pressure: `on_ready` says that one connection waits.  Until it is taken
 * with listener_accept(), nothing more is reported, and others wait in the
 * kernel's backlog.  So who cannot serve one more simply does not take it.
 *
 * Embedded; loop thread only.
 */
#ifndef TRANSPORT_LISTENER_H
#define TRANSPORT_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

struct listener;
typedef void (*listener_cb)(struct listener *listener);

struct listener {
    uv_tcp_t tcp;
    uint16_t port;
    bool open;
    bool ready; /* a connection waits to be taken */
    listener_cb on_ready;
    listener_cb on_closed;
};

/* Listens on a numeric IPv4 or IPv6 address; port 0 takes any free one, `listener->port` says
 * which.  ERR_INVALID: not an address.  ERR_IO: the reason says why.  After an error,
 * listener_close() is due only when `listener->open` is true. */
MUST_CHECK enum err listener_open(struct listener *listener, struct uv_loop_s *loop,
                                  const char *host, uint16_t port, listener_cb on_ready,
                                  struct reason *reason);

/* Takes the connection that waits into `tcp`, which is initialised.  ERR_IO: it is gone; the
 * caller closes `tcp`. */
MUST_CHECK enum err listener_accept(struct listener *listener, uv_tcp_t *tcp);

/* Stops; `cb` runs when the handle is closed. */
void listener_close(struct listener *listener, listener_cb cb);

#endif

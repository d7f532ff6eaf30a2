/* http_server.h - an HTTP port: whole requests in, replies out, later and in any order.
 *
 *     http_server_open -> on_request(exchange) -> ... -> http_exchange_reply(exchange, reply)
 *     http_server_part: one more request per connection
 *     http_server_drain(cb): no new ones, finish what runs   http_server_close(cb): at once
 *
 * The upper layer sees only whole requests and owns nothing of the connection:
 * deadlines, keep-alive, slow or hostile clients, Date and Content-Length are
 * handled here.  An HTTP/1.1 connection has one exchange at a time; what a client
 * pipelines behind it waits in the socket.  An HTTP/2 connection has many.
 *
 * An exchange lives until it is replied to, even when its client is gone: then
 * the reply is dropped.  So each exchange needs exactly one reply, always.
 *
 * Loop thread only.
 */
#ifndef TRANSPORT_HTTP_SERVER_H
#define TRANSPORT_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "env/clock.h"
#include "transport/request.h"

struct uv_loop_s;
struct note;
struct http_server;

/* One request that waits for its reply. */
struct http_exchange {
    struct http_request request; /* until the reply */
    void *user;                  /* for the upper layer; NULL at first */
};

/* `exchange->request` is whole.  May reply at once or later. */
typedef void (*http_request_cb)(void *ctx, struct http_exchange *exchange);

/* Milliseconds; 0 takes the default of limits.h. */
struct http_deadlines {
    uint32_t head_ms;   /* a head's, from its first byte or the connection's start */
    uint32_t body_ms;   /* in each such stretch HTTP_BODY_STRETCH_BYTES must come */
    uint32_t idle_ms;   /* between requests */
    uint32_t write_ms;  /* in each such stretch HTTP_REPLY_STRETCH_BYTES must be taken */
    uint32_t linger_ms; /* after a refusal, for the client to read it */
};

struct http_server_options {
    const char *host; /* a numeric IPv4 or IPv6 address */
    uint16_t port;    /* 0: any free one, see http_server_port() */
    uint32_t connections_max;   /* 0 takes the default; over it clients get 503 */
    size_t body_bytes_max;      /* 0 takes HTTP_BODY_BYTES_MAX; over it 413 */
    size_t bodies_bytes_max;    /* of all connections; 0 takes HTTP_BODIES_BYTES_MAX; over it 503 */
    /* replies that wait for their readers or are being made, all at once; 0 takes
     * HTTP_REPLIES_BYTES_MAX; over it the slowest readers are hung up on */
    size_t replies_bytes_max;
    size_t arena_bytes_max;     /* of one request; 0 takes HTTP_ARENA_BYTES_MAX */
    /* what all connections from one address may have of connections_max, bodies_bytes_max and
     * H2_PORT_STREAMS_MAX, in percent; 0 takes HTTP_ADDRESS_SHARE */
    uint32_t address_share;
    struct http_deadlines deadlines;
    const char *name;           /* in notes: "client", "ops" */
    struct note *note;          /* may be NULL */
    http_request_cb on_request;
    void *ctx;
};

/* Listens.  ERR_INVALID: not an address.  ERR_IO: it cannot be listened on (the reason says why).
 * ERR_NO_MEMORY.  `options` is copied; its strings need not outlive the call. */
MUST_CHECK enum err http_server_open(struct http_server **ret, struct uv_loop_s *loop,
                                     struct clock *clock,
                                     const struct http_server_options *options,
                                     struct reason *reason);

/* The port that is listened on. */
uint16_t http_server_port(const struct http_server *server);

/* A reply.  Everything is copied or referenced by http_exchange_reply(). */
struct http_reply {
    int status;                        /* 200 .. 599 */
    const struct http_header *headers; /* without Date, Content-Length and Connection */
    uint32_t header_count;
    struct buf *const *body; /* parts; a reference is taken on each */
    uint32_t body_count;
    bool close; /* hang up afterwards */
};

/* A large reply is about to be made: about so many bytes count with the replies that wait for their
 * readers, until it is given.  False: so much is being made already that it does not fit; then
 * nothing is counted, and the reply had better be a 503.  One alone always fits. */
MUST_CHECK bool http_exchange_reserve(struct http_exchange *exchange, size_t bytes);

/* As above, of what is made for many exchanges at once; until it is given back. */
MUST_CHECK bool http_server_reserve(struct http_server *server, size_t bytes);
void http_server_unreserve(struct http_server *server, size_t bytes);

/* Replies, exactly once; the exchange and its arena are gone afterwards.  May be called inside
 * on_request.  Never fails for the caller: without memory, or with a header that has control
 * characters (then a 500 is sent), the client is what suffers. */
void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply);

/* As above with one text body that is copied. */
void http_exchange_reply_text(struct http_exchange *exchange, int status, const char *content_type,
                              struct slice text);

/* Whether the client has hung up: work for it may be dropped, the reply is still owed. */
bool http_exchange_gone(const struct http_exchange *exchange);

typedef void (*http_server_cb)(void *ctx);

/* The port is about to be drained: each reply from now on is the last one of its connection, and
 * says so.  All else is as before, for new connections too. */
void http_server_part(struct http_server *server);

/* Stops listening, closes idle connections, and lets the others finish their request.  `cb` runs
 * when no connection is left, or after HTTP_DRAIN_MS.  Then call http_server_close(). */
void http_server_drain(struct http_server *server, http_server_cb cb, void *ctx);

/* Closes all connections at once; `cb` runs when the memory is freed: that waits for the replies
 * that are still owed.  Not while draining. */
void http_server_close(struct http_server *server, http_server_cb cb, void *ctx);

/* Since the start, except what is said to be of now. */
struct http_server_figures {
    uint64_t connections; /* open now */
    uint64_t connections_max;
    uint64_t accepted;
    uint64_t turned_away; /* over the maximum, or without a descriptor for it */
    uint64_t requests;    /* whole ones */
    uint64_t refused;     /* 4xx and 5xx by this layer */
    uint64_t timed_out;
    uint64_t slow_readers; /* of them: took too little of their reply in time */
    uint64_t shed_readers; /* slowest while replies held too much */
    uint64_t reply_bytes;  /* of replies that wait for their readers, or are being made, now */
    uint64_t bytes_in, bytes_out;
    uint64_t exchanges; /* waiting for a reply now */
    uint64_t h2_connections; /* open now, speaking HTTP/2 */
    uint64_t h2_refused_streams; /* requests over a maximum, to be sent again */
    uint64_t h2_floods; /* hung up on: too many resets, or frames for nothing */
};

const struct http_server_figures *http_server_figures(const struct http_server *server);

#endif

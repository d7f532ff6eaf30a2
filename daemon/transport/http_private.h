/* http_private.h - the parts of an HTTP port.
 *
 * http_server.c owns the listener and the list of clients; client.c is one
 * connection with at most one exchange.
 *
 *              whole            reply            sent, goes on
 *     READING -------> RUNNING -------> WRITING ---------------> READING
 *        |                                 ^  |
 *        +---- refused, late: an error ----+  | sent, ends
 *                                             v
 *     any -- broken, closed --> CLOSED     LINGERING --> CLOSED
 *
 * LINGERING: the last reply is written and our side is shut; what the client
 * still sends is dropped.  Closing at once with unread bytes would reset the
 * connection and take the reply with it.
 */
#ifndef TRANSPORT_HTTP_PRIVATE_H
#define TRANSPORT_HTTP_PRIVATE_H

#include "base/limits.h"
#include "base/list.h"
#include "base/note.h"
#include "transport/conn.h"
#include "transport/http_server.h"
#include "transport/listener.h"
#include "transport/reply.h"

enum client_state {
    CLIENT_READING,
    CLIENT_RUNNING,
    CLIENT_WRITING,
    CLIENT_LINGERING,
    CLIENT_CLOSED
};

/* What a client in CLIENT_READING is late with when its deadline passes. */
enum client_phase { PHASE_NEW, PHASE_IDLE, PHASE_HEAD, PHASE_BODY };

struct client {
    struct http_server *server;
    struct conn conn;
    enum client_state state;
    enum client_phase phase;
    struct h1 *h1;
    struct http_exchange exchange;
    bool owed;       /* the upper layer has the exchange */
    size_t reserved; /* for the reply to it */
    bool keep_alive; /* after this reply */
    bool away;       /* over the maximum: it gets a 503 */
    bool ended;      /* libuv has closed the handle */
    size_t body_seen;        /* when progress was last looked at */
    struct buf *pending;     /* came behind the present request */
    size_t pending_at;
    struct list_node link;   /* in server.clients */
};

struct http_server {
    struct uv_loop_s *loop;
    struct clock *clock;
    struct http_server_options options;
    char name[32];
    struct listener listener;
    bool listening; /* the listener's handle is not closed */
    struct conn_shared shared;
    struct h1_budget budget;
    struct reply_date date;
    struct list clients;
    uint32_t away_count;
    bool parting;
    bool draining;
    bool drained;
    bool closing;
    http_server_cb cb; /* of drain or close */
    void *cb_ctx;
    struct timer drain;
    struct defer settle;
    uint64_t cut_told_ms; /* when slow readers were last told of; 0: never */
    uint64_t cut_untold;
    struct http_server_figures figures;
};

extern const struct conn_events client_events;

/* A client for the connection that waits; answers 503 when `away`.  ERR_NO_MEMORY, ERR_IO. */
MUST_CHECK enum err client_accept(struct http_server *server, bool away);

/* No request of it has begun. */
bool client_is_idle(const struct client *client);

void client_close(struct client *client);

/* `client` is about to be hung up on as a slow reader: ERR_TIMEOUT or ERR_BUSY, see conn.h. */
void server_reader_cut(const struct client *client, enum err err);

/* `client` is about to be freed: off the list, and what follows from that. */
void server_client_ended(struct client *client);

#endif

/* http_private.h - the parts of an HTTP port.
 *
 * http_server.c owns the listener and the list of clients; client.c is one
 * connection, from its first bytes on in one of two framings: h1_client.c, one
 * exchange at a time, or h2_client.c, many.  exchange.c is what both have of an
 * exchange in common.
 *
 *     first bytes --+-- the preface of HTTP/2 --> framing_h2
 *                   +-- anything else ----------> framing_h1
 *
 *     either -- its last reply is sent --> LINGERING --> CLOSED
 *     either -- broken, closed ----------> CLOSED
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
#include "transport/exchange.h"
#include "transport/h1.h"
#include "transport/h2.h"
#include "transport/http_server.h"
#include "transport/listener.h"
#include "transport/origin.h"
#include "transport/reply.h"

/* ---- clients ---- */

struct client;

/* What is different between the framings.  `drain`: no new requests.  `done`: the upper layer owes
 * it nothing, it may be freed. */
struct framing {
    void (*on_bytes)(struct client *client, struct slice bytes);
    void (*on_half)(struct client *client);
    void (*on_sent)(struct client *client);
    void (*on_deadline)(struct client *client);
    void (*part)(struct client *client); /* may be NULL */
    void (*drain)(struct client *client);
    void (*closed)(struct client *client); /* it is hung up on; may be NULL, may come twice */
    bool (*done)(const struct client *client);
};

extern const struct framing framing_h1, framing_h2;

enum client_state {
    CLIENT_READING,   /* HTTP/2: all the time */
    CLIENT_RUNNING,   /* HTTP/1.1: an exchange is with the upper layer */
    CLIENT_WRITING,   /* HTTP/1.1: its reply is */
    CLIENT_TELLING,   /* HTTP/1.1: its reply is, in pieces, and the exchange is still up there */
    CLIENT_LINGERING,
    CLIENT_CLOSED
};

/* What an HTTP/1.1 client in CLIENT_READING is late with when its deadline passes. */
enum client_phase { PHASE_NEW, PHASE_IDLE, PHASE_HEAD, PHASE_BODY };

struct client {
    struct http_server *server;
    struct conn conn;
    const struct framing *framing; /* NULL: its first bytes do not tell yet */
    uint32_t preface_bytes; /* of HTTP/2's that have come */
    enum client_state state;
    bool away;  /* over a maximum: it gets a 503 */
    struct origin *origin; /* NULL until it is known */
    struct budget bodies; /* bytes of those on their way */
    bool ended; /* libuv has closed the handle */
    struct list_node link; /* in server.clients */

    struct h2_client *h2; /* HTTP/2 */

    enum client_phase phase; /* HTTP/1.1, from here on */
    struct h1 *h1;
    struct carried carried;
    bool keep_alive;     /* after this reply */
    bool last_due;       /* the end of a reply in pieces waits for the piece before it */
    size_t body_seen;    /* when progress was last looked at */
    struct buf *pending; /* came behind the present request */
    size_t pending_at;
};

struct http_server {
    struct uv_loop_s *loop;
    struct clock *clock;
    struct http_server_options options;
    char name[32];
    struct listener listener;
    bool listening; /* the listener's handle is not closed */
    struct conn_shared shared;
    struct origins origins;
    struct budget bodies, h2_streams; /* all of the port */
    struct reply_date date;
    struct list clients;
    struct list long_replies; /* exchanges whose replies are being made in pieces */
    uint32_t away_count;
    struct h2_port h2;
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

/* The port is about to be drained, or is. */
void client_part(struct client *client);
void client_drain(struct client *client);

/* All is written that ever will be: LINGERING. */
void client_linger(struct client *client);

void client_close(struct client *client);

/* Frees it when it is closed and nothing is owed. */
void client_free_when_done(struct client *client);

/* HTTP/1.1: refuses what was asked, or not yet, and hangs up. */
void h1_client_refuse(struct client *client, int status, const char *sentence);

/* HTTP/1.1: its first deadline. */
void h1_client_begin(struct client *client);

/* HTTP/2: the preface has come.  ERR_NO_MEMORY. */
MUST_CHECK enum err h2_client_begin(struct client *client);
void h2_client_free(struct h2_client *h2);

/* `client` is about to be hung up on as a slow reader: ERR_TIMEOUT or ERR_BUSY, see conn.h. */
void server_reader_cut(const struct client *client, enum err err);

/* `client` is about to be freed: off the list, and what follows from that. */
void server_client_ended(struct client *client);

#endif

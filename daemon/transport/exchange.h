/* exchange.h - a request with the upper layer, whatever framing it came in.
 *
 *     exchange_begin -> http_exchange_reply() -> carrier.reply
 *                  \-> long_reply_begin() -> carrier.begin, give ..., end
 *
 * What the two framings have in common: counting, reservations, replies that
 * cannot be sent, this layer's own answers.  Loop thread only.
 */
#ifndef TRANSPORT_EXCHANGE_H
#define TRANSPORT_EXCHANGE_H

#include "transport/http_server.h"
#include "transport/long_reply.h"

struct carried;

/* What a framing does with an exchange that it carries. */
struct carrier {
    bool (*gone)(const struct carried *carried);
    /* Sends; `reply` is sane.  `carried` is not owed any more, and may be freed. */
    void (*reply)(struct carried *carried, const struct http_reply *reply);
    /* The three of a reply in pieces: its head, one piece, its end.  exchange_room() is called when
     * the head, or the piece, is on its way.  After `end` `carried` may be freed. */
    void (*begin)(struct carried *carried, const struct http_reply *reply);
    void (*give)(struct carried *carried, struct buf *const parts[], uint32_t part_count);
    void (*end)(struct carried *carried);
};

/* What the maker of a reply in pieces is to be told, first things first. */
enum { LONG_REPLY_GONE = 1, LONG_REPLY_PART = 2, LONG_REPLY_ROOM = 4 };

/* An exchange, and who carries it: an HTTP/1.1 connection, or one stream of an HTTP/2 one. */
struct carried {
    struct http_exchange exchange;
    struct http_server *server;
    const struct carrier *carrier;
    bool owed;       /* the upper layer has the exchange */
    size_t reserved; /* for the reply to it */
    const struct long_reply_events *events; /* NULL: no reply in pieces is under way */
    void *events_ctx;
    bool has_room, lost, parted;
    uint32_t untold; /* LONG_REPLY_... */
    struct defer tell;
    struct list_node long_reply; /* in server.long_replies */
};

/* Hands it up; it may be replied to, and gone, when this returns. */
void exchange_begin(struct carried *carried);

/* The framing's news of a reply in pieces: the next piece may come; nobody reads it any more; the
 * port is drained.  Of any other exchange, and a second time, they say nothing. */
void exchange_room(struct carried *carried);
void exchange_lost(struct carried *carried);
void exchange_part(struct carried *carried);

/* `reply`, or what is sent instead of one that cannot be sent. */
const struct http_reply *exchange_sane(struct carried *carried, const struct http_reply *reply);

/* What was reserved for the reply is not any more. */
void exchange_unreserve(struct carried *carried);

/* This layer's own answer to a request. */
struct refusal {
    struct http_header type;
    struct buf *body; /* the caller drops it */
    struct http_reply reply;
};

/* Counts it, too.  Lies where it is: `reply` points into it. */
void refusal_make(struct refusal *refusal, struct http_server *server, const char *peer,
                  int status, const char *sentence);

size_t reply_bytes(const struct http_reply *reply);

#endif

/* exchange.h - a request with the upper layer, whatever framing it came in.
 *
 *     exchange_begin -> http_exchange_reply() -> carrier.reply
 *
 * What the two framings have in common: counting, reservations, replies that
 * cannot be sent, this layer's own answers.  Loop thread only.
 */
#ifndef TRANSPORT_EXCHANGE_H
#define TRANSPORT_EXCHANGE_H

#include "transport/http_server.h"

struct carried;

/* What a framing does with an exchange that it carries. */
struct carrier {
    bool (*gone)(const struct carried *carried);
    /* Sends; `reply` is sane.  `carried` is not owed any more, and may be freed. */
    void (*reply)(struct carried *carried, const struct http_reply *reply);
};

/* An exchange, and who carries it: an HTTP/1.1 connection, or one stream of an HTTP/2 one. */
struct carried {
    struct http_exchange exchange;
    struct http_server *server;
    const struct carrier *carrier;
    bool owed;       /* the upper layer has the exchange */
    size_t reserved; /* for the reply to it */
};

/* Hands it up; it may be replied to, and gone, when this returns. */
void exchange_begin(struct carried *carried);

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

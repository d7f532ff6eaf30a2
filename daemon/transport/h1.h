/* h1.h - HTTP/1.x requests out of bytes: an engine without I/O.
 *
 *     h1_init -> h1_feed ... -> H1_WHOLE -> (the request is used) -> h1_next -> h1_feed ...
 *                    |
 *                    +-> H1_REFUSED: answer h1_refusal() and hang up
 *
 * Strict on purpose: this port may stand behind a proxy, and two programs that
 * read one byte stream differently are how requests are smuggled.  Refused are
 * Content-Length beside Transfer-Encoding, more than one Content-Length, folded
 * headers, bare LF or CR, control characters, white space before a colon, none
 * or several Hosts and any transfer coding but "chunked".
 */
#ifndef TRANSPORT_H1_H
#define TRANSPORT_H1_H

#include <stdbool.h>
#include <stddef.h>

#include "transport/request.h"

enum h1_state {
    H1_HEAD,    /* nothing or a part of a head is there */
    H1_BODY,    /* the head is whole, the body is not */
    H1_WHOLE,   /* h1_request() may be used until h1_next() */
    H1_REFUSED  /* the stream cannot go on */
};

struct h1_options {
    size_t body_bytes_max;  /* a longer body is refused with 413 */
    size_t arena_bytes_max; /* for each request */
};

struct h1;

/* `budget` of body bytes may be NULL and must outlive the parser.  NULL when there is no memory. */
struct h1 *h1_new(const struct h1_options *options, struct budget *budget);
void h1_free(struct h1 *h1);

/* Takes bytes and returns how many of them: all, unless the request became whole or was refused
 * on the way.  May be called in the states H1_HEAD and H1_BODY only. */
size_t h1_feed(struct h1 *h1, struct slice bytes);

enum h1_state h1_state(const struct h1 *h1);

/* Whether any byte of the present request has come. */
bool h1_begun(const struct h1 *h1);

/* Whether the client waits for "100 Continue" before it sends the body; true once. */
bool h1_expects_continue(struct h1 *h1);

/* Body bytes of the present request so far: to judge progress. */
size_t h1_body_bytes(const struct h1 *h1);

/* In H1_WHOLE.  `peer` of it is "" and for the caller to set. */
struct http_request *h1_request(struct h1 *h1);

/* In H1_WHOLE: the body of the request is not needed any more; its head and arena are. */
void h1_drop_body(struct h1 *h1);

/* Forgets the request, frees its memory, goes to H1_HEAD. */
void h1_next(struct h1 *h1);

/* In H1_REFUSED: the status to answer with, and one short sentence. */
int h1_refusal(const struct h1 *h1, const char **sentence);

#endif

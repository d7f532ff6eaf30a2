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
 *
 * A request's memory is its arena (head, headers) and one buf (body).
 */
#ifndef TRANSPORT_H1_H
#define TRANSPORT_H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

/* Readable zero bytes behind every body: JSON parsers read ahead. */
#define HTTP_BODY_PADDING 64u

enum http_verb { HTTP_VERB_GET, HTTP_VERB_HEAD, HTTP_VERB_POST, HTTP_VERB_PUT, HTTP_VERB_DELETE,
                 HTTP_VERB_OPTIONS, HTTP_VERB_OTHER };

struct http_header {
    struct slice name;  /* in a request: lower case */
    struct slice value; /* without white space at its ends */
};

/* A whole request.  All slices live as long as the request. */
struct http_request {
    enum http_verb verb;
    struct slice method; /* as it came: "POST" */
    struct slice target; /* path and query, as they came */
    struct slice path;   /* before the '?', not percent-decoded */
    struct slice query;  /* behind the '?', empty without one */
    const struct http_header *headers; /* in their order */
    uint32_t header_count;
    struct slice body;     /* HTTP_BODY_PADDING zero bytes stand behind it, also when it is empty */
    struct buf *body_buf;  /* holds `body`; NULL when it is empty.  A buf_part() may outlive both */
    struct arena *arena;   /* for what the handler makes; freed with the request */
    const char *peer;      /* the client's address, "127.0.0.1:4711" */
    bool keep_alive;       /* the client would like to go on */
    uint8_t minor;         /* HTTP/1.minor */
};

/* The first header of that (lower-case) name; NULL: there is none. */
const struct http_header *http_request_header(const struct http_request *request,
                                              const char *name);

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

/* Body bytes that all parsers of a server hold; `bytes_max` 0 = unbounded. */
struct h1_budget {
    size_t bytes;
    size_t bytes_max; /* beyond it requests are refused with 503 */
};

struct h1;

/* `budget` may be NULL and must outlive the parser.  NULL when there is no memory. */
struct h1 *h1_new(const struct h1_options *options, struct h1_budget *budget);
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

/* Forgets the request, frees its memory, goes to H1_HEAD. */
void h1_next(struct h1 *h1);

/* In H1_REFUSED: the status to answer with, and one short sentence. */
int h1_refusal(const struct h1 *h1, const char **sentence);

#endif

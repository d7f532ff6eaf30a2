/* request.h - a whole HTTP request, of whatever framing.
 *
 * HTTP/1.1 (h1.h) and HTTP/2 (h2.h) make the same request out of different
 * bytes; nobody above transport/ can tell them apart, but for one header:
 * HTTP/2 has `:authority` where HTTP/1.1 has `host`.
 *
 * A request's memory is its arena (head, headers) and one buf (body).
 */
#ifndef TRANSPORT_REQUEST_H
#define TRANSPORT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "transport/budget.h"

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
    const struct http_header *headers; /* in their order; HTTP/2: `:authority` is among them */
    uint32_t header_count;
    struct slice body;     /* HTTP_BODY_PADDING zero bytes stand behind it, also when it is empty */
    struct buf *body_buf;  /* holds `body`; NULL when it is empty.  A buf_part() may outlive both */
    struct arena *arena;   /* for what the handler makes; freed with the request */
    const char *peer;      /* the client's address, "127.0.0.1:4711" */
    bool keep_alive;       /* the client would like to go on */
    uint8_t major, minor;  /* HTTP/major.minor */
};

/* The first header of that (lower-case) name; NULL: there is none. */
const struct http_header *http_request_header(const struct http_request *request,
                                              const char *name);

enum http_verb http_verb_of(struct slice method);

/* Sets path and query from "path?query". */
void http_request_split(struct http_request *request, struct slice target);

/* ---- bodies ---- */

/* A body on its way; zeroed at first. */
struct body {
    struct buf *buf;
    size_t len, room;
};

/* Adds bytes; the place grows as they come, never beyond `most`, so that a mere promise costs
 * nothing.  `budget` counts the place, in bytes.  0, or the status to refuse with: 413 (longer than
 * `most`), 503. */
MUST_CHECK int body_add(struct body *body, struct budget *budget, size_t most, struct slice data,
                        const char **sentence);

/* It is whole: `request` shows it. */
void body_show(struct body *body, struct http_request *request);

/* Frees it, or nothing; a buf_part() may go on. */
void body_drop(struct body *body, struct budget *budget);

/* It is dropped: `request` shows an empty one. */
void http_request_forget_body(struct http_request *request);

#endif

/* reply.h - the head of an HTTP/1.1 reply: an engine without I/O. */
#ifndef TRANSPORT_REPLY_H
#define TRANSPORT_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "transport/http_server.h"

/* The Date header's value, made once a second. */
struct reply_date {
    uint64_t second;
    char text[48];
};

/* "Sun, 06 Nov 1994 08:49:37 GMT"; the text lies in `date`. */
const char *reply_date(struct reply_date *date, uint64_t wall_ms);

struct reply_manner {
    const char *date;
    uint8_t minor;   /* of the request's HTTP version */
    bool keep_alive; /* the connection stays open */
    bool in_pieces;  /* the body's length is not known: chunks, in HTTP/1.0 until we hang up */
    size_t body_len;
};

/* Whether the status and the headers can be sent: no control characters, no header that is this
 * layer's own, HTTP_REPLY_HEAD_BYTES_MAX in all. */
bool reply_is_sane(const struct http_reply *reply);

/* Status line, headers, empty line.  `reply` is sane.  NULL when there is no memory. */
struct buf *reply_head(const struct http_reply *reply, const struct reply_manner *manner);

#endif

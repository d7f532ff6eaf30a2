/* reply.h - replies as AWS sends them: headers, ids, CORS, and the answers that are the same in all
 * encodings. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/buf.h"
#include "env/random.h"
#include "http/dispatch.h"
#include "transport/http_server.h"
#include "transport/long_reply.h"
#include "wire/error_type.h"

struct reply {
    int status;
    const char *content_type; /* NULL: none is sent */
    const char *text;         /* the body, when it is a constant */
    struct buf *body;         /* the body otherwise; NULL: it is empty */
    bool preflight;           /* answers CORS in place of a body */
};

/* The answer to what is no operation.  `error` is what decoding the body found; ERROR_TYPE_NONE
 * when it is an object.  NULL: it is an error in the request's encoding, `*answer`. */
const struct reply *reply_of_dispatch(const struct dispatch *dispatch, enum error_type error,
                                      enum error_type *answer);

/* Sends it, with the ids that every answer of AWS has.  The exchange is gone afterwards. */
void reply_send(struct http_exchange *exchange, struct random *random, const struct reply *reply);

/* The same ids and 200, for a reply in pieces (transport/long_reply.h). */
void reply_begin(struct http_exchange *exchange, struct random *random, const char *content_type,
                 const struct long_reply_events *events, void *ctx);

#endif

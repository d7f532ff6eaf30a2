/* consumer.h - consumers in requests and replies.
 *
 * For the files of this folder only.
 */
#ifndef API_CONSUMER_H
#define API_CONSUMER_H

#include "api/handler.h"

/* Whom a request names: by its ARN, by its stream's ARN and its name, or by all three. */
struct consumer_named {
    struct slice stream;
    struct slice name;
    struct slice shown; /* as the client gave it, for messages */
    bool has_created;   /* by ARN: only the one that was created in this second is meant */
    uint64_t created_s;
};

/* False: the request has failed, as nothing, too little or two different consumers are named. */
bool consumer_named(struct request *request, const struct slice *stream_arn,
                    const struct slice *name, const struct slice *consumer_arn,
                    struct consumer_named *ret);

/* NULL: there is none, the request has failed. */
const struct model_consumer *consumer_find(struct request *request,
                                           const struct consumer_named *named,
                                           const struct model_stream **stream);

/* Both, of a request of the shape one_consumer_in. */
const struct model_consumer *consumer_asked(struct request *request, struct consumer_named *named,
                                            const struct model_stream **stream);

/* False: it is not ACTIVE, the request has failed. */
bool consumer_active(struct request *request, const struct model_stream *stream,
                     const struct model_consumer *consumer);

/* "Consumer ... not found." */
void consumer_fail_gone(struct request *request, struct slice shown);

/* As replies show it.  `ok` becomes false when there is no memory. */
struct slice consumer_arn(struct request *request, const struct model_stream *stream,
                          const struct model_consumer *consumer, bool *ok);
struct choice consumer_status(const struct model_stream *stream);

#endif

/* handler.h - what the handlers of operations have in common.
 *
 * For the files of this folder only; doors see api.h.
 */
#ifndef API_HANDLER_H
#define API_HANDLER_H

#include "api/api.h"
#include "api/rate.h"
#include "catalog/change.h"
#include "catalog/model.h"
#include "wire/shapes.h"

struct api {
    struct api_world world;
    struct digest *digest; /* the loop's own */
    struct subscriptions *subscriptions;
    struct recents rates;  /* of calls (calls.h) */
    uint64_t tokens;       /* made so far: no two are alike */
    bool caught_up;        /* this node has been ready since its start */
    api_closed_cb on_closed;
    void *closed_ctx;
};

/* The handlers, by name, as wire/operations.def lists them. */
#define OPERATION(name, wire_name, in, out, class) void name##_handle(struct request *request);
#include "wire/operations.def"

void put_record_prepare(struct request *request, struct digest *digest);
void put_records_prepare(struct request *request, struct digest *digest);
void get_records_compose(struct request *request);

/* What its ShardIterator says; read once for each request.  NULL: it is none, or there is no
 * memory. */
struct iterator;
const struct iterator *get_records_iterator(struct request *request);

const struct model *request_model(const struct request *request);

/* Whether this node's model has caught up with the cluster since its start.  Until then nothing may
 * be said not to exist: clients believe it and do not ask again. */
bool request_caught_up(const struct request *request);

/* The cluster's, for tokens and iterators. */
struct slice request_secret(const struct request *request);

/* Who asks the catalogue for a change, and when. */
struct change_stamp request_stamp(struct request *request);

/* Zeroed bytes of the request's arena.  NULL: there are no more; the request has failed then,
 * return at once. */
void *request_take(struct request *request, size_t bytes);

/* Text in the request's arena; empty when there is no more memory. */
struct slice request_text(struct request *request, const char *format, ...) PRINTF_LIKE(2, 3);

/* The handler is done: `out` goes to the client.  Nothing may be done to the request after it. */
void request_reply(struct request *request, void *out);

/* The handler is done: the client gets an error. */
void request_fail(struct request *request, enum error_type type, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Only notes the error, for prepare and compose.  Any thread. */
void request_set_error(struct request *request, enum error_type type, const char *format, ...)
    PRINTF_LIKE(3, 4);
void request_set_err(struct request *request, enum err err);

/* As request_fail(), for an `enum err` that means the same to a client everywhere (api/fault.h). */
void request_fail_err(struct request *request, enum err err, const struct reason *reason);

/* Whether this node knows what the catalogue's leader knew when the request came.  False: it asks,
 * and the handler runs again from its start, or the request has failed; return at once. */
bool request_fresh(struct request *request);

/* Runs the handler again from its start: what it has seen is no longer so. */
void request_again(struct request *request);

/* From StreamName or StreamARN, of which one must be there; account and region of an ARN may be
 * any.  False: the request has failed, return at once. */
bool request_stream_name(struct request *request, const struct slice *name, const struct slice *arn,
                         struct slice *ret);

/* The stream of that name.  NULL: there is none, the request has failed, return at once. */
const struct model_stream *request_stream(struct request *request, struct slice name);

/* Whether it was created in that second, which tells it from others of its name.  False: the
 * request has failed, as if there were none. */
bool request_stream_created(struct request *request, const struct model_stream *stream,
                            int64_t created_ms);

/* "not found" in AWS's words. */
void request_fail_stream(struct request *request, struct slice name);

/* "not ACTIVE, instead in state ..." in AWS's words. */
void request_fail_state(struct request *request, const struct model_stream *stream);

/* "Rate exceeded" in AWS's words. */
void request_fail_rate(struct request *request, uint32_t shard, struct slice stream);

/* This node has too much under way: no limit of a shard's, it passes. */
void request_fail_full(struct request *request);

/* All was well, but nothing was to be done. */
void request_fail_dry_run(struct request *request);

/* "does not exist" in AWS's words. */
void request_fail_shard(struct request *request, struct slice stream, struct slice shard);

/* "Could not find shard" in AWS's words: what was given is no shard's name at all. */
void request_fail_no_shard(struct request *request, struct slice stream, struct slice shard);

#endif

/* api.h - the operations: C structs in, C structs out.
 *
 * A door (http/) turns bytes into a request's `in`; an operation's handler does
 * the work and leaves `out` or an error; the door turns that into bytes.  No
 * handler knows which door, encoding or protocol a request came through.
 *
 *     door: decode, validate -> request_prepare -> request_start
 *     handler ... request_reply or request_fail
 *     door: done -> request_compose -> encode -> request_fini
 *
 * What may take long is kept out of the loop: decode, validate, prepare, compose
 * and encode touch only the request and its arena, so that a door may run them
 * on a worker; it does so for bodies and replies over API_LOOP_BYTES_MAX.
 *
 * Loop thread only, except request_prepare() and request_compose().  A request
 * lives in the door's memory; everything it needs on the way comes from its
 * arena.
 */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include <stdint.h>

#include "api/fan.h"
#include "api/route.h"
#include "api/subscription.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "control/control.h"
#include "env/clock.h"
#include "env/random.h"
#include "env/work.h"
#include "wire/error_type.h"
#include "wire/shape.h"

struct api; /* one per node */

/* What the operations work on; all must outlive the api. */
struct api_world {
    uint64_t node; /* id of this node */
    struct control *control;
    struct route *route;
    struct clock *clock;
    struct random *random;
    struct work_pool *work;
    struct metrics *metrics;
    struct fan_budget events; /* what those that are being made may hold */
};

/* ERR_NO_MEMORY: that, or OpenSSL has no MD5. */
MUST_CHECK enum err api_open(struct api **ret, const struct api_world *world);

/* No request may be under way.  `cb` when it is freed. */
typedef void (*api_closed_cb)(void *ctx);
void api_close(struct api *api, api_closed_cb cb, void *ctx);

struct request;

/* A row of wire/operations.def and its handler.  Only `handle` must be there. */
struct operation {
    const char *name; /* "PutRecords" */
    const struct shape *in, *out;
    void (*handle)(struct request *request);
    void (*prepare)(struct request *request, struct digest *digest);
    void (*compose)(struct request *request);
};

enum operation_number {
#define OPERATION(name, wire_name, in, out, class) OPERATION_##name,
#include "wire/operations.def"
    OPERATION_COUNT
};

/* `number` < OPERATION_COUNT. */
const struct operation *operation_at(uint32_t number);

/* NULL: there is no operation of that name ("PutRecord"). */
const struct operation *operation_find(struct slice name);

typedef void (*request_cb)(struct request *request);

/* Zeroed before first use. */
struct request {
    /* from the door */
    struct api *api;
    const struct operation *operation;
    struct arena *arena;
    void *in;             /* C struct of operation->in, decoded and valid */
    bool speaks_ms;       /* its encoding has times in milliseconds */
    /* to the door */
    void *out;            /* C struct of operation->out, when error.type is ERROR_TYPE_NONE */
    struct wire_error error;
    /* instead of `out`, of SubscribeToShard: the door's to start and to free */
    struct subscription *subscription;
    size_t reply_bytes;   /* about; says where it is composed and encoded */
    /* for the handler */
    const char *account, *region; /* whose streams these are */
    uint64_t now_ms;      /* wall clock */
    void *state;          /* the handler's own, in the arena */
    void (*release)(struct request *request); /* gives back what the reply borrows */
    /* private */
    request_cb done;
    struct defer defer;
    bool counted;         /* among the calls of its operation (calls.h) */
    bool handling;        /* the handler has not returned yet */
    bool refreshed;       /* it runs for the second time, on a model that is up to date */
    struct catalog_refresh refresh;
};

/* Any thread.  After it `error` may be set: then request_start() fails the request with it. */
void request_prepare(struct request *request, struct digest *digest);

/* Runs the handler; `done` runs once, never from inside this call. */
void request_start(struct request *request, request_cb done);

/* Any thread.  The last step before encoding; may still set `error`. */
void request_compose(struct request *request);

/* After encoding, or instead of it. */
void request_fini(struct request *request);

#endif

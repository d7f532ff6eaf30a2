/* door.h - the AWS door: HTTP requests in, operations out.
 *
 *     door_open -> http_server_open(... door_on_request, door ...) -> door_close
 *
 *     request: dispatch, who sends it?, decode, validate (a worker, if it is large)
 *              -> request_start ... -> compose, encode (likewise) -> reply
 *
 * Every exchange is replied to exactly once, whatever comes in and whatever
 * becomes of its operation.  A request's memory is its exchange's arena.
 *
 * Loop thread only.
 */
#ifndef HTTP_DOOR_H
#define HTTP_DOOR_H

#include "api/api.h"
#include "auth/auth.h"
#include "base/metric.h"
#include "env/clock.h"
#include "env/random.h"
#include "env/work.h"
#include "transport/http_server.h"

struct door; /* one per node */

/* All must outlive the door. */
struct door_world {
    struct api *api;
    struct clock *clock;
    struct random *random;
    struct work_pool *work;
    struct auth *auth;       /* NULL: nobody is asked who he is */
    struct metrics *metrics; /* requests and latencies by operation are counted here */
};

/* ERR_NO_MEMORY. */
MUST_CHECK enum err door_open(struct door **ret, const struct door_world *world);

/* No exchange may be under way. */
void door_close(struct door *door);

/* For http_server_options: `ctx` is the door. */
void door_on_request(void *ctx, struct http_exchange *exchange);

#endif

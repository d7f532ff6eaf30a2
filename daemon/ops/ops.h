/* ops.h - what a node tells operators, load balancers and the cli.
 *
 *     GET /livez     200 while the loop turns
 *     GET /readyz    200, or 503 and what is awaited
 *     GET /metrics   Prometheus text
 *     GET /cluster   JSON: nodes, who is up, who leads how much, the catalogue
 *     GET /streams   JSON: streams, their shards, replicas and leaders; ?name=X for one
 *     GET /nodes     JSON: ?name=X, one node and what its replicas wait for
 *     GET /shards/rescue  JSON: ?stream=S&shard=N, what is left of one whose majority is lost
 *     GET, POST /cluster/rescue   the same for the catalogue itself; POST on the survivor alone
 *     POST /shards/rescue ... what was looked at and confirmed: from this machine alone
 *     POST /nodes/drain, /nodes/undrain, /nodes/remove   ?name=X, from this machine alone
 *
 * It listens on a port of its own, that clients need not reach.  A page says
 * what this node knows, and waits for no other node, but for /shards/rescue; a
 * change goes to the catalogue.
 *
 * Loop thread only.
 */
#ifndef OPS_OPS_H
#define OPS_OPS_H

#include "base/err.h"
#include "base/metric.h"
#include "control/control.h"
#include "ops/audit.h"
#include "transport/http_server.h"

struct ops; /* one per node */

struct ops_world {
    struct control *control;
    struct metrics *metrics;
    const struct http_server *clients; /* the AWS door's, for its figures */
    const char *name;    /* of this node */
    const char *version; /* of the program */
    struct {
        const char *auth, *sigv4_regions; /* as the configuration has them */
        bool peers_unproved;
    } who_may; /* for `braid node add`: a new node lets in whom this one does, and nobody else */
    struct {
        uint32_t count; /* directories */
        uint64_t bytes;
    } forgotten; /* kept of former ids of this node */
    struct clock *clock;
    struct audit_options audit;
};

/* ERR_NO_MEMORY.  Registers gauges, so that the metrics must not outlive it by a print. */
MUST_CHECK enum err ops_open(struct ops **ret, const struct ops_world *world);

/* Behind ops_stopping().  `cb` runs when what was given to the audit log is written, or failed. */
typedef void (*ops_cb)(void *ctx);
void ops_close(struct ops *ops, ops_cb cb, void *ctx);

/* From now on /readyz answers 503: nobody shall send anything here any more. */
void ops_stopping(struct ops *ops);

/* For http_server_options: `ctx` is the ops. */
void ops_on_request(void *ctx, struct http_exchange *exchange);

#endif

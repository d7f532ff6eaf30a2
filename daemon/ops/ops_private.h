/* ops_private.h - what the pages of ops/ share. */
#ifndef OPS_PRIVATE_H
#define OPS_PRIVATE_H

#include "base/bytes.h"
#include "base/limits.h"
#include "ops/json.h"
#include "ops/ops.h"

/* A change that was asked for by an operator, who waits for the reply. */
struct change_asked {
    struct ops *ops;
    struct http_exchange *exchange; /* NULL: this place is free */
    bool offered;                   /* to the catalogue */
    bool changing;                  /* it has it now; else `line` is being written */
    struct catalog_change change;
    struct buf *bytes; /* of it */
    uint64_t due_ms;   /* monotonic: of the change */
    struct json text;  /* of both audit lines, as far as they are the same */
    struct audit_line *line;
    enum err err; /* of the change */
};

struct rescue_asked;

struct ops {
    struct ops_world world;
    bool stopping;
    struct audit *audit;
    struct figures *figures;
    struct change_asked changes[OPS_CHANGES_MAX];
    struct rescue_asked *rescues[OPS_RESCUES_MAX]; /* NULL: this place is free */
};

/* Each page: one reference, the caller's; NULL without memory. */
struct buf *cluster_page(const struct ops *ops);

/* `name` empty: all streams.  NULL also when there is no stream of that name: `*found` tells. */
struct buf *streams_page(const struct ops *ops, struct slice name, bool *found);

/* ---- nodes.c ---- */
void nodes_on_get(const struct ops *ops, struct http_exchange *exchange);
void nodes_on_post(struct ops *ops, struct http_exchange *exchange);
/* What /cluster and /nodes say of a node, inside an object. */
void node_print_fields(const struct ops *ops, struct json *json, const struct model_node *node);

/* ---- changes.c ---- */
/* `act` names it in the audit log; `text` takes more members.  NULL: it has replied. */
struct change_asked *change_begin(struct ops *ops, struct http_exchange *exchange, const char *act);
/* To the audit log, then to the catalogue; takes a reference; NULL: no memory.  It replies when the
 * audit log has what came of it, or not in time. */
void change_offer(struct change_asked *asked, struct buf *bytes);
/* Replies to those who wait. */
void changes_stopping(struct ops *ops);

/* ---- stream_limits.c ---- */
void stream_limits_on_post(struct ops *ops, struct http_exchange *exchange);
/* A stream's own, as a member of an object. */
void stream_limits_print(struct json *json, const struct model_stream *stream);

/* ---- upgrades.c ---- */
void upgrades_on_post(struct ops *ops, struct http_exchange *exchange);

/* ---- balancing.c ---- */
void balancing_on_post(struct ops *ops, struct http_exchange *exchange, bool pauses);

/* ---- rescues.c ---- */
/* `catalog`: not a shard but the catalogue itself. */
void rescues_on_request(struct ops *ops, struct http_exchange *exchange, bool catalog);
void rescues_stopping(struct ops *ops);

/* Figures of log, replicas, catalogue and the client port, brought up to date at each print. */
struct figures *figures_new(struct ops *ops);
void figures_free(struct figures *figures);

/* One row per shard of this node, up to OPS_SHARDS_MAX. */
void shards_print(const struct ops *ops, struct writer *writer);
/* Likewise of the shards whose streams have EnhancedMonitoring, what of it is on. */
void shard_metrics_print(const struct ops *ops, struct writer *writer);

#endif

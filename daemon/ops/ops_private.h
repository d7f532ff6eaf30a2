/* ops_private.h - what the pages of ops/ share. */
#ifndef OPS_PRIVATE_H
#define OPS_PRIVATE_H

#include "base/bytes.h"
#include "base/limits.h"
#include "ops/json.h"
#include "ops/ops.h"

/* A change of a node, asked for by an operator who waits for the reply. */
struct node_change {
    struct catalog_change change;
    struct http_exchange *exchange; /* NULL: this place is free */
};

struct rescue_asked;
struct balancing_asked;

struct ops {
    struct ops_world world;
    bool stopping;
    struct figures *figures;
    struct node_change changes[OPS_CHANGES_MAX];
    struct rescue_asked *rescues[OPS_RESCUES_MAX]; /* NULL: this place is free */
    struct balancing_asked *balancing;             /* NULL: nobody asks */
};

/* Each page: one reference, the caller's; NULL without memory. */
struct buf *cluster_page(const struct ops *ops);

/* `name` empty: all streams.  NULL also when there is no stream of that name: `*found` tells. */
struct buf *streams_page(const struct ops *ops, struct slice name, bool *found);

/* ---- nodes.c ---- */
void nodes_on_get(const struct ops *ops, struct http_exchange *exchange);
void nodes_on_post(struct ops *ops, struct http_exchange *exchange);
/* A change for the catalogue, copied; its answer is the exchange's. */
void nodes_offer(struct ops *ops, struct http_exchange *exchange, struct slice change);
/* Replies to those who wait for a change. */
void nodes_stopping(struct ops *ops);
/* What /cluster and /nodes say of a node, inside an object. */
void node_print_fields(const struct ops *ops, struct json *json, const struct model_node *node);

/* ---- stream_limits.c ---- */
void stream_limits_on_post(struct ops *ops, struct http_exchange *exchange);
/* A stream's own, as a member of an object. */
void stream_limits_print(struct json *json, const struct model_stream *stream);

/* ---- upgrades.c ---- */
void upgrades_on_post(struct ops *ops, struct http_exchange *exchange);

/* ---- balancing.c ---- */
void balancing_on_post(struct ops *ops, struct http_exchange *exchange, bool pauses);
void balancing_stopping(struct ops *ops);

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

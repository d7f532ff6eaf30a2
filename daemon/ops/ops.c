#include "ops/ops.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/expose.h"
#include "base/limits.h"
#include "ops/ops_private.h"

#define JSON_TYPE "application/json"
#define TEXT_TYPE "text/plain; charset=utf-8"

static void reply_ready(const struct ops *ops, struct http_exchange *exchange);
static void reply_metrics(const struct ops *ops, struct http_exchange *exchange);
static void reply_streams(const struct ops *ops, struct http_exchange *exchange);
static void reply_buf(struct http_exchange *exchange, const char *type, struct buf *body);

enum err ops_open(struct ops **ret, const struct ops_world *world)
{
    struct ops *ops = calloc(1, sizeof(*ops));

    if (ops == NULL)
        return ERR_NO_MEMORY;
    ops->world = *world;
    ops->figures = figures_new(ops);
    if (ops->figures == NULL) {
        free(ops);
        return ERR_NO_MEMORY;
    }
    if (audit_open(&ops->audit, &world->audit) != ERR_OK) {
        figures_free(ops->figures);
        free(ops);
        return ERR_NO_MEMORY;
    }
    *ret = ops;
    return ERR_OK;
}

void ops_close(struct ops *ops, ops_cb cb, void *ctx)
{
    ensure(ops->stopping);
    figures_free(ops->figures);
    audit_close(ops->audit, cb, ctx);
    free(ops);
}

void ops_stopping(struct ops *ops)
{
    ops->stopping = true;
    changes_stopping(ops);
    rescues_stopping(ops);
}

void ops_on_request(void *ctx, struct http_exchange *exchange)
{
    struct ops *ops = ctx;
    struct slice path = exchange->request.path;

    bool posts = exchange->request.verb == HTTP_VERB_POST;

    if (slice_equal(path, slice_text("/shards/rescue")) &&
        (posts || exchange->request.verb == HTTP_VERB_GET))
        rescues_on_request(ops, exchange, false);
    else if (slice_equal(path, slice_text("/cluster/rescue")) &&
             (posts || exchange->request.verb == HTTP_VERB_GET))
        rescues_on_request(ops, exchange, true);
    else if (posts && slice_equal(path, slice_text("/cluster/upgrade")))
        upgrades_on_post(ops, exchange);
    else if (posts && slice_equal(path, slice_text("/cluster/balancing/pause")))
        balancing_on_post(ops, exchange, true);
    else if (posts && slice_equal(path, slice_text("/cluster/balancing/resume")))
        balancing_on_post(ops, exchange, false);
    else if (posts && slice_equal(path, slice_text("/streams/limits")))
        stream_limits_on_post(ops, exchange);
    else if (posts)
        nodes_on_post(ops, exchange);
    else if (exchange->request.verb != HTTP_VERB_GET && exchange->request.verb != HTTP_VERB_HEAD)
        http_exchange_reply_text(exchange, 405, TEXT_TYPE, slice_text("only GET and HEAD\n"));
    else if (slice_equal(path, slice_text("/livez")))
        http_exchange_reply_text(exchange, 200, TEXT_TYPE, slice_text("alive\n"));
    else if (slice_equal(path, slice_text("/readyz")))
        reply_ready(ops, exchange);
    else if (slice_equal(path, slice_text("/metrics")))
        reply_metrics(ops, exchange);
    else if (slice_equal(path, slice_text("/cluster")))
        reply_buf(exchange, JSON_TYPE, cluster_page(ops));
    else if (slice_equal(path, slice_text("/streams")))
        reply_streams(ops, exchange);
    else if (slice_equal(path, slice_text("/nodes")))
        nodes_on_get(ops, exchange);
    else
        http_exchange_reply_text(exchange, 404, TEXT_TYPE,
                                 slice_text("/livez /readyz /metrics /cluster /streams /nodes "
                                            "/shards/rescue /cluster/rescue\n"));
}

static void reply_ready(const struct ops *ops, struct http_exchange *exchange)
{
    struct reason why = { .text = "" };
    bool ready = control_ready(ops->world.control, &why);

    if (ready && !ops->stopping) {
        http_exchange_reply_text(exchange, 200, TEXT_TYPE, slice_text("ready\n"));
        return;
    }
    if (ops->stopping)
        reason_set(&why, "this node is stopping");
    const char *text = arena_printf(exchange->request.arena, "%s\n", why.text);
    http_exchange_reply_text(exchange, 503, TEXT_TYPE,
                             slice_text(text == NULL ? "not ready\n" : text));
}

static void reply_metrics(const struct ops *ops, struct http_exchange *exchange)
{
    struct writer writer;
    struct buf *body;

    writer_init(&writer, OPS_PAGE_BYTES_MAX);
    expose_print(ops->world.metrics, &writer);
    shards_print(ops, &writer);
    shard_metrics_print(ops, &writer);
    body = writer_take(&writer);
    writer_fini(&writer);
    reply_buf(exchange, EXPOSE_CONTENT_TYPE, body);
}

static void reply_streams(const struct ops *ops, struct http_exchange *exchange)
{
    static const char name_is[] = "name=";
    struct slice query = exchange->request.query, name = slice_of(NULL, 0);
    size_t skip = sizeof(name_is) - 1;
    bool found = true;

    if (query.len > skip && memcmp(query.data, name_is, skip) == 0)
        name = slice_of(query.data + skip, query.len - skip);
    struct buf *body = streams_page(ops, name, &found);
    if (found)
        reply_buf(exchange, JSON_TYPE, body);
    else
        http_exchange_reply_text(exchange, 404, JSON_TYPE,
                                 slice_text("{\"error\":\"there is no such stream\"}\n"));
}

/* Takes the caller's reference. */
static void reply_buf(struct http_exchange *exchange, const char *type, struct buf *body)
{
    struct http_header header = { .name = slice_text("Content-Type"), .value = slice_text(type) };
    struct http_reply reply = {
        .status = 200, .headers = &header, .header_count = 1, .body = &body, .body_count = 1
    };

    if (body == NULL) {
        http_exchange_reply_text(exchange, 503, TEXT_TYPE, slice_text("out of memory\n"));
        return;
    }
    http_exchange_reply(exchange, &reply);
    buf_unref(body);
}

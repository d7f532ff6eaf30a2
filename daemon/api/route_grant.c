/* A consumer's subscription, granted by the leader of the shard: asked here, and answered for other
 * nodes. */
#include "api/grants.h"
#include "api/route_message.h"
#include "api/route_private.h"
#include "base/limits.h"

static void on_refused(struct defer *defer)
{
    struct route_grant *req = container_of(defer, struct route_grant, refused);

    req->cb(req, req->err);
}

void route_grant(struct route *route, struct route_grant *req, route_grant_cb cb)
{
    struct route_job *job;

    req->cb = cb;
    req->err = job_new(route, JOB_GRANT, req, &req->job);
    if (req->err != ERR_OK) {
        defer_run(route->clock, &req->refused, on_refused);
        return;
    }
    job = req->job;
    job->group = req->ask.group;
    job->due_ms = clock_mono_ms(route->clock) + ROUTE_READ_TIMEOUT_MS;
    job->grant = req->ask;
    job_attempt(job);
}

void route_grant_cancel(struct route_grant *req)
{
    struct route_job *job = req->job;

    defer_cancel(&req->refused);
    req->job = NULL;
    if (job == NULL)
        return;
    net_call_cancel(job->route->net, &job->call);
    defer_cancel(&job->defer);
    job_free(job);
}

/* This node leads the shard. */
static enum err take(struct route *route, struct grant_ask *ask, bool *throttled)
{
    const struct model_stream *stream = NULL;

    (void)model_shard_by_group(catalog_model(control_catalog(route->control)), ask->group, &stream);
    ask->calls_per_s =
        limit_or_0(control_stream_limit(route->control, stream, LIMIT_SUBSCRIBE_CALLS));
    return grants_take(&route->grants, ask, clock_mono_ms(route->clock), throttled);
}

enum err grant_here(struct route_job *job)
{
    return take(job->route, &job->grant, &job->throttled);
}

void grant_serve(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct route *route = ctx;
    struct grant_ask ask = { .group = 0 };
    struct refusal more = { .leader = 0 };
    enum err err = grant_ask_decode(message->bytes, &ask);
    struct shard *shard = err == ERR_OK ? control_shard(route->control, ask.group) : NULL;

    if (err == ERR_OK && (shard == NULL || !route_answers(shard)))
        err = ERR_NOT_LEADER;
    if (err == ERR_OK)
        err = take(route, &ask, &more.throttled);
    if (err == ERR_OK)
        net_answer(incoming, ERR_OK, NULL, 0);
    else
        route_refuse(route, incoming, ask.group, err, &more);
}

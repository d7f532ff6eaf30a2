/* The asker's side, first half: jobs and their askers.
 *
 * A request becomes a job, which lives on the heap because it may outlive its
 * asker: a put whose entry is on its way cannot be taken back, so at the deadline
 * the asker is told ERR_UNKNOWN and the job stays until the shard lets go.
 *
 *     asked -> job_new -> job_attempt (route_attempt.c) ... -> job_finish -> told
 */
#include "api/route.h"

#include <stdlib.h>

#include "api/route_private.h"
#include "base/ensure.h"
#include "base/limits.h"

#define TOO_MUCH "this node has too much under way"

static void on_leader(void *ctx, uint64_t group);
static void put_on_refused(struct defer *defer);
static void locate_on_refused(struct defer *defer);
static void read_on_refused(struct defer *defer);
static void place_leave(struct route_job *job);
static void job_deliver(struct defer *defer);
static void deliver_put(const struct route_job *job, struct route_put *req);
static void deliver_locate(const struct route_job *job, struct route_locate *req);
static void deliver_grant(const struct route_job *job, struct route_grant *req);
static void deliver_read(const struct route_job *job, struct route_read *req);

enum err route_open(struct route **ret, struct control *control, struct net *net,
                    struct clock *clock)
{
    struct route *route = calloc(1, sizeof(*route));

    if (route == NULL)
        return ERR_NO_MEMORY;
    route->control = control;
    route->net = net;
    route->clock = clock;
    list_init(&route->jobs);
    for (uint32_t i = 0; i < ROUTE_WAIT_LISTS; i++)
        list_init(&route->waits[i]);
    route_serve(route);
    control_on_leader(control, on_leader, route);
    *ret = route;
    return ERR_OK;
}

static void on_leader(void *ctx, uint64_t group)
{
    job_leader_known(ctx, group);
}

void route_close(struct route *route)
{
    struct list_node *next;

    control_on_leader(route->control, NULL, NULL);
    route_serve_nothing(route->net);
    route->closed = true;
    route->job_count++; /* keeps the route until this loop ends */
    for (struct list_node *node = list_first(&route->jobs); node != NULL; node = next) {
        struct route_job *job = container_of(node, struct route_job, link);

        next = list_next(&route->jobs, node);
        net_call_cancel(route->net, &job->call);
        timer_stop(&job->timer);
        defer_cancel(&job->defer);
        job->req = NULL;
        if (!job->here)
            job_free(job);
    }
    route->job_count--;
    route_settle(route);
}

void route_settle(struct route *route)
{
    if (route->closed && route->job_count == 0 && route->served_puts == 0 &&
        route->served_reads == 0) {
        recents_fini(&route->grants);
        free(route);
    }
}

/* The same one on all nodes that know the same: the first that is up, and well, as who leads. */
static uint64_t resting_answerer(const struct route *route, const struct model_shard *row)
{
    const struct control *control = route->control;
    uint64_t unwell = 0;

    for (uint32_t i = 0; i < row->member_count; i++) {
        uint64_t node = row->members[i];
        if (control_health(control, node) != NODE_UP || !net_is_up(route->net, node))
            continue;
        if (control_stays(control, node) && control_ails(control, node) == 0)
            return node;
        unwell = unwell == 0 ? node : unwell;
    }
    return unwell;
}

uint64_t route_leader(const struct route *route, uint64_t group)
{
    const struct model *model = catalog_model(control_catalog(route->control));
    const struct model_shard *row = model_shard_by_group(model, group, NULL);
    const struct shard *shard = control_shard(route->control, group);
    uint64_t leader = shard == NULL ? 0 : shard_leader(shard);

    if (row != NULL && model_shard_rests(row))
        return resting_answerer(route, row);
    return leader != 0 ? leader : control_leader(route->control, group);
}

bool route_answers(const struct shard *shard)
{
    return shard_leads(shard) || shard_rests(shard);
}

/* ---- the three requests ---- */

void route_put(struct route *route, struct route_put *req, route_put_cb cb)
{
    ensure(req->record_count >= 1 && req->record_count <= ENTRY_RECORDS_MAX);
    ensure(req->records->len <= (req->record_count == 1 ? ENTRY_PAYLOAD_MAX : ENTRY_BYTES_MAX));

    req->cb = cb;
    req->throttled = req->moved = false;
    if (route->put_bytes + req->records->len > ROUTE_PUT_BYTES_MAX)
        req->err = ERR_BUSY;
    else
        req->err = job_new(route, JOB_PUT, req, &req->job);
    if (req->err != ERR_OK) {
        reason_set(&req->reason, TOO_MUCH);
        defer_run(route->clock, &req->refused, put_on_refused);
        return;
    }

    struct route_job *job = req->job;
    job->group = req->group;
    job->due_ms = req->due_ms != 0 ? req->due_ms
                                   : clock_mono_ms(route->clock) + ROUTE_PUT_TIMEOUT_MS;
    job->records = buf_ref(req->records);
    route->put_bytes += req->records->len;
    job_attempt(job);
}

static void put_on_refused(struct defer *defer)
{
    struct route_put *req = container_of(defer, struct route_put, refused);
    req->cb(req, req->err);
}

void route_locate(struct route *route, struct route_locate *req, route_locate_cb cb)
{
    req->cb = cb;
    req->err = job_new(route, JOB_LOCATE, req, &req->job);
    if (req->err != ERR_OK) {
        reason_set(&req->reason, TOO_MUCH);
        defer_run(route->clock, &req->refused, locate_on_refused);
        return;
    }

    struct route_job *job = req->job;
    job->group = req->group;
    job->due_ms = clock_mono_ms(route->clock) + ROUTE_READ_TIMEOUT_MS;
    job_attempt(job);
}

static void locate_on_refused(struct defer *defer)
{
    struct route_locate *req = container_of(defer, struct route_locate, refused);
    req->cb(req, req->err);
}

void route_read(struct route *route, struct route_read *req, route_read_cb cb)
{
    ensure(req->records_max >= 1 && req->records_max <= GET_RECORDS_MAX);
    ensure(req->bytes_max <= GET_BYTES_MAX);

    req->cb = cb;
    req->throttled = false;
    req->err = job_new(route, JOB_READ, req, &req->job);
    if (req->err != ERR_OK) {
        reason_set(&req->reason, TOO_MUCH);
        defer_run(route->clock, &req->refused, read_on_refused);
        return;
    }

    struct route_job *job = req->job;
    job->group = req->group;
    job->due_ms = clock_mono_ms(route->clock) + ROUTE_READ_TIMEOUT_MS;
    job_attempt(job);
}

static void read_on_refused(struct defer *defer)
{
    struct route_read *req = container_of(defer, struct route_read, refused);
    req->cb(req, req->err);
}

void route_read_fini(struct route_read *req)
{
    struct route_job *job = req->job;

    req->job = NULL;
    req->parts = NULL;
    req->part_count = req->record_count = 0;
    if (job != NULL)
        job_free(job);
}

/* A shard that has the read keeps the job until it lets go. */
void route_read_cancel(struct route_read *req)
{
    struct route_job *job = req->job;

    defer_cancel(&req->refused);
    req->job = NULL;
    if (job == NULL)
        return;
    net_call_cancel(job->route->net, &job->call);
    defer_cancel(&job->defer);
    timer_stop(&job->timer);
    job->req = NULL;
    if (!job->here)
        job_free(job);
}

/* ---- jobs ---- */

enum err job_new(struct route *route, enum job_kind kind, void *req, void **ret)
{
    if (route->places[kind] >= ROUTE_JOBS_MAX)
        return ERR_BUSY;

    struct route_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return ERR_NO_MEMORY;
    job->route = route;
    job->kind = kind;
    job->req = req;
    job->began_ms = clock_mono_ms(route->clock);
    list_append(&route->jobs, &job->link);
    route->job_count++;
    route->places[kind]++;
    job->placed = true;
    *ret = job;
    return ERR_OK;
}

static void place_leave(struct route_job *job)
{
    if (job->placed)
        job->route->places[job->kind]--;
    job->placed = false;
}

/* The place goes to the new one, but for a locate's, which nothing bounds in the shard. */
struct route_job *job_anew(struct route_job *job)
{
    void *made = NULL;

    ensure(job->here && (job->kind == JOB_READ || job->kind == JOB_LOCATE));
    if (job->kind == JOB_READ)
        place_leave(job);
    if (job_new(job->route, job->kind, job->req, &made) != ERR_OK)
        return NULL;
    struct route_job *anew = made;
    anew->group = job->group;
    anew->due_ms = job->due_ms;
    anew->began_ms = job->began_ms;
    anew->asked = job->asked;
    anew->hung = true;
    if (job->kind == JOB_READ)
        ((struct route_read *)job->req)->job = anew;
    else
        ((struct route_locate *)job->req)->job = anew;
    job->req = NULL;
    return anew;
}

void job_free(struct route_job *job)
{
    struct route *route = job->route;

    ensure(!job->here);
    timer_stop(&job->timer);
    place_leave(job);
    if (job->kind == JOB_PUT) {
        route->put_bytes -= job->records->len;
        buf_unref(job->records);
    }
    if (job->kind == JOB_READ) {
        if (job->answer == NULL)
            shard_read_fini(&job->read);
        else
            free(job->read_answer.parts);
        buf_unref(job->answer);
    }
    list_remove(&job->wait);
    list_remove(&job->link);
    free(job);
    route->job_count--;
    route_settle(route);
}

void job_finish(struct route_job *job, enum err err)
{
    ensure(!job->done);
    job->done = true;
    job->err = err;
    timer_stop(&job->timer);
    list_remove(&job->wait);
    defer_run(job->route->clock, &job->defer, job_deliver);
}

/* Tells the asker.  A job with a result that the asker looks at stays until route_read_fini(). */
static void job_deliver(struct defer *defer)
{
    struct route_job *job = container_of(defer, struct route_job, defer);
    void *req = job->req;
    enum job_kind kind = job->kind;
    enum err err = job->err;

    job->req = NULL;
    switch (kind) {
    case JOB_PUT:
        deliver_put(job, req);
        break;
    case JOB_LOCATE:
        deliver_locate(job, req);
        break;
    case JOB_READ:
        deliver_read(job, req);
        break;
    case JOB_GRANT:
        deliver_grant(job, req);
        break;
    case JOB_KINDS:
        ensure(false);
    }
    /* What a stuck shard holds must not shut others out.  It is bounded there: an entry's puts,
     * SHARD_READS_MAX.  Not so a locate, which keeps its place. */
    if (job->here && kind != JOB_LOCATE)
        place_leave(job);
    if (!job->here && !(kind == JOB_READ && err == ERR_OK))
        job_free(job);

    if (kind == JOB_PUT)
        ((struct route_put *)req)->cb(req, err);
    else if (kind == JOB_LOCATE)
        ((struct route_locate *)req)->cb(req, err);
    else if (kind == JOB_GRANT)
        ((struct route_grant *)req)->cb(req, err);
    else
        ((struct route_read *)req)->cb(req, err);
}

static void deliver_put(const struct route_job *job, struct route_put *req)
{
    req->job = NULL;
    req->throttled = job->throttled;
    req->moved = job->moved;
    req->reason = job->reason;
    if (job->err == ERR_OK)
        req->first = job->first;
}

static void deliver_locate(const struct route_job *job, struct route_locate *req)
{
    req->job = NULL;
    req->reason = job->reason;
    if (job->err == ERR_OK)
        req->position = job->position;
}

static void deliver_grant(const struct route_job *job, struct route_grant *req)
{
    req->job = NULL;
    req->throttled = job->throttled;
    req->reason = job->reason;
}

static void deliver_read(const struct route_job *job, struct route_read *req)
{
    req->reason = job->reason;
    req->throttled = job->throttled;
    if (job->err != ERR_OK) {
        req->job = NULL;
        return;
    }
    req->parts = job->read_answer.parts;
    req->part_count = job->read_answer.part_count;
    req->record_count = job->read_answer.record_count;
    req->next = job->read_answer.next;
    req->behind_ms = job->read_answer.behind_ms;
}

#include "base/ensure.h"
#include "catalog/answer.h"
#include "catalog/catalog_private.h"
#include "catalog/resume.h"

#include <stdlib.h>

/* One change asked on this node.
 *
 *     PAUSE <-> ASK -> WAIT for the own model -> answered
 *       +--------+-----------------------------> answered
 */
enum job_state {
    JOB_PAUSE, /* the leader is unknown, busy or unreachable: the change was not proposed */
    JOB_ASK,   /* a call is under way */
    JOB_WAIT   /* proposed and judged; this node's model has not got so far */
};

struct propose_job {
    struct list_node link;
    struct catalog *catalog;
    struct catalog_change *req; /* NULL: taken back */
    struct buf *change;
    enum job_state state;
    uint64_t due_ms;
    struct net_call call;
    struct timer timer;
    uint32_t tries;
    uint64_t asked; /* node */
    uint64_t index; /* in JOB_WAIT */
    enum err err;   /* the answer, once known; in JOB_PAUSE: what failed, for the reason */
    struct reason reason;
    bool refused; /* before it was tried */
};

static void ask(struct propose_job *job);
static uint64_t whom(struct propose_job *job);
static void explain(const struct catalog *catalog, struct reason *reason);
static void ask_on_answer(struct net_call *call, enum err err, enum err remote,
                          struct slice answer, struct buf *answer_buf);
static void judge(struct propose_job *job, enum err remote, const struct change_answer *answer);
static void pause_job(struct propose_job *job, enum err err, uint64_t after_ms);
static void pause_on_timer(struct timer *timer);
static void wait_for_model(struct propose_job *job);
static bool look_at_model(struct propose_job *job);
static void wait_on_timer(struct timer *timer);
static void job_done(struct propose_job *job, enum err err);
static void job_free(struct propose_job *job);

void catalog_change(struct catalog *catalog, struct catalog_change *req, struct slice change,
                    uint64_t timeout_ms, catalog_change_cb cb)
{
    struct propose_job *job = model_memory(1, sizeof(*job));

    *req = (struct catalog_change){ .catalog = catalog, .cb = cb, .job = job };
    job->catalog = catalog;
    job->req = req;
    job->due_ms = clock_mono_ms(catalog->world.clock) + timeout_ms;
    job->change = buf_copy(change);
    list_append(&catalog->jobs, &job->link);
    catalog->job_count++;
    catalog->busy++;

    enum err err = ERR_OK;
    if (catalog->closing)
        err = ERR_CLOSED;
    else if (job->change == NULL)
        err = ERR_NO_MEMORY;
    else if (catalog->job_count > CATALOG_JOBS_MAX)
        err = ERR_BUSY;
    else if (change.len == 0 || change.len > CATALOG_CHANGE_BYTES_MAX)
        err = ERR_INVALID;
    job->refused = err != ERR_OK;
    if (err == ERR_INVALID)
        reason_set(&job->reason, "a change has 1 to %u bytes", CATALOG_CHANGE_BYTES_MAX);
    pause_job(job, err, 0); /* the callback never runs inside this call */
}

void catalog_change_cancel(struct catalog_change *req)
{
    struct propose_job *job = req->job;

    if (job == NULL)
        return;
    req->job = NULL;
    job->req = NULL;
    if (job->state == JOB_ASK)
        net_call_cancel(job->catalog->world.net, &job->call);
    job_free(job);
}

void propose_changed(struct catalog *catalog)
{
    struct list jobs;

    list_take(&jobs, &catalog->jobs); /* callbacks may ask for more */
    for (struct list_node *node; (node = list_pop(&jobs)) != NULL;) {
        struct propose_job *job = container_of(node, struct propose_job, link);
        list_append(&catalog->jobs, node);
        if (job->state == JOB_WAIT)
            (void)look_at_model(job);
    }
}

void propose_close(struct catalog *catalog)
{
    struct list jobs;

    list_take(&jobs, &catalog->jobs);
    for (struct list_node *node; (node = list_pop(&jobs)) != NULL;) {
        struct propose_job *job = container_of(node, struct propose_job, link);
        list_append(&catalog->jobs, node);
        if (job->state == JOB_ASK)
            net_call_cancel(catalog->world.net, &job->call);
        job_done(job, job->state == JOB_PAUSE ? ERR_CLOSED : ERR_UNKNOWN);
    }
}

/* ---- asking ---- */

static void ask(struct propose_job *job)
{
    struct catalog *catalog = job->catalog;
    uint64_t now_ms = clock_mono_ms(catalog->world.clock);

    if (job->refused) {
        job_done(job, job->err);
        return;
    }
    if (now_ms >= job->due_ms) {
        if (job->reason.text[0] == 0)
            explain(catalog, &job->reason);
        job_done(job, ERR_UNAVAILABLE);
        return;
    }

    job->asked = whom(job);
    if (job->asked == 0) {
        pause_job(job, ERR_UNREACHABLE, CATALOG_PAUSE_MS);
        return;
    }
    job->state = JOB_ASK;
    net_call(catalog->world.net, &job->call, job->asked, NET_CHANGE, &job->change, 1,
             job->due_ms - now_ms, ask_on_answer);
}

/* The leader, or any member: it knows better. */
static uint64_t whom(struct propose_job *job)
{
    struct catalog *catalog = job->catalog;
    uint64_t leader = catalog_leader(catalog);

    if (leader == catalog->node || (leader != 0 && net_is_up(catalog->world.net, leader)))
        return leader;
    for (uint32_t i = 0; i < catalog->member_count; i++) {
        uint64_t node = catalog->members[job->tries++ % catalog->member_count];
        if (node != catalog->node && net_is_up(catalog->world.net, node))
            return node;
    }
    return 0;
}

/* Why nobody could be asked: what an operator can mend is told from what passes by itself. */
static void explain(const struct catalog *catalog, struct reason *reason)
{
    uint32_t there = 0;

    for (uint32_t i = 0; i < catalog->member_count; i++)
        there += catalog->members[i] == catalog->node ||
                 net_is_up(catalog->world.net, catalog->members[i]);
    if (there * 2 <= catalog->member_count)
        reason_set(reason, "the catalogue has no majority: of its %u members this node reaches %u",
                   catalog->member_count, there);
    else
        reason_set(reason, "the catalogue has no leader yet: its members are electing one");
}

static void ask_on_answer(struct net_call *call, enum err err, enum err remote,
                          struct slice bytes, struct buf *answer_buf)
{
    struct propose_job *job = container_of(call, struct propose_job, call);
    struct change_answer answer = { .index = 0 };

    if (err == ERR_UNREACHABLE || err == ERR_NO_MEMORY || err == ERR_BUSY) {
        if (job->catalog->hint == job->asked)
            job->catalog->hint = 0;
        pause_job(job, err, CATALOG_PAUSE_MS);
        return;
    }
    if (err != ERR_OK || answer_change_read(bytes, &answer) != ERR_OK) {
        reason_set(&job->reason, "the catalogue's leader did not answer (%s)", err_name(err));
        job_done(job, ERR_UNKNOWN);
        return;
    }
    judge(job, remote, &answer);
}

static void judge(struct propose_job *job, enum err remote, const struct change_answer *answer)
{
    bool other = answer->leader != 0 && answer->leader != job->asked;

    job->reason = answer->reason;
    if (answer->index != 0) {
        job->err = remote;
        job->index = answer->index;
        job->req->index = answer->index;
        wait_for_model(job);
        return;
    }
    switch (remote) {
    case ERR_NOT_LEADER:
        /* A wrong hint must not make two nodes send us to each other for ever without a pause. */
        if (other || job->catalog->hint == job->asked)
            job->catalog->hint = answer->leader;
        pause_job(job, remote, other && job->tries == 0 ? 0 : CATALOG_PAUSE_MS);
        job->tries++;
        return;
    case ERR_BUSY:
    case ERR_CLOSED:
    case ERR_UNAVAILABLE:
    case ERR_NO_MEMORY:
        pause_job(job, remote, CATALOG_PAUSE_MS);
        return;
    case ERR_OK:
        job_done(job, ERR_UNKNOWN); /* "done", and no word where */
        return;
    default:
        job_done(job, remote);
        return;
    }
}

static void pause_job(struct propose_job *job, enum err err, uint64_t after_ms)
{
    job->state = JOB_PAUSE;
    job->err = err;
    timer_start(job->catalog->world.clock, &job->timer, after_ms, pause_on_timer);
}

static void pause_on_timer(struct timer *timer)
{
    ask(container_of(timer, struct propose_job, timer));
}

/* ---- the own model ---- */

static void wait_for_model(struct propose_job *job)
{
    struct catalog *catalog = job->catalog;
    uint64_t now_ms = clock_mono_ms(catalog->world.clock);

    job->state = JOB_WAIT;
    if (!look_at_model(job))
        timer_start(catalog->world.clock, &job->timer,
                    job->due_ms > now_ms ? job->due_ms - now_ms : 0, wait_on_timer);
}

/* False: it waits.  Meanwhile a rescue may have ended the history of the leader that judged. */
static bool look_at_model(struct propose_job *job)
{
    switch (resume_fate(job->catalog->model, job->index)) {
    case FATE_AHEAD:
        return false;
    case FATE_THERE:
        job_done(job, job->err);
        return true;
    case FATE_LOST: /* as good as not proposed */
        job->req->index = 0;
        job->catalog->hint = 0;
        job->tries++;
        pause_job(job, ERR_UNAVAILABLE, CATALOG_PAUSE_MS);
        return true;
    case FATE_UNKNOWN:
        if (job->err == ERR_OK)
            reason_set(&job->reason, "the catalogue was rescued meanwhile: look whether it is "
                       "done");
        job_done(job, job->err == ERR_OK ? ERR_UNKNOWN : job->err);
        return true;
    }
    return false;
}

static void wait_on_timer(struct timer *timer)
{
    struct propose_job *job = container_of(timer, struct propose_job, timer);

    if (job->err == ERR_OK)
        reason_set(&job->reason, "done, but this node has not heard of it yet");
    job_done(job, job->err == ERR_OK ? ERR_UNKNOWN : job->err);
}

static void job_done(struct propose_job *job, enum err err)
{
    struct catalog_change *req = job->req;

    ensure(req != NULL); /* taking it back frees the job */
    req->job = NULL;
    req->reason = job->reason;
    job_free(job);
    req->cb(req, err);
}

static void job_free(struct propose_job *job)
{
    struct catalog *catalog = job->catalog;

    timer_stop(&job->timer);
    list_remove(&job->link);
    buf_unref(job->change);
    free(job);
    catalog->job_count--;
    catalog_idle(catalog);
}

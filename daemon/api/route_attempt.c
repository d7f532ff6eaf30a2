/* The asker's side, second half: whom to ask, how long, how often.
 *
 *     attempt -> here: shard_put, shard_read, shard_locate -> settled
 *       ^  |
 *       |  +-> there: net_call ----------------------------> settled
 *       |
 *       +--- wait, when nothing was done and time is left <---+
 */
#include <stdlib.h>

#include "api/route_message.h"
#include "api/route_private.h"
#include "base/limits.h"
#include "base/mutant.h"

static const struct model_shard *row_of(const struct route_job *job);
static uint32_t place_behind(const struct route_job *job);
static void attempt_leader(struct route_job *job);
static void attempt_anybody(struct route_job *job, const struct model_shard *model_shard);
static void attempt_next(struct route_job *job);
static bool needs_leader(const struct route_job *job);
static bool rests(const struct route_job *job);
static bool may_ask_here(const struct route_job *job, const struct shard *shard);
static bool is_late_here(const struct route_job *job);
static bool go_on_elsewhere(struct route_job *job);
static uint64_t patience_here(const struct route_job *job);
static void attempt_here(struct route_job *job, struct shard *shard);
static enum err here_put(struct route_job *job, struct shard *shard);
static void here_read(struct route_job *job, struct shard *shard);
static void here_locate(struct route_job *job, struct shard *shard);
static void here_on_put(struct put *put, enum err err, struct seqno first);
static void here_on_read(struct shard_read *read, enum err err);
static void here_on_locate(struct locate *locate, enum err err);
static void here_settled(struct route_job *job, enum err err);
static void attempt_there(struct route_job *job, uint64_t node);
static enum net_kind call_kind(const struct route_job *job);
static struct buf *ask_encode(const struct route_job *job);
static void there_on_answer(struct net_call *call, enum err err, enum err remote,
                            struct slice answer, struct buf *answer_buf);
static enum err refused_as(struct route_job *job, enum err remote, struct slice answer);
static enum err there_take(struct route_job *job, struct slice answer, struct buf *answer_buf);
static void settled(struct route_job *job, enum err err);
static void note_end(struct route_job *job, enum err err);

/* ---- whom to ask ---- */

void job_attempt(struct route_job *job)
{
    struct route *route = job->route;
    const struct model_shard *shard = row_of(job);

    if (shard == NULL) {
        reason_set(&job->reason, "the shard is gone");
        job_finish(job, ERR_CLOSED);
        return;
    }
    if (job->kind == JOB_PUT && shard->state == SHARD_CLOSED) {
        reason_set(&job->reason, "the shard was split or merged");
        job->moved = true;
        job_finish(job, ERR_CLOSED);
        return;
    }
    if (clock_mono_ms(route->clock) >= job->due_ms) {
        job_finish(job, ERR_UNAVAILABLE);
        return;
    }
    if (job->round == ROUND_LEADER)
        attempt_leader(job);
    else
        attempt_anybody(job, shard);
}

static void attempt_leader(struct route_job *job)
{
    struct route *route = job->route;
    struct shard *shard = control_shard(route->control, job->group);
    uint64_t leader = job->hint, known = route_leader(route, job->group);

    if (leader == 0)
        job->known = known;
    job->hint = job->asked = 0;
    if (shard != NULL && shard_leads(shard)) {
        attempt_here(job, shard);
        return;
    }
    if (leader == 0)
        leader = known;
    if (shard != NULL && shard_rests(shard) && leader == control_node(route->control)) {
        if (job->hung)
            attempt_next(job);
        else
            attempt_here(job, shard);
        return;
    }
    if (leader != 0 && net_is_up(route->net, leader)) {
        attempt_there(job, leader);
        return;
    }
    reason_set(&job->reason, leader == 0 ? "the shard has no leader now"
                                         : "the shard's leader cannot be reached");
    attempt_next(job);
}

/* Any replica that can be reached, this node's own first, the one that was asked already last. */
static void attempt_anybody(struct route_job *job, const struct model_shard *model_shard)
{
    struct route *route = job->route;
    struct shard *shard = control_shard(route->control, job->group);

    if (shard != NULL && may_ask_here(job, shard)) {
        job->tried |= TRIED_HERE;
        attempt_here(job, shard);
        return;
    }
    for (uint32_t i = 0; i < model_shard->member_count; i++) {
        uint32_t at = (job->first_place + i) % model_shard->member_count;
        uint64_t node = model_shard->members[at];

        if ((job->tried & 1u << at) != 0 || !net_is_up(route->net, node) ||
            (job->hung && node == control_node(route->control)))
            continue;
        job->tried |= 1u << at;
        attempt_there(job, node);
        return;
    }
    job_wait(job);
}

static const struct model_shard *row_of(const struct route_job *job)
{
    const struct model *model = catalog_model(control_catalog(job->route->control));

    return model_shard_by_group(model, job->group, NULL);
}

/* Among the members: behind the one asked last, 0 when it is none of them. */
static uint32_t place_behind(const struct route_job *job)
{
    const struct model_shard *row = row_of(job);

    for (uint32_t at = 0; row != NULL && at < row->member_count; at++)
        if (row->members[at] == job->asked)
            return at + 1;
    return 0;
}

/* Nothing was done in the last attempt: a read goes on with the other replicas.  So does all else
 * that is asked of a group that rests, of which each answers. */
static void attempt_next(struct route_job *job)
{
    if (needs_leader(job) && !rests(job)) {
        job_wait(job);
        return;
    }
    if (job->round == ROUND_LEADER) {
        job->round = ROUND_ANYBODY;
        job->tried = job->asked == control_node(job->route->control) ? TRIED_HERE : 0;
        job->first_place = place_behind(job);
    }
    job_attempt(job);
}

/* Only a leader within its lease knows what is newest; and who puts, puts at the leader. */
static bool needs_leader(const struct route_job *job)
{
    const struct route_locate *locate = job->req;

    return job->kind == JOB_PUT || job->kind == JOB_GRANT ||
           (job->kind == JOB_LOCATE && locate->type == LOCATE_LATEST);
}

static bool rests(const struct route_job *job)
{
    const struct model_shard *row = row_of(job);

    return row != NULL && model_shard_rests(row);
}

/* One that ails might keep the request until its deadline: it is asked as any other, which has an
 * end, in its turn. */
static bool may_ask_here(const struct route_job *job, const struct shard *shard)
{
    const struct control *control = job->route->control;

    return (job->tried & TRIED_HERE) == 0 && !job->hung &&
           control_ails(control, control_node(control)) == 0 &&
           (!needs_leader(job) || route_answers(shard));
}

void job_on_timer(struct timer *timer)
{
    struct route_job *job = container_of(timer, struct route_job, timer);

    list_remove(&job->wait);
    if (!job->here) {
        job_attempt(job);
        return;
    }
    if (job->kind == JOB_PUT && putq_cancel(&job->put)) {
        job->here = false;
        reason_set(&job->reason, "the shard took no more records in time; nothing was stored");
        job_finish(job, ERR_UNAVAILABLE);
        return;
    }
    if (is_late_here(job) && go_on_elsewhere(job))
        return;
    reason_set(&job->reason, "the shard did not answer in time");
    job_finish(job, job->kind == JOB_PUT && !MUTANT(refused_when_unknown) ? ERR_UNKNOWN
                                                                          : ERR_UNAVAILABLE);
}

/* Its own disk may hold a read for seconds before this node knows that it ails. */
static bool is_late_here(const struct route_job *job)
{
    return (job->kind == JOB_READ || job->kind == JOB_LOCATE) && rests(job) &&
           clock_mono_ms(job->route->clock) < job->due_ms;
}

/* The shard here keeps its job until it lets go.  Each other member of the group answers. */
static bool go_on_elsewhere(struct route_job *job)
{
    struct route_job *anew = job_anew(job);

    if (anew == NULL)
        return false;
    reason_set(&anew->reason, "the shard did not answer in time");
    attempt_next(anew);
    return true;
}

/* ---- here ---- */

/* As long as another one would have: one that rests can be asked of others. */
static uint64_t patience_here(const struct route_job *job)
{
    uint64_t now_ms = clock_mono_ms(job->route->clock);
    uint64_t left_ms = job->due_ms > now_ms ? job->due_ms - now_ms : 0;

    return rests(job) && left_ms > ROUTE_TRY_MS ? ROUTE_TRY_MS : left_ms;
}

static void attempt_here(struct route_job *job, struct shard *shard)
{
    enum err err = ERR_OK;

    job->asked = control_node(job->route->control);
    if (job->kind == JOB_GRANT) {
        settled(job, grant_here(job));
        return;
    }
    job->here = true;
    timer_start(job->route->clock, &job->timer, patience_here(job), job_on_timer);
    if (job->kind == JOB_PUT)
        err = here_put(job, shard);
    else if (job->kind == JOB_READ)
        here_read(job, shard);
    else
        here_locate(job, shard);
    if (err != ERR_OK) {
        job->here = false;
        timer_stop(&job->timer);
        settled(job, err);
    }
}

static enum err here_put(struct route_job *job, struct shard *shard)
{
    const struct route_put *req = job->req;

    job->put = (struct put){
        .records = buf_slice(job->records), .record_count = req->record_count, .done = here_on_put
    };
    return shard_put(shard, &job->put, &job->throttled);
}

static void here_read(struct route_job *job, struct shard *shard)
{
    const struct route_read *req = job->req;

    job->read = (struct shard_read){ .from = req->from,
                                     .records_max = req->records_max,
                                     .bytes_max = req->bytes_max,
                                     .now_ms = clock_wall_ms(job->route->clock),
                                     .hidden_ms = control_reading_ms(job->route->control),
                                     .waits = req->watches,
                                     .unmetered = req->watches };
    shard_read(shard, &job->read, here_on_read);
}

static void here_locate(struct route_job *job, struct shard *shard)
{
    const struct route_locate *req = job->req;

    job->locate = (struct locate){ .type = req->type,
                                   .seqno = req->seqno,
                                   .time_ms = req->time_ms,
                                   .hidden_ms = control_reading_ms(job->route->control) };
    shard_locate(shard, &job->locate, here_on_locate);
}

static void here_on_put(struct put *put, enum err err, struct seqno first)
{
    struct route_job *job = container_of(put, struct route_job, put);

    job->first = first;
    here_settled(job, err);
}

static void here_on_read(struct shard_read *read, enum err err)
{
    struct route_job *job = container_of(read, struct route_job, read);

    job->read_answer = (struct read_answer){ .parts = read->parts,
                                             .part_count = read->part_count,
                                             .record_count = read->record_count,
                                             .next = read->next,
                                             .behind_ms = read->behind_ms };
    job->throttled = err == ERR_BUSY;
    if (err != ERR_OK) {
        job->reason = read->reason;
        shard_read_fini(read);
    }
    here_settled(job, err);
}

static void here_on_locate(struct locate *locate, enum err err)
{
    struct route_job *job = container_of(locate, struct route_job, locate);

    job->position = locate->position;
    here_settled(job, err);
}

static void here_settled(struct route_job *job, enum err err)
{
    job->here = false;
    if (job->req == NULL) {
        job_free(job); /* too late for the asker */
        return;
    }
    if (job->done)
        return;
    timer_stop(&job->timer); /* it watched over this attempt; a call to another node has its own */
    settled(job, err);
}

/* ---- there ---- */

static void attempt_there(struct route_job *job, uint64_t node)
{
    struct route *route = job->route;
    struct buf *parts[2] = { NULL, job->records };
    uint64_t left_ms = job->due_ms - clock_mono_ms(route->clock); /* job_attempt() has looked */

    job->asked = node;
    parts[0] = ask_encode(job);
    if (parts[0] == NULL) {
        job_finish(job, ERR_NO_MEMORY);
        return;
    }
    if (job->kind == JOB_PUT) {
        net_call(route->net, &job->call, node, NET_PUT, parts, 2, left_ms, there_on_answer);
    } else {
        uint64_t patience_ms = left_ms < ROUTE_TRY_MS ? left_ms : ROUTE_TRY_MS;
        net_call(route->net, &job->call, node, call_kind(job), parts, 1, patience_ms,
                 there_on_answer);
    }
    buf_unref(parts[0]);
}

static enum net_kind call_kind(const struct route_job *job)
{
    if (job->kind == JOB_READ)
        return NET_READ;
    return job->kind == JOB_LOCATE ? NET_LOCATE : NET_GRANT;
}

static struct buf *grant_encode(const struct route_job *job)
{
    struct buf *buf = buf_new(GRANT_ASK_BYTES);

    if (buf != NULL)
        grant_ask_encode(&job->grant, buf->data);
    return buf;
}

static struct buf *ask_encode(const struct route_job *job)
{
    bool leader_only = job->round == ROUND_LEADER || needs_leader(job);

    if (job->kind == JOB_PUT) {
        const struct route_put *req = job->req;
        struct buf *buf = buf_new(PUT_ASK_BYTES);
        struct put_ask ask = { .group = job->group, .record_count = req->record_count };
        if (buf != NULL)
            put_ask_encode(&ask, buf->data);
        return buf;
    }
    if (job->kind == JOB_GRANT)
        return grant_encode(job);
    if (job->kind == JOB_READ) {
        const struct route_read *req = job->req;
        struct buf *buf = buf_new(READ_ASK_BYTES);
        struct read_ask ask = { .group = job->group,
                                .leader_only = leader_only,
                                .from = req->from,
                                .records_max = req->records_max,
                                .bytes_max = req->bytes_max,
                                .watches = req->watches };
        if (buf != NULL)
            read_ask_encode(&ask, buf->data);
        return buf;
    }
    const struct route_locate *req = job->req;
    struct buf *buf = buf_new(LOCATE_ASK_BYTES);
    struct locate_ask ask = { .group = job->group,
                              .type = req->type,
                              .leader_only = leader_only,
                              .seqno = req->seqno,
                              .time_ms = req->time_ms };
    if (buf != NULL)
        locate_ask_encode(&ask, buf->data);
    return buf;
}

static void there_on_answer(struct net_call *call, enum err err, enum err remote,
                            struct slice answer, struct buf *answer_buf)
{
    struct route_job *job = container_of(call, struct route_job, call);

    if (err == ERR_OK && remote == ERR_OK) {
        settled(job, there_take(job, answer, answer_buf));
        return;
    }
    if (err == ERR_OK) {
        struct refusal refusal = refusal_decode(answer);

        job->hint = refusal.leader;
        job->throttled = refusal.throttled;
        job->reason = refusal.reason;
        settled(job, refused_as(job, remote, answer));
        return;
    }
    if (err == ERR_TIMEOUT)
        err = ERR_UNKNOWN;
    if (MUTANT(put_sent_again))
        err = ERR_UNREACHABLE;
    reason_set(&job->reason, "the shard's leader did not answer");
    settled(job, err);
}

/* Of a read a shard says ERR_BUSY when its limit is reached, and says it in words.  Without any
 * the link there has too many calls: that is no limit of the shard's, and another may do it. */
static enum err refused_as(struct route_job *job, enum err remote, struct slice answer)
{
    if (remote != ERR_BUSY || (job->kind != JOB_READ && job->kind != JOB_LOCATE))
        return remote;
    job->throttled = job->kind == JOB_READ && answer.len > 0;
    return job->throttled ? ERR_BUSY : ERR_UNAVAILABLE;
}

static enum err there_take(struct route_job *job, struct slice answer, struct buf *answer_buf)
{
    enum err err;

    if (job->kind == JOB_PUT)
        return put_answer_decode(answer, &job->first) == ERR_OK ? ERR_OK : ERR_UNKNOWN;
    if (job->kind == JOB_GRANT)
        return ERR_OK;
    if (job->kind == JOB_LOCATE)
        return locate_answer_decode(answer, &job->position);

    const struct route_read *req = job->req;
    err = read_answer_decode(answer, req->records_max, &job->read_answer);
    if (err == ERR_OK)
        job->answer = buf_ref(answer_buf);
    return err;
}

/* ---- what came of an attempt ---- */

/* Only of a read or a place in the shard is ERR_UNAVAILABLE said at once.  Who does not lead, or
 * whose link broke, has said nothing of its room. */
static void note_end(struct route_job *job, enum err err)
{
    if (job->kind != JOB_READ && job->kind != JOB_LOCATE)
        return;
    if (err == ERR_UNAVAILABLE)
        job->no_place = true;
    else if (err != ERR_NOT_LEADER && err != ERR_UNREACHABLE)
        job->other_end = true;
}

/* Who refuses and names itself was elected, and leads as soon as its barrier is committed. */
static bool is_about_to_lead(const struct route_job *job)
{
    return job->hint != 0 && job->hint == job->asked && needs_leader(job) && !rests(job) &&
           job->soons < ROUTE_SOONS_MAX;
}

/* Nothing was done when the error is in the first two rows: then it is worth asking on. */
static void settled(struct route_job *job, enum err err)
{
    note_end(job, err);
    switch (err) {
    case ERR_NOT_LEADER:
        if (job->hint != 0 && job->hint != job->asked && job->hints++ < ROUTE_HINTS_MAX)
            job_attempt(job);
        else if (is_about_to_lead(job))
            job_wait_soon(job);
        else
            attempt_next(job);
        return;
    case ERR_UNREACHABLE:
    case ERR_CLOSED: /* there; job_attempt() looks whether the shard is gone altogether */
    case ERR_UNAVAILABLE:
        attempt_next(job);
        return;
    case ERR_OK:
    case ERR_BUSY:
    case ERR_EXISTS: /* of grants */
    case ERR_NO_MEMORY:
        job_finish(job, err);
        return;
    default:
        if (job->kind == JOB_PUT)
            job_finish(job, err);
        else
            attempt_next(job); /* another replica may do better: ERR_IO, ERR_CORRUPT, no answer */
    }
}

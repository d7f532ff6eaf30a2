/* Splits and merges, on the catalogue's leader (docs/flows/reshard.md).  Each look goes through the
 * children that are OPENING and does what can be done now:
 *
 *     all children of the step have a leader     asks the parents' leaders whether they could end,
 *                                                where there are two: one that ends alone would
 *                                                keep its writers waiting for the other
 *     each could, a moment ago                   asks them to end
 *     each has ended                             CommitReshard
 *
 * What it knows besides the model is what leaders have said; another catalogue's leader asks them
 * anew, and gets the same answers. */
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "catalog/change_reshard.h"
#include "catalog/uniform.h"
#include "catalog/version.h"
#include "control/control_private.h"

#define ABLE_MS 500u /* so long it counts that a leader could end its shard */

static void on_timer(struct timer *timer);
static bool look(struct control *control);
static bool stream_look(struct control *control, const struct model_stream *stream);
static bool children_are_led(const struct control *control, const struct model_stream *stream,
                             uint32_t first, uint32_t *behind);
static bool step_ended(struct control *control, const struct model_stream *stream,
                       const struct model_shard *child);
static void commit(struct control *control, const struct model_stream *stream,
                   const struct reshard_end ends[], uint32_t count);
static void go_on(struct control *control, const struct model_stream *stream);
static struct reshard_parent *parent_take(struct control *control,
                                          const struct model_shard *shard);
static void parents_prune(struct control *control);
static void parent_ask(struct reshard_parent *parent, bool ends);
static void parent_on_answer(struct net_call *call, enum err err, enum err remote,
                             struct slice answer, struct buf *answer_buf);
static void begin_look(struct control *control);
static void take_up(struct control *control);
static void change(struct control *control, struct reshard_change *change, struct buf *bytes);
static void change_on_done(struct catalog_change *req, enum err err);

void reshard_open(struct control *control)
{
    timer_start(control->world.clock, &control->reshard.timer, CONTROL_RETRY_MS, on_timer);
}

void reshard_close(struct control *control)
{
    struct reshard *reshard = &control->reshard;

    timer_stop(&reshard->timer);
    if (reshard->commit.under_way)
        catalog_change_cancel(&reshard->commit.change);
    if (reshard->begin.under_way)
        catalog_change_cancel(&reshard->begin.change);
    reshard->commit.under_way = reshard->begin.under_way = reshard->stranded.under_way = false;
    for (uint32_t i = 0; i < CATALOG_ENDS_MAX; i++)
        if (reshard->parents[i].asking)
            net_call_cancel(control->world.net, &reshard->parents[i].call);
    memset(reshard->parents, 0, sizeof(reshard->parents));
}

static void on_timer(struct timer *timer)
{
    reshard_look(container_of(timer, struct control, reshard.timer));
}

void reshard_look(struct control *control)
{
    struct reshard *reshard = &control->reshard;

    if (control->closing)
        return;
    bool busy = catalog_leads(control->catalog) && look(control);
    timer_start(control->world.clock, &reshard->timer,
                busy ? CONTROL_RESHARD_MS : CONTROL_RETRY_MS, on_timer);
}

/* Whether there is anything under way. */
static bool look(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    bool busy = false;

    parents_prune(control);
    for (uint32_t i = 0; i < model_stream_count(model); i++)
        if (model_stream_at(model, i)->status == STREAM_UPDATING)
            busy |= stream_look(control, model_stream_at(model, i));
    begin_look(control);
    return busy;
}

/* Children of one step follow each other. */
static bool stream_look(struct control *control, const struct model_stream *stream)
{
    struct reshard_end ends[CATALOG_ENDS_MAX];
    uint32_t end_count = 0, behind = 0;
    bool opening = false;

    for (uint32_t at = 0; at < stream->shard_count; at = behind) {
        const struct model_shard *child = &stream->shards[at];
        behind = at + 1;
        if (child->state != SHARD_OPENING)
            continue;
        opening = true;
        if (!children_are_led(control, stream, at, &behind) || !step_ended(control, stream, child))
            continue;
        if (end_count + child->parent_count > CATALOG_ENDS_MAX)
            break; /* with the next change */
        for (uint32_t i = 0; i < child->parent_count; i++) {
            const struct model_shard *shard = model_shard_by_number(stream, child->parents[i]);
            const struct reshard_parent *parent = parent_take(control, shard);
            ends[end_count++] =
                (struct reshard_end){ .number = shard->number,
                                      .end = parent == NULL ? 0 : parent->ending.place,
                                      .time_ms = parent == NULL ? 0 : parent->ending.time_ms };
        }
    }
    if (end_count > 0)
        commit(control, stream, ends, end_count);
    return opening || stream->target != 0;
}

static bool is_opening(const struct model_stream *stream)
{
    for (uint32_t i = 0; i < stream->shard_count; i++)
        if (stream->shards[i].state == SHARD_OPENING)
            return true;
    return false;
}

/* One stream goes on at a time, and each comes to its turn. */
static void begin_look(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct reshard *reshard = &control->reshard;
    uint32_t count = model_stream_count(model);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (reshard->turn + i) % count;
        const struct model_stream *stream = model_stream_at(model, at);
        if (reshard->begin.under_way || control_now_ms(control) < reshard->begin_ms)
            return;
        if (stream->status != STREAM_UPDATING || stream->target == 0 || is_opening(stream))
            continue;
        go_on(control, stream);
        reshard->turn = at + 1;
    }
    take_up(control);
}

/* What a rescue of the catalogue has left. */
static void take_up(struct control *control)
{
    const struct model_stream *stream = NULL;
    struct reshard_step step;

    if (control->reshard.begin.under_way ||
        !version_allows(catalog_model(control->catalog), VERSION_RESHARDS) ||
        !stranded_next(control, &stream, &step))
        return;
    change(control, &control->reshard.begin,
           change_begin_reshard(control_stamp(control), stream, &step, 1, 0, false));
    control->reshard.stranded.under_way = control->reshard.begin.under_way;
}

static bool same_parents(const struct model_shard *a, const struct model_shard *b)
{
    return a->parent_count == b->parent_count &&
           memcmp(a->parents, b->parents, sizeof(a->parents)) == 0;
}

static bool children_are_led(const struct control *control, const struct model_stream *stream,
                             uint32_t first, uint32_t *behind)
{
    const struct model_shard *child = &stream->shards[first];
    bool led = true;
    uint32_t at = first;

    for (; at < stream->shard_count && stream->shards[at].state == SHARD_OPENING &&
           same_parents(&stream->shards[at], child); at++)
        led &= control_leader(control, stream->shards[at].group) != 0;
    *behind = at;
    return led;
}

static bool is_able(const struct reshard_parent *parent)
{
    return parent->ended ||
           (parent->able && control_now_ms(parent->control) - parent->able_ms < ABLE_MS);
}

/* Asks what is to be asked; true when nothing is any more. */
static bool step_ended(struct control *control, const struct model_stream *stream,
                       const struct model_shard *child)
{
    struct reshard_parent *parents[SHARD_PARENTS_MAX];
    bool able = true, ended = true;

    if (MUTANT(closed_unended))
        return true;
    for (uint32_t i = 0; i < child->parent_count; i++) {
        const struct model_shard *shard = model_shard_by_number(stream, child->parents[i]);
        parents[i] = shard == NULL ? NULL : parent_take(control, shard);
        if (parents[i] == NULL)
            return false; /* its turn comes, or nobody leads it */
        able &= is_able(parents[i]);
        ended &= parents[i]->ended;
    }
    able |= child->parent_count == 1;
    for (uint32_t i = 0; i < child->parent_count; i++)
        if (!parents[i]->asking && !parents[i]->ended && (able || !is_able(parents[i])))
            parent_ask(parents[i], able);
    return ended;
}

static void commit(struct control *control, const struct model_stream *stream,
                   const struct reshard_end ends[], uint32_t count)
{
    if (!control->reshard.commit.under_way)
        change(control, &control->reshard.commit,
               change_commit_reshard(control_stamp(control), stream->id, ends, count));
}

/* The next steps of UpdateShardCount. */
static void go_on(struct control *control, const struct model_stream *stream)
{
    struct reshard_step *steps = NULL;
    uint32_t count = 0;

    if (!uniform_steps(stream, stream->target, &steps, &count))
        return;
    change(control, &control->reshard.begin,
           change_begin_reshard(control_stamp(control), stream, steps, count, stream->target,
                                false));
    free(steps);
}

/* ---- parents ---- */

static struct reshard_parent *parent_take(struct control *control, const struct model_shard *shard)
{
    struct reshard_parent *free_one = NULL;

    for (uint32_t i = 0; i < CATALOG_ENDS_MAX; i++) {
        struct reshard_parent *parent = &control->reshard.parents[i];
        if (parent->group == shard->group) {
            if (parent->epoch != shard->epoch) { /* a rescue may have given its END up */
                parent->able = parent->ended = false;
                parent->epoch = parent->asking ? parent->epoch : shard->epoch;
            }
            return parent;
        }
        if (parent->group == 0 && !parent->asking && free_one == NULL)
            free_one = parent;
    }
    if (control_leader(control, shard->group) == 0)
        return NULL; /* it could not be asked */
    if (free_one != NULL)
        *free_one = (struct reshard_parent){
            .control = control,
            .group = shard->group,
            .number = shard->number,
            .epoch = shard->epoch,
        };
    return free_one;
}

/* Those that are closed by now, or whose stream is deleted. */
static void parents_prune(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);

    for (uint32_t i = 0; i < CATALOG_ENDS_MAX; i++) {
        struct reshard_parent *parent = &control->reshard.parents[i];
        const struct model_stream *stream = NULL;
        const struct model_shard *shard =
            parent->group == 0 ? NULL : model_shard_by_group(model, parent->group, &stream);
        bool idle = !parent->asking && !parent->ended &&
                    control_leader(control, parent->group) == 0; /* others may use the place */
        if (parent->group != 0 && (shard == NULL || shard->state != SHARD_OPEN ||
                                   stream->status != STREAM_UPDATING || idle))
            parent->group = 0;
    }
}

static void parent_ask(struct reshard_parent *parent, bool ends)
{
    struct control *control = parent->control;
    uint64_t leader = control_leader(control, parent->group);

    if (leader == 0)
        return;
    AUTO_UNREF struct buf *ask = ending_ask(parent->group, ends);
    if (ask == NULL)
        return;
    parent->ends = ends;
    parent->asking = true;
    net_call(control->world.net, &parent->call, leader, NET_END, &ask, 1, CONTROL_END_ASK_MS,
             parent_on_answer);
}

static void parent_on_answer(struct net_call *call, enum err err, enum err remote,
                             struct slice answer, struct buf *answer_buf)
{
    struct reshard_parent *parent = container_of(call, struct reshard_parent, call);
    struct shard_ending ending = { 0 };
    bool said = err == ERR_OK && remote == ERR_OK && ending_read(answer, &ending) == ERR_OK;

    parent->asking = false;
    if (parent->group == 0)
        return;
    bool news = said && (parent->ends || !is_able(parent));
    if (!parent->ends) { /* the END on its way takes nothing of that back: two would ask in turn */
        parent->able = said;
        parent->able_ms = control_now_ms(parent->control);
    }
    parent->ended = said && parent->ends;
    parent->ending = ending;
    if (news)
        timer_start(parent->control->world.clock, &parent->control->reshard.timer, 0, on_timer);
}

/* ---- changes ---- */

/* One of a kind at a time: its end looks again. */
static void change(struct control *control, struct reshard_change *change, struct buf *bytes)
{
    if (bytes == NULL)
        return; /* no memory: the timer looks again */
    change->control = control;
    change->under_way = true;
    catalog_change(control->catalog, &change->change, buf_slice(bytes), CONTROL_CHANGE_MS,
                   change_on_done);
    buf_unref(bytes);
}

static void change_on_done(struct catalog_change *req, enum err err)
{
    struct reshard_change *change = container_of(req, struct reshard_change, change);
    struct control *control = change->control;

    bool strands = change == &control->reshard.begin && control->reshard.stranded.under_way;

    change->under_way = false;
    if (strands) {
        control->reshard.stranded.under_way = false;
        stranded_done(control, err, &req->reason);
    }
    if (err == ERR_OK) {
        reshard_look(control);
        return;
    }
    if (change == &control->reshard.begin)
        control->reshard.begin_ms = control_now_ms(control) + CONTROL_RETRY_MS;
    if (strands)
        return;
    note_event(control->world.note, NOTE_WARN, "reshard.change_failed", "err=%s reason=%s",
               err_name(err), NOTE_QUOTED(req->reason.text));
}

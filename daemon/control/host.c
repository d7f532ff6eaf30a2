#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "control/placed.h"
#include "control/sealing.h"
#include "control/succession.h"

/* One pass makes this node's shards what the model wants, a few rows per turn:
 *
 *     OPEN     the model's rows that name this node: opened unless they are
 *     CLOSE    open shards that nobody wants any more: closed, then forgotten
 *     FORGET   groups in the log whose stream was deleted while this node was
 *              away: forgotten; groups that nobody knows are put aside
 *
 * A change of the model during a pass asks for another one behind it.
 *
 * A group is forgotten only when the model that says "deleted" is durable here: else a node that
 * restarts from an older model would vote in it as if it never had. */
enum host_phase { HOST_REST, HOST_OPEN, HOST_CLOSE, HOST_FORGET };

#define ROOM_FIRST 16u

struct host_shard {
    uint64_t group;
    struct control *control;
    struct shard *shard; /* NULL while it closes, and afterwards */
    bool closed;         /* only the log's share is left */
    bool deleted;        /* the log's share goes */
    bool reopen, eager;  /* its epoch is over; it asks for votes in the next */
    uint64_t deleted_at; /* the model's index that says so, or a later one */
    struct sealing sealing;
};

static void on_timer(struct timer *timer);
static bool step_open(struct control *control);
static bool can_open(struct control *control, const struct model_shard *row);
static void open_one(struct control *control, const struct model_stream *stream,
                     const struct model_shard *row, bool eager);
static void on_role(void *ctx, struct shard *shard, enum replica_role role, uint64_t leader);
static void on_sealed(void *ctx, struct shard *shard, const struct entry_head *head,
                      const struct seal *seal);
static bool step_close(struct control *control);
static bool close_look(struct control *control, struct host_shard *hosted);
static void close_one(struct host_shard *hosted, bool deleted);
static void close_on_closed(void *ctx);
static void open_again(struct control *control, uint64_t group, bool eager);
static void end_when_closed(struct control *control);
static bool step_forget(struct control *control);
static void forget_later(struct control *control, uint64_t group);
static void forget_one(struct host_shard *hosted);
static void pass_end(struct control *control);
static uint32_t place(const struct host *host, uint64_t group);
static struct host_shard *hosted_find(const struct control *control, uint64_t group);
static bool hosted_add(struct host *host, struct host_shard *hosted);
static void hosted_remove(struct host *host, struct host_shard *hosted);

/* ---- passes ---- */

void host_open(struct control *control)
{
    host_kick(control);
}

void host_kick(struct control *control)
{
    struct host *host = &control->host;

    if (control->closing)
        return;
    if (host->phase != HOST_REST) {
        host->again = true;
        return;
    }
    host->phase = HOST_OPEN;
    host->after = 0;
    host->missing_now = 0;
    host->index = model_index(catalog_model(control->catalog));
    timer_start(control->world.clock, &host->timer, 0, on_timer);
}

bool host_busy(const struct control *control)
{
    const struct host *host = &control->host;
    bool closing = false;

    for (uint32_t i = 0; i < host->count; i++)
        closing |= host->shards[i]->shard == NULL && !host->shards[i]->closed;
    return closing || host->phase != HOST_REST || host->missing > 0 ||
           host->index < model_index(catalog_model(control->catalog));
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, host.timer);
    struct host *host = &control->host;
    bool done = false;

    switch ((enum host_phase)host->phase) {
    case HOST_OPEN:
        done = step_open(control);
        break;
    case HOST_CLOSE:
        done = step_close(control);
        break;
    case HOST_FORGET:
        done = step_forget(control);
        break;
    case HOST_REST: /* something failed in the last pass */
        host_kick(control);
        return;
    }
    if (done) {
        host->phase++;
        host->after = 0;
    }
    if (done && host->phase > HOST_FORGET)
        pass_end(control);
    else
        timer_start(control->world.clock, timer, 0, on_timer);
}

static void pass_end(struct control *control)
{
    struct host *host = &control->host;

    host->phase = HOST_REST;
    host->missing = host->missing_now;
    host->passed = true;
    bool sealing = host->sealing, more = host->sealing_more;
    host->sealing = host->sealing_more = false;
    if (host->again) {
        host->again = false;
        host_kick(control);
    } else if (host->missing > 0 || sealing) {
        timer_start(control->world.clock, &host->timer,
                    more      ? CONTROL_SEALS_EVERY_MS
                    : sealing ? CONTROL_SEAL_MS
                              : CONTROL_RETRY_MS,
                    on_timer);
    }
}

/* ---- opening ---- */

static void settings_set(struct control *control, const struct model_stream *stream,
                         const struct model_shard *row, struct shard *shard)
{
    shard_set_retention(shard, placed_retention_ms(stream));
    shard_set_limits(shard, limits_of_shard(control, stream));
    shard_set_preferred(shard, row->members[0]);
}

/* True when the phase is complete. */
static bool step_open(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    uint32_t opened = 0;

    for (uint32_t looks = 0; looks < CONTROL_LOOKS_PER_TURN; looks++) {
        const struct model_stream *stream = NULL;
        const struct model_shard *row = model_shard_next(model, control->host.after, &stream);
        if (row == NULL)
            return true;
        if (opened == CONTROL_OPENS_PER_TURN)
            return false;
        control->host.after = row->group;
        placed_look(control, stream, row);
        if (!placed_wants(control, stream, row))
            continue;
        struct host_shard *hosted = hosted_find(control, row->group);
        struct shard *shard = hosted != NULL ? host_find(control, row->group) : NULL;
        if (hosted == NULL && can_open(control, row)) {
            open_one(control, stream, row, false);
            opened++;
        } else if (shard != NULL && rest_turns(control, row, shard)) {
            hosted->reopen = true;
            close_one(hosted, false);
            opened++;
            continue; /* it is back in a moment, and not missing */
        } else if (shard != NULL) {
            sealing_look(control, row, shard, &hosted->sealing);
            settings_set(control, stream, row, shard);
        }
        if (host_find(control, row->group) == NULL)
            control->host.missing_now++;
    }
    return false;
}

/* A group that is in an epoch without this node, or only partly here, comes in first. */
static bool can_open(struct control *control, const struct model_shard *row)
{
    const struct log_state *state = log_state(control->log, row->group);

    if (succession_holds(control, row->group))
        return false;
    if (state == NULL ? row->epoch == 1 : placed_in(state, control->options.node))
        return true;
    succession_want(control, row->group, row->epoch, 0);
    return false;
}

static void open_one(struct control *control, const struct model_stream *stream,
                     const struct model_shard *row, bool eager)
{
    struct host_shard *hosted = calloc(1, sizeof(*hosted));
    bool fresh = log_state(control->log, row->group) == NULL;
    struct reason reason = { .text = "" };
    struct shard_options options = {
        .group = row->group,
        .rests = rest_opens(control, row),
        .preferred = row->members[0],
        .eager = eager || (fresh && row->members[0] == control->options.node),
        .name = { .created_s = row->created_s, .shard = row->number },
        .gaps = placed_gaps(row),
        .retention_ms = placed_retention_ms(stream),
        .limits = limits_of_shard(control, stream),
        .tail_bytes_max = CONTROL_TAIL_BYTES_MAX,
        .putq = { .entry_bytes_max = ENTRY_BYTES_MAX,
                  .waiting_bytes_max = CONTROL_WAITING_BYTES_MAX },
    };
    struct shard_world world = { .clock = control->world.clock,
                                 .log = control->log,
                                 .roster = control->roster,
                                 .tail_bytes_left = &control->tail_bytes_left };

    if (hosted == NULL)
        return;
    if (fresh)
        placed_begin(control, row);
    enum err err = shard_open(&hosted->shard, &options, &world, on_role, on_sealed, control,
                              &reason);
    if (err == ERR_OK) {
        hosted->group = row->group;
        hosted->control = control;
        if (hosted_add(&control->host, hosted))
            control->host.live++;
        else
            shard_close(hosted->shard, free, hosted);
        return;
    }
    note_event(control->world.note, NOTE_ERROR, "shard.not_opened",
               "group=%" PRIu64 " stream=%s shard=%" PRIu32 " err=%s reason=%s", row->group,
               stream->name, row->number, err_name(err), NOTE_QUOTED(reason.text));
    free(hosted);
}

void control_on_leader(struct control *control, void (*known)(void *ctx, uint64_t group),
                       void *ctx)
{
    control->host.leader_known = known;
    control->host.leader_ctx = ctx;
}

static void on_role(void *ctx, struct shard *shard, enum replica_role role, uint64_t leader)
{
    struct control *control = ctx;

    gossip_soon(control);
    /* Who was elected takes nothing before its barrier is committed: it is said then. */
    if (leader != 0 && role != REPLICA_ELECTED && control->host.leader_known != NULL)
        control->host.leader_known(control->host.leader_ctx, shard_group(shard));
    if (role != REPLICA_LEADER)
        return;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), shard_group(shard), NULL);
    if (row != NULL && row->epoch > shard_status(shard).replica.epoch)
        host_kick(control); /* what its predecessor was asked for */
}

static void on_sealed(void *ctx, struct shard *shard, const struct entry_head *head,
                      const struct seal *seal)
{
    struct control *control = ctx;
    struct host_shard *hosted = hosted_find(control, head->group);

    bool eager = succession_begin(control, shard, head, seal);
    ensure(hosted != NULL);
    if (hosted->shard == NULL)
        return; /* it closes already */
    hosted->reopen = seal_has(seal, control->options.node);
    hosted->eager = eager;
    close_one(hosted, false);
}

/* ---- closing ---- */

static bool step_close(struct control *control)
{
    struct host *host = &control->host;
    uint32_t closed = 0;

    for (uint32_t looks = 0; looks < CONTROL_LOOKS_PER_TURN; looks++) {
        uint32_t at = place(host, host->after + 1);
        if (at == host->count)
            return true;
        if (closed == CONTROL_OPENS_PER_TURN)
            return false;
        host->after = host->shards[at]->group;
        closed += close_look(control, host->shards[at]);
    }
    return false;
}

/* Of a group that the model does not have.  Ids are given out in order: one below the next is of a
 * deleted stream, unless members of the catalogue gave it that are lost. */
static bool is_deleted(const struct model *model, uint64_t group)
{
    return group < model_next_group(model) &&
           (!model_group_lost(model, group) || MUTANT(lost_group_dropped));
}

/* True when something was done. */
static bool close_look(struct control *control, struct host_shard *hosted)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), hosted->group, &stream);
    const struct model *model = catalog_model(control->catalog);
    bool deleted = row == NULL ? is_deleted(model, hosted->group)
                               : stream->status == STREAM_DELETING;

    if (hosted->closed && !deleted) { /* a rescued catalogue does not know that it was */
        hosted_remove(&control->host, hosted);
        free(hosted);
        control->host.again = true;
        return true;
    }
    if (hosted->closed) {
        if (catalog_saved(control->catalog) < hosted->deleted_at && !MUTANT(forgotten_early))
            return false;
        forget_one(hosted);
        return true;
    }
    bool wanted = !deleted && row != NULL && placed_wants(control, stream, row);
    if (hosted->shard == NULL || wanted)
        return false;
    close_one(hosted, deleted);
    return true;
}

static void close_one(struct host_shard *hosted, bool deleted)
{
    struct shard *shard = hosted->shard;

    hosted->shard = NULL;
    hosted->deleted = deleted;
    hosted->deleted_at = model_index(catalog_model(hosted->control->catalog));
    shard_close(shard, close_on_closed, hosted);
}

/* In its next epoch, without waiting for a pass. */
static void open_again(struct control *control, uint64_t group, bool eager)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), group, &stream);

    if (row != NULL && placed_wants(control, stream, row) && can_open(control, row))
        open_one(control, stream, row, eager);
}

void host_end(struct control *control, uint64_t group)
{
    struct host_shard *hosted = hosted_find(control, group);

    ensure(hosted != NULL && hosted->shard != NULL);
    close_one(hosted, false);
}

static void close_on_closed(void *ctx)
{
    struct host_shard *hosted = ctx;
    struct control *control = hosted->control;

    uint64_t group = hosted->group;
    bool reopen = hosted->reopen, eager = hosted->eager;
    bool deleted = hosted->deleted;

    control->host.live--;
    if (deleted) {
        hosted->closed = true;
    } else {
        hosted_remove(&control->host, hosted);
        free(hosted);
    }
    if (!control->closing && !deleted && reopen)
        open_again(control, group, eager);
    succession_closed(control, group);
    if (control->closing) {
        end_when_closed(control);
    } else {
        gossip_soon(control);
        host_kick(control); /* the model may want it again */
    }
}

/* ---- forgetting ---- */

static bool step_forget(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct host *host = &control->host;

    for (uint32_t looks = 0; looks < CONTROL_LOOKS_PER_TURN; looks++) {
        const struct log_state *state = log_state_next(control->log, host->after);
        const struct model_stream *stream = NULL;
        if (state == NULL)
            return true;
        uint64_t group = host->after = state->group;
        if (group == CATALOG_GROUP || hosted_find(control, group) != NULL)
            continue;

        bool known = model_shard_by_group(model, group, &stream) != NULL;
        if (known ? stream->status == STREAM_DELETING : is_deleted(model, group)) {
            forget_later(control, group);
        } else if (!known && control->caught_up && group > host->noted) {
            host->noted = group;
            note_event(control->world.note, NOTE_WARN, "group.put_aside",
                       "group=%" PRIu64 " entries_to=%" PRIu64
                       " why=\"the catalogue has never heard of it; it is kept, not served\"",
                       group, state->last);
        }
    }
    return false;
}

/* As if it had been open and was closed now. */
static void forget_later(struct control *control, uint64_t group)
{
    struct host_shard *hosted = calloc(1, sizeof(*hosted));

    if (hosted == NULL)
        return;
    *hosted = (struct host_shard){ .group = group,
                                   .control = control,
                                   .closed = true,
                                   .deleted = true,
                                   .deleted_at = model_index(catalog_model(control->catalog)) };
    if (!hosted_add(&control->host, hosted))
        free(hosted);
    else if (catalog_saved(control->catalog) >= hosted->deleted_at)
        control->host.again = true; /* nothing else would ask for a pass */
}

static void forget_one(struct host_shard *hosted)
{
    struct control *control = hosted->control;

    note_event(control->world.note, NOTE_INFO, "shard.forgotten", "group=%" PRIu64, hosted->group);
    succession_drop(control, hosted->group);
    log_forget(control->log, hosted->group);
    hosted_remove(&control->host, hosted);
    free(hosted);
}

/* ---- the end ---- */

void host_close(struct control *control, void (*closed)(struct control *control))
{
    struct host *host = &control->host;

    ensure(control->closing);
    timer_stop(&host->timer);
    for (uint32_t i = 0; i < host->count; i++)
        if (host->shards[i]->shard != NULL)
            close_one(host->shards[i], false);
    host->closed = closed;
    end_when_closed(control);
}

/* What is left then waits for a durable model; the next start finds it again. */
static void end_when_closed(struct control *control)
{
    struct host *host = &control->host;

    if (host->live > 0 || host->closed == NULL)
        return;
    for (uint32_t i = 0; i < host->count; i++)
        free(host->shards[i]);
    free(host->shards);
    host->shards = NULL;
    host->count = 0;
    host->closed(control);
}

/* ---- the shards of this node ---- */

struct shard *host_find(const struct control *control, uint64_t group)
{
    const struct host_shard *hosted = hosted_find(control, group);

    return hosted != NULL ? hosted->shard : NULL;
}

struct shard *host_next(const struct control *control, uint64_t after)
{
    const struct host *host = &control->host;

    if (after == UINT64_MAX)
        return NULL;
    for (uint32_t at = place(host, after + 1); at < host->count; at++)
        if (host->shards[at]->shard != NULL)
            return host->shards[at]->shard;
    return NULL;
}

bool host_has(const struct control *control, uint64_t group)
{
    const struct host_shard *hosted = hosted_find(control, group);

    return hosted != NULL && !hosted->closed;
}

static struct host_shard *hosted_find(const struct control *control, uint64_t group)
{
    uint32_t at = place(&control->host, group);

    if (at == control->host.count || control->host.shards[at]->group != group)
        return NULL;
    return control->host.shards[at];
}

/* The first place whose group is >= `group`. */
static uint32_t place(const struct host *host, uint64_t group)
{
    uint32_t low = 0, high = host->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (host->shards[middle]->group < group)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool hosted_add(struct host *host, struct host_shard *hosted)
{
    uint32_t at = place(host, hosted->group);

    if (host->count == host->room) {
        uint32_t room = host->room == 0 ? ROOM_FIRST : 2 * host->room;
        struct host_shard **shards = realloc(host->shards, room * sizeof(shards[0]));
        if (shards == NULL)
            return false;
        host->shards = shards;
        host->room = room;
    }
    memmove(&host->shards[at + 1], &host->shards[at],
            (host->count - at) * sizeof(host->shards[0]));
    host->shards[at] = hosted;
    host->count++;
    return true;
}

static void hosted_remove(struct host *host, struct host_shard *hosted)
{
    uint32_t at = place(host, hosted->group);

    ensure(at < host->count && host->shards[at] == hosted);
    host->count--;
    memmove(&host->shards[at], &host->shards[at + 1],
            (host->count - at) * sizeof(host->shards[0]));
}

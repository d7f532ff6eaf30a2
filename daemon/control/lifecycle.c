#include "control/control_private.h"

static bool is_led(struct control *control, const struct model_stream *stream);
static bool is_gone(struct control *control, const struct model_stream *stream);
static struct lifecycle_end *end_find(struct lifecycle *lifecycle, uint64_t stream);
static void ends_prune(struct lifecycle *lifecycle, const struct model *model);
static bool member_is_done(struct control *control, uint64_t node, uint64_t group, uint64_t index);
static void change(struct control *control, struct buf *bytes);
static void change_on_done(struct catalog_change *req, enum err err);
static void on_timer(struct timer *timer);

void lifecycle_open(struct control *control)
{
    timer_start(control->world.clock, &control->lifecycle.timer, CONTROL_RETRY_MS, on_timer);
}

void lifecycle_close(struct control *control)
{
    timer_stop(&control->lifecycle.timer);
    if (control->lifecycle.changing)
        catalog_change_cancel(&control->lifecycle.change);
    control->lifecycle.changing = false;
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, lifecycle.timer);

    lifecycle_look(control);
    timer_start(control->world.clock, timer, CONTROL_RETRY_MS, on_timer);
}

/* One change at a time: its end looks again. */
void lifecycle_look(struct control *control)
{
    struct lifecycle *lifecycle = &control->lifecycle;
    const struct model *model = catalog_model(control->catalog);

    if (control->closing || lifecycle->changing)
        return;
    if (!catalog_leads(control->catalog)) {
        lifecycle->end_count = 0;
        return;
    }
    ends_prune(lifecycle, model);
    for (uint32_t i = 0; i < model_stream_count(model); i++) {
        const struct model_stream *stream = model_stream_at(model, i);
        if (stream->status == STREAM_CREATING && is_led(control, stream)) {
            change(control, change_activate_stream(control_stamp(control), stream->id));
            return;
        }
        if (stream->status == STREAM_DELETING && is_gone(control, stream)) {
            change(control, change_forget_stream(control_stamp(control), stream->id));
            return;
        }
    }
}

static bool is_led(struct control *control, const struct model_stream *stream)
{
    for (uint32_t i = 0; i < stream->shard_count; i++)
        if (control_leader(control, stream->shards[i].group) == 0)
            return false;
    return true;
}

/* Every member that is up has heard of the deletion and has closed its replica.  One that is down
 * forgets it when it starts (host.c). */
static bool is_gone(struct control *control, const struct model_stream *stream)
{
    struct lifecycle *lifecycle = &control->lifecycle;
    struct lifecycle_end *end = end_find(lifecycle, stream->id);

    if (end == NULL && lifecycle->end_count == CONTROL_DELETING_MAX)
        return false; /* its turn comes */
    if (end == NULL) {
        end = &lifecycle->ends[lifecycle->end_count++];
        *end = (struct lifecycle_end){
            .stream = stream->id, .index = model_index(catalog_model(control->catalog)) };
    }
    for (uint32_t i = 0; i < stream->shard_count; i++)
        for (uint32_t k = 0; k < stream->shards[i].member_count; k++)
            if (!member_is_done(control, stream->shards[i].members[k], stream->shards[i].group,
                                end->index))
                return false;
    return true;
}

static bool member_is_done(struct control *control, uint64_t node, uint64_t group, uint64_t index)
{
    const struct liveness_word *word = liveness_word_of(&control->liveness, node);

    if (node == control->options.node)
        return !host_has(control, group);
    if (control_health(control, node) == NODE_DOWN)
        return true;
    return word != NULL && word->catalog_index >= index &&
           !liveness_has_open(&control->liveness, node, group);
}

static struct lifecycle_end *end_find(struct lifecycle *lifecycle, uint64_t stream)
{
    for (uint32_t i = 0; i < lifecycle->end_count; i++)
        if (lifecycle->ends[i].stream == stream)
            return &lifecycle->ends[i];
    return NULL;
}

static void ends_prune(struct lifecycle *lifecycle, const struct model *model)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < lifecycle->end_count; i++)
        if (model_stream_by_id(model, lifecycle->ends[i].stream) != NULL)
            lifecycle->ends[kept++] = lifecycle->ends[i];
    lifecycle->end_count = kept;
}

static void change(struct control *control, struct buf *bytes)
{
    if (bytes == NULL)
        return; /* no memory: the timer looks again */
    control->lifecycle.changing = true;
    catalog_change(control->catalog, &control->lifecycle.change, buf_slice(bytes),
                   CONTROL_CHANGE_MS, change_on_done);
    buf_unref(bytes);
}

static void change_on_done(struct catalog_change *req, enum err err)
{
    struct control *control = container_of(req, struct control, lifecycle.change);

    control->lifecycle.changing = false;
    if (err == ERR_OK)
        lifecycle_look(control);
    else
        note_event(control->world.note, NOTE_WARN, "stream.change_failed", "err=%s reason=%s",
                   err_name(err), NOTE_QUOTED(req->reason.text));
}

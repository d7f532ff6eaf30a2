/* Closed shards whose retention has passed: nobody can read anything of them any more.  Their rows
 * go, and with them what nodes have of them (host.c). */
#include "catalog/change_reshard.h"
#include "control/control_private.h"

static void on_timer(struct timer *timer);
static void look(struct control *control, uint64_t now_ms);
static void change_on_done(struct catalog_change *req, enum err err);

void retire_open(struct control *control)
{
    timer_start(control->world.clock, &control->retire.timer, CONTROL_RETIRE_EVERY_MS, on_timer);
}

void retire_close(struct control *control)
{
    timer_stop(&control->retire.timer);
    if (control->retire.changing)
        catalog_change_cancel(&control->retire.change);
    control->retire.changing = false;
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, retire.timer);
    uint64_t now_ms = control_agreed_ms(control);

    if (now_ms != 0 && catalog_leads(control->catalog) && !control->retire.changing)
        look(control, now_ms);
    timer_start(control->world.clock, timer, CONTROL_RETIRE_EVERY_MS, on_timer);
}

/* One stream at a time. */
static void look(struct control *control, uint64_t now_ms)
{
    const struct model *model = catalog_model(control->catalog);
    uint32_t numbers[CATALOG_ENDS_MAX], count = 0;

    for (uint32_t i = 0; i < model_stream_count(model) && count == 0; i++) {
        const struct model_stream *stream = model_stream_at(model, i);
        if (stream->status == STREAM_DELETING)
            continue;
        for (uint32_t k = 0; k < stream->shard_count && count < CATALOG_ENDS_MAX; k++)
            if (stream->shards[k].state == SHARD_CLOSED &&
                model_shard_gone_ms(stream, &stream->shards[k]) + RETENTION_GRACE_MS <= now_ms)
                numbers[count++] = stream->shards[k].number;
        if (count == 0)
            continue;
        AUTO_UNREF struct buf *bytes =
            change_forget_shards(control_stamp(control), stream->id, numbers, count);
        if (bytes == NULL)
            return;
        control->retire.changing = true;
        catalog_change(control->catalog, &control->retire.change, buf_slice(bytes),
                       CONTROL_CHANGE_MS, change_on_done);
    }
}

static void change_on_done(struct catalog_change *req, enum err err)
{
    struct control *control = container_of(req, struct control, retire.change);

    control->retire.changing = false;
    if (err != ERR_OK)
        note_event(control->world.note, NOTE_WARN, "shard.retire_failed", "err=%s reason=%s",
                   err_name(err), NOTE_QUOTED(req->reason.text));
}

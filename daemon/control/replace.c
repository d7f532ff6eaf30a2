#include <inttypes.h>

#include "control/control_private.h"
#include "control/succession.h"

/* On the catalogue's leader, every CONTROL_MEMBERS_MS a pass of members.h:
 *
 *     step -> rows found: SetMembers, and on from there when it is applied
 *          -> none: the next step
 *     all seen -> a replaced node that nothing names any more: ForgetNode
 *
 * One change at a time.  What failed is found again by the next pass. */
static void on_timer(struct timer *timer);
static void next_after(struct control *control, uint64_t pause_ms);
static void step(struct control *control);
static bool is_up(void *ctx, uint64_t node);
static void change(struct control *control, struct buf *bytes);
static void change_on_done(struct catalog_change *req, enum err err);
static void done_note(struct control *control);

void replace_open(struct control *control)
{
    next_after(control, CONTROL_MEMBERS_MS);
}

void replace_close(struct control *control)
{
    timer_stop(&control->replace.timer);
    if (control->replace.changing)
        catalog_change_cancel(&control->replace.change);
    control->replace.changing = false;
}

static void next_after(struct control *control, uint64_t pause_ms)
{
    timer_start(control->world.clock, &control->replace.timer, pause_ms, on_timer);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, replace.timer);
    struct replace *replace = &control->replace;
    uint64_t kept[GROUP_MEMBERS_MAX];

    if (!catalog_leads(control->catalog)) {
        replace->passing = false;
        next_after(control, CONTROL_MEMBERS_MS);
        return;
    }
    epoch_catalog_look(control);
    if (!replace->passing)
        members_begin(&replace->look, catalog_model(control->catalog), kept,
                      catalog_members(control->catalog, kept));
    replace->passing = true;
    step(control);
}

static void step(struct control *control)
{
    struct replace *replace = &control->replace;
    struct members_look *look = &replace->look;

    members_step(look, catalog_model(control->catalog), is_up, control);
    replace->forgetting = 0;
    if (look->row_count > 0) {
        change(control,
               change_set_members(control_stamp(control), look->rows, look->row_count));
        return;
    }
    if (!look->done) {
        next_after(control, 0);
        return;
    }
    replace->passing = false;
    replace->forgetting = members_unnamed(look);
    if (replace->forgetting != 0)
        change(control, change_forget_node(control_stamp(control), replace->forgetting));
    else
        next_after(control, CONTROL_MEMBERS_MS);
}

static bool is_up(void *ctx, uint64_t node)
{
    return control_health(ctx, node) == NODE_UP;
}

static void change(struct control *control, struct buf *bytes)
{
    struct replace *replace = &control->replace;

    if (bytes == NULL) { /* no memory: the next pass finds it again */
        replace->passing = false;
        next_after(control, CONTROL_MEMBERS_MS);
        return;
    }
    replace->changing = true;
    catalog_change(control->catalog, &replace->change, buf_slice(bytes), CONTROL_CHANGE_MS,
                   change_on_done);
    buf_unref(bytes);
}

static void change_on_done(struct catalog_change *req, enum err err)
{
    struct control *control = container_of(req, struct control, replace.change);
    struct replace *replace = &control->replace;

    replace->changing = false;
    if (err == ERR_OK) {
        done_note(control);
    } else {
        replace->passing = false;
        note_event(control->world.note, NOTE_WARN, "members.change_failed", "err=%s reason=%s",
                   err_name(err), NOTE_QUOTED(req->reason.text));
    }
    next_after(control, replace->passing ? 0 : CONTROL_MEMBERS_MS);
}

static void done_note(struct control *control)
{
    const struct replace *replace = &control->replace;
    const struct members_look *look = &replace->look;

    if (replace->forgetting != 0) {
        note_event(control->world.note, NOTE_INFO, "node.removed", "node=%" PRIx64,
                   replace->forgetting);
        return;
    }
    note_event(control->world.note, NOTE_INFO, "members.replaced",
               "groups=%" PRIu32 " first=%" PRIu64 " last=%" PRIu64 " index=%" PRIu64,
               look->row_count, look->rows[0].group, look->rows[look->row_count - 1].group,
               replace->change.index);
}

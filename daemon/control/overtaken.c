#include <inttypes.h>
#include <string.h>

#include "control/control_private.h"

/* A member may be away for longer than records are kept.  What it lacks nobody has any more, so its
 * leader cannot feed it (replica_has_overtaken()), and it would stay behind for ever.
 *
 * The leader of such a group proposes the row that it has, in the next epoch: the same members. The
 * group seals as for any other row (host.c), and the member comes in as one that was away
 * (succession.h): it begins anew before the first entry that the others still have.
 *
 *     step -> rows found: SetMembers, and on from there when it is answered
 *          -> none: the next step
 *
 * One change at a time; what failed is found again by the next pass. */
static void on_timer(struct timer *timer);
static void next_after(struct control *control, uint64_t pause_ms);
static bool step(struct control *control);
static bool take(struct control *control, const struct replica *replica);
static void change_on_done(struct catalog_change *req, enum err err);

void overtaken_open(struct control *control)
{
    next_after(control, CONTROL_MEMBERS_MS);
}

void overtaken_close(struct control *control)
{
    timer_stop(&control->overtaken.timer);
    if (control->overtaken.changing)
        catalog_change_cancel(&control->overtaken.change);
    control->overtaken.changing = false;
}

static void next_after(struct control *control, uint64_t pause_ms)
{
    timer_start(control->world.clock, &control->overtaken.timer, pause_ms, on_timer);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, overtaken.timer);
    struct overtaken *overtaken = &control->overtaken;
    bool seen_all = step(control);

    if (seen_all)
        overtaken->after = 0;
    if (overtaken->row_count == 0) {
        next_after(control, seen_all ? CONTROL_MEMBERS_MS : 0);
        return;
    }
    AUTO_UNREF struct buf *bytes =
        change_set_members(control_stamp(control), overtaken->rows, overtaken->row_count);
    if (bytes == NULL) { /* no memory: the next pass finds them again */
        next_after(control, CONTROL_MEMBERS_MS);
        return;
    }
    overtaken->changing = true;
    catalog_change(control->catalog, &overtaken->change, buf_slice(bytes), CONTROL_CHANGE_MS,
                   change_on_done);
}

/* Looks at some groups; true when all were seen. */
static bool step(struct control *control)
{
    struct overtaken *overtaken = &control->overtaken;

    overtaken->row_count = 0;
    for (uint32_t looks = 0; looks < CONTROL_LOOKS_PER_TURN; looks++) {
        const struct replica *replica = roster_next(control->roster, overtaken->after);
        if (replica == NULL)
            return true;
        overtaken->after = replica_group(replica);
        if (take(control, replica) && overtaken->row_count == CATALOG_MEMBERS_ROWS_MAX)
            return false;
    }
    return false;
}

/* Only when the row is the epoch that runs: else another one is on its way already.  The
 * catalogue's own group has no row. */
static bool take(struct control *control, const struct replica *replica)
{
    struct overtaken *overtaken = &control->overtaken;
    struct change_members *row = &overtaken->rows[overtaken->row_count];
    const struct model_stream *stream = NULL;

    if (!replica_has_overtaken(replica))
        return false;
    const struct model_shard *shard =
        model_shard_by_group(catalog_model(control->catalog), replica_group(replica), &stream);
    if (shard == NULL || stream->status == STREAM_DELETING ||
        shard->epoch != replica_status(replica).epoch)
        return false;
    *row = (struct change_members){ .group = shard->group,
                                    .epoch = shard->epoch + 1,
                                    .member_count = shard->member_count };
    memcpy(row->members, shard->members, sizeof(row->members));
    overtaken->row_count++;
    return true;
}

static void change_on_done(struct catalog_change *req, enum err err)
{
    struct control *control = container_of(req, struct control, overtaken.change);
    struct overtaken *overtaken = &control->overtaken;

    overtaken->changing = false;
    if (err == ERR_OK)
        note_event(control->world.note, NOTE_INFO, "members.overtaken",
                   "groups=%" PRIu32 " first=%" PRIu64
                   " why=\"a member lacks records that retention has removed: its group goes on in "
                   "another epoch, into which it is filled\"",
                   overtaken->row_count, overtaken->rows[0].group);
    else
        note_event(control->world.note, NOTE_WARN, "members.change_failed", "err=%s reason=%s",
                   err_name(err), NOTE_QUOTED(req->reason.text));
    next_after(control, CONTROL_MEMBERS_MS);
}

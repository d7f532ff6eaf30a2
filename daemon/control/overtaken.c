#include <inttypes.h>
#include <string.h>

#include "base/mutant.h"
#include "control/control_private.h"

/* A member that is away keeps retention from dropping what it lacks, because it must be fed from
 * there when it is back.  The next epoch, with the same members, ends that: whoever comes into one
 * is filled from what the others have (succession.h), and what lies below its beginning may go.  So
 * the group's leader asks the catalogue for it, once in a retention at most.  What is asked
 * meanwhile waits; what does not fit, or fails, is asked again by the next pass of retention. */
static void ask(struct control *control);
static bool row_fill(const struct control *control, uint64_t group, uint32_t epoch,
                     struct change_members *row);
static void on_done(struct catalog_change *req, enum err err);

void overtaken_close(struct control *control)
{
    if (control->overtaken.changing)
        catalog_change_cancel(&control->overtaken.change);
    control->overtaken.changing = false;
}

void overtaken_told(void *ctx, uint64_t group, uint32_t epoch, uint64_t node)
{
    struct control *control = ctx;
    struct overtaken *overtaken = &control->overtaken;
    uint64_t members[GROUP_MEMBERS_MAX];

    if (control->closing || MUTANT(overtaken_left))
        return;
    if (group == CATALOG_GROUP) {
        catalog_seal(control->catalog, members, catalog_members(control->catalog, members));
        return;
    }
    for (uint32_t i = 0; i < overtaken->count; i++)
        if (overtaken->groups[i] == group)
            return;
    if (overtaken->count == CATALOG_MEMBERS_ROWS_MAX)
        return;
    overtaken->groups[overtaken->count] = group;
    overtaken->epochs[overtaken->count++] = epoch;
    if (!overtaken->changing)
        ask(control);
}

static void ask(struct control *control)
{
    struct overtaken *overtaken = &control->overtaken;
    struct change_members rows[CATALOG_MEMBERS_ROWS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < overtaken->count; i++)
        count += row_fill(control, overtaken->groups[i], overtaken->epochs[i], &rows[count]);
    overtaken->count = 0;
    AUTO_UNREF struct buf *change =
        count == 0 ? NULL : change_set_members(control_stamp(control), rows, count);
    if (change == NULL)
        return;
    overtaken->changing = true;
    catalog_change(control->catalog, &overtaken->change, buf_slice(change), CONTROL_CHANGE_MS,
                   on_done);
}

/* False: another epoch is wanted already, or none any more. */
static bool row_fill(const struct control *control, uint64_t group, uint32_t epoch,
                     struct change_members *row)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *shard =
        model_shard_by_group(catalog_model(control->catalog), group, &stream);

    if (shard == NULL || stream->status == STREAM_DELETING || shard->epoch != epoch)
        return false;
    *row = (struct change_members){ .group = group,
                                    .epoch = epoch + 1,
                                    .member_count = shard->member_count };
    memcpy(row->members, shard->members, sizeof(row->members));
    return true;
}

static void on_done(struct catalog_change *req, enum err err)
{
    struct control *control = container_of(req, struct control, overtaken.change);

    control->overtaken.changing = false;
    if (err == ERR_OK)
        note_event(control->world.note, NOTE_INFO, "members.overtaken",
                   "index=%" PRIu64 " why=\"members were away for longer than retention: they "
                   "will be filled up into the next epoch\"",
                   req->index);
    else
        note_event(control->world.note, NOTE_WARN, "members.change_failed", "err=%s reason=%s",
                   err_name(err), NOTE_QUOTED(req->reason.text));
    if (control->overtaken.count > 0)
        ask(control);
}

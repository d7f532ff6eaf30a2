/* On the catalogue's leader: which shards all members of the newest epoch have whole, so that those
 * who had a place before may let their copies go (copies.c).
 *
 *     rows that are not whole, of this model
 *         -> each member has said, of this model or a later one, what moves there: not the shard
 *         -> WholeShards
 *
 * Of closed shards each member says too that it has the END: then the group rests (rest.c).
 *
 * What moves is said by whoever lacks anything, and by whoever has not made durable that it does
 * not (moving.c).  Rows that members are away of, or come into still, come again with the next
 * pass.  While the catalogue does not change and nothing is found, none begins. */
#include "catalog/version.h"
#include "control/control_private.h"

static void on_timer(struct timer *timer);
static bool collect(struct control *control);
static void judge(struct control *control);
static bool holds(const struct control *control, struct change_whole *row);
static bool members_have(const struct control *control, const struct change_whole *row);
static bool has(const struct control *control, uint64_t node, const struct change_whole *row);
static bool has_end(const struct control *control, uint64_t node, uint64_t group);
static void change(struct control *control, const struct change_whole rows[], uint32_t count);
static void change_on_done(struct catalog_change *req, enum err err);

void whole_open(struct control *control)
{
    timer_start(control->world.clock, &control->whole.timer, CONTROL_WHOLE_EVERY_MS, on_timer);
}

void whole_close(struct control *control)
{
    timer_stop(&control->whole.timer);
    if (control->whole.changing)
        catalog_change_cancel(&control->whole.change);
    control->whole.changing = false;
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, whole.timer);
    struct whole *whole = &control->whole;
    bool through = true;

    if (!catalog_leads(control->catalog) ||
        !version_allows(catalog_model(control->catalog), VERSION_WHOLE)) {
        whole->count = 0;
        whole->after = whole->done_index = 0;
    } else if (whole->count > 0 && !whole->changing) {
        judge(control);
    } else if (!whole->changing) {
        through = collect(control);
    }
    timer_start(control->world.clock, timer, through ? CONTROL_WHOLE_EVERY_MS : 0, on_timer);
}

/* In the first epoch nobody has left yet. */
static bool lacks_whole(const struct model_shard *row)
{
    return row->epoch > 1 && !model_shard_whole(row);
}

static bool lacks_rest(const struct model_shard *row)
{
    return row->state == SHARD_CLOSED && !model_shard_rests(row);
}

static bool is_wanted(const struct model_stream *stream, const struct model_shard *row)
{
    return (lacks_whole(row) || lacks_rest(row)) &&
           (stream->status == STREAM_ACTIVE || stream->status == STREAM_UPDATING);
}

/* False when there is more to look at in the next turn. */
static bool collect(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct whole *whole = &control->whole;

    if (whole->after == 0) {
        if (whole->done_index == model_index(model))
            return true;
        whole->pass_index = model_index(model);
        whole->found = false;
    }
    whole->index = model_index(model);
    whole->looks = 0;
    for (uint32_t i = 0; i < CONTROL_LOOKS_PER_TURN; i++) {
        const struct model_stream *stream = NULL;
        const struct model_shard *row = model_shard_next(model, whole->after, &stream);
        if (row == NULL) {
            whole->after = 0;
            whole->done_index = whole->found ? 0 : whole->pass_index;
            return true;
        }
        whole->after = row->group;
        if (!is_wanted(stream, row))
            continue;
        whole->found = true;
        whole->rows[whole->count++] =
            (struct change_whole){ .group = row->group, .epoch = row->epoch };
        if (whole->count == CATALOG_WHOLE_ROWS_MAX)
            return true;
    }
    return whole->count > 0;
}

/* What can be said of the row now: that it rests, or at least that it is whole. */
static bool holds(const struct control *control, struct change_whole *row)
{
    const struct model_shard *shard =
        model_shard_by_group(catalog_model(control->catalog), row->group, NULL);

    if (shard == NULL || shard->epoch != row->epoch)
        return false;
    row->rests = lacks_rest(shard);
    if (row->rests && members_have(control, row))
        return true;
    row->rests = false;
    return lacks_whole(shard) && members_have(control, row);
}

/* Those that hold are changed, the others looked at again, a few times. */
static void judge(struct control *control)
{
    struct whole *whole = &control->whole;
    struct change_whole rows[CATALOG_WHOLE_ROWS_MAX];
    uint32_t count = 0, left = 0;

    for (uint32_t i = 0; i < whole->count; i++) {
        struct change_whole row = whole->rows[i];
        if (holds(control, &row))
            rows[count++] = row;
        else
            whole->rows[left++] = row;
    }
    whole->count = ++whole->looks < CONTROL_WHOLE_LOOKS ? left : 0;
    if (count > 0)
        change(control, rows, count);
}

static bool members_have(const struct control *control, const struct change_whole *row)
{
    const struct model_shard *shard =
        model_shard_by_group(catalog_model(control->catalog), row->group, NULL);

    for (uint32_t i = 0; i < shard->member_count; i++)
        if (!has(control, shard->members[i], row))
            return false;
    return shard->member_count > 0;
}

/* As of the model that the row was found in, or a later one. */
static bool has(const struct control *control, uint64_t node, const struct change_whole *row)
{
    const struct liveness_word *word = liveness_word_of(&control->liveness, node);
    const struct moving *moving = &control->moving;

    if (row->rests && !has_end(control, node, row->group))
        return false;
    if (node != control->options.node)
        return control_health(control, node) == NODE_UP && word != NULL &&
               word->catalog_index >= control->whole.index &&
               word->catalog_token == model_token(catalog_model(control->catalog)) &&
               !liveness_moves(&control->liveness, node, row->group);
    if (moving->index < control->whole.index)
        return false;
    for (uint32_t i = 0; i < moving->count; i++)
        if (moving->groups[i] == row->group)
            return false;
    return true;
}

static bool has_end(const struct control *control, uint64_t node, uint64_t group)
{
    if (node != control->options.node)
        return liveness_has_ended(&control->liveness, node, group);
    return rest_has_end(control,
                        model_shard_by_group(catalog_model(control->catalog), group, NULL));
}

static void change(struct control *control, const struct change_whole rows[], uint32_t count)
{
    AUTO_UNREF struct buf *bytes = change_whole_shards(control_stamp(control), rows, count);

    if (bytes == NULL)
        return;
    control->whole.changing = true;
    catalog_change(control->catalog, &control->whole.change, buf_slice(bytes), CONTROL_CHANGE_MS,
                   change_on_done);
}

static void change_on_done(struct catalog_change *req, enum err err)
{
    struct control *control = container_of(req, struct control, whole.change);

    control->whole.changing = false;
    if (err != ERR_OK && err != ERR_CLOSED) /* their members change again: found anew */
        note_event(control->world.note, NOTE_WARN, "shard.whole_failed", "err=%s reason=%s",
                   err_name(err), NOTE_QUOTED(req->reason.text));
}

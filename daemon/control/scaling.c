/* Streams in ON_DEMAND mode get more shards, and fewer (scale.h).  Each node measures the shards
 * that it leads, and says to all which are hot and which are quiet; the catalogue's leader begins
 * splits and merges, which go on as those that clients ask for (reshard.c). */
#include <inttypes.h>
#include <stdlib.h>

#include "catalog/version.h"
#include "control/control_private.h"

static void on_timer(struct timer *timer);
static void measure(struct control *control);
static void begin_one(struct control *control);
static void propose(struct control *control, const struct model_stream *stream,
                    const struct reshard_step steps[], uint32_t count);
static void on_done(struct catalog_change *req, enum err err);

void scaling_open(struct control *control)
{
    if (control->options.scale_window_ms != 0)
        timer_start(control->world.clock, &control->scaling.timer, CONTROL_SCALE_EVERY_MS,
                    on_timer);
}

void scaling_close(struct control *control)
{
    struct scaling *scaling = &control->scaling;

    timer_stop(&scaling->timer);
    if (scaling->changing)
        catalog_change_cancel(&scaling->change);
    scaling->changing = false;
    free(scaling->loads);
    scaling->loads = NULL;
    scaling->count = 0;
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, scaling.timer);

    measure(control);
    if (catalog_leads(control->catalog) &&
        version_allows(catalog_model(control->catalog), VERSION_RESHARDS))
        begin_one(control);
    timer_start(control->world.clock, timer, CONTROL_SCALE_EVERY_MS, on_timer);
}

/* ---- what this node leads ---- */

static const struct scale_load *find(const struct scaling *scaling, uint64_t group)
{
    uint32_t low = 0, high = scaling->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (scaling->loads[middle].group < group)
            low = middle + 1;
        else
            high = middle;
    }
    return low < scaling->count && scaling->loads[low].group == group ? &scaling->loads[low] : NULL;
}

/* What a shard takes; where nothing limits it, what it takes on AWS. */
static struct scale_rule rule_of(const struct control *control, const struct model_stream *stream)
{
    uint32_t bytes = control_stream_limit(control, stream, LIMIT_PUT_BYTES);
    uint32_t records = control_stream_limit(control, stream, LIMIT_PUT_RECORDS);

    return (struct scale_rule){
        .window_ms = control->options.scale_window_ms,
        .quiet_ms = control->options.scale_quiet_ms,
        .bytes_per_s = limit_is_off(bytes) ? limit_row(LIMIT_PUT_BYTES)->usual : bytes,
        .records_per_s = limit_is_off(records) ? limit_row(LIMIT_PUT_RECORDS)->usual : records,
    };
}

/* NULL: it is not to be measured. */
static const struct model_stream *measured_of(const struct control *control,
                                              const struct shard *shard)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), shard_group(shard), &stream);
    bool measured = row != NULL && row->state == SHARD_OPEN && stream->mode == STREAM_ON_DEMAND &&
                    shard_leads(shard);

    return measured ? stream : NULL;
}

/* Those that it leads no more are forgotten. */
static void measure(struct control *control)
{
    struct scaling *scaling = &control->scaling;
    struct scale_load *loads = calloc(control->host.count + (size_t)1, sizeof(*loads));
    uint64_t now_ms = control_now_ms(control);
    struct shard *shard = NULL;
    uint32_t count = 0;

    if (loads == NULL)
        return;
    for (uint64_t after = 0; (shard = host_next(control, after)) != NULL;) {
        after = shard_group(shard);
        const struct model_stream *stream = measured_of(control, shard);
        if (stream == NULL)
            continue;
        struct scale_rule rule = rule_of(control, stream);
        struct shard_status status = shard_status(shard);
        const struct scale_load *known = find(scaling, after);
        loads[count] = known != NULL ? *known
                                     : scale_begin(after, status.put_bytes, status.put_records,
                                                   now_ms);
        scale_look(&loads[count++], &rule, status.put_bytes, status.put_records, now_ms);
    }
    free(scaling->loads);
    scaling->loads = loads;
    scaling->count = count;
}

size_t scaling_list(const struct control *control, enum scale_word word, uint64_t groups[])
{
    const struct scaling *scaling = &control->scaling;
    size_t count = 0;

    for (uint32_t i = 0; i < scaling->count; i++)
        if (scaling->loads[i].word == word)
            groups[count++] = scaling->loads[i].group;
    return count;
}

/* ---- on the catalogue's leader ---- */

static enum scale_word word_of(void *ctx, uint64_t group)
{
    const struct control *control = ctx;
    const struct scale_load *load = find(&control->scaling, group);
    uint64_t leader = control_leader(control, group);

    if (leader == control->options.node)
        return load == NULL ? SCALE_STAYS : load->word;
    if (liveness_has_hot(&control->liveness, leader, group))
        return SCALE_HOT;
    return liveness_has_quiet(&control->liveness, leader, group) ? SCALE_QUIET : SCALE_STAYS;
}

/* How many open shards the stream may have: its own limit, and what the account has left. */
static uint32_t most_of(const struct control *control, const struct model_stream *stream)
{
    uint32_t most =
        limit_up_to(control_limit(control, LIMIT_SCALED_SHARDS), STREAM_SHARDS_MAX);
    uint32_t all = limit_up_to(control_limit(control, LIMIT_SHARDS), SHARDS_MAX);
    uint32_t total = model_open_total(catalog_model(control->catalog));
    uint32_t left = total < all ? all - total : 0;

    return most < stream->open_count + left ? most : stream->open_count + left;
}

/* Each stream comes to its turn. */
static void begin_one(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct scaling *scaling = &control->scaling;
    uint32_t count = model_stream_count(model);

    if (scaling->changing || control_now_ms(control) < scaling->again_ms)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (scaling->turn + i) % count, step_count = 0;
        const struct model_stream *stream = model_stream_at(model, at);
        struct reshard_step *steps = NULL;
        if (stream->mode != STREAM_ON_DEMAND || stream->status != STREAM_ACTIVE ||
            !scale_steps(stream, word_of, control, most_of(control, stream), &steps, &step_count))
            continue;
        propose(control, stream, steps, step_count);
        free(steps);
        scaling->turn = at + 1;
        return;
    }
}

static void propose(struct control *control, const struct model_stream *stream,
                    const struct reshard_step steps[], uint32_t count)
{
    struct scaling *scaling = &control->scaling;
    AUTO_UNREF struct buf *bytes =
        change_begin_reshard(control_stamp(control), stream, steps, count, 0, false);

    if (bytes == NULL)
        return;
    note_event(control->world.note, NOTE_INFO, "stream.scales",
               "stream=%s open=%" PRIu32 " %s=%" PRIu32, stream->name, stream->open_count,
               steps[0].parent_count == 1 ? "splits" : "merges", count);
    scaling->changing = true;
    catalog_change(control->catalog, &scaling->change, buf_slice(bytes), CONTROL_CHANGE_MS,
                   on_done);
}

static void on_done(struct catalog_change *req, enum err err)
{
    struct control *control = container_of(req, struct control, scaling.change);

    control->scaling.changing = false;
    if (err == ERR_OK || err == ERR_EXISTS || err == ERR_NOT_FOUND || err == ERR_CLOSED)
        return;
    control->scaling.again_ms = control_now_ms(control) + (err == ERR_BUSY ? CONTROL_SCALE_AGAIN_MS
                                                                           : CONTROL_RETRY_MS);
    note_event(control->world.note, NOTE_WARN, "stream.scaling_failed", "err=%s reason=%s",
               err_name(err), NOTE_QUOTED(req->reason.text));
}

#include "tide.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "catalog/change_settings.h"
#include "cluster.h"
#include "control/control.h"
#include "reshard.h"
#include "wipe.h"

#define STREAM_NAME "river"
#define LOOK_MS 300u
#define CHANGE_MS 2000u
#define RISE_LED_NS (20 * SIM_S) /* of a catalogue with a leader, which is who splits */
#define RISE_MOST_NS (120 * SIM_S)
#define SHRINK_MOST_NS (200 * SIM_S)

static struct {
    uint32_t first, most; /* open shards, as far as seen */
    uint64_t led_ns;      /* so long the stream could have got more, as far as seen */
} tide; /* a seed has a process of its own */

struct op {
    struct catalog_change change;
};

static void later(struct world *world);

static const struct model_stream *river(const struct sim_node *node)
{
    return model_stream_by_name(catalog_model(control_catalog(node->control)),
                                slice_text(STREAM_NAME));
}

static void done(struct catalog_change *change, enum err err)
{
    free(container_of(change, struct op, change));
}

/* Until it is in that mode. */
static void look(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    const struct model_stream *stream = river(node);
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };

    if (stream != NULL && tide.first == 0)
        tide.first = stream->open_count;
    if (stream != NULL && stream->open_count > tide.most)
        tide.most = stream->open_count;
    if (stream == NULL || stream->status != STREAM_ACTIVE || stream->mode == STREAM_ON_DEMAND)
        return;
    struct change_settings wanted = change_settings_of(stream);
    struct op *op = calloc(1, sizeof *op);
    ensure(op != NULL);
    wanted.mode = STREAM_ON_DEMAND;
    AUTO_UNREF struct buf *bytes = change_set_stream(stamp, &wanted);
    ensure(bytes != NULL);
    catalog_change(control_catalog(node->control), &op->change, buf_slice(bytes), CHANGE_MS, done);
}

static bool could_rise(struct world *world)
{
    const struct sim_node *leader = wipe_catalog_leader(world);
    const struct model_stream *stream = leader != NULL ? river(leader) : NULL;

    return stream != NULL && stream->mode == STREAM_ON_DEMAND;
}

static void step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    tide.led_ns += could_rise(world) ? LOOK_MS * SIM_MS : 0;

    if (node->up && !node->stopping && node->paused_until_ns <= world->now_ns &&
        control_catalog(node->control) != NULL)
        world_inside(world, node, look, NULL, 0);
    later(world);
}

static void later(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = LOOK_MS * SIM_MS,
                                             .kind = KIND_NEMESIS,
                                             .fn = step });
}

void tide_start(struct world *world)
{
    reshard_expect();
    later(world);
}

static bool has_risen(void)
{
    return tide.first != 0 && tide.most > tide.first;
}

/* Under load still.  A catalogue that faults kept without a leader has the time that it missed. */
void tide_rise(struct world *world)
{
    uint64_t until_ns = world->now_ns + RISE_MOST_NS;

    while (!has_risen() && tide.led_ns < RISE_LED_NS && world->now_ns < until_ns)
        world_run(world, world->now_ns + 100 * SIM_MS);
}

/* The clients have stopped by now. */
static bool has_shrunk(const struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct model_stream *stream =
            node->up && node->control != NULL && !node->stopping ? river(node) : NULL;
        if (stream != NULL && (stream->status != STREAM_ACTIVE ||
                               stream->open_count > ON_DEMAND_SHARDS))
            return false;
    }
    return true;
}

void tide_check(struct world *world)
{
    uint64_t until_ns = world->now_ns + SHRINK_MOST_NS;

    while (!has_shrunk(world)) {
        if (world->now_ns > until_ns)
            world_violation(world, "tide", "without load it has more than %u shards after %.0f s",
                            ON_DEMAND_SHARDS, (double)SHRINK_MOST_NS / 1e9);
        world_run(world, world->now_ns + 100 * SIM_MS);
    }
    if (!has_risen() || tide.most > TIDE_SHARDS_MOST)
        world_violation(world, "tide", "under load it had %u open shards at most, and %u at first, "
                        "with a leader of the catalogue for %.0f s: more are due, up to %u",
                        tide.most, tide.first, (double)tide.led_ns / 1e9, TIDE_SHARDS_MOST);
    world_say(world, NULL, "the tide rose from %u shards to %u", tide.first, tide.most);
    reshard_check(world);
}

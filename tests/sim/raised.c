#include "raised.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/limits.h"
#include "catalog/catalog.h"
#include "catalog/change_settings.h"
#include "cluster.h"
#include "control/control.h"
#include "wipe.h"

#define LOOK_NS (100 * SIM_MS)
#define KNOWN_NS (300 * SIM_MS) /* the cut is old enough for what was on its way */
/* The leader's clock, as it was last heard, holds retention back for a while; then some looks for
 * old records. */
#define AWAY_NS (CONTROL_CLOCK_MS * SIM_MS + 20 * SIM_S)

enum step { STEP_WAITS, STEP_CUT, STEP_ASKED, STEP_DONE };

static struct {
    enum step step;
    struct sim_node *leader, *away;
    uint64_t until_ns;
    bool raised, unheard;
} raised; /* a seed has a process of its own */

static void later(struct world *world);

static void cut(struct world *world, bool on)
{
    net_sim_cut(world, raised.leader->at, raised.away->at, on);
    net_sim_cut(world, raised.away->at, raised.leader->at, on);
}

static const struct model_stream *stream_at(struct world *world, const struct sim_node *node)
{
    return model_stream_by_id(catalog_model(control_catalog(node->control)),
                              cluster_of(world)->stream);
}

/* Some records are there, and none is too old yet. */
static void choose(struct world *world)
{
    raised.leader = wipe_catalog_leader(world);
    if (raised.leader == NULL || cluster_of(world)->stream == 0)
        return;
    uint32_t at = raised.leader->at + 1 + (uint32_t)world_below(world, world->node_count - 1);
    raised.away = &world->nodes[at % world->node_count];
    cut(world, true);
    raised.step = STEP_CUT;
    raised.until_ns = world->now_ns + KNOWN_NS + world_below(world, SIM_S);
}

static void changed(struct catalog_change *change, enum err err)
{
    raised.raised |= err == ERR_OK;
    free(change);
}

static void raise(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct catalog_change *op = calloc(1, sizeof *op);
    const struct model_stream *stream = stream_at(world, node);
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };

    ensure(op != NULL && stream != NULL);
    struct change_settings wanted = change_settings_of(stream);
    wanted.retention_hours = cluster_of(world)->options.retention_hours;
    AUTO_UNREF struct buf *change = change_set_stream(stamp, &wanted);
    ensure(change != NULL);
    catalog_change(control_catalog(node->control), op, buf_slice(change), 2000, changed);
    world_say(world, node, "raises retention");
}

/* Before the node hears of it. */
static void end(struct world *world)
{
    const struct model_stream *stream = stream_at(world, raised.away);

    raised.unheard = raised.raised && stream != NULL &&
                     stream->retention_hours != cluster_of(world)->options.retention_hours;
    cut(world, false);
    raised.step = STEP_DONE;
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (raised.step == STEP_WAITS) {
        choose(world);
    } else if (cluster_of(world)->healing || raised.step == STEP_ASKED) {
        if (world->now_ns >= raised.until_ns || cluster_of(world)->healing)
            end(world);
    } else if (world->now_ns >= raised.until_ns) {
        world_inside(world, raised.leader, raise, NULL, 0);
        raised.step = STEP_ASKED;
        raised.until_ns = world->now_ns + AWAY_NS;
    }
    if (raised.step != STEP_DONE)
        later(world);
}

static void later(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = LOOK_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void raised_start(struct world *world)
{
    later(world);
}

void raised_check(struct world *world)
{
    if (!raised.unheard)
        world_violation(world, "raised", "no node missed that retention was raised: step %d, "
                        "raised %d", (int)raised.step, raised.raised);
}

#include "ailing.h"

#include "base/ensure.h"
#include "catalog/model.h"
#include "cluster.h"
#include "control/ailment.h"
#include "control/control.h"
#include "disk_sim.h"
#include "replica/roster.h"

#define LOOK_NS (50 * SIM_MS)
#define SPREAD_NS (40 * SIM_S) /* until all leaders are where they belong */
#define AWAY_NS (120 * SIM_S)  /* a full disk has segments left at first, and empties some */
#define COUNT_NS (10 * SIM_S)  /* puts are counted for so long */
#define BACK_NS (CONTROL_WELL_AFTER_MS * SIM_MS + 75 * SIM_S)
#define FEWER_IN 7u /* puts while it ails: at least so many of ten that there were before */
#define FEWER_OF 10u

static uint64_t led_by(const struct sim_node *node)
{
    ensure(node->up && node->control != NULL);
    return roster_figures(control_roster(node->control)).leaders;
}

static uint32_t ails(const struct sim_node *node)
{
    return control_wellness(node->control).ails;
}

/* Shards whose row names the node first. */
static uint32_t preferred(const struct sim_node *node)
{
    const struct model *model = catalog_model(control_catalog(node->control));
    const struct model_stream *stream;
    const struct model_shard *row;
    uint32_t count = 0;

    for (uint64_t after = 0; (row = model_shard_next(model, after, &stream)) != NULL;
         after = row->group)
        count += row->members[0] == node->id;
    return count;
}

/* One that is preferred for most, when it leads all of those. */
static struct sim_node *choose(struct world *world)
{
    struct sim_node *best = NULL;
    uint64_t end_ns = world->now_ns + SPREAD_NS;

    while (world->now_ns < end_ns) {
        world_run(world, world->now_ns + LOOK_NS);
        best = NULL;
        for (uint32_t i = 0; i < world->node_count; i++) {
            struct sim_node *node = &world->nodes[i];
            if (node->control != NULL && preferred(node) > 0 && led_by(node) >= preferred(node) &&
                (best == NULL || preferred(node) > preferred(best)))
                best = node;
        }
        if (best != NULL && world->now_ns + SPREAD_NS / 2 > end_ns)
            return best;
    }
    world_violation(world, "ailing", "leaders are not where they belong");
}

static uint64_t acked_in(struct world *world, uint64_t ns)
{
    uint64_t before = history_counts(cluster_of(world)->history).acked;

    world_run(world, world->now_ns + ns);
    return history_counts(cluster_of(world)->history).acked - before;
}

/* While it ails. */
static void watch(struct world *world, const struct sim_node *node, uint64_t ns)
{
    for (uint64_t end_ns = world->now_ns + ns; world->now_ns < end_ns;) {
        world_run(world, world->now_ns + LOOK_NS);
        if (led_by(node) > 0)
            world_violation(world, "ailing", "node %u ails and leads %llu groups again",
                            node->at + 1, (unsigned long long)led_by(node));
    }
}

/* A disk that is slow enough makes no segments in time either. */
static bool is_ill(const struct sim_node *node, enum ailment what)
{
    return ails(node) == what || (what == AILMENT_SLOW && ails(node) == AILMENT_FULL);
}

static void await_away(struct world *world, const struct sim_node *node, enum ailment what)
{
    uint64_t began_ns = world->now_ns;

    while (!is_ill(node, what) || led_by(node) > 0) {
        if (world->now_ns - began_ns > AWAY_NS)
            world_violation(world, "ailing",
                            "node %u is ill for %.0f s, says %s and leads %llu groups yet",
                            node->at + 1, (double)AWAY_NS / 1e9,
                            ails(node) == AILMENT_NONE ? "nothing" : ailment_name(ails(node)),
                            (unsigned long long)led_by(node));
        world_run(world, world->now_ns + LOOK_NS);
    }
    world_say(world, NULL, "node %u leads nothing after %.1f s", node->at + 1,
              (double)(world->now_ns - began_ns) / 1e9);
}

static void await_back(struct world *world, const struct sim_node *node)
{
    uint64_t began_ns = world->now_ns;

    while (ails(node) != AILMENT_NONE || led_by(node) < preferred(node)) {
        if (ails(node) != AILMENT_NONE && led_by(node) > 0)
            world_violation(world, "ailing", "node %u leads before it is well", node->at + 1);
        if (world->now_ns - began_ns > BACK_NS)
            world_violation(world, "ailing", "node %u was mended %.0f s ago, and leads %llu of %u",
                            node->at + 1, (double)BACK_NS / 1e9, (unsigned long long)led_by(node),
                            preferred(node));
        world_run(world, world->now_ns + LOOK_NS);
    }
    if (world->now_ns - began_ns < CONTROL_WELL_AFTER_MS * SIM_MS)
        world_violation(world, "ailing", "node %u leads again at once", node->at + 1);
}

static void mend(struct sim_node *node)
{
    disk_sim_mend(node->disk);
    disk_sim_fill(node->disk, false);
    node->clock.skew_ms = 0;
}

static void play(struct world *world, enum ailment what,
                 void (*strike)(struct world *world, struct sim_node *node))
{
    struct sim_node *node = choose(world);
    uint64_t before = acked_in(world, COUNT_NS);

    world_say(world, node, "falls ill: %s", ailment_name(what));
    strike(world, node);
    await_away(world, node, what);
    world_run(world, world->now_ns + SIM_S); /* clients ask who leads now */
    uint64_t after = acked_in(world, COUNT_NS);
    if (after * FEWER_OF < before * FEWER_IN)
        world_violation(world, "ailing", "%llu puts were acknowledged in %.0f s while node %u "
                        "ails, %llu before", (unsigned long long)after, (double)COUNT_NS / 1e9,
                        node->at + 1, (unsigned long long)before);
    watch(world, node, COUNT_NS);
    mend(node);
    await_back(world, node);
    if (control_wellness(node->control).begun != 1)
        world_violation(world, "ailing", "node %u ailed %llu times", node->at + 1,
                        (unsigned long long)control_wellness(node->control).begun);
}

static void slow(struct world *world, struct sim_node *node)
{
    disk_sim_slow(node->disk, 200 + (uint32_t)world_below(world, 600));
}

static void hang(struct world *world, struct sim_node *node)
{
    disk_sim_stall(node->disk, world->now_ns + 40 * SIM_S); /* what is under way is not mended */
}

static void fill(struct world *world, struct sim_node *node)
{
    disk_sim_fill(node->disk, true);
}

/* Either way, by a little more than is allowed to more than a year. */
static void skew(struct world *world, struct sim_node *node)
{
    int64_t off_ms = (int64_t)CONTROL_CLOCK_OFF_MS + 500;

    for (uint64_t doublings = world_below(world, 24); doublings > 0; doublings--)
        off_ms *= 2;
    node->clock.skew_ms = world_chance(world, 1, 2) ? off_ms : -off_ms;
}

void ailing_slow(struct world *world)
{
    play(world, AILMENT_SLOW, slow);
}

void ailing_hung(struct world *world)
{
    play(world, AILMENT_SLOW, hang);
}

void ailing_full(struct world *world)
{
    play(world, AILMENT_FULL, fill);
}

void ailing_clock(struct world *world)
{
    play(world, AILMENT_CLOCK, skew);
}

/* mixture.c - what a seed has by chance, before its scenario changes that. */
#include "moments.h"
#include "nemesis.h"
#include "scenario.h"

/* Three nodes, sometimes four or five: then some are outside of the catalogue's group. */
uint32_t scenario_nodes(const struct scenario *scenario, uint64_t seed)
{
    struct random random;

    random_init(&random, seed ^ UINT64_C(0x6e6f646573));
    if (scenario->six_nodes)
        return 6;
    if (scenario->three_nodes || (!scenario->more_nodes && random_below(&random, 3) != 0))
        return 3;
    return 4 + (uint32_t)random_below(&random, 2);
}

static struct net_weather weather_of(struct random *random)
{
    return (struct net_weather){ .delay_ns = 50 * SIM_US + random_below(random, 2 * SIM_MS),
                                 .jitter_ns = random_below(random, SIM_MS),
                                 .slow_in = 1,
                                 .slow_of = 20 + (uint32_t)random_below(random, 400),
                                 .slow_ns = random_below(random, 40 * SIM_MS),
                                 .loss_in = 1,
                                 .loss_of = random_below(random, 3) == 0
                                                ? 2000 + (uint32_t)random_below(random, 20000)
                                                : 0,
                                 .lingers = random_below(random, 2) == 0 };
}

/* What the clocks do: a third of the seeds have wrong ones, a fifth lets records grow old instead,
 * which can be checked only while all clocks show the same. */
static void choose_clocks(struct cluster_options *options, struct random *random)
{
    options->wall_speed = 1;
    options->retention_hours = 24 * 365;
    if (random_below(random, 3) == 0) {
        options->drift_ppm_max = (const uint32_t[]){ 200, 5000, 100000 }[random_below(random, 3)];
        options->skew_ms_max = (const uint32_t[]){ 0, 3000, 60000 }[random_below(random, 3)];
    } else if (random_below(random, 3) == 0) {
        options->wall_speed = 300u << random_below(random, 3);
        options->retention_hours = 1;
        options->faults &= ~(unsigned)FAULT_CLOCK;
    }
}

/* Of a random of its own: what else a seed has does not depend on it. */
static bool choose_repeats(const struct world *world)
{
    struct random random;

    random_init(&random, world->seed ^ UINT64_C(0x7477696365));
    return random_below(&random, 3) == 0;
}

/* Likewise. */
static bool choose_subscribers(const struct world *world)
{
    struct random random;

    random_init(&random, world->seed ^ UINT64_C(0x73756273));
    return random_below(&random, 4) == 0;
}

/* Likewise.  As the daemon, nodes would keep all that is put in a seed, and feed followers that are
 * behind from memory alone. */
static bool choose_forgets(const struct world *world)
{
    struct random random;

    random_init(&random, world->seed ^ UINT64_C(0x666f72676574));
    return random_below(&random, 4) != 0;
}

/* Segments are a sixty-fourth of what they are in the daemon, and hardly anybody would read 64 KiB
 * of them in vain: most seeds read a block or two. */
static uint64_t choose_read_gap(const struct world *world)
{
    static const uint64_t gaps[] = { 4096, 4096, 8192, 65536 };

    return gaps[world->seed * UINT64_C(0x9e3779b97f4a7c15) >> 62];
}

/* Likewise.  Where there are nodes of which some have no replica of each shard; a node that is away
 * is given up then. */
static void choose_drains(struct cluster_options *options, const struct world *world)
{
    struct random random;

    random_init(&random, world->seed ^ UINT64_C(0x647261696e));
    if (world->node_count < 4 || random_below(&random, 2) != 0)
        return;
    options->drain = true;
    options->replace_after_ms = 1000 + 500 * (uint32_t)random_below(&random, 10);
}

/* Likewise.  Not beside drains, whose check wants copies let go, as the older build does not. */
static bool choose_builds(const struct world *world)
{
    struct random random;

    random_init(&random, world->seed ^ UINT64_C(0x6275696c6473));
    return random_below(&random, 6) == 0;
}

static void choose_aims(struct cluster_options *options, struct random *random)
{
    options->aimed = random_below(random, 4) != 0;
    options->isolate_first_of = (const uint32_t[]){ 0, 12, 3, 1 }[random_below(random, 4)];
    options->moment_of = (const uint32_t[]){ 4, 20, 100 }[random_below(random, 3)];
    if (random_below(random, 2) == 0)
        options->moments = (uint32_t)random_below(random, SCENARIO_MOMENTS + 1);
}

struct cluster_options scenario_options(const struct scenario *scenario, const struct world *world)
{
    struct random random;

    random_init(&random, world->seed ^ UINT64_C(0x73776172));
    struct cluster_options options = {
        .node_count = world->node_count,
        .shard_count = 1 + (uint32_t)random_below(&random, 6),
        .segment_bytes = (uint64_t)262144 << random_below(&random, 3),
        .put_pause_ms = 2 + (uint32_t)random_below(&random, 60),
        .weather = weather_of(&random),
        .faults = (uint32_t)random_below(&random, 1u << FAULTS) &
                  (uint32_t)(random_below(&random, 1u << FAULTS) | FAULT_KILL),
        .fault_pause_ms = random_below(&random, 4) == 0 ? 6000 : 1200,
        .churn = random_below(&random, 3) == 0,
        .balance = true,
        .rot = random_below(&random, 4) == 0,
        .large = random_below(&random, 4) == 0,
    };
    options.client_count = options.shard_count * (1 + (uint32_t)random_below(&random, 8));
    if (random_below(&random, 3) == 0)
        options.transfer_pause_ms = 20 + (uint32_t)random_below(&random, 2000);
    if (random_below(&random, 4) == 0)
        options.reseal_pause_ms = 200 + (uint32_t)random_below(&random, 3000);
    options.replication = world->node_count == 5 && random_below(&random, 3) == 0 ? 5 : 3;
    choose_clocks(&options, &random);
    choose_aims(&options, &random);
    options.weather.repeats = choose_repeats(world);
    options.read_gap_bytes = choose_read_gap(world);
    options.compare = random_below(&random, 2) == 0;
    options.subscribers = choose_subscribers(world);
    options.forgets = choose_forgets(world);
    if (scenario->swarm) {
        choose_drains(&options, world);
        options.two_builds = !options.drain && choose_builds(world);
    }
    scenario->choose(&options);
    return options;
}

#include "pause.h"

#include "cluster.h"
#include "control/control.h"
#include "disk_sim.h"
#include "drain.h"
#include "workload.h"

#define DISK_FACTOR 10u /* a write takes 0.5 to 4 ms, a few up to 30 ms more */
/* What a hand-over takes, and slow writes before and behind it. */
#define PUT_MOST_NS (150 * SIM_MS)

/* Of what was put while moves had a limit, members get so much beyond it in all. */
#define FED_MOST_BYTES (20u << 20)

struct pause {
    uint64_t longest_ns;
};

void pause_start(struct world *world)
{
    cluster_of(world)->pause = sim_malloc(sizeof(struct pause));
    for (uint32_t i = 0; i < world->node_count; i++)
        disk_sim_slow(world->nodes[i].disk, DISK_FACTOR);
    drain_start(world);
}

void pause_put(struct world *world, uint32_t client, enum err err, uint64_t began_ns)
{
    struct pause *pause = cluster_of(world)->pause;

    if (pause == NULL || cluster_of(world)->healing)
        return;
    uint64_t took_ns = world->now_ns - began_ns;
    if (took_ns > pause->longest_ns)
        pause->longest_ns = took_ns;
    if (err != ERR_OK || took_ns > PUT_MOST_NS)
        world_violation(world, "pause", "a put of client %u took %.1f ms: %s", client,
                        (double)took_ns / 1e6, err_name(err));
}

/* What members that were behind got from the logs of leaders, which no limit holds. */
static uint64_t fed_bytes(const struct world *world)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < world->node_count; i++)
        bytes += roster_figures(control_roster(world->nodes[i].control)).fed_bytes;
    return bytes;
}

void pause_check(struct world *world)
{
    const struct cluster *cluster = cluster_of(world);
    const struct pause *pause = cluster->pause;

    world_say(world, NULL, "the longest put took %.1f ms", (double)pause->longest_ns / 1e6);
    uint64_t fed = fed_bytes(world);
    world_say(world, NULL, "members that were behind were fed %llu bytes", (unsigned long long)fed);
    if (cluster_move_bytes_per_s(world) != 0 && fed > FED_MOST_BYTES)
        world_violation(world, "limit", "moves are limited, and members that were behind were fed "
                        "%llu bytes beyond that", (unsigned long long)fed);
    uint64_t oldest_ns = workload_oldest_ns(world);
    if (oldest_ns != 0 && world->now_ns - oldest_ns > PUT_MOST_NS)
        world_violation(world, "pause", "a put waits since %.1f ms",
                        (double)(world->now_ns - oldest_ns) / 1e6);
    if (cluster->members_changed == 0)
        cluster_of(world)->unplayed = true; /* nobody drained had a shard */
}

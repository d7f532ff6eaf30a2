#include "pause.h"

#include "cluster.h"
#include "disk_sim.h"
#include "drain.h"
#include "workload.h"

#define DISK_FACTOR 10u /* a write takes 0.5 to 4 ms, a few up to 30 ms more */
/* What a hand-over takes, and slow writes before and behind it. */
#define PUT_MOST_NS (150 * SIM_MS)

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

void pause_check(struct world *world)
{
    const struct cluster *cluster = cluster_of(world);
    const struct pause *pause = cluster->pause;

    world_say(world, NULL, "the longest put took %.1f ms", (double)pause->longest_ns / 1e6);
    uint64_t oldest_ns = workload_oldest_ns(world);
    if (oldest_ns != 0 && world->now_ns - oldest_ns > PUT_MOST_NS)
        world_violation(world, "pause", "a put waits since %.1f ms",
                        (double)(world->now_ns - oldest_ns) / 1e6);
    if (cluster->members_changed == 0)
        cluster_of(world)->unplayed = true; /* nobody drained had a shard */
}

#include "catalog/placement.h"

#include <string.h>

#include "base/ensure.h"

struct choice {
    uint32_t at[GROUP_MEMBERS_MAX]; /* places in nodes[] */
    uint32_t count;
};

static void choose(const struct placement_node nodes[], const uint32_t az[], uint32_t node_count,
                   struct choice *choice);
static bool is_chosen(const struct choice *choice, uint32_t at);
static uint32_t az_used(const struct choice *choice, const uint32_t az[], uint32_t wanted);
static void prefer(const struct placement_node nodes[], struct choice *choice);

enum err placement_shards(struct placement_node nodes[], uint32_t node_count, uint32_t replication,
                          uint32_t shard_count, uint64_t (*members)[GROUP_MEMBERS_MAX],
                          struct reason *reason)
{
    uint32_t az[NODES_MAX]; /* the first place with the same AZ: texts are compared once */
    uint32_t up = 0;

    ensure(node_count <= NODES_MAX);
    ensure(replication >= 1 && replication <= GROUP_MEMBERS_MAX);
    for (uint32_t i = 0; i < node_count; i++) {
        az[i] = 0;
        while (strcmp(nodes[az[i]].az, nodes[i].az) != 0)
            az[i]++;
        up += nodes[i].up;
    }
    if (up < replication) {
        reason_set(reason, "each shard wants %u nodes for its replicas, and %u %s up and not "
                   "draining", replication, up, up == 1 ? "is" : "are");
        return ERR_UNAVAILABLE;
    }

    for (uint32_t shard = 0; shard < shard_count; shard++) {
        struct choice choice = { .count = 0 };
        while (choice.count < replication)
            choose(nodes, az, node_count, &choice);
        prefer(nodes, &choice);

        memset(members[shard], 0, sizeof(members[shard]));
        for (uint32_t i = 0; i < choice.count; i++) {
            members[shard][i] = nodes[choice.at[i]].id;
            nodes[choice.at[i]].replicas++;
        }
        nodes[choice.at[0]].preferred++;
    }
    return ERR_OK;
}

/* One more member: from the AZ that this shard uses least, then the node with the fewest replicas,
 * then the one that comes first. */
static void choose(const struct placement_node nodes[], const uint32_t az[], uint32_t node_count,
                   struct choice *choice)
{
    uint32_t best = node_count, best_used = 0;

    for (uint32_t i = 0; i < node_count; i++) {
        if (!nodes[i].up || is_chosen(choice, i))
            continue;
        uint32_t used = az_used(choice, az, az[i]);
        if (best == node_count || used < best_used ||
            (used == best_used && nodes[i].replicas < nodes[best].replicas)) {
            best = i;
            best_used = used;
        }
    }
    ensure(best < node_count);
    choice->at[choice->count++] = best;
}

static bool is_chosen(const struct choice *choice, uint32_t at)
{
    for (uint32_t i = 0; i < choice->count; i++)
        if (choice->at[i] == at)
            return true;
    return false;
}

static uint32_t az_used(const struct choice *choice, const uint32_t az[], uint32_t wanted)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < choice->count; i++)
        used += az[choice->at[i]] == wanted;
    return used;
}

/* The member that the fewest shards prefer goes first. */
static void prefer(const struct placement_node nodes[], struct choice *choice)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < choice->count; i++)
        if (nodes[choice->at[i]].preferred < nodes[choice->at[best]].preferred)
            best = i;

    uint32_t first = choice->at[best];
    choice->at[best] = choice->at[0];
    choice->at[0] = first;
}

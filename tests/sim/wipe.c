#include "wipe.h"

#include <stdio.h>

#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "disk_sim.h"
#include "log/log.h"
#include "rot.h"
#include "table_sim.h"

static bool is_running(const struct sim_node *node)
{
    return node->up && node->control != NULL && !node->stopping;
}

static const struct sim_node *node_of(const struct world *world, uint64_t id)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        if (world->nodes[i].id == id && is_running(&world->nodes[i]))
            return &world->nodes[i];
    return NULL;
}

/* The catalogue's leader: others may be at an older model, after a start without any stream. */
static const struct sim_node *catalog_leader_of(const struct world *world)
{
    const struct sim_node *leader = NULL;

    for (uint32_t i = 0; i < world->node_count; i++) {
        if (!is_running(&world->nodes[i]) ||
            !catalog_leads(control_catalog(world->nodes[i].control)))
            continue;
        const struct catalog *catalog = control_catalog(world->nodes[i].control);
        if (leader == NULL || model_index(catalog_model(catalog)) >
                                  model_index(catalog_model(control_catalog(leader->control))))
            leader = &world->nodes[i];
    }
    return leader;
}

static const struct catalog *newest_catalog(const struct world *world)
{
    const struct sim_node *leader = catalog_leader_of(world);

    return leader == NULL ? NULL : control_catalog(leader->control);
}

struct sim_node *wipe_catalog_leader(struct world *world)
{
    const struct sim_node *leader = catalog_leader_of(world);

    return leader == NULL ? NULL : &world->nodes[leader->at];
}

bool wipe_keeps_catalog(const struct sim_node *leader, uint64_t node)
{
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control_catalog(leader->control), members);

    for (uint32_t i = 0; i < count; i++)
        if (members[i] == node)
            return true;
    return false;
}

struct sim_node *wipe_node(struct world *world, uint64_t id)
{
    const struct sim_node *node = node_of(world, id);

    return node == NULL ? NULL : &world->nodes[node->at];
}

static const struct model *newest_model(const struct world *world)
{
    const struct catalog *newest = newest_catalog(world);

    return newest == NULL ? NULL : catalog_model(newest);
}

static bool takes_part(const struct world *world, uint64_t group, uint32_t epoch, uint64_t id,
                       uint64_t index)
{
    const struct sim_node *node = node_of(world, id);
    const struct log_state *state =
        node == NULL ? NULL : log_state(control_log(node->control), group);

    return state != NULL && state->epoch == epoch && state->member_count > 0 &&
           state->last >= index;
}

/* The catalogue's own group, in the epoch that its leader runs. */
static bool catalog_whole(const struct world *world, char *why, size_t why_bytes)
{
    const struct catalog *newest = newest_catalog(world);
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = newest == NULL ? 0 : catalog_members(newest, members);
    uint32_t epoch = newest == NULL ? 0 : model_catalog(catalog_model(newest))->epoch;

    for (uint32_t i = 0; i < count; i++) {
        if (takes_part(world, CATALOG_GROUP, epoch == 0 ? 1 : epoch, members[i], 0))
            continue;
        snprintf(why, why_bytes, "the catalogue lacks member %llx in epoch %u",
                 (unsigned long long)members[i], epoch);
        return false;
    }
    return count > 0;
}

bool wipe_all_have(const struct world *world, uint64_t group, uint64_t index)
{
    const struct model *model = newest_model(world);
    const struct model_shard *row = model == NULL ? NULL : model_shard_by_group(model, group, NULL);

    for (uint32_t i = 0; row != NULL && i < row->member_count; i++)
        if (!takes_part(world, row->group, row->epoch, row->members[i], index))
            return false;
    return row != NULL;
}

bool wipe_has_left(const struct world *world, uint64_t group, uint64_t node)
{
    const struct model *model = newest_model(world);
    const struct model_shard *row = model == NULL ? NULL : model_shard_by_group(model, group, NULL);

    return row != NULL && !model_shard_has(row, node);
}

/* Nothing can have been acknowledged in it: nobody was elected there, the catalogue's leader knows
 * nobody, and no change is on its way (is_settled). */
static bool is_beginning(const struct world *world, const struct model_stream *stream,
                         const struct model_shard *row)
{
    const struct sim_node *leader = catalog_leader_of(world);

    if (stream->status != STREAM_CREATING || control_leader(leader->control, row->group) != 0)
        return false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct shard *shard =
            is_running(node) ? control_shard(node->control, row->group) : NULL;
        if (shard != NULL && shard_status(shard).replica.role != REPLICA_FOLLOWER)
            return false;
    }
    return true;
}

/* `late`: also what is just beginning. */
static bool is_whole(const struct world *world, bool late, char *why, size_t why_bytes)
{
    const struct model *model = newest_model(world);
    const struct model_stream *stream;
    const struct model_shard *row;

    snprintf(why, why_bytes, "the catalogue has no leader");
    for (uint32_t i = 0; model != NULL && i < model_node_count(model); i++) {
        if (!model_node_at(model, i)->replaced)
            continue;
        snprintf(why, why_bytes, "a node that was replaced is in the catalogue");
        return false;
    }
    for (uint64_t group = 0;
         model != NULL && (row = model_shard_next(model, group, &stream)) != NULL;) {
        group = row->group;
        if (stream->status == STREAM_DELETING || (!late && is_beginning(world, stream, row)))
            continue;
        for (uint32_t i = 0; i < row->member_count; i++) {
            if (takes_part(world, row->group, row->epoch, row->members[i], 0))
                continue;
            snprintf(why, why_bytes, "group %llu lacks member %llx in epoch %u",
                     (unsigned long long)group, (unsigned long long)row->members[i], row->epoch);
            return false;
        }
    }
    return model != NULL && catalog_whole(world, why, why_bytes);
}

bool wipe_whole(struct world *world, char *why, size_t why_bytes)
{
    return is_whole(world, true, why, why_bytes);
}

/* Nothing is on its way into the model: a change may give a group to this very node. */
static bool is_settled(const struct world *world)
{
    const struct model *model = newest_model(world);

    for (uint32_t i = 0; model != NULL && i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct log_state *state =
            is_running(node) ? log_state(control_log(node->control), CATALOG_GROUP) : NULL;
        if (state != NULL && state->last > model_index(model))
            return false;
    }
    return model != NULL;
}

void wipe_one(struct world *world, struct sim_node *node)
{
    char why[128];

    if (!is_running(node) || rot_any(world) || !is_settled(world) ||
        !is_whole(world, false, why, sizeof why))
        return;
    wipe_now(world, node);
}

void wipe_now(struct world *world, struct sim_node *node)
{
    cluster_kill(world, node, DEATH_KILL);
    world_say(world, node, "disk lost");
    cluster_of(world)->wipes++;
    disk_sim_wipe(node->disk);
    table_sim_wipe(node->table);
    rot_forget(world, node);
    node->id = 0;
    cluster_of(world)->id_lost_ns = world->now_ns;
    cluster_start_later(world, node, 20 * SIM_MS + world_below(world, 5 * SIM_S));
}

#include "copies.h"

#include <string.h>

#include "cluster.h"
#include "control/control.h"
#include "wipe.h"

#define LOOK_OF 64u /* events of a node */
#define HELD_MOST_NS (60 * SIM_S) /* retention trims one copy per pass */

/* Of one process. */
struct sight {
    uint32_t life, events;
    uint64_t released;
    bool left[SIM_GROUPS_MAX]; /* the log has the group, and this node is no member, */
    bool held[SIM_GROUPS_MAX]; /* and has entries of it */
    uint32_t epoch[SIM_GROUPS_MAX]; /* of the log, when it had any entries */
};

static struct sight sights[SIM_NODES_MAX]; /* a seed has a process of its own */

static bool is_in(const struct log_state *state, uint64_t node)
{
    for (uint32_t i = 0; i < state->member_count; i++)
        if (state->members[i] == node)
            return true;
    return false;
}

static bool lacks(const struct model *model, uint64_t group)
{
    const struct model_stream *stream = NULL;

    return model_shard_by_group(model, group, &stream) == NULL ||
           stream->status == STREAM_DELETING;
}

/* The shard is gone in the member's model, or its stream is being deleted, and that model is the
 * later one, or both say so: nobody can read it any more. */
static bool is_over(const struct sim_node *from, const struct sim_node *member, uint64_t group)
{
    const struct model *model = catalog_model(control_catalog(member->control));
    const struct model *own = catalog_model(control_catalog(from->control));

    return lacks(model, group) && (model_index(model) > model_index(own) || lacks(own, group));
}

/* Whether the member, if it runs, could go on from here without the copy. */
static void look_at_member(struct world *world, const struct sim_node *from, uint64_t id,
                           const struct log_state *gone)
{
    const struct sim_node *node = wipe_node(world, id);

    if (node == NULL || !node->up || node->stopping || node->control == NULL ||
        is_over(from, node, gone->group))
        return;
    const struct log_state *state = log_state(control_log(node->control), gone->group);
    if (state != NULL && state->epoch >= gone->epoch && state->last >= gone->last &&
        (state->member_count > 0 || state->epoch > gone->epoch))
        return;
    world_violation(world, "copies", "node %u has let go what it had of group %llu up to %llu, and "
                    "node %u, which epoch %u has as a member, is in epoch %u and has it up to %llu",
                    from->at + 1, (unsigned long long)gone->group, (unsigned long long)gone->last,
                    node->at + 1, gone->epoch, state == NULL ? 0 : state->epoch,
                    state == NULL ? 0ULL : (unsigned long long)state->last);
}

static void look_at_gone(struct world *world, struct sim_node *node, const struct log_state *state)
{
    const struct model *model = catalog_model(control_catalog(node->control));
    const struct model_shard *row = model_shard_by_group(model, state->group, NULL);

    for (uint32_t i = 0; row != NULL && i < row->member_count; i++)
        look_at_member(world, node, row->members[i], state);
}

/* A rescue puts every other copy aside as it is: only its survivor's log goes from one history to
 * the next. */
static void look_at_aside(struct world *world, const struct sim_node *node, uint32_t *epoch,
                          const struct log_state *state)
{
    const struct model *model = catalog_model(control_catalog(node->control));
    const struct model_shard *row = model_shard_by_group(model, state->group, NULL);
    bool survives = row == NULL || row->rescued == NULL;

    for (uint32_t i = 0; !survives && i < row->rescued->count; i++)
        survives = row->rescued->rescues[i].survivor == node->id;
    if (*epoch != 0 && !survives && !model_same_history(*epoch, state->epoch))
        world_violation(world, "copies", "node %u had group %llu in epoch %u, which a rescue ended "
                        "on another node's copy, and has brought it into epoch %u", node->at + 1,
                        (unsigned long long)state->group, *epoch, state->epoch);
    *epoch = state->first <= state->last ? state->epoch : 0;
}

/* Groups that were there, and are not. */
static void look_for_lost(struct world *world, struct sim_node *node, struct sight *sight)
{
    const struct model *model = catalog_model(control_catalog(node->control));
    const struct model_stream *stream = NULL;
    const struct model_shard *row;

    for (uint64_t after = 0; (row = model_shard_next(model, after, &stream)) != NULL;) {
        after = row->group;
        if (sight->left[sim_slot(after)] && stream->status != STREAM_DELETING &&
            log_state(control_log(node->control), after) == NULL)
            world_violation(world, "copies", "node %u has forgotten group %llu, which it left",
                            node->at + 1, (unsigned long long)after);
    }
}

static void look(struct world *world, struct sim_node *node, struct sight *sight, bool released)
{
    struct log *log = control_log(node->control);
    const struct log_state *state;

    look_for_lost(world, node, sight);
    for (uint64_t group = CATALOG_GROUP; (state = log_state_next(log, group)) != NULL;) {
        group = state->group;
        bool left = !is_in(state, node->id), holds = state->first <= state->last;
        bool *held = &sight->held[sim_slot(group)];
        look_at_aside(world, node, &sight->epoch[sim_slot(group)], state);
        if (released && left && *held && !holds && state->member_count == 0)
            look_at_gone(world, node, state);
        sight->left[sim_slot(group)] = left;
        *held = left && holds;
    }
}

void copies_after_event(struct world *world, struct sim_node *node)
{
    struct sight *sight = &sights[node->at];
    uint64_t released = control_copies(node->control).released;

    if (sight->life != node->life)
        memset(sight, 0, sizeof *sight);
    sight->life = node->life;
    if (released == sight->released && ++sight->events % LOOK_OF != 0)
        return;
    look(world, node, sight, released != sight->released);
    sight->released = released;
}

/* ---- the end ---- */

static void count(struct world *world, struct sim_node *node, void *held, uint64_t arg)
{
    *(uint64_t *)held += control_copies(node->control).held;
}

void copies_check(struct world *world)
{
    uint64_t until_ns = world->now_ns + HELD_MOST_NS;

    for (;;) {
        uint64_t held = 0;
        for (uint32_t i = 0; i < world->node_count; i++)
            if (world->nodes[i].up && !world->nodes[i].stopping)
                world_inside(world, &world->nodes[i], count, &held, 0);
        if (held == 0)
            return;
        if (world->now_ns > until_ns)
            world_violation(world, "copies", "%llu copies of shards that nodes left are held, "
                            "%.0f s after the last move", (unsigned long long)held,
                            (double)HELD_MOST_NS / 1e9);
        world_run(world, world->now_ns + 200 * SIM_MS);
    }
}

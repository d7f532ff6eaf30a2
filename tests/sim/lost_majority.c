#include "lost_majority.h"

#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "rescues.h"
#include "wipe.h"

#define BEGINS_NS (3 * SIM_S)
#define LOOK_NS (200 * SIM_MS)
#define OUTSIDE_NS (4 * SIM_S) /* links that are cut have broken by then */
#define GROUPS_MAX 64u
#define PLAYS_MOST_NS (60 * SIM_S)

enum step {
    STEP_BEGINS,
    STEP_OUTSIDE,
    STEP_ASKED,
    STEP_CUT,
    STEP_RESCUES,
    STEP_RETURNS,
    STEP_DONE
};

static struct {
    enum step step;
    struct sim_node *a, *lost[2];
    struct sim_node *outside; /* no member, and cut off from those two */
    uint64_t outside_group;
    bool wiped[2];
    uint64_t until_ns;
    uint64_t groups[GROUPS_MAX]; /* that have both; 0: rescued */
    uint32_t group_count, rescued;
} lost; /* a seed has a process of its own */

static void later(struct world *world, uint64_t delay_ns);

/* ---- losing them ---- */

static void cut(struct world *world, const struct sim_node *from, bool on)
{
    for (unsigned i = 0; i < 2; i++) {
        net_sim_cut(world, from->at, lost.lost[i]->at, on);
        net_sim_cut(world, lost.lost[i]->at, from->at, on);
    }
}

static void lose_sight(struct world *world)
{
    lost.step = STEP_CUT;
    lost.until_ns = world->now_ns + 300 * SIM_MS + world_below(world, 3 * SIM_S);
    cut(world, lost.a, true);
}

/* ---- an operator at the wrong place ---- */

static struct sim_node *outsider(struct world *world, const struct model_shard *row)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        if (world->nodes[i].up && !model_shard_has(row, world->nodes[i].id))
            return &world->nodes[i];
    return NULL;
}

static void stand_outside(struct world *world, const struct model_shard *row)
{
    lost.outside = outsider(world, row);
    lost.outside_group = row->group;
    if (lost.outside == NULL) {
        lose_sight(world);
        return;
    }
    lost.step = STEP_OUTSIDE;
    lost.until_ns = world->now_ns + OUTSIDE_NS;
    cut(world, lost.outside, true);
}

static void ask_outside(struct world *world)
{
    lost.step = STEP_ASKED;
    lost.until_ns = world->now_ns + SIM_S;
    if (lost.outside->up && lost.outside->control != NULL)
        world_inside(world, lost.outside, rescues_ask_in_vain, NULL, lost.outside_group);
}

/* Two that are not both in the catalogue's group: that one is rescued otherwise. */
static bool choose(struct world *world, const struct sim_node *leader,
                   const struct model_shard *row)
{
    uint32_t first = world_below(world, row->member_count);
    struct sim_node *members[3];
    uint32_t kept = 0;

    for (uint32_t i = 0; i < 3; i++) {
        members[i] = wipe_node(world, row->members[(first + i) % row->member_count]);
        if (row->member_count != 3 || members[i] == NULL)
            return false;
        kept += i > 0 && wipe_keeps_catalog(leader, members[i]->id);
    }
    lost.a = members[0];
    lost.lost[0] = members[1];
    lost.lost[1] = members[2];
    return kept < 2;
}

static void begin(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);
    const struct model_stream *stream;
    const struct model_shard *row;
    char why[128];

    if (cluster_of(world)->healing || leader == NULL || !wipe_whole(world, why, sizeof why))
        return;
    const struct model *model = catalog_model(control_catalog(leader->control));
    for (uint64_t group = 0; (row = model_shard_next(model, group, &stream)) != NULL;) {
        group = row->group;
        if (stream->status != STREAM_ACTIVE || !choose(world, leader, row))
            continue;
        stand_outside(world, row);
        return;
    }
}

/* The groups that have both; nothing of them is on its way. */
static bool note_groups(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);
    const struct model_stream *stream;
    const struct model_shard *row;

    if (leader == NULL)
        return false;
    const struct model *model = catalog_model(control_catalog(leader->control));
    for (uint64_t group = 0; (row = model_shard_next(model, group, &stream)) != NULL;) {
        group = row->group;
        if (stream->status == STREAM_ACTIVE && model_shard_has(row, lost.lost[0]->id) &&
            model_shard_has(row, lost.lost[1]->id) && lost.group_count < GROUPS_MAX)
            lost.groups[lost.group_count++] = group;
    }
    return lost.group_count > 0;
}

static void lose(struct world *world)
{
    if (!note_groups(world))
        return;
    cut(world, lost.a, false);
    for (unsigned i = 0; i < 2; i++) {
        lost.wiped[i] = world_chance(world, 1, 2);
        if (lost.wiped[i]) {
            wipe_now(world, lost.lost[i]);
        } else {
            cluster_kill(world, lost.lost[i], DEATH_KILL);
            world_say(world, lost.lost[i], "thought lost");
        }
    }
    lost.step = STEP_RESCUES;
    lost.until_ns = world->now_ns + 2 * SIM_S;
}

/* ---- the operator ---- */

/* True when all are rescued. */
static bool rescue_all(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);
    uint32_t left = 0;

    if (leader == NULL)
        return false;
    for (uint32_t i = 0; i < lost.group_count; i++) {
        const struct model *model = catalog_model(control_catalog(leader->control));
        const struct model_stream *stream = NULL;
        const struct model_shard *row = model_shard_by_group(model, lost.groups[i], &stream);
        if (row == NULL || stream->status != STREAM_ACTIVE ||
            (row->rescued != NULL && control_leader(leader->control, row->group) != 0))
            continue;
        left++;
        world_inside(world, leader, rescues_ask, NULL, lost.groups[i]);
    }
    return left == 0;
}

/* ---- in turn ---- */

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (cluster_of(world)->healing) {
        if (lost.step == STEP_CUT)
            cut(world, lost.a, false);
        else if (lost.step == STEP_OUTSIDE || lost.step == STEP_ASKED)
            cut(world, lost.outside, false);
        else if (lost.step == STEP_RETURNS)
            lost.step = STEP_DONE; /* who is down comes back now anyway */
        return;
    }
    if (lost.step == STEP_BEGINS) {
        begin(world);
    } else if (world->now_ns < lost.until_ns) {
        later(world, LOOK_NS);
        return;
    } else if (lost.step == STEP_OUTSIDE) {
        ask_outside(world);
    } else if (lost.step == STEP_ASKED) {
        cut(world, lost.outside, false);
        lose_sight(world);
    } else if (lost.step == STEP_CUT) {
        lose(world);
    } else if (lost.step == STEP_RESCUES && rescue_all(world)) {
        lost.step = STEP_RETURNS;
        lost.until_ns = world->now_ns + world_below(world, 4 * SIM_S);
    } else if (lost.step == STEP_RETURNS) {
        for (unsigned i = 0; i < 2; i++)
            if (!lost.wiped[i])
                cluster_start_later(world, lost.lost[i], world_below(world, 2 * SIM_S));
        lost.step = STEP_DONE;
        return;
    }
    later(world, lost.step == STEP_RESCUES ? 3 * SIM_S : LOOK_NS);
}

static void later(struct world *world, uint64_t delay_ns)
{
    world_after(world, (struct world_after){ .delay_ns = delay_ns,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void lost_majority_start(struct world *world)
{
    later(world, BEGINS_NS);
}

void lost_majority_finish(struct world *world)
{
    uint64_t until_ns = world->now_ns + PLAYS_MOST_NS;

    while (lost.step != STEP_DONE && world->now_ns < until_ns)
        world_run(world, world->now_ns + LOOK_NS);
}

void lost_majority_check(struct world *world)
{
    if (lost.step != STEP_DONE)
        world_violation(world, "rescue", "nothing was rescued: step %d", (int)lost.step);
}

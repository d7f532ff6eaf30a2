#include "lost_catalog.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "catalog/catalog.h"
#include "catalog/change.h"
#include "cluster.h"
#include "control/control.h"
#include "control/rescue.h"
#include "disk_sim.h"
#include "history.h"
#include "log/log.h"
#include "rescues.h"
#include "wipe.h"

#define BEGINS_NS (3 * SIM_S)
#define LOOK_NS (100 * SIM_MS)
#define TAILS 3u        /* streams that are lost */
#define NOTED_MAX 256u
#define KILLS_MOST 2u
#define LOOKS_PER_ROUND 8u
#define ROUNDS_MOST 20u

enum step { STEP_BEGINS, STEP_CUT, STEP_LOST, STEP_RESCUES, STEP_SHARDS, STEP_DONE };

/* A group of a lost stream, in this node's log. */
struct noted {
    uint64_t group, node;
};

static struct {
    enum step step;
    struct sim_node *a, *lost[2];
    bool away[SIM_NODES_MAX];   /* killed, to come back with all that they had */
    bool others;                /* those that are not lost are away */
    uint64_t until_ns;
    uint32_t voters, rounds, kills, created;
    bool asking;                /* a rescue is under way */
    uint32_t life;              /* of the node that it is under way on */
    struct sim_node *asked;
    struct sim_node *maker; /* was told to make one, the last time */
    struct noted noted[NOTED_MAX];
    uint32_t noted_count;
} lost; /* a seed has a process of its own */

struct lost_op {
    struct catalog_change change;
    struct rescue_look look;
    struct catalog_rescue rescue;
    struct world *world;
    struct sim_node *node;
};

static void later(struct world *world, uint64_t delay_ns);

static struct lost_op *op_new(struct world *world, struct sim_node *node)
{
    struct lost_op *op = calloc(1, sizeof *op);

    ensure(op != NULL);
    op->world = world;
    op->node = node;
    return op;
}

static bool is_running(const struct sim_node *node)
{
    return node->up && node->control != NULL && !node->stopping;
}

static const struct model *model_at(const struct sim_node *node)
{
    return catalog_model(control_catalog(node->control));
}

/* ---- what is lost ---- */

static bool is_lost(const struct sim_node *node)
{
    return node == lost.lost[0] || node == lost.lost[1];
}

/* The survivor hears of nobody any more; the others do of each other. */
static void cut(struct world *world, bool on)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (&world->nodes[i] == lost.a)
            continue;
        net_sim_cut(world, lost.a->at, i, on);
        net_sim_cut(world, i, lost.a->at, on);
    }
}

static void changed(struct catalog_change *change, enum err err)
{
    struct lost_op *op = container_of(change, struct lost_op, change);

    world_say(op->world, op->node, "changed: %s %s", err_name(err), change->reason.text);
    free(op);
}

static struct change_stamp stamp_of(struct sim_node *node)
{
    return (struct change_stamp){ .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };
}

/* arg: which; the new ones have other names than the lost. */
static void create(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct lost_op *op = op_new(world, node);
    char name[32];

    snprintf(name, sizeof name, "tail-%u", (unsigned)arg);
    struct change_stream wanted = { .name = slice_text(name),
                                    .mode = STREAM_PROVISIONED,
                                    .shard_count = 2,
                                    .retention_hours = 24 * 365,
                                    .record_kib_max = 1024 };
    AUTO_UNREF struct buf *change = change_create_stream(stamp_of(node), &wanted);
    ensure(change != NULL);
    catalog_change(control_catalog(node->control), &op->change, buf_slice(change), 2000, changed);
}

/* Every shard shall go to its next epoch, with the members that it has. */
static void reseal_all(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct lost_op *op = op_new(world, node);
    struct change_members rows[CATALOG_MEMBERS_ROWS_MAX];
    const struct model_shard *row;
    uint32_t count = 0;

    for (uint64_t group = 0; count < CATALOG_MEMBERS_ROWS_MAX &&
                             (row = model_shard_next(model_at(node), group, NULL)) != NULL;) {
        group = row->group;
        rows[count] = (struct change_members){ .group = group,
                                               .epoch = row->epoch + 1,
                                               .member_count = row->member_count };
        for (uint32_t i = 0; i < row->member_count; i++)
            rows[count].members[i] = row->members[i];
        count++;
    }
    AUTO_UNREF struct buf *change = change_set_members(stamp_of(node), rows, count);
    ensure(change != NULL);
    catalog_change(control_catalog(node->control), &op->change, buf_slice(change), 2000, changed);
}

static bool choose(struct world *world, const struct sim_node *leader)
{
    uint64_t members[GROUP_MEMBERS_MAX];

    lost.voters = catalog_members(control_catalog(leader->control), members);
    uint32_t first = world_below(world, lost.voters);
    if (lost.voters != 3)
        return false;
    lost.a = wipe_node(world, members[first]);
    lost.lost[0] = wipe_node(world, members[(first + 1) % 3]);
    lost.lost[1] = wipe_node(world, members[(first + 2) % 3]);
    return lost.a != NULL && lost.lost[0] != NULL && lost.lost[1] != NULL;
}

static void begin(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);
    char why[128];

    if (cluster_of(world)->healing || leader == NULL || cluster_of(world)->stream == 0 ||
        !wipe_whole(world, why, sizeof why) || !choose(world, leader))
        return;
    lost.step = STEP_CUT;
    lost.others = world_chance(world, 2, 3);
    lost.until_ns = world->now_ns + 1500 * SIM_MS + world_below(world, 3 * SIM_S);
    cut(world, true);
}

/* While the survivor is cut off. */
static void change_something(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);

    if (leader == NULL || leader == lost.a)
        return;
    if (lost.created < TAILS)
        world_inside(world, leader, create, NULL, lost.created++);
    else if (world_chance(world, 1, 3))
        world_inside(world, leader, reseal_all, NULL, 0);
}

/* Groups that the survivor has never heard of are kept, whatever it says later. */
static void note_groups(const struct sim_node *node)
{
    uint64_t heard = model_next_group(model_at(lost.a));
    const struct log_state *state;

    for (uint64_t group = heard - 1;
         (state = log_state_next(control_log(node->control), group)) != NULL;) {
        group = state->group;
        if (lost.noted_count < NOTED_MAX)
            lost.noted[lost.noted_count++] = (struct noted){ group, node->id };
    }
}

static void lose(struct world *world)
{
    cut(world, false);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        bool wiped = is_lost(node) && world_chance(world, 1, 2);
        if (node == lost.a || (!is_lost(node) && !lost.others) || !is_running(node))
            continue;
        if (wiped) {
            wipe_now(world, node);
            continue;
        }
        note_groups(node);
        cluster_kill(world, node, DEATH_KILL);
        world_say(world, node, is_lost(node) ? "thought lost" : "away");
        lost.away[i] = true;
    }
    lost.step = STEP_LOST;
    lost.until_ns = world->now_ns + 3500 * SIM_MS;
}

/* ---- the operator ---- */

/* A member of an ended history that comes back leads until it hears of the new one: what it answers
 * OK to is put aside with its copy (docs/flows/rescue.md), so nothing is asked of it. */
static struct sim_node *newest_leader(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);

    for (uint32_t i = 0; leader != NULL && i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (is_running(node) && model_index(model_at(node)) > model_index(model_at(leader)) &&
            model_token(model_at(node)) != model_token(model_at(leader)))
            return NULL;
    }
    return leader;
}

static void rescued(struct catalog_rescue *rescue, enum err err)
{
    struct lost_op *op = container_of(rescue, struct lost_op, rescue);

    world_say(op->world, op->node, "catalogue rescued: %s %s", err_name(err), rescue->reason.text);
    lost.asking = false;
    free(op);
}

static void looked(struct rescue_look *look)
{
    struct lost_op *op = container_of(look, struct lost_op, look);
    const struct rescue_node *survivor = &look->nodes[look->survivor];

    if (look->err != ERR_OK || !survivor->own || lost.step != STEP_RESCUES ||
        rescue_catalog(op->node->control, look, &op->rescue, rescued) != ERR_OK) {
        world_say(op->world, op->node, "no rescue of the catalogue: %s",
                  look->err != ERR_OK ? look->reason.text : "it is not here");
        lost.asking = false;
        free(op);
        return;
    }
    lost.maker = op->node;
    world_say(op->world, op->node, "rescues the catalogue at %llu",
              (unsigned long long)survivor->holding.last);
}

static void rescue(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    rescue_look(node->control, &op_new(world, node)->look, CATALOG_GROUP, looked);
}

/* Its disk is full just then: the rescue is refused, and the node goes on. */
static void empty(struct world *world, struct sim_node *none, void *ctx, uint64_t at)
{
    disk_sim_fill(world->nodes[at].disk, false);
}

static void fill(struct world *world, struct sim_node *node)
{
    if (disk_sim_is_full(node->disk))
        return;
    disk_sim_fill(node->disk, true);
    world_say(world, node, "disk is full");
    world_after(world, (struct world_after){ .delay_ns = 200 * SIM_MS,
                                             .kind = KIND_NEMESIS,
                                             .fn = empty,
                                             .arg = node->at });
}

static void kill_asked(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *node = lost.asked;

    if (!node->up || node->life != lost.life)
        return;
    cluster_kill(world, node, world_chance(world, 1, 2) ? DEATH_KILL : DEATH_POWER);
    cluster_start_later(world, node, 200 * SIM_MS + world_below(world, SIM_S));
}

/* Two rescues from two copies are two clusters, which no operator may make.  So while who was told
 * to make one is down, it is waited for, unless another one has its model already. */
static bool may_ask(const struct world *world)
{
    if (lost.maker == NULL || is_running(lost.maker))
        return true;
    for (uint32_t i = 0; i < world->node_count; i++)
        if (is_running(&world->nodes[i]) && model_token(model_at(&world->nodes[i])) != 0)
            return true;
    return false;
}

/* Whoever runs is asked in turn, until the catalogue is led. */
static void rescue_catalogue(struct world *world)
{
    struct sim_node *leader = newest_leader(world);

    if (leader != NULL && model_token(model_at(leader)) != 0) {
        lost.step = STEP_SHARDS;
        lost.created = 0;
        return;
    }
    if (lost.asking && is_running(lost.asked) && lost.asked->life == lost.life)
        return;
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];
    if (!is_running(node) || lost.away[node->at] || !may_ask(world))
        return;
    lost.asking = true;
    lost.asked = node;
    lost.life = node->life;
    if (world_chance(world, 1, 4))
        fill(world, node);
    world_inside(world, node, rescue, NULL, 0);
    if (lost.kills < KILLS_MOST && node == lost.a && world_chance(world, 1, 2)) {
        lost.kills++;
        world_after(world, (struct world_after){ .delay_ns = world_below(world, 60 * SIM_MS),
                                                 .kind = KIND_NEMESIS,
                                                 .fn = kill_asked });
    }
}

static void delete_stream(struct world *world, struct sim_node *node, void *ctx, uint64_t id)
{
    struct lost_op *op = op_new(world, node);
    AUTO_UNREF struct buf *change = change_delete_stream(stamp_of(node), id);

    ensure(change != NULL);
    catalog_change(control_catalog(node->control), &op->change, buf_slice(change), 2000, changed);
}

/* Who is down may have it. */
static bool anybody_has(const struct world *world, uint64_t group)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        if (!is_running(&world->nodes[i]) ||
            log_state(control_log(world->nodes[i].control), group) != NULL)
            return true;
    return false;
}

/* True when all are led. */
static bool rescue_shards(struct world *world)
{
    struct sim_node *leader = newest_leader(world);
    const struct model_stream *stream;
    const struct model_shard *row;
    uint32_t left = 0;

    if (leader == NULL)
        return false;
    while (lost.created < TAILS)
        world_inside(world, leader, create, NULL, TAILS + lost.created++);
    for (uint64_t group = 0; (row = model_shard_next(model_at(leader), group, &stream)) != NULL;) {
        group = row->group;
        if (stream->status == STREAM_DELETING || control_leader(leader->control, group) != 0)
            continue;
        left++;
        if (stream->status == STREAM_ACTIVE && anybody_has(world, group))
            world_inside(world, leader, rescues_ask, NULL, group);
        else if (stream->status == STREAM_ACTIVE)
            world_inside(world, leader, delete_stream, NULL, stream->id);
    }
    return left == 0;
}

/* Those with the old history, at any time from the rescue on; one at a time, as the runbook says: a
 * majority of theirs would go on in it until it hears of the new one.  True when all are back. */
static bool bring_back(struct world *world)
{
    uint32_t away = world->node_count, count = 0;

    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (!lost.away[i] && (!is_running(node) || model_token(model_at(node)) == 0))
            return false;
        if (lost.away[i] && world_below(world, ++count) == 0)
            away = i;
    }
    if (away == world->node_count)
        return true;
    if (world_chance(world, 1, 2)) {
        lost.away[away] = false;
        cluster_start_later(world, &world->nodes[away], world_below(world, SIM_S));
    }
    return false;
}

/* ---- in turn ---- */

static void shards(struct world *world)
{
    bool looks = lost.rounds++ % LOOKS_PER_ROUND == 0, done = looks && rescue_shards(world);

    lost.until_ns = world->now_ns + 300 * SIM_MS;
    if (bring_back(world) && (done || lost.rounds > ROUNDS_MOST * LOOKS_PER_ROUND))
        lost.step = STEP_DONE;
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (cluster_of(world)->healing && lost.step <= STEP_CUT) {
        if (lost.step == STEP_CUT)
            cut(world, false);
        return;
    }
    if (lost.step == STEP_BEGINS) {
        begin(world);
    } else if (lost.step == STEP_CUT && world->now_ns < lost.until_ns) {
        change_something(world);
    } else if (world->now_ns >= lost.until_ns) {
        switch (lost.step) {
        case STEP_CUT:
            lose(world);
            break;
        case STEP_LOST:
            lost.step = STEP_RESCUES;
            break;
        case STEP_RESCUES:
            rescue_catalogue(world);
            break;
        case STEP_SHARDS:
            shards(world);
            break;
        case STEP_BEGINS:
        case STEP_DONE:
            return;
        }
    }
    later(world, LOOK_NS);
}

static void later(struct world *world, uint64_t delay_ns)
{
    world_after(world, (struct world_after){ .delay_ns = delay_ns,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void lost_catalog_start(struct world *world)
{
    later(world, BEGINS_NS);
}

static void check_noted(struct world *world, const struct noted *noted)
{
    const struct sim_node *node = wipe_node(world, noted->node);

    if (node == NULL || !model_group_lost(model_at(node), noted->group) ||
        log_state(control_log(node->control), noted->group) != NULL)
        return;
    world_violation(world, "rescue", "node %u has let go of group %llu, which only the lost "
                    "members of the catalogue knew", node->at + 1,
                    (unsigned long long)noted->group);
}

void lost_catalog_check(struct world *world)
{
    uint64_t members[GROUP_MEMBERS_MAX];
    struct sim_node *leader = wipe_catalog_leader(world);

    if (lost.step != STEP_DONE)
        world_violation(world, "rescue", "nothing was rescued: step %d", (int)lost.step);
    if (leader == NULL ||
        catalog_members(control_catalog(leader->control), members) != lost.voters)
        world_violation(world, "rescue", "the catalogue has not as many members as before");
    for (uint32_t i = 0; i < world->node_count; i++)
        if (model_token(model_at(&world->nodes[i])) != model_token(model_at(leader)) ||
            model_token(model_at(leader)) == 0)
            world_violation(world, "rescue", "node %u is in the old history of the catalogue",
                            i + 1);
    for (uint32_t i = 0; i < lost.noted_count; i++)
        check_noted(world, &lost.noted[i]);
}

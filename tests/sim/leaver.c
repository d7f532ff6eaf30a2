#include "leaver.h"

#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "drain.h"
#include "log/log.h"
#include "wipe.h"

#define BEGINS_NS (3 * SIM_S)
#define LOOK_NS (SIM_MS / 20) /* what A has just sent is on its way still */
#define PATIENCE_NS (4 * SIM_S)

enum step { STEP_BEGINS, STEP_CUTS, STEP_WAITS, STEP_DONE };

static struct {
    enum step step;
    struct leaver_cast cast;
    uint64_t until_ns;
    bool voters; /* of the catalogue's own group */
} leaver; /* a seed has a process of its own */

static void later(struct world *world, uint64_t delay_ns);

static void cut(struct world *world, bool on)
{
    const struct leaver_cast *cast = &leaver.cast;
    uint32_t a = cast->a->at, others[] = { cast->b->at, cast->d->at };

    for (unsigned i = 0; i < 2; i++) {
        net_sim_cut(world, a, others[i], on);
        net_sim_cut(world, others[i], a, on);
    }
}

/* A node of C's zone, which is to take its place: places of nodes repeat every three. */
static struct sim_node *mate_of(struct world *world, const struct sim_node *node)
{
    uint32_t at = node->at >= 3 ? node->at - 3 : node->at + 3;

    return at < world->node_count ? &world->nodes[at] : NULL;
}

static bool choose_row(struct world *world, const struct sim_node *leader,
                       const struct model_shard *row, struct leaver_cast *cast)
{
    struct sim_node *a = wipe_node(world, control_leader(leader->control, row->group));

    for (uint32_t i = 0; a != NULL && i < row->member_count; i++) {
        struct sim_node *c = wipe_node(world, row->members[i]);
        struct sim_node *d = c == NULL ? NULL : mate_of(world, c);
        struct sim_node *b = wipe_node(world, row->members[(i + 1) % row->member_count]);
        if (b == a)
            b = wipe_node(world, row->members[(i + 2) % row->member_count]);
        if (c == NULL || c == a || b == NULL || b == a || d == NULL || !d->up ||
            wipe_keeps_catalog(leader, c->id) || model_shard_has(row, d->id))
            continue;
        *cast = (struct leaver_cast){ row->group, row->epoch + 1, a, b, c, d };
        return true;
    }
    return false;
}

/* C and B are the other members of the catalogue's own group. */
static bool choose_voters(struct world *world, struct sim_node *leader)
{
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control_catalog(leader->control), members);
    const struct log_state *state = log_state(control_log(leader->control), CATALOG_GROUP);

    /* The last one first: when A is gone D asks B next, which knows no more than it does. */
    for (uint32_t i = count; count == 3 && state != NULL && i-- > 0;) {
        struct sim_node *c = wipe_node(world, members[i]);
        struct sim_node *d = c == NULL ? NULL : mate_of(world, c);
        struct sim_node *b = wipe_node(world, members[(i + 1) % count]);
        if (b == leader)
            b = wipe_node(world, members[(i + 2) % count]);
        if (c == NULL || c == leader || b == NULL || d == NULL || !d->up ||
            wipe_keeps_catalog(leader, d->id))
            continue;
        leaver.cast =
            (struct leaver_cast){ CATALOG_GROUP, state->epoch + 1, leader, b, c, d };
        return true;
    }
    return false;
}

static void propose(struct world *world, struct sim_node *node, void *ctx, uint64_t draining)
{
    const struct leaver_cast *cast = ctx;

    drain_propose(world, node, cast->c->id, draining != 0);
}

void leaver_drain(struct world *world, struct sim_node *leader, const struct leaver_cast *cast,
                  bool draining)
{
    struct leaver_cast present = *cast;

    world_inside(world, leader, propose, &present, draining);
}

bool leaver_choose(struct world *world, const struct sim_node *leader, struct leaver_cast *cast)
{
    const struct model *model = catalog_model(control_catalog(leader->control));
    const struct model_stream *stream;
    const struct model_shard *row;

    for (uint64_t group = 0; (row = model_shard_next(model, group, &stream)) != NULL;) {
        group = row->group;
        if (stream->status == STREAM_ACTIVE && choose_row(world, leader, row, cast))
            return true;
    }
    return false;
}

/* Has C drained. */
static void begin(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);
    char why[128];

    if (cluster_of(world)->healing || leader == NULL || !wipe_whole(world, why, sizeof why) ||
        !(leaver.voters ? choose_voters(world, leader)
                        : leaver_choose(world, leader, &leaver.cast)))
        return;
    leaver.step = STEP_CUTS;
    leaver.until_ns = world->now_ns + PATIENCE_NS;
    leaver_drain(world, leader, &leaver.cast, true);
}

/* Whether A has just heard that C is to go. */
static bool has_heard(void)
{
    const struct leaver_cast *cast = &leaver.cast;

    if (!cast->a->up)
        return false;
    const struct model *model = catalog_model(control_catalog(cast->a->control));
    const struct model_node *node = model_node_by_id(model, cast->c->id);
    const struct model_shard *row = model_shard_by_group(model, cast->group, NULL);

    return leaver.voters ? node != NULL && node->draining
                         : row != NULL && row->epoch == cast->epoch;
}

/* Whether C is out while A alone goes on without it. */
static bool has_left(void)
{
    const struct leaver_cast *cast = &leaver.cast;
    const struct model *model = catalog_model(control_catalog(cast->c->control));
    const struct log_state *state = log_state(control_log(cast->c->control), cast->group);

    return leaver.voters ? model_catalog(model)->epoch == cast->epoch
                         : state != NULL && state->epoch == cast->epoch;
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (leaver.step == STEP_BEGINS) {
        begin(world);
    } else if (leaver.step == STEP_CUTS && has_heard()) {
        cut(world, true);
        leaver.step = STEP_WAITS;
    } else if (!cluster_of(world)->healing && leaver.step == STEP_WAITS && has_left()) {
        world_say(world, leaver.cast.c, "left group %llu",
                  (unsigned long long)leaver.cast.group);
        wipe_now(world, leaver.cast.a);
        cut(world, false);
        leaver.step = STEP_DONE;
        return;
    } else if (world->now_ns > leaver.until_ns) {
        struct sim_node *leader = wipe_catalog_leader(world);
        cut(world, false);
        leaver.step = STEP_BEGINS;
        if (leader != NULL)
            leaver_drain(world, leader, &leaver.cast, false);
        later(world, 3 * SIM_S);
        return;
    }
    if (!cluster_of(world)->healing)
        later(world, leaver.step == STEP_BEGINS ? 100 * SIM_MS : LOOK_NS);
}

static void later(struct world *world, uint64_t delay_ns)
{
    world_after(world, (struct world_after){ .delay_ns = delay_ns,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void leaver_start(struct world *world)
{
    later(world, BEGINS_NS);
}

void leaver_start_voters(struct world *world)
{
    leaver.voters = true;
    later(world, BEGINS_NS);
}

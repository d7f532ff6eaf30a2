#include "giver.h"

#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "disk_sim.h"
#include "leaver.h"
#include "log/log.h"
#include "wipe.h"

#define BEGINS_NS (3 * SIM_S)
#define LOOK_NS (SIM_MS / 20) /* what has just been sent is on its way still */
#define PATIENCE_NS (4 * SIM_S)
#define APART_NS (4 * SIM_S) /* links that are cut have broken by then */
#define LEAVES_NS (12 * SIM_S) /* who waits to leave asks again after a pause that grows */
#define HANGS_NS (APART_NS + PATIENCE_NS)

enum step {
    STEP_BEGINS,
    STEP_HEARS, /* that C is to go */
    STEP_SEALS,
    STEP_APART,
    STEP_GIVES, /* A to B, or both to C */
    STEP_DONE
};

static struct {
    enum step step;
    struct leaver_cast cast;
    bool hearsay, hangs; /* hangs: B's disk does */
    bool left;           /* C leaves with the SEAL, which B lacks */
    uint64_t until_ns;
} giver; /* a seed has a process of its own */

static void later(struct world *world, uint64_t delay_ns);

static void cut(struct world *world, const struct sim_node *one, const struct sim_node *other,
                bool on)
{
    net_sim_cut(world, one->at, other->at, on);
    net_sim_cut(world, other->at, one->at, on);
}

static const struct log_state *state_of(const struct sim_node *node)
{
    return node->up && node->control != NULL
               ? log_state(control_log(node->control), giver.cast.group)
               : NULL;
}

static bool has_begun(const struct sim_node *node)
{
    const struct log_state *state = state_of(node);

    return state != NULL && state->epoch == giver.cast.epoch;
}

static bool has_heard(const struct sim_node *node)
{
    if (!node->up || node->control == NULL)
        return false;
    const struct model *model = catalog_model(control_catalog(node->control));
    const struct model_shard *row = model_shard_by_group(model, giver.cast.group, NULL);

    return row != NULL && row->epoch == giver.cast.epoch;
}

static void join(struct world *world)
{
    const struct leaver_cast *cast = &giver.cast;

    cut(world, cast->a, cast->b, false);
    cut(world, cast->a, cast->c, false);
    cut(world, cast->a, cast->d, false);
    cut(world, cast->b, cast->c, false);
    cut(world, cast->b, cast->d, false);
    cut(world, cast->c, cast->d, false);
    giver.hangs = false;
}

static void wait_for(struct world *world, enum step step, uint64_t ns)
{
    giver.step = step;
    giver.until_ns = world->now_ns + ns;
}

static void begin(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);
    char why[128];

    if (leader == NULL || !wipe_whole(world, why, sizeof why) ||
        !leaver_choose(world, leader, &giver.cast))
        return;
    leaver_drain(world, leader, &giver.cast, true);
    wait_for(world, STEP_HEARS, PATIENCE_NS);
}

static void begin_anew(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);

    join(world);
    if (leader != NULL)
        leaver_drain(world, leader, &giver.cast, false);
    wait_for(world, STEP_BEGINS, 0);
}

/* B lacks the end: it is to be filled with it. */
static bool lacks_end(const struct sim_node *node)
{
    const struct log_state *begun = state_of(giver.cast.a), *state = state_of(node);

    return begun != NULL && state != NULL && state->last < begun->start_index;
}

static bool is_filling(const struct sim_node *node)
{
    const struct log_state *state = state_of(node);

    return has_begun(node) && state->member_count == 0;
}

/* B has what A said was the end, and nobody but A knows yet that it is. */
static bool is_about_to_hear(void)
{
    const struct leaver_cast *cast = &giver.cast;
    const struct log_state *begun = state_of(cast->a), *state = state_of(cast->b);

    return !has_begun(cast->b) && !has_begun(cast->c) && state != NULL &&
           state->last >= begun->start_index && state->applied < state->last;
}

static void part_from_giver(struct world *world)
{
    const struct leaver_cast *cast = &giver.cast;

    cut(world, cast->a, cast->b, true);
    cut(world, cast->a, cast->c, true);
    cut(world, cast->a, cast->d, true);
    cut(world, cast->b, cast->c, true);
    wait_for(world, STEP_APART, APART_NS);
}

/* B will begin, and nothing of it is on its disk. */
static void hang(struct world *world)
{
    disk_sim_stall(giver.cast.b->disk, world->now_ns + HANGS_NS);
    giver.hangs = true;
    wait_for(world, STEP_APART, APART_NS);
}

static void strike(struct world *world)
{
    const struct leaver_cast *cast = &giver.cast;

    world_say(world, cast->a, "is lost, which gave group %llu", (unsigned long long)cast->group);
    if (giver.hearsay) {
        cluster_kill(world, cast->b, DEATH_POWER);
        cluster_start_later(world, cast->b, 100 * SIM_MS + world_below(world, SIM_S));
    }
    wipe_now(world, cast->a);
    join(world);
    giver.step = STEP_DONE;
}

/* C has the end by itself, and leaves with it; nobody else hears of it. */
static void leave_alone(struct world *world)
{
    const struct leaver_cast *cast = &giver.cast;

    cut(world, cast->a, cast->b, true);
    cut(world, cast->b, cast->c, true);
    cut(world, cast->a, cast->d, true);
    cut(world, cast->b, cast->d, true);
    cut(world, cast->c, cast->d, true);
    wait_for(world, STEP_SEALS, PATIENCE_NS);
}

static void act_left(struct world *world)
{
    const struct leaver_cast *cast = &giver.cast;
    bool late = world->now_ns > giver.until_ns;

    if (giver.step == STEP_HEARS && has_heard(cast->a)) {
        leave_alone(world);
    } else if (giver.step == STEP_SEALS && has_begun(cast->a) && has_begun(cast->c)) {
        if (lacks_end(cast->b))
            wait_for(world, STEP_APART, APART_NS);
        else
            begin_anew(world);
    } else if (giver.step == STEP_APART && late) {
        cut(world, cast->b, cast->a, false);
        wait_for(world, STEP_GIVES, PATIENCE_NS);
    } else if (giver.step == STEP_GIVES && is_filling(cast->b)) {
        strike(world);
    } else if (late) {
        begin_anew(world);
    }
}

static void act(struct world *world)
{
    const struct leaver_cast *cast = &giver.cast;
    bool late = world->now_ns > giver.until_ns;

    if (giver.step == STEP_HEARS && has_heard(cast->a)) {
        if (giver.hearsay) {
            cut(world, cast->a, cast->c, true);
            cut(world, cast->b, cast->c, true);
            cut(world, cast->a, cast->d, true);
            cut(world, cast->b, cast->d, true);
            cut(world, cast->c, cast->d, true); /* words of what C seals itself come to nobody */
        }
        wait_for(world, STEP_SEALS, PATIENCE_NS);
    } else if (giver.step == STEP_SEALS && has_begun(cast->a)) {
        if (!is_about_to_hear())
            begin_anew(world);
        else if (giver.hearsay)
            hang(world);
        else
            part_from_giver(world);
    } else if (giver.step == STEP_APART && late && giver.hearsay && !has_begun(cast->b)) {
        begin_anew(world);
    } else if (giver.step == STEP_APART && late) {
        cut(world, giver.hearsay ? cast->c : cast->b, cast->a, false);
        if (giver.hearsay)
            cut(world, cast->c, cast->b, false);
        wait_for(world, STEP_GIVES, PATIENCE_NS);
    } else if (giver.step == STEP_GIVES && has_begun(giver.hearsay ? cast->c : cast->b)) {
        strike(world);
    } else if (giver.step == STEP_GIVES && late && giver.hangs) {
        giver.hangs = false; /* it waited for that, as it should */
        wait_for(world, STEP_GIVES, LEAVES_NS);
    } else if (late) {
        begin_anew(world);
    }
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (cluster_of(world)->healing || giver.step == STEP_DONE)
        return;
    if (giver.step == STEP_BEGINS)
        begin(world);
    else if (giver.left)
        act_left(world);
    else
        act(world);
    later(world, giver.step == STEP_BEGINS ? 500 * SIM_MS : LOOK_NS);
}

static void later(struct world *world, uint64_t delay_ns)
{
    world_after(world, (struct world_after){ .delay_ns = delay_ns,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void giver_start(struct world *world)
{
    later(world, BEGINS_NS);
}

void giver_start_hearsay(struct world *world)
{
    giver.hearsay = true;
    later(world, BEGINS_NS);
}

void giver_start_left(struct world *world)
{
    giver.left = true;
    later(world, BEGINS_NS);
}

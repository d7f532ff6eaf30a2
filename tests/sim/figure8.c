#include "figure8.h"

#include "cluster.h"
#include "net_sim.h"

#define SETTLE_NS (2 * SIM_S)
#define GIVE_UP_NS (6 * SIM_S)

enum act {
    ACT_REST,   /* all links are whole */
    ACT_FIRST,  /* waits for a put on L1 */
    ACT_SECOND, /* L1 is away; waits for a put on L2 */
    ACT_THIRD,  /* L2 is away, L1 is back; waits until L1 commits its old entry */
    ACT_FOURTH  /* L1 is away, L2 is back */
};

struct figure8 {
    enum act act;
    uint64_t round;
    uint32_t first, second; /* L1, L2 */
    uint64_t first_term, first_last, second_term, second_last, third_term;
};

static void rest(struct world *world);

static struct figure8 *figure_of(struct world *world)
{
    return cluster_of(world)->figure8;
}

static void isolate(struct world *world, uint32_t at, bool cut)
{
    for (uint32_t other = 0; other < world->node_count; other++)
        if (other != at) {
            net_sim_cut(world, at, other, cut);
            net_sim_cut(world, other, at, cut);
        }
}

static void enter(struct world *world, enum act act)
{
    const struct figure8 *figure = figure_of(world);

    world_say(world, NULL,
              "figure 8: round %llu act %d; L1 node %u (%llu, t%llu), L2 node %u (%llu, t%llu)",
              (unsigned long long)figure->round, (int)act, figure->first + 1,
              (unsigned long long)figure->first_last, (unsigned long long)figure->first_term,
              figure->second + 1, (unsigned long long)figure->second_last,
              (unsigned long long)figure->second_term);
    figure_of(world)->act = act;
    cluster_of(world)->hush = act == ACT_THIRD || act == ACT_FOURTH;
}

static void rested(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (figure_of(world)->round == arg && !cluster_of(world)->healing)
        enter(world, ACT_FIRST);
}

static void gave_up(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (figure_of(world)->round == arg && !cluster_of(world)->healing)
        rest(world);
}

static void rest(struct world *world)
{
    struct figure8 *figure = figure_of(world);

    figure->round++;
    for (uint32_t i = 0; i < world->node_count; i++)
        isolate(world, i, false);
    enter(world, ACT_REST);
    world_after(world, (struct world_after){ .delay_ns = SETTLE_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = rested,
                                             .arg = figure->round });
    world_after(world, (struct world_after){ .delay_ns = SETTLE_NS + GIVE_UP_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = gave_up,
                                             .arg = figure->round });
}

void figure8_start(struct world *world)
{
    cluster_of(world)->figure8 = sim_malloc(sizeof(struct figure8));
    rest(world);
}

/* L1 leads again: as soon as it commits, and before anything of the new term leaves. */
static void look_at_third(struct world *world, struct sim_node *node, uint64_t term,
                          uint64_t applied)
{
    struct figure8 *figure = figure_of(world);

    if (node->at != figure->first || term <= figure->second_term)
        return;
    if (applied < figure->first_last)
        return;
    isolate(world, figure->first, true);
    isolate(world, figure->second, false);
    net_sim_cut(world, figure->first, figure->second, true);
    net_sim_cut(world, figure->second, figure->first, true);
    cluster_of(world)->aimed++;
    enter(world, ACT_FOURTH);
}

void figure8_look(struct world *world, struct sim_node *node, uint64_t group, bool leads,
                  uint64_t term, uint64_t last, uint64_t applied)
{
    struct figure8 *figure = figure_of(world);

    if (figure == NULL || cluster_of(world)->healing || group == 1 || !leads)
        return;
    if (figure->act == ACT_FIRST && last > applied) {
        figure->first = node->at;
        figure->first_term = term;
        figure->first_last = last;
        isolate(world, node->at, true);
        enter(world, ACT_SECOND);
    } else if (figure->act == ACT_SECOND && node->at != figure->first &&
               term > figure->first_term && last >= figure->first_last) {
        figure->second = node->at;
        figure->second_term = term;
        figure->second_last = last;
        isolate(world, figure->first, false);
        isolate(world, node->at, true);
        enter(world, ACT_THIRD);
    } else if (figure->act == ACT_THIRD) {
        look_at_third(world, node, term, applied);
    }
}

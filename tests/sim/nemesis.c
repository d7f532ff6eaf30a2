#include "nemesis.h"

#include "cluster.h"
#include "disk_sim.h"
#include "net_sim.h"
#include "table_sim.h"
#include "wipe.h"

static uint64_t between(struct world *world, uint64_t least_ns, uint64_t most_ns)
{
    return least_ns + world_below(world, most_ns - least_ns);
}

static struct sim_node *any_node(struct world *world)
{
    return &world->nodes[world_below(world, world->node_count)];
}

/* ---- cuts, each with its end ---- */

static void uncut(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    net_sim_cut(world, (uint32_t)(arg >> 8), (uint32_t)(arg & 0xff), false);
}

static void cut_for(struct world *world, uint32_t from, uint32_t to, uint64_t ns)
{
    if (from == to)
        return;
    cluster_of(world)->cuts++;
    net_sim_cut(world, from, to, true);
    world_after(world, (struct world_after){ .delay_ns = ns,
                                             .kind = KIND_NEMESIS,
                                             .fn = uncut,
                                             .arg = (uint64_t)from << 8 | to });
}

static void isolate(struct world *world, uint32_t at, uint64_t ns)
{
    uint64_t way = world_below(world, 4); /* both ways twice as often */

    world_say(world, &world->nodes[at], "isolated for %.0f ms, way %llu", (double)ns / 1e6,
              (unsigned long long)way);
    for (uint32_t other = 0; other < world->node_count; other++) {
        if (way != 1)
            cut_for(world, at, other, ns);
        if (way != 2)
            cut_for(world, other, at, ns);
    }
}

/* ---- single faults ---- */

static void kill_one(struct world *world, struct sim_node *node, enum death death)
{
    if (!node->up)
        return;
    cluster_kill(world, node, death);
    cluster_start_later(world, node, between(world, 20 * SIM_MS, 5 * SIM_S));
}

static void power_all(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        kill_one(world, &world->nodes[i], DEATH_POWER);
}

static void unslow(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    disk_sim_slow(world->nodes[arg].disk, 1);
}

static void pause_one(struct world *world, struct sim_node *node, uint64_t ns)
{
    cluster_of(world)->pauses++;
    world_say(world, node, "paused for %.0f ms", (double)ns / 1e6);
    node->paused_until_ns = world->now_ns + ns;
}

static void stall_one(struct world *world, struct sim_node *node, uint64_t ns)
{
    cluster_of(world)->stalls++;
    world_say(world, node, "disk stalls for %.0f ms", (double)ns / 1e6);
    disk_sim_stall(node->disk, world->now_ns + ns);
}

static void slow_one(struct world *world, struct sim_node *node)
{
    disk_sim_slow(node->disk, (uint32_t)between(world, 5, 60));
    world_after(world, (struct world_after){ .delay_ns = between(world, SIM_S, 10 * SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = unslow,
                                             .arg = node->at });
}

/* Once, or for a while: then each new process meets it again. */
static void break_one(struct world *world, struct sim_node *node)
{
    bool lasting = world_chance(world, 1, 8);

    cluster_of(world)->disk_errors++;
    world_say(world, node, "writes fail%s", lasting ? " for a while" : "");
    if (world_chance(world, 1, 4))
        table_sim_break(node->table, true);
    else
        disk_sim_break(node->disk, lasting ? world->now_ns + between(world, SIM_S, 8 * SIM_S) : 0);
}

static void read_again(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    disk_sim_misread(world->nodes[arg].disk, 0);
}

static void misread_one(struct world *world, struct sim_node *node)
{
    static const uint32_t of[] = { 2, 10, 100 };

    cluster_of(world)->disk_errors++;
    disk_sim_misread(node->disk, of[world_below(world, 3)]);
    world_after(world, (struct world_after){ .delay_ns = between(world, SIM_S, 5 * SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = read_again,
                                             .arg = node->at });
}

static void empty_again(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    disk_sim_fill(world->nodes[arg].disk, false);
}

static void fill_one(struct world *world, struct sim_node *node)
{
    cluster_of(world)->fulls++;
    world_say(world, node, "disk is full");
    disk_sim_fill(node->disk, true);
    world_after(world, (struct world_after){ .delay_ns = between(world, SIM_S, 12 * SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = empty_again,
                                             .arg = node->at });
}

static void fill_some(struct world *world, struct sim_node *node)
{
    if (!world_chance(world, 1, 4)) {
        fill_one(world, node);
        return;
    }
    for (uint32_t i = 0; i < world->node_count; i++)
        fill_one(world, &world->nodes[i]);
}

static void jump_one(struct world *world, struct sim_node *node)
{
    int64_t range = world_chance(world, 1, 4) ? 3600000 : 3000;

    cluster_of(world)->jumps++;
    node->clock.skew_ms = (int64_t)world_below(world, (uint64_t)range * 2) - range;
}

static void strike(struct world *world, enum fault fault)
{
    struct sim_node *node = any_node(world);

    switch (fault) {
    case FAULT_KILL:
        kill_one(world, node, DEATH_KILL);
        break;
    case FAULT_POWER:
        kill_one(world, node, DEATH_POWER);
        break;
    case FAULT_POWER_ALL:
        power_all(world);
        break;
    case FAULT_PAUSE:
        pause_one(world, node, between(world, 50 * SIM_MS, 4 * SIM_S));
        break;
    case FAULT_CUT: {
        uint32_t other = any_node(world)->at;
        uint64_t ns = between(world, 50 * SIM_MS, 8 * SIM_S);
        cut_for(world, node->at, other, ns);
        cut_for(world, other, node->at, ns);
        break;
    }
    case FAULT_CUT_ONE_WAY:
        cut_for(world, node->at, any_node(world)->at, between(world, 50 * SIM_MS, 8 * SIM_S));
        break;
    case FAULT_ISOLATE:
        isolate(world, node->at, between(world, 50 * SIM_MS, 8 * SIM_S));
        break;
    case FAULT_STALL:
        stall_one(world, node, between(world, 20 * SIM_MS, 4 * SIM_S));
        break;
    case FAULT_SLOW:
        slow_one(world, node);
        break;
    case FAULT_CLOCK:
        jump_one(world, node);
        break;
    case FAULT_STOP:
        cluster_stop(world, node);
        break;
    case FAULT_WRITE_ERROR:
        break_one(world, node);
        break;
    case FAULT_READ_ERROR:
        misread_one(world, node);
        break;
    case FAULT_FULL:
        fill_some(world, node);
        break;
    case FAULT_WIPE: /* has a hand of its own */
        break;
    case FAULTS:
        break;
    }
}

static void next_strike(struct world *world);

static void struck(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct cluster *cluster = cluster_of(world);

    if (cluster->healing)
        return;
    uint32_t fault = 1u << world_below(world, FAULTS);
    if (cluster->options.faults & fault)
        strike(world, (enum fault)fault);
    next_strike(world);
}

static void next_strike(struct world *world)
{
    uint64_t most_ns = cluster_of(world)->options.fault_pause_ms * SIM_MS;

    world_after(world, (struct world_after){ .delay_ns = between(world, 50 * SIM_MS, most_ns),
                                             .kind = KIND_NEMESIS,
                                             .fn = struck });
}

/* Often, because most of the time some group lacks a member and nothing may be wiped. */
static void wipe_next(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    if (cluster_of(world)->healing)
        return;
    wipe_one(world, any_node(world));
    world_after(world, (struct world_after){ .delay_ns = between(world, 100 * SIM_MS, 800 * SIM_MS),
                                             .kind = KIND_NEMESIS,
                                             .fn = wipe_next });
}

/* What a scenario is about, however the others fall. */
static void steady_next(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    uint32_t steady = cluster_of(world)->options.steady;
    uint32_t chosen = (uint32_t)world_below(world, FAULTS);

    if (cluster_of(world)->healing)
        return;
    while ((steady & 1u << chosen) == 0)
        chosen = (chosen + 1) % FAULTS;
    strike(world, (enum fault)(1u << chosen));
    world_after(world, (struct world_after){ .delay_ns = between(world, 2 * SIM_S, 8 * SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = steady_next });
}

void nemesis_start(struct world *world)
{
    next_strike(world);
    if (cluster_of(world)->options.steady != 0)
        steady_next(world, NULL, NULL, 0);
    if (cluster_of(world)->options.faults & FAULT_WIPE)
        wipe_next(world, NULL, NULL, 0);
}

void nemesis_heal(struct world *world)
{
    cluster_of(world)->healing = true;
    cluster_of(world)->hush = false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        for (uint32_t other = 0; other < world->node_count; other++)
            net_sim_cut(world, i, other, false);
        disk_sim_mend(node->disk);
        table_sim_break(node->table, false);
        node->paused_until_ns = 0;
        node->clock.skew_ms = 0;
        if (!node->up)
            cluster_start_later(world, node, between(world, SIM_MS, 500 * SIM_MS));
    }
}

/* ---- the hand that aims ---- */

static void aimed_at(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct sim_node *victim = &world->nodes[arg & 0xff];

    if (cluster_of(world)->healing || !victim->up)
        return;
    cluster_of(world)->aimed++;
    switch ((arg >> 8) % 6) {
    case 0:
    case 1:
    case 2:
        isolate(world, victim->at, between(world, 300 * SIM_MS, 4 * SIM_S));
        break;
    case 3:
        kill_one(world, victim, world_chance(world, 1, 2) ? DEATH_KILL : DEATH_POWER);
        break;
    case 4:
        stall_one(world, victim, between(world, 300 * SIM_MS, 3 * SIM_S));
        break;
    default:
        pause_one(world, victim, between(world, 300 * SIM_MS, 3 * SIM_S));
        break;
    }
}

static void aim(struct world *world, struct sim_node *node, uint64_t most_ns)
{
    world_after(world, (struct world_after){ .delay_ns = world_below(world, most_ns),
                                             .kind = KIND_NEMESIS,
                                             .fn = aimed_at,
                                             .arg = node->at | world_below(world, 6) << 8 });
}

void nemesis_on_moment(struct world *world, struct sim_node *node)
{
    enum death death = world_chance(world, 1, 2) ? DEATH_KILL : DEATH_POWER;

    cluster_of(world)->struck++;
    switch (world_below(world, 8)) {
    case 0:
    case 1:
    case 2:
        cluster_doom(node, death);
        break;
    case 3:
        for (uint32_t i = 0; i < world->node_count; i++)
            if (world->nodes[i].up && world_chance(world, 2, 3))
                cluster_doom(&world->nodes[i], death);
        break;
    case 4:
        isolate(world, node->at, between(world, 300 * SIM_MS, 4 * SIM_S));
        break;
    case 5:
        stall_one(world, node, between(world, 300 * SIM_MS, 6 * SIM_S));
        break;
    case 6:
        if (cluster_of(world)->options.faults & FAULT_WRITE_ERROR) {
            break_one(world, node);
            break;
        }
        cluster_doom(node, death);
        break;
    default:
        aim(world, node, 3 * SIM_MS);
        break;
    }
}

void nemesis_on_leader(struct world *world, struct sim_node *node, uint64_t group)
{
    struct cluster *cluster = cluster_of(world);

    if (cluster->healing || !cluster->options.aimed)
        return;
    if (world_chance(world, 1, 12))
        aim(world, node, 4 * SIM_MS);
    else if (world_chance(world, 1, 24))
        cluster_doom(node, world_chance(world, 1, 2) ? DEATH_KILL : DEATH_POWER);
}

/* The schedule of figure 8 of the Raft paper: leader after leader is cut off with one entry that
 * nobody else has, and comes back while the next one is away. */
static void cut_off(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct sim_node *victim = &world->nodes[arg];

    if (cluster_of(world)->healing || !victim->up)
        return;
    cluster_of(world)->aimed++;
    isolate(world, victim->at, between(world, 400 * SIM_MS, 2500 * SIM_MS));
}

void nemesis_on_proposal(struct world *world, struct sim_node *node, uint64_t group, bool first)
{
    struct cluster *cluster = cluster_of(world);
    uint32_t of = cluster->options.isolate_first_of;

    if (cluster->healing)
        return;
    if (first && of != 0 && world_chance(world, 1, of)) {
        uint64_t delay = world_chance(world, 1, 2) ? 0 : world_below(world, 3 * SIM_MS);
        world_after(world,
                    (struct world_after){
                        .delay_ns = delay, .kind = KIND_NEMESIS, .fn = cut_off, .arg = node->at });
        return;
    }
    if (!cluster->options.aimed)
        return;
    if (world_chance(world, 1, 400))
        aim(world, node, 2 * SIM_MS);
    else if (world_chance(world, 1, 1600))
        cluster_doom(node, world_chance(world, 1, 2) ? DEATH_KILL : DEATH_POWER);
}

#include "cluster.h"

#include <stdio.h>
#include <string.h>

#include "api/route.h"
#include "base/ensure.h"
#include "builds.h"
#include "checks.h"
#include "control/control.h"
#include "disk_sim.h"
#include "forgotten.h"
#include "nemesis.h"
#include "promises.h"
#include "rolling.h"
#include "rot.h"
#include "table_sim.h"
#include "tide.h"
#include "unheard.h"
#include "wipe.h"
#include "workload.h"

#define ELECTION_TIMEOUT_MS 500u
#define HEARTBEAT_MS 150u
#define TICK_MS 75u
#define SCRUB_PERIOD_MS 4000u
#define FILL_BYTES_PER_S (8u << 20) /* in a quarter of the seeds; a lost disk is whole in 60 s */
#define MOVE_BYTES_PER_S (2u << 20) /* likewise, in another one, where nodes are drained */
#define COMPARE_PERIOD_MS 4000u
#define FORGETS_BYTES 65536u /* payloads of all groups that a node keeps, */
#define FORGETS_ENTRIES 64u  /* and heads of each, or twice as many */
#define SCRUB_BYTES_PER_S (16u * 1024u * 1024u)

static void doomed(struct world *world, struct sim_node *node);

/* How long a record lives in the world's time, when its wall clocks go fast; else for ever. */
static uint64_t keep_ns(const struct cluster_options *options)
{
    return options->wall_speed == 1 ? 0
                                    : options->retention_hours * 3600 * SIM_S / options->wall_speed;
}

void cluster_init(struct cluster *cluster, struct world *world,
                  const struct cluster_options *options)
{
    *cluster = (struct cluster){ .world = world, .options = *options };
    world->cluster = cluster;
    world->wall_speed = options->wall_speed;
    world->on_doom = doomed;
    world->after_event = checks_after_event;
    cluster->history = history_new(world, keep_ns(options));
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        node->disk = disk_sim_new(node);
        node->table = table_sim_new(node);
        node->net = net_sim_new(node, &cluster->options.weather);
    }
}

void cluster_fini(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->world->node_count; i++) {
        struct sim_node *node = &cluster->world->nodes[i];
        heap_drop(&node->heap);
        disk_sim_free(node->disk);
        table_sim_free(node->table);
        net_sim_free(node->net);
    }
    history_free(cluster->history);
}

/* ---- a process starts ---- */

/* As its supervisor sees it: the process ends, and is started again. */
static void broke(struct sim_node *node, const struct reason *reason)
{
    world_say(node->world, node, "process ends: %s", reason->text);
    cluster_of(node->world)->disk_deaths++;
    node->broke = true;
    cluster_doom(node, DEATH_KILL);
}

static void failed(void *ctx, const struct reason *reason)
{
    struct sim_node *node = ctx;

    if (!disk_sim_has_failed(node->disk) && !table_sim_has_failed(node->table))
        world_violation(node->world, "node failed", "node %u: %s", node->at + 1, reason->text);
    broke(node, reason);
}

static void forgotten(void *ctx, const struct reason *reason, bool noted)
{
    struct sim_node *node = ctx;

    forgotten_says(node->world, node, reason);
}

static void removed(void *ctx, const struct reason *reason)
{
    struct sim_node *node = ctx;

    world_violation(node->world, "removed", "node %u: %s", node->at + 1, reason->text);
}

static void outdated(void *ctx, const struct reason *reason)
{
    struct sim_node *node = ctx;

    builds_outdated(node->world, node, reason);
}

static uint64_t note_time(void *ctx)
{
    return clock_wall_ms(ctx);
}

static void note_line(void *ctx, const char *line, size_t len)
{
    struct sim_node *node = ctx;

    world_say(node->world, node, "%.*s", (int)len - 1, line);
}

/* Whatever happens, two members never apply different entries. */
static void differ(void *ctx, const struct entry_head *here, const struct entry_head *there,
                   uint64_t id)
{
    const struct sim_node *node = ctx;

    world_violation(node->world, "difference",
                    "group %llu entry %llu: node %u has crc %08x time %llu, %016llx has crc %08x "
                    "time %llu", (unsigned long long)here->group, (unsigned long long)here->index,
                    node->at + 1, here->crc, (unsigned long long)here->time_ms,
                    (unsigned long long)id, there->crc, (unsigned long long)there->time_ms);
}

uint64_t cluster_fill_bytes_per_s(const struct world *world)
{
    return world->seed % 4 == 0 ? FILL_BYTES_PER_S : 0;
}

uint64_t cluster_move_bytes_per_s(const struct world *world)
{
    const struct cluster *cluster = world->cluster;

    return cluster->options.drain && world->seed % 4 == 2 ? MOVE_BYTES_PER_S : 0;
}

static struct limits limits_of(const struct cluster_options *options)
{
    struct limits limits = { .of = { 0 } };

    if (options->tide) {
        limits.of[LIMIT_PUT_RECORDS] = TIDE_RECORDS_PER_S;
        limits.of[LIMIT_SCALED_SHARDS] = TIDE_SHARDS_MOST;
    }
    return limits;
}

static struct control_options options_of(struct sim_node *node, char names[3][32])
{
    static const char *const seeds[] = { "node-1", "node-2", "node-3" };
    const struct cluster_options *options = &cluster_of(node->world)->options;

    snprintf(names[0], sizeof names[0], "n%u", node->at + 1);
    snprintf(names[1], sizeof names[1], "az%u", node->at % 3 + 1);
    snprintf(names[2], sizeof names[2], "node-%u", node->at + 1);
    return (struct control_options){
        .node = node->id,
        .boot = node->boot,
        .name = names[0],
        .az = names[1],
        .client_address = names[2],
        .peer_address = names[2],
        .operations_address = names[2],
        .seeds = seeds,
        .seed_count = options->node_count < 3 ? options->node_count : 3,
        .founding_wait_ms = options->founding_wait_ms,
        .replication = options->replication,
        .region = "sim-1",
        .account = "000000000000",
        .knows = builds_knows(node->world, node),
        .segment_bytes = options->segment_bytes,
        .segments_ahead = 2,
        .log_bytes_max = options->log_bytes_max,
        .read_gap_bytes = options->read_gap_bytes,
        .payload_cache_bytes = options->forgets ? FORGETS_BYTES : 0,
        .trailing_entries = options->forgets ? FORGETS_ENTRIES : 0,
        .scrub_period_ms = options->rot && !options->unsearched ? SCRUB_PERIOD_MS : 0,
        .scrub_bytes_per_s = SCRUB_BYTES_PER_S,
        .fill_bytes_per_s = cluster_fill_bytes_per_s(node->world),
        .move_bytes_per_s = cluster_move_bytes_per_s(node->world),
        .compare_period_ms = options->compare ? COMPARE_PERIOD_MS : 0,
        .clock_off_max_ms = (uint64_t)CONTROL_CLOCK_OFF_MS * options->wall_speed,
        .balance_leaders = options->balance,
        .replace_after_ms = options->replace_after_ms,
        .balance_replicas = options->drain,
        .moves_at_once = CONTROL_MOVES_AT_ONCE,
        .election_timeout_ms = ELECTION_TIMEOUT_MS,
        .heartbeat_ms = HEARTBEAT_MS,
        .tick_ms = TICK_MS,
        .tail_bytes_max = 256 * 1024,
        .scale_window_ms = options->tide ? TIDE_WINDOW_MS : 0,
        .scale_quiet_ms = TIDE_QUIET_MS,
        .limits = limits_of(options),
        .on_failed = failed,
        .on_difference = differ,
        .on_forgotten = forgotten,
        .on_removed = removed,
        .on_outdated = outdated,
        .ctx = node,
    };
}

/* A start that its disk forbids at present. */
static bool is_hindered(const struct sim_node *node, enum err err)
{
    return (err == ERR_IO && (disk_sim_is_ill(node->disk) || table_sim_has_failed(node->table))) ||
           (err == ERR_NO_SPACE && disk_sim_is_full(node->disk));
}

/* Whether the node is to be given up for now. */
static bool is_refused(struct world *world, struct sim_node *node, enum err err,
                       const struct reason *reason)
{
    if (err == ERR_OK)
        return false;
    if (is_hindered(node, err) || (err == ERR_IO && rot_left_over(world, node))) {
        broke(node, reason);
        return true;
    }
    if (err == ERR_VERSION) {
        builds_outdated(world, node, reason);
        return true;
    }
    if (forgotten_refuses(world, node, err, reason))
        return true;
    world_violation(world, "start", "node %u does not start: %s: %s", node->at + 1, err_name(err),
                    reason->text);
}

static void open_node(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    char names[3][32];
    struct reason reason = { "" };

    note_init(&node->note, world->notes != NULL ? NOTE_DEBUG : NOTE_OFF, note_time, &node->clock);
    note_to(&node->note, note_line, node);
    forgotten_renews(world, node);
    enum err err = control_identity(node->table, &node->random, &node->id, &reason);
    if (is_refused(world, node, err, &reason))
        return;
    struct control_options options = options_of(node, names);
    struct control_world below = { .clock = &node->clock,
                                   .random = &node->random,
                                   .work = &node->pool,
                                   .disk = node->disk,
                                   .table = node->table,
                                   .net = node->net,
                                   .note = &node->note };
    err = control_open(&node->control, &options, &below, &reason);
    if (is_refused(world, node, err, &reason))
        return;
    promises_check(world, node);
    unheard_raise(world, node);
    if (route_open(&node->route, node->control, node->net, &node->clock) != ERR_OK)
        world_violation(world, "start", "node %u: no routes", node->at + 1);
}

static int64_t around_zero(struct world *world, uint32_t most)
{
    return (int64_t)world_below(world, 2 * (uint64_t)most + 1) - (int64_t)most;
}

void cluster_start(struct world *world, struct sim_node *node)
{
    if (node->up)
        return;
    node->up = true;
    node->host_down = false;
    node->life++;
    node->paused_until_ns = 0;
    node->boot = random_u64(&world->random) | 1;
    random_init(&node->random, random_u64(&world->random));
    turn_init(&node->clock.turn);
    node->clock.offset_ns = world_below(world, 1000 * SIM_S);
    node->clock.drift_ppm = around_zero(world, cluster_of(world)->options.drift_ppm_max);
    if (node->life == 1)
        node->clock.skew_ms = around_zero(world, cluster_of(world)->options.skew_ms_max);
    node->clock.wake_ns = TURN_NEVER;
    net_sim_boot(node->net);
    checks_forget(world, node);
    cluster_of(world)->starts++;
    world_say(world, node, "process starts");
    world_inside(world, node, open_node, NULL, 0);
}

static void started(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    cluster_start(world, &world->nodes[arg]);
}

void cluster_start_later(struct world *world, struct sim_node *node, uint64_t delay_ns)
{
    world_after(
        world, (struct world_after){
                   .delay_ns = delay_ns, .kind = KIND_NODE_START, .fn = started, .arg = node->at });
}

/* ---- a process ends ---- */

static void down(struct world *world, struct sim_node *node, enum death death, bool goodbye)
{
    node->doomed = node->leaving = node->deaf = node->stopping = node->broke = false;
    workload_node_died(world, node);
    disk_sim_crash(node->disk, death);
    table_sim_crash(node->table, death);
    net_sim_down(node->net, death, goodbye);
    node->up = false;
    node->host_down = death == DEATH_POWER;
    node->control = NULL;
    node->route = NULL;
    heap_drop(&node->heap);
}

void cluster_kill(struct world *world, struct sim_node *node, enum death death)
{
    if (!node->up)
        return;
    world_say(world, node, "%s", death == DEATH_KILL ? "killed" : "power lost");
    if (death == DEATH_KILL)
        cluster_of(world)->kills++;
    else
        cluster_of(world)->powers++;
    down(world, node, death, false);
}

void cluster_doom(struct sim_node *node, enum death death)
{
    node->doomed = true;
    node->doom = death;
}

static void doomed(struct world *world, struct sim_node *node)
{
    node->doomed = false;
    /* Whose disk has failed often gets another one. */
    if (node->broke && (cluster_of(world)->options.faults & FAULT_WIPE) != 0 &&
        world_chance(world, 1, 2))
        wipe_one(world, node);
    if (!node->up)
        return;
    cluster_kill(world, node, node->doom);
    cluster_start_later(world, node, 50 * SIM_MS + world_below(world, 3 * SIM_S));
}

static void has_stopped(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct sim_node *stopped = &world->nodes[arg >> 32];

    if (!stopped->up || stopped->life != (uint32_t)arg)
        return;
    down(world, stopped, DEATH_KILL, true);
    cluster_start_later(world, stopped, 50 * SIM_MS + world_below(world, 2 * SIM_S));
}

static void control_closed(void *ctx)
{
    struct sim_node *node = ctx;

    node->control = NULL;
    world_after(node->world, (struct world_after){ .kind = KIND_NODE_STOP,
                                                   .fn = has_stopped,
                                                   .arg = (uint64_t)node->at << 32 | node->life });
}

static void close_node(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    route_close(node->route);
    node->route = NULL;
    control_close(node->control, control_closed, node);
}

/* Requests that run are answered, as far as they can be in the time that a daemon waits. */
static void drain(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct sim_node *draining = &world->nodes[arg >> 32];

    if (!draining->deaf || draining->life != (uint32_t)arg)
        return;
    if (workload_is_at(world, draining) &&
        world->now_ns - draining->deaf_ns < HTTP_DRAIN_MS * SIM_MS) {
        world_after(world,
                    (struct world_after){
                        .delay_ns = SIM_MS, .kind = KIND_NODE_STOP, .fn = drain, .arg = arg });
        return;
    }
    draining->stopping = true;
    workload_node_died(world, draining);
    world_inside(world, draining, close_node, NULL, 0);
}

static void has_left(void *ctx)
{
    struct sim_node *node = ctx;

    rolling_left(node->world, node);
    node->deaf = true;
    node->deaf_ns = node->world->now_ns;
    world_after(node->world, (struct world_after){ .kind = KIND_NODE_STOP,
                                                   .fn = drain,
                                                   .arg = (uint64_t)node->at << 32 | node->life });
}

static void leave_node(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    control_leave(node->control, has_left, node);
}

void cluster_stop(struct world *world, struct sim_node *node)
{
    if (!node->up || node->leaving || node->control == NULL ||
        node->paused_until_ns > world->now_ns)
        return;
    world_say(world, node, "stops in order");
    node->leaving = true;
    cluster_of(world)->stops++;
    world_inside(world, node, leave_node, NULL, 0);
}

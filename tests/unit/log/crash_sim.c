/* One node's log alone, on the simulated disk and tables: it dies at any moment, again and again.
 * The twin of tests/unit/log/test_crash.c, with the same history and the same check; here the power
 * is lost too, and a round costs milliseconds.
 *
 *     log-alone [ROUNDS [SEED]]
 */
#include "crash_history.h"

#include "disk_sim.h"
#include "heap.h"
#include "moments.h"
#include "table_sim.h"
#include "world.h"

#define ROUNDS 100u
#define OPS_MAX 1500u
#define TURN_NS_MAX (300 * SIM_US)
#define BLOCKED_NS (SIM_S * 3600)

static struct world world;
static struct node node;
static struct sim_node *alone = &world.nodes[0];

/* Nobody strikes at moments here: the history ends at any. */
void moments_note(struct world *any, struct sim_node *at, enum moment moment, uint64_t group)
{
    (void)any, (void)at, (void)moment, (void)group;
}

static void nothing(struct world *any, struct sim_node *at, void *ctx, uint64_t arg)
{
    (void)any, (void)at, (void)ctx, (void)arg;
}

static uint64_t wall(void *ctx)
{
    (void)ctx;
    return 0;
}

/* What the log was told outside of an event ends its turn with the next one. */
void node_turn(struct node *at)
{
    world_inside(&world, alone, nothing, NULL, 0);
    world_run(&world, world.now_ns + world_below(&world, TURN_NS_MAX) + 1);
    if (at->failed)
        fail_msg("%s", at->reason.text);
}

static void open_log(struct world *any, struct sim_node *at, void *ctx, uint64_t arg)
{
    struct log_options options = node_options(&node);
    struct log_world below = { alone->disk, alone->table, &alone->clock, &node.random,
                               &alone->pool };

    (void)any, (void)at, (void)arg;
    *(enum err *)ctx = log_open(&node.log, &options, &below, &node.reason);
}

enum err node_try_open(struct node *at)
{
    enum err err = ERR_OK;

    note_init(&alone->note, NOTE_OFF, wall, NULL);
    alone->up = true;
    alone->life++;
    turn_init(&alone->clock.turn);
    alone->clock.wake_ns = TURN_NEVER;
    world_inside(&world, alone, open_log, &err, 0);
    at->disk = alone->disk;
    at->table = alone->table;
    if (err == ERR_OK)
        at->durable = log_durable(at->log);
    return err;
}

/* The process is gone, and its memory with it. */
static void die(enum death death)
{
    alone->up = false;
    disk_sim_crash(alone->disk, death);
    table_sim_crash(alone->table, death);
    heap_drop(&alone->heap);
    node.log = NULL;
}

void node_close(struct node *at)
{
    (void)at;
    die(DEATH_KILL); /* an orderly end is the other tests' */
}

/* A kill loses no hint that was saved, nor does filing the FORGET of a group that is back again. */
static void check_hints(void)
{
    for (uint64_t group = 1; group < GROUPS; group++) {
        const struct log_state *state = log_state(node.log, group);

        if (state == NULL)
            continue;
        assert_int_equal(state->applied, node.groups[group].applied);
        assert_int_equal(state->first, node.groups[group].first);
    }
}

static void play(uint64_t seed)
{
    static struct history history;
    static struct model_group before[GROUPS];
    enum death death = world_chance(&world, 1, 2) ? DEATH_POWER : DEATH_KILL;
    uint64_t ops = world_below(&world, OPS_MAX) + 1;

    memcpy(before, node.groups, sizeof(before));
    uint64_t now_ms = node.now_ms;
    heap_enter(&alone->heap);
    node_open(&node);
    check_hints();
    history_init(&history, &node, seed);
    while (history.ops < ops)
        history_step(&history, &node);
    die(death);
    memcpy(node.groups, before, sizeof(before));
    node.now_ms = now_ms;
    history_check(&node, seed, history.durable);
    node_close(&node);
    heap_enter(NULL);
}

static void die_again_and_again(unsigned rounds, uint64_t seed)
{
    node_clear(&node);
    world_init(&world, seed, 1);
    alone->disk = disk_sim_new(alone);
    alone->table = table_sim_new(alone);
    for (unsigned round = 0; round < rounds; round++)
        play(random_u64(&world.random));
    world_run(&world, world.now_ns + BLOCKED_NS); /* events of dead processes */
    disk_sim_free(alone->disk);
    table_sim_free(alone->table);
    world_fini(&world);
}

static void a_death_at_any_moment_loses_nothing_durable(void **state)
{
    (void)state;
    die_again_and_again(ROUNDS, 7);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_death_at_any_moment_loses_nothing_durable),
    };

    if (argc > 1) { /* by hand */
        die_again_and_again((unsigned)atoi(argv[1]), argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

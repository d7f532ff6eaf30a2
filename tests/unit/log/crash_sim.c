/* One node's log alone, on the simulated disk and tables: it dies at any moment, again and again.
 * The twin of tests/unit/log/test_crash.c, with the same history and the same check; here the power
 * is lost too, and a round costs milliseconds.
 *
 *     log-alone [ROUNDS [SEED]]
 */
#include "crash_history.h"
#include "fixture_sim.h"

#include "disk_sim.h"
#include "heap.h"
#include "table_sim.h"

#define ROUNDS 100u
#define OPS_MAX 1500u
#define TURN_NS_MAX (300 * SIM_US)
#define BLOCKED_NS (SIM_S * 3600)

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
    turn_ns_max = TURN_NS_MAX;
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

/* The simulator's tables alone: their process dies, or the power is lost, at any moment, again and
 * again.  The twin of test_crash.c, with the same history and the same check.
 *
 *     table-alone [ROUNDS [SEED]]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "disk_sim.h"
#include "heap.h"
#include "history.h"
#include "moments.h"
#include "table_sim.h"
#include "world.h"

#define ROUNDS 40u
#define BATCHES_MAX 100u /* in a round */

static struct world world;
static struct sim_node *alone = &world.nodes[0];

void moments_note(struct world *any, struct sim_node *at, enum moment moment, uint64_t group)
{
    (void)any, (void)at, (void)moment, (void)group;
}

struct lives {
    struct history history;
    uint64_t synced;   /* of the batches, what no death takes */
    unsigned shortened; /* losses of power that took some */
};

static void play(struct lives *lives)
{
    enum death death = world_chance(&world, 1, 2) ? DEATH_POWER : DEATH_KILL;
    uint64_t to = lives->history.batches + world_below(&world, BATCHES_MAX);
    struct history_finding found;
    struct reason reason;

    while (lives->history.batches < to) {
        bool synced = history_is_synced(&lives->history);
        assert_int_equal(history_write(&lives->history, alone->table, &reason), ERR_OK);
        if (synced)
            lives->synced = lives->history.batches;
    }
    table_sim_crash(alone->table, death);
    history_check(alone->table, 0, &found);
    if (found.wrong[0] != 0)
        fail_msg("after batch %llu: %s", (unsigned long long)found.batches, found.wrong);
    assert_int_equal(found.refused, 0);
    assert_in_range(found.batches, death == DEATH_KILL ? to : lives->synced, to);
    lives->shortened += found.batches < to;
    lives->history = (struct history){ 0 };
    while (lives->history.batches < found.batches)
        (void)history_write(&lives->history, NULL, &reason);
}

static void die_again_and_again(unsigned rounds, uint64_t seed)
{
    static struct lives lives;

    world_init(&world, seed, 1);
    alone->disk = disk_sim_new(alone);
    alone->table = table_sim_new(alone);
    lives = (struct lives){ .synced = 0 };
    for (unsigned round = 0; round < rounds; round++)
        play(&lives);
    assert_true(lives.shortened > 0 || rounds < ROUNDS);
    disk_sim_free(alone->disk);
    table_sim_free(alone->table);
    world_fini(&world);
}

static void a_death_at_any_moment_leaves_a_moment_of_the_history(void **state)
{
    (void)state;
    die_again_and_again(ROUNDS, 7);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_death_at_any_moment_leaves_a_moment_of_the_history),
    };

    if (argc > 1) { /* by hand */
        die_again_and_again((unsigned)atoi(argv[1]), argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

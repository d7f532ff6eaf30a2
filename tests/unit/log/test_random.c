#include "fixture.h"

/* Random appends, truncates, starts, forgets, applies and trims of many groups, with restarts in
 * between: what is found must always be what the model says. */

static struct node node;

static int set_up(void **state)
{
    (void)state;
    node_init(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

static void run(uint64_t seed, unsigned ops)
{
    struct random random;

    random_init(&random, seed);
    node_open(&node);
    for (unsigned i = 0; i < ops; i++) {
        node_random_op(&node, &random);
        if (random_below(&random, 4) == 0)
            node_turn(&node);
        if (random_below(&random, 100) == 0)
            log_save(node.log);
        if (random_below(&random, 400) == 0) {
            node_check(&node);
            node_reopen(&node);
            assert_true(node_matches(&node));
            node_take_hints(&node);
            node_check(&node);
        }
    }
    node_wait_filed(&node);
    node_check(&node);
    node_reopen(&node);
    node_take_hints(&node);
    node_check(&node);
}

static void random_operations_and_restarts_lose_nothing(void **state)
{
    (void)state;
    run(1, 2500);
}

static void nor_with_another_seed(void **state)
{
    (void)state;
    run(2, 2500);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_operations_and_restarts_lose_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nor_with_another_seed, set_up, tear_down),
    };

    if (argc > 2) { /* by hand: seed, operations */
        node_init(&node);
        run(strtoull(argv[1], NULL, 10), (unsigned)atoi(argv[2]));
        node_fini(&node);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

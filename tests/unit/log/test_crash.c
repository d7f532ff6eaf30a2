#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child appends and says what became durable; it is killed at a random moment.  What it said must
 * be there, and what is there must be a moment of its history. */

#define OPS_MAX 100000u
#define TURNS_MAX 4096u

static struct node node;

static void child(uint64_t seed, int out)
{
    static uint32_t ops_by_turn[TURNS_MAX]; /* operations up to the end of a turn */
    struct random random;
    uint64_t said = 0;

    random_init(&random, seed);
    random_init(&node.random, seed + 1); /* lives of segments differ from run to run */
    node_open(&node);
    said = node.durable;
    for (uint32_t op = 1; op < OPS_MAX; op++) {
        node_random_op(&node, &random);
        ops_by_turn[log_turn(node.log) % TURNS_MAX] = op;
        if (op % 5 == 0)
            node_turn(&node);
        if (op % 64 == 0)
            log_save(node.log);
        if (node.durable > said) {
            said = node.durable;
            uint32_t ops = ops_by_turn[said % TURNS_MAX];
            if (ops > 0 && write(out, &ops, sizeof(ops)) != sizeof(ops))
                _exit(1);
        }
        while (log_turn(node.log) - node.durable > TURNS_MAX / 2)
            node_turn(&node);
    }
    _exit(0);
}

static uint32_t run_and_kill(uint64_t seed, unsigned after_us)
{
    int pipe_ends[2];
    uint32_t durable = 0, ops;

    assert_int_equal(pipe(pipe_ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pipe_ends[0]);
        child(seed, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    /* From the first durable operation on, so that slow machines get somewhere too. */
    if (read(pipe_ends[0], &durable, sizeof(durable)) != sizeof(durable))
        fail_msg("the child ended early");
    usleep(after_us);
    kill(pid, SIGKILL);
    while (read(pipe_ends[0], &ops, sizeof(ops)) == sizeof(ops))
        durable = ops;
    close(pipe_ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return durable;
}

static void replay_until_it_matches(uint64_t seed, uint32_t durable)
{
    struct random random;
    struct log *log;

    random_init(&random, seed);
    for (uint32_t op = 0; op < durable; op++)
        node_random_op(&node, &random);
    node_open(&node);
    for (uint32_t op = durable; !node_matches(&node); op++) {
        if (op > durable + 4000)
            fail_msg("after %u durable operations: no moment of the history matches", durable);
        log = node.log;
        node.log = NULL; /* the model alone */
        node_random_op(&node, &random);
        node.log = log;
    }
}

static void kill_again_and_again(unsigned rounds, uint64_t seed)
{
    struct random random;

    node_init(&node);
    random_init(&random, seed);
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t round_seed = random_u64(&random);
        uint32_t durable =
            run_and_kill(round_seed, (unsigned)random_below(&random, 60000));
        replay_until_it_matches(round_seed, durable);
        node_take_hints(&node);
        node_check(&node);
        node_close(&node);
    }
    node_fini(&node);
}

static void a_kill_at_any_moment_loses_nothing_durable(void **state)
{
    (void)state;
    kill_again_and_again(12, 7);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_any_moment_loses_nothing_durable),
    };

    if (argc > 2) { /* by hand: rounds, seed */
        kill_again_and_again((unsigned)atoi(argv[1]), strtoull(argv[2], NULL, 10));
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

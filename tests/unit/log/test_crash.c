#include "crash_history.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child appends and says what became durable; it is killed at a random moment.  What it said must
 * be there, and what is there must be a moment of its history. */

#define OPS_MAX 100000u

static struct node node;

static void child(uint64_t seed, int out)
{
    static struct history history;
    uint32_t said = 0;

    random_init(&node.random, seed + 1); /* lives of segments differ from run to run */
    node_open(&node);
    history_init(&history, &node, seed);
    while (history.ops < OPS_MAX) {
        history_step(&history, &node);
        if (history.durable == said)
            continue;
        said = history.durable;
        if (write(out, &said, sizeof(said)) != sizeof(said))
            _exit(1);
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

static void kill_again_and_again(unsigned rounds, uint64_t seed)
{
    struct random random;

    node_init(&node);
    random_init(&random, seed);
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t round_seed = random_u64(&random);
        uint32_t durable =
            run_and_kill(round_seed, (unsigned)random_below(&random, 60000));
        history_check(&node, round_seed, durable);
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

/* sim - whole clusters of the real code in virtual time, one seed after another.
 *
 *     sim --seed N --minutes M          one world; the same seed gives the same events
 *     sim --seed N --seeds K            K worlds from seed N on, each in a process of its own
 *     sim --expect-violation ...        exit status 0 only when some seed finds one
 *     sim --played ...                  exit status 1 also when no seed came to what it is to play
 *     sim-mutants --mutant NAME ...     with this fault of base/mutant.def in the code; NAME,NAME
 *                                       with both
 *
 * Exit status 0 only when every check held, 1 when one did not (the line names
 * seed and finding), 2 when the arguments are wrong.
 */
#include <argp.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "checks.h"
#include "churn.h"
#include "cluster.h"
#include "control/control.h"
#include "drain.h"
#include "handover.h"
#include "heap.h"
#include "log/log.h"
#include "moments.h"
#include "mutant_sim.h"
#include "nemesis.h"
#include "reseal.h"
#include "rot.h"
#include "scenario.h"
#include "subscribers.h"
#include "wipe.h"
#include "workload.h"

#define HEAL_MOST_NS (60 * SIM_S)
#define WHOLE_MOST_NS (60 * SIM_S) /* for each thing that must become whole */
#define QUIET_NS (8 * SIM_S)
#define UNPLAYED 3 /* exit status of a seed that held, but what it is to play never came about */

struct arguments {
    uint64_t seed, seeds;
    double minutes;
    bool trace, notes, expect_violation, played, quiet;
    const struct scenario *scenario;
};

static const struct argp_option options[] = {
    { "seed", 's', "N", 0, "First seed (default 1)", 0 },
    { "seeds", 'k', "K", 0, "How many seeds (default 1)", 0 },
    { "minutes", 'm', "M", 0, "Simulated minutes under faults per seed (default 1)", 0 },
    { "trace", 't', NULL, 0, "Print every event", 0 },
    { "notes", 'n', NULL, 0, "Print what nodes and nemesis say", 0 },
    { "expect-violation", 'x', NULL, 0, "Succeed when a seed finds a violation", 0 },
    { "played", 'p', NULL, 0, "Fail also when no seed came to what its scenario plays", 0 },
    { "scenario", 'c', "NAME", 0, "What every seed has; another name lists them (default swarm)",
      0 },
    { "mutant", 'u', "NAME[,NAME]", 0, "Put these faults into the code (sim-mutants only)", 0 },
    { "mutants", 'l', NULL, 0, "List the faults, and what they break", 0 },
    { "quiet", 'q', NULL, 0, "Print only findings and the sum", 0 },
    { 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 's':
        arguments->seed = strtoull(value, NULL, 10);
        return 0;
    case 'k':
        arguments->seeds = strtoull(value, NULL, 10);
        return 0;
    case 'm':
        arguments->minutes = strtod(value, NULL);
        return 0;
    case 't':
        arguments->trace = true;
        return 0;
    case 'n':
        arguments->notes = true;
        return 0;
    case 'x':
        arguments->expect_violation = true;
        return 0;
    case 'p':
        arguments->played = true;
        return 0;
    case 'c':
        arguments->scenario = scenario_find(value);
        if (arguments->scenario == NULL)
            argp_error(state, "no scenario \"%s\"; there are: %s", value, scenario_list());
        return 0;
    case 'u':
        return mutant_sim_pick(value) ? 0 : EINVAL;
    case 'l':
        mutant_sim_list();
        exit(0);
    case 'q':
        arguments->quiet = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void start_all(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        cluster_start_later(world, &world->nodes[i], world_below(world, 200 * SIM_MS));
}

static bool is_full_anywhere(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (node->up && node->control != NULL && !log_has_room(control_log(node->control), 0))
            return true;
    }
    return false;
}

/* Whether the time is over in which something must have come about.  Where a log is full retention
 * alone makes room, by the earliest clock that was heard in the last CONTROL_CLOCK_MS, also that of
 * an id which went with its disk: so long it may stand still where clocks go fast. */
static bool is_over(struct world *world, uint64_t *until_ns)
{
    const struct cluster *cluster = cluster_of(world);
    uint64_t held_ns = cluster->id_lost_ns + CONTROL_CLOCK_MS * SIM_MS + HEAL_MOST_NS;

    if (world->now_ns <= *until_ns)
        return false;
    if (cluster->id_lost_ns == 0 || held_ns <= *until_ns || !is_full_anywhere(world))
        return true;
    *until_ns = held_ns;
    return false;
}

/* Runs until it holds, which it must in time. */
static void wait_until(struct world *world,
                       bool (*holds)(struct world *world, char *why, size_t why_bytes),
                       const char *kind)
{
    uint64_t began_ns = world->now_ns;
    uint64_t until_ns = began_ns + WHOLE_MOST_NS;
    char why[128];

    while (!holds(world, why, sizeof why)) {
        if (is_over(world, &until_ns)) {
            checks_describe(world);
            world_violation(world, kind, "for %.0f s after healing: %s",
                            (double)(until_ns - began_ns) / 1e9, why);
        }
        world_run(world, world->now_ns + 50 * SIM_MS);
    }
}

static void heal_and_check(struct world *world)
{
    nemesis_heal(world);
    uint64_t healed_ns = world->now_ns;
    uint64_t until_ns = healed_ns + HEAL_MOST_NS;
    while (!workload_progress(world, healed_ns)) {
        if (is_over(world, &until_ns)) {
            checks_describe(world);
            world_violation(world, "liveness",
                            "no progress on every shard within %.0f s after healing",
                            (double)(until_ns - healed_ns) / 1e9);
        }
        world_run(world, world->now_ns + 50 * SIM_MS);
    }
    workload_stop(world);
    world_run(world, world->now_ns + QUIET_NS);
    if (cluster_of(world)->options.drain)
        drain_check(world);
    wait_until(world, wipe_whole, "not whole");
    if (cluster_of(world)->rot != NULL)
        cluster_of(world)->flips = rot_check(world);
    wait_until(world, checks_caught_up, "behind");
    wait_until(world, subscribers_are_there, "subscriber");
    checks_read_all(world);
}

static uint64_t repeated(const struct world *world)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < world->node_count; i++)
        sum += net_sim_repeated(world->nodes[i].net);
    return sum;
}

static void report(const struct world *world, const struct cluster *cluster, double cpu_s)
{
    struct history_counts counts = history_counts(cluster->history);

    printf(
        "seed %llu ok: %.0f simulated s, %.0fx, %llu events, trace %016llx; %llu puts %llu acked "
        "%llu refused %llu unknown %llu reads, %llu leaderships; kills %llu powers %llu stops "
        "%llu pauses %llu cuts %llu stalls %llu jumps %llu aimed %llu "
        "struck %llu wipes %llu disk errors %llu of these ended %llu full %llu flips %llu "
        "reseals %llu hand-overs %llu of %llu members changed %llu "
        "said twice %llu lost %llu\n",
        (unsigned long long)world->seed, (double)world->now_ns / 1e9,
        cpu_s > 0 ? (double)world->now_ns / 1e9 / cpu_s : 0.0, (unsigned long long)world->events,
        (unsigned long long)world->trace, (unsigned long long)counts.puts,
        (unsigned long long)counts.acked, (unsigned long long)counts.refused,
        (unsigned long long)counts.pending, (unsigned long long)counts.reads,
        (unsigned long long)cluster->leader_terms, (unsigned long long)cluster->kills,
        (unsigned long long)cluster->powers, (unsigned long long)cluster->stops,
        (unsigned long long)cluster->pauses, (unsigned long long)cluster->cuts,
        (unsigned long long)cluster->stalls, (unsigned long long)cluster->jumps,
        (unsigned long long)cluster->aimed, (unsigned long long)cluster->struck,
        (unsigned long long)cluster->wipes, (unsigned long long)cluster->disk_errors,
        (unsigned long long)cluster->disk_deaths, (unsigned long long)cluster->fulls,
        (unsigned long long)cluster->flips, (unsigned long long)cluster->reseals,
        (unsigned long long)cluster->handed_over, (unsigned long long)cluster->transfers,
        (unsigned long long)cluster->members_changed, (unsigned long long)repeated(world),
        (unsigned long long)counts.lost);
    moments_report(world);
}

static void run_seed(const struct arguments *arguments, uint64_t seed)
{
    const struct scenario *scenario = arguments->scenario;
    struct world *world = sim_malloc(sizeof *world);
    struct cluster *cluster = sim_malloc(sizeof *cluster);

    world_init(world, seed, scenario_nodes(scenario, seed));
    world->print_trace = arguments->trace;
    world->notes = arguments->notes ? stdout : NULL;
    struct cluster_options chosen = scenario_options(scenario, world);
    cluster_init(cluster, world, &chosen);
    start_all(world);
    workload_start(world);
    if (chosen.subscribers)
        subscribers_start(world);
    if (scenario->start != NULL)
        scenario->start(world);
    if (!scenario->scripted)
        nemesis_start(world);
    handover_start(world);
    reseal_start(world);
    if (chosen.churn)
        churn_start(world);
    if (chosen.rot)
        rot_start(world);
    world_run(world, (uint64_t)(arguments->minutes * 60 * 1e9));
    if (scenario->before_healing != NULL)
        scenario->before_healing(world);
    heal_and_check(world);
    if (scenario->at_the_end != NULL)
        scenario->at_the_end(world);
    if (chosen.churn)
        churn_check(world);
    if (!arguments->quiet)
        report(world, cluster, (double)clock() / CLOCKS_PER_SEC);
    fflush(NULL);
#ifdef SIM_COUNTS
    exit(cluster->unplayed ? UNPLAYED : 0); /* writes its counts */
#else
    _Exit(cluster->unplayed ? UNPLAYED : 0); /* the process is the seed's: nothing to give back */
#endif
}

/* True when the seed's checks held; counts it in `unplayed` when it did not come to its play. */
static bool run_apart(const struct arguments *arguments, uint64_t seed, uint64_t *unplayed)
{
    fflush(NULL);
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        run_seed(arguments, seed);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("sim: fork");
        exit(2);
    }
    if (WIFSIGNALED(status))
        printf("VIOLATION seed=%llu kind=crash: signal %d\n", (unsigned long long)seed,
               WTERMSIG(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) == UNPLAYED) {
        ++*unplayed;
        return true;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Half of the time went into giving pages back and taking them again. */
static void keep_memory(void)
{
    mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
    mallopt(M_TOP_PAD, 16 * 1024 * 1024);
    mallopt(M_MMAP_THRESHOLD, 1024 * 1024 * 1024);
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse, NULL, "Simulated Braid clusters under faults.", NULL, NULL, NULL
    };
    struct arguments arguments = {
        .seed = 1, .seeds = 1, .minutes = 1, .scenario = scenario_find("swarm")
    };
    uint64_t failed = 0, ran = 0, unplayed = 0;

    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return 2;
    keep_memory();
    heap_take_libraft();
    for (; ran < arguments.seeds; ran++) {
        if (run_apart(&arguments, arguments.seed + ran, &unplayed))
            continue;
        failed++;
        if (arguments.expect_violation) {
            ran++;
            break;
        }
    }
    printf("%llu seeds, %llu with violations\n", (unsigned long long)ran,
           (unsigned long long)failed);
    if (unplayed > 0)
        printf("%llu never came to what they are to play\n", (unsigned long long)unplayed);
    if (arguments.played && unplayed == ran)
        return 1;
    return arguments.expect_violation ? failed == 0 : failed != 0;
}

/* sim - whole clusters of the real code in virtual time, one seed after another.
 *
 *     sim --seed N --minutes M          one world; the same seed gives the same events
 *     sim --seed N --seeds K            K worlds from seed N on, each in a process of its own
 *     sim --expect-violation ...        exit status 0 only when some seed finds one
 *     sim-mutants --mutant NAME ...     with one of the faults of base/mutant.def in the code
 *
 * Exit status 0 only when every check held, 1 when one did not (the line names
 * seed and finding), 2 when the arguments are wrong.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "checks.h"
#include "churn.h"
#include "cluster.h"
#include "expire.h"
#include "figure8.h"
#include "forgotten.h"
#include "handover.h"
#include "heap.h"
#include "mutant_sim.h"
#include "nemesis.h"
#include "rot.h"
#include "wipe.h"
#include "workload.h"

#define HEAL_MOST_NS (60 * SIM_S)
#define WHOLE_MOST_NS (90 * SIM_S)
#define QUIET_NS (8 * SIM_S)

struct arguments {
    uint64_t seed, seeds;
    double minutes;
    bool trace, notes, expect_violation, quiet, figure8, forgotten, handover, rot, unsearched;
    bool lost_disk, expire;
};

static const struct argp_option options[] = {
    { "seed", 's', "N", 0, "First seed (default 1)", 0 },
    { "seeds", 'k', "K", 0, "How many seeds (default 1)", 0 },
    { "minutes", 'm', "M", 0, "Simulated minutes under faults per seed (default 1)", 0 },
    { "trace", 't', NULL, 0, "Print every event", 0 },
    { "notes", 'n', NULL, 0, "Print what nodes and nemesis say", 0 },
    { "expect-violation", 'x', NULL, 0, "Succeed when a seed finds a violation", 0 },
    { "scenario", 'c', "NAME", 0,
      "Instead of random faults: figure-8 (rule F3) or forgotten-tail (rule S8); with them, in "
      "every seed: hand-over, bit-rot, bit-rot-unsearched (must be found), lost-disk or expire",
      0 },
    { "mutant", 'u', "NAME", 0, "Put this fault into the code (sim-mutants only)", 0 },
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
    case 'c':
        arguments->figure8 = strcmp(value, "figure-8") == 0;
        arguments->forgotten = strcmp(value, "forgotten-tail") == 0;
        arguments->handover = strcmp(value, "hand-over") == 0;
        arguments->unsearched = strcmp(value, "bit-rot-unsearched") == 0;
        arguments->rot = arguments->unsearched || strcmp(value, "bit-rot") == 0;
        arguments->lost_disk = strcmp(value, "lost-disk") == 0;
        arguments->expire = strcmp(value, "expire") == 0;
        return arguments->figure8 || arguments->forgotten || arguments->handover ||
                       arguments->rot || arguments->lost_disk || arguments->expire
                   ? 0
                   : EINVAL;
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

/* Swarm: each seed switches on another mixture of faults and sizes. */
static struct cluster_options options_for(struct world *world)
{
    struct random random;

    random_init(&random, world->seed ^ UINT64_C(0x73776172));
    struct cluster_options chosen = {
        .node_count = world->node_count,
        .shard_count = 1 + (uint32_t)random_below(&random, 6),
        .client_count = 0,
        .segment_bytes = (uint64_t)262144 << random_below(&random, 3),
        .put_pause_ms = 2 + (uint32_t)random_below(&random, 60),
        .weather = { .delay_ns = 50 * SIM_US + random_below(&random, 2 * SIM_MS),
                     .jitter_ns = random_below(&random, SIM_MS),
                     .slow_in = 1,
                     .slow_of = 20 + (uint32_t)random_below(&random, 400),
                     .slow_ns = random_below(&random, 40 * SIM_MS),
                     .loss_in = 1,
                     .loss_of = random_below(&random, 3) == 0
                                    ? 2000 + (uint32_t)random_below(&random, 20000)
                                    : 0 },
        .faults = (uint32_t)random_below(&random, 1u << FAULTS) &
                  (uint32_t)(random_below(&random, 1u << FAULTS) | FAULT_KILL),
        .aimed = random_below(&random, 4) != 0,
        .churn = random_below(&random, 3) == 0,
        .isolate_first_of = (const uint32_t[]){ 0, 12, 3, 1 }[random_below(&random, 4)],
    };
    chosen.client_count = chosen.shard_count * (1 + (uint32_t)random_below(&random, 8));
    chosen.balance = true;
    chosen.rot = random_below(&random, 4) == 0;
    if (random_below(&random, 3) == 0)
        chosen.transfer_pause_ms = 20 + (uint32_t)random_below(&random, 2000);
    return chosen;
}

/* Nothing but the scenario. */
static void options_for_forgotten(struct cluster_options *chosen)
{
    chosen->weather.loss_of = 0;
    chosen->transfer_pause_ms = 0;
    chosen->aimed = false;
    chosen->isolate_first_of = 0;
    chosen->churn = false;
    chosen->rot = false;
}

/* Often, beside the seed's random faults; leaders are aimed at in the other seeds. */
static void options_for_handover(struct cluster_options *chosen)
{
    chosen->transfer_pause_ms = 200;
    chosen->balance = false; /* what came about is to be its own */
    chosen->aimed = false;
    chosen->isolate_first_of = 0;
}

/* Clocks stay right, or nobody could say what is old; a flipped bit may go with its entry. */
static void options_for_expire(struct cluster_options *chosen)
{
    chosen->retention_ms = 4000;
    chosen->faults &= ~(uint32_t)FAULT_CLOCK;
    chosen->rot = false;
}

/* One shard, one client, nothing but the schedule. */
static void options_for_figure8(struct cluster_options *chosen)
{
    chosen->shard_count = 1;
    chosen->client_count = 1;
    chosen->transfer_pause_ms = 0;
    chosen->put_pause_ms = 25;
    chosen->weather.loss_of = 0;
    chosen->aimed = false;
    chosen->isolate_first_of = 0;
    chosen->churn = false;
    chosen->rot = false;
}

static void start_all(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        cluster_start_later(world, &world->nodes[i], world_below(world, 200 * SIM_MS));
}

static void heal_and_check(struct world *world)
{
    nemesis_heal(world);
    uint64_t healed_ns = world->now_ns;
    while (!workload_progress(world, healed_ns)) {
        if (world->now_ns - healed_ns > HEAL_MOST_NS) {
            checks_describe(world);
            world_violation(world, "liveness",
                            "no progress on every shard within %.0f s after healing",
                            (double)HEAL_MOST_NS / 1e9);
        }
        world_run(world, world->now_ns + 50 * SIM_MS);
    }
    workload_stop(world);
    world_run(world, world->now_ns + QUIET_NS);
    char why[128];
    while (!wipe_whole(world, why, sizeof why)) {
        if (world->now_ns - healed_ns > WHOLE_MOST_NS) {
            checks_describe(world);
            world_violation(world, "not whole", "%.0f s after healing: %s",
                            (double)WHOLE_MOST_NS / 1e9, why);
        }
        world_run(world, world->now_ns + 50 * SIM_MS);
    }
    if (cluster_of(world)->rot != NULL)
        cluster_of(world)->flips = rot_check(world);
    checks_read_all(world);
}

static void report(const struct world *world, const struct cluster *cluster, double cpu_s)
{
    struct history_counts counts = history_counts(cluster->history);

    printf(
        "seed %llu ok: %.0f simulated s, %.0fx, %llu events, trace %016llx; %llu puts %llu acked "
        "%llu refused %llu unknown %llu reads, %llu leaderships; kills %llu powers %llu stops "
        "%llu pauses %llu cuts %llu stalls %llu jumps %llu aimed %llu "
        "wipes %llu flips %llu hand-overs %llu of %llu\n",
        (unsigned long long)world->seed, (double)world->now_ns / 1e9,
        cpu_s > 0 ? (double)world->now_ns / 1e9 / cpu_s : 0.0, (unsigned long long)world->events,
        (unsigned long long)world->trace, (unsigned long long)counts.puts,
        (unsigned long long)counts.acked, (unsigned long long)counts.refused,
        (unsigned long long)counts.pending, (unsigned long long)counts.reads,
        (unsigned long long)cluster->leader_terms, (unsigned long long)cluster->kills,
        (unsigned long long)cluster->powers, (unsigned long long)cluster->stops,
        (unsigned long long)cluster->pauses, (unsigned long long)cluster->cuts,
        (unsigned long long)cluster->stalls, (unsigned long long)cluster->jumps,
        (unsigned long long)cluster->aimed, (unsigned long long)cluster->wipes,
        (unsigned long long)cluster->flips, (unsigned long long)cluster->handed_over,
        (unsigned long long)cluster->transfers);
}

/* Three nodes, sometimes four or five: then some are outside of the catalogue's group. */
static uint32_t nodes_for(const struct arguments *arguments, uint64_t seed)
{
    struct random random;

    random_init(&random, seed ^ UINT64_C(0x6e6f646573));
    if (arguments->figure8 || arguments->forgotten ||
        (!arguments->lost_disk && random_below(&random, 3) != 0))
        return 3;
    return 4 + (uint32_t)random_below(&random, 2);
}

static void run_seed(const struct arguments *arguments, uint64_t seed)
{
    struct world *world = sim_malloc(sizeof *world);
    struct cluster *cluster = sim_malloc(sizeof *cluster);

    world_init(world, seed, nodes_for(arguments, seed));
    world->print_trace = arguments->trace;
    world->notes = arguments->notes ? stdout : NULL;
    struct cluster_options chosen = options_for(world);
    if (arguments->figure8)
        options_for_figure8(&chosen);
    if (arguments->forgotten)
        options_for_forgotten(&chosen);
    if (arguments->lost_disk)
        chosen.faults |= FAULT_WIPE;
    if (arguments->handover)
        options_for_handover(&chosen);
    if (arguments->expire)
        options_for_expire(&chosen);
    chosen.rot = chosen.rot || arguments->rot;
    chosen.unsearched = arguments->unsearched;
    cluster_init(cluster, world, &chosen);
    start_all(world);
    workload_start(world);
    if (arguments->figure8)
        figure8_start(world);
    else if (arguments->forgotten)
        forgotten_start(world);
    else
        nemesis_start(world);
    handover_start(world);
    expire_start(world);
    if (chosen.churn)
        churn_start(world);
    if (chosen.rot)
        rot_start(world);
    world_run(world, (uint64_t)(arguments->minutes * 60 * 1e9));
    if (arguments->handover)
        handover_check(world);
    heal_and_check(world);
    forgotten_check(world);
    if (chosen.churn)
        churn_check(world);
    if (!arguments->quiet)
        report(world, cluster, (double)clock() / CLOCKS_PER_SEC);
    fflush(NULL);
    _Exit(0); /* the process is the seed's: nothing to give back */
}

/* True when the seed's checks held. */
static bool run_apart(const struct arguments *arguments, uint64_t seed)
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
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse, NULL, "Simulated Braid clusters under faults.", NULL, NULL, NULL
    };
    struct arguments arguments = { .seed = 1, .seeds = 1, .minutes = 1 };
    uint64_t failed = 0, ran = 0;

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return 2;
    heap_take_libraft();
    for (; ran < arguments.seeds; ran++) {
        if (run_apart(&arguments, arguments.seed + ran))
            continue;
        failed++;
        if (arguments.expect_violation) {
            ran++;
            break;
        }
    }
    printf("%llu seeds, %llu with violations\n", (unsigned long long)ran,
           (unsigned long long)failed);
    return arguments.expect_violation ? failed == 0 : failed != 0;
}

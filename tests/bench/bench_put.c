/* bench-put - acknowledged bytes per second of a three-node cluster, and one put's latency.
 *
 *     bench-put [--dir D] [--seconds S] [--shards G] [--bytes B] [--window W] [--nodes N]
 *               [--ahead A] [--rounds R]
 *
 * N processes on loopback, each a whole node without HTTP.  Each keeps W puts
 * of one record of B bytes under way on the shards that it leads; then all are
 * idle and the first node puts single records of 1 KiB, one at a time, a
 * hundred of them in turn with a hundred raw syncs of 4 KiB, because a disk
 * that others share is not as fast in one second as in the next.  Behind
 * that, in the same run, as many raw writers as nodes write frames of the mean
 * size that the logs wrote, then blocks of 4 KiB.  R such rounds.
 *
 * The logs' segments are written once before the start, as they are in a node
 * that has run for longer than its retention; the raw writers' files too.
 */
#include <argp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/ensure.h"
#include "bench_node.h"
#include "bench_raw.h"
#include "catalog/change.h"
#include "env/timer.h"
#include "shard/command.h"

#define WINDOW_MAX 4096u
#define SAMPLES_MAX 400000u
#define WARM_MS 1500.0
#define IDLE_PUTS 3000u
#define IDLE_TURN 100u /* puts, then as many raw syncs */
#define IDLE_BYTES 4096u
#define STEP_MS 5u
#define CLUSTER_MAX 5u
#define SETTLE_S 5u
#define QUIET_S_MAX 60.0
#define ROUNDS_MAX 32u
#define DIRECTORY_MAX 256u

struct arguments {
    const char *directory;
    double seconds;
    uint32_t shards, bytes, window, nodes, ahead, rounds;
    uint16_t port;
    atomic_bool *quiet; /* of each node, in memory that all processes share */
};

struct result {
    uint64_t acked, failed;
    double p50_ms, p99_ms, max_ms;
    double idle_p50_ms, idle_p99_ms;
    double sync_p50_ms, sync_p99_ms;
    uint64_t frames, framed_bytes;
    double cpu_s;
};

enum phase { PHASE_JOIN, PHASE_WARM, PHASE_LOAD, PHASE_PAUSE, PHASE_IDLE, PHASE_END };

struct load;

struct slot {
    struct route_put put;
    struct load *load;
    double began_ms;
};

struct load {
    struct bench_node node;
    const struct arguments *arguments;
    uint32_t at;
    enum phase phase;
    double phase_ms, noisy_ms;
    struct timer step;
    struct catalog_change change;
    bool asked;
    struct slot slots[WINDOW_MAX];
    uint32_t slot_count;
    uint64_t groups[WINDOW_MAX];
    uint32_t group_count, next_group;
    struct buf *records;
    double *samples;
    uint32_t sample_count;
    struct bench_raw_file raw; /* of the first node */
    double syncs[IDLE_PUTS];
    uint32_t sync_count;
    struct log_figures before;
    struct rusage cpu_before;
    struct result result;
    int report;
};

static void put_again(struct slot *slot);
static void step(struct timer *timer);

static struct buf *one_record(uint32_t bytes)
{
    unsigned char *data = calloc(1, bytes);
    struct record record = { .key = slice_text("bench"), .data = slice_of(data, bytes) };

    ensure(data != NULL);
    for (uint32_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 24);
    struct buf *buf = buf_new(command_record_bytes(&record));
    ensure(buf != NULL);
    command_encode_record(buf->data, &record);
    free(data);
    return buf;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *samples, uint32_t count, double q)
{
    if (count == 0)
        return 0;
    qsort(samples, count, sizeof *samples, by_size);
    return samples[(uint32_t)((count - 1) * q)];
}

/* The node's own loop stands still meanwhile: 10 to 20 ms, far less than a heartbeat. */
static void sync_for_a_turn(struct load *load)
{
    for (uint32_t i = 0; i < IDLE_TURN && load->sync_count < IDLE_PUTS; i++)
        load->syncs[load->sync_count++] = bench_raw_sync_ms(&load->raw);
}

static void settled(struct route_put *put, enum err err)
{
    struct slot *slot = container_of(put, struct slot, put);
    struct load *load = slot->load;

    if (err != ERR_OK)
        load->result.failed++;
    else if (load->phase == PHASE_LOAD || load->phase == PHASE_IDLE) {
        if (load->sample_count < SAMPLES_MAX)
            load->samples[load->sample_count++] = bench_now_ms() - slot->began_ms;
        if (load->phase == PHASE_LOAD)
            load->result.acked++;
    }
    if (load->phase == PHASE_IDLE && load->sample_count % IDLE_TURN == 0)
        sync_for_a_turn(load);
    if (load->phase == PHASE_WARM || load->phase == PHASE_LOAD ||
        (load->phase == PHASE_IDLE && load->sample_count < IDLE_PUTS))
        put_again(slot);
    else
        load->slot_count--;
}

static void put_again(struct slot *slot)
{
    struct load *load = slot->load;

    memset(&slot->put, 0, sizeof slot->put);
    slot->put.group = load->groups[load->next_group++ % load->group_count];
    slot->put.records = load->records;
    slot->put.record_count = 1;
    slot->began_ms = bench_now_ms();
    route_put(load->node.route, &slot->put, settled);
}

static void begin_puts(struct load *load, uint32_t count)
{
    load->slot_count = count;
    for (uint32_t i = 0; i < count; i++) {
        load->slots[i].load = load;
        put_again(&load->slots[i]);
    }
}

static void created(struct catalog_change *change, enum err err)
{
    if (err != ERR_OK && err != ERR_EXISTS)
        fprintf(stderr, "bench: create stream: %s: %s\n", err_name(err), change->reason.text);
}

static void ask_for_stream(struct load *load)
{
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(load->node.clock),
                                  .token = random_id(&load->node.random) };
    struct change_stream wanted = { .name = slice_text("bench"),
                                    .mode = STREAM_PROVISIONED,
                                    .shard_count = load->arguments->shards,
                                    .retention_hours = 24,
                                    .record_kib_max = 1024 };
    AUTO_UNREF struct buf *change = change_create_stream(stamp, &wanted);

    load->asked = true;
    catalog_change(control_catalog(load->node.control), &load->change, buf_slice(change), 10000,
                   created);
}

static bool joined(struct load *load)
{
    struct reason why = { "" };
    const struct model *model = catalog_model(control_catalog(load->node.control));

    if (!control_ready(load->node.control, &why) ||
        model_node_count(model) < load->arguments->nodes)
        return false;
    if (load->at == 0 && !load->asked)
        ask_for_stream(load);
    const struct model_stream *stream = model_stream_by_name(model, slice_text("bench"));
    if (stream == NULL || stream->status != STREAM_ACTIVE)
        return false;
    load->group_count = 0;
    for (uint32_t i = 0; i < stream->shard_count; i++) {
        struct shard *shard = control_shard(load->node.control, stream->shards[i].group);
        if (shard != NULL && shard_leads(shard) && load->group_count < WINDOW_MAX)
            load->groups[load->group_count++] = stream->shards[i].group;
    }
    return true;
}

static void begin_load(struct load *load)
{
    load->before = log_figures(control_log(load->node.control));
    getrusage(RUSAGE_SELF, &load->cpu_before);
}

static double cpu_of(const struct rusage *usage)
{
    return (double)usage->ru_utime.tv_sec + (double)usage->ru_utime.tv_usec / 1e6 +
           (double)usage->ru_stime.tv_sec + (double)usage->ru_stime.tv_usec / 1e6;
}

static void end_load(struct load *load)
{
    struct log_figures now = log_figures(control_log(load->node.control));
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    load->result.cpu_s = cpu_of(&usage) - cpu_of(&load->cpu_before);
    load->result.frames = now.frames - load->before.frames;
    load->result.framed_bytes = now.bytes_framed - load->before.bytes_framed;
    load->result.p50_ms = quantile(load->samples, load->sample_count, 0.5);
    load->result.p99_ms = quantile(load->samples, load->sample_count, 0.99);
    load->result.max_ms = quantile(load->samples, load->sample_count, 1);
    load->sample_count = 0;
}

static void end_idle(struct load *load)
{
    load->result.idle_p50_ms = quantile(load->samples, load->sample_count, 0.5);
    load->result.idle_p99_ms = quantile(load->samples, load->sample_count, 0.99);
    load->result.sync_p50_ms = quantile(load->syncs, load->sync_count, 0.5);
    load->result.sync_p99_ms = quantile(load->syncs, load->sync_count, 0.99);
    if (write(load->report, &load->result, sizeof load->result) != sizeof load->result)
        exit(1);
}

static void enter(struct load *load, enum phase phase)
{
    load->phase = phase;
    load->phase_ms = bench_now_ms();
}

/* No puts under way on any node, and no new segments being written beside the puts that come. */
static bool all_quiet(const struct load *load)
{
    struct log_figures figures = log_figures(control_log(load->node.control));
    bool all = true;

    load->arguments->quiet[load->at] =
        load->slot_count == 0 && figures.segments_free >= load->arguments->ahead;
    for (uint32_t i = 0; i < load->arguments->nodes; i++)
        all &= load->arguments->quiet[i];
    return all;
}

static void step(struct timer *timer)
{
    struct load *load = container_of(timer, struct load, step);
    double in_phase = bench_now_ms() - load->phase_ms;

    timer_start(load->node.clock, timer, STEP_MS, step);
    if (load->phase == PHASE_JOIN && joined(load)) {
        enter(load, PHASE_WARM);
        if (load->group_count > 0)
            begin_puts(load, load->arguments->window);
    } else if (load->phase == PHASE_WARM && in_phase > WARM_MS) {
        begin_load(load);
        enter(load, PHASE_LOAD);
    } else if (load->phase == PHASE_LOAD && in_phase > load->arguments->seconds * 1e3) {
        end_load(load);
        enter(load, PHASE_PAUSE);
    } else if (load->phase == PHASE_PAUSE && !all_quiet(load)) {
        load->phase_ms = bench_now_ms();
        load->noisy_ms += STEP_MS;
        if (load->noisy_ms > QUIET_S_MAX * 1e3)
            exit(1); /* a full disk, say: the parent tells */
    } else if (load->phase == PHASE_PAUSE && in_phase > 2500) {
        enter(load, PHASE_IDLE);
        buf_unref(load->records);
        load->records = one_record(1024);
        if (load->at == 0)
            begin_puts(load, 1);
    } else if (load->phase == PHASE_IDLE && (load->slot_count == 0 || in_phase > 20000)) {
        end_idle(load);
        enter(load, PHASE_END);
    }
}

static void open_raw(struct load *load)
{
    char path[DIRECTORY_MAX];

    ensure(snprintf(path, sizeof path, "%s/raw-idle", load->arguments->directory) <
           (int)sizeof path);
    bench_raw_open(&load->raw, path, IDLE_BYTES);
}

static void run_node(const struct arguments *arguments, uint32_t at, int report)
{
    struct load *load = calloc(1, sizeof *load);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ensure(load != NULL);
    load->arguments = arguments;
    load->at = at;
    load->report = report;
    load->samples = calloc(SAMPLES_MAX, sizeof *load->samples);
    load->records = one_record(arguments->bytes);
    ensure(load->samples != NULL);
    struct bench_node_options options = { .at = at,
                                          .count = arguments->nodes,
                                          .port = arguments->port,
                                          .directory = arguments->directory,
                                          .segment_bytes = 64u << 20,
                                          .segments_ahead = arguments->ahead };
    bench_node_open(&load->node, &options);
    if (at == 0)
        open_raw(load);
    enter(load, PHASE_JOIN);
    timer_start(load->node.clock, &load->step, STEP_MS, step);
    uv_run(load->node.loop, UV_RUN_DEFAULT);
}

/* The last line's figures, of one round. */
struct ratios {
    double load, idle;
};

static struct ratios print(const struct arguments *arguments, const struct result *results)
{
    struct result sum = { .acked = 0 };

    printf("%-6s %10s %8s %9s %9s %9s %12s %8s\n", "node", "acks/s", "MB/s", "p50 ms", "p99 ms",
           "max ms", "bytes/sync", "cores");
    for (uint32_t i = 0; i < arguments->nodes; i++) {
        const struct result *r = &results[i];
        printf("%-6u %10.0f %8.1f %9.2f %9.2f %9.2f %12.0f %8.2f\n", i + 1,
               (double)r->acked / arguments->seconds,
               (double)r->acked * arguments->bytes / arguments->seconds / 1e6, r->p50_ms, r->p99_ms,
               r->max_ms, r->frames > 0 ? (double)r->framed_bytes / (double)r->frames : 0.0,
               r->cpu_s / arguments->seconds);
        sum.acked += r->acked;
        sum.failed += r->failed;
        sum.frames += r->frames;
        sum.framed_bytes += r->framed_bytes;
    }
    double acked = (double)sum.acked * arguments->bytes / arguments->seconds / 1e6;
    size_t frame = sum.frames > 0 ? (size_t)(sum.framed_bytes / sum.frames) : 4096;
    struct bench_raw raw =
        bench_raw_run(arguments->directory, arguments->nodes, frame, arguments->seconds);
    struct bench_raw beside = bench_raw_run(arguments->directory, arguments->nodes, 4096, 1);
    printf("acknowledged %.1f MB/s, times %u copies %.1f MB/s; failed %llu\n", acked,
           arguments->nodes, acked * arguments->nodes, (unsigned long long)sum.failed);
    printf("raw          %.1f MB/s by %u writers, %zu bytes a sync\n", raw.mb_per_s,
           arguments->nodes, raw.bytes);
    printf("ratio        %.2f\n", acked * arguments->nodes / raw.mb_per_s);
    printf("idle put of 1 KiB: p50 %.3f ms, p99 %.3f ms; raw sync of 4 KiB: p50 %.3f ms, p99 %.3f "
           "ms; ratio of p50 %.2f; raw sync of %u writers at once: p50 %.3f ms\n",
           results[0].idle_p50_ms, results[0].idle_p99_ms, results[0].sync_p50_ms,
           results[0].sync_p99_ms, results[0].idle_p50_ms / results[0].sync_p50_ms,
           arguments->nodes, beside.p50_ms);
    return (struct ratios){ .load = acked * arguments->nodes / raw.mb_per_s,
                            .idle = results[0].idle_p50_ms / results[0].sync_p50_ms };
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'd':
        arguments->directory = value;
        return 0;
    case 's':
        arguments->seconds = strtod(value, NULL);
        return 0;
    case 'g':
        arguments->shards = (uint32_t)strtoul(value, NULL, 10);
        return 0;
    case 'b':
        arguments->bytes = (uint32_t)strtoul(value, NULL, 10);
        return 0;
    case 'w':
        arguments->window = (uint32_t)strtoul(value, NULL, 10);
        return arguments->window >= 1 && arguments->window <= WINDOW_MAX ? 0 : EINVAL;
    case 'a':
        arguments->ahead = (uint32_t)strtoul(value, NULL, 10);
        return arguments->ahead >= 2 ? 0 : EINVAL;
    case 'r':
        arguments->rounds = (uint32_t)strtoul(value, NULL, 10);
        return arguments->rounds >= 1 && arguments->rounds <= ROUNDS_MAX ? 0 : EINVAL;
    case 'n':
        arguments->nodes = (uint32_t)strtoul(value, NULL, 10);
        return arguments->nodes >= 1 && arguments->nodes <= CLUSTER_MAX ? 0 : EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    { "dir", 'd', "D", 0, "Where the nodes live, in folders that are removed (default: here)", 0 },
    { "seconds", 's', "S", 0, "Measured time (default 5)", 0 },
    { "shards", 'g', "G", 0, "Shards of the stream (default 256)", 0 },
    { "bytes", 'b', "B", 0, "Bytes of a record (default 64000)", 0 },
    { "window", 'w', "W", 0, "Puts under way per node (default 48)", 0 },
    { "ahead", 'a', "A", 0, "Segments of 64 MiB written before the start (default 48)", 0 },
    { "rounds", 'r', "R", 0, "Rounds, each of nodes and raw writers in turn (default 3)", 0 },
    { "nodes", 'n', "N", 0, "Nodes (default 3)", 0 },
    { 0 },
};

/* A cluster of its own, then the raw writers. */
static struct ratios run_round(struct arguments arguments, uint32_t at)
{
    struct result results[CLUSTER_MAX] = { { .acked = 0 } };
    pid_t children[CLUSTER_MAX];
    int pipes[CLUSTER_MAX][2];
    char directory[DIRECTORY_MAX], command[DIRECTORY_MAX + 16];
    bool whole = true;

    snprintf(directory, sizeof directory, "%s/round-%u", arguments.directory, at + 1);
    ensure(mkdir(directory, 0700) == 0);
    arguments.directory = directory;
    arguments.quiet = mmap(NULL, CLUSTER_MAX * sizeof *arguments.quiet, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ensure(arguments.quiet != MAP_FAILED);
    arguments.port = (uint16_t)(arguments.port + at * CLUSTER_MAX);
    for (uint32_t i = 0; i < arguments.nodes; i++) {
        ensure(pipe(pipes[i]) == 0);
        fflush(NULL);
        children[i] = fork();
        if (children[i] == 0)
            run_node(&arguments, i, pipes[i][1]);
        close(pipes[i][1]);
    }
    for (uint32_t i = 0; i < arguments.nodes; i++)
        whole &= read(pipes[i][0], &results[i], sizeof results[i]) == sizeof results[i];
    for (uint32_t i = 0; i < arguments.nodes; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
        close(pipes[i][0]);
    }
    if (!whole) {
        fprintf(stderr, "bench-put: a node ended before its time; its data is in %s\n", directory);
        exit(1);
    }
    munmap(arguments.quiet, CLUSTER_MAX * sizeof *arguments.quiet);
    printf("round %u\n", at + 1);
    struct ratios ratios = print(&arguments, results);
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    if (system(command) != 0)
        fprintf(stderr, "bench-put: %s was not removed\n", directory);
    /* What the disk does to forget the files belongs to no round. */
    sync();
    sleep(SETTLE_S);
    return ratios;
}

int main(int argc, char **argv)
{
    static const struct argp argp = { options, parse, NULL, "Puts on a cluster of three.",
                                      NULL,    NULL,  NULL };
    struct arguments arguments = { .directory = ".",
                                   .seconds = 5,
                                   .shards = 256,
                                   .bytes = 64000,
                                   .window = 64,
                                   .nodes = 3,
                                   .ahead = 48,
                                   .rounds = 3,
                                   .port = (uint16_t)(20000 + getpid() % 10000) };
    double load[ROUNDS_MAX], idle[ROUNDS_MAX];
    char directory[DIRECTORY_MAX];

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return 2;
    snprintf(directory, sizeof directory, "%s/bench-put-XXXXXX", arguments.directory);
    ensure(mkdtemp(directory) != NULL);
    arguments.directory = directory;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (uint32_t i = 0; i < arguments.rounds; i++) {
        struct ratios ratios = run_round(arguments, i);
        load[i] = ratios.load;
        idle[i] = ratios.idle;
    }
    printf("median of %u rounds: %.2f of the raw writers; an idle put takes %.2f raw syncs\n",
           arguments.rounds, quantile(load, arguments.rounds, 0.5),
           quantile(idle, arguments.rounds, 0.5));
    if (rmdir(directory) != 0)
        perror(directory);
    return 0;
}

/* How fast bytes become durable through the log, beside a raw file in the same run.
 *
 *     build/tests/bench/bench-log [--seconds N] [--dir DIR] [--segment-mib N]
 *
 * For frames of 4 KiB, 64 KiB and 1 MiB, phases of half a second alternate, N seconds of each:
 *
 *     raw      pwrite() of one frame after the other over a file that was written before,
 *              O_DIRECT|O_DSYNC
 *     single   one entry is appended; when it is durable, the next: a durable append's latency
 *     row      the next entry gathers while one flies, one frame per turn: throughput
 *
 * Two seconds of large frames go first, unmeasured, until the log has the files that it uses again
 * and again from then on.  All have one write in flight.  Entries are made as a leader makes them,
 * checksum included; segments are filled, filed, trimmed and used again meanwhile.  DIR (default: a
 * new directory here) must be on the disk that matters, and is emptied afterwards.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/ensure.h"
#include "env/real.h"
#include "log/log.h"
#include "table/rocks.h"

#define MIB (1024u * 1024u)
#define PHASE_NS 500000000ull
#define WARM_NS 2e9
#define SAMPLES_MAX 4000000u
#define FRAME_OVERHEAD (80u + 4u + ENTRY_HEAD_BYTES) /* docs/formats/log.md */
#define GROUP 1u
#define TRIM_EVERY 64u

struct figures {
    uint64_t bytes, ns;
    uint32_t *samples; /* ns */
    uint32_t count;
};

struct bench {
    char dir[256];
    double seconds;
    uint64_t segment_bytes;
    uv_loop_t loop;
    struct clock *clock;
    struct work_pool *work;
    struct note note;
    struct random random;
    struct disk *disk;
    struct table *table;
    struct log *log;
    int raw;
    uint64_t raw_offset;
    /* the phase under way */
    struct figures *figures;
    struct defer next;
    bool in_a_row;
    size_t frame;
    uint64_t until_ns, appended_turn, durable_turn;
    uint64_t started_ns[2]; /* of the entry of a turn, by turn % 2 */
    struct buf *payload;
};

static uint64_t now_ns(void)
{
    return uv_hrtime();
}

static void sample(struct figures *figures, uint64_t ns, size_t bytes)
{
    figures->bytes += bytes;
    if (figures->count < SAMPLES_MAX)
        figures->samples[figures->count++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static void append(struct bench *bench)
{
    const struct log_state *state = log_state(bench->log, GROUP);
    struct entry_head head = {
        .group = GROUP,
        .index = state->last + 1,
        .term = 1,
        .time_ms = state->last_time_ms + 1,
        .epoch = 1,
        .length = (uint32_t)bench->payload->len,
        .records = 1,
        .type = ENTRY_RECORDS,
    };

    head.crc = entry_crc(&head, buf_slice(bench->payload));
    uint64_t started = now_ns();
    bench->appended_turn = log_entry(bench->log, &head, bench->payload);
    bench->started_ns[bench->appended_turn % 2] = started;
}

/* Appends when the entry before it has left, so that each has a frame of its own. */
static void append_next(struct defer *defer)
{
    struct bench *bench = container_of(defer, struct bench, next);

    if (now_ns() >= bench->until_ns)
        return;
    if (bench->in_a_row && log_turn(bench->log) <= bench->appended_turn)
        defer_run(bench->clock, defer, append_next);
    else
        append(bench);
}

static void on_durable(void *ctx, uint64_t turn)
{
    struct bench *bench = ctx;
    const struct log_state *state = log_state(bench->log, GROUP);

    bench->durable_turn = turn;
    if (bench->figures != NULL)
        sample(bench->figures, now_ns() - bench->started_ns[turn % 2], bench->frame);
    if (turn % TRIM_EVERY == 0) {
        uint64_t safe = state->last - 1;
        log_applied(bench->log, GROUP, safe, 1, state->last_time_ms, slice_of(NULL, 0));
        log_trim(bench->log, GROUP, safe);
    }
    if (bench->figures != NULL)
        defer_run(bench->clock, &bench->next, append_next);
}

static void on_failed(void *ctx, const struct reason *reason)
{
    (void)ctx;
    fprintf(stderr, "the log failed: %s\n", reason->text);
    exit(1);
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

static void log_phase(struct bench *bench, struct figures *figures, bool in_a_row)
{
    uint64_t start = now_ns();

    bench->figures = figures;
    bench->in_a_row = in_a_row;
    bench->until_ns = start + PHASE_NS;
    append(bench);
    if (in_a_row) {
        while (log_turn(bench->log) <= bench->appended_turn)
            uv_run(&bench->loop, UV_RUN_ONCE);
        append(bench);
    }
    while (bench->durable_turn < bench->appended_turn)
        uv_run(&bench->loop, UV_RUN_ONCE);
    figures->ns += now_ns() - start;
    bench->figures = NULL;
}

static void raw_phase(struct bench *bench, struct figures *figures, const void *bytes)
{
    uint64_t start = now_ns(), at = start;

    while (at < start + PHASE_NS) {
        if (bench->raw_offset + bench->frame > bench->segment_bytes)
            bench->raw_offset = 0;
        ensure(pwrite(bench->raw, bytes, bench->frame, (off_t)bench->raw_offset) ==
               (ssize_t)bench->frame);
        bench->raw_offset += bench->frame;
        uint64_t end = now_ns();
        sample(figures, end - at, bench->frame);
        at = end;
    }
    figures->ns += at - start;
}

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static double rate(const struct figures *figures)
{
    return (double)figures->bytes * 1e3 / (double)figures->ns;
}

static double percentile(const struct figures *figures, double part)
{
    return figures->samples[(uint32_t)((figures->count - 1) * part)] / 1e3;
}

static void report(const char *what, const struct figures *figures, const struct figures *raw)
{
    printf("  %-7s %8.1f MB/s  %5.2f of raw   p50 %7.0f  p99 %7.0f  p99.9 %7.0f us  "
           "p99.9 %5.2f of raw   %u writes\n",
           what, rate(figures), rate(figures) / rate(raw), percentile(figures, 0.5),
           percentile(figures, 0.99), percentile(figures, 0.999),
           percentile(figures, 0.999) / percentile(raw, 0.999), figures->count);
}

static struct figures figures_new(void)
{
    struct figures figures = { .samples = malloc(SAMPLES_MAX * sizeof(uint32_t)) };

    ensure(figures.samples != NULL);
    return figures;
}

static void fill(unsigned char *bytes, size_t len)
{
    uint64_t seed = 88172645463325252ull;

    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        bytes[i] = (unsigned char)(seed >> 56);
    }
}

static void frame_set(struct bench *bench, size_t frame, unsigned char **ret)
{
    unsigned char *bytes = disk_memory(frame);

    ensure(bytes != NULL);
    fill(bytes, frame);
    bench->frame = frame;
    bench->payload = buf_new(frame - FRAME_OVERHEAD);
    memcpy(bench->payload->data, bytes, bench->payload->len);
    *ret = bytes;
}

static void bench_warm(struct bench *bench)
{
    struct figures unused = figures_new();
    unsigned char *bytes;

    frame_set(bench, MIB, &bytes);
    while ((double)unused.ns < WARM_NS)
        log_phase(bench, &unused, true);
    buf_unref(bench->payload);
    disk_memory_free(bytes);
    free(unused.samples);
}

static void bench_size(struct bench *bench, size_t frame)
{
    struct figures all[3] = { figures_new(), figures_new(), figures_new() };
    unsigned char *bytes;

    frame_set(bench, frame, &bytes);
    while ((double)all[0].ns < bench->seconds * 1e9) {
        raw_phase(bench, &all[0], bytes);
        log_phase(bench, &all[1], false);
        log_phase(bench, &all[2], true);
    }
    printf("frames of %zu KiB\n", frame / 1024);
    for (unsigned i = 0; i < 3; i++)
        qsort(all[i].samples, all[i].count, sizeof(uint32_t), by_value);
    report("raw", &all[0], &all[0]);
    report("single", &all[1], &all[0]);
    report("row", &all[2], &all[0]);
    for (unsigned i = 0; i < 3; i++)
        free(all[i].samples);
    buf_unref(bench->payload);
    disk_memory_free(bytes);
}

static void check(enum err err, const struct reason *reason)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "%s: %s\n", err_name(err), reason->text);
    exit(1);
}

/* Made as the log's segments are made. */
static void raw_open(struct bench *bench)
{
    struct reason reason = { 0 };
    struct disk_file *file;
    char path[300];

    check(disk_create_now(bench->disk, "raw", bench->segment_bytes, &file, &reason), &reason);
    disk_close(file);
    snprintf(path, sizeof(path), "%s/log/raw", bench->dir);
    bench->raw = open(path, O_RDWR | O_DIRECT | O_DSYNC);
    if (bench->raw < 0) {
        perror(path);
        exit(1);
    }
}

static uint64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void on_tick(uv_timer_t *tick)
{
    (void)tick;
}

static void world_open(struct bench *bench)
{
    struct reason reason = { 0 };
    char path[300];

    uv_loop_init(&bench->loop);
    bench->clock = clock_uv_new(&bench->loop);
    bench->work = work_uv_new(&bench->loop);
    note_init(&bench->note, NOTE_WARN, no_time, NULL);
    note_to_file(&bench->note, stderr);
    random_init(&bench->random, 1);
    snprintf(path, sizeof(path), "%s/log", bench->dir);
    check(disk_posix_open(path, &bench->loop, &bench->note, &bench->disk, &reason), &reason);
    snprintf(path, sizeof(path), "%s/table", bench->dir);
    check(table_open(&bench->table, path, &reason), &reason);

    struct log_options options = {
        .node = 1,
        .segment_bytes = bench->segment_bytes,
        .segments_ahead = 3,
        .on_durable = on_durable,
        .on_failed = on_failed,
        .ctx = bench,
    };
    struct log_world world = {
        bench->disk, bench->table, bench->clock, &bench->random, bench->work
    };
    check(log_open(&bench->log, &options, &world, &reason), &reason);

    struct log_state start = { .group = GROUP, .epoch = 1, .start_index = 1, .start_term = 1 };
    uint64_t turn = log_start(bench->log, &start);
    while (bench->durable_turn < turn)
        uv_run(&bench->loop, UV_RUN_ONCE);
}

static void world_close(struct bench *bench)
{
    struct log_figures figures = log_figures(bench->log);
    uv_timer_t tick;
    bool closed = false;

    printf("%lu MB in %lu frames through %lu MB of segments\n",
           (unsigned long)(figures.bytes_framed / 1000000), (unsigned long)figures.frames,
           (unsigned long)(figures.bytes_total / 1000000));
    uv_timer_init(&bench->loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1); /* no round of the loop sleeps for ever */
    log_close(bench->log, on_closed, &closed);
    while (!closed)
        uv_run(&bench->loop, UV_RUN_ONCE);
    table_close(bench->table);
    disk_posix_close(bench->disk);
    work_uv_free(bench->work);
    clock_uv_free(bench->clock);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    uv_loop_close(&bench->loop);
    close(bench->raw);
}

static void remove_files(const struct bench *bench)
{
    char command[400];

    snprintf(command, sizeof(command), "cd '%s' && rm -rf log table", bench->dir);
    if (system(command) != 0 || rmdir(bench->dir) != 0)
        fprintf(stderr, "%s was not removed\n", bench->dir);
}

static void options_read(struct bench *bench, int argc, char **argv)
{
    static const struct option options[] = { { "seconds", required_argument, NULL, 's' },
                                             { "dir", required_argument, NULL, 'd' },
                                             { "segment-mib", required_argument, NULL, 'm' },
                                             { 0 } };

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 's')
            bench->seconds = atof(optarg);
        else if (option == 'd')
            snprintf(bench->dir, sizeof(bench->dir), "%s/bench-log-XXXXXX", optarg);
        else if (option == 'm')
            bench->segment_bytes = strtoull(optarg, NULL, 10) * MIB;
        else
            exit(2);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench = {
        .dir = "bench-log-XXXXXX", .seconds = 5, .segment_bytes = 256 * MIB
    };

    options_read(&bench, argc, argv);
    if (mkdtemp(bench.dir) == NULL) {
        perror(bench.dir);
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    world_open(&bench);
    raw_open(&bench);
    bench_warm(&bench);
    bench_size(&bench, 4096);
    bench_size(&bench, 65536);
    bench_size(&bench, MIB);
    world_close(&bench);
    remove_files(&bench);
    return 0;
}

#include "bench_raw.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES ((size_t)128 << 20)
#define BLOCK 4096u
#define SAMPLES_MAX 200000u
#define WRITERS_MAX 8u

struct sum {
    double mb_per_s, p50_ms, p99_ms, p999_ms;
};

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int open_written(const char *path, char *block)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    for (size_t at = 0; file >= 0 && at < FILE_BYTES; at += 1 << 20)
        if (pwrite(file, block, 1 << 20, (off_t)at) != 1 << 20)
            return -1;
    if (file < 0 || fsync(file) != 0)
        return -1;
    close(file);
    return open(path, O_RDWR | O_DIRECT | O_DSYNC);
}

void bench_raw_open(struct bench_raw_file *raw, const char *path, size_t bytes)
{
    size_t room = bytes > 1 << 20 ? bytes : 1 << 20;

    *raw = (struct bench_raw_file){ .block = aligned_alloc(BLOCK, room), .bytes = bytes };
    if (raw->block == NULL)
        exit(1);
    memset(raw->block, 0xa5, room);
    raw->file = open_written(path, raw->block);
    if (raw->file < 0) {
        perror(path);
        exit(1);
    }
}

double bench_raw_sync_ms(struct bench_raw_file *raw)
{
    double began = now_ms();

    if (raw->at + raw->bytes > FILE_BYTES)
        raw->at = 0;
    if (pwrite(raw->file, raw->block, raw->bytes, (off_t)raw->at) != (ssize_t)raw->bytes)
        exit(1);
    raw->at += raw->bytes;
    return now_ms() - began;
}

void bench_raw_close(struct bench_raw_file *raw, const char *path)
{
    close(raw->file);
    free(raw->block);
    unlink(path);
}

static void write_for(struct bench_raw_file *raw, double seconds, struct sum *sum)
{
    double *samples = calloc(SAMPLES_MAX, sizeof *samples);
    size_t count = 0, total = 0;
    double began = now_ms();

    while (samples != NULL && now_ms() - began < seconds * 1e3) {
        double took = bench_raw_sync_ms(raw);
        total += raw->bytes;
        if (count < SAMPLES_MAX)
            samples[count++] = took;
    }
    if (count == 0)
        exit(1);
    double all = now_ms() - began;
    qsort(samples, count, sizeof *samples, by_size);
    *sum = (struct sum){ .mb_per_s = (double)total / all / 1e3,
                         .p50_ms = samples[count / 2],
                         .p99_ms = samples[(size_t)((double)(count - 1) * 0.99)],
                         .p999_ms = samples[(size_t)((double)(count - 1) * 0.999)] };
    free(samples);
}

static void run_writer(const char *directory, uint32_t at, size_t bytes, double seconds, int report)
{
    char path[512];
    struct bench_raw_file raw;
    struct sum sum;

    snprintf(path, sizeof path, "%s/raw-%u", directory, at);
    bench_raw_open(&raw, path, bytes);
    write_for(&raw, seconds, &sum);
    bench_raw_close(&raw, path);
    _exit(write(report, &sum, sizeof sum) == sizeof sum ? 0 : 1);
}

struct bench_raw bench_raw_run(const char *directory, uint32_t writers, size_t bytes,
                               double seconds)
{
    struct bench_raw raw = { .bytes = (bytes + BLOCK - 1) / BLOCK * BLOCK };
    int pipes[WRITERS_MAX][2];

    fflush(NULL);
    for (uint32_t i = 0; i < writers && i < WRITERS_MAX; i++) {
        if (pipe(pipes[i]) != 0)
            exit(1);
        if (fork() == 0)
            run_writer(directory, i, raw.bytes, seconds, pipes[i][1]);
        close(pipes[i][1]);
    }
    for (uint32_t i = 0; i < writers && i < WRITERS_MAX; i++) {
        struct sum sum = { .mb_per_s = 0 };
        if (read(pipes[i][0], &sum, sizeof sum) != sizeof sum)
            fprintf(stderr, "bench: a raw writer failed\n");
        raw.mb_per_s += sum.mb_per_s;
        raw.p50_ms += sum.p50_ms / writers;
        raw.p99_ms += sum.p99_ms / writers;
        raw.p999_ms += sum.p999_ms / writers;
        close(pipes[i][0]);
        wait(NULL);
    }
    return raw;
}

/* bench_raw.h - what the disk itself does: raw writers over files that were written before.
 *
 * Each writer is a process with a file of its own, opened O_DIRECT|O_DSYNC as
 * the log's segments are, and overwrites it block by block, one write at a time.
 */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <stddef.h>
#include <stdint.h>

struct bench_raw {
    size_t bytes;    /* of one write: the size asked for, rounded up to 4 KiB */
    double mb_per_s; /* of all writers together */
    double p50_ms, p99_ms, p999_ms;
};

/* Runs `writers` of them for `seconds` in `directory`; removes the files. */
struct bench_raw bench_raw_run(const char *directory, uint32_t writers, size_t bytes,
                               double seconds);

/* One such writer in this process, for syncs in turn with something else.  Ends the program when
 * the disk fails it. */
struct bench_raw_file {
    int file;
    char *block;
    size_t bytes, at;
};

void bench_raw_open(struct bench_raw_file *raw, const char *path, size_t bytes);
/* Writes the next block; returns how long it took. */
double bench_raw_sync_ms(struct bench_raw_file *raw);
/* Removes the file. */
void bench_raw_close(struct bench_raw_file *raw, const char *path);

#endif

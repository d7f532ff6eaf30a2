/* fixture.h - a disk in a folder of its own, and a loop that runs until callbacks have run. */
#ifndef TESTS_ENV_FIXTURE_H
#define TESTS_ENV_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <uv.h>

#include "env/real.h"

struct fixture {
    uv_loop_t loop;
    struct disk *disk;
    char path[64];
    struct reason reason;
    unsigned left; /* callbacks that must still run */
    unsigned ran;
    enum err last;
    struct disk_file *made;
    char names[256];
};

extern struct fixture w;

/* cmocka's: a new folder with an open disk; and both gone again. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

enum err open_disk(void);
void close_disk(void);

/* Says that a callback ran.  wait_for() runs the loop until `callbacks` have said so. */
void count_down(void);
void wait_for(unsigned callbacks);

/* A callback that keeps the error and counts. */
void io_done(struct disk_io *req, enum err err);

struct disk_file *make(const char *name, uint64_t size);

/* Bytes that tell their place and the seed; free with disk_memory_free(). */
unsigned char *pattern(unsigned char seed, size_t len);

void assert_reads(struct disk_file *file, uint64_t offset, const void *expected, size_t len);

#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

struct fixture w;

enum err open_disk(void)
{
    return disk_posix_open(w.path, &w.loop, NULL, &w.disk, &w.reason);
}

void close_disk(void)
{
    disk_posix_close(w.disk);
    w.disk = NULL;
    uv_run(&w.loop, UV_RUN_DEFAULT);
}

int fixture_setup(void **state)
{
    memset(&w, 0, sizeof(w));
    uv_loop_init(&w.loop);
    snprintf(w.path, sizeof(w.path), "test-disk-XXXXXX");
    return mkdtemp(w.path) == NULL || open_disk() != ERR_OK;
}

int fixture_teardown(void **state)
{
    char command[128];

    close_disk();
    snprintf(command, sizeof(command), "rm -rf '%s'", w.path);
    return uv_loop_close(&w.loop) || system(command);
}

void count_down(void)
{
    if (--w.left == 0)
        uv_stop(&w.loop);
}

/* Runs the loop until `callbacks` have run. */
void wait_for(unsigned callbacks)
{
    w.left = callbacks;
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(w.left, 0);
}

void io_done(struct disk_io *req, enum err err)
{
    w.last = err;
    w.ran++;
    count_down();
}

struct disk_file *make(const char *name, uint64_t size)
{
    struct disk_file *file = NULL;

    assert_int_equal(disk_create_now(w.disk, name, size, &file, &w.reason), ERR_OK);
    return file;
}

unsigned char *pattern(unsigned char seed, size_t len)
{
    unsigned char *bytes = disk_memory(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(seed + i * 7);
    return bytes;
}

void assert_reads(struct disk_file *file, uint64_t offset, const void *expected, size_t len)
{
    unsigned char *in = disk_memory(len);

    assert_int_equal(disk_read_now(file, offset, in, len, &w.reason), ERR_OK);
    assert_memory_equal(in, expected, len);
    disk_memory_free(in);
}

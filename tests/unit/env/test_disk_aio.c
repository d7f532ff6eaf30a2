/* The way of a small write past the writing thread. */
#include <errno.h>
#include <libaio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

enum { BLOCKS = 40 };

#define MS 1000000u

/* The linker leads the disk's calls through here (-Wl,--wrap). */
static struct {
    unsigned submitted;
    unsigned by_thread;
    int refused;       /* errno of the next io_submit() */
    uint64_t now_ns;   /* time goes by as the test says */
    uint64_t takes_ns; /* in io_submit() */
    unsigned long res; /* what the next write says that it did; 0: the truth */
} kernel;

static struct disk_file *file;
static unsigned char *out;

int __real_io_submit(io_context_t context, long count, struct iocb **iocbs);
int __wrap_io_submit(io_context_t context, long count, struct iocb **iocbs);
int __real_io_getevents(io_context_t context, long least, long most, struct io_event *events,
                        struct timespec *timeout);
int __wrap_io_getevents(io_context_t context, long least, long most, struct io_event *events,
                        struct timespec *timeout);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset);
uint64_t __wrap_uv_hrtime(void);

uint64_t __wrap_uv_hrtime(void)
{
    return kernel.now_ns;
}

int __wrap_io_submit(io_context_t context, long count, struct iocb **iocbs)
{
    if (kernel.refused != 0)
        return -kernel.refused;
    kernel.now_ns += kernel.takes_ns;
    kernel.submitted++;
    return __real_io_submit(context, count, iocbs);
}

int __wrap_io_getevents(io_context_t context, long least, long most, struct io_event *events,
                        struct timespec *timeout)
{
    int count = __real_io_getevents(context, least, most, events, timeout);

    if (count == 1 && kernel.res != 0) {
        events->res = kernel.res;
        kernel.res = 0;
    }
    return count;
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    kernel.by_thread++;
    return __real_pwrite64(fd, bytes, len, offset);
}

static void start(struct disk_io *req, size_t block, size_t blocks)
{
    disk_write(file, req, block * DISK_ALIGN, out + block * DISK_ALIGN, blocks * DISK_ALIGN,
               io_done);
}

static void write_blocks(size_t block, size_t blocks)
{
    struct disk_io req;

    start(&req, block, blocks);
    wait_for(1);
    assert_int_equal(w.last, ERR_OK);
}

/* A file whose disk has just answered: its first write was the thread's. */
static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return 1;
    file = make("a.log", BLOCKS * DISK_ALIGN);
    out = pattern(9, BLOCKS * DISK_ALIGN);
    memset(&kernel, 0, sizeof(kernel));
    write_blocks(0, 1);
    assert_int_equal(kernel.submitted, 0);
    assert_int_equal(kernel.by_thread, 1);
    kernel.by_thread = 0;
    return 0;
}

static int teardown(void **state)
{
    disk_memory_free(out);
    disk_close(file);
    return fixture_teardown(state);
}

static void a_lone_write_needs_no_thread(void **state)
{
    for (size_t i = 0; i < BLOCKS; i++)
        write_blocks(i, 1);
    assert_int_equal(kernel.submitted, BLOCKS);
    assert_int_equal(kernel.by_thread, 0);
    assert_reads(file, 0, out, BLOCKS * DISK_ALIGN);
}

static void a_large_write_is_the_threads(void **state)
{
    write_blocks(0, 17); /* over 64 KiB */
    assert_int_equal(kernel.submitted, 0);
    assert_int_equal(kernel.by_thread, 1);
}

static void a_disk_that_was_silent_is_not_trusted(void **state)
{
    kernel.now_ns += 999 * MS;
    write_blocks(1, 1);
    assert_int_equal(kernel.submitted, 1);
    kernel.now_ns += 1000 * MS;
    write_blocks(2, 1);
    assert_int_equal(kernel.submitted, 1);
    assert_int_equal(kernel.by_thread, 1);
    write_blocks(3, 1);
    assert_int_equal(kernel.submitted, 2);
}

static void after_a_call_that_took_long_the_thread_writes(void **state)
{
    kernel.takes_ns = 5 * MS;
    write_blocks(1, 1);
    kernel.takes_ns = 6 * MS;
    write_blocks(2, 1);
    assert_int_equal(kernel.submitted, 2);
    kernel.takes_ns = 0;
    for (unsigned i = 0; i < 2; i++, kernel.now_ns += 500 * MS)
        write_blocks(3, 1);
    assert_int_equal(kernel.by_thread, 2);
    write_blocks(4, 1);
    assert_int_equal(kernel.submitted, 3);
    assert_reads(file, DISK_ALIGN, out + DISK_ALIGN, 4 * DISK_ALIGN);
}

static void what_the_kernel_refuses_the_thread_writes(void **state)
{
    kernel.refused = EAGAIN;
    write_blocks(1, 1);
    assert_int_equal(kernel.by_thread, 1);
    assert_reads(file, DISK_ALIGN, out + DISK_ALIGN, DISK_ALIGN);
}

static void what_comes_meanwhile_waits_for_the_kernel(void **state)
{
    struct disk_io reqs[BLOCKS];

    for (size_t i = 0; i < BLOCKS; i++)
        start(&reqs[i], i, 1);
    assert_int_equal(kernel.submitted, 1);
    usleep(3000); /* the thread must not begin before the loop has heard of the first */
    assert_int_equal(kernel.by_thread, 0);
    wait_for(BLOCKS);
    assert_int_equal(kernel.submitted, 1);
    assert_int_equal(kernel.by_thread, BLOCKS - 1);
    assert_reads(file, 0, out, BLOCKS * DISK_ALIGN);
}

static void what_waits_for_the_kernel_can_be_taken_back(void **state)
{
    struct disk_io first, second;

    start(&first, 1, 1);
    start(&second, 2, 1);
    assert_false(disk_withdraw(&first));
    assert_true(disk_withdraw(&second));
    wait_for(1);
    assert_int_equal(kernel.by_thread, 0);
}

static void a_short_write_is_done_again_as_a_whole(void **state)
{
    struct disk_io first, second;

    kernel.res = DISK_ALIGN;
    start(&first, 1, 2);
    start(&second, 3, 1);
    wait_for(2);
    assert_int_equal(w.last, ERR_OK);
    assert_int_equal(kernel.by_thread, 2);
    assert_reads(file, DISK_ALIGN, out + DISK_ALIGN, 3 * DISK_ALIGN);
}

static void a_failed_write_is_final(void **state)
{
    struct disk_io first, second;

    kernel.res = (unsigned long)-EIO;
    start(&first, 1, 1);
    start(&second, 2, 1);
    wait_for(2);
    assert_int_equal(first.err, ERR_IO);
    assert_non_null(strstr(first.reason.text, "a.log at 4096: Input/output error"));
    assert_int_equal(second.err, ERR_IO);
    assert_non_null(strstr(second.reason.text, "an earlier write failed"));

    start(&first, 3, 1);
    wait_for(1);
    assert_int_equal(first.err, ERR_IO);
    assert_int_equal(kernel.by_thread, 0);
    assert_int_equal(kernel.submitted, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lone_write_needs_no_thread),
        TEST(a_large_write_is_the_threads),
        TEST(a_disk_that_was_silent_is_not_trusted),
        TEST(after_a_call_that_took_long_the_thread_writes),
        TEST(what_the_kernel_refuses_the_thread_writes),
        TEST(what_comes_meanwhile_waits_for_the_kernel),
        TEST(what_waits_for_the_kernel_can_be_taken_back),
        TEST(a_short_write_is_done_again_as_a_whole),
        TEST(a_failed_write_is_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "fixture.h"

enum { SIZE = 3 * 1024 * 1024 + DISK_ALIGN, WRITES = 50 };

/* The linker leads the disk's system calls through here (-Wl,--wrap). */
static struct {
    bool direct_refused;
    size_t write_max; /* bytes that one write takes; 0: all */
    int write_error;
    int sync_error;
    bool sync_error_once;
    unsigned syncs;
    unsigned forgets; /* of what the kernel has in memory */
    off_t forgot_at, forgot_len;
    unsigned rests;
    struct disk_create *hurried; /* during the first rest */
} fault;

int __real_openat64(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat64(int dir, const char *name, int flags, mode_t mode);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_posix_fadvise64(int fd, off_t offset, off_t len, int advice);
int __wrap_posix_fadvise64(int fd, off_t offset, off_t len, int advice);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
    fault.rests++;
    if (fault.hurried != NULL)
        disk_create_hurry(fault.hurried);
    return 0;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

int __wrap_openat64(int dir, const char *name, int flags, mode_t mode)
{
    if (fault.direct_refused && (flags & O_DIRECT) != 0)
        return refuse(EINVAL);
    return __real_openat64(dir, name, flags, mode);
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    if (fault.write_error != 0)
        return refuse(fault.write_error);
    if (fault.write_max != 0 && len > fault.write_max)
        len = fault.write_max;
    return __real_pwrite64(fd, bytes, len, offset);
}

int __wrap_fdatasync(int fd)
{
    fault.syncs++;
    int error = fault.sync_error;
    if (fault.sync_error_once)
        fault.sync_error = 0;
    return error != 0 ? refuse(error) : __real_fdatasync(fd);
}

int __wrap_posix_fadvise64(int fd, off_t offset, off_t len, int advice)
{
    if (advice == POSIX_FADV_DONTNEED) {
        fault.forgets++;
        fault.forgot_at = offset;
        fault.forgot_len = len;
    }
    return __real_posix_fadvise64(fd, offset, len, advice);
}

static int setup(void **state)
{
    memset(&fault, 0, sizeof(fault));
    return fixture_setup(state);
}

static void create_done(struct disk_create *req, enum err err, struct disk_file *file)
{
    w.last = err;
    w.made = file;
    w.ran++;
    count_down();
}

static void add_name(void *ctx, const char *name, uint64_t size)
{
    size_t len = strlen(w.names);

    snprintf(w.names + len, sizeof(w.names) - len, "%s:%llu ", name, (unsigned long long)size);
}

static void a_new_file_is_zeros_to_its_last_byte(void **state)
{
    struct disk_file *file = make("a.log", SIZE);
    unsigned char *bytes = pattern(1, SIZE);

    assert_int_equal(disk_size(file), SIZE);
    assert_int_equal(disk_read_now(file, 0, bytes, SIZE, &w.reason), ERR_OK);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(bytes[i], 0);
    disk_memory_free(bytes);
    disk_close(file);
}

static void a_file_can_be_made_without_blocking(void **state)
{
    struct disk_create reqs[3];

    for (int i = 0; i < 3; i++) {
        char name[8] = { 'a', (char)('0' + i), 0 };
        disk_create_start(w.disk, &reqs[i], name, DISK_ALIGN, DISK_WRITTEN, create_done);
    }
    assert_int_equal(w.ran, 0);
    for (int i = 0; i < 3; i++) {
        wait_for(1);
        assert_int_equal(w.last, ERR_OK);
        assert_int_equal(disk_size(w.made), DISK_ALIGN);
        disk_close(w.made);
    }
}

/* Its blocks are its own, and zeros, whether they were written or not. */
static void blocks_can_be_reserved(void **state)
{
    unsigned char *bytes = disk_memory(DISK_ALIGN);
    struct disk_create req;
    char path[128];
    struct stat found;

    memset(bytes, 1, DISK_ALIGN);
    disk_create_start(w.disk, &req, "a.log", 64 * DISK_ALIGN, DISK_RESERVED, create_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_OK);
    assert_int_equal(disk_size(w.made), 64 * DISK_ALIGN);
    snprintf(path, sizeof(path), "%s/a.log", w.path);
    assert_int_equal(stat(path, &found), 0);
    assert_true(found.st_blocks >= 64 * (long)DISK_ALIGN / 512);
    assert_int_equal(disk_read_now(w.made, 32 * DISK_ALIGN, bytes, DISK_ALIGN, &w.reason), ERR_OK);
    for (size_t i = 0; i < DISK_ALIGN; i++)
        assert_int_equal(bytes[i], 0);
    disk_memory_free(bytes);
    disk_close(w.made);
}

/* A second sync may say that all is well. */
static void a_file_whose_sync_failed_once_is_not_made(void **state)
{
    struct disk_create req;
    struct disk_file *file;

    fault.sync_error = EIO;
    fault.sync_error_once = true;
    disk_create_start(w.disk, &req, "a.log", 64 * DISK_ALIGN, DISK_RESERVED, create_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_IO);
    assert_non_null(strstr(req.reason.text, "sync"));
    assert_int_equal(disk_open(w.disk, "a.log", &file, &w.reason), ERR_NOT_FOUND);
}

static void a_name_that_exists_is_left_alone(void **state)
{
    struct disk_file *file = make("a.log", DISK_ALIGN);
    struct disk_create req;

    disk_create_start(w.disk, &req, "a.log", 2 * DISK_ALIGN, DISK_WRITTEN, create_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_EXISTS);
    assert_null(w.made);
    assert_non_null(strstr(req.reason.text, "a.log"));
    disk_close(file);
    assert_int_equal(disk_open(w.disk, "a.log", &file, &w.reason), ERR_OK);
    assert_int_equal(disk_size(file), DISK_ALIGN);
    disk_close(file);
}

static void what_is_written_is_read_after_the_callback(void **state)
{
    struct disk_file *file = make("a.log", SIZE);
    unsigned char *out = pattern(9, 2 * DISK_ALIGN);
    unsigned char *in = disk_memory(2 * DISK_ALIGN);
    struct disk_io req;

    disk_write(file, &req, DISK_ALIGN, out, 2 * DISK_ALIGN, io_done);
    assert_int_equal(w.ran, 0);
    wait_for(1);
    assert_int_equal(w.last, ERR_OK);

    disk_read(file, &req, DISK_ALIGN, in, 2 * DISK_ALIGN, io_done);
    assert_int_equal(w.ran, 1);
    wait_for(1);
    assert_int_equal(w.last, ERR_OK);
    assert_memory_equal(in, out, 2 * DISK_ALIGN);

    disk_close(file);
    close_disk();
    assert_int_equal(open_disk(), ERR_OK);
    assert_int_equal(disk_open(w.disk, "a.log", &file, &w.reason), ERR_OK);
    assert_int_equal(disk_read_now(file, DISK_ALIGN, in, 2 * DISK_ALIGN, &w.reason), ERR_OK);
    assert_memory_equal(in, out, 2 * DISK_ALIGN);
    disk_close(file);
    disk_memory_free(out);
    disk_memory_free(in);
}

static struct disk_io *expected_next;

static void written_in_order(struct disk_io *req, enum err err)
{
    assert_int_equal(err, ERR_OK);
    assert_ptr_equal(req, expected_next);
    expected_next++;
    count_down();
}

static void writes_complete_in_the_order_of_their_starts(void **state)
{
    struct disk_file *file = make("a.log", WRITES * DISK_ALIGN);
    unsigned char *out = pattern(3, WRITES * DISK_ALIGN);
    unsigned char *in = disk_memory(WRITES * DISK_ALIGN);
    struct disk_io reqs[WRITES];

    expected_next = reqs;
    for (size_t i = 0; i < WRITES; i++)
        disk_write(file, &reqs[i], i * DISK_ALIGN, out + i * DISK_ALIGN, DISK_ALIGN,
                   written_in_order);
    wait_for(WRITES);
    assert_int_equal(disk_write_now(file, 0, out, DISK_ALIGN, &w.reason), ERR_OK);
    assert_int_equal(disk_read_now(file, 0, in, WRITES * DISK_ALIGN, &w.reason), ERR_OK);
    assert_memory_equal(in, out, WRITES * DISK_ALIGN);
    disk_memory_free(out);
    disk_memory_free(in);
    disk_close(file);
}

static void a_write_that_has_not_begun_can_be_taken_back(void **state)
{
    struct disk_file *file = make("a.log", SIZE);
    unsigned char *out = pattern(3, SIZE);
    unsigned char *in = disk_memory(DISK_ALIGN);
    struct disk_io first, second;
    unsigned taken = 0, tries = 0;

    for (; taken == 0 || tries < 20; tries++) {
        unsigned before = w.ran;
        disk_write(file, &first, 0, out, SIZE - DISK_ALIGN, io_done);
        disk_write(file, &second, SIZE - DISK_ALIGN, out, DISK_ALIGN, io_done);
        bool back = disk_withdraw(&second);
        taken += back;
        wait_for(back ? 1 : 2);
        assert_int_equal(w.ran, before + (back ? 1 : 2));
        if (taken == tries + 1) { /* it was never written */
            assert_int_equal(disk_read_now(file, SIZE - DISK_ALIGN, in, DISK_ALIGN, &w.reason),
                             ERR_OK);
            for (size_t i = 0; i < DISK_ALIGN; i++)
                assert_int_equal(in[i], 0);
        }
    }
    disk_memory_free(out);
    disk_memory_free(in);
    disk_close(file);
}

static void more_reads_than_threads_are_all_done(void **state)
{
    struct disk_file *file = make("a.log", WRITES * DISK_ALIGN);
    unsigned char *in = disk_memory(WRITES * DISK_ALIGN);
    struct disk_io reqs[WRITES];

    assert_true(WRITES > DISK_READS_MAX);
    for (size_t i = 0; i < WRITES; i++)
        disk_read(file, &reqs[i], i * DISK_ALIGN, in + i * DISK_ALIGN, DISK_ALIGN, io_done);
    wait_for(WRITES);
    assert_int_equal(w.last, ERR_OK);
    disk_memory_free(in);
    disk_close(file);
}

static void reading_past_the_end_names_file_and_offset(void **state)
{
    struct disk_file *file = make("a.log", 2 * DISK_ALIGN);
    unsigned char *in = disk_memory(2 * DISK_ALIGN);
    struct disk_io req;

    disk_read(file, &req, DISK_ALIGN, in, 2 * DISK_ALIGN, io_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_IO);
    assert_non_null(strstr(req.reason.text, "a.log at 8192"));
    disk_memory_free(in);
    disk_close(file);
}

/* The kernel refuses bytes behind RLIMIT_FSIZE, and cuts a write short that crosses it. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void after_a_failed_write_none_succeeds(void **state)
{
    struct disk_file *file = make("a.log", 2 * DISK_ALIGN);
    unsigned char *out = pattern(1, 2 * DISK_ALIGN);
    struct disk_io crossing, later;

    limit_files(2 * DISK_ALIGN);
    disk_write(file, &crossing, DISK_ALIGN, out, 2 * DISK_ALIGN, io_done);
    disk_write(file, &later, 0, out, DISK_ALIGN, io_done);
    wait_for(2);
    limit_files(RLIM_INFINITY);
    assert_int_equal(crossing.err, ERR_IO);
    assert_non_null(strstr(crossing.reason.text, "a.log at 8192: File too large"));
    assert_int_equal(later.err, ERR_IO);
    assert_non_null(strstr(later.reason.text, "a.log at 0: an earlier write failed"));
    disk_memory_free(out);
    disk_close(file);
}

static void making_a_file_rests_until_somebody_waits_for_it(void **state)
{
    struct disk_create slow, quick;

    disk_create_start(w.disk, &slow, "slow.log", SIZE, DISK_WRITTEN, create_done);
    wait_for(1);
    assert_int_equal(fault.rests, 4);
    disk_close(w.made);
    fault.rests = 0;
    fault.hurried = &quick;
    disk_create_start(w.disk, &quick, "quick.log", SIZE, DISK_WRITTEN, create_done);
    wait_for(1);
    assert_int_equal(fault.rests, 1);
    assert_int_equal(w.last, ERR_OK);
    disk_create_hurry(&quick);
    disk_close(w.made);
}

static void a_file_that_does_not_fit_leaves_nothing_behind(void **state)
{
    struct disk_create req;

    limit_files(DISK_ALIGN);
    disk_create_start(w.disk, &req, "big.log", SIZE, DISK_WRITTEN, create_done);
    wait_for(1);
    limit_files(RLIM_INFINITY);
    assert_int_equal(w.last, ERR_IO);
    assert_non_null(strstr(req.reason.text, "big.log"));
    assert_int_equal(disk_list(w.disk, add_name, NULL, &w.reason), ERR_OK);
    assert_string_equal(w.names, "");
}

static void files_are_listed_by_name_and_half_made_ones_are_gone(void **state)
{
    char path[128];

    disk_close(make("b.log", DISK_ALIGN));
    disk_close(make("a.log", 2 * DISK_ALIGN));
    snprintf(path, sizeof(path), "%s/c.log.new", w.path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    snprintf(path, sizeof(path), "%s/folder", w.path);
    mkdir(path, 0700);
    assert_int_equal(disk_list(w.disk, add_name, NULL, &w.reason), ERR_OK);
    assert_string_equal(w.names, "a.log:8192 b.log:4096 ");

    close_disk();
    assert_int_equal(open_disk(), ERR_OK);
    snprintf(path, sizeof(path), "%s/c.log.new", w.path);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_missing_file_is_not_found(void **state)
{
    struct disk_file *file = NULL;

    assert_int_equal(disk_open(w.disk, "a.log", &file, &w.reason), ERR_NOT_FOUND);
    assert_non_null(strstr(w.reason.text, "a.log: No such file"));
}

static void a_directory_has_one_owner(void **state)
{
    struct disk *second = NULL;

    assert_int_equal(disk_posix_open(w.path, &w.loop, NULL, &second, &w.reason), ERR_BUSY);
    assert_non_null(strstr(w.reason.text, "in use"));
}

static void a_directory_that_cannot_be_made_is_said(void **state)
{
    struct disk *disk = NULL;

    assert_int_equal(disk_posix_open("no/such/parent", &w.loop, NULL, &disk, &w.reason), ERR_IO);
    assert_non_null(strstr(w.reason.text, "no/such/parent"));
    assert_null(disk);
}

static void keep_line(void *ctx, const char *line, size_t len)
{
    snprintf(ctx, 256, "%.*s", (int)len, line);
}

/* As overlay and older tmpfs do. */
static void where_o_direct_is_refused_the_disk_says_so_and_syncs(void **state)
{
    char line[256] = "";
    struct note note;

    close_disk();
    note_init(&note, NOTE_WARN, NULL, NULL);
    note_to(&note, keep_line, line);
    fault.direct_refused = true;
    assert_int_equal(disk_posix_open(w.path, &w.loop, &note, &w.disk, &w.reason), ERR_OK);
    assert_non_null(strstr(line, "event=disk.buffered"));

    struct disk_file *file = make("a.log", 2 * DISK_ALIGN);
    unsigned char *out = pattern(5, DISK_ALIGN);
    struct disk_io req;
    fault.syncs = 0;
    disk_write(file, &req, DISK_ALIGN, out, DISK_ALIGN, io_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_OK);
    assert_int_equal(fault.syncs, 1);
    assert_int_equal(fault.forgets, 0);
    assert_reads(file, DISK_ALIGN, out, DISK_ALIGN);
    assert_int_equal(fault.forgets, 1); /* else it would be read from memory */
    assert_int_equal(fault.forgot_at, DISK_ALIGN);
    assert_int_equal(fault.forgot_len, DISK_ALIGN);

    fault.sync_error = EIO;
    disk_write(file, &req, 0, out, DISK_ALIGN, io_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_IO);
    assert_non_null(strstr(req.reason.text, "sync "));
    disk_memory_free(out);
    disk_close(file);
}

static void a_short_write_goes_on_where_it_stopped(void **state)
{
    struct disk_file *file = make("a.log", 4 * DISK_ALIGN);
    unsigned char *out = pattern(5, 4 * DISK_ALIGN);
    struct disk_io req;

    fault.write_max = DISK_ALIGN;
    disk_write(file, &req, 0, out, 4 * DISK_ALIGN, io_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_OK);
    assert_reads(file, 0, out, 4 * DISK_ALIGN);
    disk_memory_free(out);
    disk_close(file);
}

static void a_full_disk_is_no_space_when_a_file_is_made(void **state)
{
    struct disk_create req;

    fault.write_error = ENOSPC;
    disk_create_start(w.disk, &req, "a.log", DISK_ALIGN, DISK_WRITTEN, create_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_NO_SPACE);
    assert_non_null(strstr(req.reason.text, "No space left"));
}

static void a_failing_device_is_final_for_a_write(void **state)
{
    struct disk_file *file = make("a.log", DISK_ALIGN);
    unsigned char *out = pattern(5, DISK_ALIGN);
    struct disk_io req;

    fault.write_error = EIO;
    disk_write(file, &req, 0, out, DISK_ALIGN, io_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_IO);
    assert_non_null(strstr(req.reason.text, "a.log at 0: Input/output error"));
    fault.write_error = 0;
    disk_write(file, &req, 0, out, DISK_ALIGN, io_done);
    wait_for(1);
    assert_int_equal(w.last, ERR_IO);
    disk_memory_free(out);
    disk_close(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_is_zeros_to_its_last_byte),
        TEST(a_file_can_be_made_without_blocking),
        TEST(blocks_can_be_reserved),
        TEST(a_file_whose_sync_failed_once_is_not_made),
        TEST(a_name_that_exists_is_left_alone),
        TEST(what_is_written_is_read_after_the_callback),
        TEST(writes_complete_in_the_order_of_their_starts),
        TEST(a_write_that_has_not_begun_can_be_taken_back),
        TEST(more_reads_than_threads_are_all_done),
        TEST(reading_past_the_end_names_file_and_offset),
        TEST(after_a_failed_write_none_succeeds),
        TEST(making_a_file_rests_until_somebody_waits_for_it),
        TEST(a_file_that_does_not_fit_leaves_nothing_behind),
        TEST(files_are_listed_by_name_and_half_made_ones_are_gone),
        TEST(a_missing_file_is_not_found),
        TEST(a_directory_has_one_owner),
        TEST(a_directory_that_cannot_be_made_is_said),
        TEST(where_o_direct_is_refused_the_disk_says_so_and_syncs),
        TEST(a_short_write_goes_on_where_it_stopped),
        TEST(a_full_disk_is_no_space_when_a_file_is_made),
        TEST(a_failing_device_is_final_for_a_write),
    };
    signal(SIGXFSZ, SIG_IGN); /* else the kernel ends the test where the limit refuses a byte */
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ill_machine.c - a machine on which something is wrong, for one process: LD_PRELOAD.
 *
 * Read again every 100 ms from files in $ILL_MACHINE, each one number:
 *
 *     write_ms     what each pwrite() takes in addition
 *     clock_ms     what CLOCK_REALTIME is ahead
 *     full         1: file systems say that they have no room
 *     write_error  the errno of each write to the log, whichever way it goes
 *     sync_error   the errno of each fdatasync() of the log
 *     grow_error   the errno of what makes a new file of the log: fallocate(), and pwrite() into it
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HALF_MADE ".new" /* how names of files end that are being made (disk_posix_private.h) */

static atomic_long write_ms, clock_ms, full, write_error, sync_error, grow_error, read_at_ms;

static long now_ms(void)
{
    struct timespec now;

    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static long number_in(const char *name)
{
    const char *dir = getenv("ILL_MACHINE");
    char path[512], text[32] = "";

    if (dir == NULL)
        return 0;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    return n > 0 ? atol(text) : 0;
}

static void look(void)
{
    long now = now_ms(), last = atomic_load(&read_at_ms);

    if (now - last < 100 || !atomic_compare_exchange_strong(&read_at_ms, &last, now))
        return;
    atomic_store(&write_ms, number_in("write_ms"));
    atomic_store(&clock_ms, number_in("clock_ms"));
    atomic_store(&full, number_in("full"));
    atomic_store(&write_error, number_in("write_error"));
    atomic_store(&sync_error, number_in("sync_error"));
    atomic_store(&grow_error, number_in("grow_error"));
}

/* Of the log; `half_made`: and not one of its files yet. */
static int is_log(int fd, int half_made)
{
    char link[64], path[4096];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n < 0 ? 0 : n] = '\0';
    return strstr(path, "/log/") != NULL && (!half_made || strstr(path, HALF_MADE) != NULL);
}

/* Whether the call is to fail: errno is set then. */
static int fails(atomic_long *number, int fd, int half_made)
{
    int error = (int)atomic_load(number);

    if (error == 0 || !is_log(fd, half_made))
        return 0;
    errno = error;
    return 1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
    look();
    if (atomic_load(&write_ms) > 0)
        usleep((useconds_t)atomic_load(&write_ms) * 1000);
    if (fails(&write_error, fd, 0) || fails(&grow_error, fd, 1))
        return -1;
    return syscall(SYS_pwrite64, fd, bytes, len, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return pwrite64(fd, bytes, len, offset);
}

/* A write that is to be slow is refused here: it comes again as a pwrite(). */
int io_submit(io_context_t context, long count, struct iocb **blocks)
{
    look();
    if (atomic_load(&write_ms) > 0)
        return -EAGAIN;
    long rv = syscall(SYS_io_submit, context, count, blocks);
    return rv < 0 ? -errno : (int)rv;
}

/* Of a write that the kernel was given before, too.  It may be on the disk all the same. */
int io_getevents(io_context_t context, long least, long most, struct io_event *events,
                 struct timespec *timeout)
{
    long rv = syscall(SYS_io_getevents, context, least, most, events, timeout);
    int error = (int)atomic_load(&write_error);

    for (long i = 0; error != 0 && i < rv; i++)
        events[i].res = (unsigned long)-error;
    return rv < 0 ? -errno : (int)rv;
}

int fdatasync(int fd)
{
    look();
    return fails(&sync_error, fd, 0) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fallocate64(int fd, int mode, off_t offset, off_t len)
{
    look();
    return fails(&grow_error, fd, 1) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
    int rv = (int)syscall(SYS_clock_gettime, id, ret);

    if (rv == 0 && id == CLOCK_REALTIME) {
        look();
        long ns = ret->tv_nsec + atomic_load(&clock_ms) % 1000 * 1000000;
        ret->tv_sec += atomic_load(&clock_ms) / 1000 + (ns >= 1000000000) - (ns < 0);
        ret->tv_nsec = ns >= 1000000000 ? ns - 1000000000 : ns < 0 ? ns + 1000000000 : ns;
    }
    return rv;
}

int statvfs64(const char *path, struct statvfs64 *ret)
{
    int (*real)(const char *, struct statvfs64 *) = dlsym(RTLD_NEXT, "statvfs64");
    int rv = real(path, ret);

    look();
    if (rv == 0 && atomic_load(&full) > 0)
        ret->f_bavail = ret->f_bfree = 0;
    return rv;
}

/* Without large files: on this machine the same. */
int statvfs(const char *path, struct statvfs *ret)
{
    return statvfs64(path, (struct statvfs64 *)ret);
}

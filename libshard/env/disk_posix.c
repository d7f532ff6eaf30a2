/* The data directory on Linux.
 *
 *   writes   one thread per disk takes them in order: pwrite, durable when it
 *            returns (O_DIRECT|O_DSYNC), else followed by fdatasync; a lone small
 *            one goes to the kernel without the thread
 *   reads    libuv's threads, DISK_READS_MAX at once, the others wait
 *   creates  libuv's threads, one at a time: zeros under "<name>.new", sync,
 *            rename, sync of the directory.  Blocks that are only reserved would
 *            not do for small writes: the first to each changes the file's map
 *
 * Files are opened twice over the life of a name: the one being zeroed without
 * O_DSYNC, because one sync at the end is enough.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ensure.h"
#include "env/disk_posix_private.h"

#define PROBE "probe" HALF_MADE
#define HUGE_BYTES ((size_t)2 << 20)

static enum err directory_open(struct disk *disk, struct reason *reason);
static enum err directory_sweep(struct disk *disk, struct reason *reason);
static enum err probe_direct(struct disk *disk, struct note *note, struct reason *reason);
static int probe_once(struct disk *disk, const void *block, int flags);
static int probe_existing(struct disk *disk, void *block);
static int by_name(const void *a, const void *b);

enum err disk_posix_open(const char *path, struct uv_loop_s *loop, struct note *note,
                         struct disk **ret, struct reason *reason)
{
    struct disk *disk = calloc(1, sizeof(*disk));
    enum err err = ERR_NO_MEMORY;

    if (disk == NULL)
        return ERR_NO_MEMORY;
    disk->loop = loop;
    disk->dir_fd = disk->event_fd = -1;
    list_init(&disk->reads_waiting);
    list_init(&disk->creates_waiting);
    disk->path = strdup(path);
    if (disk->path == NULL)
        goto give_up;

    err = directory_open(disk, reason);
    if (err == ERR_OK)
        err = directory_sweep(disk, reason);
    if (err == ERR_OK)
        err = probe_direct(disk, note, reason);
    if (err == ERR_OK)
        err = disk_writer_start(disk, reason);
    if (err != ERR_OK)
        goto give_up;
    *ret = disk;
    return ERR_OK;

give_up:
    disk_give_back(disk);
    return err;
}

void disk_posix_close(struct disk *disk)
{
    if (disk == NULL)
        return;
    ensure(disk->files_open == 0);
    ensure(disk->create == NULL && list_empty(&disk->creates_waiting));
    disk_writer_stop(disk); /* ends in disk_give_back() */
}

void disk_give_back(struct disk *disk)
{
    if (disk->dir_fd >= 0)
        close(disk->dir_fd);
    if (disk->event_fd >= 0)
        close(disk->event_fd);
    free(disk->path);
    free(disk);
}

enum err disk_list(struct disk *disk, disk_list_cb cb, void *ctx, struct reason *reason)
{
    struct dirent **entries = NULL;
    int count = scandir(disk->path, &entries, NULL, NULL);

    if (count < 0)
        return disk_failed_errno(reason, errno, "list %s", disk->path);
    qsort(entries, (size_t)count, sizeof(*entries), by_name);

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct stat stat;

        if (fstatat(disk->dir_fd, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(stat.st_mode) &&
            !disk_name_half_made(name))
            cb(ctx, name, (uint64_t)stat.st_size);
        free(entries[i]);
    }
    free(entries);
    return ERR_OK;
}

enum err disk_open(struct disk *disk, const char *name, struct disk_file **ret,
                   struct reason *reason)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (disk->direct ? O_DIRECT | O_DSYNC : 0);
    struct stat stat;

    ensure(disk_name_legal(name));
    struct disk_file *file = calloc(1, sizeof(*file));
    if (file == NULL)
        return ERR_NO_MEMORY;
    *file = (struct disk_file){ .disk = disk, .fd = openat(disk->dir_fd, name, flags) };
    strcpy(file->name, name);

    if (file->fd < 0 || fstat(file->fd, &stat) != 0 || !S_ISREG(stat.st_mode)) {
        int error = file->fd < 0 ? errno : EINVAL;

        disk_failed_errno(reason, error, "open %s/%s", disk->path, name);
        if (file->fd >= 0)
            close(file->fd);
        free(file);
        return error == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    file->size = (uint64_t)stat.st_size;
    disk->files_open++;
    *ret = file;
    return ERR_OK;
}

void disk_close(struct disk_file *file)
{
    if (file == NULL)
        return;
    ensure(file->under_way == 0);
    ensure(file->disk->files_open > 0);
    file->disk->files_open--;
    close(file->fd);
    free(file);
}

uint64_t disk_size(const struct disk_file *file)
{
    return file->size;
}

void *disk_memory(size_t len)
{
    if (len > SIZE_MAX - HUGE_BYTES)
        return NULL;
    if (len < HUGE_BYTES / 2)
        return aligned_alloc(DISK_ALIGN, (len + DISK_ALIGN - 1) / DISK_ALIGN * DISK_ALIGN);

    /* Huge pages, where the system has them to give: one piece for the device instead of hundreds,
     * which saves a sixth of a write's time. */
    size_t whole = (len + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
    void *bytes = aligned_alloc(HUGE_BYTES, whole);
    if (bytes != NULL)
        (void)madvise(bytes, whole, MADV_HUGEPAGE); /* a kernel without them says EINVAL */
    return bytes;
}

void disk_memory_free(void *bytes)
{
    free(bytes);
}

/* The lock on the directory ends with the process, however it ends.  File
 * systems without locks (some network ones) are taken as they are. */
static enum err directory_open(struct disk *disk, struct reason *reason)
{
    if (mkdir(disk->path, 0700) != 0 && errno != EEXIST)
        return disk_failed_errno(reason, errno, "make directory %s", disk->path);
    disk->dir_fd = open(disk->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (disk->dir_fd < 0)
        return disk_failed_errno(reason, errno, "open directory %s", disk->path);
    if (flock(disk->dir_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return disk_failed(reason, ERR_BUSY, "directory %s is in use by another process",
                           disk->path);
    return ERR_OK;
}

/* Removes what a crash left half made. */
static enum err directory_sweep(struct disk *disk, struct reason *reason)
{
    DIR *dir = opendir(disk->path);
    enum err err = ERR_OK;

    if (dir == NULL)
        return disk_failed_errno(reason, errno, "list %s", disk->path);
    for (struct dirent *entry; err == ERR_OK && (entry = readdir(dir)) != NULL;) {
        if (disk_name_half_made(entry->d_name) && unlinkat(disk->dir_fd, entry->d_name, 0) != 0)
            err = disk_failed_errno(reason, errno, "remove %s/%s", disk->path, entry->d_name);
    }
    closedir(dir);
    return err;
}

/* Whether O_DIRECT works is tried, not asked: overlay and tmpfs refuse it when a
 * file is opened, others only when it is written. */
static enum err probe_direct(struct disk *disk, struct note *note, struct reason *reason)
{
    void *block = disk_memory(DISK_ALIGN);

    if (block == NULL)
        return ERR_NO_MEMORY;
    memset(block, 0, DISK_ALIGN);
    int error = probe_once(disk, block, O_DIRECT | O_DSYNC);
    if (error == ENOSPC || error == EDQUOT)
        error = probe_existing(disk, block); /* what is there can be read, and written again */
    disk->direct = error == 0;
    if (error == EINVAL || error == EOPNOTSUPP) {
        note_event(note, NOTE_WARN, "disk.buffered", "path=%s reason=%s", NOTE_QUOTED(disk->path),
                   NOTE_QUOTED("O_DIRECT refused, using fdatasync"));
        error = probe_once(disk, block, 0);
        if ((error == ENOSPC || error == EDQUOT) && probe_existing(disk, block) != ENOSPC)
            error = 0;
    }
    disk_memory_free(block);
    return error == 0 ? ERR_OK
                      : disk_failed_errno(reason, error, "write to directory %s", disk->path);
}

/* 0, or what errno said. */
static int probe_once(struct disk *disk, const void *block, int flags)
{
    int fd = openat(disk->dir_fd, PROBE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | flags, 0600);
    int error = fd < 0 ? errno : 0;

    if (error == 0) {
        ssize_t written = pwrite(fd, block, DISK_ALIGN, 0);

        error = written < 0 ? errno : written != DISK_ALIGN ? ENOSPC : 0;
        close(fd);
    }
    unlinkat(disk->dir_fd, PROBE, 0); /* open(2) may make the file and refuse the flag */
    return error;
}

/* A full disk takes no probe, but a file that is there already can be read: 0, EINVAL, or ENOSPC
 * when there is none. */
static int probe_existing(struct disk *disk, void *block)
{
    struct dirent **entries = NULL;
    int count = scandir(disk->path, &entries, NULL, NULL);
    int error = ENOSPC;

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct stat stat;

        if (error == ENOSPC && disk_name_legal(name) &&
            fstatat(disk->dir_fd, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(stat.st_mode) && stat.st_size >= (off_t)DISK_ALIGN) {
            int fd = openat(disk->dir_fd, name,
                            O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_DIRECT | O_DSYNC);
            ssize_t n = fd < 0 ? -1 : pread(fd, block, DISK_ALIGN, 0);

            error = n < 0 ? errno : 0;
            if (fd >= 0)
                close(fd);
        }
        free(entries[i]);
    }
    free(entries);
    return error;
}

static int by_name(const void *a, const void *b)
{
    struct dirent *const *first = a;
    struct dirent *const *second = b;

    return strcmp((*first)->d_name, (*second)->d_name);
}

#include "data_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define OWNER_FILE "braid"
#define OWNER_BYTES_MAX 512u
#define FILE_NAME_MAX 16u
#define FILES_OPEN_MAX 16
#define ASIDE_PREFIX "forgotten-"
#define MARKED "table.forgotten"
#define ASIDE_MAX 1000u /* an operator looks at them long before */

static enum err make(struct data_dir *dir, const char *path, struct reason *reason);
static enum err make_temporary(struct data_dir *dir, struct reason *reason);
static enum err lock(struct data_dir *dir, struct reason *reason);
static enum err check_owner(const struct data_dir *dir, const char *name, struct reason *reason);
static enum err read_owner(const struct data_dir *dir, char text[OWNER_BYTES_MAX],
                           struct reason *reason);
static enum err write_owner(const struct data_dir *dir, const char *name, struct reason *reason);
static bool is_empty(const struct data_dir *dir);
static enum err failed(const struct data_dir *dir, const char *what, struct reason *reason);
static enum err find_mark(struct data_dir *dir, struct reason *reason);
static enum err finish_anew(struct data_dir *dir, struct reason *reason);
static enum err aside_choose(struct data_dir *dir, struct reason *reason);
static enum err move_into(const struct data_dir *dir, const char *what, const char *name,
                          struct reason *reason);
static enum err move_to(const struct data_dir *dir, const char *from, const char *to,
                        struct reason *reason);
static enum err is_there(const struct data_dir *dir, const char *path, bool *there,
                         struct reason *reason);
static bool sync_at(const char *path);

enum err data_dir_open(struct data_dir *dir, const char *path, const char *name,
                       struct reason *reason)
{
    enum err err;

    *dir = (struct data_dir){ .temporary = path[0] == 0, .lock = -1 };
    err = dir->temporary ? make_temporary(dir, reason) : make(dir, path, reason);
    if (err == ERR_OK) {
        (void)snprintf(dir->log, sizeof(dir->log), "%s/log", dir->path);
        (void)snprintf(dir->table, sizeof(dir->table), "%s/table", dir->path);
        (void)snprintf(dir->audit, sizeof(dir->audit), "%s/audit.log", dir->path);
        (void)snprintf(dir->making, sizeof(dir->making), "%s/table.making", dir->path);
        (void)snprintf(dir->next, sizeof(dir->next), "%s/table.next", dir->path);
        err = lock(dir, reason);
    }
    if (err == ERR_OK)
        err = check_owner(dir, name, reason);
    if (err == ERR_OK)
        err = find_mark(dir, reason);
    if (err == ERR_OK)
        err = finish_anew(dir, reason);
    if (err != ERR_OK)
        data_dir_close(dir);
    return err;
}

static enum err make(struct data_dir *dir, const char *path, struct reason *reason)
{
    size_t len = strlen(path);
    struct stat status;

    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len >= sizeof(dir->path)) {
        reason_set(reason, "data directory: its path is longer than %zu characters",
                   sizeof(dir->path) - 1);
        return ERR_INVALID;
    }
    memcpy(dir->path, path, len);
    dir->path[len] = 0;
    if (mkdir(dir->path, 0750) != 0 && errno != EEXIST)
        return failed(dir, "cannot be made", reason);
    if (stat(dir->path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        reason_set(reason, "data directory %s: it is not a directory", dir->path);
        return ERR_INVALID;
    }
    if (access(dir->path, R_OK | W_OK | X_OK) != 0)
        return failed(dir, "cannot be written", reason);
    return ERR_OK;
}

static enum err make_temporary(struct data_dir *dir, struct reason *reason)
{
    const char *parent = getenv("TMPDIR");

    (void)snprintf(dir->path, sizeof(dir->path), "%s/braid-XXXXXX",
                   parent == NULL || parent[0] == 0 ? "/tmp" : parent);
    if (mkdtemp(dir->path) == NULL) {
        dir->temporary = false; /* there is nothing to remove */
        return failed(dir, "cannot be made", reason);
    }
    return ERR_OK;
}

static enum err lock(struct data_dir *dir, struct reason *reason)
{
    char path[DATA_DIR_PATH_MAX + 8];

    (void)snprintf(path, sizeof(path), "%s/lock", dir->path);
    dir->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (dir->lock < 0)
        return failed(dir, "cannot be written", reason);
    if (flock(dir->lock, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno != EWOULDBLOCK)
        return failed(dir, "cannot be locked", reason);
    reason_set(reason, "data directory %s: another braidd is running on it", dir->path);
    return ERR_BUSY;
}

/* ---- whose it is ---- */

static enum err check_owner(const struct data_dir *dir, const char *name, struct reason *reason)
{
    char text[OWNER_BYTES_MAX], owner[OWNER_BYTES_MAX] = "";
    unsigned format = 0;
    enum err err = read_owner(dir, text, reason);

    if (err == ERR_NOT_FOUND && is_empty(dir))
        return write_owner(dir, name, reason);
    if (err == ERR_NOT_FOUND) {
        reason_set(reason, "data directory %s: there are files in it that no braidd wrote",
                   dir->path);
        return ERR_INVALID;
    }
    if (err != ERR_OK)
        return err;
    if (sscanf(text, "format %u\nname %500[^\n]", &format, owner) != 2) {
        reason_set(reason, "data directory %s: its file '" OWNER_FILE "' is damaged", dir->path);
        return ERR_CORRUPT;
    }
    if (format > DATA_DIR_FORMAT) {
        reason_set(reason, "data directory %s: written by a newer Braid (format %u, this one knows "
                   "%u)", dir->path, format, DATA_DIR_FORMAT);
        return ERR_VERSION;
    }
    if (strcmp(owner, name) != 0) {
        reason_set(reason, "data directory %s: it belongs to node '%s', and this is node '%s'",
                   dir->path, owner, name);
        return ERR_FOREIGN;
    }
    return ERR_OK;
}

static enum err read_owner(const struct data_dir *dir, char text[OWNER_BYTES_MAX],
                           struct reason *reason)
{
    size_t len = OWNER_BYTES_MAX - 1;
    enum err err = data_dir_read(dir, OWNER_FILE, text, &len, reason);

    if (err == ERR_OK)
        text[len] = 0;
    return err;
}

/* Durable before anything else is written there. */
static enum err write_owner(const struct data_dir *dir, const char *name, struct reason *reason)
{
    char text[OWNER_BYTES_MAX + 64];

    (void)snprintf(text, sizeof(text), "format %u\nname %s\n", DATA_DIR_FORMAT, name);
    return data_dir_write(dir, OWNER_FILE, slice_text(text), reason);
}

enum err data_dir_read(const struct data_dir *dir, const char *name, void *bytes, size_t *len,
                       struct reason *reason)
{
    char path[DATA_DIR_PATH_MAX + FILE_NAME_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", dir->path, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : failed(dir, "cannot be read", reason);
    ssize_t got = read(fd, bytes, *len);
    close(fd);
    if (got < 0)
        return failed(dir, "cannot be read", reason);
    *len = (size_t)got;
    return ERR_OK;
}

enum err data_dir_write(const struct data_dir *dir, const char *name, struct slice bytes,
                        struct reason *reason)
{
    char path[DATA_DIR_PATH_MAX + FILE_NAME_MAX], made[DATA_DIR_PATH_MAX + FILE_NAME_MAX + 8];

    (void)snprintf(path, sizeof(path), "%s/%s", dir->path, name);
    (void)snprintf(made, sizeof(made), "%s.new", path);
    FILE *file = fopen(made, "we");
    if (file == NULL)
        return failed(dir, "cannot be written", reason);
    bool ok = fwrite(bytes.data, 1, bytes.len, file) == bytes.len && fflush(file) == 0 &&
              fsync(fileno(file)) == 0;
    ok = fclose(file) == 0 && ok && rename(made, path) == 0 && sync_at(dir->path);
    return ok ? ERR_OK : failed(dir, "cannot be written", reason);
}

/* But for what a start that was cut short may have left: the lock and an unfinished owner. */
static bool is_empty(const struct data_dir *dir)
{
    DIR *stream = opendir(dir->path);
    bool empty = stream != NULL;

    for (struct dirent *entry; empty && (entry = readdir(stream)) != NULL;)
        empty = entry->d_name[0] == '.' || strcmp(entry->d_name, "lock") == 0 ||
                strcmp(entry->d_name, "lost+found") == 0 ||
                strcmp(entry->d_name, OWNER_FILE ".new") == 0;
    if (stream != NULL)
        closedir(stream);
    return empty;
}

static enum err failed(const struct data_dir *dir, const char *what, struct reason *reason)
{
    reason_set(reason, "data directory %s %s: %s", dir->path, what, strerror(errno));
    return errno == ENOSPC ? ERR_NO_SPACE : ERR_IO;
}

/* ---- former ids ---- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)remove(path);
    return 0;
}

enum err data_dir_begin_anew(struct data_dir *dir, struct reason *reason)
{
    bool there = false;

    (void)nftw(dir->making, remove_one, FILES_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
    enum err err = is_there(dir, dir->making, &there, reason);
    if (!there)
        return err;
    reason_set(reason, "data directory %s: table.making cannot be removed; remove it", dir->path);
    return ERR_IO;
}

enum err data_dir_commit_anew(struct data_dir *dir, struct reason *reason)
{
    return move_to(dir, dir->making, dir->next, reason);
}

enum err data_dir_mark(struct data_dir *dir, struct reason *reason)
{
    char to[sizeof(dir->table)];

    if (dir->marked)
        return ERR_OK;
    (void)snprintf(to, sizeof(to), "%s/" MARKED, dir->path);
    return move_to(dir, dir->table, to, reason);
}

static enum err find_mark(struct data_dir *dir, struct reason *reason)
{
    char path[sizeof(dir->table)];
    bool there = false;
    enum err err;

    (void)snprintf(path, sizeof(path), "%s/" MARKED, dir->path);
    err = is_there(dir, path, &dir->marked, reason);
    if (err == ERR_OK && dir->marked)
        err = is_there(dir, dir->table, &there, reason);
    if (err != ERR_OK || !dir->marked)
        return err;
    if (there) {
        reason_set(reason, "data directory %s: it has table and " MARKED "; move away the one that "
                   "is not to count", dir->path);
        return ERR_INVALID;
    }
    memcpy(dir->table, path, sizeof(path));
    return ERR_OK;
}

/* The log goes first: as long as the tables are there, a crash leaves the same move to do. */
static enum err finish_anew(struct data_dir *dir, struct reason *reason)
{
    bool next = false, old = false;
    enum err err = is_there(dir, dir->next, &next, reason);

    if (err != ERR_OK || !next)
        return err;
    err = is_there(dir, dir->table, &old, reason);
    if (err == ERR_OK && old)
        err = aside_choose(dir, reason);
    if (err == ERR_OK && old)
        err = move_into(dir, dir->log, "log", reason);
    if (err == ERR_OK && old)
        err = move_into(dir, dir->table, "table", reason);
    dir->marked = false;
    (void)snprintf(dir->table, sizeof(dir->table), "%s/table", dir->path);
    return err == ERR_OK ? move_to(dir, dir->next, dir->table, reason) : err;
}

/* The first one that takes both: a move that was cut short goes on in its own. */
static enum err aside_choose(struct data_dir *dir, struct reason *reason)
{
    char log[sizeof(dir->aside) + 8], table[sizeof(dir->aside) + 8];

    for (uint32_t n = 1; n <= ASIDE_MAX; n++) {
        (void)snprintf(dir->aside, sizeof(dir->aside), "%s/" ASIDE_PREFIX "%u", dir->path, n);
        (void)snprintf(log, sizeof(log), "%s/log", dir->aside);
        (void)snprintf(table, sizeof(table), "%s/table", dir->aside);
        if (mkdir(dir->aside, 0700) == 0)
            return sync_at(dir->path) ? ERR_OK : failed(dir, "cannot be written", reason);
        if (errno != EEXIST)
            return failed(dir, "cannot be written", reason);
        if (access(table, F_OK) != 0 && (access(log, F_OK) != 0 || access(dir->log, F_OK) != 0))
            return ERR_OK;
    }
    reason_set(reason, "data directory %s: it has %u directories " ASIDE_PREFIX "N: remove some",
               dir->path, ASIDE_MAX);
    return ERR_INVALID;
}

/* What is there no more has been moved before. */
static enum err move_into(const struct data_dir *dir, const char *what, const char *name,
                          struct reason *reason)
{
    char to[sizeof(dir->aside) + 8];
    bool there = false;
    enum err err = is_there(dir, what, &there, reason);

    if (err != ERR_OK || !there)
        return err;
    (void)snprintf(to, sizeof(to), "%s/%s", dir->aside, name);
    err = move_to(dir, what, to, reason);
    return err != ERR_OK || sync_at(dir->aside) ? err : failed(dir, "cannot be written", reason);
}

static enum err move_to(const struct data_dir *dir, const char *from, const char *to,
                        struct reason *reason)
{
    if (rename(from, to) == 0 && sync_at(dir->path))
        return ERR_OK;
    reason_set(reason, "data directory %s: %s cannot be moved to %s: %s", dir->path,
               from + strlen(dir->path) + 1, to + strlen(dir->path) + 1, strerror(errno));
    return errno == ENOSPC ? ERR_NO_SPACE : ERR_IO;
}

/* An error is no answer: what cannot be looked at may well be there. */
static enum err is_there(const struct data_dir *dir, const char *path, bool *there,
                         struct reason *reason)
{
    *there = access(path, F_OK) == 0;
    if (*there || errno == ENOENT)
        return ERR_OK;
    reason_set(reason, "data directory %s: %s cannot be looked at: %s", dir->path,
               path + strlen(dir->path) + 1, strerror(errno));
    return ERR_IO;
}

static bool sync_at(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

static uint64_t kept_bytes; /* nftw() has no context; start of the process only */

static int add_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    kept_bytes += (uint64_t)status->st_blocks * 512;
    return 0;
}

struct data_dir_kept data_dir_kept(const struct data_dir *dir)
{
    struct data_dir_kept kept = { .count = 0 };
    char path[sizeof(dir->path) + NAME_MAX + 2];
    DIR *stream = opendir(dir->path);
    struct statvfs space;

    kept_bytes = 0;
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        if (strncmp(entry->d_name, ASIDE_PREFIX, strlen(ASIDE_PREFIX)) != 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir->path, entry->d_name);
        (void)nftw(path, add_one, FILES_OPEN_MAX, FTW_PHYS);
        kept.count++;
    }
    if (stream != NULL)
        closedir(stream);
    kept.bytes = kept_bytes;
    kept.free_bytes = statvfs(dir->path, &space) == 0
                          ? (uint64_t)space.f_bavail * space.f_frsize
                          : UINT64_MAX;
    return kept;
}

/* ---- the end ---- */

void data_dir_close(struct data_dir *dir)
{
    if (dir->lock >= 0)
        close(dir->lock);
    dir->lock = -1;
    if (dir->temporary)
        (void)nftw(dir->path, remove_one, FILES_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
    dir->temporary = false;
}

#include "disk_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "blocks.h"
#include "moments.h"

#define SECTOR_BYTES 512u
#define FILES_MAX 4096u
#define SPOILED_MAX 64u

struct disk_file {
    struct disk *disk;
    char name[DISK_NAME_MAX];
    struct blocks blocks; /* what is durable */
    bool open;
};

/* A block that cannot be read. */
struct spoiled {
    const struct disk_file *file;
    uint64_t offset;
};

struct disk {
    struct sim_node *node;
    struct disk_file *files[FILES_MAX]; /* in the order of their names */
    uint32_t file_count;
    struct list writes; /* of struct disk_io, oldest first; the first one is under way */
    uint64_t stalled_until_ns;
    uint32_t factor;
    bool breaks; /* the next write fails */
    uint64_t broken_until_ns;
    bool failed; /* one has failed in this process's life */
    bool full;
    uint32_t misread_of;
    struct spoiled spoiled[SPOILED_MAX];
    uint32_t spoiled_count;
    unsigned char *look; /* a whole file, for those who look at it */
    uint64_t look_bytes;
};

struct disk *disk_sim_new(struct sim_node *node)
{
    struct disk *disk = sim_malloc(sizeof *disk);

    disk->node = node;
    disk->factor = 1;
    list_init(&disk->writes);
    return disk;
}

void disk_sim_wipe(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->file_count; i++) {
        blocks_fini(&disk->files[i]->blocks);
        sim_free(disk->files[i]);
    }
    disk->file_count = 0;
    disk->spoiled_count = 0;
    disk->breaks = false;
    disk->broken_until_ns = 0;
}

void disk_sim_free(struct disk *disk)
{
    disk_sim_wipe(disk);
    sim_free(disk->look);
    sim_free(disk);
}

void disk_sim_stall(struct disk *disk, uint64_t until_ns)
{
    disk->stalled_until_ns = until_ns;
}

void disk_sim_slow(struct disk *disk, uint32_t factor)
{
    disk->factor = factor;
}

static uint64_t latency(struct disk *disk, uint64_t least_ns, uint64_t most_ns)
{
    struct world *world = disk->node->world;
    uint64_t ns = (least_ns + world_below(world, most_ns - least_ns)) * disk->factor;

    if (world_chance(world, 1, 200))
        ns += world_below(world, 30 * SIM_MS);
    if (disk->stalled_until_ns > world->now_ns)
        ns += disk->stalled_until_ns - world->now_ns;
    return ns;
}

/* ---- what fails ---- */

void disk_sim_break(struct disk *disk, uint64_t until_ns)
{
    disk->breaks = true;
    disk->broken_until_ns = until_ns;
}

bool disk_sim_has_failed(const struct disk *disk)
{
    return disk->failed;
}

static bool is_broken(const struct disk *disk)
{
    return disk->breaks || disk->broken_until_ns > disk->node->world->now_ns;
}

bool disk_sim_is_ill(const struct disk *disk)
{
    return disk->failed || is_broken(disk) || disk->misread_of != 0;
}

void disk_sim_fill(struct disk *disk, bool full)
{
    disk->full = full;
}

bool disk_sim_is_full(const struct disk *disk)
{
    return disk->full;
}

void disk_sim_misread(struct disk *disk, uint32_t of)
{
    disk->misread_of = of;
}

bool disk_sim_misreads_row(struct disk *disk)
{
    return disk->misread_of != 0 && world_chance(disk->node->world, 1, 4 * disk->misread_of);
}

void disk_sim_mend(struct disk *disk)
{
    disk->stalled_until_ns = 0;
    disk->factor = 1;
    disk->breaks = false;
    disk->broken_until_ns = 0;
    disk->full = false;
    disk->misread_of = 0;
}

/* Whether a block of this extent is spoiled.  `cure`: what is written to can be read again. */
static bool touch_spoiled(struct disk *disk, const struct disk_file *file, uint64_t offset,
                          size_t len, bool cure)
{
    bool any = false;

    for (uint32_t i = 0; i < disk->spoiled_count;) {
        const struct spoiled *at = &disk->spoiled[i];
        bool hit = at->file == file && at->offset >= offset && at->offset < offset + len;
        any = any || hit;
        if (hit && cure)
            disk->spoiled[i] = disk->spoiled[--disk->spoiled_count];
        else
            i++;
    }
    return any;
}

static enum err say_failed(struct reason *reason, const char *what, const struct disk_file *file,
                           uint64_t offset)
{
    reason_set(reason, "%s %s at %llu: Input/output error", what, file->name,
               (unsigned long long)offset);
    return ERR_IO;
}

/* ---- files ---- */

static struct disk_file *find(const struct disk *disk, const char *name)
{
    for (uint32_t i = 0; i < disk->file_count; i++)
        if (strcmp(disk->files[i]->name, name) == 0)
            return disk->files[i];
    return NULL;
}

static struct disk_file *add(struct disk *disk, const char *name, uint64_t size)
{
    struct disk_file *file = sim_malloc(sizeof *file);
    uint32_t at = disk->file_count;

    ensure(disk->file_count < FILES_MAX);
    snprintf(file->name, sizeof file->name, "%s", name);
    file->disk = disk;
    blocks_init(&file->blocks, size);
    for (; at > 0 && strcmp(disk->files[at - 1]->name, name) > 0; at--)
        disk->files[at] = disk->files[at - 1];
    disk->files[at] = file;
    disk->file_count++;
    return file;
}

struct disk *disk_sim_copy(const struct disk *disk)
{
    struct disk *copy = disk_sim_new(disk->node);
    unsigned char bytes[DISK_ALIGN];

    for (uint32_t i = 0; i < disk->file_count; i++) {
        const struct blocks *blocks = &disk->files[i]->blocks;
        struct disk_file *file = add(copy, disk->files[i]->name, blocks->size);
        for (uint64_t at = 0; at < blocks->size; at += DISK_ALIGN) {
            blocks_read(blocks, at, bytes, sizeof bytes);
            blocks_write(&file->blocks, at, bytes, sizeof bytes);
        }
    }
    return copy;
}

enum err disk_list(struct disk *disk, disk_list_cb cb, void *ctx, struct reason *reason)
{
    for (uint32_t i = 0; i < disk->file_count; i++)
        cb(ctx, disk->files[i]->name, disk->files[i]->blocks.size);
    return ERR_OK;
}

enum err disk_open(struct disk *disk, const char *name, struct disk_file **ret,
                   struct reason *reason)
{
    struct disk_file *file = find(disk, name);

    if (file == NULL) {
        reason_set(reason, "open %s: no such file", name);
        return ERR_NOT_FOUND;
    }
    ensure(!file->open);
    file->open = true;
    *ret = file;
    return ERR_OK;
}

void disk_close(struct disk_file *file)
{
    file->open = false;
}

uint64_t disk_size(const struct disk_file *file)
{
    return file->blocks.size;
}

static void check_extent(const struct disk_file *file, uint64_t offset, size_t len)
{
    ensure(offset % DISK_ALIGN == 0 && len % DISK_ALIGN == 0);
    ensure(offset + len <= file->blocks.size);
}

enum err disk_read_now(struct disk_file *file, uint64_t offset, void *bytes, size_t len,
                       struct reason *reason)
{
    if (offset + len > file->blocks.size) {
        reason_set(reason, "read %s at %llu: behind its end", file->name,
                   (unsigned long long)offset);
        return ERR_IO;
    }
    struct disk *disk = file->disk;
    if (touch_spoiled(disk, file, offset, len, false) ||
        (disk->misread_of != 0 && world_chance(disk->node->world, 1, disk->misread_of)))
        return say_failed(reason, "read", file, offset);
    blocks_read(&file->blocks, offset, bytes, len);
    return ERR_OK;
}

enum err disk_write_now(struct disk_file *file, uint64_t offset, const void *bytes, size_t len,
                        struct reason *reason)
{
    check_extent(file, offset, len);
    if (is_broken(file->disk)) {
        file->disk->breaks = false;
        file->disk->failed = true;
        return say_failed(reason, "write", file, offset);
    }
    touch_spoiled(file->disk, file, offset, len, true);
    blocks_write(&file->blocks, offset, bytes, len);
    return ERR_OK;
}

enum err disk_create_now(struct disk *disk, const char *name, uint64_t size, struct disk_file **ret,
                         struct reason *reason)
{
    if (find(disk, name) != NULL)
        return ERR_EXISTS;
    if (disk->full) {
        reason_set(reason, "make %s: No space left on device", name);
        return ERR_NO_SPACE;
    }
    if (is_broken(disk)) {
        disk->breaks = false;
        disk->failed = true;
        reason_set(reason, "make %s: Input/output error", name);
        return ERR_IO;
    }
    *ret = add(disk, name, size);
    (*ret)->open = true;
    return ERR_OK;
}

static void created(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct disk_create *req = ctx;
    struct disk_file *file;

    enum err err = disk_create_now(req->disk, req->name, req->size, &file, &req->reason);
    if (err == ERR_OK)
        moments_note(world, node, MOMENT_FILE_MADE, 0);
    req->cb(req, err, err == ERR_OK ? file : NULL);
    if (err == ERR_IO && !node->doomed)
        world_violation(world, "failed write", "node %u: a file could not be made and the process "
                        "goes on", node->at + 1);
}

void disk_create_start(struct disk *disk, struct disk_create *req, const char *name, uint64_t size,
                       enum disk_blocks blocks, disk_create_cb cb)
{
    req->disk = disk;
    snprintf(req->name, sizeof req->name, "%s", name);
    req->size = size;
    req->cb = cb;
    world_after(disk->node->world,
                (struct world_after){ .delay_ns = latency(disk, 5 * SIM_MS, 40 * SIM_MS),
                                      .node = disk->node,
                                      .kind = KIND_DISK_CREATED,
                                      .fn = created,
                                      .ctx = req });
}

/* Nobody's write is held up by it here: it takes its time in any case. */
void disk_create_hurry(struct disk_create *req)
{
    (void)req;
}

/* ---- writes: one under way, durable when it ends ---- */

static void start_write(struct disk *disk);
static void settle_write(struct disk *disk, struct disk_io *req, enum death death);

/* One failure is final, as in the real disk: what is behind it is not even begun. */
static enum err end_write(struct disk *disk, struct disk_io *req)
{
    if (!disk->failed && !is_broken(disk)) {
        touch_spoiled(disk, req->file, req->offset, req->len, true);
        blocks_write(&req->file->blocks, req->offset, req->bytes, req->len);
        return ERR_OK;
    }
    if (!disk->failed)
        settle_write(disk, req, DEATH_POWER);
    disk->breaks = false;
    disk->failed = true;
    return say_failed(&req->reason, "write", req->file, req->offset);
}

static void written(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct disk *disk = node->disk;
    struct disk_io *req = container_of(list_pop(&disk->writes), struct disk_io, link);
    enum err err = end_write(disk, req);

    if (!list_empty(&disk->writes))
        start_write(disk);
    req->cb(req, err);
    if (err != ERR_OK && !node->doomed)
        world_violation(world, "failed write", "node %u: a write failed and the process goes on",
                        node->at + 1);
}

static void start_write(struct disk *disk)
{
    const struct disk_io *req = container_of(list_first(&disk->writes), struct disk_io, link);

    if (req->offset == 0)
        moments_note(disk->node->world, disk->node, MOMENT_SEGMENT_OPENED, 0);
    world_after(disk->node->world,
                (struct world_after){ .delay_ns = latency(disk, 100 * SIM_US, 600 * SIM_US),
                                      .node = disk->node,
                                      .kind = KIND_DISK_WRITTEN,
                                      .fn = written });
}

void disk_write(struct disk_file *file, struct disk_io *req, uint64_t offset, const void *bytes,
                size_t len, disk_io_cb cb)
{
    check_extent(file, offset, len);
    req->file = file;
    req->offset = offset;
    req->bytes = (void *)(uintptr_t)bytes;
    req->len = len;
    req->cb = cb;
    req->link = (struct list_node){ NULL, NULL };
    list_append(&file->disk->writes, &req->link);
    if (list_first(&file->disk->writes) == &req->link)
        start_write(file->disk);
}

bool disk_withdraw(struct disk_io *req)
{
    if (list_first(&req->file->disk->writes) == &req->link)
        return false;
    list_remove(&req->link);
    return true;
}

/* kill -9 lets the kernel end the write that it has; a loss of power keeps any part of it. */
static void settle_write(struct disk *disk, struct disk_io *req, enum death death)
{
    struct world *world = disk->node->world;
    uint64_t way = world_below(world, death == DEATH_KILL ? 2 : 4);

    if (way == 0)
        return;
    if (way == 1) {
        blocks_write(&req->file->blocks, req->offset, req->bytes, req->len);
        return;
    }
    uint64_t sectors = req->len / SECTOR_BYTES;
    uint64_t prefix = way == 2 ? world_below(world, sectors + 1) : 0;
    for (uint64_t i = 0; i < sectors; i++) {
        if (way == 2 ? i >= prefix : world_chance(world, 1, 2))
            continue;
        blocks_write(&req->file->blocks, req->offset + i * SECTOR_BYTES,
                     (unsigned char *)req->bytes + i * SECTOR_BYTES, SECTOR_BYTES);
    }
}

void disk_sim_crash(struct disk *disk, enum death death)
{
    struct list_node *first = list_first(&disk->writes);

    if (first != NULL && !disk->failed)
        settle_write(disk, container_of(first, struct disk_io, link), death);
    for (struct list_node *node = first; MUTANT(writes_overtake) && node != NULL;
         node = list_next(&disk->writes, node))
        settle_write(disk, container_of(node, struct disk_io, link), death);
    list_init(&disk->writes);
    disk->failed = false;
    for (uint32_t i = 0; i < disk->file_count; i++)
        disk->files[i]->open = false;
}

bool disk_sim_idle(const struct disk *disk)
{
    return list_empty(&disk->writes);
}

bool disk_sim_peek(const struct disk *disk, const char *name, uint64_t offset, void *bytes,
                   size_t len)
{
    const struct disk_file *file = find(disk, name);

    if (file == NULL || offset > file->blocks.size || len > file->blocks.size - offset)
        return false;
    blocks_read(&file->blocks, offset, bytes, len);
    return true;
}

const unsigned char *disk_sim_bytes(struct disk *disk, const char *name, uint64_t *size)
{
    const struct disk_file *file = find(disk, name);

    if (file == NULL)
        return NULL;
    *size = file->blocks.size;
    if (disk->look_bytes < *size) {
        sim_free(disk->look);
        disk->look = sim_malloc(*size);
        disk->look_bytes = *size;
    }
    blocks_read(&file->blocks, 0, disk->look, *size);
    return disk->look;
}

bool disk_sim_rot(struct disk *disk, const char *name, uint64_t offset)
{
    struct disk_file *file = find(disk, name);

    if (file == NULL || offset >= file->blocks.size)
        return false;
    unsigned char byte;
    blocks_read(&file->blocks, offset, &byte, 1);
    byte ^= 1u;
    blocks_write(&file->blocks, offset, &byte, 1);
    return true;
}

/* Of those that cannot be read any more none is behind the end. */
static void forget_spoiled(struct disk *disk, const struct disk_file *file, uint64_t size)
{
    for (uint32_t i = 0; i < disk->spoiled_count;) {
        const struct spoiled *at = &disk->spoiled[i];
        if (at->file == file && at->offset >= size)
            disk->spoiled[i] = disk->spoiled[--disk->spoiled_count];
        else
            i++;
    }
}

void disk_sim_lose(struct disk *disk, const char *name)
{
    struct disk_file *file = find(disk, name);
    uint32_t at = 0;

    ensure(file != NULL && !file->open);
    forget_spoiled(disk, file, 0);
    while (disk->files[at] != file)
        at++;
    for (disk->file_count--; at < disk->file_count; at++)
        disk->files[at] = disk->files[at + 1];
    blocks_fini(&file->blocks);
    sim_free(file);
}

void disk_sim_cut(struct disk *disk, const char *name, uint64_t size)
{
    struct disk_file *file = find(disk, name);

    ensure(file != NULL && !file->open && size % DISK_ALIGN == 0 && size <= file->blocks.size);
    forget_spoiled(disk, file, size);
    file->blocks.size = size;
}

bool disk_sim_spoil(struct disk *disk, const char *name, uint64_t offset)
{
    const struct disk_file *file = find(disk, name);

    if (file == NULL || offset >= file->blocks.size || disk->spoiled_count == SPOILED_MAX)
        return false;
    disk->spoiled[disk->spoiled_count++] =
        (struct spoiled){ file, offset / DISK_ALIGN * DISK_ALIGN };
    return true;
}

void disk_sim_cure(struct disk *disk, const char *name, uint64_t offset)
{
    touch_spoiled(disk, find(disk, name), offset, 1, true);
}

bool disk_sim_is_spoiled(const struct disk *disk, const char *name, uint64_t offset)
{
    const struct disk_file *file = find(disk, name);

    for (uint32_t i = 0; i < disk->spoiled_count; i++)
        if (disk->spoiled[i].file == file && disk->spoiled[i].offset == offset)
            return true;
    return false;
}

/* ---- reads ---- */

static void was_read(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct disk_io *req = ctx;

    enum err err = disk_read_now(req->file, req->offset, req->bytes, req->len, &req->reason);
    req->cb(req, err);
}

void disk_read(struct disk_file *file, struct disk_io *req, uint64_t offset, void *bytes,
               size_t len, disk_io_cb cb)
{
    check_extent(file, offset, len);
    req->file = file;
    req->offset = offset;
    req->bytes = bytes;
    req->len = len;
    req->cb = cb;
    world_after(file->disk->node->world,
                (struct world_after){ .delay_ns = latency(file->disk, 50 * SIM_US, 400 * SIM_US),
                                      .node = file->disk->node,
                                      .kind = KIND_DISK_READ,
                                      .fn = was_read,
                                      .ctx = req });
}

void *disk_memory(size_t len)
{
    return malloc(len); /* no alignment is needed here; zeros are not promised */
}

void disk_memory_free(void *bytes)
{
    free(bytes);
}

/* The fixture's real world: a folder, RocksDB, a loop. */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/frame.h"
#include "log/segment.h"

static uint64_t wall(void *ctx)
{
    (void)ctx;
    return 0;
}

void node_init(struct node *node)
{
    node_clear(node);
    snprintf(node->path, sizeof(node->path), "log-test-XXXXXX");
    assert_non_null(mkdtemp(node->path));
}

void node_fini(struct node *node)
{
    char command[128];

    if (node->log != NULL)
        node_close(node);
    snprintf(command, sizeof(command), "rm -rf '%s'", node->path);
    assert_int_equal(system(command), 0);
}

static void world_close(struct node *node)
{
    if (node->disk != NULL)
        disk_posix_close(node->disk);
    table_close(node->table);
    work_uv_free(node->work);
    clock_uv_free(node->clock);
    node->disk = NULL;
    node->table = NULL;
    uv_close((uv_handle_t *)&node->tick, NULL);
    uv_run(&node->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&node->loop), 0);
}

static void on_tick(uv_timer_t *tick)
{
    (void)tick;
}

enum err node_try_open(struct node *node)
{
    char path[128];
    struct log_options options = node_options(node);

    note_init(&node->note, NOTE_OFF, wall, NULL);
    assert_int_equal(uv_loop_init(&node->loop), 0);
    uv_timer_init(&node->loop, &node->tick);
    uv_timer_start(&node->tick, on_tick, 1, 1);
    node->clock = clock_uv_new(&node->loop);
    node->work = work_uv_new(&node->loop);
    snprintf(path, sizeof(path), "%s/log", node->path);
    assert_int_equal(
        disk_posix_open(path, &node->loop, &node->note, &node->disk, &node->reason), ERR_OK);
    snprintf(path, sizeof(path), "%s/table", node->path);
    enum err err = table_open(&node->table, path, &node->reason);
    struct log_world world = { node->disk, node->table, node->clock, &node->random, node->work };
    if (err == ERR_OK)
        err = log_open(&node->log, &options, &world, &node->reason);
    if (err != ERR_OK)
        world_close(node);
    else
        node->durable = log_durable(node->log);
    return err;
}

static void on_closed(void *ctx)
{
    struct node *node = ctx;

    node->closed = true;
}

void node_close(struct node *node)
{
    log_close(node->log, on_closed, node);
    while (!node->closed)
        node_turn(node);
    node->log = NULL;
    world_close(node);
}

void node_turn(struct node *node)
{
    uv_run(&node->loop, UV_RUN_ONCE);
    if (node->failed)
        fail_msg("%s", node->reason.text);
}

bool node_segment_path(const struct node *node, uint64_t number, char path[160])
{
    char folder[80];
    struct dirent *item;
    bool found = false;

    snprintf(folder, sizeof(folder), "%s/log", node->path);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (!found && (item = readdir(dir)) != NULL) {
        unsigned char block[SEGMENT_HEAD_BYTES];
        struct segment_head head;
        uint64_t file;
        if (!segment_file_id(item->d_name, &file))
            continue;
        snprintf(path, 160, "%s/%.40s", folder, item->d_name);
        file_read(path, 0, block, sizeof(block));
        found = segment_head_read(block, &head) == ERR_OK && head.number == number;
    }
    closedir(dir);
    return found;
}

struct tail_place node_tail(const struct node *node)
{
    struct tail_place tail = { .number = 1 };
    char path[160];
    struct segment_head segment;
    unsigned char block[SEGMENT_HEAD_BYTES];

    for (uint64_t number = 1; number < 200; number++) {
        if (node_segment_path(node, number, path)) {
            memcpy(tail.path, path, sizeof(path));
            tail.number = number;
        }
    }
    file_read(tail.path, 0, block, sizeof(block));
    assert_int_equal(segment_head_read(block, &segment), ERR_OK);
    for (uint64_t offset = SEGMENT_HEAD_BYTES; offset < segment.bytes;) {
        struct frame_head head;
        file_read(tail.path, offset, block, sizeof(block));
        if (!frame_peek(slice_of(block, sizeof(block)), &head) || head.life != segment.life)
            break;
        tail.frame = offset;
        tail.frame_bytes = frame_bytes(head.head_bytes, head.payload_bytes);
        offset += tail.frame_bytes;
        tail.end = offset;
    }
    return tail;
}

void file_read(const char *path, uint64_t offset, void *bytes, size_t len)
{
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, bytes, len, (off_t)offset), len);
    close(fd);
}

void file_write(const char *path, uint64_t offset, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, (off_t)offset), len);
    assert_int_equal(fsync(fd), 0);
    close(fd);
}

void file_xor(const char *path, uint64_t offset, unsigned char mask)
{
    unsigned char byte;

    file_read(path, offset, &byte, 1);
    byte ^= mask;
    file_write(path, offset, &byte, 1);
}

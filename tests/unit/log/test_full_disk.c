#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env/space.h"

/* A node on a real file system that is small and becomes full: segments and tables share it. */

#define ROW_BYTES (64u * 1024u)
#define ROWS_BYTES_IN_MEMORY (4u * MIB) /* RocksDB's buffer, WRITE_BUFFER_BYTES in rocks.c */

static char roomy[] = "64m", tight[] = "7m";

static struct node node;
static int home = -1, root = -1; /* where the process comes from */

/* One file system per test, mounted nowhere: the process has it as its root, and nobody else sees
 * it.  So it makes no difference whether "/" is a mount point, as it is not in a chroot. */
static int set_up(void **state)
{
    const char *size = *state;
    int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
    int top = -1;

    if (fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "size", size, 0) == 0 &&
        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        top = fsmount(fs, FSMOUNT_CLOEXEC, 0);
    if (top < 0 || fchdir(top) != 0 || chroot(".") != 0) {
        print_error("a tmpfs: %s; this test needs one\n", strerror(errno));
        return -1;
    }
    close(fs);
    close(top);
    node_init(&node);
    node.segment_bytes = 4 * MIB;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (node.log != NULL)
        node_close(&node);
    return fchdir(root) == 0 && chroot(".") == 0 && fchdir(home) == 0 ? 0 : -1;
}

static struct space space_now(void)
{
    struct space space;

    assert_true(space_of(".", &space));
    return space;
}

/* Somebody else's file takes all but `left` bytes. */
static void others_leave(uint64_t left)
{
    int fd = open("foreign", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    uint64_t free_bytes = space_now().free_bytes;
    if (free_bytes > left)
        assert_int_equal(posix_fallocate(fd, 0, (off_t)(free_bytes - left)), 0);
    close(fd);
}

static void fill_up(void)
{
    while (log_has_room(node.log, 90000) || log_figures(node.log).creates_failed == 0) {
        if (log_has_room(node.log, 90000))
            node_append(&node, 1, 90000);
        node_wait_all(&node);
        node_turn(&node);
    }
}

static void segments_leave_room_for_the_tables(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    fill_up();
    struct space space = space_now();
    assert_true(space.free_bytes + 2 * MIB >= space_headroom(&space)); /* tables grew meanwhile */
    node_wait_filed(&node);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void a_disk_that_others_fill_stops_filing_and_no_more_until_there_is_room(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    for (unsigned i = 0; i < 40; i++) {
        node_append(&node, 1, 90000);
        node_wait_all(&node);
    }
    node_wait_filed(&node);
    others_leave(0);
    while (log_has_room(node.log, 90000)) {
        node_append(&node, 1, 90000);
        node_wait_all(&node);
    }
    node_apply(&node, 1, 30);
    log_save(node.log);
    while (log_figures(node.log).jobs_put_off == 0)
        node_turn(&node);
    node_wait(&node, node_hard(&node, 1, 5, 7));
    node_check(&node);
    node_close(&node);

    others_leave(0); /* closing gave some back */
    assert_int_equal(node_try_open(&node), ERR_NO_SPACE); /* the log's part needs no room */
    assert_non_null(strstr(node.reason.text, "make room on it"));
    others_leave(2 * MIB); /* enough to open; a new segment or filing needs more */
    node_open(&node);
    node_check(&node);
    others_leave(40 * MIB);
    node_apply(&node, 1, 30);
    log_save(node.log);
    node_wait_filed(&node);
    node_append(&node, 1, 90000);
    node_wait_all(&node);
    node_check(&node);
}

static void a_new_log_on_a_disk_that_is_too_small_says_so(void **state)
{
    (void)state;
    assert_int_equal(node_try_open(&node), ERR_NO_SPACE);
    assert_non_null(strstr(node.reason.text, "the disk is too small for a new log"));
    assert_true(space_now().free_bytes >= 2 * MIB); /* it did not try by writing */
}

/* What RocksDB cannot compress: `number` makes the key, and the row. */
static enum err put_row(unsigned number)
{
    static unsigned char bytes[ROW_BYTES];
    struct table_batch *batch = table_batch_new();
    char key[16];

    snprintf(key, sizeof(key), "%u", number);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)random_below(&node.random, 256);
    table_batch_put(batch, TABLE_NODE, slice_text(key), slice_of(bytes, sizeof(bytes)));
    enum err err = table_write(node.table, batch, false, &node.reason);
    table_batch_free(batch);
    return err;
}

/* What it has in memory goes to a file in the background, and finds the disk full, mostly before
 * our own look at the room does.  It takes no rows then, and comes to itself some seconds after
 * there is room. */
static void tables_that_found_no_room_themselves_go_on_when_there_is_some(void **state)
{
    enum err err = ERR_OK;
    unsigned rows = 0;

    (void)state;
    node_open(&node);
    others_leave(ROWS_BYTES_IN_MEMORY + 2 * MIB);
    while (err == ERR_OK) {
        err = put_row(rows++);
        if (rows * ROW_BYTES + MIB > ROWS_BYTES_IN_MEMORY)
            usleep(50000); /* it is on its way to a file any moment */
    }
    assert_int_equal(err, ERR_NO_SPACE);
    others_leave(40 * MIB);
    while (put_row(rows) != ERR_OK)
        usleep(100000);
    node_reopen(&node);
    assert_int_equal(put_row(rows), ERR_OK);
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool whole = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return whole;
}

/* Root may make file systems; anybody else as the root of a name space of users. */
static bool may_mount(void)
{
    unsigned user = geteuid(), group = getegid();
    char map[2][64];

    if (user == 0)
        return true;
    snprintf(map[0], sizeof(map[0]), "0 %u 1", user);
    snprintf(map[1], sizeof(map[1]), "0 %u 1", group);
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_text("/proc/self/setgroups", "deny") &&
           write_text("/proc/self/uid_map", map[0]) && write_text("/proc/self/gid_map", map[1]);
}

int main(void)
{
#define TEST(name, size) cmocka_unit_test_prestate_setup_teardown(name, set_up, tear_down, size)
    const struct CMUnitTest tests[] = {
        TEST(segments_leave_room_for_the_tables, roomy),
        TEST(a_disk_that_others_fill_stops_filing_and_no_more_until_there_is_room, roomy),
        TEST(tables_that_found_no_room_themselves_go_on_when_there_is_some, roomy),
        TEST(a_new_log_on_a_disk_that_is_too_small_says_so, tight),
    };

    if (!may_mount()) {
        fprintf(stderr, "mounts of its own: %s; this test needs them: run it as root, or where "
                        "users may have name spaces\n",
                strerror(errno));
        return 1;
    }
    home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (home < 0 || root < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

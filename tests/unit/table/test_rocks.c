#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "table/keys.h"
#include "table/rocks.h"

static char dir[64];
static struct table *table;
static struct reason reason;

static void reopen(void)
{
    table_close(table);
    table = NULL;
    if (table_open(&table, dir, &reason) != ERR_OK)
        fail_msg("%s", reason.text);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "table-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    reopen();
    return 0;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    table_close(table);
    table = NULL;
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static void put(enum table_space space, const char *key, const char *value, bool sync)
{
    struct table_batch *batch = table_batch_new();

    table_batch_put(batch, space, slice_text(key), slice_text(value));
    assert_int_equal(table_write(table, batch, sync, &reason), ERR_OK);
    table_batch_free(batch);
}

static void expect(enum table_space space, const char *key, const char *value)
{
    AUTO_UNREF struct buf *found = NULL;
    enum err err = table_get(table, space, slice_text(key), &found, &reason);

    assert_int_equal(err, value == NULL ? ERR_NOT_FOUND : ERR_OK);
    if (value != NULL)
        assert_true(slice_equal(buf_slice(found), slice_text(value)));
}

static void what_was_put_is_found_in_its_space_only(void **state)
{
    (void)state;
    put(TABLE_STATE, "a", "1", false);
    expect(TABLE_STATE, "a", "1");
    expect(TABLE_INDEX, "a", NULL);
    put(TABLE_STATE, "a", "", true);
    expect(TABLE_STATE, "a", "");
    reopen();
    expect(TABLE_STATE, "a", "");
}

static void a_batch_is_done_in_its_order(void **state)
{
    struct table_batch *batch = table_batch_new();

    (void)state;
    put(TABLE_INDEX, "old", "x", false);
    table_batch_delete(batch, TABLE_INDEX, slice_text("old"));
    table_batch_put(batch, TABLE_INDEX, slice_text("old"), slice_text("new"));
    table_batch_put(batch, TABLE_IMAGE, slice_text("gone"), slice_text("y"));
    table_batch_delete(batch, TABLE_IMAGE, slice_text("gone"));
    assert_int_equal(table_write(table, batch, true, &reason), ERR_OK);
    table_batch_free(batch);
    expect(TABLE_INDEX, "old", "new");
    expect(TABLE_IMAGE, "gone", NULL);
}

struct seen {
    char keys[64];
    unsigned left;
};

static bool see(void *ctx, struct slice key, struct slice value)
{
    struct seen *seen = ctx;

    assert_true(slice_equal(key, value));
    strncat(seen->keys, (const char *)key.data, key.len);
    return --seen->left > 0;
}

static const char *scan(bool back, const char *from, const char *to, unsigned max)
{
    static struct seen seen;
    enum err err;

    seen = (struct seen){ .left = max };
    if (back)
        err = table_scan_back(table, TABLE_INDEX, slice_text(from), slice_text(to), see, &seen,
                              &reason);
    else
        err = table_scan(table, TABLE_INDEX, slice_text(from), slice_text(to), see, &seen, &reason);
    assert_int_equal(err, ERR_OK);
    return seen.keys;
}

static void a_scan_goes_through_a_range_in_both_directions(void **state)
{
    static const char *const keys[] = { "a", "b", "c", "d", "e" };

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        put(TABLE_INDEX, keys[i], keys[i], false);
    put(TABLE_STATE, "c", "other space", false);
    assert_string_equal(scan(false, "", "", 9), "abcde");
    assert_string_equal(scan(false, "b", "d", 9), "bc");
    assert_string_equal(scan(false, "bb", "", 9), "cde");
    assert_string_equal(scan(false, "b", "", 2), "bc");
    assert_string_equal(scan(true, "", "", 9), "edcba");
    assert_string_equal(scan(true, "b", "d", 9), "cb");
    assert_string_equal(scan(true, "", "cc", 1), "c");
    assert_string_equal(scan(false, "x", "z", 9), "");
}

static void a_second_process_is_told_that_it_is_open(void **state)
{
    struct table *second = NULL;

    (void)state;
    assert_int_equal(table_open(&second, dir, &reason), ERR_BUSY);
    assert_null(second);
    assert_non_null(strstr(reason.text, "another process"));
}

static void a_newer_format_is_refused(void **state)
{
    (void)state;
    put(TABLE_NODE, KEY_NODE_TABLE, "\x01\x02", true);
    table_close(table);
    table = NULL;
    assert_int_equal(table_open(&table, dir, &reason), ERR_VERSION);
    assert_non_null(strstr(reason.text, "newer"));
}

/* The newest write-ahead log that has something in it. */
static void wal_path(char path[200])
{
    DIR *folder = opendir(dir);

    path[0] = 0;
    for (struct dirent *item; (item = readdir(folder)) != NULL;) {
        char candidate[200];
        struct stat facts;
        snprintf(candidate, sizeof(candidate), "%s/%.60s", dir, item->d_name);
        if (strstr(item->d_name, ".log") != NULL && stat(candidate, &facts) == 0 &&
            facts.st_size > 100)
            snprintf(path, 200, "%s", candidate);
    }
    closedir(folder);
    assert_true(path[0] != 0);
}

static void a_flipped_bit_in_the_middle_is_refused_not_skipped(void **state)
{
    char path[200], key[16];
    unsigned char byte;

    (void)state;
    pid_t pid = fork(); /* a crash: nothing is flushed */
    assert_true(pid >= 0);
    if (pid == 0) {
        struct table *own = NULL;
        char other[80];
        snprintf(other, sizeof(other), "%s/crash", dir);
        if (table_open(&own, other, &reason) != ERR_OK)
            _exit(1);
        table = own;
        for (unsigned i = 0; i < 200; i++) {
            snprintf(key, sizeof(key), "%u", i);
            put(TABLE_STATE, key, "some value that is long enough", true);
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    char outer[64];
    memcpy(outer, dir, sizeof(outer));
    snprintf(dir, sizeof(dir), "%.50s/crash", outer);
    wal_path(path);
    int fd = open(path, O_RDWR);
    struct stat facts;
    assert_int_equal(fstat(fd, &facts), 0);
    assert_int_equal(pread(fd, &byte, 1, facts.st_size / 2), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, facts.st_size / 2), 1);
    close(fd);
    struct table *second = NULL;
    enum err err = table_open(&second, dir, &reason);
    memcpy(dir, outer, sizeof(outer));
    assert_int_equal(err, ERR_CORRUPT);
    assert_non_null(strstr(reason.text, REASON_KEEP_DATA));
}

static void keys_sort_as_their_numbers(void **state)
{
    struct key low = key_index(1, 255), high = key_index(1, 256), next = key_index(2, 0);
    uint64_t group, first;
    enum key_state kind;

    (void)state;
    assert_true(memcmp(low.bytes, high.bytes, 16) < 0);
    assert_true(memcmp(high.bytes, next.bytes, 16) < 0);
    assert_true(key_index_read(key_slice(&high), &group, &first));
    assert_int_equal(group, 1);
    assert_int_equal(first, 256);
    struct key hint = key_state(5, KEY_STATE_HINT);
    assert_true(key_state_read(key_slice(&hint), &group, &kind));
    assert_int_equal(group, 5);
    assert_int_equal(kind, KEY_STATE_HINT);
    assert_false(key_state_read(key_slice(&low), &group, &kind));
    assert_false(key_index_read(key_slice(&hint), &group, &first));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_found_in_its_space_only),
        TEST(a_batch_is_done_in_its_order),
        TEST(a_scan_goes_through_a_range_in_both_directions),
        TEST(a_second_process_is_told_that_it_is_open),
        TEST(a_newer_format_is_refused),
        TEST(a_flipped_bit_in_the_middle_is_refused_not_skipped),
        cmocka_unit_test(keys_sort_as_their_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fixture.h"

#include <dirent.h>
#include <unistd.h>

#include "log/scrub.h"
#include "log/segment.h"
#include "table/keys.h"

/* A payload that is not what was written: what a read says of it, and what is remembered. */

#define LENGTH 90000u
#define COUNT 30u /* of group 1: three segments of 1 MiB */

static struct node node;

static int set_up(void **state)
{
    (void)state;
    node_init(&node);
    node_open(&node);
    node_start(&node, 1);
    for (unsigned i = 0; i < COUNT; i++) {
        node_append(&node, 1, LENGTH);
        node_wait_all(&node);
    }
    node_apply(&node, 1, model_last(&node, 1));
    node_wait_filed(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

/* The file and offset of the payload of group 1's entry `index`: each has a frame of its own. */
static uint64_t place_of(uint64_t index, char path[160])
{
    AUTO_UNREF struct buf *payload =
        model_payload(1, index, &node.groups[1].entries[index - node.groups[1].start - 1]);
    static unsigned char bytes[MIB];

    for (uint64_t number = 1; node_segment_path(&node, number, path); number++) {
        file_read(path, 0, bytes, sizeof(bytes));
        const unsigned char *at = memmem(bytes, sizeof(bytes), payload->data, payload->len);
        if (at != NULL)
            return (uint64_t)(at - bytes);
    }
    fail_msg("entry %llu is nowhere", (unsigned long long)index);
    return 0;
}

static enum err read_one(uint64_t index)
{
    struct log_read req = { .group = 1, .first = index, .last = index, .bytes_max = MIB };
    enum err err = node_read(&node, &req);

    log_read_fini(&req);
    return err;
}

static void a_read_names_file_and_offset_and_remembers_the_entry(void **state)
{
    char path[160], offset[32];
    uint64_t at = place_of(5, path);

    (void)state;
    file_xor(path, at + 700, 0x20);
    assert_null(log_damaged_next(node.log, 0, 0));
    assert_int_equal(read_one(5), ERR_CORRUPT);
    assert_int_equal(node.damages, 1);
    assert_false(node.damage.known);
    assert_int_equal(node.damage.head.index, 5);
    assert_int_equal(node.damage.offset, at);
    assert_string_equal(node.damage.file, strrchr(path, '/') + 1);
    snprintf(offset, sizeof(offset), "offset %llu", (unsigned long long)at);
    assert_non_null(strstr(node.damage_why.text, "group 1: entry 5: checksum"));
    assert_non_null(strstr(node.damage_why.text, node.damage.file));
    assert_non_null(strstr(node.damage_why.text, offset));

    assert_int_equal(read_one(5), ERR_CORRUPT);
    assert_int_equal(node.damages, 2);
    assert_true(node.damage.known);
    assert_int_equal(log_figures(node.log).damaged_entries, 1);
    assert_int_equal(log_damaged_next(node.log, 0, 0)->head.index, 5);
    assert_null(log_damaged_next(node.log, 1, 5));
}

static void what_is_sound_again_or_trimmed_is_damaged_no_more(void **state)
{
    char path[160];
    uint64_t at = place_of(5, path);

    (void)state;
    file_xor(path, at + 700, 0x20);
    assert_int_equal(read_one(5), ERR_CORRUPT);
    file_xor(path, at + 700, 0x20);
    assert_int_equal(read_one(5), ERR_OK);
    assert_int_equal(log_figures(node.log).damaged_entries, 0);

    file_xor(path, at + 700, 0x20);
    assert_int_equal(read_one(5), ERR_CORRUPT);
    node_trim(&node, 1, 6);
    assert_null(log_damaged_next(node.log, 0, 0));
    assert_int_equal(log_figures(node.log).damaged_entries, 0);
}

static void a_missing_index_row_is_damage_without_a_place(void **state)
{
    struct table_batch *batch = table_batch_new();
    struct key key = key_index(1, 2); /* the first segment's entries */

    (void)state;
    table_batch_delete(batch, TABLE_INDEX, key_slice(&key));
    assert_int_equal(table_write(node.table, batch, true, &node.reason), ERR_OK);
    table_batch_free(batch);
    assert_int_equal(read_one(3), ERR_CORRUPT);
    assert_int_equal(node.damages, 1);
    assert_int_equal(node.damage.segment, 0);
    assert_string_equal(node.damage.file, "");
    assert_non_null(strstr(node.damage_why.text, "no index row for entry 3"));
}

/* What is outside of payloads in a filed segment is not needed any more. */
static void heads_of_filed_segments_may_rot(void **state)
{
    char path[160];

    (void)state;
    node_close(&node);
    assert_true(node_segment_path(&node, 1, path));
    file_xor(path, 60, 0x01);          /* the first block */
    file_xor(path, SEGMENT_HEAD_BYTES + 20, 0x01);  /* the first frame's head */
    node_open(&node);
    node_check(&node);
    assert_int_equal(node.damages, 0);
    node_reopen(&node);
    node_check(&node);
}

static void a_filed_file_that_was_cut_short_is_refused(void **state)
{
    char path[160];

    (void)state;
    node_close(&node);
    assert_true(node_segment_path(&node, 2, path));
    assert_int_equal(truncate(path, MIB / 2), 0);
    for (unsigned i = 0; i < 2; i++) { /* the first refusal has changed nothing */
        assert_int_equal(node_try_open(&node), ERR_CORRUPT);
        assert_non_null(strstr(node.reason.text, "segment 2"));
        assert_non_null(strstr(node.reason.text, "its end is lost"));
        assert_non_null(strstr(node.reason.text, strrchr(path, '/') + 1));
    }
}

/* ---- the tables' own files ---- */

static struct scrub_pass passed;
static bool ended;

static void on_pass(void *ctx, const struct scrub_pass *pass)
{
    (void)ctx;
    passed = *pass;
    ended = true;
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

/* One search of the whole log. */
static void search(void)
{
    struct scrub_options options = { .period_ms = 10,
                                     .bytes_per_s = SCRUB_BYTES_PER_S_MAX,
                                     .on_pass = on_pass };
    struct scrub_world world = { .log = node.log, .clock = node.clock, .random = &node.random };
    struct scrub *scrub;
    bool closed = false;

    ended = false;
    assert_int_equal(scrub_open(&scrub, &options, &world), ERR_OK);
    while (!ended)
        node_turn(&node);
    scrub_close(scrub, on_closed, &closed);
    while (!closed)
        node_turn(&node);
}

/* The paths of the tables' sorted files. */
static unsigned sorted_files(char paths[][160], unsigned max)
{
    char folder[128];
    unsigned count = 0;

    snprintf(folder, sizeof(folder), "%s/table", node.path);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL && count < max;)
        if (strstr(entry->d_name, ".sst") != NULL)
            snprintf(paths[count++], 160, "%s/%.20s", folder, entry->d_name);
    closedir(dir);
    return count;
}

/* Each file, one after the other: the start refuses, or the search finds it; never neither. */
static void a_flipped_bit_in_the_tables_is_refused_or_found_by_the_search(void **state)
{
    char paths[32][160];
    unsigned refused = 0, found = 0;

    (void)state;
    log_save(node.log);
    node_reopen(&node); /* what was in RocksDB's own log goes to sorted files */
    node_close(&node);
    unsigned count = sorted_files(paths, 32);
    assert_true(count > 0);
    for (unsigned i = 0; i < count; i++) {
        char copy[400];
        snprintf(copy, sizeof(copy), "cp -a '%s' '%s.kept'", node.path, node.path);
        assert_int_equal(system(copy), 0);
        file_xor(paths[i], 12, 0x08); /* in the first block of rows */
        if (node_try_open(&node) == ERR_OK) {
            search();
            assert_true(passed.damaged > 0);
            assert_true(node.damages > 0);
            assert_int_equal(node.damage.segment, 0);
            assert_non_null(strstr(node.damage_why.text, "orrupt"));
            assert_non_null(strstr(passed.rows_why.text, "orrupt"));
            node_close(&node);
            found++;
        } else {
            assert_non_null(strstr(node.reason.text, "orrupt"));
            assert_non_null(strstr(node.reason.text, "keep this one"));
            refused++;
        }
        snprintf(copy, sizeof(copy), "rm -rf '%s' && mv '%s.kept' '%s'", node.path, node.path,
                 node.path);
        assert_int_equal(system(copy), 0);
    }
    assert_true(refused > 0 && found > 0);
    node_open(&node);
    node_check(&node);
}

/* Rows of states nobody reads again before the next start, which would refuse them. */
static void a_bit_that_flips_in_the_tables_while_the_node_runs_is_found(void **state)
{
    char paths[32][160];

    (void)state;
    log_save(node.log);
    node_reopen(&node);
    search();
    assert_string_equal(passed.rows_why.text, "");
    unsigned count = sorted_files(paths, 32);
    assert_true(count > 0);
    for (unsigned i = 0; i < count; i++) {
        file_xor(paths[i], 12, 0x08);
        search();
        assert_non_null(strstr(passed.rows_why.text, "orrupt"));
        file_xor(paths[i], 12, 0x08);
    }
    search();
    assert_string_equal(passed.rows_why.text, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_read_names_file_and_offset_and_remembers_the_entry),
        TEST(what_is_sound_again_or_trimmed_is_damaged_no_more),
        TEST(a_missing_index_row_is_damage_without_a_place),
        TEST(heads_of_filed_segments_may_rot),
        TEST(a_filed_file_that_was_cut_short_is_refused),
        TEST(a_bit_that_flips_in_the_tables_while_the_node_runs_is_found),
        TEST(a_flipped_bit_in_the_tables_is_refused_or_found_by_the_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fixture.h"

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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_read_names_file_and_offset_and_remembers_the_entry),
        TEST(what_is_sound_again_or_trimmed_is_damaged_no_more),
        TEST(a_missing_index_row_is_damage_without_a_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

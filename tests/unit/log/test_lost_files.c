#include "fixture.h"

#include <unistd.h>

#include "log/segment.h"

/* What lost files, and damaged first blocks of them, do to a start. */

#define FRAME_ENTRIES 3u

static struct node node;

static int set_up(void **state)
{
    (void)state;
    node_init(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

static void write_some(void)
{
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 3, 6000);
    node_close(&node);
}

/* Three of them, or four, fill a segment. */
static void append_frames(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < FRAME_ENTRIES; k++)
            node_append(&node, 1, 100000);
        node_wait_all(&node);
    }
}

static void a_damaged_first_block_of_an_open_segment_is_corruption(void **state)
{
    char path[160];

    (void)state;
    write_some();
    assert_true(node_segment_path(&node, 1, path));
    file_xor(path, 30, 0x80);
    assert_int_equal(node_try_open(&node), ERR_CORRUPT);
    assert_non_null(strstr(node.reason.text, "first block is damaged"));
}

static void a_damaged_first_block_of_an_unused_file_is_none(void **state)
{
    char path[160];

    (void)state;
    write_some();
    for (uint64_t file = 1; file <= 3; file++) {
        char used[160];
        snprintf(path, sizeof(path), "%s/log/segment-%016lx", node.path, (unsigned long)file);
        assert_true(node_segment_path(&node, 1, used));
        if (strcmp(path, used) != 0)
            file_xor(path, 77, 0x80);
    }
    node_open(&node);
    node_check(&node);
}

/* Leaves several segments, filed. */
static void fill_segments(void)
{
    node_open(&node);
    node_start(&node, 1);
    append_frames(15);
    node_wait_filed(&node);
    node_close(&node);
}

static void a_missing_filed_segment_is_corruption(void **state)
{
    char path[160];

    (void)state;
    fill_segments();
    assert_true(node_segment_path(&node, 2, path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(node_try_open(&node), ERR_CORRUPT);
    assert_non_null(strstr(node.reason.text, "segment 2 is missing"));
}

static void a_missing_open_segment_is_corruption(void **state)
{
    struct tail_place tail;

    (void)state;
    fill_segments();
    tail = node_tail(&node);
    assert_int_equal(unlink(tail.path), 0);
    assert_int_equal(node_try_open(&node), ERR_CORRUPT);
    assert_non_null(strstr(node.reason.text, "is missing"));
}

static void lost_tables_do_not_go_unnoticed_once_segments_were_used_again(void **state)
{
    char command[160];

    (void)state;
    fill_segments();
    node_open(&node);
    node_apply(&node, 1, model_last(&node, 1));
    node_trim(&node, 1, model_last(&node, 1));
    while (log_figures(node.log).segments_full > 1)
        node_turn(&node);
    append_frames(20);
    node_close(&node);
    snprintf(command, sizeof(command), "rm -rf '%s/table'", node.path);
    assert_int_equal(system(command), 0);
    assert_int_equal(node_try_open(&node), ERR_CORRUPT);
    assert_non_null(strstr(node.reason.text, "is missing"));
}

static void lost_tables_are_made_again_while_all_segments_are_there(void **state)
{
    char command[160];

    (void)state;
    fill_segments();
    snprintf(command, sizeof(command), "rm -rf '%s/table'", node.path);
    assert_int_equal(system(command), 0);
    node_open(&node);
    node_check(&node);
    node_wait_filed(&node);
    node_check(&node);
}

static void a_bad_frame_in_a_segment_that_is_not_the_last_is_corruption(void **state)
{
    char path[160], command[160];

    (void)state;
    fill_segments();
    /* Without tables all segments are open again. */
    snprintf(command, sizeof(command), "rm -rf '%s/table'", node.path);
    assert_int_equal(system(command), 0);
    assert_true(node_segment_path(&node, 2, path));
    file_xor(path, SEGMENT_HEAD_BYTES + 40, 0x04);
    assert_int_equal(node_try_open(&node), ERR_CORRUPT);
    assert_non_null(strstr(node.reason.text, "segment 2"));
    assert_non_null(strstr(node.reason.text, "offset 4096"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_damaged_first_block_of_an_open_segment_is_corruption),
        TEST(a_damaged_first_block_of_an_unused_file_is_none),
        TEST(a_missing_filed_segment_is_corruption),
        TEST(a_missing_open_segment_is_corruption),
        TEST(lost_tables_do_not_go_unnoticed_once_segments_were_used_again),
        TEST(lost_tables_are_made_again_while_all_segments_are_there),
        TEST(a_bad_frame_in_a_segment_that_is_not_the_last_is_corruption),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fixture.h"

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

static void a_fresh_directory_gives_an_empty_log(void **state)
{
    (void)state;
    node_open(&node);
    assert_null(log_state_next(node.log, 0));
    assert_int_equal(log_turn(node.log), 1);
    assert_int_equal(log_durable(node.log), 0);
    assert_int_equal(log_figures(node.log).segments_free, 2);
    node_check(&node);
}

static void what_one_turn_appends_is_durable_with_one_frame(void **state)
{
    (void)state;
    node_open(&node);
    uint64_t turn = node_start(&node, 1);
    assert_int_equal(node_start(&node, 2), turn);
    assert_int_equal(node_append(&node, 1, 1000), turn);
    assert_int_equal(node_append(&node, 2, 0), turn);
    assert_int_equal(node_hard(&node, 1, 5, 8), turn);
    node_wait(&node, turn);
    assert_int_equal(log_figures(node.log).frames, 1);
    assert_int_equal(log_pending_bytes(node.log), 0);
    node_check(&node);
}

static void a_restart_finds_what_was_durable(void **state)
{
    (void)state;
    node_open(&node);
    for (uint64_t group = 1; group < 10; group++)
        node_start(&node, group);
    for (unsigned i = 0; i < 30; i++) {
        for (uint64_t group = 1; group < 10; group++)
            node_append(&node, group, (i * 37 + (unsigned)group * 11) % 900);
        if (i % 7 == 0)
            node_hard(&node, 1 + i % 9, 2 + i, i % 3);
        node_turn(&node);
    }
    node_wait_all(&node);
    uint64_t turn = log_turn(node.log);
    node_check(&node);
    node_reopen(&node);
    assert_int_equal(log_turn(node.log), turn);
    assert_int_equal(log_recovery(node.log).last_turn, turn - 1);
    assert_int_equal(log_recovery(node.log).whole_turn, turn - 1);
    assert_int_equal(log_recovery(node.log).torn_frames, 0);
    node_check(&node);
    node_append(&node, 3, 500);
    node_wait_all(&node);
    node_reopen(&node);
    node_check(&node);
}

static void an_entry_can_be_read_before_it_is_durable(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_append(&node, 1, 5000);
    node_append(&node, 1, 0);
    node_check(&node);
    assert_int_equal(node.groups[1].count, 2);
}

static void full_segments_are_filed_and_read_as_before(void **state)
{
    (void)state;
    node_open(&node);
    for (uint64_t group = 1; group < 8; group++)
        node_start(&node, group);
    for (unsigned i = 0; i < 120; i++) {
        for (uint64_t group = 1; group < 8; group++)
            node_append(&node, group, 1 + (i * 7919 + (unsigned)group * 104729) % 9000);
        if (i % 5 == 0)
            node_apply(&node, 1 + i % 7, model_last(&node, 1 + i % 7));
        node_turn(&node);
    }
    node_wait_filed(&node);
    assert_true(log_figures(node.log).segments_full >= 3);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
    node_wait_filed(&node);
    node_check(&node);
}

static void what_is_more_than_a_frame_is_durable_frame_by_frame(void **state)
{
    (void)state;
    node.segment_bytes = 64 * MIB;
    node_open(&node);
    uint64_t first = node_start(&node, 1), last = first;
    for (unsigned i = 0; i < 20; i++)
        last = node_append(&node, 1, 900 * 1024);
    assert_int_equal(last, first + 20 / 4 - 1); /* four in a frame of 4 MiB */
    assert_int_equal(node_append(&node, 1, 9 * MIB), ++last);
    node_wait(&node, first);
    assert_true(node.durable < last);
    node_wait(&node, last);
    assert_int_equal(log_figures(node.log).frames, last - first + 1);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fresh_directory_gives_an_empty_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_one_turn_appends_is_durable_with_one_frame, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_restart_finds_what_was_durable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_entry_can_be_read_before_it_is_durable, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(full_segments_are_filed_and_read_as_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_more_than_a_frame_is_durable_frame_by_frame, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

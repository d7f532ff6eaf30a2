#include "fixture.h"

/* A START that lets go of entries, and what was remembered of them: the trim, in a hint. */

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

/* A copy that was trimmed up to its last entry, which is on the disk; then a START without what it
 * had, and 20 entries.  Returns that START. */
static struct log_state begin_anew(void)
{
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 10, 100);
    struct log_state start = *log_state(node.log, 1);
    node_apply(&node, 1, 11);
    node_trim(&node, 1, 12);
    log_save(node.log);
    node_wait_all(&node);
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->first, 12);

    start.epoch = 2;
    node.groups[1].count = 0;
    node.groups[1].first = 2;
    node.groups[1].applied = 1;
    log_start(node.log, &start);
    node_fill(&node, 1, 20, 100);
    return start;
}

/* Nothing from the beginning on is missing. */
static void assert_whole(uint32_t count)
{
    assert_int_equal(log_state(node.log, 1)->first, 2);
    struct log_read req = { .group = 1, .first = 2, .last = 1 + count, .bytes_max = MIB };
    assert_int_equal(node_read(&node, &req), ERR_OK);
    assert_int_equal(req.count, count);
    log_read_fini(&req);
}

/* A copy that was let go, whose node came in again and was filled from the beginning: the trim that
 * is remembered is of before.  Simulator, drain seed 8002. */
static void what_begins_anew_is_not_trimmed_by_what_was_remembered(void **state)
{
    (void)state;
    begin_anew();
    node_reopen(&node);
    assert_whole(20);
}

/* Nor when a START of a third epoch, which kept what it had up to there, came behind. */
static void what_began_anew_is_whole_also_when_another_epoch_starts_behind(void **state)
{
    (void)state;
    struct log_state start = begin_anew();
    start.epoch = 3;
    start.start_index = 15;
    start.start_term = 1;
    node.groups[1].count = 14;
    node_wait(&node, log_start(node.log, &start));
    node_reopen(&node);
    assert_whole(14);
}

/* Without anything that it had. */
static void begin_behind(uint64_t at)
{
    struct model_group *model = &node.groups[1];
    struct log_state start = *log_state(node.log, 1);

    model->term++;
    start.epoch = ++model->epoch;
    start.start_index = at;
    start.start_term = start.term = model->term;
    start.vote = 0;
    start.last_time_ms = node.now_ms;
    model->start = model->applied = at;
    model->first = at + 1;
    model->vote = model->count = 0;
    log_start(node.log, &start);
}

/* Each entry by itself is what the model says: in no row that begins behind it. */
static void check_each(void)
{
    for (uint64_t index = model_last(&node, 1); index >= node.groups[1].first; index--) {
        struct log_read req = { .group = 1, .first = index, .last = index, .bytes_max = MIB };
        struct entry_head head = model_head(&node, 1, index);
        assert_int_equal(node_read(&node, &req), ERR_OK);
        assert_int_equal(req.entries[0].head.term, head.term);
        assert_int_equal(req.entries[0].head.crc, head.crc);
        log_read_fini(&req);
    }
    node_check(&node);
}

/* A copy that began anew a few times within a segment, further on and further back: what it had
 * before is not filed beside what it has now. */
static void what_was_let_go_of_is_not_filed_with_what_came_in_its_place(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    begin_behind(20);
    node_fill(&node, 1, 10, 100);
    begin_behind(40);
    begin_behind(10);
    node_fill(&node, 1, 40, 100);
    node_apply(&node, 1, model_last(&node, 1));
    node_fill(&node, 2, 15, 90000);
    node_wait_filed(&node);
    check_each();
    node_reopen(&node);
    node_take_hints(&node);
    check_each();
}

/* Nor is it there when the group was forgotten since. */
static void what_was_let_go_of_is_not_filed_for_a_group_that_is_new(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    begin_behind(20);
    node_fill(&node, 1, 10, 100);
    begin_behind(40);
    node_forget(&node, 1);
    node_start(&node, 1);
    node_fill(&node, 1, 40, 100);
    node_apply(&node, 1, model_last(&node, 1));
    node_fill(&node, 2, 15, 90000);
    node_wait_filed(&node);
    check_each();
}

/* Of the same epoch, as a member is that is filled again from another one. */
static void a_trim_from_before_a_start_of_the_same_epoch_says_nothing(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 10, 100);
    node_apply(&node, 1, 11);
    node_trim(&node, 1, 10);
    struct log_state start = *log_state(node.log, 1);
    log_save(node.log);
    node_wait_all(&node);
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->first, 10);

    start.term = node.groups[1].term = 2;
    start.last_time_ms = 0;
    node.groups[1].count = 0;
    node.groups[1].first = 2;
    node.groups[1].applied = 1;
    log_start(node.log, &start);
    node_fill(&node, 1, 20, 100);
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->applied, 1);
    assert_whole(20);
}

/* A member is filled up to an entry and starts there: what a hint says of that entry, from before
 * the START, does not have what was applied.  Simulator, swarm seed 801846. */
static void the_image_of_a_start_is_not_that_of_a_hint_from_before_it(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 10, 100);
    node_apply(&node, 1, 11);
    log_save(node.log);
    node_wait_all(&node);
    struct log_state start = *log_state(node.log, 1);
    start.start_index = start.last;
    start.start_term = start.last_term;
    start.image_bytes = 6;
    memcpy(start.image, "filled", 6);
    node_wait(&node, log_start(node.log, &start));
    node_reopen(&node);
    const struct log_state *found = log_state(node.log, 1);
    assert_int_equal(found->applied, 11);
    assert_int_equal(found->image_bytes, 6);
    assert_memory_equal(found->image, "filled", 6);
    assert_whole(10);
}

/* Nor does a place further on that was noted in a fill, which was begun anew since. */
static void what_was_noted_in_a_fill_does_not_stand_for_what_was_applied(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 10, 100);
    struct entry_head head = model_head(&node, 1, 9);
    log_applied(node.log, 1, 9, head.term, head.time_ms, slice_of(NULL, 0));
    log_save(node.log);
    node_wait_all(&node);
    struct log_state start = *log_state(node.log, 1);
    start.start_index = 7;
    start.image_bytes = 6;
    memcpy(start.image, "filled", 6);
    log_start(node.log, &start);
    node.groups[1].count = 6;
    node_fill(&node, 1, 10, 100);
    node_reopen(&node);
    const struct log_state *found = log_state(node.log, 1);
    assert_int_equal(found->applied, 7);
    assert_int_equal(found->image_bytes, 6);
    assert_memory_equal(found->image, "filled", 6);
    assert_whole(16);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_begins_anew_is_not_trimmed_by_what_was_remembered),
        TEST(what_began_anew_is_whole_also_when_another_epoch_starts_behind),
        TEST(a_trim_from_before_a_start_of_the_same_epoch_says_nothing),
        TEST(what_was_let_go_of_is_not_filed_with_what_came_in_its_place),
        TEST(what_was_let_go_of_is_not_filed_for_a_group_that_is_new),
        TEST(the_image_of_a_start_is_not_that_of_a_hint_from_before_it),
        TEST(what_was_noted_in_a_fill_does_not_stand_for_what_was_applied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fixture.h"

/* A log that is full of what lives, of which terms and votes have used up the reserve too, so that
 * frames wait for a file: and among them what would free some. */

#define FULL 1u
#define OTHER 2u
#define BYTES 16000u
#define ROUNDS_IDLE 300u
#define WAITS_MAX 60000u

static struct node node;

/* Until the head has no file any more.  Of FULL half is applied. */
static void begin(void)
{
    node_init(&node);
    node.segment_bytes = 256 * 1024;
    node.bytes_max = 4 * MIB;
    node_open(&node);
    node_start(&node, FULL);
    node_start(&node, OTHER);
    for (unsigned idle = 0; idle < ROUNDS_IDLE; idle++) { /* files are made meanwhile */
        for (; log_has_room(node.log, BYTES); idle = 0) {
            node_append(&node, FULL, BYTES);
            node_apply(&node, FULL, model_last(&node, FULL) / 2);
            node_wait_all(&node);
        }
        node_turn(&node);
    }
    uint64_t turn = 0;
    for (uint64_t term = 2; turn <= node.durable; term++) {
        assert_true(term < 200);
        turn = node_hard(&node, OTHER, term, 0);
        for (unsigned i = 0; i < ROUNDS_IDLE && node.durable < turn; i++)
            node_turn(&node);
    }
    assert_int_equal(log_figures(node.log).segments_free, 1);
    assert_int_equal(log_figures(node.log).bytes_aside, 0);
}

static void end(void)
{
    node_check(&node);
    node_reopen(&node);
    node_take_hints(&node);
    node_check(&node);
    node_close(&node);
    node_fini(&node);
}

static void wait_for_room(void)
{
    for (unsigned waits = 0; !log_has_room(node.log, BYTES); waits++) {
        if (waits == WAITS_MAX)
            fail_msg("no room for ever");
        node_turn(&node);
    }
    assert_true(log_figures(node.log).bytes_aside <= MIB); /* nothing is moved round and round */
}

static void a_start_that_takes_all_back_gets_the_last_file(void **state)
{
    (void)state;
    begin();
    node_start_again(&node, FULL, node.groups[FULL].start);
    wait_for_room();
    node_fill(&node, FULL, 20, BYTES);
    end();
}

static void a_forget_gets_the_last_file(void **state)
{
    (void)state;
    begin();
    node_forget(&node, FULL);
    wait_for_room();
    node_fill(&node, OTHER, 20, BYTES);
    end();
}

static void a_truncate_gets_the_last_file(void **state)
{
    (void)state;
    begin();
    node_truncate(&node, FULL, node.groups[FULL].applied + 1);
    wait_for_room();
    node_fill(&node, FULL, 20, BYTES);
    end();
}

/* Only the last of them is free behind the frames that wait. */
static void a_trim_of_what_is_applied_in_a_waiting_frame_gets_it(void **state)
{
    (void)state;
    begin();
    node_apply(&node, FULL, model_last(&node, FULL));
    node_append(&node, FULL, 0);
    node_apply(&node, FULL, model_last(&node, FULL));
    node_trim(&node, FULL, model_last(&node, FULL));
    wait_for_room();
    node_fill(&node, FULL, 20, BYTES);
    end();
}

/* However many come: they are gathered, as long as there is no file. */
static void a_forget_behind_many_votes_gets_the_last_file(void **state)
{
    (void)state;
    begin();
    for (uint64_t term = 1000; term < 1200; term++) {
        node_hard(&node, OTHER, term, 0);
        node_turn(&node);
    }
    node_forget(&node, FULL);
    wait_for_room();
    node_fill(&node, OTHER, 20, BYTES);
    end();
}

/* Nothing is free behind them, and the file stays where it is: emptying needs it. */
static void terms_and_votes_do_not_get_it(void **state)
{
    (void)state;
    begin();
    uint64_t turn = node_hard(&node, OTHER, 1000, 0);
    for (unsigned i = 0; i < ROUNDS_IDLE; i++)
        node_turn(&node);
    assert_true(node.durable < turn);
    assert_int_equal(log_figures(node.log).segments_free, 1);
    node_trim(&node, FULL, node.groups[FULL].applied);
    wait_for_room();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_that_takes_all_back_gets_the_last_file),
        cmocka_unit_test(a_forget_gets_the_last_file),
        cmocka_unit_test(a_truncate_gets_the_last_file),
        cmocka_unit_test(a_trim_of_what_is_applied_in_a_waiting_frame_gets_it),
        cmocka_unit_test(a_forget_behind_many_votes_gets_the_last_file),
        cmocka_unit_test(terms_and_votes_do_not_get_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

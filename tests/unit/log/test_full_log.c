#include "fixture.h"

/* A log that is full of what lives, of which terms and votes have used up the reserve too, so that
 * frames wait for a file: and among them what would free some. */

#define FULL 1u
#define OTHER 2u
#define BYTES 16000u
#define ROUNDS_IDLE 300u
#define ASIDE_MAX (32u * 1024u) /* what lives is not moved round and round */
#define WAITS_MAX 60000u

static struct node node;

static void fill_all_halves(void)
{
    node_append(&node, FULL, BYTES);
    node_apply(&node, FULL, model_last(&node, FULL) / 2);
}

/* A segment of which little lives: it is emptied into another one, in which there is place then. */
static void fill_sparse(void)
{
    node_fill(&node, FULL, 15, BYTES);
    node_append(&node, OTHER, BYTES / 2);
    node_wait_all(&node);
    for (uint64_t group = FULL; group <= OTHER; group++)
        node_apply(&node, group, model_last(&node, group));
    node_trim(&node, FULL, model_last(&node, FULL));
}

/* Every segment has entries of both. */
static void fill_mixed(void)
{
    for (uint64_t group = FULL; group <= OTHER; group++) {
        node_append(&node, group, BYTES / 2);
        node_apply(&node, group, model_last(&node, group));
    }
}

/* Until the head has no file any more. */
static void vote_until_it_stands(void)
{
    uint64_t turn = 0;

    for (unsigned votes = 0; turn <= node.durable; votes++) {
        assert_true(votes < 200);
        turn = node_hard(&node, OTHER, node.groups[OTHER].term + 1, 0);
        for (unsigned i = 0; i < ROUNDS_IDLE && node.durable < turn; i++) {
            node_turn(&node);
            if (log_figures(node.log).write_ns_now > 0)
                i = 0; /* it is the disk that is waited for */
        }
    }
    assert_true(log_figures(node.log).bytes_aside <= ASIDE_MAX);
}

static void begin_with(void (*first)(void), void (*fill)(void))
{
    node_init(&node);
    node.segment_bytes = 256 * 1024;
    node.bytes_max = 4 * MIB;
    node_open(&node);
    node_start(&node, FULL);
    node_start(&node, OTHER);
    if (first != NULL)
        first();
    for (unsigned idle = 0; idle < ROUNDS_IDLE; idle++) { /* files are made meanwhile */
        for (; log_has_room(node.log, BYTES); idle = 0) {
            fill();
            node_wait_all(&node);
        }
        node_turn(&node);
    }
    vote_until_it_stands();
    assert_int_equal(log_figures(node.log).segments_free, 2);
}

static void begin(void (*fill)(void))
{
    begin_with(NULL, fill);
}

/* What is kept back is used up too, by entries behind which no trim waits.  The first does no harm:
 * the segment before it has votes alone, and is free then. */
static void use_up(uint64_t group)
{
    for (uint64_t files = 2; files > 0; files--) {
        assert_int_equal(log_figures(node.log).segments_free, 2);
        node_wait(&node, node_append(&node, group, 0));
        vote_until_it_stands();
    }
    assert_int_equal(log_figures(node.log).segments_free, 1);
}

static void begin_last(void)
{
    begin(fill_all_halves);
    use_up(FULL);
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

/* There is room, and it is used. */
static void takes_again(uint64_t group)
{
    wait_for_room();
    node_fill(&node, group, 20, BYTES);
    end();
}

static void a_start_that_takes_all_back_gets_the_last_file(void **state)
{
    (void)state;
    begin_last();
    node_start_again(&node, FULL, node.groups[FULL].start);
    takes_again(FULL);
}

static void a_forget_gets_the_last_file(void **state)
{
    (void)state;
    begin_last();
    node_forget(&node, FULL);
    takes_again(OTHER);
}

static void a_truncate_gets_the_last_file(void **state)
{
    (void)state;
    begin_last();
    node_truncate(&node, FULL, node.groups[FULL].applied + 1);
    takes_again(FULL);
}

/* Only the last of them is free behind the frames that wait. */
static void a_trim_of_what_is_applied_in_a_waiting_frame_gets_it(void **state)
{
    (void)state;
    begin_last();
    node_apply(&node, FULL, model_last(&node, FULL));
    node_append(&node, FULL, 0);
    node_apply(&node, FULL, model_last(&node, FULL));
    node_trim(&node, FULL, model_last(&node, FULL));
    takes_again(FULL);
}

/* However many come: they are gathered, as long as there is no file. */
static void a_forget_behind_many_votes_gets_the_last_file(void **state)
{
    (void)state;
    begin_last();
    for (uint64_t term = 1000; term < 1200; term++) {
        node_hard(&node, OTHER, term, 0);
        node_turn(&node);
    }
    node_forget(&node, FULL);
    takes_again(OTHER);
}

/* Nothing is free behind them, and the files stay where they are. */
static void votes_get_none(uint64_t files)
{
    uint64_t turn = node_hard(&node, OTHER, 1000, 0);

    for (unsigned i = 0; i < ROUNDS_IDLE; i++)
        node_turn(&node);
    assert_true(node.durable < turn);
    assert_int_equal(log_figures(node.log).segments_free, files);
    node_trim(&node, FULL, node.groups[FULL].applied);
    wait_for_room();
    end();
}

static void terms_and_votes_do_not_get_it(void **state)
{
    (void)state;
    begin_last();
    votes_get_none(1);
}

static void nor_what_is_kept_back_for_others(void **state)
{
    (void)state;
    begin(fill_all_halves);
    votes_get_none(2);
}

/* Until it is durable, all lives: no segment is free behind it, and none can be emptied. */
static void a_start_that_takes_a_part_of_each_segment_is_written(void **state)
{
    (void)state;
    begin(fill_mixed);
    node_start_again(&node, FULL, node.groups[FULL].start);
    takes_again(FULL);
}

static void so_is_an_entry_behind_which_a_trim_waits(void **state)
{
    (void)state;
    begin(fill_mixed);
    node_append(&node, FULL, 0);
    node_apply(&node, FULL, model_last(&node, FULL));
    node_trim(&node, FULL, model_last(&node, FULL));
    takes_again(FULL);
}

/* The segments have what another group has, too: the file comes back when one of them is emptied
 * into what others were. */
static void a_start_that_takes_a_part_gets_the_last_file(void **state)
{
    (void)state;
    begin_with(fill_sparse, fill_mixed);
    use_up(OTHER);
    assert_true(log_figures(node.log).bytes_aside > 0);
    node_start_again(&node, FULL, node.groups[FULL].start);
    takes_again(FULL);
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
        cmocka_unit_test(nor_what_is_kept_back_for_others),
        cmocka_unit_test(a_start_that_takes_a_part_of_each_segment_is_written),
        cmocka_unit_test(a_start_that_takes_a_part_gets_the_last_file),
        cmocka_unit_test(so_is_an_entry_behind_which_a_trim_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

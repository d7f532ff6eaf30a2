#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/liveness.h"

#define WALL_MS UINT64_C(1700000000000)

static struct liveness *given(void)
{
    static struct liveness liveness;

    liveness_init(&liveness, 1);
    return &liveness;
}

/* Node `id` says at `now_ms` that it leads `group` in `term`; group 0: nothing. */
static void says(struct liveness *liveness, uint64_t id, uint64_t now_ms, uint64_t group,
                 uint64_t term)
{
    struct liveness_word word = { .wall_ms = WALL_MS + now_ms,
                                  .groups = &group,
                                  .terms = &term,
                                  .group_count = group != 0 };

    assert_int_equal(liveness_told(liveness, id, now_ms, &word), ERR_OK);
}

static void the_node_itself_is_always_up(void **state)
{
    struct liveness *liveness = given();

    assert_true(liveness_is_up(liveness, 1, 1000000));
    assert_false(liveness_is_up(liveness, 2, 0));
    liveness_fini(liveness);
}

static void a_link_makes_up_and_silence_makes_down(void **state)
{
    struct liveness *liveness = given();

    liveness_up(liveness, 2, 1000);
    assert_true(liveness_is_up(liveness, 2, 1000 + CONTROL_SILENT_MS - 1));
    assert_false(liveness_is_up(liveness, 2, 1000 + CONTROL_SILENT_MS));
    says(liveness, 2, 9000, 0, 0);
    assert_true(liveness_is_up(liveness, 2, 9000));
    liveness_fini(liveness);
}

static void a_process_that_is_gone_is_down_at_once(void **state)
{
    struct liveness *liveness = given();

    says(liveness, 2, 1000, 7, 3);
    liveness_gone(liveness, 2);
    assert_false(liveness_is_up(liveness, 2, 1000));
    assert_int_equal(liveness_leader(liveness, 7, 1000), 0);
    liveness_up(liveness, 2, 1100);
    assert_true(liveness_is_up(liveness, 2, 1100));
    liveness_fini(liveness);
}

static void a_node_that_stops_is_down(void **state)
{
    struct liveness *liveness = given();
    struct liveness_word word = { .stopping = true };

    liveness_up(liveness, 2, 1000);
    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_OK);
    assert_false(liveness_is_up(liveness, 2, 1000));
    liveness_fini(liveness);
}

static void the_highest_term_leads(void **state)
{
    struct liveness *liveness = given();

    says(liveness, 2, 1000, 7, 5);
    says(liveness, 3, 1000, 7, 6);
    says(liveness, 4, 1000, 7, 4);
    assert_int_equal(liveness_leader(liveness, 7, 1000), 3);
    assert_int_equal(liveness_leader(liveness, 8, 1000), 0);
    liveness_fini(liveness);
}

static void who_is_silent_leads_nothing(void **state)
{
    struct liveness *liveness = given();

    says(liveness, 3, 1000, 7, 6);
    says(liveness, 2, 1000 + CONTROL_SILENT_MS, 7, 5);
    assert_int_equal(liveness_leader(liveness, 7, 1000 + CONTROL_SILENT_MS), 2);
    liveness_fini(liveness);
}

static void a_new_word_replaces_the_old_one(void **state)
{
    struct liveness *liveness = given();

    says(liveness, 2, 1000, 7, 5);
    says(liveness, 2, 1100, 9, 2);
    assert_int_equal(liveness_leader(liveness, 7, 1100), 0);
    assert_int_equal(liveness_leader(liveness, 9, 1100), 2);
    liveness_fini(liveness);
}

static void what_all_members_have_is_said_by_the_leader(void **state)
{
    struct liveness *liveness = given();
    const uint64_t groups[] = { 5, 7 }, terms[] = { 1, 4 }, whole[] = { 80, 90 };
    struct liveness_word word = {
        .groups = groups, .terms = terms, .whole = whole, .group_count = 2
    };

    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_OK);
    assert_int_equal(liveness_whole(liveness, 5, 1000), 80);
    assert_int_equal(liveness_whole(liveness, 7, 1000), 90);
    assert_int_equal(liveness_whole(liveness, 6, 1000), 0);
    assert_int_equal(liveness_whole(liveness, 7, 1000 + CONTROL_SILENT_MS), 0);
    says(liveness, 3, 1000, 7, 5); /* leads it since, and says nothing about that */
    assert_int_equal(liveness_whole(liveness, 7, 1000), 0);
    assert_int_equal(liveness_whole(liveness, 5, 1000), 80);
    liveness_fini(liveness);
}

static void lists_that_do_not_ascend_are_refused(void **state)
{
    struct liveness *liveness = given();
    const uint64_t groups[] = { 5, 5 }, terms[] = { 1, 1 };
    struct liveness_word leads = { .groups = groups, .terms = terms, .group_count = 2 };
    struct liveness_word open = { .open = groups, .open_count = 2 };

    says(liveness, 2, 1000, 7, 5);
    assert_int_equal(liveness_told(liveness, 2, 1100, &leads), ERR_INVALID);
    assert_int_equal(liveness_told(liveness, 2, 1100, &open), ERR_INVALID);
    assert_int_equal(liveness_leader(liveness, 7, 1100), 2); /* what it said before stands */
    liveness_fini(liveness);
}

static void open_groups_are_remembered(void **state)
{
    struct liveness *liveness = given();
    const uint64_t open[] = { 3, 8, 9 };
    struct liveness_word word = { .open = open, .open_count = 3, .catalog_index = 12 };

    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_OK);
    assert_true(liveness_has_open(liveness, 2, 3));
    assert_true(liveness_has_open(liveness, 2, 9));
    assert_false(liveness_has_open(liveness, 2, 4));
    assert_false(liveness_has_open(liveness, 3, 3));
    assert_int_equal(liveness_word_of(liveness, 2)->catalog_index, 12);
    assert_null(liveness_word_of(liveness, 3));
    liveness_fini(liveness);
}

static void what_moves_on_a_node_is_known_from_its_last_word(void **state)
{
    struct liveness *liveness = given();
    const uint64_t moving[] = { 3, 9 }, wrong[] = { 9, 3 };
    struct liveness_word word = { .moving = moving, .moving_count = 2, .full = true };

    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_OK);
    assert_true(liveness_moves(liveness, 2, 3));
    assert_true(liveness_moves(liveness, 2, 9));
    assert_false(liveness_moves(liveness, 2, 4));
    assert_false(liveness_moves(liveness, 3, 3));
    assert_true(liveness_word_of(liveness, 2)->full);
    word.moving = wrong;
    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_INVALID);
    assert_true(liveness_moves(liveness, 2, 9)); /* what it said before stands */
    says(liveness, 2, 2000, 0, 0);
    assert_false(liveness_moves(liveness, 2, 3));
    liveness_fini(liveness);
}

static void which_closed_shards_a_node_has_to_the_end_is_known_likewise(void **state)
{
    struct liveness *liveness = given();
    const uint64_t moving[] = { 4 }, ended[] = { 3, 9 }, wrong[] = { 9, 3 };
    struct liveness_word word = {
        .moving = moving, .moving_count = 1, .ended = ended, .ended_count = 2
    };

    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_OK);
    assert_true(liveness_has_ended(liveness, 2, 3));
    assert_true(liveness_has_ended(liveness, 2, 9));
    assert_false(liveness_has_ended(liveness, 2, 4));
    assert_false(liveness_has_ended(liveness, 3, 3));
    word.ended = wrong;
    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_INVALID);
    says(liveness, 2, 2000, 0, 0);
    assert_false(liveness_has_ended(liveness, 2, 3));
    liveness_fini(liveness);
}

static void which_shards_are_to_be_split_or_merged_is_known_likewise(void **state)
{
    struct liveness *liveness = given();
    const uint64_t hot[] = { 4, 8 }, quiet[] = { 3 }, wrong[] = { 8, 8 };
    struct liveness_word word = { .hot = hot, .hot_count = 2, .quiet = quiet, .quiet_count = 1 };

    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_OK);
    assert_true(liveness_has_hot(liveness, 2, 8));
    assert_false(liveness_has_hot(liveness, 2, 3));
    assert_true(liveness_has_quiet(liveness, 2, 3));
    assert_false(liveness_has_quiet(liveness, 2, 4));
    word.hot = wrong;
    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_INVALID);
    liveness_fini(liveness);
}

static void a_full_table_forgets_who_is_gone(void **state)
{
    struct liveness *liveness = given();

    for (uint64_t id = 2; id < 2 + CONTROL_PEERS_MAX; id++)
        says(liveness, id, 1000, id, 1);
    assert_int_equal(liveness_told(liveness, 999, 1000, &(struct liveness_word){ .boot = 1 }),
                     ERR_BUSY);
    liveness_gone(liveness, 5);
    says(liveness, 999, 1000, 0, 0);
    assert_true(liveness_is_up(liveness, 999, 1000));
    assert_null(liveness_word_of(liveness, 5));
    liveness_fini(liveness);
}

static void a_single_node_goes_by_its_own_clock(void **state)
{
    struct liveness *liveness = given();
    const uint64_t nodes[] = { 1 };

    assert_int_equal(liveness_agreed_ms(liveness, nodes, 1, WALL_MS, 0), WALL_MS);
    liveness_fini(liveness);
}

static void without_a_majority_of_clocks_there_is_no_time(void **state)
{
    struct liveness *liveness = given();
    const uint64_t nodes[] = { 1, 2, 3 };

    assert_int_equal(liveness_agreed_ms(liveness, nodes, 3, WALL_MS, 0), 0);
    says(liveness, 2, 0, 0, 0);
    assert_int_equal(liveness_agreed_ms(liveness, nodes, 3, WALL_MS, 0), WALL_MS);
    assert_int_equal(
        liveness_agreed_ms(liveness, nodes, 3, WALL_MS + CONTROL_CLOCK_MS, CONTROL_CLOCK_MS), 0);
    liveness_fini(liveness);
}

static void the_earliest_clock_counts(void **state)
{
    struct liveness *liveness = given();
    const uint64_t nodes[] = { 1, 2, 3 };
    struct liveness_word late = { .wall_ms = WALL_MS - 5000 };

    says(liveness, 2, 0, 0, 0);
    assert_int_equal(liveness_told(liveness, 3, 0, &late), ERR_OK);
    assert_int_equal(liveness_agreed_ms(liveness, nodes, 3, WALL_MS, 0), WALL_MS - 5000);
    /* It goes on as this node's own monotonic clock does. */
    assert_int_equal(liveness_agreed_ms(liveness, nodes, 3, WALL_MS + 700, 700),
                     WALL_MS - 5000 + 700);
    /* This node's own clock may be the one that is behind. */
    assert_int_equal(liveness_agreed_ms(liveness, nodes, 3, WALL_MS - 9000, 0), WALL_MS - 9000);
    liveness_fini(liveness);
}

static void the_clock_of_a_stranger_does_not_count(void **state)
{
    struct liveness *liveness = given();
    const uint64_t nodes[] = { 1, 2, 3 };
    struct liveness_word wild = { .wall_ms = 5 };

    says(liveness, 2, 0, 0, 0);
    assert_int_equal(liveness_told(liveness, 44, 0, &wild), ERR_OK);
    assert_int_equal(liveness_agreed_ms(liveness, nodes, 3, WALL_MS, 0), WALL_MS);
    liveness_fini(liveness);
}

static void tells(struct liveness *liveness, uint64_t node, uint64_t now_ms,
                  struct liveness_word word)
{
    assert_int_equal(liveness_told(liveness, node, now_ms, &word), ERR_OK);
}

static void a_clock_is_off_the_one_in_the_middle(void **state)
{
    struct liveness *liveness = given();
    const uint64_t nodes[] = { 1, 2, 3 };

    /* Of two nobody knows which one is right; and alone there is no majority. */
    assert_int_equal(liveness_clock_off_ms(liveness, nodes, 3, WALL_MS + 9000, 0), 0);
    tells(liveness, 2, 0, (struct liveness_word){ .wall_ms = WALL_MS });
    assert_int_equal(liveness_clock_off_ms(liveness, nodes, 3, WALL_MS + 9000, 0), 0);
    tells(liveness, 3, 0, (struct liveness_word){ .wall_ms = WALL_MS + 100 });
    assert_int_equal(liveness_clock_off_ms(liveness, nodes, 3, WALL_MS + 9000, 0), 8900);
    assert_int_equal(liveness_clock_off_ms(liveness, nodes, 3, WALL_MS - 9000, 0), -9000);
    assert_int_equal(liveness_clock_off_ms(liveness, nodes, 3, WALL_MS + 50, 0), 0);
    /* The others' go on as this node's monotonic clock does. */
    assert_int_equal(liveness_clock_off_ms(liveness, nodes, 3, WALL_MS + 9000, 9000), 0);
    /* This one is right when the others are wrong to both sides. */
    tells(liveness, 3, 0, (struct liveness_word){ .wall_ms = WALL_MS + 90000 });
    assert_int_equal(liveness_clock_off_ms(liveness, nodes, 3, WALL_MS + 9000, 0), 0);
    liveness_fini(liveness);
}

static void the_others_writes_are_told_by_the_one_in_the_middle(void **state)
{
    struct liveness *liveness = given();

    assert_int_equal(liveness_write_us(liveness, 0), 0);
    tells(liveness, 2, 0, (struct liveness_word){ .write_us = 900 });
    tells(liveness, 3, 0, (struct liveness_word){ .write_us = 0 });
    assert_int_equal(liveness_write_us(liveness, 0), 900);
    tells(liveness, 3, 0, (struct liveness_word){ .write_us = 100 });
    assert_int_equal(liveness_write_us(liveness, 0), 100);
    tells(liveness, 4, 0, (struct liveness_word){ .write_us = 300 });
    assert_int_equal(liveness_write_us(liveness, 0), 300);
    assert_int_equal(liveness_write_us(liveness, CONTROL_SILENT_MS), 0);
    liveness_fini(liveness);
}

static void who_ails_is_given_nothing_to_lead(void **state)
{
    struct liveness *liveness = given();
    uint64_t since_ms = 0;

    tells(liveness, 2, 1000, (struct liveness_word){ .ails = 2 });
    assert_true(liveness_stays(liveness, 2, 1000));
    assert_false(liveness_leads_since(liveness, 2, 1000, &since_ms));
    tells(liveness, 2, 2000, (struct liveness_word){ .ails = 2 });
    tells(liveness, 2, 3000, (struct liveness_word){ .ails = 0 });
    tells(liveness, 2, 4000, (struct liveness_word){ .ails = 0 });
    assert_true(liveness_leads_since(liveness, 2, 4000, &since_ms));
    assert_int_equal(since_ms, 3000);
    assert_true(liveness_leads_since(liveness, 1, 4000, &since_ms));
    liveness_fini(liveness);
}

static uint64_t up_since(const struct liveness *liveness, uint64_t id, uint64_t now_ms)
{
    uint64_t since_ms = 0;

    assert_true(liveness_stays_since(liveness, id, now_ms, &since_ms));
    return since_ms;
}

static void a_node_is_up_since_it_was_down_last(void **state)
{
    struct liveness *liveness = given();
    uint64_t since_ms = 0;

    says(liveness, 2, 1000, 0, 0);
    says(liveness, 2, 1000 + CONTROL_SILENT_MS - 1, 0, 0);
    assert_int_equal(up_since(liveness, 2, 1000 + CONTROL_SILENT_MS), 1000);
    assert_false(liveness_stays_since(liveness, 2, 1000 + 2 * CONTROL_SILENT_MS, &since_ms));
    says(liveness, 2, 20000, 0, 0);
    assert_int_equal(up_since(liveness, 2, 20001), 20000);
    liveness_gone(liveness, 2);
    assert_false(liveness_stays_since(liveness, 2, 20001, &since_ms));
    liveness_up(liveness, 2, 20500);
    assert_int_equal(up_since(liveness, 2, 20501), 20500);
    liveness_fini(liveness);
}

/* Also when nobody saw the old one go. */
static void a_new_process_begins_anew(void **state)
{
    struct liveness *liveness = given();
    struct liveness_word word = { .boot = 5 };

    assert_int_equal(liveness_told(liveness, 2, 1000, &word), ERR_OK);
    assert_int_equal(liveness_told(liveness, 2, 1500, &word), ERR_OK);
    assert_int_equal(up_since(liveness, 2, 1500), 1000);
    word.boot = 6;
    assert_int_equal(liveness_told(liveness, 2, 2000, &word), ERR_OK);
    assert_int_equal(up_since(liveness, 2, 2000), 2000);
    liveness_fini(liveness);
}

static void who_is_leaving_is_up_but_does_not_stay(void **state)
{
    struct liveness *liveness = given();
    uint64_t group = 7, term = 3, since_ms = 0;
    struct liveness_word word = {
        .boot = 5, .leaving = true, .groups = &group, .terms = &term, .group_count = 1
    };

    says(liveness, 2, 1000, 0, 0);
    assert_true(liveness_stays(liveness, 2, 1000));
    assert_int_equal(liveness_told(liveness, 2, 1500, &word), ERR_OK);
    assert_true(liveness_is_up(liveness, 2, 1500));
    assert_int_equal(liveness_leader(liveness, 7, 1500), 2); /* it leads until others do */
    assert_false(liveness_stays(liveness, 2, 1500));
    assert_false(liveness_stays_since(liveness, 2, 1500, &since_ms));
    word = (struct liveness_word){ .boot = 6 };
    assert_int_equal(liveness_told(liveness, 2, 2000, &word), ERR_OK);
    assert_int_equal(up_since(liveness, 2, 2000), 2000); /* started again */
    assert_true(liveness_stays(liveness, 1, 2000));
    liveness_fini(liveness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_node_itself_is_always_up),
        cmocka_unit_test(a_link_makes_up_and_silence_makes_down),
        cmocka_unit_test(a_process_that_is_gone_is_down_at_once),
        cmocka_unit_test(a_node_that_stops_is_down),
        cmocka_unit_test(who_is_leaving_is_up_but_does_not_stay),
        cmocka_unit_test(a_clock_is_off_the_one_in_the_middle),
        cmocka_unit_test(the_others_writes_are_told_by_the_one_in_the_middle),
        cmocka_unit_test(who_ails_is_given_nothing_to_lead),
        cmocka_unit_test(a_node_is_up_since_it_was_down_last),
        cmocka_unit_test(a_new_process_begins_anew),
        cmocka_unit_test(the_highest_term_leads),
        cmocka_unit_test(who_is_silent_leads_nothing),
        cmocka_unit_test(a_new_word_replaces_the_old_one),
        cmocka_unit_test(what_all_members_have_is_said_by_the_leader),
        cmocka_unit_test(lists_that_do_not_ascend_are_refused),
        cmocka_unit_test(open_groups_are_remembered),
        cmocka_unit_test(what_moves_on_a_node_is_known_from_its_last_word),
        cmocka_unit_test(which_closed_shards_a_node_has_to_the_end_is_known_likewise),
        cmocka_unit_test(which_shards_are_to_be_split_or_merged_is_known_likewise),
        cmocka_unit_test(a_full_table_forgets_who_is_gone),
        cmocka_unit_test(a_single_node_goes_by_its_own_clock),
        cmocka_unit_test(without_a_majority_of_clocks_there_is_no_time),
        cmocka_unit_test(the_earliest_clock_counts),
        cmocka_unit_test(the_clock_of_a_stranger_does_not_count),
    };

    return cmocka_run_group_tests_name("liveness", tests, NULL, NULL);
}

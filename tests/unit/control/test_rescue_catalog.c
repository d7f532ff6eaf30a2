#include "../catalog/given.h"

#include "control/rescue.h"

static struct rescue_look look;

static void heard(uint64_t node, enum rescue_heard what)
{
    look.nodes[look.node_count++] = (struct rescue_node){ .node = node, .heard = what };
}

/* Members 1, 2 and 3; `open`: it has the group's log. */
static struct holding *has(uint64_t node, uint32_t epoch, uint64_t last, uint64_t term, bool open)
{
    heard(node, RESCUE_HAS);
    struct holding *holding = &look.nodes[look.node_count - 1].holding;
    *holding = (struct holding){ .epoch = epoch,
                                 .member_count = 3,
                                 .members = { 1, 2, 3 },
                                 .last = last,
                                 .last_term = term,
                                 .applied = last,
                                 .open = open };
    return holding;
}

static void begin(void)
{
    look = (struct rescue_look){ .group = CATALOG_GROUP };
}

static void expect_survivor(uint64_t node)
{
    rescue_choose_catalog(&look);
    assert_int_equal(look.err, ERR_OK);
    assert_int_equal(look.nodes[look.survivor].node, node);
}

static void expect_none(enum err err, const char *why)
{
    rescue_choose_catalog(&look);
    assert_int_equal(look.err, err);
    assert_non_null(strstr(look.reason.text, why));
}

static void the_last_member_is_the_survivor(void **state)
{
    begin();
    heard(1, RESCUE_DOWN);
    has(2, 1, 50, 3, true);
    heard(3, RESCUE_NOTHING);
    expect_survivor(2);
    assert_int_equal(look.epoch, 1);
}

static void a_node_outside_of_the_group_is_when_it_has_more(void **state)
{
    begin();
    has(2, 1, 50, 3, true);
    has(4, 1, 51, 3, false);
    has(5, 1, 60, 2, false);
    expect_survivor(4);
}

static void whoever_looks_finds_the_same(void **state)
{
    begin();
    has(5, 1, 50, 3, false);
    has(4, 1, 50, 3, false);
    expect_survivor(4);
    has(2, 1, 50, 3, true);
    expect_survivor(2);
}

static void a_copy_of_a_later_history_wins(void **state)
{
    begin();
    has(1, 1, 900, 9, true);
    struct holding *newer = has(4, MODEL_RESCUE_EPOCHS, MODEL_RESCUE_INDEX, 2, true);
    newer->member_count = 2;
    memcpy(newer->members, (uint64_t[GROUP_MEMBERS_MAX]){ 4, 5 }, sizeof(newer->members));
    expect_survivor(4);
}

static void nothing_is_rescued_while_a_majority_is_there(void **state)
{
    begin();
    has(1, 1, 50, 3, true);
    has(2, 1, 40, 3, true);
    expect_none(ERR_CLOSED, "2 of its 3 members are up");
}

static void nor_while_somebody_leads(void **state)
{
    begin();
    has(4, 1, 50, 3, false);
    has(2, 1, 40, 3, true)->leads = true;
    expect_none(ERR_CLOSED, "(0000000000000002) leads it");
}

static void a_replaced_node_is_neither_survivor_nor_member(void **state)
{
    begin();
    has(1, 1, 90, 3, true);
    look.nodes[0].replaced = true;
    has(2, 1, 50, 3, true);
    expect_survivor(2);
}

static void who_is_connected_and_silent_is_waited_for(void **state)
{
    begin();
    has(1, 1, 50, 3, true);
    heard(2, RESCUE_DOWN);
    heard(4, RESCUE_SILENT);
    expect_none(ERR_BUSY, "does not say what it has");
    look.nodes[2].replaced = true;
    expect_survivor(1);
}

static void without_a_copy_there_is_nothing(void **state)
{
    begin();
    heard(1, RESCUE_DOWN);
    heard(4, RESCUE_NOTHING);
    expect_none(ERR_NOT_FOUND, "no node that is up has a copy");
}

/* ---- what full logs let retention know ---- */

static bool none_changes(uint64_t index)
{
    const uint64_t members[] = { 1, 2, 3 };

    return rescue_none_changes(&look, members, 3, 4, index);
}

/* What it knows to be committed, and nothing of retention up to `last`. */
static struct holding *has_tail(uint64_t node, uint64_t applied, uint64_t last, uint64_t term)
{
    struct holding *holding = has(node, 4, last, term, true);

    holding->applied = applied;
    holding->same_kept = true;
    return holding;
}

static void a_majority_without_more_has_agreed_on_nothing(void **state)
{
    begin();
    has_tail(1, 50, 50, 3);
    has_tail(2, 48, 48, 3);
    has_tail(3, 51, 51, 3);
    assert_true(none_changes(50));
    assert_false(none_changes(49));
}

/* It starts, and its model is not as far as its log yet. */
static void who_says_nothing_of_it_may_have_more(void **state)
{
    begin();
    has_tail(1, 50, 50, 3);
    has_tail(2, 50, 50, 3)->same_kept = false;
    heard(3, RESCUE_DOWN);
    assert_false(none_changes(50));
}

static void barriers_of_two_leaders_change_nothing(void **state)
{
    begin();
    has_tail(1, 50, 51, 11);
    has_tail(2, 50, 50, 9);
    has_tail(3, 50, 51, 10);
    assert_true(none_changes(50));
}

static void nor_does_one_where_the_third_member_lost_its_disk(void **state)
{
    begin();
    has_tail(1, 50, 53, 11);
    has_tail(2, 50, 50, 9);
    heard(3, RESCUE_NOTHING);
    assert_true(none_changes(50));
}

static void what_a_majority_has_may_have_been_agreed_on(void **state)
{
    begin();
    has_tail(1, 50, 51, 11)->same_kept = false;
    has_tail(2, 50, 50, 9);
    has_tail(3, 50, 51, 10)->same_kept = false;
    assert_false(none_changes(50));
}

/* What it says is said of what is behind that. */
static void who_has_applied_more_has_more(void **state)
{
    begin();
    has_tail(1, 51, 52, 11);
    has_tail(2, 50, 52, 11);
    heard(3, RESCUE_DOWN);
    assert_false(none_changes(50));
    assert_true(none_changes(51));
}

static void of_others_nothing_counts(void **state)
{
    begin();
    has_tail(1, 50, 50, 3);
    has_tail(2, 50, 50, 3)->epoch = 5;
    has_tail(3, 50, 50, 3)->open = false; /* the model alone */
    has_tail(4, 50, 50, 3);               /* no member */
    assert_false(none_changes(50));
    look.nodes[1].holding.epoch = 4;
    assert_true(none_changes(50));
    look.nodes[1].heard = RESCUE_SILENT;
    assert_false(none_changes(50));
}

static void what_is_said_is_heard(void **state)
{
    struct holding said = { .epoch = 4, .member_count = 2, .members = { 1, 2 }, .first = 3,
                            .last = 53, .last_term = 11, .last_time_ms = 9, .applied = 50,
                            .records = 5, .open = true, .same_kept = true, .hears = 2 };

    for (unsigned flags = 0; flags < 16; flags++) {
        struct holding heard_it;
        said.open = (flags & 1) != 0;
        said.leads = (flags & 2) != 0;
        said.same_kept = (flags & 4) != 0;
        said.hears = (flags & 8) != 0 ? 2 : 0;
        struct buf *bytes = holding_encode(&said);
        assert_non_null(bytes);
        assert_true(holding_decode(&heard_it, buf_slice(bytes)));
        buf_unref(bytes);
        assert_int_equal(heard_it.open, said.open);
        assert_int_equal(heard_it.leads, said.leads);
        assert_int_equal(heard_it.same_kept, said.same_kept);
        assert_int_equal(heard_it.hears, said.hears);
        assert_int_equal(heard_it.last, said.last);
        assert_int_equal(heard_it.applied, said.applied);
        assert_memory_equal(heard_it.members, said.members, sizeof(said.members));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_member_is_the_survivor),
        cmocka_unit_test(a_node_outside_of_the_group_is_when_it_has_more),
        cmocka_unit_test(whoever_looks_finds_the_same),
        cmocka_unit_test(a_copy_of_a_later_history_wins),
        cmocka_unit_test(nothing_is_rescued_while_a_majority_is_there),
        cmocka_unit_test(nor_while_somebody_leads),
        cmocka_unit_test(a_replaced_node_is_neither_survivor_nor_member),
        cmocka_unit_test(who_is_connected_and_silent_is_waited_for),
        cmocka_unit_test(without_a_copy_there_is_nothing),
        cmocka_unit_test(a_majority_without_more_has_agreed_on_nothing),
        cmocka_unit_test(who_says_nothing_of_it_may_have_more),
        cmocka_unit_test(barriers_of_two_leaders_change_nothing),
        cmocka_unit_test(nor_does_one_where_the_third_member_lost_its_disk),
        cmocka_unit_test(what_a_majority_has_may_have_been_agreed_on),
        cmocka_unit_test(who_has_applied_more_has_more),
        cmocka_unit_test(of_others_nothing_counts),
        cmocka_unit_test(what_is_said_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

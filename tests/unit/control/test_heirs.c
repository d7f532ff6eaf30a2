#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/heirs.h"

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static struct heirs_member member(uint64_t node, uint32_t leads)
{
    return (struct heirs_member){ .node = node, .up = true, .stays = true, .leads = leads };
}

static void it_goes_to_whom_leads_least(void **state)
{
    struct heirs heirs = { .count = 0 };
    const struct heirs_member members[] = { member(2, 9), member(3, 4) };
    uint64_t order[GROUP_MEMBERS_MAX];

    assert_int_equal(heirs_order(&heirs, members, COUNT_OF(members), order), 2);
    assert_int_equal(order[0], 3);
    assert_int_equal(order[1], 2);
}

static void who_ails_comes_last(void **state)
{
    struct heirs heirs = { .count = 0 };
    struct heirs_member members[] = { member(2, 0), member(3, 50) };
    uint64_t order[GROUP_MEMBERS_MAX];

    members[0].ails = true;
    assert_int_equal(heirs_order(&heirs, members, COUNT_OF(members), order), 2);
    assert_int_equal(order[0], 3);
    assert_int_equal(order[1], 2);
}

static void of_equals_to_the_first_of_the_row(void **state)
{
    struct heirs heirs = { .count = 0 };
    const struct heirs_member members[] = { member(9, 4), member(3, 4) };
    uint64_t order[GROUP_MEMBERS_MAX];

    assert_int_equal(heirs_order(&heirs, members, COUNT_OF(members), order), 2);
    assert_int_equal(order[0], 9);
}

/* What the others say meanwhile of what they have been given counts no second time. */
static void what_was_given_is_spread(void **state)
{
    struct heirs heirs = { .count = 0 };
    struct heirs_member members[] = { member(2, 10), member(3, 10) };
    uint64_t order[GROUP_MEMBERS_MAX];
    uint32_t given[2] = { 0, 0 };

    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(heirs_order(&heirs, members, COUNT_OF(members), order), 2);
        heirs_give(&heirs, order[0]);
        given[order[0] - 2]++;
        members[order[0] - 2].leads++;
    }
    assert_int_equal(given[0], 5);
    assert_int_equal(given[1], 5);
}

static void who_leads_much_less_is_given_all(void **state)
{
    struct heirs heirs = { .count = 0 };
    const struct heirs_member members[] = { member(2, 15), member(3, 0) };
    uint64_t order[GROUP_MEMBERS_MAX];

    for (uint32_t i = 0; i < 15; i++) {
        heirs_order(&heirs, members, COUNT_OF(members), order);
        assert_int_equal(order[0], 3);
        heirs_give(&heirs, order[0]);
    }
    heirs_order(&heirs, members, COUNT_OF(members), order);
    assert_int_equal(order[0], 2);
}

static void who_leaves_itself_votes_but_is_given_nothing(void **state)
{
    struct heirs heirs = { .count = 0 };
    struct heirs_member members[] = { member(2, 0), member(3, 8) };
    uint64_t order[GROUP_MEMBERS_MAX];

    members[0].stays = false;
    assert_int_equal(heirs_order(&heirs, members, COUNT_OF(members), order), 1);
    assert_int_equal(order[0], 3);
    members[1].stays = false;
    assert_int_equal(heirs_order(&heirs, members, COUNT_OF(members), order), 0);
}

static void without_a_majority_of_others_there_is_nobody(void **state)
{
    struct heirs heirs = { .count = 0 };
    struct heirs_member members[] = { member(2, 0), member(3, 0), member(4, 0), member(5, 0) };
    uint64_t order[GROUP_MEMBERS_MAX];

    assert_int_equal(heirs_order(&heirs, members, 0, order), 0); /* a single node */
    assert_int_equal(heirs_order(&heirs, members, 1, order), 0); /* of two */
    members[1].up = members[1].stays = false;
    assert_int_equal(heirs_order(&heirs, members, 2, order), 0); /* of three, one is down */
    assert_int_equal(heirs_order(&heirs, members, 4, order), 3); /* of five */
    members[2].up = members[2].stays = false;
    assert_int_equal(heirs_order(&heirs, members, 4, order), 0);
}

static void who_did_not_take_over_comes_last(void **state)
{
    struct heirs heirs = { .count = 0 };
    const struct heirs_member members[] = { member(2, 0), member(3, 1000) };
    uint64_t order[GROUP_MEMBERS_MAX];

    heirs_order(&heirs, members, COUNT_OF(members), order);
    assert_int_equal(order[0], 2);
    heirs_fail(&heirs, 2);
    assert_int_equal(heirs_order(&heirs, members, COUNT_OF(members), order), 2);
    assert_int_equal(order[0], 3);
    assert_int_equal(order[1], 2);
    heirs_fail(&heirs, 3); /* nor did that one: as before */
    heirs_order(&heirs, members, COUNT_OF(members), order);
    assert_int_equal(order[0], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_to_whom_leads_least),
        cmocka_unit_test(who_ails_comes_last),
        cmocka_unit_test(of_equals_to_the_first_of_the_row),
        cmocka_unit_test(what_was_given_is_spread),
        cmocka_unit_test(who_leads_much_less_is_given_all),
        cmocka_unit_test(who_leaves_itself_votes_but_is_given_nothing),
        cmocka_unit_test(without_a_majority_of_others_there_is_nobody),
        cmocka_unit_test(who_did_not_take_over_comes_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

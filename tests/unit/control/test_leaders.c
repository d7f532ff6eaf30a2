#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/leaders.h"

#define NOW_MS 1000000u
#define SELF 1u
#define OTHER 2u

/* Led here, preferred elsewhere, and that node has been up for just long enough. */
static struct leaders_group ripe(void)
{
    return (struct leaders_group){ .group = 7,
                                   .self = SELF,
                                   .preferred = OTHER,
                                   .leads = true,
                                   .up = true,
                                   .up_ms = NOW_MS - CONTROL_LEADERS_CALM_MS };
}

static void a_group_goes_to_its_preferred_member(void **state)
{
    struct leaders leaders = { .next = 0 };
    struct leaders_group group = ripe();

    assert_true(leaders_should_move(&leaders, &group, NOW_MS));
}

static void what_is_preferred_here_or_led_elsewhere_stays(void **state)
{
    struct leaders leaders = { .next = 0 };
    struct leaders_group own = ripe(), foreign = ripe();

    own.preferred = SELF;
    foreign.leads = false;
    assert_false(leaders_should_move(&leaders, &own, NOW_MS));
    assert_false(leaders_should_move(&leaders, &foreign, NOW_MS));
}

static void a_node_that_is_to_lead_nothing_does_not_wait_until_others_are_calm(void **state)
{
    struct leaders leaders = { .next = 0 };
    struct leaders_group group = ripe();

    group.leaves = true;
    group.up_ms = NOW_MS;
    assert_true(leaders_should_move(&leaders, &group, NOW_MS));
    group.up = false;
    assert_false(leaders_should_move(&leaders, &group, NOW_MS));
    group.up = true;
    leaders_tried(&leaders, group.group, OTHER, NOW_MS);
    assert_false(
        leaders_should_move(&leaders, &group, NOW_MS + CONTROL_LEADERS_LEAVE_MS - 1));
    assert_true(leaders_should_move(&leaders, &group, NOW_MS + CONTROL_LEADERS_LEAVE_MS));
    group.leaves = false;
    assert_false(leaders_should_move(&leaders, &group, NOW_MS + CONTROL_LEADERS_LEAVE_MS));
    group.preferred = 0; /* nobody can */
    assert_false(leaders_should_move(&leaders, &group, NOW_MS));
}

static void a_member_that_is_down_or_just_came_is_waited_for(void **state)
{
    struct leaders leaders = { .next = 0 };
    struct leaders_group down = ripe(), fresh = ripe();

    down.up = false;
    fresh.up_ms++;
    assert_false(leaders_should_move(&leaders, &down, NOW_MS));
    assert_false(leaders_should_move(&leaders, &fresh, NOW_MS));
    assert_true(leaders_should_move(&leaders, &fresh, NOW_MS + 1));
}

static void what_was_tried_is_left_alone_for_a_while(void **state)
{
    struct leaders leaders = { .next = 0 };
    struct leaders_group tried = ripe(), other = ripe();

    other.group = 8;
    leaders_tried(&leaders, tried.group, OTHER, NOW_MS);
    assert_false(leaders_should_move(&leaders, &tried, NOW_MS));
    assert_false(leaders_should_move(&leaders, &tried, NOW_MS + CONTROL_LEADERS_RETRY_MS - 1));
    assert_true(leaders_should_move(&leaders, &other, NOW_MS));
    assert_true(leaders_should_move(&leaders, &tried, NOW_MS + CONTROL_LEADERS_RETRY_MS));
}

static void whom_it_was_tried_with_last_is_remembered(void **state)
{
    struct leaders leaders = { .next = 0 };

    assert_int_equal(leaders_tried_with(&leaders, 7), 0);
    leaders_tried(&leaders, 7, OTHER, NOW_MS);
    leaders_tried(&leaders, 7, OTHER + 1, NOW_MS);
    leaders_tried(&leaders, 8, OTHER, NOW_MS);
    assert_int_equal(leaders_tried_with(&leaders, 7), OTHER + 1);
}

/* The most that looks can try in that time does not push the first one out. */
static void no_try_is_forgotten_too_early(void **state)
{
    struct leaders leaders = { .next = 0 };
    struct leaders_group first = ripe();
    uint64_t now_ms = NOW_MS, number = 100;

    leaders_tried(&leaders, first.group, OTHER, NOW_MS);
    for (uint32_t i = 1; i < CONTROL_LEADERS_AT_ONCE; i++)
        leaders_tried(&leaders, number++, OTHER, NOW_MS);
    for (now_ms += CONTROL_LEADERS_EVERY_MS; now_ms < NOW_MS + CONTROL_LEADERS_RETRY_MS;
         now_ms += CONTROL_LEADERS_EVERY_MS) {
        for (uint32_t i = 0; i < CONTROL_LEADERS_AT_ONCE; i++)
            leaders_tried(&leaders, number++, OTHER, now_ms);
        assert_false(leaders_should_move(&leaders, &first, now_ms));
    }
    assert_true(leaders_should_move(&leaders, &first, now_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_goes_to_its_preferred_member),
        cmocka_unit_test(what_is_preferred_here_or_led_elsewhere_stays),
        cmocka_unit_test(a_node_that_is_to_lead_nothing_does_not_wait_until_others_are_calm),
        cmocka_unit_test(a_member_that_is_down_or_just_came_is_waited_for),
        cmocka_unit_test(whom_it_was_tried_with_last_is_remembered),
        cmocka_unit_test(what_was_tried_is_left_alone_for_a_while),
        cmocka_unit_test(no_try_is_forgotten_too_early),
    };

    return cmocka_run_group_tests_name("leaders", tests, NULL, NULL);
}

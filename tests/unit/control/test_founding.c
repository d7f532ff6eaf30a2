#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/founding.h"

static struct founding_seed seed(uint64_t node, const char *name, const char *az)
{
    return (struct founding_seed){ .answered = true, .node = node, .name = name, .az = az };
}

struct decision {
    enum founding what;
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count;
};

static struct decision decide(const struct founding_seed seeds[], uint32_t count, uint64_t self)
{
    struct decision decision = { .count = 0 };

    decision.what = founding_decide(seeds, count, self, decision.members, &decision.count);
    return decision;
}

static void the_lowest_id_decides_and_the_others_wait_for_it(void **state)
{
    const struct founding_seed seeds[] = { seed(30, "a", "z1"), seed(10, "b", "z2"),
                                           seed(20, "c", "z3") };

    assert_int_equal(decide(seeds, 3, 10).what, FOUNDING_OURS);
    assert_int_equal(decide(seeds, 3, 20).what, FOUNDING_THEIRS);
    assert_int_equal(decide(seeds, 3, 30).what, FOUNDING_THEIRS);
}

static void a_seed_that_does_not_answer_is_waited_for(void **state)
{
    struct founding_seed seeds[] = { seed(10, "a", "z1"), seed(20, "b", "z2"),
                                     seed(30, "c", "z3") };

    seeds[2].answered = false;
    assert_int_equal(decide(seeds, 3, 10).what, FOUNDING_WAIT);
}

static void a_seed_with_a_cluster_stops_all_founding(void **state)
{
    struct founding_seed seeds[] = { seed(10, "a", "z1"), seed(20, "b", "z2"),
                                     seed(30, "c", "z3") };

    seeds[1].cluster = 5;
    assert_int_equal(decide(seeds, 3, 10).what, FOUNDING_WAIT);
}

static void one_node_under_two_addresses_is_not_two_seeds(void **state)
{
    const struct founding_seed seeds[] = { seed(10, "a", "z1"), seed(10, "a", "z1"),
                                           seed(30, "c", "z3") };

    assert_int_equal(decide(seeds, 3, 10).what, FOUNDING_WAIT);
}

static void who_is_no_seed_never_founds(void **state)
{
    const struct founding_seed seeds[] = { seed(10, "a", "z1"), seed(20, "b", "z2") };

    assert_int_equal(decide(seeds, 2, 5).what, FOUNDING_THEIRS);
    assert_int_equal(decide(seeds, 0, 5).what, FOUNDING_WAIT);
}

static void a_single_seed_founds_alone(void **state)
{
    const struct founding_seed seeds[] = { seed(10, "a", "z1") };
    struct decision decision = decide(seeds, 1, 10);

    assert_int_equal(decision.what, FOUNDING_OURS);
    assert_int_equal(decision.count, 1);
    assert_int_equal(decision.members[0], 10);
}

static void three_azs_hold_the_catalogue_by_name(void **state)
{
    const struct founding_seed seeds[] = { seed(50, "e", "z3"), seed(40, "d", "z2"),
                                           seed(30, "c", "z1"), seed(20, "b", "z1"),
                                           seed(10, "a", "z1") };
    struct decision decision = decide(seeds, 5, 10);

    assert_int_equal(decision.count, 3);
    assert_int_equal(decision.members[0], 10); /* a, the first of z1 */
    assert_int_equal(decision.members[1], 40);
    assert_int_equal(decision.members[2], 50);
}

static void with_fewer_azs_names_decide(void **state)
{
    const struct founding_seed seeds[] = { seed(40, "d", "z2"), seed(30, "c", "z1"),
                                           seed(20, "b", "z1"), seed(10, "a", "z1") };
    struct decision decision = decide(seeds, 4, 10);

    assert_int_equal(decision.count, 3);
    assert_int_equal(decision.members[0], 10);
    assert_int_equal(decision.members[1], 40);
    assert_int_equal(decision.members[2], 20);
}

static void equal_names_are_told_apart_by_id(void **state)
{
    const struct founding_seed seeds[] = { seed(30, "n", "z"), seed(10, "n", "z"),
                                           seed(20, "n", "z"), seed(40, "n", "z") };
    struct decision decision = decide(seeds, 4, 10);

    assert_int_equal(decision.members[0], 10);
    assert_int_equal(decision.members[1], 20);
    assert_int_equal(decision.members[2], 30);
}

static void who_decides_waits_and_looks_all_the_time(void **state)
{
    struct founding_wait wait = { .waiting = false };

    assert_false(founding_waited(&wait, 5000, 2000));
    assert_false(founding_waited(&wait, 6000, 2000));
    assert_false(founding_waited(&wait, 6999, 2000));
    assert_true(founding_waited(&wait, 7000, 2000));
}

static void without_a_wait_it_founds_at_once(void **state)
{
    struct founding_wait wait = { .waiting = false };

    assert_true(founding_waited(&wait, 5000, 0));
}

static void a_seed_that_went_begins_the_wait_anew(void **state)
{
    struct founding_wait wait = { .waiting = false };

    assert_false(founding_waited(&wait, 5000, 2000));
    wait.waiting = false;
    assert_false(founding_waited(&wait, 6500, 2000));
    assert_false(founding_waited(&wait, 7500, 2000));
    assert_true(founding_waited(&wait, 8500, 2000));
}

static void a_process_that_stood_still_has_not_waited(void **state)
{
    struct founding_wait wait = { .waiting = false };
    uint64_t late = 5000 + FOUNDING_LOOK_MS_MAX + 1;

    assert_false(founding_waited(&wait, 5000, 2000));
    assert_false(founding_waited(&wait, late, 2000));
    assert_false(founding_waited(&wait, late + 1999, 2000));
    assert_true(founding_waited(&wait, late + 2000, 2000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_id_decides_and_the_others_wait_for_it),
        cmocka_unit_test(a_seed_that_does_not_answer_is_waited_for),
        cmocka_unit_test(a_seed_with_a_cluster_stops_all_founding),
        cmocka_unit_test(one_node_under_two_addresses_is_not_two_seeds),
        cmocka_unit_test(who_is_no_seed_never_founds),
        cmocka_unit_test(a_single_seed_founds_alone),
        cmocka_unit_test(three_azs_hold_the_catalogue_by_name),
        cmocka_unit_test(with_fewer_azs_names_decide),
        cmocka_unit_test(equal_names_are_told_apart_by_id),
        cmocka_unit_test(who_decides_waits_and_looks_all_the_time),
        cmocka_unit_test(without_a_wait_it_founds_at_once),
        cmocka_unit_test(a_seed_that_went_begins_the_wait_anew),
        cmocka_unit_test(a_process_that_stood_still_has_not_waited),
    };

    return cmocka_run_group_tests_name("founding", tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/absence.h"

static void time_counts_from_the_first_look_that_found_it_down(void **state)
{
    struct absence absence = { .count = 0 };

    assert_int_equal(absence_ms(&absence, 7, 5000), 0);
    absence_look(&absence, 7, false, 5000);
    assert_int_equal(absence_ms(&absence, 7, 5000), 1);
    absence_look(&absence, 7, false, 6000);
    assert_int_equal(absence_ms(&absence, 7, 6500), 1500);
    assert_int_equal(absence_ms(&absence, 8, 6500), 0);
}

static void who_is_up_once_begins_anew(void **state)
{
    struct absence absence = { .count = 0 };

    absence_look(&absence, 7, false, 1000);
    absence_look(&absence, 8, false, 2000);
    absence_look(&absence, 7, true, 3000);
    assert_int_equal(absence_ms(&absence, 7, 3000), 0);
    assert_int_equal(absence_ms(&absence, 8, 3000), 1000);
    absence_look(&absence, 7, false, 4000);
    assert_int_equal(absence_ms(&absence, 7, 4250), 250);
}

static void a_node_that_is_no_part_of_the_cluster_is_forgotten(void **state)
{
    struct absence absence = { .count = 0 };

    absence_look(&absence, 7, false, 1000);
    absence_forget(&absence, 7);
    absence_forget(&absence, 7);
    assert_int_equal(absence.count, 0);
}

static void an_absence_is_said_once(void **state)
{
    struct absence absence = { .count = 0 };

    assert_false(absence_say(&absence, 7));
    absence_look(&absence, 7, false, 1000);
    assert_true(absence_say(&absence, 7));
    assert_false(absence_say(&absence, 7));
    absence_look(&absence, 7, true, 2000);
    absence_look(&absence, 7, false, 3000);
    assert_true(absence_say(&absence, 7));
}

static void more_than_can_be_noted_count_as_up(void **state)
{
    struct absence absence = { .count = 0 };

    for (uint64_t node = 1; node <= NODE_ROWS_MAX + 1; node++)
        absence_look(&absence, node, false, 1000);
    assert_int_equal(absence.count, NODE_ROWS_MAX);
    assert_int_equal(absence_ms(&absence, NODE_ROWS_MAX, 3000), 2000);
    assert_int_equal(absence_ms(&absence, NODE_ROWS_MAX + 1, 3000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_counts_from_the_first_look_that_found_it_down),
        cmocka_unit_test(who_is_up_once_begins_anew),
        cmocka_unit_test(a_node_that_is_no_part_of_the_cluster_is_forgotten),
        cmocka_unit_test(an_absence_is_said_once),
        cmocka_unit_test(more_than_can_be_noted_count_as_up),
    };

    return cmocka_run_group_tests_name("absence", tests, NULL, NULL);
}

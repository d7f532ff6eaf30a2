#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/ailment.h"

#define LOOK_MS 1000u

struct patient {
    struct ailments ailments;
    uint64_t now_ms;
};

static struct ailment_sight slow(uint64_t us, uint64_t peers_us)
{
    return (struct ailment_sight){ .write_us = us, .peers_us = peers_us };
}

/* What it ails after so many looks that all find the same. */
static enum ailment look(struct patient *patient, struct ailment_sight sight, uint64_t ms)
{
    enum ailment ailment = AILMENT_NONE;

    for (uint64_t end_ms = patient->now_ms + ms; patient->now_ms < end_ms;) {
        patient->now_ms += LOOK_MS;
        ailment = ailments_look(&patient->ailments, &sight, patient->now_ms);
    }
    return ailment;
}

static void a_full_log_ails_when_it_lasts(void **state)
{
    struct patient patient = { .now_ms = 5000 };
    struct ailment_sight full = { .full = true }, room = { .full = false };

    assert_int_equal(look(&patient, full, CONTROL_FULL_AFTER_MS), AILMENT_NONE);
    assert_int_equal(look(&patient, room, LOOK_MS), AILMENT_NONE);
    assert_int_equal(look(&patient, full, CONTROL_FULL_AFTER_MS), AILMENT_NONE);
    assert_int_equal(look(&patient, full, LOOK_MS), AILMENT_FULL);
}

static void it_is_well_only_after_a_while(void **state)
{
    struct patient patient = { .now_ms = 5000 };
    struct ailment_sight full = { .full = true }, room = { .full = false };

    assert_int_equal(look(&patient, full, CONTROL_FULL_AFTER_MS + LOOK_MS), AILMENT_FULL);
    assert_int_equal(look(&patient, room, CONTROL_WELL_AFTER_MS), AILMENT_FULL);
    assert_int_equal(look(&patient, full, LOOK_MS), AILMENT_FULL);
    assert_int_equal(look(&patient, room, CONTROL_WELL_AFTER_MS), AILMENT_FULL);
    assert_int_equal(look(&patient, room, LOOK_MS), AILMENT_NONE);
}

static void who_relapses_waits_longer_each_time(void **state)
{
    struct patient patient = { .now_ms = 5000 };
    struct ailment_sight full = { .full = true }, room = { .full = false };
    uint64_t wait_ms = CONTROL_WELL_AFTER_MS;

    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(look(&patient, full, CONTROL_FULL_AFTER_MS + LOOK_MS), AILMENT_FULL);
        assert_int_equal(look(&patient, room, wait_ms), AILMENT_FULL);
        assert_int_equal(look(&patient, room, LOOK_MS), AILMENT_NONE);
        wait_ms = 2 * wait_ms < CONTROL_WELL_AFTER_MS_MAX ? 2 * wait_ms : CONTROL_WELL_AFTER_MS_MAX;
    }
    assert_int_equal(wait_ms, CONTROL_WELL_AFTER_MS_MAX);
    assert_int_equal(look(&patient, room, CONTROL_RELAPSE_MS), AILMENT_NONE);
    assert_int_equal(look(&patient, full, CONTROL_FULL_AFTER_MS + LOOK_MS), AILMENT_FULL);
    assert_int_equal(look(&patient, room, CONTROL_WELL_AFTER_MS + LOOK_MS), AILMENT_NONE);
}

static void a_disk_is_slow_only_beside_others(void **state)
{
    struct patient patient = { .now_ms = 5000 };
    const uint64_t long_ms = 10u * CONTROL_SLOW_AFTER_MS;

    /* All are slow; nobody knows; it is fast enough. */
    assert_int_equal(look(&patient, slow(900000, 400000), long_ms), AILMENT_NONE);
    assert_int_equal(look(&patient, slow(900000, 0), long_ms), AILMENT_NONE);
    assert_int_equal(look(&patient, slow(CONTROL_SLOW_US - 1, 100), long_ms), AILMENT_NONE);
    assert_int_equal(look(&patient, slow(CONTROL_SLOW_US, 100), CONTROL_SLOW_AFTER_MS),
                     AILMENT_NONE);
    assert_int_equal(look(&patient, slow(CONTROL_SLOW_US, 100), LOOK_MS), AILMENT_SLOW);
}

static void between_slow_and_well_nothing_changes(void **state)
{
    struct patient ill = { .now_ms = 5000 }, well = { .now_ms = 5000 };
    struct ailment_sight between = slow(CONTROL_SLOW_US * 3 / 4, CONTROL_SLOW_US / 4);
    const uint64_t long_ms = 10u * CONTROL_WELL_AFTER_MS;

    assert_int_equal(look(&ill, slow(90000, 1000), CONTROL_SLOW_AFTER_MS + LOOK_MS),
                     AILMENT_SLOW);
    assert_int_equal(look(&ill, between, long_ms), AILMENT_SLOW);
    assert_int_equal(look(&well, between, long_ms), AILMENT_NONE);
    /* Nothing is written. */
    assert_int_equal(look(&ill, slow(0, 1000), long_ms), AILMENT_SLOW);
    assert_int_equal(look(&ill, slow(2000, 1000), CONTROL_WELL_AFTER_MS + LOOK_MS), AILMENT_NONE);
}

static void one_write_that_takes_a_while_does_not_keep_a_node_ill(void **state)
{
    struct patient ill = { .now_ms = 5000 };
    struct ailment_sight fast = slow(400, 400), once = fast;

    once.hangs_us = CONTROL_SLOW_US - 1;
    assert_int_equal(look(&ill, slow(90000, 1000), CONTROL_SLOW_AFTER_MS + LOOK_MS),
                     AILMENT_SLOW);
    assert_int_equal(look(&ill, fast, CONTROL_WELL_AFTER_MS - LOOK_MS), AILMENT_SLOW);
    assert_int_equal(look(&ill, once, LOOK_MS), AILMENT_SLOW);
    assert_int_equal(look(&ill, fast, LOOK_MS), AILMENT_NONE);
    /* One that takes as long as a slow disk's: the count begins anew. */
    once.hangs_us = CONTROL_SLOW_US;
    assert_int_equal(look(&ill, slow(90000, 1000), CONTROL_SLOW_AFTER_MS + LOOK_MS),
                     AILMENT_SLOW);
    assert_int_equal(look(&ill, fast, CONTROL_WELL_AFTER_MS - LOOK_MS), AILMENT_SLOW);
    assert_int_equal(look(&ill, once, LOOK_MS), AILMENT_SLOW);
    assert_int_equal(look(&ill, fast, CONTROL_WELL_AFTER_MS), AILMENT_SLOW);
}

static void a_write_that_hangs_is_reason_enough(void **state)
{
    struct patient patient = { .now_ms = 5000 };
    struct ailment_sight hangs = { .hangs_us = CONTROL_HUNG_US, .peers_us = 1000 };

    /* A process that slept sees it once. */
    assert_int_equal(look(&patient, hangs, LOOK_MS), AILMENT_NONE);
    assert_int_equal(look(&patient, slow(2000, 1000), LOOK_MS), AILMENT_NONE);
    assert_int_equal(look(&patient, hangs, LOOK_MS), AILMENT_NONE);
    assert_int_equal(look(&patient, hangs, LOOK_MS), AILMENT_SLOW);
}

static void a_clock_may_be_off_by_so_much(void **state)
{
    struct patient patient = { .now_ms = 5000 };
    struct ailment_sight off = { .off_ms = CONTROL_CLOCK_OFF_MS,
                                 .off_max_ms = CONTROL_CLOCK_OFF_MS };
    struct ailment_sight near = { .off_ms = CONTROL_CLOCK_OFF_MS - 1,
                                  .off_max_ms = CONTROL_CLOCK_OFF_MS };
    struct ailment_sight free = { .off_ms = 3600000, .off_max_ms = 0 };
    struct ailment_sight well = { .off_ms = 3, .off_max_ms = CONTROL_CLOCK_OFF_MS };

    assert_int_equal(look(&patient, near, 100u * LOOK_MS), AILMENT_NONE);
    assert_int_equal(look(&patient, free, 100u * LOOK_MS), AILMENT_NONE);
    assert_int_equal(look(&patient, off, CONTROL_CLOCK_OFF_AFTER_MS), AILMENT_NONE);
    off.full = true;
    assert_int_equal(look(&patient, off, LOOK_MS), AILMENT_CLOCK);
    assert_int_equal(look(&patient, off, CONTROL_FULL_AFTER_MS), AILMENT_CLOCK);
    well.full = true;
    assert_int_equal(look(&patient, well, CONTROL_WELL_AFTER_MS + LOOK_MS), AILMENT_FULL);
}

static void what_writes_take_is_of_the_last_looks(void **state)
{
    struct ailment_writes writes = { .looks = 0 };
    uint64_t ns = 5000000, count = 5;

    assert_int_equal(ailment_writes_look(&writes, ns, count), 0);
    assert_int_equal(ailment_writes_look(&writes, ns, count), 0);
    ns += 2000 * 1000;
    count += 2;
    assert_int_equal(ailment_writes_look(&writes, ns, count), 1001);
    for (unsigned i = 0; i < CONTROL_SLOW_LOOKS - 1; i++)
        assert_int_equal(ailment_writes_look(&writes, ns, count), 1001);
    assert_int_equal(ailment_writes_look(&writes, ns, count), 0);
    for (unsigned i = 0; i < 3 * AILMENT_WRITES_MAX; i++) {
        ns += 7000 * 10;
        count += 10;
        assert_int_equal(ailment_writes_look(&writes, ns, count), 8);
    }
}

static void names_are_for_people(void **state)
{
    assert_null(ailment_name(AILMENT_NONE));
    assert_string_equal(ailment_name(AILMENT_CLOCK), "clock");
    assert_string_equal(ailment_name(77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_log_ails_when_it_lasts),
        cmocka_unit_test(it_is_well_only_after_a_while),
        cmocka_unit_test(who_relapses_waits_longer_each_time),
        cmocka_unit_test(a_disk_is_slow_only_beside_others),
        cmocka_unit_test(between_slow_and_well_nothing_changes),
        cmocka_unit_test(one_write_that_takes_a_while_does_not_keep_a_node_ill),
        cmocka_unit_test(a_write_that_hangs_is_reason_enough),
        cmocka_unit_test(a_clock_may_be_off_by_so_much),
        cmocka_unit_test(what_writes_take_is_of_the_last_looks),
        cmocka_unit_test(names_are_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

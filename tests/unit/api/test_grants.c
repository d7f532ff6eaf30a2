#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/grants.h"
#include "base/limits.h"

#define NOW UINT64_C(1000000)

static uint32_t calls_per_s; /* of the test that runs; 0: no limit */

static enum err take(struct recents *grants, const struct grant_ask *wanted, uint64_t now_ms)
{
    struct grant_ask ask = *wanted;
    bool throttled;

    ask.calls_per_s = calls_per_s;
    enum err err = grants_take(grants, &ask, now_ms, &throttled);

    assert_int_equal(throttled, err == ERR_BUSY); /* there is room in all of these tests */
    return err;
}

static enum err ask(struct recents *grants, uint64_t token, uint64_t now_ms)
{
    const struct grant_ask wanted = { .group = 7, .consumer = 3, .token = token };

    return take(grants, &wanted, now_ms);
}

static enum err renew(struct recents *grants, uint64_t token, uint32_t age_ms, uint64_t now_ms)
{
    const struct grant_ask wanted = {
        .group = 7, .consumer = 3, .token = token, .renews = true, .age_ms = age_ms
    };

    return take(grants, &wanted, now_ms);
}

static void a_second_one_is_refused_for_a_while_and_takes_over_then(void **state)
{
    struct recents grants = { .count = 0 };

    assert_int_equal(ask(&grants, 1, NOW), ERR_OK);
    assert_int_equal(ask(&grants, 1, NOW + 1), ERR_OK); /* the same, asked again */
    assert_int_equal(ask(&grants, 2, NOW + GRANT_HOLD_MS - 1), ERR_EXISTS);
    assert_int_equal(renew(&grants, 1, 3000, NOW + 3000), ERR_OK);
    assert_int_equal(ask(&grants, 2, NOW + GRANT_HOLD_MS), ERR_OK);
    assert_int_equal(renew(&grants, 1, 6000, NOW + 6000), ERR_EXISTS);
    assert_int_equal(renew(&grants, 2, 1000, NOW + 6000), ERR_OK);
    recents_fini(&grants);
}

static void shards_and_consumers_do_not_disturb_each_other(void **state)
{
    struct recents grants = { .count = 0 };
    struct grant_ask other = { .group = 8, .consumer = 3, .token = 5 };

    assert_int_equal(ask(&grants, 1, NOW), ERR_OK);
    assert_int_equal(take(&grants, &other, NOW), ERR_OK);
    other = (struct grant_ask){ .group = 7, .consumer = 4, .token = 6 };
    assert_int_equal(take(&grants, &other, NOW), ERR_OK);
    assert_int_equal(grants.count, 3);
    recents_fini(&grants);
}

static void a_new_leader_takes_the_youngest_that_is_renewed(void **state)
{
    struct recents grants = { .count = 0 };

    assert_int_equal(renew(&grants, 1, 60000, NOW), ERR_OK);
    assert_int_equal(renew(&grants, 2, 7000, NOW + 10), ERR_OK);
    assert_int_equal(renew(&grants, 1, 63000, NOW + 3000), ERR_EXISTS);
    assert_int_equal(ask(&grants, 3, NOW + 3000), ERR_OK);
    recents_fini(&grants);
}

static void what_nobody_renews_is_forgotten(void **state)
{
    struct recents grants = { .count = 0 };
    struct grant_ask wanted = { .group = 1 };

    for (uint64_t i = 0; i < 100; i++) {
        wanted.consumer = wanted.token = i + 1;
        assert_int_equal(take(&grants, &wanted, NOW), ERR_OK);
    }
    assert_int_equal(grants.count, 100);
    for (uint64_t i = 100; i < 164; i++) {
        wanted.consumer = wanted.token = i + 1;
        assert_int_equal(take(&grants, &wanted, NOW + GRANT_LIFE_MS), ERR_OK);
    }
    assert_true(grants.count < 100);
    recents_fini(&grants);
}

static void it_may_be_asked_for_so_often(void **state)
{
    struct recents grants = { .count = 0 };

    calls_per_s = 1;
    assert_int_equal(ask(&grants, 1, NOW), ERR_OK);
    assert_int_equal(ask(&grants, 1, NOW), ERR_OK); /* the same call, sent again */
    assert_int_equal(ask(&grants, 2, NOW + 999), ERR_BUSY);
    assert_int_equal(ask(&grants, 3, NOW + 1000), ERR_EXISTS);
    assert_int_equal(ask(&grants, 4, NOW + 1500), ERR_BUSY); /* one that was refused counts */
    assert_int_equal(renew(&grants, 1, 1500, NOW + 1500), ERR_OK);
    assert_int_equal(ask(&grants, 5, NOW + 60000), ERR_OK);
    assert_int_equal(ask(&grants, 6, NOW + 60001), ERR_BUSY); /* nothing was saved */
    calls_per_s = 0;
    recents_fini(&grants);
}

static void many_a_second_may_come_at_once(void **state)
{
    struct recents grants = { .count = 0 };

    calls_per_s = 4;
    assert_int_equal(ask(&grants, 1, NOW), ERR_OK);
    for (uint64_t token = 2; token <= 4; token++)
        assert_int_equal(ask(&grants, token, NOW), ERR_EXISTS);
    assert_int_equal(ask(&grants, 5, NOW), ERR_BUSY);
    assert_int_equal(ask(&grants, 5, NOW + 249), ERR_BUSY);
    assert_int_equal(ask(&grants, 5, NOW + 250), ERR_EXISTS);
    assert_int_equal(ask(&grants, 6, NOW + 250), ERR_BUSY);
    calls_per_s = 0;
    recents_fini(&grants);
}

static void there_is_a_most_of_them(void **state)
{
    struct recents grants = { .count = 0 };
    struct grant_ask wanted = { .group = 1, .token = 1 };
    bool throttled = true;

    for (uint64_t i = 0; i < GRANTS_MAX; i++) {
        wanted.consumer = i + 1;
        assert_int_equal(grants_take(&grants, &wanted, NOW, &throttled), ERR_OK);
    }
    wanted.consumer = GRANTS_MAX + 1;
    assert_int_equal(grants_take(&grants, &wanted, NOW, &throttled), ERR_BUSY);
    assert_false(throttled);
    assert_int_equal(grants_take(&grants, &wanted, NOW + GRANT_LIFE_MS, &throttled), ERR_OK);
    assert_int_equal(grants.count, 1);
    recents_fini(&grants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_one_is_refused_for_a_while_and_takes_over_then),
        cmocka_unit_test(shards_and_consumers_do_not_disturb_each_other),
        cmocka_unit_test(a_new_leader_takes_the_youngest_that_is_renewed),
        cmocka_unit_test(what_nobody_renews_is_forgotten),
        cmocka_unit_test(it_may_be_asked_for_so_often),
        cmocka_unit_test(many_a_second_may_come_at_once),
        cmocka_unit_test(there_is_a_most_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

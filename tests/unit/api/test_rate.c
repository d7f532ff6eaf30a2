#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/rate.h"
#include "base/limits.h"

#define NOW UINT64_C(1000000)

static const struct recent_key key = { .kind = 1, .about = 7 };

static void a_seconds_worth_may_come_at_once(void **state)
{
    struct recents rates = { .count = 0 };

    for (int i = 0; i < 5; i++)
        assert_true(rates_take(&rates, key, 5, NOW));
    assert_false(rates_take(&rates, key, 5, NOW));
    assert_false(rates_take(&rates, key, 5, NOW + 199));
    assert_true(rates_take(&rates, key, 5, NOW + 200));
    assert_false(rates_take(&rates, key, 5, NOW + 200));
    recents_fini(&rates);
}

static void what_is_not_used_is_lost(void **state)
{
    struct recents rates = { .count = 0 };

    assert_true(rates_take(&rates, key, 1, NOW));
    assert_true(rates_take(&rates, key, 1, NOW + 3600000));
    assert_false(rates_take(&rates, key, 1, NOW + 3600999));
    assert_true(rates_take(&rates, key, 1, NOW + 3601000));
    recents_fini(&rates);
}

static void what_is_refused_costs_nothing(void **state)
{
    struct recents rates = { .count = 0 };

    assert_true(rates_take(&rates, key, 1, NOW));
    for (uint64_t ms = 1; ms < 1000; ms++)
        assert_false(rates_take(&rates, key, 1, NOW + ms));
    assert_true(rates_take(&rates, key, 1, NOW + 1000));
    recents_fini(&rates);
}

static void one_does_not_disturb_another(void **state)
{
    const struct recent_key other = { .kind = 1, .about = 8 }, kind = { .kind = 2, .about = 7 };
    struct recents rates = { .count = 0 };

    assert_true(rates_take(&rates, key, 1, NOW));
    assert_true(rates_take(&rates, other, 1, NOW));
    assert_true(rates_take(&rates, kind, 1, NOW));
    assert_false(rates_take(&rates, key, 1, NOW));
    recents_fini(&rates);
}

static void those_at_rest_are_forgotten(void **state)
{
    struct recents rates = { .count = 0 };
    struct recent_key many = { .kind = 3 };

    for (; many.about < 1000; many.about++)
        assert_true(rates_take(&rates, many, 1, NOW));
    assert_int_equal(rates.count, 1000);
    for (; many.about < 2000; many.about++)
        assert_true(rates_take(&rates, many, 1, NOW + 1000));
    assert_int_equal(rates.count, 1000);
    recents_fini(&rates);
}

static void there_is_a_most_of_them(void **state)
{
    struct recents rates = { .count = 0 };
    struct recent_key many = { .kind = 3 };

    for (; many.about < RATES_MAX; many.about++)
        assert_true(rates_take(&rates, many, 1, NOW));
    assert_true(rates_take(&rates, many, 1, NOW));
    assert_true(rates_take(&rates, many, 1, NOW)); /* it is not among them */
    assert_int_equal(rates.count, RATES_MAX);
    recents_fini(&rates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seconds_worth_may_come_at_once),
        cmocka_unit_test(what_is_not_used_is_lost),
        cmocka_unit_test(what_is_refused_costs_nothing),
        cmocka_unit_test(one_does_not_disturb_another),
        cmocka_unit_test(those_at_rest_are_forgotten),
        cmocka_unit_test(there_is_a_most_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

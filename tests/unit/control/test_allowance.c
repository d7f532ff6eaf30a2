#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "control/allowance.h"

#define RATE UINT64_C(1000000)
#define START_MS UINT64_C(5000)

static void without_a_rate_all_is_given(void **state)
{
    struct allowance allowance;

    allowance_init(&allowance, 0, START_MS);
    for (int i = 0; i < 1000; i++)
        assert_true(allowance_take(&allowance, START_MS, UINT64_C(1) << 40));
    assert_int_equal(allowance_wait_ms(&allowance, START_MS), 0);
}

/* Somebody who takes whenever it may, in pieces of any size: over the whole time, and over any part
 * of it that begins when something was owed, the rate is kept to a piece. */
static void the_rate_holds(void **state)
{
    static const uint64_t pieces[] = { 1, 999, 32768, 1048576, 12582912 };

    for (unsigned p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        struct allowance allowance;
        uint64_t given = 0, now_ms = START_MS;
        allowance_init(&allowance, RATE, now_ms);
        for (; now_ms <= START_MS + 60000; now_ms++) {
            while (allowance_take(&allowance, now_ms, pieces[p]))
                given += pieces[p];
            assert_true(given <= RATE * (now_ms - START_MS) / 1000 + pieces[p]);
        }
        assert_true(given + pieces[p] >= RATE * 60); /* and all of it is given */
    }
}

static void unused_time_is_worth_little(void **state)
{
    struct allowance allowance;
    uint64_t given = 0, now_ms = START_MS + 3600000;

    allowance_init(&allowance, RATE, START_MS);
    while (allowance_take(&allowance, now_ms, 100))
        given += 100;
    assert_int_equal(given, RATE * ALLOWANCE_BURST_MS / 1000 + 100);
}

static void what_was_not_used_comes_back(void **state)
{
    struct allowance allowance;

    allowance_init(&allowance, RATE, START_MS);
    assert_true(allowance_take(&allowance, START_MS, 500000));
    assert_false(allowance_take(&allowance, START_MS, 1));
    assert_int_equal(allowance_wait_ms(&allowance, START_MS), 500);
    allowance_settle(&allowance, 500000, 100000);
    assert_int_equal(allowance_wait_ms(&allowance, START_MS), 100);
    allowance_settle(&allowance, 0, 1000000);
    assert_int_equal(allowance_wait_ms(&allowance, START_MS), 1100);
    assert_int_equal(allowance_wait_ms(&allowance, START_MS + 1099), 1);
    assert_true(allowance_take(&allowance, START_MS + 1100, 1));
}

/* Repairs take whatever is owed; fills wait for them, not for ever. */
static void who_does_not_ask_is_owed_for(void **state)
{
    struct allowance allowance;
    uint64_t owed = 0, given = 0;

    allowance_init(&allowance, RATE, START_MS);
    for (uint64_t ms = 1; ms <= 10000; ms++) {
        if (ms % 100 == 0) {
            allowance_owe(&allowance, START_MS + ms, 50000);
            owed += 50000;
        }
        if (allowance_take(&allowance, START_MS + ms, 1000))
            given += 1000;
    }
    assert_true(owed + given <= RATE * 10 + 51000);
    assert_true(given >= RATE * 4);
}

static void a_clock_that_stands_gives_nothing(void **state)
{
    struct allowance allowance;

    allowance_init(&allowance, RATE, START_MS);
    assert_true(allowance_take(&allowance, START_MS, 1000));
    assert_false(allowance_take(&allowance, START_MS - 100, 1));
    assert_false(allowance_take(&allowance, START_MS, 1));
    assert_true(allowance_take(&allowance, START_MS + 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_all_is_given),
        cmocka_unit_test(the_rate_holds),
        cmocka_unit_test(unused_time_is_worth_little),
        cmocka_unit_test(what_was_not_used_comes_back),
        cmocka_unit_test(who_does_not_ask_is_owed_for),
        cmocka_unit_test(a_clock_that_stands_gives_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/grants.h"
#include "base/limits.h"

#define NOW UINT64_C(1000000)

static enum err ask(struct grants *grants, uint64_t token, uint64_t now_ms)
{
    const struct grant_ask wanted = { .group = 7, .consumer = 3, .token = token };

    return grants_take(grants, &wanted, now_ms);
}

static enum err renew(struct grants *grants, uint64_t token, uint32_t age_ms, uint64_t now_ms)
{
    const struct grant_ask wanted = {
        .group = 7, .consumer = 3, .token = token, .renews = true, .age_ms = age_ms
    };

    return grants_take(grants, &wanted, now_ms);
}

static void a_second_one_is_refused_for_a_while_and_takes_over_then(void **state)
{
    struct grants grants = { .count = 0 };

    assert_int_equal(ask(&grants, 1, NOW), ERR_OK);
    assert_int_equal(ask(&grants, 1, NOW + 1), ERR_OK); /* the same, asked again */
    assert_int_equal(ask(&grants, 2, NOW + GRANT_HOLD_MS - 1), ERR_EXISTS);
    assert_int_equal(renew(&grants, 1, 3000, NOW + 3000), ERR_OK);
    assert_int_equal(ask(&grants, 2, NOW + GRANT_HOLD_MS), ERR_OK);
    assert_int_equal(renew(&grants, 1, 6000, NOW + 6000), ERR_EXISTS);
    assert_int_equal(renew(&grants, 2, 1000, NOW + 6000), ERR_OK);
    grants_fini(&grants);
}

static void shards_and_consumers_do_not_disturb_each_other(void **state)
{
    struct grants grants = { .count = 0 };
    struct grant_ask other = { .group = 8, .consumer = 3, .token = 5 };

    assert_int_equal(ask(&grants, 1, NOW), ERR_OK);
    assert_int_equal(grants_take(&grants, &other, NOW), ERR_OK);
    other = (struct grant_ask){ .group = 7, .consumer = 4, .token = 6 };
    assert_int_equal(grants_take(&grants, &other, NOW), ERR_OK);
    assert_int_equal(grants.count, 3);
    grants_fini(&grants);
}

static void a_new_leader_takes_the_youngest_that_is_renewed(void **state)
{
    struct grants grants = { .count = 0 };

    assert_int_equal(renew(&grants, 1, 60000, NOW), ERR_OK);
    assert_int_equal(renew(&grants, 2, 7000, NOW + 10), ERR_OK);
    assert_int_equal(renew(&grants, 1, 63000, NOW + 3000), ERR_EXISTS);
    assert_int_equal(ask(&grants, 3, NOW + 3000), ERR_OK);
    grants_fini(&grants);
}

static void what_nobody_renews_is_forgotten(void **state)
{
    struct grants grants = { .count = 0 };
    struct grant_ask wanted = { .group = 1 };

    for (uint64_t i = 0; i < 100; i++) {
        wanted.consumer = wanted.token = i + 1;
        assert_int_equal(grants_take(&grants, &wanted, NOW), ERR_OK);
    }
    assert_int_equal(grants.count, 100);
    for (uint64_t i = 100; i < 164; i++) {
        wanted.consumer = wanted.token = i + 1;
        assert_int_equal(grants_take(&grants, &wanted, NOW + GRANT_LIFE_MS), ERR_OK);
    }
    assert_true(grants.count < 100);
    assert_true(grants.room <= 128);
    grants_fini(&grants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_one_is_refused_for_a_while_and_takes_over_then),
        cmocka_unit_test(shards_and_consumers_do_not_disturb_each_other),
        cmocka_unit_test(a_new_leader_takes_the_youngest_that_is_renewed),
        cmocka_unit_test(what_nobody_renews_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

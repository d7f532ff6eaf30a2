#include "unit.h"

#include "shard/quota.h"

#define MIB (1024u * 1024u)

/* What AWS publishes for one shard. */
static const struct quota_limits aws = {
    .put_bytes_per_s = MIB,
    .put_records_per_s = 1000,
    .read_bytes_per_s = 2 * MIB,
    .read_calls_per_s = 5,
};

static bool put(struct quota *quota, uint64_t now_ms, size_t bytes, uint32_t records)
{
    if (!quota_put_allows(quota, now_ms, bytes, records))
        return false;
    quota_put_take(quota, bytes, records);
    return true;
}

static void an_answer_of_ten_mib_makes_the_next_five_seconds_wait(void **state)
{
    struct quota quota;

    quota_init(&quota, aws, 1000);
    assert_true(quota_read_call(&quota, 60000));
    quota_read_take(&quota, 60000, 10 * MIB);
    assert_false(quota_read_call(&quota, 60001));
    assert_false(quota_read_call(&quota, 64999));
    assert_true(quota_read_call(&quota, 65000));
}

static void two_mib_a_second_in_small_answers_never_wait(void **state)
{
    struct quota quota;
    uint64_t now_ms = 1000;

    quota_init(&quota, aws, now_ms);
    for (int call = 0; call < 100; call++, now_ms += 200) {
        assert_true(quota_read_call(&quota, now_ms));
        quota_read_take(&quota, now_ms, 2 * MIB / 5);
    }
}

static void the_sixth_call_of_a_second_waits(void **state)
{
    struct quota quota;

    quota_init(&quota, aws, 1000);
    for (int call = 0; call < 5; call++)
        assert_true(quota_read_call(&quota, 1000));
    assert_false(quota_read_call(&quota, 1000));
    assert_false(quota_read_call(&quota, 1199));
    assert_true(quota_read_call(&quota, 1200));
    assert_false(quota_read_call(&quota, 1200));
}

static void a_thousand_records_a_second_and_no_more(void **state)
{
    struct quota quota;

    quota_init(&quota, aws, 1000);
    assert_true(put(&quota, 1000, 500, 500));
    assert_true(put(&quota, 1000, 500, 500));
    assert_false(put(&quota, 1000, 1, 1));
    assert_false(put(&quota, 1400, 500, 500));
    assert_true(put(&quota, 1500, 500, 500));
}

static void a_refused_put_costs_nothing(void **state)
{
    struct quota quota;

    quota_init(&quota, aws, 1000);
    assert_true(put(&quota, 1000, MIB / 2, 1));
    for (int call = 0; call < 10; call++)
        assert_false(put(&quota, 1000, MIB, 1));
    assert_true(put(&quota, 1000, MIB / 2, 1));
}

static void a_large_record_passes_a_full_bucket_and_is_owed(void **state)
{
    struct quota quota;

    quota_init(&quota, aws, 1000);
    assert_true(put(&quota, 1000, 10 * MIB, 1));
    assert_false(put(&quota, 1000, 1, 1));
    assert_false(put(&quota, 9999, 1024, 1));
    assert_true(put(&quota, 10001, 1024, 1));
    assert_false(put(&quota, 10500, 10 * MIB, 1)); /* the bucket is not full */
    assert_true(put(&quota, 12000, 10 * MIB, 1));
}

static void idle_time_saves_one_second_at_most(void **state)
{
    struct quota_limits limits = { .put_bytes_per_s = MIB, .put_records_per_s = UINT32_MAX };
    struct quota quota;

    quota_init(&quota, limits, 1000);
    uint64_t later_ms = 1000 + UINT64_C(40) * 365 * 86400000;
    assert_true(put(&quota, later_ms, MIB, 1));
    assert_false(put(&quota, later_ms, 1, 1));
}

static void a_clock_that_stands_still_gives_nothing(void **state)
{
    struct quota quota;

    quota_init(&quota, aws, 1000);
    assert_true(put(&quota, 1000, MIB, 1));
    assert_false(put(&quota, 1000, MIB, 1));
    assert_false(put(&quota, 500, MIB, 1));
}

static void zero_is_unlimited(void **state)
{
    struct quota quota;

    quota_init(&quota, (struct quota_limits){ 0 }, 1000);
    for (int call = 0; call < 10000; call++) {
        assert_true(put(&quota, 1000, 10 * MIB, 500));
        assert_true(quota_read_call(&quota, 1000));
        quota_read_take(&quota, 1000, 10 * MIB);
    }
}

static void another_limit_counts_at_once_and_what_is_owed_stays(void **state)
{
    struct quota quota;
    struct quota_limits limits = aws;

    quota_init(&quota, aws, 1000);
    assert_true(put(&quota, 1000, MIB, 1));
    assert_false(put(&quota, 1000, 1, 1));
    quota_set(&quota, aws, 1000); /* the same: nothing is given */
    assert_false(put(&quota, 1000, 1, 1));
    limits.put_bytes_per_s = 2 * MIB;
    quota_set(&quota, limits, 1000);
    assert_true(put(&quota, 1000, 2 * MIB, 1));

    quota_read_take(&quota, 1000, 10 * MIB);
    limits.read_bytes_per_s = MIB;
    quota_set(&quota, limits, 1000);
    assert_false(quota_read_call(&quota, 10999));
    assert_true(quota_read_call(&quota, 11000));
    limits.read_bytes_per_s = 0;
    quota_read_take(&quota, 11000, 10 * MIB);
    quota_set(&quota, limits, 11000);
    assert_true(quota_read_call(&quota, 11000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_of_ten_mib_makes_the_next_five_seconds_wait),
        cmocka_unit_test(two_mib_a_second_in_small_answers_never_wait),
        cmocka_unit_test(the_sixth_call_of_a_second_waits),
        cmocka_unit_test(a_thousand_records_a_second_and_no_more),
        cmocka_unit_test(a_refused_put_costs_nothing),
        cmocka_unit_test(a_large_record_passes_a_full_bucket_and_is_owed),
        cmocka_unit_test(idle_time_saves_one_second_at_most),
        cmocka_unit_test(a_clock_that_stands_still_gives_nothing),
        cmocka_unit_test(zero_is_unlimited),
        cmocka_unit_test(another_limit_counts_at_once_and_what_is_owed_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

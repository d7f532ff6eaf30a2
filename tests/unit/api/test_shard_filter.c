#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/shard_filter.h"

#define DAY_MS UINT64_C(86400000)
#define CREATED_MS UINT64_C(1700000000500)
#define LATER_MS (CREATED_MS + 3600 * 1000)

/* Two shards that the stream began with, and one that came an hour later. */
static struct model_shard shards[] = {
    { .group = 2, .number = 0, .created_s = CREATED_MS / 1000 },
    { .group = 3, .number = 1, .created_s = CREATED_MS / 1000 },
    { .group = 9, .number = 5, .created_s = LATER_MS / 1000 },
};
static const struct model_stream stream = {
    .created_ms = CREATED_MS, .retention_hours = 24, .shards = shards, .shard_count = 3
};

static uint32_t passing(struct shard_filter filter, uint64_t now_ms)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < stream.shard_count; i++)
        if (shard_filter_passes(&filter, &stream, &stream.shards[i], now_ms))
            mask |= 1u << i;
    return mask;
}

static void without_a_filter_all_shards_are_listed(void **state)
{
    assert_int_equal(passing((struct shard_filter){ .type = FILTER_FROM_TRIM_HORIZON }, LATER_MS),
                     7);
}

static void at_latest_means_the_open_ones(void **state)
{
    assert_int_equal(passing((struct shard_filter){ .type = FILTER_AT_LATEST }, LATER_MS), 7);
}

static void the_horizon_of_a_young_stream_is_its_creation(void **state)
{
    struct shard_filter filter = { .type = FILTER_AT_TRIM_HORIZON };
    assert_int_equal(passing(filter, LATER_MS + 1000), 3);
}

static void the_horizon_moves_on_with_retention(void **state)
{
    struct shard_filter filter = { .type = FILTER_AT_TRIM_HORIZON };

    assert_int_equal(passing(filter, LATER_MS + DAY_MS - 2000), 3);
    assert_int_equal(passing(filter, LATER_MS + DAY_MS), 7);
}

static void at_a_time_those_are_listed_that_were_open_then(void **state)
{
    struct shard_filter filter = { .type = FILTER_AT_TIMESTAMP, .time_ms = LATER_MS - 1000 };

    assert_int_equal(passing(filter, LATER_MS + 5000), 3);
    filter.time_ms = LATER_MS;
    assert_int_equal(passing(filter, LATER_MS + 5000), 7);
}

static void a_time_before_the_stream_is_moved_to_its_creation(void **state)
{
    struct shard_filter filter = { .type = FILTER_AT_TIMESTAMP, .time_ms = 1 };
    assert_int_equal(passing(filter, LATER_MS + 5000), 3);
}

static void from_a_time_all_open_shards_are_listed(void **state)
{
    struct shard_filter filter = { .type = FILTER_FROM_TIMESTAMP, .time_ms = CREATED_MS };
    assert_int_equal(passing(filter, LATER_MS), 7);
}

static void after_a_shard_come_those_with_higher_numbers(void **state)
{
    struct shard_filter filter = { .type = FILTER_AFTER_SHARD_ID, .after = 0 };

    assert_int_equal(passing(filter, LATER_MS), 6);
    filter.after = 5;
    assert_int_equal(passing(filter, LATER_MS), 0);
}

static void a_page_begins_behind_a_shard_that_may_be_gone(void **state)
{
    assert_int_equal(shards_after(&stream, 0), 1);
    assert_int_equal(shards_after(&stream, 1), 2);
    assert_int_equal(shards_after(&stream, 3), 2);
    assert_int_equal(shards_after(&stream, 5), 3);
    assert_int_equal(shards_after(&stream, UINT32_MAX), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_filter_all_shards_are_listed),
        cmocka_unit_test(at_latest_means_the_open_ones),
        cmocka_unit_test(the_horizon_of_a_young_stream_is_its_creation),
        cmocka_unit_test(the_horizon_moves_on_with_retention),
        cmocka_unit_test(at_a_time_those_are_listed_that_were_open_then),
        cmocka_unit_test(a_time_before_the_stream_is_moved_to_its_creation),
        cmocka_unit_test(from_a_time_all_open_shards_are_listed),
        cmocka_unit_test(after_a_shard_come_those_with_higher_numbers),
        cmocka_unit_test(a_page_begins_behind_a_shard_that_may_be_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include "shard/gaps.h"

static const struct gaps none = { .count = 0 };
/* Rescued at 100, and twice at 250. */
static const struct gaps three = { .count = 3, .at = { 100, 250, 250 } };

static void expect_in(const struct gaps *gaps, struct position place, uint64_t index,
                      uint32_t ordinal)
{
    struct position found = gaps_position_in(gaps, place);

    assert_int_equal(found.index, index);
    assert_int_equal(found.ordinal, ordinal);
}

static void without_a_rescue_places_are_indices(void **state)
{
    assert_int_equal(gaps_out(&none, 7), 7);
    expect_in(&none, (struct position){ 7, 3 }, 7, 3);
    expect_in(&none, (struct position){ UINT64_MAX >> 10, 0 }, UINT64_MAX >> 10, 0);
}

static void each_rescue_jumps_behind_the_survivors_last_entry(void **state)
{
    assert_int_equal(gaps_out(&three, 100), 100);
    assert_int_equal(gaps_out(&three, 101), 101 + GAP_STEP);
    assert_int_equal(gaps_out(&three, 250), 250 + GAP_STEP);
    assert_int_equal(gaps_out(&three, 251), 251 + 3 * GAP_STEP);
}

static void places_ascend_and_lead_back(void **state)
{
    for (uint64_t index = 1; index < 300; index++) {
        assert_true(gaps_out(&three, index) < gaps_out(&three, index + 1));
        expect_in(&three, (struct position){ gaps_out(&three, index), 5 }, index, 5);
    }
}

/* A checkpoint behind a record that was lost goes on with the first new one, whatever it was. */
static void a_place_in_a_gap_is_the_first_record_behind_it(void **state)
{
    expect_in(&three, (struct position){ 101, 0 }, 101, 0);
    expect_in(&three, (struct position){ 140, 9 }, 101, 0);
    expect_in(&three, (struct position){ 100 + GAP_STEP, 2 }, 101, 0);
    expect_in(&three, (struct position){ 251 + GAP_STEP, 2 }, 251, 0);
    expect_in(&three, (struct position){ 300 + 2 * GAP_STEP, 2 }, 251, 0);
    expect_in(&three, (struct position){ 252 + 3 * GAP_STEP, 2 }, 252, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rescue_places_are_indices),
        cmocka_unit_test(each_rescue_jumps_behind_the_survivors_last_entry),
        cmocka_unit_test(places_ascend_and_lead_back),
        cmocka_unit_test(a_place_in_a_gap_is_the_first_record_behind_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "wire_test.h"

#include "wire/timestamp.h"

static void assert_prints(int64_t ms, const char *want)
{
    char text[TIMESTAMP_TEXT_MAX];

    assert_int_equal(timestamp_print(ms, text), strlen(want));
    assert_string_equal(text, want);
}

static void times_print_as_plain_decimals(void **state)
{
    assert_prints(0, "0");
    assert_prints(1, "0.001");
    assert_prints(1700000000000, "1700000000");
    assert_prints(1545084650987, "1545084650.987");
    assert_prints(1545084650900, "1545084650.900");
    assert_prints(1000000000050, "1000000000.050");
    assert_prints(-1, "-0.001");
    assert_prints(-1500, "-1.500");
    assert_prints(INT64_MAX, "9223372036854775.807");
    assert_prints(INT64_MIN, "-9223372036854775.808");
}

static void printed_times_read_back_to_the_millisecond(void **state)
{
    char text[TIMESTAMP_TEXT_MAX];

    for (int64_t ms = 1; ms < TIMESTAMP_MS_MAX; ms = ms * 3 + 7) {
        timestamp_print(ms, text);
        assert_true(timestamp_from_seconds(strtod(text, NULL)) == ms);
        timestamp_print(-ms, text);
        assert_true(timestamp_from_seconds(strtod(text, NULL)) == -ms);
    }
}

static void times_are_cut_to_their_range(void **state)
{
    assert_true(timestamp_from_seconds(1e300) == TIMESTAMP_MS_MAX);
    assert_true(timestamp_from_seconds(-1e300) == -TIMESTAMP_MS_MAX);
    assert_true(timestamp_from_whole_seconds(INT64_MAX) == TIMESTAMP_MS_MAX);
    assert_true(timestamp_from_whole_seconds(INT64_MIN) == -TIMESTAMP_MS_MAX);
    assert_true(timestamp_from_whole_seconds(1700000000) == 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_print_as_plain_decimals),
        cmocka_unit_test(printed_times_read_back_to_the_millisecond),
        cmocka_unit_test(times_are_cut_to_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

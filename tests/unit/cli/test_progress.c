#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "progress.h"

static void thousands_are_set_apart(void **state)
{
    char text[NUMBER_TEXT_MAX];

    assert_string_equal(progress_number(0, text), "0");
    assert_string_equal(progress_number(999, text), "999");
    assert_string_equal(progress_number(1000, text), "1,000");
    assert_string_equal(progress_number(12345678, text), "12,345,678");
    assert_string_equal(progress_number(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(thousands_are_set_apart) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

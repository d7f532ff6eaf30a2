#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/fault.h"

static void every_error_has_a_type(void **state)
{
    assert_int_equal(fault_type(ERR_OK), ERROR_TYPE_NONE);
    for (int err = ERR_OK + 1; err < ERR_COUNT; err++) {
        assert_int_not_equal(fault_type((enum err)err), ERROR_TYPE_NONE);
        assert_non_null(fault_text((enum err)err));
    }
}

static void an_unknown_outcome_is_a_500_that_clients_try_again(void **state)
{
    assert_int_equal(error_type_status(fault_type(ERR_UNKNOWN)), 500);
    assert_int_equal(error_type_status(fault_type(ERR_TIMEOUT)), 500);
}

static void a_lost_majority_is_a_503_that_clients_try_again(void **state)
{
    assert_int_equal(error_type_status(fault_type(ERR_UNAVAILABLE)), 503);
    assert_int_equal(error_type_status(fault_type(ERR_NOT_LEADER)), 503);
    assert_int_equal(error_type_status(fault_type(ERR_NO_SPACE)), 503);
}

static void overload_is_throttling(void **state)
{
    assert_int_equal(fault_type(ERR_BUSY), ERROR_THROUGHPUT_EXCEEDED);
    assert_int_equal(error_type_status(fault_type(ERR_BUSY)), 400);
}

static void what_is_gone_is_not_found(void **state)
{
    assert_int_equal(fault_type(ERR_CLOSED), ERROR_RESOURCE_NOT_FOUND);
    assert_int_equal(fault_type(ERR_NOT_FOUND), ERROR_RESOURCE_NOT_FOUND);
}

static void damage_is_never_blamed_on_the_client(void **state)
{
    assert_int_equal(error_type_status(fault_type(ERR_CORRUPT)), 500);
    assert_int_equal(error_type_status(fault_type(ERR_IO)), 500);
    assert_int_equal(error_type_status(fault_type(ERR_COUNT)), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_type),
        cmocka_unit_test(an_unknown_outcome_is_a_500_that_clients_try_again),
        cmocka_unit_test(a_lost_majority_is_a_503_that_clients_try_again),
        cmocka_unit_test(overload_is_throttling),
        cmocka_unit_test(what_is_gone_is_not_found),
        cmocka_unit_test(damage_is_never_blamed_on_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/fault.h"

static void success_is_no_fault(void **state)
{
    assert_int_equal(fault_of_answer(200, ""), ERR_OK);
}

static void aws_names_say_what_to_do(void **state)
{
    assert_int_equal(fault_of_answer(400, "ResourceNotFoundException"), ERR_NOT_FOUND);
    assert_int_equal(fault_of_answer(400, "ResourceInUseException"), ERR_EXISTS);
    assert_int_equal(fault_of_answer(400, "ExpiredIteratorException"), ERR_EXPIRED);
    assert_int_equal(fault_of_answer(400, "ProvisionedThroughputExceededException"), ERR_BUSY);
    assert_int_equal(fault_of_answer(400, "ValidationException"), ERR_INVALID);
    assert_int_equal(fault_of_answer(404, ""), ERR_INVALID);
}

static void too_fast_passes_and_too_many_does_not(void **state)
{
    assert_true(fault_is_rate("LimitExceededException", "Rate exceeded for account 0."));
    assert_false(fault_is_rate("LimitExceededException", "This request would exceed the limit"));
    assert_false(fault_is_rate("ValidationException", "Rate exceeded for account 0."));
}

static void a_servers_fault_may_be_retried(void **state)
{
    assert_int_equal(fault_of_answer(503, "ServiceUnavailable"), ERR_UNAVAILABLE);
    assert_int_equal(fault_of_answer(500, "InternalFailure"), ERR_UNKNOWN);
    assert_true(fault_is_passing(ERR_UNAVAILABLE));
    assert_true(fault_is_passing(ERR_UNKNOWN));
    assert_true(fault_is_passing(ERR_BUSY));
    assert_true(fault_is_passing(ERR_UNREACHABLE));
    assert_true(fault_is_passing(ERR_TIMEOUT));
}

static void a_clients_fault_may_not(void **state)
{
    assert_false(fault_is_passing(ERR_OK));
    assert_false(fault_is_passing(ERR_INVALID));
    assert_false(fault_is_passing(ERR_NOT_FOUND));
    assert_false(fault_is_passing(ERR_EXISTS));
    assert_false(fault_is_passing(ERR_EXPIRED));
}

static void pauses_double_up_to_a_ceiling(void **state)
{
    assert_int_equal(fault_pause_ms(1, 100), 100);
    assert_int_equal(fault_pause_ms(1, 101), 0);
    assert_int_equal(fault_pause_ms(2, 200), 200);
    assert_int_equal(fault_pause_ms(3, 400), 400);
    for (uint32_t attempt = 7; attempt < 100; attempt++) {
        assert_int_equal(fault_pause_ms(attempt, 5000), 5000);
        assert_int_equal(fault_pause_ms(attempt, 5001), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_is_no_fault),
        cmocka_unit_test(too_fast_passes_and_too_many_does_not),
        cmocka_unit_test(aws_names_say_what_to_do),
        cmocka_unit_test(a_servers_fault_may_be_retried),
        cmocka_unit_test(a_clients_fault_may_not),
        cmocka_unit_test(pauses_double_up_to_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

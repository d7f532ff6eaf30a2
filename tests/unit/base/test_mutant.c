#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* As -Drule_off=own_clock,stale_retention and -Dfence_off=F3 define it. */
#undef BRAID_RULES_OFF
#define BRAID_RULES_OFF(fault)                                                                     \
    ((fault) == MUTANT_own_clock || (fault) == MUTANT_stale_retention || (fault) == MUTANT_no_F3)
#include "base/mutant.h"

static void a_build_has_the_faults_that_it_was_asked_for(void **state)
{
    assert_true(MUTANT(own_clock));
    assert_true(MUTANT(stale_retention));
    assert_true(MUTANT(no_F3));
    assert_false(MUTANT(no_F4));
    assert_false(MUTANT(term_not_written));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build_has_the_faults_that_it_was_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

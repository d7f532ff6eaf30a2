#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stuck.h"

static void what_does_not_change_is_said_once_until_it_does(void **state)
{
    struct stuck stuck;

    (void)state;
    stuck_init(&stuck, 1000);
    assert_false(stuck_look(&stuck, 4, 2, 1000));
    assert_false(stuck_look(&stuck, 4, 2, 1000 + STUCK_MS - 1));
    assert_false(stuck_look(&stuck, 4, 1, 1000 + STUCK_MS)); /* one has come through */
    assert_false(stuck_look(&stuck, 4, 1, 1000 + 2 * STUCK_MS - 1));
    assert_true(stuck_look(&stuck, 4, 1, 1000 + 2 * STUCK_MS));
    assert_false(stuck_look(&stuck, 4, 1, 1000 + 9 * STUCK_MS));
    assert_false(stuck_look(&stuck, 3, 1, 1000 + 9 * STUCK_MS));
    assert_true(stuck_look(&stuck, 3, 1, 1000 + 10 * STUCK_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_change_is_said_once_until_it_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

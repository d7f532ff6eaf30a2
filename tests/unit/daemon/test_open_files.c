/* How many of the files that a process may open are for clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "base/limits.h"
#include "open_files.h"

static void the_limit_is_raised_to_what_it_may_be(void **state)
{
    struct rlimit before, after;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit low = { .rlim_cur = 64, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(open_files_raise(), before.rlim_max);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    assert_int_equal(after.rlim_cur, before.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void connections_leave_files_to_the_log(void **state)
{
    assert_int_equal(open_files_connections(1024, 4096), 512);
    assert_int_equal(open_files_connections(1024, 100), 100);
    assert_int_equal(open_files_connections(2 * OPEN_FILES_OWN, 4096), OPEN_FILES_OWN);
    assert_int_equal(open_files_connections(65536, 4096), 4096);
    assert_int_equal(open_files_connections(65536, 1000000), 65536 - OPEN_FILES_OWN);
    assert_int_equal(open_files_connections(RLIM_INFINITY, 1000000), 1000000);
    assert_int_equal(open_files_connections(3, 4096), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_raised_to_what_it_may_be),
        cmocka_unit_test(connections_leave_files_to_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

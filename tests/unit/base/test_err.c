#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/err.h"

static void every_error_has_a_name_of_its_own(void **state)
{
    for (int a = 0; a < ERR_COUNT; a++) {
        assert_memory_equal(err_name((enum err)a), "ERR_", 4);
        assert_string_not_equal(err_name((enum err)a), "ERR_?");
        for (int b = 0; b < a; b++)
            assert_string_not_equal(err_name((enum err)a), err_name((enum err)b));
    }
    assert_string_equal(err_name((enum err)ERR_COUNT), "ERR_?");
    assert_string_equal(err_name((enum err) - 1), "ERR_?");
}

static void a_reason_grows_outwards(void **state)
{
    struct reason reason = { "" };

    reason_set(&reason, "entry %d: checksum", 88123);
    reason_wrap(&reason, "read log");
    reason_wrap(&reason, "open shard %d", 17);
    assert_string_equal(reason.text, "open shard 17: read log: entry 88123: checksum");
}

static void a_reason_may_quote_itself(void **state)
{
    struct reason reason = { "" };

    reason_set(&reason, "full");
    reason_set(&reason, "disk: %s", reason.text);
    assert_string_equal(reason.text, "disk: full");
}

static void a_long_reason_is_cut_and_keeps_its_end_mark(void **state)
{
    struct reason reason = { "" };
    char lengthy[2 * REASON_BYTES_MAX];

    memset(lengthy, 'x', sizeof(lengthy));
    lengthy[sizeof(lengthy) - 1] = 0;
    reason_set(&reason, "%s", lengthy);
    assert_int_equal(strlen(reason.text), REASON_BYTES_MAX - 1);
    reason_wrap(&reason, "open");
    assert_int_equal(strlen(reason.text), REASON_BYTES_MAX - 1);
    assert_memory_equal(reason.text, "open: xxx", 9);
    for (size_t cut = 1; cut <= 4; cut++) {
        lengthy[REASON_BYTES_MAX - cut] = 0;
        reason_wrap(&reason, "%s", lengthy);
        assert_int_equal(strlen(reason.text), REASON_BYTES_MAX - 1);
    }
}

static void no_reason_is_a_legal_reason(void **state)
{
    reason_set(NULL, "%d", 1);
    reason_wrap(NULL, "%d", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_of_its_own),
        cmocka_unit_test(a_reason_grows_outwards),
        cmocka_unit_test(a_reason_may_quote_itself),
        cmocka_unit_test(a_long_reason_is_cut_and_keeps_its_end_mark),
        cmocka_unit_test(no_reason_is_a_legal_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

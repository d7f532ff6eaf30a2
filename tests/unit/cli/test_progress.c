#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void steps(struct progress *progress)
{
    progress_step(progress, 0, "%d of 3", 0);
    progress_step(progress, 200, "%d of 3", 0);
    progress_step(progress, 400, "%d of 3", 1);
    progress_step(progress, 9999, "%d of 3", 2);
    progress_step(progress, 10000, "%d of 3", 2); /* what changed meanwhile */
    progress_step(progress, 60000, "%d of 3", 2);
    progress_step(progress, 60200, "%d of 3", 3);
}

static void scripts_get_a_line_when_it_changed_and_not_too_many(void **state)
{
    char text[512];
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    struct progress progress;

    assert_non_null(file);
    assert_true(before >= 0 && dup2(fileno(file), STDERR_FILENO) == STDERR_FILENO);
    progress_init(&progress);
    steps(&progress);
    progress_clear(&progress);
    (void)dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = 0;
    fclose(file);
    assert_string_equal(text, "0.0 s, 0 of 3\n10.0 s, 2 of 3\n60.2 s, 3 of 3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_are_set_apart),
        cmocka_unit_test(scripts_get_a_line_when_it_changed_and_not_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "put.h"

static void expect_key(const char *line, const char *expected)
{
    char key[PUT_KEY_BYTES_MAX + 1];

    assert_int_equal(put_key_of_field(slice_text(line), "k", key, NULL), ERR_OK);
    assert_string_equal(key, expected);
}

static void expect_refusal(const char *line, const char *text)
{
    char key[PUT_KEY_BYTES_MAX + 1];
    struct reason reason = { "" };

    assert_int_equal(put_key_of_field(slice_text(line), "k", key, &reason), ERR_INVALID);
    assert_non_null(strstr(reason.text, text));
}

static void a_member_of_the_line_is_its_key(void **state)
{
    expect_key("{\"a\": 1, \"k\": \"user\"}", "user");
    expect_key("{\"k\": \"\\u00e9\"}", "é");
    expect_key("{\"k\": 17}", "17");
    expect_key("{\"k\": true}", "true");
}

static void a_line_without_a_usable_key_is_refused(void **state)
{
    char line[PUT_KEY_BYTES_MAX + 32];

    expect_refusal("not json", "is not JSON");
    expect_refusal("", "is not JSON");
    expect_refusal("[1]", "has no member 'k'");
    expect_refusal("{\"a\": 1}", "has no member 'k'");
    expect_refusal("{\"k\": null}", "has no member 'k'");
    expect_refusal("{\"k\": {}}", "has no member 'k'");
    expect_refusal("{\"k\": \"\"}", "no partition key");
    expect_refusal("{\"k\": \"a\\u0000b\"}", "no partition key");
    snprintf(line, sizeof(line), "{\"k\": \"%0*d\"}", (int)PUT_KEY_BYTES_MAX + 1, 1);
    expect_refusal(line, "no partition key");
}

static void the_same_line_has_the_same_key(void **state)
{
    char one[PUT_KEY_BYTES_MAX + 1], two[PUT_KEY_BYTES_MAX + 1], other[PUT_KEY_BYTES_MAX + 1];

    put_key_of_line(slice_text("line"), one);
    put_key_of_line(slice_text("line"), two);
    put_key_of_line(slice_text("line2"), other);
    assert_string_equal(one, two);
    assert_string_not_equal(one, other);
    assert_int_equal(strlen(one), 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_of_the_line_is_its_key),
        cmocka_unit_test(a_line_without_a_usable_key_is_refused),
        cmocka_unit_test(the_same_line_has_the_same_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/sentence.h"

static const char *print(char *text, size_t room, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sentence_print(text, room, format, args);
    va_end(args);
    return text;
}

static void what_fits_is_whole(void **state)
{
    char text[8];

    assert_string_equal(print(text, sizeof(text), "%s", "a\xc3\xa4"), "a\xc3\xa4");
    assert_string_equal(print(text, sizeof(text), "abc\xf0\x9f\x9a\x80"), "abc\xf0\x9f\x9a\x80");
    assert_string_equal(print(text, sizeof(text), "%s", ""), "");
}

static void what_does_not_is_cut_between_two_characters(void **state)
{
    char text[8];

    assert_string_equal(print(text, sizeof(text), "%s", "abcdefghi"), "abcdefg");
    assert_string_equal(print(text, sizeof(text), "abcde\xc3\xa4z"), "abcde\xc3\xa4");
    assert_string_equal(print(text, sizeof(text), "abcdef\xc3\xa4"), "abcdef");
    assert_string_equal(print(text, sizeof(text), "abcd\xe2\x80\x99s"), "abcd\xe2\x80\x99");
    assert_string_equal(print(text, sizeof(text), "abcde\xe2\x80\x99s"), "abcde");
    assert_string_equal(print(text, sizeof(text), "abcdef\xe2\x80\x99s"), "abcdef");
    for (size_t at = 0; at < 4; at++) {
        char whole[16] = "abcdefghij";
        memcpy(whole + 3 + at, "\xf0\x9f\x9a\x80", 4);
        print(text, sizeof(text), "%s", whole);
        assert_int_equal(strlen(text), at == 0 ? 7 : 3 + at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_whole),
        cmocka_unit_test(what_does_not_is_cut_between_two_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

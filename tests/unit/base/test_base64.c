#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

enum { SIZE = 1100 };

static struct base64_result decode(const char *text, unsigned char *bytes)
{
    return base64_decode(slice_text(text), bytes);
}

/* RFC 4648, section 10. */
static void base64_gives_the_known_answers(void **state)
{
    static const struct {
        const char *bytes, *text;
    } vectors[] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
        { "\xfb\xff\xbf", "+/+/" },
    };

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char text[16] = "";
        unsigned char bytes[16];
        struct slice slice = slice_text(vectors[i].bytes);

        base64_encode(slice, text);
        assert_string_equal(text, vectors[i].text);
        assert_int_equal(base64_chars(slice.len), strlen(vectors[i].text));
        struct base64_result result = decode(vectors[i].text, bytes);
        assert_int_equal(result.fault, BASE64_OK);
        assert_true(slice_equal(slice_of(bytes, result.len), slice));
    }
}

/* Exact memory, so that the address sanitizer sees a byte too many. */
static void every_length_is_what_openssl_says_and_comes_back(void **state)
{
    for (size_t len = 0; len < SIZE; len++) {
        unsigned char *bytes = malloc(len + 1);
        unsigned char *expected = malloc(base64_chars(len) + 1);
        char *text = malloc(base64_chars(len) + 1);

        for (size_t i = 0; i < len; i++)
            bytes[i] = (unsigned char)(i * i * 31 + i * 7 + len);
        base64_encode(slice_of(bytes, len), text);
        assert_int_equal(EVP_EncodeBlock(expected, bytes, (int)len), base64_chars(len));
        assert_memory_equal(text, expected, base64_chars(len));

        size_t room = base64_bytes_max(base64_chars(len));
        unsigned char *back = malloc(room > 0 ? room : 1);
        struct base64_result result = base64_decode(slice_of(text, base64_chars(len)), back);
        assert_int_equal(result.fault, BASE64_OK);
        assert_true(slice_equal(slice_of(back, result.len), slice_of(bytes, len)));
        free(bytes);
        free(expected);
        free(text);
        free(back);
    }
}

static void a_wrong_character_is_found_in_every_place(void **state)
{
    char text[400];
    unsigned char bytes[300];

    memset(text, 'Q', sizeof(text));
    for (size_t at = 0; at < sizeof(text); at++) {
        for (int c = 0; c < 256; c += at % 16 == 0 ? 1 : 13) {
            bool legal = c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                          "0123456789+/",
                                          c) != NULL;

            if (c == '=' && at + 1 == sizeof(text))
                continue;
            text[at] = (char)c;
            struct base64_result result = base64_decode(slice_of(text, sizeof(text)), bytes);
            assert_int_equal(result.fault, legal ? BASE64_OK : BASE64_CHAR);
            if (!legal)
                assert_int_equal(result.at, at);
        }
        text[at] = 'Q';
    }
}

static void what_is_not_strict_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum base64_fault fault;
        size_t at;
    } vectors[] = {
        { "Z", BASE64_LENGTH, 1 },      { "Zg", BASE64_LENGTH, 2 },     { "Zg=", BASE64_LENGTH, 3 },
        { "Zm9vYg", BASE64_LENGTH, 6 }, { "====", BASE64_CHAR, 0 },     { "Z===", BASE64_CHAR, 1 },
        { "Zg=v", BASE64_CHAR, 2 },     { "Z-==", BASE64_CHAR, 1 },     { "Zh==", BASE64_TAIL, 1 },
        { "Zm9=", BASE64_TAIL, 2 },     { "Zg==Zg==", BASE64_CHAR, 2 }, { "Zm\nv", BASE64_CHAR, 2 },
        { "Zm_v", BASE64_CHAR, 2 },     { "Z=9=", BASE64_CHAR, 1 },
    };
    unsigned char bytes[16];

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct base64_result result = decode(vectors[i].text, bytes);

        assert_int_equal(result.fault, vectors[i].fault);
        assert_int_equal(result.at, vectors[i].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_gives_the_known_answers),
        cmocka_unit_test(every_length_is_what_openssl_says_and_comes_back),
        cmocka_unit_test(a_wrong_character_is_found_in_every_place),
        cmocka_unit_test(what_is_not_strict_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/digest.h"
#include "base/u128.h"

static struct u128 number(const char *text)
{
    struct u128 value = { 0 };

    assert_int_equal(u128_parse(slice_text(text), &value), ERR_OK);
    return value;
}

static void decimal_text_comes_back(void **state)
{
    static const char *const texts[] = {
        "0",
        "1",
        "9",
        "10",
        "18446744073709551615",
        "18446744073709551616",
        "170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455",
    };
    char text[U128_TEXT_BYTES];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_string_equal(u128_print(number(texts[i]), text), texts[i]);
}

static void what_is_no_hash_key_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "00",
        "01",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1a",
        "0x1",
        "1.0",
        "340282366920938463463374607431768211456",
        "340282366920938463463374607431768211460",
        "999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000",
    };
    struct u128 value = u128_of(1, 2);

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(u128_parse(slice_text(texts[i]), &value), ERR_INVALID);
    assert_int_equal(u128_compare(value, u128_of(1, 2)), 0); /* untouched */
}

/* Captured from AWS's own test vectors. */
static void the_hash_key_of_a_partition_key_is_its_md5(void **state)
{
    static const struct {
        const char *key, *hash;
    } vectors[] = {
        { "a", "16955237001963240173058271559858726497" },
        { "b", "195289424170611159128911017612795795343" },
        { "e", "299611584147932843547128611849858313266" },
        { "f", "190917122200326810055233066464581373159" },
        { "partitionKey", "193318062818912349798954611745638949166" },
        { "\xc3\xbc", "255482112228542481294366945247899473731" },
    };
    struct digest *digest = digest_new();

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        unsigned char md5[MD5_BYTES], again[MD5_BYTES];
        char text[U128_TEXT_BYTES];

        digest_md5(digest, slice_text(vectors[i].key), md5);
        assert_string_equal(u128_print(u128_get(md5), text), vectors[i].hash);
        u128_put(again, u128_get(md5));
        assert_memory_equal(again, md5, sizeof(md5));
    }
    digest_free(digest);
}

static void ranges_are_aws_s_and_leave_no_gap(void **state)
{
    static const char *const thirds[] = {
        "0",
        "113427455640312821154458202477256070484",
        "113427455640312821154458202477256070485",
        "226854911280625642308916404954512140969",
        "226854911280625642308916404954512140970",
        "340282366920938463463374607431768211455",
    };
    struct u128 first, last;

    for (uint32_t i = 0; i < 3; i++) {
        u128_range(i, 3, &first, &last);
        assert_int_equal(u128_compare(first, number(thirds[2 * i])), 0);
        assert_int_equal(u128_compare(last, number(thirds[2 * i + 1])), 0);
    }
    for (uint32_t count = 1; count <= 100; count++) {
        u128_bits next = 0;

        for (uint32_t i = 0; i < count; i++) {
            u128_range(i, count, &first, &last);
            assert_true(first.v == next);
            assert_true(u128_compare(first, last) < 0);
            assert_true(u128_between(first, first, last) && u128_between(last, first, last));
            next = last.v + 1;
        }
        assert_true(next == 0);
    }
    u128_range(1, 4, &first, &last);
    assert_int_equal(u128_compare(first, number("85070591730234615865843651857942052864")), 0);
}

static void order_is_that_of_numbers(void **state)
{
    assert_true(u128_compare(u128_of(0, UINT64_MAX), u128_of(1, 0)) < 0);
    assert_true(u128_compare(U128_MAX, u128_of(UINT64_MAX, 0)) > 0);
    assert_false(u128_between(u128_of(2, 0), u128_of(0, 0), u128_of(1, UINT64_MAX)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_text_comes_back),
        cmocka_unit_test(what_is_no_hash_key_is_refused),
        cmocka_unit_test(the_hash_key_of_a_partition_key_is_its_md5),
        cmocka_unit_test(ranges_are_aws_s_and_leave_no_gap),
        cmocka_unit_test(order_is_that_of_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

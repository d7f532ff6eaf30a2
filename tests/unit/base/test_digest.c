#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

static const char *hex(const unsigned char *bytes, size_t len)
{
    static char text[2 * SHA256_BYTES + 1];

    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text;
}

/* RFC 1321, FIPS 180-4, RFC 4231. */
static void digests_give_the_known_answers(void **state)
{
    struct digest *digest = digest_new();
    unsigned char sum[SHA256_BYTES];
    unsigned char key[131];

    digest_md5(digest, slice_text(""), sum);
    assert_string_equal(hex(sum, MD5_BYTES), "d41d8cd98f00b204e9800998ecf8427e");
    digest_md5(digest, slice_text("message digest"), sum);
    assert_string_equal(hex(sum, MD5_BYTES), "f96b697d7cb7938d525a2f31aaf161d0");

    digest_sha256(digest, slice_text("abc"), sum);
    assert_string_equal(hex(sum, SHA256_BYTES),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

    digest_hmac_sha256(digest, slice_text("Jefe"), slice_text("what do ya want for nothing?"), sum);
    assert_string_equal(hex(sum, SHA256_BYTES),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    digest_hmac_sha256(digest, slice_of(key, sizeof(key)),
                       slice_text("Test Using Larger Than Block-Size Key - Hash Key First"), sum);
    assert_string_equal(hex(sum, SHA256_BYTES),
                        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    digest_free(digest);
}

static void sha256_in_pieces_is_sha256(void **state)
{
    struct digest *digest = digest_new();
    unsigned char whole[SHA256_BYTES], pieces[SHA256_BYTES];

    digest_sha256(digest, slice_text("one piece, another"), whole);
    digest_sha256_start(digest);
    digest_sha256_add(digest, slice_text("one piece"));
    digest_sha256_add(digest, slice_of(NULL, 0));
    digest_sha256_add(digest, slice_text(", another"));
    digest_sha256_end(digest, pieces);
    assert_memory_equal(whole, pieces, sizeof(whole));
    digest_free(digest);
}

/* RFC 3720, B.4. */
static void crc32c_gives_the_known_answers(void **state)
{
    unsigned char bytes[32];

    assert_int_equal(crc32c(0, "", 0), 0);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
}

static void crc32c_is_the_same_with_and_without_the_instruction(void **state)
{
    enum { SIZE = 40000 };
    unsigned char *bytes = malloc(SIZE);
    uint32_t noise = 1;

    for (size_t i = 0; i < SIZE; i++) {
        noise = noise * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(noise >> 24);
    }
    for (size_t len = 0; len < SIZE; len += len < 100 ? 1 : 997) {
        uint32_t sum = crc32c_by_table(7, bytes + len % 8, len - len % 8);

        assert_int_equal(crc32c(7, bytes + len % 8, len - len % 8), sum);
    }
    free(bytes);
}

static void crc32c_of_pieces_joins(void **state)
{
    static const char text[] = "a frame's headers and its payload";

    for (size_t cut = 0; cut < sizeof(text); cut++) {
        uint32_t first = crc32c(0, text, cut);
        uint32_t second = crc32c(0, text + cut, sizeof(text) - cut);

        assert_int_equal(crc32c_join(first, second, sizeof(text) - cut),
                         crc32c(0, text, sizeof(text)));
        assert_int_equal(crc32c(first, text + cut, sizeof(text) - cut),
                         crc32c(0, text, sizeof(text)));
    }
}

static void xxh3_depends_on_bytes_and_seed(void **state)
{
    assert_true(xxh3("", 0, 0) == 0x2d06800538d394c2u);
    assert_true(xxh3("a", 1, 0) != xxh3("b", 1, 0));
    assert_true(xxh3("a", 1, 0) != xxh3("a", 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_give_the_known_answers),
        cmocka_unit_test(sha256_in_pieces_is_sha256),
        cmocka_unit_test(crc32c_gives_the_known_answers),
        cmocka_unit_test(crc32c_is_the_same_with_and_without_the_instruction),
        cmocka_unit_test(crc32c_of_pieces_joins),
        cmocka_unit_test(xxh3_depends_on_bytes_and_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/copy_past.h"

#define ROOM 40000u
#define EDGE 128u
#define MARK 0xee

static unsigned char from[ROOM], to[ROOM];

static void copy_is_exact(size_t at_to, size_t at_from, size_t len)
{
    memset(to, MARK, sizeof(to));
    copy_past_cache(to + at_to, from + at_from, len);
    assert_memory_equal(to + at_to, from + at_from, len);
    for (size_t i = 0; i < EDGE; i++) {
        if (i < at_to)
            assert_int_equal(to[at_to - 1 - i], MARK);
        assert_int_equal(to[at_to + len + i], MARK);
    }
}

static void every_byte_arrives_and_none_beside_it(void **state)
{
    static const size_t lens[] = { 0, 1, 63, 64, 4096, 8191, 8192, 8193, 8255, 16384, 32767 };

    for (size_t i = 0; i < ROOM; i++)
        from[i] = (unsigned char)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        for (size_t shift = 0; shift < 67; shift++) {
            copy_is_exact(shift, 0, lens[i]);
            copy_is_exact(64, shift, lens[i]);
            copy_is_exact(shift, 66 - shift, lens[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_arrives_and_none_beside_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/u128.h"

#include <string.h>

#include "base/bytes.h"
#include "base/ensure.h"

struct u128 u128_get(const unsigned char bytes[16])
{
    return u128_of(get_u64(bytes), get_u64(bytes + 8));
}

void u128_put(unsigned char bytes[16], struct u128 value)
{
    put_u64(bytes, (uint64_t)(value.v >> 64));
    put_u64(bytes + 8, (uint64_t)value.v);
}

enum err u128_parse(struct slice text, struct u128 *ret)
{
    u128_bits value = 0;

    if (text.len == 0 || text.len >= U128_TEXT_BYTES)
        return ERR_INVALID;
    if (text.data[0] == '0' && text.len > 1)
        return ERR_INVALID;

    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';

        if (digit > 9)
            return ERR_INVALID;
        if (value > (U128_MAX.v - digit) / 10)
            return ERR_INVALID;
        value = value * 10 + digit;
    }
    *ret = (struct u128){ .v = value };
    return ERR_OK;
}

char *u128_print(struct u128 value, char text[U128_TEXT_BYTES])
{
    char digits[U128_TEXT_BYTES];
    size_t at = sizeof(digits);

    digits[--at] = 0;
    do {
        digits[--at] = (char)('0' + (unsigned)(value.v % 10));
        value.v /= 10;
    } while (value.v != 0);
    return memcpy(text, digits + at, sizeof(digits) - at);
}

void u128_range(uint32_t at, uint32_t count, struct u128 *first, struct u128 *last)
{
    ensure(at < count);

    /* floor(2^128 / count) without the 129th bit: 2^128 - 1 divides alike unless count does it
     * evenly, which only powers of two do. */
    u128_bits step = U128_MAX.v / count + ((count & (count - 1)) == 0);
    first->v = step * at;
    last->v = at == count - 1 ? U128_MAX.v : step * (at + 1) - 1;
}

/* u128.h - hash keys: unsigned numbers of 128 bits.
 *
 * A record's place among the shards is the MD5 of its partition key read as one
 * big-endian number; a shard owns a range of them.  Clients see them as decimal
 * text.  Values, no memory, any thread.
 */
#ifndef BASE_U128_H
#define BASE_U128_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

__extension__ typedef unsigned __int128 u128_bits;

struct u128 {
    u128_bits v;
};

#define U128_TEXT_BYTES 40u /* 39 digits and the end mark */
#define U128_MAX ((struct u128){ .v = ~(u128_bits)0 })

static inline struct u128 u128_of(uint64_t high, uint64_t low)
{
    return (struct u128){ .v = (u128_bits)high << 64 | low };
}

/* From and to 16 bytes, the highest first. */
struct u128 u128_get(const unsigned char bytes[16]);
void u128_put(unsigned char bytes[16], struct u128 value);

/* Below, equal or above zero, as memcmp(). */
static inline int u128_compare(struct u128 a, struct u128 b)
{
    return a.v < b.v ? -1 : a.v > b.v;
}

static inline bool u128_between(struct u128 value, struct u128 first, struct u128 last)
{
    return value.v >= first.v && value.v <= last.v;
}

/* Reads decimal digits: no sign, no blanks, no leading zeros except "0" itself.
 * ERR_INVALID: it is no such number, or 2^128 or more. */
MUST_CHECK enum err u128_parse(struct slice text, struct u128 *ret);

/* Prints decimal digits and an end mark; returns `text`. */
char *u128_print(struct u128 value, char text[U128_TEXT_BYTES]);

/* Range number `at` of `count` ranges that part all hash keys as evenly as can be, in AWS's way:
 * range k starts at k * floor(2^128 / count), the last one takes what is over.
 * `at` < `count`. */
void u128_range(uint32_t at, uint32_t count, struct u128 *first, struct u128 *last);

#endif

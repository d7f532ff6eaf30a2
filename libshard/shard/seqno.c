#include "shard/seqno.h"

#include <string.h>

#include "base/ensure.h"
#include "base/limits.h"

#define VERSION 2u
#define LEAD 2u
#define DIGITS 56u /* a number that starts with the lead digit 2 has neither more nor fewer */

#define ORDINAL_MASK ((1u << SEQNO_ORDINAL_BITS) - 1)
#define CREATED_S_END UINT64_C(16025175000) /* AWS's readers refuse shards from here on */
#define TIME_S_MASK ((UINT64_C(1) << 36) - 1)

/* Decimal text is made and read in chunks of this, the largest power of ten whose remainders leave
 * room for one more limb in 128 bits. */
#define CHUNK UINT64_C(1000000000000000000)
#define CHUNK_DIGITS 18u
#define CHUNKS 3u
#define TOP_DIGITS (DIGITS - CHUNKS * CHUNK_DIGITS)

__extension__ typedef unsigned __int128 wide;

/* The number's 188 bits: the top limb begins with the lead digit and 4 bits that are 0. */
struct number {
    uint64_t low, middle, high;
};

/* What stands at "index" in the layout. */
static uint64_t place(struct seqno seqno)
{
    return seqno.index << SEQNO_ORDINAL_BITS | seqno.ordinal;
}

static struct number number_of(struct seqno_shard shard, uint64_t index, uint64_t time_s)
{
    /*      184     148    144     80   72     36      4         0
     *   lead | created | nibble | index | 00 | time | shard | version    */
    return (struct number){
        .high = (uint64_t)LEAD << 56 | shard.created_s << 20 | (shard.shard & UINT64_C(15)) << 16 |
                index >> 48,
        .middle = index << 16 | time_s >> 28,
        .low = time_s << 36 | (uint64_t)shard.shard << 4 | VERSION,
    };
}

static uint64_t divide_limb(uint64_t *limb, uint64_t remainder)
{
    wide value = (wide)remainder << 64 | *limb;

    *limb = (uint64_t)(value / CHUNK);
    return (uint64_t)(value % CHUNK);
}

static void print_digits(char *to, uint32_t digits, uint64_t value)
{
    for (uint32_t at = digits; at-- > 0; value /= 10)
        to[at] = (char)('0' + value % 10);
}

static void print_number(struct number number, char text[SEQNO_TEXT_MAX])
{
    for (uint32_t chunk = CHUNKS; chunk-- > 0;) {
        uint64_t remainder = divide_limb(&number.high, 0);
        remainder = divide_limb(&number.middle, remainder);
        remainder = divide_limb(&number.low, remainder);
        print_digits(text + TOP_DIGITS + chunk * CHUNK_DIGITS, CHUNK_DIGITS, remainder);
    }
    ensure(number.high == 0 && number.middle == 0 && number.low < 100);
    print_digits(text, TOP_DIGITS, number.low);
    text[DIGITS] = 0;
}

static void print(struct seqno_shard shard, uint64_t index, uint64_t time_s,
                  char text[SEQNO_TEXT_MAX])
{
    ensure(shard.created_s < CREATED_S_END);
    ensure(index <= SEQNO_INDEX_END);
    print_number(number_of(shard, index, time_s & TIME_S_MASK), text);
}

struct seqno seqno_at(uint64_t index, uint32_t ordinal, uint64_t time_s)
{
    ensure(ordinal < ENTRY_RECORDS_MAX);
    return (struct seqno){ .index = index, .ordinal = ordinal, .time_s = time_s };
}

struct seqno seqno_next(struct seqno seqno)
{
    if (seqno.ordinal < ORDINAL_MASK)
        seqno.ordinal++;
    else if (seqno.index < SEQNO_ENTRY_MAX)
        seqno = (struct seqno){ .index = seqno.index + 1, .time_s = seqno.time_s };
    return seqno;
}

int seqno_compare(struct seqno a, struct seqno b)
{
    if (a.index != b.index)
        return a.index < b.index ? -1 : 1;
    return (a.ordinal > b.ordinal) - (a.ordinal < b.ordinal);
}

void seqno_print(struct seqno_shard shard, struct seqno seqno, char text[SEQNO_TEXT_MAX])
{
    ensure(seqno.index <= SEQNO_ENTRY_MAX);
    ensure(seqno.ordinal <= ORDINAL_MASK);
    print(shard, place(seqno), seqno.time_s, text);
}

void seqno_print_start(struct seqno_shard shard, char text[SEQNO_TEXT_MAX])
{
    print(shard, 0, shard.created_s, text);
}

void seqno_print_end(struct seqno_shard shard, uint64_t closed_s, char text[SEQNO_TEXT_MAX])
{
    print(shard, SEQNO_INDEX_END, closed_s, text);
}

/* limb = limb * CHUNK + carry; returns the new carry. */
static uint64_t multiply_limb(uint64_t *limb, uint64_t carry)
{
    wide value = (wide)*limb * CHUNK + carry;

    *limb = (uint64_t)value;
    return (uint64_t)(value >> 64);
}

/* False when a character is no digit. */
static bool read_digits(const unsigned char *from, uint32_t digits, uint64_t *value)
{
    *value = 0;
    for (uint32_t at = 0; at < digits; at++) {
        if (from[at] < '0' || from[at] > '9')
            return false;
        *value = *value * 10 + (uint64_t)(from[at] - '0');
    }
    return true;
}

/* 56 digits are below 2^187, so nothing is lost at the top. */
static bool read_number(struct slice text, struct number *number)
{
    *number = (struct number){ 0 };
    if (text.len != DIGITS || !read_digits(text.data, TOP_DIGITS, &number->low))
        return false;
    for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) {
        uint64_t carry;
        if (!read_digits(text.data + TOP_DIGITS + chunk * CHUNK_DIGITS, CHUNK_DIGITS, &carry))
            return false;
        carry = multiply_limb(&number->low, carry);
        carry = multiply_limb(&number->middle, carry);
        carry = multiply_limb(&number->high, carry);
        ensure(carry == 0);
    }
    return true;
}

enum err seqno_parse(struct slice text, struct seqno_shard *shard, struct seqno *seqno)
{
    struct number number;

    if (!read_number(text, &number))
        return ERR_INVALID;

    struct seqno_shard name = {
        .created_s = number.high >> 20 & TIME_S_MASK,
        .shard = (uint32_t)(number.low >> 4),
    };
    uint64_t index = number.high << 48 | number.middle >> 16;
    uint64_t time_s = (number.middle << 28 & TIME_S_MASK) | number.low >> 36;
    struct number again = number_of(name, index, time_s);

    /* What was read must be what would be printed: that checks lead, version, nibble and the zero
     * byte at once. */
    if (memcmp(&again, &number, sizeof(number)) != 0)
        return ERR_INVALID;
    if (index > SEQNO_INDEX_END || name.created_s >= CREATED_S_END)
        return ERR_INVALID;

    *shard = name;
    *seqno = (struct seqno){
        .index = index >> SEQNO_ORDINAL_BITS,
        .ordinal = (uint32_t)(index & ORDINAL_MASK),
        .time_s = time_s,
    };
    return ERR_OK;
}

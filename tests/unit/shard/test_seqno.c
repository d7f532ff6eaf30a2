#include "unit.h"

#include <string.h>

#include "base/limits.h"
#include "shard/seqno.h"

/* Numbers that AWS gave out, decoded by public readers, and numbers of a made-up stream in the same
 * layout. */
struct vector {
    const char *decimal;
    uint64_t created_s, index, time_s;
    uint32_t shard;
};

static const struct vector vectors[] = {
    { "49646437577108476416916876405825929425585429676275269634", 1700000000, 0, 1700000000, 0 },
    { "49646437577130777162115407028967465143858078037781250066", 1700000000, 0, 1700000000, 1 },
    { "49646437577130777162115407028967465143858078037781250322", 1700000000, 0, 1700000000, 17 },
    { "49646437577108476416916876405827138351405051177397649410", 1700000000, 1, 1700000100, 0 },
    { "49646437577108476416916876405828347277224665806572355586", 1700000000, 2, 1700000100, 0 },
    { "49646437577119626789516141717395488358902152971748900866", 1700000000,
      UINT64_C(9223372036854775807), 1700000200, 0 },
    { "49594189147623985939251953501666965394405037144469929986", 1553568712, 195, 1553568735, 0 },
    { "49590338271490256608559692538361571095921575989136588898", 1542776258, 1734642199,
      1545084650, 6 },
    { "49674026002850188218576229259473476449429298564223254594", 1777319237,
      UINT64_C(21689507110), 1777320018, 3076 },
    { "49595535202406761165676766185764002510013872440053071874", 1557341161,
      UINT64_C(10735209440), 1575918219, 0 },
    { "49546986683135544286507457936321625675700192471156785154", 1421279230, 469, 1421279386, 0 },
    { "49670023483232461788730612813735157811693693431491592722", 1766101788,
      UINT64_C(13773199148), 1766140863, 33 },
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static struct seqno_shard shard_of(const struct vector *vector)
{
    return (struct seqno_shard){ .created_s = vector->created_s, .shard = vector->shard };
}

static void numbers_of_aws_are_read_field_by_field(void **state)
{
    for (size_t at = 0; at < VECTORS; at++) {
        struct seqno_shard shard;
        struct seqno seqno;
        assert_int_equal(seqno_parse(slice_text(vectors[at].decimal), &shard, &seqno), ERR_OK);
        assert_int_equal(shard.created_s, vectors[at].created_s);
        assert_int_equal(shard.shard, vectors[at].shard);
        assert_int_equal(seqno.index << SEQNO_ORDINAL_BITS | seqno.ordinal, vectors[at].index);
        assert_int_equal(seqno.time_s, vectors[at].time_s);
    }
}

static void numbers_of_aws_are_printed_digit_by_digit(void **state)
{
    for (size_t at = 0; at < VECTORS; at++) {
        char text[SEQNO_TEXT_MAX];
        uint64_t index = vectors[at].index;
        struct seqno seqno = seqno_at(index >> SEQNO_ORDINAL_BITS,
                                      (uint32_t)(index % ENTRY_RECORDS_MAX), vectors[at].time_s);
        seqno_print(shard_of(&vectors[at]), seqno, text);
        assert_string_equal(text, vectors[at].decimal);
    }
}

static void a_shard_starts_at_index_zero_and_ends_at_the_last(void **state)
{
    char text[SEQNO_TEXT_MAX];

    seqno_print_start(shard_of(&vectors[1]), text);
    assert_string_equal(text, vectors[1].decimal);
    seqno_print_end(shard_of(&vectors[5]), 1700000200, text);
    assert_string_equal(text, vectors[5].decimal);
}

static void the_place_of_a_record_survives_print_and_parse(void **state)
{
    const struct seqno seqnos[] = {
        { .index = 2, .ordinal = 0, .time_s = 1 },
        { .index = 2, .ordinal = 511, .time_s = (UINT64_C(1) << 36) - 1 },
        { .index = (UINT64_C(1) << 54) - 1, .ordinal = 511, .time_s = 1800000000 },
        { .index = UINT64_C(0x2aaaaaaaaaaaaa), .ordinal = 341, .time_s = 0 },
    };
    const struct seqno_shard shards[] = {
        { .created_s = 0, .shard = 0 },
        { .created_s = UINT64_C(16025174999), .shard = UINT32_MAX },
        { .created_s = 1700000000, .shard = 0x7fffffff },
    };

    for (size_t s = 0; s < sizeof(shards) / sizeof(shards[0]); s++) {
        for (size_t at = 0; at < sizeof(seqnos) / sizeof(seqnos[0]); at++) {
            char text[SEQNO_TEXT_MAX];
            struct seqno_shard shard;
            struct seqno seqno;
            seqno_print(shards[s], seqnos[at], text);
            assert_int_equal(strlen(text), 56);
            assert_int_equal(seqno_parse(slice_text(text), &shard, &seqno), ERR_OK);
            assert_int_equal(shard.created_s, shards[s].created_s);
            assert_int_equal(shard.shard, shards[s].shard);
            assert_int_equal(seqno_compare(seqno, seqnos[at]), 0);
            assert_int_equal(seqno.time_s, seqnos[at].time_s);
        }
    }
}

static void text_order_is_the_order_of_the_records(void **state)
{
    struct seqno_shard shard = { .created_s = 1700000000, .shard = 3 };
    struct seqno seqno = seqno_at(7, 500, 1700000500);
    char before[SEQNO_TEXT_MAX], after[SEQNO_TEXT_MAX];

    seqno_print_start(shard, before);
    for (int step = 0; step < 100; step++) {
        struct seqno next = seqno_next(seqno);
        next.time_s = 1700000500 - (uint64_t)step; /* the place counts, not the time */
        seqno_print(shard, next, after);
        assert_true(strcmp(before, after) < 0);
        assert_int_equal(seqno_compare(seqno, next), -1);
        assert_int_equal(seqno_compare(next, seqno), 1);
        memcpy(before, after, sizeof(before));
        seqno = next;
    }
    assert_int_equal(seqno.index, 8);
    assert_int_equal(seqno.ordinal, 500 + 100 - 512);
    seqno_print_end(shard, 1700000000, after);
    assert_true(strcmp(before, after) < 0);
}

static void behind_the_largest_number_there_is_none(void **state)
{
    struct seqno_shard shard = { .created_s = 1700000000, .shard = 3 };
    char text[SEQNO_TEXT_MAX];
    struct seqno last;

    seqno_print_end(shard, 1700000000, text);
    assert_int_equal(seqno_parse(slice_text(text), &shard, &last), ERR_OK);
    struct seqno next = seqno_next(last);
    assert_int_equal(seqno_compare(next, last), 0);
    assert_true(next.index == SEQNO_ENTRY_MAX);
    seqno_print(shard, next, text); /* it still has a text */
}

static void what_is_no_sequence_number_is_refused(void **state)
{
    const char *const texts[] = {
        "",
        "0",
        "-1",
        "TRIM_HORIZON",
        "4964643757710847641691687640582713835140505117739764941",   /* 55 digits */
        "496464375771084764169168764058271383514050511773976494100", /* 57 digits */
        "049646437577108476416916876405827138351405051177397649410",
        "4964643757710847641691687640582713835140505117739764941x",
        "4964643757710847641691687640 827138351405051177397649410",
        "49646437577108476416916876405827138351405051177397649409", /* version 1 */
        "49646437577108476416916876405827138351405051177397649426", /* nibble is of shard 0 */
        "99999999999999999999999999999999999999999999999999999999",
        "10000000000000000000000000000000000000000000000000000002",
        "49646437577119626789516141717396697284721760728975933442", /* index 2^63 */
        "54757830818698251126701659333929306223987979269762449410", /* created in the year 2477 */
    };

    for (size_t at = 0; at < sizeof(texts) / sizeof(texts[0]); at++) {
        struct seqno_shard shard = { .created_s = 5 };
        struct seqno seqno = { .index = 5 };
        assert_int_equal(seqno_parse(slice_text(texts[at]), &shard, &seqno), ERR_INVALID);
        assert_int_equal(shard.created_s, 5);
        assert_int_equal(seqno.index, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_aws_are_read_field_by_field),
        cmocka_unit_test(numbers_of_aws_are_printed_digit_by_digit),
        cmocka_unit_test(a_shard_starts_at_index_zero_and_ends_at_the_last),
        cmocka_unit_test(the_place_of_a_record_survives_print_and_parse),
        cmocka_unit_test(text_order_is_the_order_of_the_records),
        cmocka_unit_test(behind_the_largest_number_there_is_none),
        cmocka_unit_test(what_is_no_sequence_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

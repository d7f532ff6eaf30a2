#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "shard/command.h"

static const unsigned char hash_key[16] = { 0xff, 1, 2 };

/* Three records that differ in all that can differ; returns the bytes used. */
static size_t encode_three(unsigned char bytes[256])
{
    const struct record records[] = {
        { .key = slice_text("k"), .data = slice_text("hello") },
        { .key = slice_text("key"), .hash_key = slice_of(hash_key, 16), .data = slice_text("w") },
        { .key = slice_text("empty") },
    };
    unsigned char *end = bytes;

    for (size_t at = 0; at < 3; at++) {
        unsigned char *next = command_encode_record(end, &records[at]);
        assert_int_equal(next - end, command_record_bytes(&records[at]));
        end = next;
    }
    return (size_t)(end - bytes);
}

static void records_come_back_as_they_were_put(void **state)
{
    unsigned char bytes[256];
    struct command_walk walk = command_walk_start(slice_of(bytes, encode_three(bytes)));
    struct record record;

    assert_int_equal(command_walk_next(&walk, &record), ERR_OK);
    assert_true(slice_equal(record.key, slice_text("k")));
    assert_int_equal(record.hash_key.len, 0);
    assert_true(slice_equal(record.data, slice_text("hello")));

    assert_int_equal(command_walk_next(&walk, &record), ERR_OK);
    assert_true(slice_equal(record.hash_key, slice_of(hash_key, 16)));
    assert_true(slice_equal(record.data, slice_text("w")));

    assert_int_equal(command_walk_next(&walk, &record), ERR_OK);
    assert_true(slice_equal(record.key, slice_text("empty")));
    assert_int_equal(record.data.len, 0);

    assert_int_equal(command_walk_next(&walk, &record), ERR_NOT_FOUND);
}

static void the_bytes_are_the_documented_ones(void **state)
{
    static const unsigned char expected[] = { 0, 0, 0, 7, 0, 1, 0, 0, 'k', 'd', 'd' };
    unsigned char bytes[sizeof(expected)];
    struct record record = { .key = slice_text("k"), .data = slice_text("dd") };

    assert_int_equal(command_record_bytes(&record), sizeof(expected));
    command_encode_record(bytes, &record);
    assert_memory_equal(bytes, expected, sizeof(expected));
}

static void a_payload_is_valid_for_its_own_count_only(void **state)
{
    unsigned char bytes[256];
    struct slice payload = slice_of(bytes, encode_three(bytes));

    assert_true(command_valid(payload, 3));
    assert_false(command_valid(payload, 2));
    assert_false(command_valid(payload, 4));
    assert_true(command_valid(slice_of(NULL, 0), 0));
    assert_false(command_valid(slice_of(NULL, 0), 1));
}

/* The copy has no byte to spare, so that the sanitizer sees a read behind the end. */
static bool valid_copy(const unsigned char *bytes, size_t len, uint32_t count)
{
    unsigned char *copy = malloc(len == 0 ? 1 : len);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    bool valid = command_valid(slice_of(copy, len), count);
    free(copy);
    return valid;
}

static void every_cut_of_a_payload_is_noticed(void **state)
{
    unsigned char bytes[256];
    size_t len = encode_three(bytes);

    for (size_t cut = 0; cut < len; cut++)
        assert_false(valid_copy(bytes, cut, 3));
}

static void no_flip_of_a_length_byte_reads_behind_the_end(void **state)
{
    unsigned char bytes[256];
    size_t len = encode_three(bytes);

    for (size_t at = 0; at < 8; at++) {
        for (unsigned value = 0; value < 256; value++) {
            unsigned char old = bytes[at];
            bytes[at] = (unsigned char)value;
            /* The key's length may grow into the data: that is another record, not a broken one. */
            if (value != old && at != 5)
                assert_false(valid_copy(bytes, len, 3));
            else
                (void)valid_copy(bytes, len, 3);
            bytes[at] = old;
        }
    }
}

static void a_record_has_a_key_and_a_hash_key_of_16_bytes_or_none(void **state)
{
    static const unsigned char no_key[] = { 0, 0, 0, 5, 0, 0, 0, 0, 'd' };
    static const unsigned char short_hash_key[] = { 0, 0, 0, 6, 0, 1, 1, 0, 'k', 'h' };
    static const unsigned char strange_byte[] = { 0, 0, 0, 5, 0, 1, 0, 1, 'k' };

    assert_false(valid_copy(no_key, sizeof(no_key), 1));
    assert_false(valid_copy(short_hash_key, sizeof(short_hash_key), 1));
    assert_false(valid_copy(strange_byte, sizeof(strange_byte), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_as_they_were_put),
        cmocka_unit_test(the_bytes_are_the_documented_ones),
        cmocka_unit_test(a_payload_is_valid_for_its_own_count_only),
        cmocka_unit_test(every_cut_of_a_payload_is_noticed),
        cmocka_unit_test(a_record_has_a_key_and_a_hash_key_of_16_bytes_or_none),
        cmocka_unit_test(no_flip_of_a_length_byte_reads_behind_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

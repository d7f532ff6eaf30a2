#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/epoch_message.h"

#define GROUP 9u
#define NUMBER_MAX (UINT64_MAX >> 2)

/* Where the fields of an answer lie. */
enum {
    ANSWER_FORMAT = 0,
    ANSWER_MEMBERS = 1,
    ANSWER_ZERO = 2,
    ANSWER_EPOCH = 4,
    ANSWER_FIRST = 8,
    ANSWER_APPLIED = 16,
    ANSWER_TERM = 24,
    ANSWER_IMAGE_BYTES = 56,
    ANSWER_MEMBER = 60
};

static struct epoch_answer answer_make(uint32_t members, uint32_t image_bytes)
{
    struct epoch_answer answer = { .epoch = 3,
                                   .member_count = members,
                                   .first = 5,
                                   .base_term = 2,
                                   .base_time_ms = 1700000000000,
                                   .applied = 77,
                                   .applied_term = 6,
                                   .applied_time_ms = 1700000000999,
                                   .image_bytes = image_bytes };

    for (uint32_t i = 0; i < members; i++)
        answer.members[i] = UINT64_MAX - i;
    for (uint32_t i = 0; i < image_bytes; i++)
        answer.image[i] = (unsigned char)(i + 1);
    return answer;
}

typedef bool (*decode_fn)(struct slice bytes);

static bool word_read(struct slice bytes)
{
    struct epoch_word word;

    return epoch_word_decode(&word, bytes);
}

static bool answer_read(struct slice bytes)
{
    struct epoch_answer answer;

    return epoch_answer_decode(&answer, bytes);
}

static bool pull_read(struct slice bytes)
{
    struct epoch_pull pull;

    return epoch_pull_decode(&pull, bytes);
}

/* Takes the reference.  In memory of its own, so that a read behind the end is seen. */
static void assert_only_whole(struct buf *bytes, decode_fn decode)
{
    assert_non_null(bytes);
    assert_true(decode(buf_slice(bytes)));
    for (size_t len = 0; len <= bytes->len + 1; len++) {
        unsigned char *cut = calloc(1, len > 0 ? len : 1);
        assert_non_null(cut);
        memcpy(cut, bytes->data, len < bytes->len ? len : bytes->len);
        assert_int_equal(decode(slice_of(cut, len)), len == bytes->len);
        free(cut);
    }
    buf_unref(bytes);
}

static void messages_come_back(void **state)
{
    struct epoch_word word = { .group = GROUP, .epoch = UINT32_MAX }, word_back;
    struct epoch_pull pull = {
        .group = NUMBER_MAX, .first = 2, .last = NUMBER_MAX, .bytes = FILL_BYTES_MAX
    };
    struct epoch_pull soon = { .group = GROUP, .first = 2, .last = 3, .writers_wait = true };
    struct epoch_pull pull_back;
    struct buf *bytes = epoch_word_encode(&word);

    assert_true(epoch_word_decode(&word_back, buf_slice(bytes)));
    assert_int_equal(word_back.group, word.group);
    assert_int_equal(word_back.epoch, word.epoch);
    buf_unref(bytes);

    bytes = epoch_pull_encode(&pull);
    assert_true(epoch_pull_decode(&pull_back, buf_slice(bytes)));
    assert_int_equal(pull_back.group, pull.group);
    assert_int_equal(pull_back.first, pull.first);
    assert_int_equal(pull_back.last, pull.last);
    assert_int_equal(pull_back.bytes, pull.bytes);
    assert_false(pull_back.writers_wait);
    bytes->data[24] |= 2; /* no flag that is known */
    assert_false(epoch_pull_decode(&pull_back, buf_slice(bytes)));
    buf_unref(bytes);
    bytes = epoch_pull_encode(&soon);
    assert_true(epoch_pull_decode(&pull_back, buf_slice(bytes)));
    assert_true(pull_back.writers_wait);
    assert_int_equal(pull_back.bytes, 0);
    buf_unref(bytes);
}

static void answers_come_back_with_all_members_and_images(void **state)
{
    static const uint32_t images[] = { 0, 1, IMAGE_BYTES_MAX };

    for (uint32_t members = 1; members <= GROUP_MEMBERS_MAX; members++) {
        for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
            struct epoch_answer answer = answer_make(members, images[i]), back;
            struct buf *bytes = epoch_answer_encode(&answer);

            memset(&back, 0xff, sizeof(back));
            assert_true(epoch_answer_decode(&back, buf_slice(bytes)));
            assert_int_equal(back.epoch, answer.epoch);
            assert_int_equal(back.member_count, members);
            assert_memory_equal(back.members, answer.members, members * sizeof(*back.members));
            assert_int_equal(back.first, answer.first);
            assert_int_equal(back.base_term, answer.base_term);
            assert_int_equal(back.base_time_ms, answer.base_time_ms);
            assert_int_equal(back.applied, answer.applied);
            assert_int_equal(back.applied_term, answer.applied_term);
            assert_int_equal(back.applied_time_ms, answer.applied_time_ms);
            assert_int_equal(back.image_bytes, images[i]);
            assert_memory_equal(back.image, answer.image, sizeof(back.image));
            buf_unref(bytes);
        }
    }
}

static void what_is_cut_or_too_long_is_refused(void **state)
{
    struct epoch_word word = { .group = GROUP, .epoch = 2 };
    struct epoch_pull pull = { .group = GROUP, .first = 2, .last = 3 };
    struct epoch_answer bare = answer_make(1, 0);
    struct epoch_answer full = answer_make(GROUP_MEMBERS_MAX, IMAGE_BYTES_MAX);

    assert_only_whole(epoch_word_encode(&word), word_read);
    assert_only_whole(epoch_pull_encode(&pull), pull_read);
    assert_only_whole(epoch_answer_encode(&bare), answer_read);
    assert_only_whole(epoch_answer_encode(&full), answer_read);
}

static bool word_with(uint64_t group)
{
    struct epoch_word word = { .group = group, .epoch = 2 };
    AUTO_UNREF struct buf *bytes = epoch_word_encode(&word);

    return word_read(buf_slice(bytes));
}

static bool pull_with(uint64_t group, uint64_t first, uint64_t last)
{
    struct epoch_pull pull = { .group = group, .first = first, .last = last };
    AUTO_UNREF struct buf *bytes = epoch_pull_encode(&pull);

    return pull_read(buf_slice(bytes));
}

static void questions_about_what_no_log_has_are_refused(void **state)
{
    assert_true(word_with(1));
    assert_false(word_with(0));
    assert_true(word_with(NUMBER_MAX));
    assert_false(word_with(NUMBER_MAX + 1));
    assert_false(word_with(UINT64_MAX));

    struct epoch_pull large = { GROUP, 2, 3, FILL_BYTES_MAX + 1 };
    AUTO_UNREF struct buf *bytes = epoch_pull_encode(&large);
    assert_false(pull_read(buf_slice(bytes)));
    assert_true(pull_with(GROUP, 2, 2));
    assert_false(pull_with(0, 2, 2));
    assert_false(pull_with(NUMBER_MAX + 1, 2, 2));
    assert_false(pull_with(GROUP, 1, 2));
    assert_false(pull_with(GROUP, 0, 0));
    assert_false(pull_with(GROUP, 3, 2));
    assert_true(pull_with(GROUP, 2, NUMBER_MAX));
    assert_false(pull_with(GROUP, 2, NUMBER_MAX + 1));
}

/* An answer of two members and four bytes of image whose number at `at` is `value`. */
static bool answer_with(size_t at, size_t bytes, uint64_t value)
{
    struct epoch_answer answer = answer_make(2, 4);
    AUTO_UNREF struct buf *buf = epoch_answer_encode(&answer);
    unsigned char number[8];

    put_u64(number, value);
    memcpy(buf->data + at, number + 8 - bytes, bytes);
    return answer_read(buf_slice(buf));
}

static void answers_whose_numbers_are_out_of_range_are_refused(void **state)
{
    assert_true(answer_with(ANSWER_FORMAT, 1, 1));
    assert_false(answer_with(ANSWER_FORMAT, 1, 0));
    assert_false(answer_with(ANSWER_FORMAT, 1, 2));
    assert_false(answer_with(ANSWER_ZERO, 2, 1));
    assert_false(answer_with(ANSWER_ZERO, 2, 0x100));
    assert_true(answer_with(ANSWER_EPOCH, 4, 1));
    assert_false(answer_with(ANSWER_EPOCH, 4, 0));

    assert_true(answer_with(ANSWER_FIRST, 8, 2));
    assert_false(answer_with(ANSWER_FIRST, 8, 1));
    assert_true(answer_with(ANSWER_FIRST, 8, 78)); /* it has none: applied + 1 */
    assert_false(answer_with(ANSWER_FIRST, 8, 79));
    assert_true(answer_with(ANSWER_APPLIED, 8, NUMBER_MAX));
    assert_false(answer_with(ANSWER_APPLIED, 8, NUMBER_MAX + 1));
    assert_false(answer_with(ANSWER_APPLIED, 8, UINT64_MAX)); /* applied + 1 is 0 */
    assert_false(answer_with(ANSWER_APPLIED, 8, 3));
    assert_true(answer_with(ANSWER_TERM, 8, NUMBER_MAX));
    assert_false(answer_with(ANSWER_TERM, 8, NUMBER_MAX + 1));
    assert_false(answer_with(ANSWER_TERM, 8, 0));
}

static void answers_whose_counts_are_out_of_range_are_refused(void **state)
{
    struct epoch_answer answer = answer_make(GROUP_MEMBERS_MAX, IMAGE_BYTES_MAX);
    AUTO_UNREF struct buf *most = epoch_answer_encode(&answer);
    /* Room for one member or byte more, so that only the count can be what is wrong. */
    AUTO_UNREF struct buf *more = buf_new(most->len + 8);

    for (uint32_t members = 0; members < 256; members++)
        assert_int_equal(answer_with(ANSWER_MEMBERS, 1, members), members == 2);
    assert_false(answer_with(ANSWER_IMAGE_BYTES, 4, 3));
    assert_false(answer_with(ANSWER_IMAGE_BYTES, 4, 5));
    assert_false(answer_with(ANSWER_IMAGE_BYTES, 4, UINT32_MAX));

    memset(more->data, 7, more->len);
    memcpy(more->data, most->data, most->len);
    more->data[ANSWER_MEMBERS] = GROUP_MEMBERS_MAX + 1;
    assert_false(answer_read(buf_slice(more)));
    more->data[ANSWER_MEMBERS] = GROUP_MEMBERS_MAX;
    put_u32(more->data + ANSWER_IMAGE_BYTES, IMAGE_BYTES_MAX + 8);
    assert_false(answer_read(buf_slice(more)));
}

static void members_that_no_group_has_are_refused(void **state)
{
    assert_true(answer_with(ANSWER_MEMBER, 8, 1));
    assert_false(answer_with(ANSWER_MEMBER, 8, 0));
    assert_false(answer_with(ANSWER_MEMBER, 8, UINT64_MAX - 1)); /* the second, twice */
    assert_false(answer_with(ANSWER_MEMBER + 8, 8, UINT64_MAX));
    assert_false(answer_with(ANSWER_MEMBER + 8, 8, 0));
}

/* ---- entries ---- */

#define ENTRIES 3u

static struct entry_head head_make(uint64_t index, struct slice payload)
{
    struct entry_head head = { .group = GROUP,
                               .index = index,
                               .term = 4,
                               .time_ms = 1700000000000 + index,
                               .epoch = 2,
                               .length = (uint32_t)payload.len,
                               .records = payload.len > 0 ? 1 : 0,
                               .type = payload.len > 0 ? ENTRY_RECORDS : ENTRY_BARRIER };

    head.crc = entry_crc(&head, payload);
    return head;
}

/* Entries 10, 11 and 12 as one message; the one in the middle is a barrier. */
static struct buf *entries_make(void)
{
    struct log_read_entry entries[ENTRIES] = { 0 };
    const struct slice payloads[ENTRIES] = { slice_text("first"), slice_of(NULL, 0),
                                             slice_text("the third") };
    size_t len = 0;

    for (uint32_t i = 0; i < ENTRIES; i++) {
        entries[i].head = head_make(10 + i, payloads[i]);
        len += payloads[i].len;
    }
    AUTO_UNREF struct buf *heads = epoch_entries_encode(entries, ENTRIES);
    struct buf *message = buf_new(heads->len + len);
    unsigned char *at = message->data;
    memcpy(at, heads->data, heads->len);
    at += heads->len;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (payloads[i].len > 0)
            memcpy(at, payloads[i].data, payloads[i].len);
        at += payloads[i].len;
    }
    return message;
}

/* How many entries from `index` on are taken. */
static uint32_t taken(struct slice bytes, uint64_t group, uint64_t index)
{
    struct epoch_entries entries;
    struct entry_head head;
    struct slice payload;
    uint32_t count = 0;

    if (!epoch_entries_decode(&entries, bytes))
        return 0;
    while (epoch_entries_next(&entries, group, index + count, &head, &payload)) {
        assert_int_equal(head.index, index + count);
        assert_true(entry_matches(&head, payload));
        count++;
    }
    return count;
}

static void entries_come_back_in_order(void **state)
{
    AUTO_UNREF struct buf *message = entries_make();
    struct epoch_entries entries;
    struct entry_head head;
    struct slice payload;

    assert_true(epoch_entries_decode(&entries, buf_slice(message)));
    assert_int_equal(entries.count, ENTRIES);
    assert_true(epoch_entries_next(&entries, GROUP, 10, &head, &payload));
    assert_true(slice_equal(payload, slice_text("first")));
    assert_int_equal(head.term, 4);
    assert_int_equal(head.time_ms, 1700000000010);
    assert_true(epoch_entries_next(&entries, GROUP, 11, &head, &payload));
    assert_int_equal(payload.len, 0);
    assert_int_equal(head.type, ENTRY_BARRIER);
    assert_true(epoch_entries_next(&entries, GROUP, 12, &head, &payload));
    assert_true(slice_equal(payload, slice_text("the third")));
    assert_false(epoch_entries_next(&entries, GROUP, 13, &head, &payload));

    AUTO_UNREF struct buf *none = epoch_entries_encode(NULL, 0);
    assert_true(epoch_entries_decode(&entries, buf_slice(none)));
    assert_false(epoch_entries_next(&entries, GROUP, 10, &head, &payload));
}

static void of_entries_that_are_cut_the_whole_ones_are_taken(void **state)
{
    AUTO_UNREF struct buf *message = entries_make();
    const size_t heads = 4 + ENTRIES * ENTRY_HEAD_BYTES;

    for (size_t len = 0; len <= message->len; len++) {
        unsigned char *cut = malloc(len > 0 ? len : 1);
        uint32_t whole = len < heads + 5 ? 0 : len < message->len ? 2 : 3;
        struct epoch_entries entries;

        assert_non_null(cut);
        memcpy(cut, message->data, len);
        assert_int_equal(epoch_entries_decode(&entries, slice_of(cut, len)), len >= heads);
        assert_int_equal(taken(slice_of(cut, len), GROUP, 10), whole);
        free(cut);
    }
}

static void more_entries_than_a_read_gives_are_refused(void **state)
{
    const uint32_t count = LOG_READ_ENTRIES_MAX + 1;
    AUTO_UNREF struct buf *message = buf_new(4 + (size_t)count * ENTRY_HEAD_BYTES);
    struct epoch_entries entries;

    memset(message->data, 0, message->len);
    put_u32(message->data, LOG_READ_ENTRIES_MAX);
    assert_true(epoch_entries_decode(&entries, buf_slice(message)));
    put_u32(message->data, count);
    assert_false(epoch_entries_decode(&entries, buf_slice(message)));
    put_u32(message->data, UINT32_MAX);
    assert_false(epoch_entries_decode(&entries, buf_slice(message)));
}

static void entries_of_another_group_or_place_are_refused(void **state)
{
    AUTO_UNREF struct buf *message = entries_make();

    assert_int_equal(taken(buf_slice(message), GROUP, 10), ENTRIES);
    assert_int_equal(taken(buf_slice(message), GROUP + 1, 10), 0);
    assert_int_equal(taken(buf_slice(message), GROUP, 9), 0);
    assert_int_equal(taken(buf_slice(message), GROUP, 11), 0);
}

/* What is good when the byte at `at` is not: the entries before the one it is of. */
static uint32_t whole_before(size_t at)
{
    const size_t heads = 4 + ENTRIES * ENTRY_HEAD_BYTES;

    if (at >= heads)
        return at < heads + 5 ? 0 : 2;
    return (uint32_t)((at - 4) / ENTRY_HEAD_BYTES);
}

static void one_wrong_bit_anywhere_ends_what_is_taken(void **state)
{
    AUTO_UNREF struct buf *message = entries_make();

    for (size_t at = 4; at < message->len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            message->data[at] ^= (unsigned char)(1u << bit);
            assert_int_equal(taken(buf_slice(message), GROUP, 10), whole_before(at));
            message->data[at] ^= (unsigned char)(1u << bit);
        }
    }
}

static void the_base_is_what_the_log_knows_of_the_entry_before_its_first(void **state)
{
    struct log_state log = { .start_index = 7, .start_term = 3, .first = 8, .applied = 20 };
    struct epoch_answer answer = { .first = 8 };

    epoch_answer_base(&answer, &log);
    assert_int_equal(answer.base_term, 3);
    assert_int_equal(answer.base_time_ms, 0);

    log.first = 15; /* retention took the entries before */
    answer = (struct epoch_answer){ .first = 15 };
    epoch_answer_base(&answer, &log);
    assert_int_equal(answer.base_term, 0);

    log.first = 21;
    log.applied_term = 5;
    log.applied_time_ms = 99;
    epoch_answer_base(&answer, &log);
    assert_int_equal(answer.base_term, 5);
    assert_int_equal(answer.base_time_ms, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_back),
        cmocka_unit_test(answers_come_back_with_all_members_and_images),
        cmocka_unit_test(what_is_cut_or_too_long_is_refused),
        cmocka_unit_test(questions_about_what_no_log_has_are_refused),
        cmocka_unit_test(answers_whose_numbers_are_out_of_range_are_refused),
        cmocka_unit_test(answers_whose_counts_are_out_of_range_are_refused),
        cmocka_unit_test(members_that_no_group_has_are_refused),
        cmocka_unit_test(entries_come_back_in_order),
        cmocka_unit_test(of_entries_that_are_cut_the_whole_ones_are_taken),
        cmocka_unit_test(more_entries_than_a_read_gives_are_refused),
        cmocka_unit_test(entries_of_another_group_or_place_are_refused),
        cmocka_unit_test(one_wrong_bit_anywhere_ends_what_is_taken),
        cmocka_unit_test(the_base_is_what_the_log_knows_of_the_entry_before_its_first),
    };

    return cmocka_run_group_tests_name("epoch_message", tests, NULL, NULL);
}

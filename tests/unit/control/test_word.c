#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/word.h"

static const struct identity_cluster cluster = { .id = 77,
                                                 .members = { 5, 6, 7 },
                                                 .member_count = 3 };

static void a_hello_comes_back(void **state)
{
    struct word_hello hello = { .cluster = cluster,
                                .name = "node-1",
                                .az = "a",
                                .client_address = "127.0.0.1:4567",
                                .peer_address = "127.0.0.1:4568",
                                .operations_address = "127.0.0.1:4569",
                                .seed = true };
    struct word_hello copy;
    struct buf *bytes = word_hello_pack(&hello);

    assert_int_equal(word_hello_read(buf_slice(bytes), &copy), ERR_OK);
    assert_int_equal(copy.cluster.id, 77);
    assert_int_equal(copy.cluster.member_count, 3);
    assert_int_equal(copy.cluster.members[2], 7);
    assert_string_equal(copy.name, "node-1");
    assert_string_equal(copy.az, "a");
    assert_string_equal(copy.peer_address, "127.0.0.1:4568");
    assert_true(copy.seed);
    buf_unref(bytes);
}

static void a_hello_that_is_too_long_is_refused(void **state)
{
    unsigned char bytes[2 + 200];
    struct word_hello hello;

    bytes[0] = 0x12; /* name */
    bytes[1] = 0x7f;
    memset(bytes + 2, 'n', 200);
    assert_int_equal(word_hello_read(slice_of(bytes, 2 + 127), &hello), ERR_OK);
    assert_int_equal(word_hello_read(slice_of(bytes, 2 + 126), &hello), ERR_INVALID);
    bytes[1] = 0xc8; /* 200, in two bytes */
    bytes[2] = 0x01;
    assert_int_equal(word_hello_read(slice_of(bytes, sizeof(bytes)), &hello), ERR_INVALID);
}

static void members_that_nobody_can_mean_are_no_cluster(void **state)
{
    struct word_foundation twice = {
        .cluster = { .id = 77, .members = { 5, 5 }, .member_count = 2 }
    };
    struct word_foundation none = { .cluster = { .id = 77 } };
    struct word_foundation copy;
    struct buf *bytes = word_foundation_pack(&twice);

    assert_int_equal(word_foundation_read(buf_slice(bytes), &copy), ERR_INVALID);
    buf_unref(bytes);
    bytes = word_foundation_pack(&none);
    assert_int_equal(word_foundation_read(buf_slice(bytes), &copy), ERR_INVALID);
    buf_unref(bytes);
}

static void a_foundation_says_where_its_sender_is(void **state)
{
    struct word_foundation said = { .cluster = cluster, .peer_address = "10.0.0.4:4568" }, copy;
    struct buf *bytes = word_foundation_pack(&said);

    assert_int_equal(word_foundation_read(buf_slice(bytes), &copy), ERR_OK);
    assert_memory_equal(&copy.cluster, &cluster, sizeof(cluster));
    assert_string_equal(copy.peer_address, "10.0.0.4:4568");
    buf_unref(bytes);

    struct word_foundation silent = { .cluster = cluster }; /* as older nodes */
    bytes = word_foundation_pack(&silent);
    assert_int_equal(word_foundation_read(buf_slice(bytes), &copy), ERR_OK);
    assert_string_equal(copy.peer_address, "");
    buf_unref(bytes);
}

static void a_foundation_from_a_place_that_nobody_can_have_is_refused(void **state)
{
    struct word_foundation said = { .cluster = cluster }, copy;
    unsigned char bytes[512];

    memset(said.peer_address, 'a', sizeof(said.peer_address) - 1);
    struct buf *longest = word_foundation_pack(&said);
    assert_int_equal(word_foundation_read(buf_slice(longest), &copy), ERR_OK);
    assert_string_equal(copy.peer_address, said.peer_address);

    /* The address is the last field, its length two bytes: one more of both. */
    size_t len = longest->len;
    memcpy(bytes, longest->data, len);
    buf_unref(longest);
    unsigned char *length = bytes + len - 255 - 2;
    assert_int_equal(length[0], 0x80 | (255 & 0x7f));
    assert_int_equal(length[1], 255 >> 7);
    length[0] = 0x80;
    length[1] = 256 >> 7;
    bytes[len] = 'a';
    assert_int_equal(word_foundation_read(slice_of(bytes, len + 1), &copy), ERR_INVALID);
}

static void what_a_node_leads_comes_back(void **state)
{
    const uint64_t groups[] = { 1, 9 }, terms[] = { 4, 2 }, whole[] = { 3, 8 }, open[] = { 9 };
    const uint64_t moving[] = { 5, 6 }, ended[] = { 7 }, hot[] = { 9 }, quiet[] = { 2, 3 };
    struct liveness_word word = { .wall_ms = 12,
                                  .boot = 13,
                                  .catalog_index = 14,
                                  .catalog_saved = 11,
                                  .leaving = true,
                                  .groups = groups,
                                  .terms = terms,
                                  .whole = whole,
                                  .group_count = 2,
                                  .open = open,
                                  .open_count = 1,
                                  .moving = moving,
                                  .moving_count = 2,
                                  .ended = ended,
                                  .ended_count = 1,
                                  .hot = hot,
                                  .hot_count = 1,
                                  .quiet = quiet,
                                  .quiet_count = 2,
                                  .full = true,
                                  .ails = 2,
                                  .write_us = 1234,
                                  .knows = 2 };
    struct word_leading leading;
    struct buf *bytes = word_leading_pack(&word, &cluster);

    assert_int_equal(word_leading_read(buf_slice(bytes), &leading), ERR_OK);
    assert_int_equal(leading.word.wall_ms, 12);
    assert_int_equal(leading.word.boot, 13);
    assert_int_equal(leading.word.catalog_index, 14);
    assert_int_equal(leading.word.catalog_saved, 11);
    assert_true(leading.word.leaving);
    assert_false(leading.word.stopping);
    assert_int_equal(leading.word.group_count, 2);
    assert_memory_equal(leading.word.groups, groups, sizeof(groups));
    assert_memory_equal(leading.word.terms, terms, sizeof(terms));
    assert_memory_equal(leading.word.whole, whole, sizeof(whole));
    assert_int_equal(leading.word.open_count, 1);
    assert_int_equal(leading.word.moving_count, 2);
    assert_memory_equal(leading.word.moving, moving, sizeof(moving));
    assert_int_equal(leading.word.ended_count, 1);
    assert_memory_equal(leading.word.ended, ended, sizeof(ended));
    assert_int_equal(leading.word.hot_count, 1);
    assert_memory_equal(leading.word.hot, hot, sizeof(hot));
    assert_int_equal(leading.word.quiet_count, 2);
    assert_memory_equal(leading.word.quiet, quiet, sizeof(quiet));
    assert_true(leading.word.full);
    assert_int_equal(leading.word.ails, 2);
    assert_int_equal(leading.word.write_us, 1234);
    assert_int_equal(leading.word.knows, 2);
    assert_int_equal(leading.cluster.id, 77);
    word_leading_fini(&leading);
    buf_unref(bytes);
}

static void groups_without_terms_are_refused(void **state)
{
    /* groups = [1], fixed64, and no terms */
    const unsigned char bytes[] = { 0x1a, 8, 1, 0, 0, 0, 0, 0, 0, 0 };
    struct word_leading leading;

    assert_int_equal(word_leading_read(slice_of(bytes, sizeof(bytes)), &leading), ERR_INVALID);
}

static void damaged_bytes_are_refused_or_harmless(void **state)
{
    struct word_hello hello = { .cluster = cluster, .name = "node-1" };
    struct buf *bytes = word_hello_pack(&hello);

    for (size_t at = 0; at < bytes->len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct buf *damaged = buf_copy(buf_slice(bytes));
            struct word_leading leading;
            struct word_foundation read;
            damaged->data[at] ^= (unsigned char)(1u << bit);
            if (word_hello_read(buf_slice(damaged), &hello) == ERR_OK && hello.cluster.id != 0)
                assert_true(identity_cluster_valid(&hello.cluster));
            if (word_foundation_read(buf_slice(damaged), &read) == ERR_OK)
                assert_true(identity_cluster_valid(&read.cluster));
            if (word_leading_read(buf_slice(damaged), &leading) == ERR_OK)
                word_leading_fini(&leading);
            buf_unref(damaged);
        }
    }
    buf_unref(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_comes_back),
        cmocka_unit_test(a_hello_that_is_too_long_is_refused),
        cmocka_unit_test(members_that_nobody_can_mean_are_no_cluster),
        cmocka_unit_test(a_foundation_says_where_its_sender_is),
        cmocka_unit_test(a_foundation_from_a_place_that_nobody_can_have_is_refused),
        cmocka_unit_test(what_a_node_leads_comes_back),
        cmocka_unit_test(groups_without_terms_are_refused),
        cmocka_unit_test(damaged_bytes_are_refused_or_harmless),
    };

    return cmocka_run_group_tests_name("word", tests, NULL, NULL);
}

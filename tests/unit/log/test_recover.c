#include "fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "log/frame.h"
#include "log/segment.h"

/* What a damaged, foreign or newer data directory does to a start; what lost files do is in
 * test_lost_files.c. */

static struct node node, before;

static int set_up(void **state)
{
    (void)state;
    node_init(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

/* Some frames, the last one with 10,000 bytes of payload; `before` is the model without it. */
static struct tail_place write_some(void)
{
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    for (unsigned i = 0; i < 12; i++) {
        node_append(&node, 1 + i % 2, 6000);
        node_wait_all(&node);
    }
    memcpy(&before, &node, sizeof(before));
    node_append(&node, 1, 10000);
    node_wait_all(&node);
    node_close(&node);
    return node_tail(&node);
}

static void expect_without_last(uint64_t torn_frames)
{
    memcpy(node.groups, before.groups, sizeof(node.groups));
    node_open(&node);
    assert_int_equal(log_recovery(node.log).torn_frames, torn_frames);
    node_check(&node);
    node_append(&node, 1, 3000);
    node_append(&node, 2, 0);
    node_wait_all(&node);
    node_reopen(&node);
    assert_int_equal(log_recovery(node.log).torn_frames, 0);
    node_check(&node);
}

static void expect_refusal(enum err expected, const char *words)
{
    struct tail_place tail = node_tail(&node);
    static unsigned char bytes[2][MIB];

    file_read(tail.path, 0, bytes[0], MIB);
    enum err err = node_try_open(&node);
    if (err != expected || strstr(node.reason.text, words) == NULL)
        fail_msg("%s: %s", err_name(err), node.reason.text);
    file_read(tail.path, 0, bytes[1], MIB);
    assert_memory_equal(bytes[0], bytes[1], MIB); /* nothing was changed */
}

static void a_last_frame_without_its_end_is_cut_off_and_counted(void **state)
{
    static const unsigned char zeros[4096];
    struct tail_place tail = write_some();

    (void)state;
    file_write(tail.path, tail.end - sizeof(zeros), zeros, sizeof(zeros));
    expect_without_last(1);
}

static void a_last_frame_without_its_header_is_cut_off(void **state)
{
    static const unsigned char zeros[4096];
    struct tail_place tail = write_some();

    (void)state;
    file_write(tail.path, tail.frame, zeros, sizeof(zeros));
    expect_without_last(0);
}

static void a_last_frame_with_garbage_in_its_header_is_cut_off_and_counted(void **state)
{
    struct tail_place tail = write_some();

    (void)state;
    file_xor(tail.path, tail.frame + 60, 0x10);
    expect_without_last(1);
}

static void a_last_frame_with_garbage_in_its_payload_is_cut_off_and_counted(void **state)
{
    struct tail_place tail = write_some();

    (void)state;
    file_xor(tail.path, tail.frame + 5000, 0x10);
    expect_without_last(1);
}

/* As builds before December 2026 wrote it: a turn of several frames, of which the last is lost. */
static void a_turn_without_its_last_frame_is_not_whole(void **state)
{
    struct tail_place tail = write_some();
    unsigned char *frame = malloc(tail.frame_bytes);
    struct frame_head head;

    (void)state;
    file_read(tail.path, tail.frame, frame, tail.frame_bytes);
    assert_int_equal(frame_check(slice_of(frame, tail.frame_bytes), &head), ERR_OK);
    assert_true(head.ends_turn);
    head.ends_turn = false;
    frame_head_write(&head, frame);
    file_write(tail.path, tail.frame, frame, tail.frame_bytes);
    free(frame);
    node_open(&node);
    assert_int_equal(log_recovery(node.log).last_turn, head.turn);
    assert_int_equal(log_recovery(node.log).whole_turn, head.turn - 1);
    node_check(&node);
}

static void a_flipped_bit_in_a_header_in_the_middle_is_corruption(void **state)
{
    struct tail_place tail = write_some();
    char words[64];

    (void)state;
    /* The third frame but one: each has 6,000 bytes of payload. */
    file_xor(tail.path, tail.frame - 2 * 8192 + 90, 0x01);
    snprintf(words, sizeof(words), "offset %lu: no valid frame",
             (unsigned long)tail.frame - 2 * 8192);
    expect_refusal(ERR_CORRUPT, words);
    expect_refusal(ERR_CORRUPT, REASON_KEEP_DATA);
}

static void a_flipped_payload_bit_in_the_middle_hurts_that_entry_only(void **state)
{
    struct tail_place tail = write_some();
    uint64_t hurt = model_last(&before, 1);
    struct log_read req = { .group = 1, .first = 2, .last = hurt + 1, .bytes_max = MIB };

    (void)state;
    /* The last entry of group 1 in `before` is in the frame before the last one but one. */
    file_xor(tail.path, tail.frame - 2 * 8192 + 4000, 0x01);
    node_open(&node);
    assert_int_equal(node_read(&node, &req), ERR_OK);
    assert_int_equal(req.count, hurt - 2); /* those before it */
    log_read_fini(&req);
    req.first = hurt;
    assert_int_equal(node_read(&node, &req), ERR_CORRUPT);
    assert_non_null(strstr(req.reason.text, "checksum"));
    assert_int_equal(req.count, 0);
    req.first = hurt + 1;
    assert_int_equal(node_read(&node, &req), ERR_OK);
    assert_int_equal(req.count, 1);
    log_read_fini(&req);
    assert_int_equal(log_figures(node.log).corrupt_entries, 2);
}

static void another_nodes_directory_is_refused(void **state)
{
    (void)state;
    write_some();
    node.id = NODE_ID + 1;
    expect_refusal(ERR_FOREIGN, "node 0000000000000007");
}

static void another_nodes_segments_are_refused(void **state)
{
    char path[160];
    unsigned char block[SEGMENT_HEAD_BYTES];
    struct segment_head head;

    (void)state;
    write_some();
    assert_true(node_segment_path(&node, 1, path));
    file_read(path, 0, block, sizeof(block));
    assert_int_equal(segment_head_read(block, &head), ERR_OK);
    head.node = 99;
    segment_head_write(&head, block);
    file_write(path, 0, block, sizeof(block));
    expect_refusal(ERR_FOREIGN, "belongs to node 0000000000000063");
}

static void a_newer_segment_is_refused(void **state)
{
    char path[160];
    unsigned char block[SEGMENT_HEAD_BYTES];

    (void)state;
    write_some();
    assert_true(node_segment_path(&node, 1, path));
    file_read(path, 0, block, sizeof(block));
    put_u16(block + 8, 3); /* 2 is of one that was written aside */
    put_u32(block + 12, 0);
    put_u32(block + 12, crc32c(0, block, sizeof(block)));
    file_write(path, 0, block, sizeof(block));
    assert_int_equal(node_try_open(&node), ERR_VERSION);
    assert_non_null(strstr(node.reason.text, "newer Braid"));
}

static void a_newer_frame_is_refused(void **state)
{
    struct tail_place tail = write_some();
    unsigned char block[4096];
    uint32_t head_bytes;

    (void)state;
    file_read(tail.path, tail.frame, block, sizeof(block));
    head_bytes = get_u32(block + 64);
    put_u16(block + 8, 2);
    put_u32(block + 12, 0);
    put_u32(block + 12, crc32c(0, block, head_bytes));
    file_write(tail.path, tail.frame, block, sizeof(block));
    expect_refusal(ERR_VERSION, "newer Braid");
}

static void a_tail_that_ends_before_what_was_applied_is_corruption(void **state)
{
    struct tail_place tail;

    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_append(&node, 1, 1000);
    node_wait_all(&node);
    node_append(&node, 1, 1000);
    node_wait_all(&node);
    node_apply(&node, 1, model_last(&node, 1));
    log_save(node.log);
    node_close(&node);
    tail = node_tail(&node);
    file_xor(tail.path, tail.frame + 500, 0x04);
    expect_refusal(ERR_CORRUPT, "was applied");
}

/* Simulator, retention, seed 300005 of two minutes: a member that is filled began anew. */
static void what_was_applied_before_a_start_took_it_back_is_void(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    for (unsigned i = 0; i < 5; i++)
        node_append(&node, 1, 1000);
    node_wait_all(&node);
    node_apply(&node, 1, model_last(&node, 1));
    log_save(node.log);
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->applied, 6);
    node_start(&node, 1);
    node_append(&node, 1, 1000);
    node_wait_all(&node);
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->applied, 1);
    node_check(&node);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_last_frame_without_its_end_is_cut_off_and_counted),
        TEST(a_last_frame_without_its_header_is_cut_off),
        TEST(a_last_frame_with_garbage_in_its_header_is_cut_off_and_counted),
        TEST(a_last_frame_with_garbage_in_its_payload_is_cut_off_and_counted),
        TEST(a_turn_without_its_last_frame_is_not_whole),
        TEST(a_flipped_bit_in_a_header_in_the_middle_is_corruption),
        TEST(a_flipped_payload_bit_in_the_middle_hurts_that_entry_only),
        TEST(another_nodes_directory_is_refused),
        TEST(another_nodes_segments_are_refused),
        TEST(a_newer_segment_is_refused),
        TEST(a_newer_frame_is_refused),
        TEST(a_tail_that_ends_before_what_was_applied_is_corruption),
        TEST(what_was_applied_before_a_start_took_it_back_is_void),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

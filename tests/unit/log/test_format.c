#include "fixture.h"

#include "base/digest.h"
#include "log/frame.h"
#include "log/rows.h"
#include "log/segment.h"
#include "table/keys.h"

/* Bytes on disk: what is written is read again, and what is not what was written is refused.
 *
 * With a folder as its argument the program writes the seeds of the fuzz target there. */

static const char *seeds;

static void seed(const char *name, char choice, struct slice bytes)
{
    char path[200];

    if (seeds == NULL)
        return;
    snprintf(path, sizeof(path), "%s/%s", seeds, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputc(choice, file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    fclose(file);
}

static const struct entry_head head_sample = {
    .group = 11,
    .index = 22,
    .term = 33,
    .time_ms = 44,
    .epoch = 55,
    .length = 5,
    .crc = 0x12345678,
    .records = 2,
    .type = ENTRY_RECORDS,
};

static const struct log_state state_sample = {
    .group = 7,
    .epoch = 3,
    .member_count = 3,
    .members = { 1, 2, 3 },
    .start_index = 10,
    .start_term = 4,
    .term = 6,
    .vote = 2,
    .first = 12,
    .last = 30,
    .last_term = 5,
    .last_time_ms = 1700000000123,
    .applied = 29,
    .applied_term = 5,
    .applied_time_ms = 1700000000000,
    .image_bytes = 3,
    .image = { 9, 8, 7 },
};

static void an_entry_head_has_its_fields_in_their_places(void **state)
{
    static const unsigned char expected[ENTRY_HEAD_BYTES] = {
        [7] = 11, [15] = 22, [23] = 33,   [31] = 44,   [35] = 55,   [39] = 5,
        [40] = 0x12, [41] = 0x34, [42] = 0x56, [43] = 0x78, [45] = 2, [46] = ENTRY_RECORDS,
    };
    unsigned char bytes[ENTRY_HEAD_BYTES];
    struct entry_head read;

    (void)state;
    entry_head_encode(&head_sample, bytes);
    assert_memory_equal(bytes, expected, sizeof(bytes));
    assert_true(entry_head_decode(&read, bytes));
    assert_memory_equal(&read, &head_sample, sizeof(read));
}

static void an_entry_head_that_cannot_be_is_refused(void **state)
{
    static const struct {
        unsigned at;
        unsigned char byte;
    } bad[] = { { 46, 0 }, { 46, 6 }, { 47, 1 }, { 44, 3 }, { 36, 1 } };
    struct entry_head read;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        unsigned char bytes[ENTRY_HEAD_BYTES];
        entry_head_encode(&head_sample, bytes);
        bytes[bad[i].at] = bad[i].byte;
        assert_false(entry_head_decode(&read, bytes));
    }
}

static void an_entrys_checksum_covers_name_and_payload(void **state)
{
    struct slice payload = slice_text("hello");
    struct entry_head head = head_sample;

    (void)state;
    head.crc = entry_crc(&head, payload);
    assert_true(entry_matches(&head, payload));
    assert_false(entry_matches(&head, slice_text("hellO")));
    assert_false(entry_matches(&head, slice_text("hell")));
    head.index++;
    assert_false(entry_matches(&head, payload));
}

/* A frame with one item of each kind; returns its head. */
static struct frame_head make_frame(unsigned char bytes[4096])
{
    struct writer items;

    writer_init(&items, 4096);
    item_write(&items, &(struct frame_item){ .type = ITEM_START, .state = state_sample });
    item_write(&items, &(struct frame_item){ .type = ITEM_ENTRY, .entry = head_sample });
    item_write(&items,
               &(struct frame_item){ .type = ITEM_TRUNCATE, .state.group = 7, .from = 15 });
    item_write(&items, &(struct frame_item){ .type = ITEM_HARD, .state = state_sample });
    item_write(&items, &(struct frame_item){ .type = ITEM_FORGET, .state.group = 9 });
    seed("items", 'i', writer_slice(&items));

    struct frame_head head = {
        .node = 1,
        .life = 2,
        .segment = 3,
        .offset = 4096,
        .number = 5,
        .turn = 6,
        .head_bytes = (uint32_t)(FRAME_HEAD_BYTES + items.len),
        .payload_bytes = 5,
        .items = 5,
        .ends_turn = true,
    };
    memset(bytes, 0, 4096);
    memcpy(bytes + FRAME_HEAD_BYTES, writer_slice(&items).data, items.len);
    writer_fini(&items);
    frame_head_write(&head, bytes);
    memcpy(bytes + head.head_bytes, "hello", 5);
    return head;
}

static void a_frame_gives_back_its_items(void **state)
{
    unsigned char bytes[4096];
    struct frame_head written = make_frame(bytes), head;
    struct frame_item item;

    (void)state;
    assert_int_equal(frame_check(slice_of(bytes, sizeof(bytes)), &head), ERR_OK);
    unsigned char again[4096];
    memcpy(again, bytes, sizeof(bytes));
    frame_head_write(&head, again); /* all fields, and nothing that lies between them */
    assert_memory_equal(again, bytes, sizeof(bytes));
    assert_int_equal(head.number, written.number);
    assert_int_equal(frame_bytes(head.head_bytes, head.payload_bytes), 4096);
    seed("frame", 'f', slice_of(bytes, head.head_bytes));

    struct reader items = items_of(slice_of(bytes, sizeof(bytes)), &head);
    assert_true(item_next(&items, &item));
    assert_int_equal(item.type, ITEM_START);
    assert_int_equal(item.state.start_index, 10);
    assert_int_equal(item.state.members[2], 3);
    assert_int_equal(item.state.image[2], 7);
    assert_true(item_next(&items, &item));
    assert_memory_equal(&item.entry, &head_sample, sizeof(head_sample));
    assert_true(item_next(&items, &item));
    assert_int_equal(item.from, 15);
    assert_true(item_next(&items, &item));
    assert_int_equal(item.state.vote, 2);
    assert_true(item_next(&items, &item));
    assert_int_equal(item.state.group, 9);
    assert_false(item_next(&items, &item));
    assert_false(items.bad);
}

static void a_frame_with_any_flipped_bit_is_none(void **state)
{
    unsigned char bytes[4096];
    struct frame_head head, written = make_frame(bytes);

    (void)state;
    for (uint32_t at = 0; at < written.head_bytes * 8; at++) {
        bytes[at / 8] ^= (unsigned char)(1u << at % 8);
        assert_int_equal(frame_check(slice_of(bytes, sizeof(bytes)), &head), ERR_CORRUPT);
        bytes[at / 8] ^= (unsigned char)(1u << at % 8);
    }
    for (size_t len = 0; len < written.head_bytes; len++)
        assert_int_equal(frame_check(slice_of(bytes, len), &head), ERR_CORRUPT);
    assert_int_equal(frame_check(slice_of(bytes, sizeof(bytes)), &head), ERR_OK);
}

static void a_first_block_gives_back_what_was_written(void **state)
{
    static const struct segment_head written = {
        .node = 1, .number = 2, .life = 3, .file = 4, .bytes = 5, .created_ms = 6,
        .previous_end = 7, .next_frame = 8, .next_turn = 9,
    };
    unsigned char block[SEGMENT_HEAD_BYTES];
    struct segment_head read;

    (void)state;
    segment_head_write(&written, block);
    assert_int_equal(segment_head_read(block, &read), ERR_OK);
    assert_memory_equal(&read, &written, sizeof(read));
    seed("block", 's', slice_of(block, 88));
    for (unsigned at = 0; at < 100; at++) {
        block[at] ^= 4;
        assert_int_equal(segment_head_read(block, &read), ERR_CORRUPT);
        block[at] ^= 4;
    }
    memset(block, 0, sizeof(block));
    assert_int_equal(segment_head_read(block, &read), ERR_NOT_FOUND);
}

static void a_segments_file_name_is_its_id(void **state)
{
    char name[DISK_NAME_MAX];
    uint64_t id;

    (void)state;
    segment_file_name(0xabc123, name);
    assert_string_equal(name, "segment-0000000000abc123");
    assert_true(segment_file_id(name, &id));
    assert_int_equal(id, 0xabc123);
    assert_false(segment_file_id("segment-0000000000abc12", &id));
    assert_false(segment_file_id("segment-0000000000abc123.new", &id));
    assert_false(segment_file_id("segment-0000000000ABC123", &id));
    assert_false(segment_file_id("LOCK", &id));
}

static void an_index_row_gives_back_its_places(void **state)
{
    struct place places[LOG_RUN_ENTRIES_MAX];
    struct key key = key_index(8, 1000);
    struct index_span span;
    struct index_row row;
    struct writer writer;

    (void)state;
    memset(places, 0, sizeof(places));
    for (uint32_t i = 0; i < LOG_RUN_ENTRIES_MAX; i++) {
        places[i] = (struct place){
            .term = 5 + i / 100,
            .time_ms = 1700000000000 + i * 3,
            .epoch = 1 + i / 500,
            .length = i * 1001 % 70000,
            .crc = i * 2654435761u,
            .offset = 4176 + i * 70000,
            .records = (uint16_t)(i % 512),
            .type = ENTRY_RECORDS,
        };
    }
    writer_init(&writer, MIB);
    index_row_write(&writer, 77, places, LOG_RUN_ENTRIES_MAX);
    assert_in_range(writer.len, 1, 20 * LOG_RUN_ENTRIES_MAX);
    assert_int_equal(index_row_read(key_slice(&key), writer_slice(&writer), &row), ERR_OK);
    assert_int_equal(row.group, 8);
    assert_int_equal(row.first, 1000);
    assert_int_equal(row.segment, 77);
    assert_int_equal(row.count, LOG_RUN_ENTRIES_MAX);
    assert_memory_equal(row.places, places, sizeof(places));
    index_row_fini(&row);
    assert_int_equal(index_span_read(key_slice(&key), writer_slice(&writer), &span), ERR_OK);
    assert_int_equal(span.last, 1000 + LOG_RUN_ENTRIES_MAX - 1);
    assert_int_equal(span.last_time_ms, places[LOG_RUN_ENTRIES_MAX - 1].time_ms);

    struct slice cut = writer_slice(&writer);
    cut.len--;
    assert_int_equal(index_row_read(key_slice(&key), cut, &row), ERR_CORRUPT);
    writer.len = 0;
    index_row_write(&writer, 77, places + 600, 5);
    seed("index", 'x', writer_slice(&writer));
    writer_fini(&writer);
}

static void states_and_hints_give_back_what_was_written(void **state)
{
    struct hard hard = { .state = state_sample, .made = 99, .start_time_ms = 1234 }, hard_found;
    struct hint hint = { .group = 7, .made = 99, .epoch = 3, .first = 12, .applied = 29 };
    struct hint hint_found;
    struct writer writer;

    (void)state;
    writer_init(&writer, 4096);
    hard_write(&writer, &hard);
    assert_int_equal(hard_read(7, writer_slice(&writer), &hard_found), ERR_OK);
    assert_memory_equal(&hard_found, &hard, sizeof(hard));
    seed("hard", 'h', writer_slice(&writer));
    writer.len--;
    assert_int_equal(hard_read(7, writer_slice(&writer), &hard_found), ERR_CORRUPT);

    writer.len = 0;
    hint_write(&writer, &hint);
    assert_int_equal(hint_read(7, writer_slice(&writer), &hint_found), ERR_OK);
    assert_memory_equal(&hint_found, &hint, sizeof(hint));
    seed("hint", 'n', writer_slice(&writer));
    writer_u8(&writer, 0);
    assert_int_equal(hint_read(7, writer_slice(&writer), &hint_found), ERR_CORRUPT);
    writer_fini(&writer);
}

static void the_rows_of_log_and_segments_give_back_what_was_written(void **state)
{
    struct log_row row = { .node = 1, .filed = 5, .opened = 6 }, row_found;
    struct extent extents[] = { { 1, 2, 3 }, { 4, 500, 1500 } };
    struct segment_row segment = {
        .life = 9, .file = 8, .end = 7, .entries = 6, .extents = extents, .extent_count = 2
    };
    struct segment_row found;
    struct writer writer;

    (void)state;
    writer_init(&writer, 4096);
    log_row_write(&writer, &row);
    assert_int_equal(log_row_read(writer_slice(&writer), &row_found), ERR_OK);
    assert_memory_equal(&row_found, &row, sizeof(row));
    seed("log", 'l', writer_slice(&writer));
    writer.buf->data[1] = LOG_FORMAT + 1;
    assert_int_equal(log_row_read(writer_slice(&writer), &row_found), ERR_VERSION);

    writer.len = 0;
    segment_row_write(&writer, &segment);
    assert_int_equal(segment_row_read(writer_slice(&writer), &found), ERR_OK);
    assert_int_equal(found.extent_count, 2);
    assert_memory_equal(found.extents, extents, sizeof(extents));
    segment_row_fini(&found);
    seed("segment", 'e', writer_slice(&writer));
    writer.len--;
    assert_int_equal(segment_row_read(writer_slice(&writer), &found), ERR_CORRUPT);
    writer_fini(&writer);
}

/* A run of group 1, or of group 2 when it begins above 1000. */
static struct extent run(uint64_t first, uint64_t last)
{
    return (struct extent){ first > 1000 ? 2 : 1, first, last, 100 * (last - first + 1) };
}

static void a_segments_row_lists_an_entry_once(void **state)
{
    const struct extent had[] = {
        run(2, 3),   run(8, 10), run(2, 9),   run(20, 29), run(41, 45),
        run(48, 60), run(70, 70), run(1001, 1009),
    };
    const struct extent more[] = { run(46, 50), run(2, 7), run(25, 27), run(30, 40) };
    const struct extent expected[] = { run(8, 10),  run(20, 24), run(41, 45), run(70, 70),
                                       run(1001, 1009), run(2, 7),   run(25, 27), run(30, 40),
                                       run(46, 50) };
    struct segment_row row = { .extents = calloc(12, sizeof(*row.extents)), .extent_count = 12 };

    (void)state;
    assert_non_null(row.extents);
    memcpy(row.extents, had, sizeof(had));
    memcpy(row.extents + 8, more, sizeof(more));
    segment_row_renew(&row, 8);
    assert_int_equal(row.extent_count, 9);
    assert_memory_equal(row.extents, expected, sizeof(expected));
    segment_row_renew(&row, 9); /* nothing is newer, and then everything */
    segment_row_renew(&row, 0);
    assert_int_equal(row.extent_count, 9);
    segment_row_fini(&row);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_head_has_its_fields_in_their_places),
        cmocka_unit_test(an_entry_head_that_cannot_be_is_refused),
        cmocka_unit_test(an_entrys_checksum_covers_name_and_payload),
        cmocka_unit_test(a_frame_gives_back_its_items),
        cmocka_unit_test(a_frame_with_any_flipped_bit_is_none),
        cmocka_unit_test(a_first_block_gives_back_what_was_written),
        cmocka_unit_test(a_segments_file_name_is_its_id),
        cmocka_unit_test(an_index_row_gives_back_its_places),
        cmocka_unit_test(states_and_hints_give_back_what_was_written),
        cmocka_unit_test(the_rows_of_log_and_segments_give_back_what_was_written),
        cmocka_unit_test(a_segments_row_lists_an_entry_once),
    };

    seeds = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

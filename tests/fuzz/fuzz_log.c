/* Any bytes as a frame, a segment's first block or a row of the log.
 *
 * The first byte chooses: 'f' a frame as it is, 'i' items under a header that fits them, 's' a
 * first block, 'x' an index row, 'e' a segment's row, 'h' a state, 'n' a hint, 'l' the log's row.
 * What must hold: reading ends within the bytes, and what was read is written and read again the
 * same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/ensure.h"
#include "log/frame.h"
#include "log/rows.h"
#include "log/segment.h"
#include "table/keys.h"

#define FUZZ_BYTES_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy that ends where the allocation ends, so that ASan sees a byte too many. */
static unsigned char *copy_of(struct slice bytes)
{
    unsigned char *copy = malloc(bytes.len > 0 ? bytes.len : 1);

    ensure(copy != NULL);
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    return copy;
}

static void check_frame(struct slice bytes)
{
    struct frame_head head;
    struct frame_item item;
    struct writer again;

    if (frame_check(bytes, &head) != ERR_OK)
        return;
    ensure(head.head_bytes <= bytes.len);
    writer_init(&again, FUZZ_BYTES_MAX);
    struct reader items = items_of(bytes, &head);
    while (item_next(&items, &item))
        item_write(&again, &item);
    ensure(!items.bad && !again.failed);
    ensure(slice_equal(writer_slice(&again),
                       slice_of(bytes.data + FRAME_HEAD_BYTES,
                                head.head_bytes - FRAME_HEAD_BYTES)));
    writer_fini(&again);
}

/* Gives items a header whose checksum and counts fit, which chance would never find. */
static void check_items(struct slice items)
{
    size_t len = FRAME_HEAD_BYTES + items.len;
    unsigned char *bytes = calloc(1, len);
    struct frame_head head = { .node = 1, .head_bytes = (uint32_t)len };
    struct reader reader = reader_of(items);
    struct frame_item item;

    if (len > FRAME_BYTES_MAX) {
        free(bytes);
        return;
    }
    while (item_next(&reader, &item)) {
        head.items++;
        head.payload_bytes += item.type == ITEM_ENTRY ? item.entry.length : 0;
    }
    memcpy(bytes + FRAME_HEAD_BYTES, items.data, items.len);
    frame_head_write(&head, bytes);
    check_frame(slice_of(bytes, len));
    free(bytes);
}

static void check_block(struct slice bytes)
{
    unsigned char block[SEGMENT_HEAD_BYTES] = { 0 }, again[SEGMENT_HEAD_BYTES];
    struct segment_head head;

    memcpy(block, bytes.data, bytes.len < sizeof(block) ? bytes.len : sizeof(block));
    if (segment_head_read(block, &head) != ERR_OK)
        return;
    segment_head_write(&head, again);
    ensure(segment_head_read(again, &head) == ERR_OK);
}

static void check_index(struct slice bytes)
{
    struct key key = key_index(3, 9);
    struct index_row row, second;
    struct writer writer;

    if (index_row_read(key_slice(&key), bytes, &row) != ERR_OK)
        return;
    ensure(row.count > 0 && row.count <= LOG_RUN_ENTRIES_MAX);
    writer_init(&writer, FUZZ_BYTES_MAX);
    index_row_write(&writer, row.segment, row.places, row.count);
    ensure(index_row_read(key_slice(&key), writer_slice(&writer), &second) == ERR_OK);
    ensure(second.count == row.count && second.segment == row.segment);
    for (uint32_t i = 0; i < row.count; i++) {
        ensure(row.places[i].offset == second.places[i].offset);
        ensure(row.places[i].time_ms == second.places[i].time_ms);
        ensure(row.places[i].term == second.places[i].term);
    }
    index_row_fini(&row);
    index_row_fini(&second);
    writer_fini(&writer);
}

static void check_states(uint8_t choice, struct slice bytes)
{
    struct segment_row segment;
    struct writer writer;
    struct hard hard;
    struct hint hint;
    struct log_row row;

    writer_init(&writer, FUZZ_BYTES_MAX);
    if (choice == 'h' && hard_read(5, bytes, &hard) == ERR_OK) {
        hard_write(&writer, &hard);
        ensure(slice_equal(writer_slice(&writer), bytes));
    } else if (choice == 'n' && hint_read(5, bytes, &hint) == ERR_OK) {
        hint_write(&writer, &hint);
        ensure(slice_equal(writer_slice(&writer), bytes));
    } else if (choice == 'l' && log_row_read(bytes, &row) == ERR_OK) {
        log_row_write(&writer, &row);
        ensure(log_row_read(writer_slice(&writer), &row) == ERR_OK);
    } else if (choice == 'e' && segment_row_read(bytes, &segment) == ERR_OK) {
        segment_row_write(&writer, &segment);
        segment_row_fini(&segment);
        ensure(segment_row_read(writer_slice(&writer), &segment) == ERR_OK);
        segment_row_fini(&segment);
    }
    writer_fini(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;

    unsigned char *copy = copy_of(slice_of(data + 1, size - 1));
    struct slice bytes = slice_of(copy, size - 1);
    switch (data[0]) {
    case 'f':
        check_frame(bytes);
        break;
    case 'i':
        check_items(bytes);
        break;
    case 's':
        check_block(bytes);
        break;
    case 'x':
        check_index(bytes);
        break;
    default:
        check_states(data[0], bytes);
    }
    free(copy);
    return 0;
}

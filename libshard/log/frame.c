#include "log/frame.h"

#include "base/digest.h"
#include "base/ensure.h"
#include "env/disk.h"

#define MAGIC 0x62726169642d6672ull /* "braid-fr" */

enum {
    MAGIC_AT = 0,
    FORMAT_AT = 8,
    FLAGS_AT = 10,
    CRC_AT = 12,
    NODE_AT = 16,
    LIFE_AT = 24,
    SEGMENT_AT = 32,
    OFFSET_AT = 40,
    NUMBER_AT = 48,
    TURN_AT = 56,
    HEAD_BYTES_AT = 64,
    PAYLOAD_BYTES_AT = 68,
    ITEMS_AT = 72,
    ZERO_AT = 76
};

#define FLAG_ENDS_TURN 1u

static uint32_t checksum(const unsigned char *bytes, uint32_t head_bytes);
static bool items_are_sound(struct slice bytes, const struct frame_head *head);
static void write_start(struct writer *writer, const struct log_state *start);
static bool read_start(struct reader *reader, struct log_state *start);

uint64_t frame_bytes(uint64_t head_bytes, uint64_t payload_bytes)
{
    return (head_bytes + payload_bytes + DISK_ALIGN - 1) / DISK_ALIGN * DISK_ALIGN;
}

void frame_head_write(const struct frame_head *head, unsigned char *bytes)
{
    put_u64(bytes + MAGIC_AT, MAGIC);
    put_u16(bytes + FORMAT_AT, LOG_FORMAT);
    put_u16(bytes + FLAGS_AT, head->ends_turn ? FLAG_ENDS_TURN : 0);
    put_u64(bytes + NODE_AT, head->node);
    put_u64(bytes + LIFE_AT, head->life);
    put_u64(bytes + SEGMENT_AT, head->segment);
    put_u64(bytes + OFFSET_AT, head->offset);
    put_u64(bytes + NUMBER_AT, head->number);
    put_u64(bytes + TURN_AT, head->turn);
    put_u32(bytes + HEAD_BYTES_AT, head->head_bytes);
    put_u32(bytes + PAYLOAD_BYTES_AT, head->payload_bytes);
    put_u32(bytes + ITEMS_AT, head->items);
    put_u32(bytes + ZERO_AT, 0);
    put_u32(bytes + CRC_AT, checksum(bytes, head->head_bytes));
}

bool frame_peek(struct slice bytes, struct frame_head *head)
{
    if (bytes.len < FRAME_HEAD_BYTES || get_u64(bytes.data + MAGIC_AT) != MAGIC)
        return false;

    struct frame_head read = {
        .node = get_u64(bytes.data + NODE_AT),
        .life = get_u64(bytes.data + LIFE_AT),
        .segment = get_u64(bytes.data + SEGMENT_AT),
        .offset = get_u64(bytes.data + OFFSET_AT),
        .number = get_u64(bytes.data + NUMBER_AT),
        .turn = get_u64(bytes.data + TURN_AT),
        .head_bytes = get_u32(bytes.data + HEAD_BYTES_AT),
        .payload_bytes = get_u32(bytes.data + PAYLOAD_BYTES_AT),
        .items = get_u32(bytes.data + ITEMS_AT),
        .ends_turn = (get_u16(bytes.data + FLAGS_AT) & FLAG_ENDS_TURN) != 0,
    };
    if (read.head_bytes < FRAME_HEAD_BYTES || read.head_bytes > FRAME_BYTES_MAX ||
        read.payload_bytes > FRAME_BYTES_MAX + ENTRY_PAYLOAD_MAX)
        return false;
    *head = read;
    return true;
}

enum err frame_check(struct slice bytes, struct frame_head *head)
{
    struct frame_head read;

    if (!frame_peek(bytes, &read) || bytes.len < read.head_bytes)
        return ERR_CORRUPT;
    if (get_u32(bytes.data + CRC_AT) != checksum(bytes.data, read.head_bytes))
        return ERR_CORRUPT;
    /* Magic, format, checksum and lengths stay in their places for ever, hence this order. */
    if (get_u16(bytes.data + FORMAT_AT) > LOG_FORMAT)
        return ERR_VERSION;
    if (!items_are_sound(bytes, &read))
        return ERR_CORRUPT;
    *head = read;
    return ERR_OK;
}

static uint32_t checksum(const unsigned char *bytes, uint32_t head_bytes)
{
    static const unsigned char zeros[4];
    uint32_t crc = crc32c(0, bytes, CRC_AT);

    crc = crc32c(crc, zeros, sizeof(zeros));
    return crc32c(crc, bytes + NODE_AT, head_bytes - NODE_AT);
}

/* A right checksum over wrong items would be our own mistake; it must not be read as data. */
static bool items_are_sound(struct slice bytes, const struct frame_head *head)
{
    struct reader reader = items_of(bytes, head);
    struct frame_item item;
    uint64_t payload_bytes = 0;
    uint32_t items = 0;

    while (item_next(&reader, &item)) {
        items++;
        if (item.type == ITEM_ENTRY)
            payload_bytes += item.entry.length;
    }
    return !reader.bad && items == head->items && payload_bytes == head->payload_bytes;
}

struct reader items_of(struct slice frame, const struct frame_head *head)
{
    ensure(frame.len >= head->head_bytes);
    return reader_of(
        slice_of(frame.data + FRAME_HEAD_BYTES, head->head_bytes - FRAME_HEAD_BYTES));
}

/* type 1, zero 1, length of what follows 2, then: */
void item_write(struct writer *writer, const struct frame_item *item)
{
    const struct log_state *state = &item->state;
    unsigned char head[ENTRY_HEAD_BYTES];
    size_t at = writer->len;

    writer_u8(writer, (uint8_t)item->type);
    writer_u8(writer, 0);
    writer_u16(writer, 0);
    switch (item->type) {
    case ITEM_ENTRY:
        entry_head_encode(&item->entry, head);
        writer_bytes(writer, slice_of(head, sizeof(head)));
        break;
    case ITEM_TRUNCATE:
        writer_u64(writer, state->group);
        writer_u64(writer, item->from);
        break;
    case ITEM_HARD:
        writer_u64(writer, state->group);
        writer_u32(writer, state->epoch);
        writer_u64(writer, state->term);
        writer_u64(writer, state->vote);
        break;
    case ITEM_START:
        write_start(writer, state);
        break;
    case ITEM_FORGET:
        writer_u64(writer, state->group);
        break;
    }
    if (!writer->failed)
        put_u16(writer->buf->data + at + 2, (uint16_t)(writer->len - at - 4));
}

bool item_next(struct reader *reader, struct frame_item *item)
{
    if (reader->bad || reader->rest.len == 0)
        return false;

    uint8_t type = reader_u8(reader);
    uint8_t zero = reader_u8(reader);
    struct reader body = reader_of(reader_bytes(reader, reader_u16(reader)));
    struct slice head;

    *item = (struct frame_item){ .type = (enum item_type)type };
    body.bad = reader->bad || zero != 0;
    switch (type) {
    case ITEM_ENTRY:
        head = reader_bytes(&body, ENTRY_HEAD_BYTES);
        if (!body.bad && !entry_head_decode(&item->entry, head.data))
            body.bad = true;
        item->state.group = item->entry.group;
        break;
    case ITEM_TRUNCATE:
        item->state.group = reader_u64(&body);
        item->from = reader_u64(&body);
        break;
    case ITEM_HARD:
        item->state.group = reader_u64(&body);
        item->state.epoch = reader_u32(&body);
        item->state.term = reader_u64(&body);
        item->state.vote = reader_u64(&body);
        break;
    case ITEM_START:
        if (!read_start(&body, &item->state))
            body.bad = true;
        break;
    case ITEM_FORGET:
        item->state.group = reader_u64(&body);
        break;
    default:
        body.bad = true;
    }
    if (!reader_done(&body))
        reader->bad = true;
    return !reader->bad;
}

static void write_start(struct writer *writer, const struct log_state *start)
{
    writer_u64(writer, start->group);
    writer_u32(writer, start->epoch);
    writer_u64(writer, start->start_index);
    writer_u64(writer, start->start_term);
    writer_u64(writer, start->last_time_ms);
    writer_u64(writer, start->term);
    writer_u64(writer, start->vote);
    writer_u8(writer, (uint8_t)start->member_count);
    writer_u8(writer, (uint8_t)start->image_bytes);
    for (uint32_t i = 0; i < start->member_count; i++)
        writer_u64(writer, start->members[i]);
    writer_bytes(writer, slice_of(start->image, start->image_bytes));
}

static bool read_start(struct reader *reader, struct log_state *start)
{
    start->group = reader_u64(reader);
    start->epoch = reader_u32(reader);
    start->start_index = reader_u64(reader);
    start->start_term = reader_u64(reader);
    start->last_time_ms = reader_u64(reader);
    start->term = reader_u64(reader);
    start->vote = reader_u64(reader);
    start->member_count = reader_u8(reader);
    start->image_bytes = reader_u8(reader);
    if (start->member_count > GROUP_MEMBERS_MAX || start->image_bytes > IMAGE_BYTES_MAX)
        return false;

    for (uint32_t i = 0; i < start->member_count; i++)
        start->members[i] = reader_u64(reader);
    struct slice image = reader_bytes(reader, start->image_bytes);
    if (image.len > 0)
        memcpy(start->image, image.data, image.len);
    return !reader->bad;
}

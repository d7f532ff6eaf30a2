#include "peer/frame.h"

#include "base/bytes.h"
#include "base/digest.h"
#include "base/ensure.h"

/* A body smaller than this is copied out of the read buffer: cheaper than a system call more. */
#define SPACE_BYTES_MIN (64u * 1024u)

#define GREETING_MAGIC 0x42524149u /* "BRAI" */
#define GREETING_VERSION 2u

static enum err take_head(struct frame_reader *reader, struct slice *bytes);
static void take_body(struct frame_reader *reader, struct slice *bytes);
static bool header_is_sane(const struct frame_header *header);

void frame_header_encode(const struct frame_header *header, unsigned char *bytes)
{
    put_u32(bytes, header->body_len);
    bytes[4] = (unsigned char)header->type;
    bytes[5] = (unsigned char)header->kind;
    put_u16(bytes + 6, (uint16_t)header->err);
    put_u64(bytes + 8, header->number);
    put_u32(bytes + 16, header->body_crc);
    put_u32(bytes + 20, crc32c(0, bytes, 20));
}

enum err frame_header_decode(const unsigned char *bytes, struct frame_header *header)
{
    struct frame_header found = {
        .body_len = get_u32(bytes),
        .type = (enum frame_type)bytes[4],
        .kind = (enum net_kind)bytes[5],
        .err = (enum err)get_u16(bytes + 6),
        .number = get_u64(bytes + 8),
        .body_crc = get_u32(bytes + 16),
    };

    if (crc32c(0, bytes, 20) != get_u32(bytes + 20) || !header_is_sane(&found))
        return ERR_CORRUPT;
    *header = found;
    return ERR_OK;
}

/* What a sender never writes is refused, so that nobody above has to think of it. */
static bool header_is_sane(const struct frame_header *header)
{
    bool has_kind = header->type == FRAME_MESSAGE || header->type == FRAME_CALL;
    bool has_number = header->type == FRAME_CALL || header->type == FRAME_ANSWER;
    bool has_err = header->type == FRAME_ANSWER;

    if (header->type < FRAME_GREETING || header->type > FRAME_PING)
        return false;
    if (has_kind ? header->kind < 1 || header->kind > NET_KIND_MAX : header->kind != 0)
        return false;
    if (has_number ? header->number == 0 : header->number != 0)
        return false;
    if (has_err ? header->err >= ERR_COUNT : header->err != ERR_OK)
        return false;
    return header->type != FRAME_PING || header->body_len == 0;
}

uint32_t frame_crc(struct buf *const parts[], uint32_t part_count)
{
    uint32_t crc = 0;

    for (uint32_t at = 0; at < part_count; at++)
        crc = crc32c(crc, parts[at]->data, parts[at]->len);
    return crc;
}

void frame_reader_init(struct frame_reader *reader, uint32_t body_bytes_max)
{
    *reader = (struct frame_reader){ .body_bytes_max = body_bytes_max };
}

void frame_reader_fini(struct frame_reader *reader)
{
    buf_unref(reader->body);
    *reader = (struct frame_reader){ .body_bytes_max = reader->body_bytes_max };
}

enum err frame_reader_next(struct frame_reader *reader, struct slice *bytes, struct frame *frame,
                           bool *whole)
{
    if (!reader->in_body) {
        enum err err = take_head(reader, bytes);
        if (err != ERR_OK)
            return err;
    }
    if (reader->in_body)
        take_body(reader, bytes);
    if (!reader->in_body || reader->have < reader->header.body_len) {
        *whole = false;
        return ERR_OK;
    }
    if (frame_crc(&reader->body, reader->body != NULL) != reader->header.body_crc)
        return ERR_CORRUPT;

    *frame = (struct frame){ .header = reader->header, .body = reader->body };
    *whole = true;
    reader->body = NULL;
    reader->in_body = false;
    reader->have = 0;
    return ERR_OK;
}

/* Moves `len` bytes off the front of `bytes`, which may be nowhere when there are none. */
static void take(struct slice *bytes, unsigned char *to, size_t len)
{
    if (len == 0)
        return;
    memcpy(to, bytes->data, len);
    *bytes = slice_of(bytes->data + len, bytes->len - len);
}

static enum err take_head(struct frame_reader *reader, struct slice *bytes)
{
    size_t want = FRAME_HEADER_BYTES - reader->have;
    size_t len = bytes->len < want ? bytes->len : want;

    take(bytes, reader->head + reader->have, len);
    reader->have += (uint32_t)len;
    if (reader->have < FRAME_HEADER_BYTES)
        return ERR_OK;

    enum err err = frame_header_decode(reader->head, &reader->header);
    if (err != ERR_OK)
        return err;
    if (reader->header.body_len > reader->body_bytes_max)
        return ERR_TOO_BIG;
    if (reader->header.body_len > 0) {
        reader->body = buf_new(reader->header.body_len);
        if (reader->body == NULL)
            return ERR_NO_MEMORY;
    }
    reader->in_body = true;
    reader->have = 0;
    return ERR_OK;
}

static void take_body(struct frame_reader *reader, struct slice *bytes)
{
    size_t want = reader->header.body_len - reader->have;
    size_t len = bytes->len < want ? bytes->len : want;

    if (len > 0)
        take(bytes, reader->body->data + reader->have, len);
    reader->have += (uint32_t)len;
}

struct frame_space frame_reader_space(struct frame_reader *reader)
{
    size_t want = reader->in_body ? reader->header.body_len - reader->have : 0;

    if (want < SPACE_BYTES_MIN)
        return (struct frame_space){ .data = NULL };
    return (struct frame_space){ .data = reader->body->data + reader->have, .len = want };
}

void frame_reader_filled(struct frame_reader *reader, size_t len)
{
    ensure(reader->in_body && len <= reader->header.body_len - reader->have);
    reader->have += (uint32_t)len;
}

/*      0  u32  magic "BRAI"            16  u64  boot
 *      4  u16  version of the protocol 24  u16  length of the address
 *      6  u8   lane                    26  u16  length of the hello
 *      7  u8   0                       28       address, hello
 *      8  u64  node                                                         */
struct buf *greeting_encode(const struct greeting *greeting)
{
    ensure(greeting->address.len <= NET_ADDRESS_MAX && greeting->hello.len <= NET_HELLO_MAX);

    struct buf *buf = buf_new(GREETING_FIXED_BYTES + greeting->address.len + greeting->hello.len);
    if (buf == NULL)
        return NULL;
    put_u32(buf->data, GREETING_MAGIC);
    put_u16(buf->data + 4, GREETING_VERSION);
    buf->data[6] = greeting->lane;
    buf->data[7] = 0;
    put_u64(buf->data + 8, greeting->node);
    put_u64(buf->data + 16, greeting->boot);
    put_u16(buf->data + 24, (uint16_t)greeting->address.len);
    put_u16(buf->data + 26, (uint16_t)greeting->hello.len);
    if (greeting->address.len > 0)
        memcpy(buf->data + GREETING_FIXED_BYTES, greeting->address.data, greeting->address.len);
    if (greeting->hello.len > 0)
        memcpy(buf->data + GREETING_FIXED_BYTES + greeting->address.len, greeting->hello.data,
               greeting->hello.len);
    return buf;
}

enum err greeting_decode(struct slice bytes, struct greeting *greeting)
{
    if (bytes.len < GREETING_FIXED_BYTES || get_u32(bytes.data) != GREETING_MAGIC)
        return ERR_CORRUPT;
    if (get_u16(bytes.data + 4) != GREETING_VERSION)
        return ERR_VERSION;

    size_t address_len = get_u16(bytes.data + 24);
    size_t hello_len = get_u16(bytes.data + 26);
    if (address_len > NET_ADDRESS_MAX || hello_len > NET_HELLO_MAX ||
        bytes.len != GREETING_FIXED_BYTES + address_len + hello_len)
        return ERR_CORRUPT;

    struct greeting found = {
        .lane = bytes.data[6],
        .node = get_u64(bytes.data + 8),
        .boot = get_u64(bytes.data + 16),
        .address = slice_of(bytes.data + GREETING_FIXED_BYTES, address_len),
        .hello = slice_of(bytes.data + GREETING_FIXED_BYTES + address_len, hello_len),
    };
    if (found.lane >= NET_LANES || found.node == 0 || found.boot == 0)
        return ERR_CORRUPT;
    *greeting = found;
    return ERR_OK;
}

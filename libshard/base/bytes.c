#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/ensure.h"

#define ROOM_FIRST 256u

static bool grow(struct writer *writer, size_t len);

size_t varint_put(void *at, uint64_t value)
{
    unsigned char *out = at;
    size_t len = 0;

    for (; value >= 0x80; value >>= 7)
        out[len++] = (unsigned char)(value | 0x80);
    out[len++] = (unsigned char)value;
    return len;
}

size_t varint_bytes(uint64_t value)
{
    size_t len = 1;

    for (; value >= 0x80; value >>= 7)
        len++;
    return len;
}

uint64_t reader_varint(struct reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(reader);

        /* The tenth byte has room for one bit only. */
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    *reader = (struct reader){ .bad = true };
    return 0;
}

void writer_init(struct writer *writer, size_t len_max)
{
    *writer = (struct writer){ .len_max = len_max };
}

void writer_fini(struct writer *writer)
{
    buf_unref(writer->buf);
    writer_init(writer, writer->len_max);
}

unsigned char *writer_room(struct writer *writer, size_t len)
{
    if (writer->failed || len > writer->len_max - writer->len) {
        writer->failed = true;
        return NULL;
    }
    if ((writer->buf == NULL || writer->buf->len - writer->len < len) && !grow(writer, len))
        return NULL;

    unsigned char *at = writer->buf->data + writer->len;
    writer->len += len;
    return at;
}

void writer_u8(struct writer *writer, uint8_t value)
{
    unsigned char *at = writer_room(writer, sizeof(value));

    if (at != NULL)
        *at = value;
}

void writer_u16(struct writer *writer, uint16_t value)
{
    unsigned char *at = writer_room(writer, sizeof(value));

    if (at != NULL)
        put_u16(at, value);
}

void writer_u32(struct writer *writer, uint32_t value)
{
    unsigned char *at = writer_room(writer, sizeof(value));

    if (at != NULL)
        put_u32(at, value);
}

void writer_u64(struct writer *writer, uint64_t value)
{
    unsigned char *at = writer_room(writer, sizeof(value));

    if (at != NULL)
        put_u64(at, value);
}

void writer_varint(struct writer *writer, uint64_t value)
{
    unsigned char *at = writer_room(writer, varint_bytes(value));

    if (at != NULL)
        varint_put(at, value);
}

void writer_bytes(struct writer *writer, struct slice bytes)
{
    unsigned char *at = writer_room(writer, bytes.len);

    if (at != NULL && bytes.len > 0)
        memcpy(at, bytes.data, bytes.len);
}

void writer_text(struct writer *writer, const char *text)
{
    writer_bytes(writer, slice_text(text));
}

void writer_printf(struct writer *writer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ensure(len >= 0);

    /* One more for the end mark, which is given back. */
    unsigned char *at = writer_room(writer, (size_t)len + 1);
    if (at == NULL)
        return;
    va_start(args, format);
    vsnprintf((char *)at, (size_t)len + 1, format, args);
    va_end(args);
    writer->len--;
}

struct buf *writer_take(struct writer *writer)
{
    struct buf *buf = writer->failed ? NULL : writer->buf;

    if (buf == NULL && !writer->failed)
        buf = buf_new(0);
    else if (buf != NULL)
        buf->len = writer->len;
    if (writer->failed)
        buf_unref(writer->buf);
    writer_init(writer, writer->len_max);
    return buf;
}

/* At least `len` more bytes, at least twice the room, at most the maximum. */
static bool grow(struct writer *writer, size_t len)
{
    size_t room = writer->buf == NULL ? ROOM_FIRST : writer->buf->len * 2;

    if (room > writer->len_max)
        room = writer->len_max;
    if (room < writer->len + len)
        room = writer->len + len;

    struct buf *buf = buf_new(room);
    if (buf == NULL) {
        writer->failed = true;
        return false;
    }
    if (writer->buf != NULL)
        memcpy(buf->data, writer->buf->data, writer->len);
    buf_unref(writer->buf);
    writer->buf = buf;
    return true;
}

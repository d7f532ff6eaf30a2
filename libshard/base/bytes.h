/* bytes.h - numbers in files and messages: big-endian, bounds-checked.
 *
 * All formats of Braid are big-endian unless their page in docs/formats says
 * otherwise.  Two cursors keep parsing and printing free of arithmetic:
 *
 *     struct reader   over bytes from outside, which may be anything.  Reading
 *                     past the end gives zeros and sets `bad`, which stays:
 *                     read all fields, then ask once.
 *     struct writer   over a buffer that grows up to a maximum.  Running out
 *                     sets `failed`, which stays; writer_take() then gives NULL.
 *
 * Both are plain structs in their user's frame.  A reader borrows its bytes; a
 * writer owns its buffer until writer_take() or writer_fini().
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define VARINT_BYTES_MAX 10u

static inline void put_u16(void *at, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(at, &value, sizeof(value));
}

static inline void put_u32(void *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof(value));
}

static inline void put_u64(void *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof(value));
}

static inline uint16_t get_u16(const void *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return __builtin_bswap16(value);
}

static inline uint32_t get_u32(const void *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return __builtin_bswap32(value);
}

static inline uint64_t get_u64(const void *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return __builtin_bswap64(value);
}

/* Protobuf's variable length: 7 bits a byte, the lowest first.  Writes at most
 * VARINT_BYTES_MAX bytes and returns how many. */
size_t varint_put(void *at, uint64_t value);

/* How many bytes varint_put() would write. */
size_t varint_bytes(uint64_t value);

struct reader {
    struct slice rest; /* not yet read */
    bool bad;          /* something read past the end, or a varint was none */
};

static inline struct reader reader_of(struct slice bytes)
{
    return (struct reader){ .rest = bytes };
}

/* The next `len` bytes, borrowed; an empty slice with `bad` set when there are fewer. */
static inline struct slice reader_bytes(struct reader *reader, size_t len)
{
    if (reader->bad || reader->rest.len < len) {
        *reader = (struct reader){ .bad = true };
        return slice_of(NULL, 0);
    }

    struct slice bytes = slice_of(reader->rest.data, len);
    if (len > 0)
        reader->rest = slice_of(reader->rest.data + len, reader->rest.len - len);
    return bytes;
}

static inline uint8_t reader_u8(struct reader *reader)
{
    struct slice bytes = reader_bytes(reader, 1);
    return bytes.len == 0 ? 0 : bytes.data[0];
}

static inline uint16_t reader_u16(struct reader *reader)
{
    struct slice bytes = reader_bytes(reader, 2);
    return bytes.len == 0 ? 0 : get_u16(bytes.data);
}

static inline uint32_t reader_u32(struct reader *reader)
{
    struct slice bytes = reader_bytes(reader, 4);
    return bytes.len == 0 ? 0 : get_u32(bytes.data);
}

static inline uint64_t reader_u64(struct reader *reader)
{
    struct slice bytes = reader_bytes(reader, 8);
    return bytes.len == 0 ? 0 : get_u64(bytes.data);
}

uint64_t reader_varint(struct reader *reader);

/* Nothing was bad and nothing is left. */
static inline bool reader_done(const struct reader *reader)
{
    return !reader->bad && reader->rest.len == 0;
}

struct writer {
    struct buf *buf; /* private: its len is the room */
    size_t len;      /* bytes written */
    size_t len_max;
    bool failed; /* no memory, or len_max would be passed; nothing is written any more */
};

/* Allocates nothing yet. */
void writer_init(struct writer *writer, size_t len_max);

/* Legal after writer_take() too. */
void writer_fini(struct writer *writer);

/* Makes room for `len` bytes, counts them as written and returns where they go; valid until the
 * next call.  NULL when the writer has failed. */
unsigned char *writer_room(struct writer *writer, size_t len);

void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_varint(struct writer *writer, uint64_t value);
void writer_bytes(struct writer *writer, struct slice bytes);
void writer_text(struct writer *writer, const char *text);
void writer_printf(struct writer *writer, const char *format, ...) PRINTF_LIKE(2, 3);

/* What was written so far; valid until the next call. */
static inline struct slice writer_slice(const struct writer *writer)
{
    return slice_of(writer->buf == NULL ? NULL : writer->buf->data, writer->len);
}

/* The bytes as a buf, one reference, the caller's; the writer starts anew.  NULL when it has
 * failed. */
struct buf *writer_take(struct writer *writer);

#endif

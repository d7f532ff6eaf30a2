#include "wire/event_stream.h"

#include <string.h>
#include <zlib.h>

#include "base/ensure.h"

#define PRELUDE_BYTES 12u
#define CHECKSUM_BYTES 4u
#define TEXT_TYPE 7u

const char event_stream_content_type[] = "application/vnd.amazon.eventstream";

/* ---- writing ---- */

static uint32_t checksum(struct slice bytes)
{
    return (uint32_t)crc32_z(0, bytes.data, bytes.len);
}

static void header(struct writer *writer, const char *name, const char *value)
{
    writer_u8(writer, (uint8_t)strlen(name));
    writer_text(writer, name);
    writer_u8(writer, TEXT_TYPE);
    writer_u16(writer, (uint16_t)strlen(value));
    writer_text(writer, value);
}

static void begin(struct writer *writer, const char *kind, const char *name, const char *type)
{
    ensure(writer->len == 0);
    (void)writer_room(writer, PRELUDE_BYTES);
    header(writer, kind, name);
    header(writer, ":content-type", "application/json");
    header(writer, ":message-type", type);
    if (!writer->failed)
        put_u32(writer->buf->data + 4, (uint32_t)(writer->len - PRELUDE_BYTES));
}

void event_stream_begin_event(struct writer *writer, const char *name)
{
    begin(writer, ":event-type", name, "event");
}

void event_stream_begin_exception(struct writer *writer, const char *name)
{
    begin(writer, ":exception-type", name, "exception");
}

enum err event_stream_end(struct writer *writer)
{
    unsigned char *start;

    if (writer->failed)
        return ERR_NO_MEMORY;
    start = writer->buf->data;
    put_u32(start, (uint32_t)(writer->len + CHECKSUM_BYTES));
    put_u32(start + 8, checksum(slice_of(start, 8)));
    writer_u32(writer, checksum(slice_of(start, writer->len)));
    return writer->failed ? ERR_NO_MEMORY : ERR_OK;
}

/* ---- reading ---- */

enum err event_message_read(struct slice bytes, struct event_message *ret)
{
    size_t whole, headers;

    if (bytes.len < PRELUDE_BYTES)
        return ERR_NOT_FOUND;
    whole = get_u32(bytes.data);
    headers = get_u32(bytes.data + 4);
    if (get_u32(bytes.data + 8) != checksum(slice_of(bytes.data, 8)) ||
        headers > EVENT_HEADERS_BYTES_MAX || whole < PRELUDE_BYTES + headers + CHECKSUM_BYTES ||
        whole - headers - PRELUDE_BYTES - CHECKSUM_BYTES > EVENT_PAYLOAD_BYTES_MAX)
        return ERR_CORRUPT;
    if (bytes.len < whole)
        return ERR_NOT_FOUND;
    size_t checked = whole - CHECKSUM_BYTES;
    if (get_u32(bytes.data + checked) != checksum(slice_of(bytes.data, checked)))
        return ERR_CORRUPT;
    ret->headers = slice_of(bytes.data + PRELUDE_BYTES, headers);
    ret->payload = slice_of(bytes.data + PRELUDE_BYTES + headers,
                            checked - PRELUDE_BYTES - headers);
    ret->bytes = whole;
    return ERR_OK;
}

/* How many bytes a value of the type has; those of types 6 and 7 say it themselves. */
static size_t value_bytes(uint8_t type, struct reader *reader)
{
    static const uint8_t fixed[] = { [2] = 1, [3] = 2, [4] = 4, [5] = 8, [8] = 8, [9] = 16 };

    if (type == 6 || type == TEXT_TYPE)
        return reader_u16(reader);
    if (type >= sizeof(fixed)) {
        reader->bad = true;
        return 0;
    }
    return fixed[type];
}

enum err event_message_header(const struct event_message *message, const char *name,
                              struct slice *ret)
{
    struct reader reader = reader_of(message->headers);

    while (reader.rest.len > 0) {
        struct slice found = reader_bytes(&reader, reader_u8(&reader));
        uint8_t type = reader_u8(&reader);
        struct slice value = reader_bytes(&reader, value_bytes(type, &reader));
        if (reader.bad)
            return ERR_CORRUPT;
        if (type == TEXT_TYPE && slice_equal(found, slice_text(name))) {
            *ret = value;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

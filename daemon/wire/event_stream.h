/* event_stream.h - messages of application/vnd.amazon.eventstream.
 *
 *     length 4 | headers' length 4 | CRC-32 of these 8 | headers | payload | CRC-32 of all before
 *
 * A header is a name (length 1, text), a type (1) and a value; Braid writes texts only (type 7:
 * length 2, text).  All numbers are big-endian.  One writer holds one message:
 *
 *     event_stream_begin -> wire_encode or writer_... -> event_stream_end -> writer_take
 *
 * An engine; any thread.
 */
#ifndef WIRE_EVENT_STREAM_H
#define WIRE_EVENT_STREAM_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/slice.h"

extern const char event_stream_content_type[];

/* Into an empty writer; what follows becomes the payload.  `name`: of the event, of the
 * exception. */
void event_stream_begin_event(struct writer *writer, const char *name);
void event_stream_begin_exception(struct writer *writer, const char *name);

/* The lengths and checksums.  ERR_NO_MEMORY: the writer has failed. */
MUST_CHECK enum err event_stream_end(struct writer *writer);

/* A message as a reader sees it; what is in it lies in the bytes that were read. */
struct event_message {
    struct slice headers, payload;
    size_t bytes; /* of the whole message */
};

/* What every reader bounds: more than that is no message. */
#define EVENT_HEADERS_BYTES_MAX (128u * 1024u)
#define EVENT_PAYLOAD_BYTES_MAX (24u * 1024u * 1024u)

/* The message at the front of `bytes`.
 * ERR_NOT_FOUND  it has not come whole yet
 * ERR_CORRUPT    it is none: a length or a checksum is wrong */
MUST_CHECK enum err event_message_read(struct slice bytes, struct event_message *ret);

/* The text of the header of that name.  ERR_NOT_FOUND: there is none, or it is no text.
 * ERR_CORRUPT: the headers cannot be walked. */
MUST_CHECK enum err event_message_header(const struct event_message *message, const char *name,
                                         struct slice *ret);

#endif

/* Any bytes as a stream of events.
 *
 * Their checksums are made right first, or nothing would come behind them.  What must hold: a
 * message lies in the bytes that were given, its headers are walked without a step outside of
 * them, and what is no message is said to be none.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/ensure.h"
#include "wire/event_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_checksums(unsigned char *bytes, size_t len)
{
    size_t whole;

    if (len < 16)
        return;
    put_u32(bytes + 8, (uint32_t)crc32_z(0, bytes, 8));
    whole = get_u32(bytes);
    if (whole >= 16 && whole <= len)
        put_u32(bytes + whole - 4, (uint32_t)crc32_z(0, bytes, whole - 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    struct event_message message;
    struct slice value;

    ensure(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    put_checksums(bytes, size);
    if (event_message_read(slice_of(bytes, size), &message) == ERR_OK) {
        ensure(message.bytes <= size);
        ensure(message.headers.len + message.payload.len + 16 == message.bytes);
        ensure(message.payload.len == 0 ||
               message.payload.data + message.payload.len <= bytes + size);
        if (event_message_header(&message, ":event-type", &value) == ERR_OK)
            ensure(value.len <= message.headers.len);
    }
    free(bytes);
    return 0;
}

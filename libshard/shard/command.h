/* command.h - records <-> the payload of one log entry.
 *
 * A payload is a row of records, each
 *
 *     u32 bytes behind this field | u16 key bytes | u8 hash key bytes (0 or 16) | u8 0
 *     | key | explicit hash key | data
 *
 * big-endian.  Nothing about time, order or place: those follow from the
 * entry's head and the record's ordinal.
 */
#ifndef SHARD_COMMAND_H
#define SHARD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* One record as put and as read; the slices borrow. */
struct record {
    struct slice key;      /* partition key, 1 .. 256 characters of UTF-8 */
    struct slice hash_key; /* 16 bytes big-endian if the producer gave one explicitly, else empty */
    struct slice data;
};

/* Bytes that command_encode_record() writes. */
size_t command_record_bytes(const struct record *record);

/* Writes one record at `to`, which has room for command_record_bytes(); returns the end. */
unsigned char *command_encode_record(unsigned char *to, const struct record *record);

/* A walk over the records of a payload. */
struct command_walk {
    struct slice rest;
};

static inline struct command_walk command_walk_start(struct slice payload)
{
    return (struct command_walk){ .rest = payload };
}

/* The next record.  ERR_NOT_FOUND at the end, ERR_CORRUPT when the bytes are no row of records. */
MUST_CHECK enum err command_walk_next(struct command_walk *walk, struct record *record);

/* Whether `payload` is exactly `count` records: checked before a leader accepts a forwarded put. */
bool command_valid(struct slice payload, uint32_t count);

#endif

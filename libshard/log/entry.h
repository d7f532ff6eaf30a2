/* entry.h - the name and the head of one Raft log entry.
 *
 * An entry is a head and a payload.  The head is all that is equal on every
 * node that has the entry: libraft carries it as the entry's content
 * ("descriptor"), the log stores it beside the payload, messages ship it in
 * front of the payload.  Its checksum covers name and payload, is computed
 * once, by the leader that made the entry, and is checked wherever the payload
 * crosses a border: arriving from a peer, read from disk.
 *
 * 48 bytes on the wire and on disk, big-endian, in the order of the fields:
 *
 *      0  group     8      24 time_ms  8      44 records  2
 *      8  index     8      32 epoch    4      46 type     1
 *     16  term      8      36 length   4      47 flags    1
 *                          40 crc      4
 */
#ifndef LOG_ENTRY_H
#define LOG_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define ENTRY_HEAD_BYTES 48u

/* Fixed numbers: they are the format. */
enum entry_type {
    ENTRY_BARRIER = 1, /* a new leader's first entry; no payload */
    ENTRY_RECORDS = 2, /* records of a shard, shard/command.h */
    ENTRY_CHANGE = 3,  /* a change of the catalogue, catalog/change.h */
    ENTRY_SEAL = 4,    /* the end of an epoch */
    ENTRY_END = 5      /* the end of a shard that is split or merged; no payload */
};

struct entry_head {
    uint64_t group;
    uint64_t index;
    uint64_t term;
    uint64_t time_ms; /* leader's wall clock, never below the entry before it */
    uint32_t epoch;
    uint32_t length;  /* bytes of payload */
    uint32_t crc;     /* entry_crc() */
    uint16_t records; /* at most ENTRY_RECORDS_MAX */
    uint8_t type;     /* enum entry_type */
    uint8_t flags;    /* 0 */
};

void entry_head_encode(const struct entry_head *head, unsigned char bytes[ENTRY_HEAD_BYTES]);

/* False when no entry can have this head: type, records or length out of range, flags set. */
bool entry_head_decode(struct entry_head *head, const unsigned char bytes[ENTRY_HEAD_BYTES]);

/* crc32c over the encoded head with a zero crc field, then over the payload. */
uint32_t entry_crc(const struct entry_head *head, struct slice payload);

/* Whether `payload` is what the head names: length and checksum. */
bool entry_matches(const struct entry_head *head, struct slice payload);

#endif

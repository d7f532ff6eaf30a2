/* seqno.h - sequence numbers: derived, never stored.
 *
 * A record's place is the Raft index of its entry and its ordinal in that
 * entry (9 bits).  Its sequence number is that place in AWS's published
 * version 2 layout, 186 bits, printed as 56 decimal digits:
 *
 *     2 | creation s 36 | shard nibble 4 | index 64 | 00 8 | put s 36 | shard 32 | version 2, 4
 *
 * where index = raft index << 9 | ordinal.  Numeric order within a shard is the
 * order of the records.  Source: AWS Kinesis sequence numbers as decoded by
 * public readers; vectors in tests/unit/shard.
 */
#ifndef SHARD_SEQNO_H
#define SHARD_SEQNO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define SEQNO_TEXT_MAX 64u /* digits and end mark */
#define SEQNO_ORDINAL_BITS 9u
#define SEQNO_INDEX_END UINT64_C(0x7fffffffffffffff) /* EndingSequenceNumber of a closed shard */
#define SEQNO_ENTRY_MAX (SEQNO_INDEX_END >> SEQNO_ORDINAL_BITS) /* Raft indexes above do not fit */

/* One record's place; what `put_done` hands out for the first of a request. */
struct seqno {
    uint64_t index;   /* of the Raft entry; 0 = the shard's start */
    uint32_t ordinal; /* in the entry, < ENTRY_RECORDS_MAX */
    uint64_t time_s;  /* when it was put, seconds since 1970 */
};

/* What all numbers of one shard have in common. */
struct seqno_shard {
    uint64_t created_s; /* seconds since 1970, < 16025175000 */
    uint32_t shard;     /* number in the stream: shardId-000000000017 is 17 */
};

/* `time_s` of the entry's head. */
struct seqno seqno_at(uint64_t index, uint32_t ordinal, uint64_t time_s);

/* The record after, in the same entry or the next: for AFTER_SEQUENCE_NUMBER.  Behind the largest
 * number there is none: it stays, and no record will ever have it. */
struct seqno seqno_next(struct seqno seqno);

/* -1, 0, 1; by place only. */
int seqno_compare(struct seqno a, struct seqno b);

/* Decimal text with end mark. */
void seqno_print(struct seqno_shard shard, struct seqno seqno, char text[SEQNO_TEXT_MAX]);
void seqno_print_start(struct seqno_shard shard, char text[SEQNO_TEXT_MAX]);
void seqno_print_end(struct seqno_shard shard, uint64_t closed_s, char text[SEQNO_TEXT_MAX]);

/* Reads decimal text of version 2.  ERR_INVALID: not a sequence number (or another version). */
MUST_CHECK enum err seqno_parse(struct slice text, struct seqno_shard *shard, struct seqno *seqno);

#endif

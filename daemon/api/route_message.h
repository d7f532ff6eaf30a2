/* route_message.h - what nodes say to each other about a group's records.
 *
 * An engine: structs to bytes and bytes to structs, for NET_PUT, NET_LOCATE,
 * NET_READ and NET_GRANT.  Hand-coded and big-endian, because these are the hot paths; the
 * layout is written down in docs/formats/peer-calls.md.  A payload of records is
 * never copied: it travels as a part of its own behind a head.
 *
 * What arrives may be anything.  A decoder checks lengths, versions and ranges,
 * and the row of records, before anybody acts on it.
 */
#ifndef API_ROUTE_MESSAGE_H
#define API_ROUTE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/grants.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "shard/cursor.h"
#include "shard/seqno.h"

#define ROUTE_MESSAGE_VERSION 1u

/* NET_PUT: a head, and behind it the records. */
#define PUT_ASK_BYTES 16u
#define PUT_ANSWER_BYTES 20u

struct put_ask {
    uint64_t group;
    uint32_t record_count;
    struct slice records; /* set by the decoder; lies in the message */
};

void put_ask_encode(const struct put_ask *ask, unsigned char bytes[PUT_ASK_BYTES]);

/* ERR_INVALID: not a put, or the bytes are not exactly its records.  ERR_TOO_BIG: more than one
 * entry holds.  ERR_VERSION. */
MUST_CHECK enum err put_ask_decode(struct slice bytes, struct put_ask *ask);

void put_answer_encode(struct seqno first, unsigned char bytes[PUT_ANSWER_BYTES]);
MUST_CHECK enum err put_answer_decode(struct slice bytes, struct seqno *first);

/* NET_LOCATE */
#define LOCATE_ASK_BYTES 44u
#define LOCATE_ANSWER_BYTES 12u

struct locate_ask {
    uint64_t group;
    enum locate_type type;
    bool leader_only; /* answer ERR_NOT_LEADER rather than as a follower */
    struct seqno seqno;
    uint64_t time_ms;
};

void locate_ask_encode(const struct locate_ask *ask, unsigned char bytes[LOCATE_ASK_BYTES]);
MUST_CHECK enum err locate_ask_decode(struct slice bytes, struct locate_ask *ask);

void locate_answer_encode(struct position position, unsigned char bytes[LOCATE_ANSWER_BYTES]);
MUST_CHECK enum err locate_answer_decode(struct slice bytes, struct position *position);

/* NET_READ */
#define READ_ASK_BYTES 36u
#define READ_ANSWER_HEAD_BYTES 28u
#define READ_ANSWER_PART_BYTES 28u

struct read_ask {
    uint64_t group;
    bool leader_only;
    bool watches; /* a consumer's (shard/cursor.h) */
    struct position from;
    uint32_t records_max;
    uint64_t bytes_max;
};

void read_ask_encode(const struct read_ask *ask, unsigned char bytes[READ_ASK_BYTES]);
MUST_CHECK enum err read_ask_decode(struct slice bytes, struct read_ask *ask);

struct read_answer {
    struct read_part *parts; /* their `payload` is not used by the codec */
    uint32_t part_count, record_count;
    struct position next;
    uint64_t behind_ms;
};

/* The head of the answer and the table of its parts; the parts' bytes follow it in their order.
 * NULL: no memory. */
struct buf *read_answer_encode(const struct read_answer *answer);

/* Fills `answer`, with parts that lie in `bytes` and a table of their own: free(answer->parts).
 * ERR_CORRUPT: not an answer to a question for `records_max` records.  ERR_NO_MEMORY. */
MUST_CHECK enum err read_answer_decode(struct slice bytes, uint32_t records_max,
                                       struct read_answer *answer);

/* NET_GRANT; the answer is empty */
#define GRANT_ASK_BYTES 32u

void grant_ask_encode(const struct grant_ask *ask, unsigned char bytes[GRANT_ASK_BYTES]);
MUST_CHECK enum err grant_ask_decode(struct slice bytes, struct grant_ask *ask);

/* Any of them, when the answer is an error. */
#define REFUSAL_HEAD_BYTES 12u

struct refusal {
    uint64_t leader; /* whom to ask instead, 0 = unknown */
    bool throttled;
    struct reason reason;
};

/* NULL: no memory. */
struct buf *refusal_encode(const struct refusal *refusal);

/* Never fails: from bytes that make no sense nothing is learnt. */
struct refusal refusal_decode(struct slice bytes);

#endif

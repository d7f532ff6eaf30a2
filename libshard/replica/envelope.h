/* envelope.h - raft messages as bytes between two nodes.
 *
 * One frame (one NET_RAFT message) carries what all groups of one node have to
 * say to another node in one turn: first what both know of each other's logs
 * (replica/witness.h), then the heads of all messages, with the heads of their
 * entries, then all payloads in the same order.  So a thousand heartbeats are
 * one buffer, and payloads travel as the bufs they lie in.
 *
 *     frame     format 2 = 2, zero 2, envelopes 4, bytes of heads 4, zero 4,
 *               said 16, heard 2 x 16: each a boot 8 and a turn 8
 *     envelope  group 8, term 8, epoch 4, type 1, flags 1, entries 2, stamp 8,
 *               three numbers of 8 whose meaning depends on the type
 *     entry     48 bytes, log/entry.h
 *
 * All big-endian; docs/formats/envelope.md.  Plain functions over bytes: no
 * I/O, no state.  What is decoded comes from outside and may be anything.
 */
#ifndef REPLICA_ENVELOPE_H
#define REPLICA_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "log/entry.h"

#define ENVELOPE_FORMAT 2u
#define ENVELOPE_FRAME_BYTES 64u
#define ENVELOPE_HEARD 2u
#define ENVELOPE_BYTES 56u

/* Fixed numbers: they are the wire. */
enum envelope_type {
    ENVELOPE_APPEND = 1,   /* AppendEntries, heartbeats included */
    ENVELOPE_APPENDED = 2, /* its result */
    ENVELOPE_VOTE = 3,     /* RequestVote, pre-votes included */
    ENVELOPE_VOTED = 4,    /* its result */
    ENVELOPE_ELECT = 40,   /* a leader hands over: the receiver is to elect */
    ENVELOPE_LET_GO = 41   /* and this one is to let it happen; replica/transfer.h */
};

enum envelope_flag {
    ENVELOPE_PRE_VOTE = 1, /* of a vote and of its result */
    ENVELOPE_GRANTED = 2   /* of a vote's result */
};

struct envelope {
    uint64_t group;
    uint64_t term;
    uint64_t stamp; /* the leader's clock when it sent this; an append's result brings it back */
    uint32_t epoch;
    uint16_t entries; /* of an append */
    uint8_t type;     /* enum envelope_type */
    uint8_t flags;
    union {
        struct {
            uint64_t prev_index, prev_term, commit;
        } append;
        struct {
            uint64_t rejected, last_index;
        } appended;
        struct {
            uint64_t last_index, last_term;
        } vote;
    };
};

/* What a process of a node said: its log was durable up to here.  Turn 0: nothing was said. */
struct envelope_word {
    uint64_t boot, turn;
};

struct envelope_frame {
    uint32_t envelopes;
    uint32_t head_bytes;                        /* of all envelopes with their entries' heads */
    struct envelope_word said;                  /* by the sender */
    struct envelope_word heard[ENVELOPE_HEARD]; /* by the sender, of the receiver */
};

void envelope_frame_encode(unsigned char bytes[ENVELOPE_FRAME_BYTES],
                           const struct envelope_frame *frame);
void envelope_encode(const struct envelope *envelope, unsigned char bytes[ENVELOPE_BYTES]);

/* Walks over one frame. */
struct envelope_reader {
    struct envelope_frame frame;
    struct reader heads, payloads; /* what is left of both */
    uint32_t left;                 /* envelopes */
};

/* False when the bytes are no frame of a format that this node knows. */
bool envelope_reader_init(struct envelope_reader *reader, struct slice frame);

/* The next message, with the encoded heads of its entries; its payloads are still in `reader`.
 * False at the end, and when the rest makes no sense: then `left` is not 0. */
bool envelope_next(struct envelope_reader *reader, struct envelope *ret, struct slice *heads);

/* Takes the head and the payload of the next entry of `envelope`, entry number `at`, whose encoded
 * head is `bytes`.  False when it cannot be one: group, epoch, index, term, length or checksum is
 * not what it must be.  `cut` tells a payload that runs past the frame from one that is merely
 * wrong. */
bool envelope_entry(struct envelope_reader *reader, const struct envelope *envelope, uint32_t at,
                    const unsigned char *bytes, struct entry_head *head, struct slice *payload,
                    bool *cut);

#endif

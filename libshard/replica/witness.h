/* witness.h - what nodes remember of each other's logs, so that none can forget unnoticed.
 *
 * Damage in exactly the last frame of a log looks like a torn write, and an old
 * copy of a data directory looks like a log that ended earlier: recovery drops
 * what this node had promised, and nothing on its own disk contradicts.  So
 * each frame to a peer says two things:
 *
 *     said    how far the sender's log is durable: nothing that it promises in
 *             this frame lies behind; nothing yet (turn 0) from a process that has
 *             not promised anything (replica/outbox.h)
 *     heard   how far the sender ever heard that the receiver's log was durable
 *
 * A node whose log was found to end before a turn that a peer heard has
 * forgotten, and must not take part under its id any more (S8).
 *
 * Turns go on from what was found at the start, so a node that forgot gives the
 * same turns out again: a word counts only together with the boot number of the
 * process that said it.  One of an earlier process is compared with what
 * recovery found, one of this process with what it made durable.  The two
 * highest words of different boots are kept: whichever process asks, the highest
 * one of the others is among them, in whatever order they arrived.
 *
 * Plain memory: a peer that restarts has heard nothing, and a cluster of one
 * node has no witness.
 */
#ifndef REPLICA_WITNESS_H
#define REPLICA_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "replica/envelope.h"

struct witness_peer {
    uint64_t node;
    uint64_t order; /* of its last word: the one silent for longest makes room */
    struct envelope_word heard[ENVELOPE_HEARD]; /* the highest first */
};

struct witness {
    uint64_t boot;
    uint64_t found; /* whole turns that the log had at the start */
    uint64_t made;  /* the last one that this process made durable; 0 = none */
    struct witness_peer peers[WITNESS_PEERS_MAX];
    uint32_t peer_count;
    uint64_t words;
};

void witness_init(struct witness *witness, uint64_t boot, uint64_t found);

/* This process made its log durable up to here. */
void witness_durable(struct witness *witness, uint64_t turn);

/* A frame of `node` arrived. */
void witness_hear(struct witness *witness, uint64_t node, const struct envelope_word *said);

/* Whether a frame of `node` arrived since this process started. */
bool witness_met(const struct witness *witness, uint64_t node);

/* Fills in what a frame to `node` says of both. */
void witness_say(const struct witness *witness, uint64_t node, struct envelope_frame *frame);

/* The turn that the sender of `frame` heard and this log does not have; 0: all is well. */
uint64_t witness_forgot(const struct witness *witness, const struct envelope_frame *frame);

#endif

/* epoch_message.h - what nodes say to each other about the epochs of groups, as bytes.
 *
 *     word     group 8, epoch 4                    also the question
 *     answer   format 1, members 1, zero 2, epoch 4, first 8, applied 8, its term 8, its time 8,
 *              base term 8, base time 8, image bytes 4, members 8 each, image
 *     pull     group 8, first 8, last 8, flags 1 (1: writers may wait for it), bytes 3
 *     entries  count 4, heads of 48 bytes each (log/entry.h), payloads in the same order
 *
 * Big-endian, plain functions.  What is decoded comes from outside.
 */
#ifndef CONTROL_EPOCH_MESSAGE_H
#define CONTROL_EPOCH_MESSAGE_H

#include "base/buf.h"
#include "base/bytes.h"
#include "log/log.h"

struct epoch_word {
    uint64_t group;
    uint32_t epoch;
};

/* What a member of the newest epoch knows: whoever has its entries up to `applied` may begin the
 * epoch there. */
struct epoch_answer {
    uint32_t epoch;
    uint32_t member_count;
    uint64_t members[GROUP_MEMBERS_MAX];
    uint64_t first;                        /* oldest entry that it has */
    uint64_t base_term, base_time_ms;      /* of the entry before; 0 when it does not know */
    uint64_t applied, applied_term, applied_time_ms;
    uint32_t image_bytes;
    unsigned char image[IMAGE_BYTES_MAX];  /* as of `applied` */
};

struct epoch_pull {
    uint64_t group, first, last; /* last >= first */
    uint32_t bytes;              /* of payloads, at most FILL_BYTES_MAX; one is given in any case */
    bool writers_wait;           /* until the one that asks has it, maybe */
};

struct buf *epoch_word_encode(const struct epoch_word *word);
bool epoch_word_decode(struct epoch_word *word, struct slice bytes);

struct buf *epoch_answer_encode(const struct epoch_answer *answer);
bool epoch_answer_decode(struct epoch_answer *answer, struct slice bytes);
/* What the log knows of the entry before the oldest one that it has: where the epoch starts, or
 * when it has none left; else nothing. */
void epoch_answer_base(struct epoch_answer *answer, const struct log_state *state);
bool epoch_answer_has(const struct epoch_answer *answer, uint64_t node);

struct buf *epoch_pull_encode(const struct epoch_pull *pull);
bool epoch_pull_decode(struct epoch_pull *pull, struct slice bytes);

/* What stands before the payloads.  NULL: no memory. */
struct buf *epoch_entries_encode(const struct log_read_entry *entries, uint32_t count);

struct epoch_entries {
    struct reader heads, payloads;
    uint32_t count; /* left */
};

bool epoch_entries_decode(struct epoch_entries *entries, struct slice bytes);

/* The next one, checked: checksum, group and index.  False, from then on always, when it is not
 * that, or none is left. */
bool epoch_entries_next(struct epoch_entries *entries, uint64_t group, uint64_t index,
                        struct entry_head *head, struct slice *payload);

#endif

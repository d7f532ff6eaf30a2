/* keys.h - how the keys of each space are built.
 *
 * Numbers in keys are big-endian, so that the order of the bytes is the order
 * of the numbers.
 *
 *     TABLE_NODE     text, one of the KEY_NODE_* below
 *     TABLE_SEGMENT  segment number 8
 *     TABLE_INDEX    group 8, index of the run's first entry 8
 *     TABLE_STATE    group 8, enum key_state 1
 *     TABLE_IMAGE    group 8
 *
 * What the rows hold is on the page of whoever writes them: docs/formats/log.md
 * for the log's, docs/formats/catalogue.md for the others.
 */
#ifndef TABLE_KEYS_H
#define TABLE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define KEY_BYTES_MAX 16u

/* Rows of TABLE_NODE. */
#define KEY_NODE_TABLE "table" /* format of the tables, written by whoever opens them */
#define KEY_NODE_LOG "log"     /* node id, format and filed segments, written by log/ */

/* Two rows per group.  Fixed numbers: they are the format. */
enum key_state {
    KEY_STATE_HARD = 0, /* as it was at the end of the last filed segment: exact */
    KEY_STATE_HINT = 1  /* applied and trimmed so far: may lag */
};

struct key {
    unsigned char bytes[KEY_BYTES_MAX];
    size_t len;
};

struct key key_segment(uint64_t number);
struct key key_index(uint64_t group, uint64_t first);
struct key key_state(uint64_t group, enum key_state kind);
struct key key_image(uint64_t group);

/* The bytes of a key, which must outlive the slice. */
static inline struct slice key_slice(const struct key *key)
{
    return slice_of(key->bytes, key->len);
}

/* False when the bytes are no such key; outputs are untouched then. */
bool key_segment_read(struct slice key, uint64_t *number);
bool key_index_read(struct slice key, uint64_t *group, uint64_t *first);
bool key_state_read(struct slice key, uint64_t *group, enum key_state *kind);

#endif

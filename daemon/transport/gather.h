/* gather.h - the bytes of one write: short ones are copied together, bodies are referenced. */
#ifndef TRANSPORT_GATHER_H
#define TRANSPORT_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Zeroed at first. */
struct gather {
    struct buf **parts; /* a reference on each */
    uint32_t count, room;
    size_t bytes;
    struct buf *heads; /* what is copied */
    size_t heads_from, heads_len; /* from where on it is in no part yet, and its end */
};

/* False: no memory; then only gather_drop() is legal. */
bool gather_copy(struct gather *gather, struct slice bytes);
bool gather_refer(struct gather *gather, struct buf *whole, struct slice part);

/* The last call: `parts` are whole now. */
bool gather_end(struct gather *gather);

void gather_drop(struct gather *gather);

#endif

/* compare_message.h - NET_COMPARE as bytes: docs/formats/peer-calls.md. */
#ifndef CONTROL_COMPARE_MESSAGE_H
#define CONTROL_COMPARE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"
#include "log/log.h"

#define COMPARE_ASK_BYTES 36u

/* What have you of these entries, as far as you have applied them? */
struct compare_ask {
    uint64_t group, first, last;
    uint32_t epoch; /* of the group, as the asker knows it */
    bool heads;     /* the heads themselves; else their digest */
};

void compare_ask_write(const struct compare_ask *ask, unsigned char bytes[COMPARE_ASK_BYTES]);
/* ERR_VERSION, ERR_CORRUPT. */
MUST_CHECK enum err compare_ask_read(struct compare_ask *ask, struct slice bytes);

/* Of entries in a row. */
uint64_t compare_digest(const struct log_read_entry entries[], uint32_t count);

struct compare_answer {
    uint64_t first, last; /* what it has of what was asked for; last < first: nothing */
    uint64_t digest;
    struct slice heads; /* ENTRY_HEAD_BYTES each; empty unless they were asked for */
};

/* One reference; NULL: no memory.  `count` is 0 when it has nothing: from `first` on it may. */
struct buf *compare_answer_pack(const struct log_read_entry entries[], uint32_t count,
                                uint64_t first, bool heads);
/* ERR_CORRUPT: no answer to this question. */
MUST_CHECK enum err compare_answer_read(struct compare_answer *answer,
                                        const struct compare_ask *ask, struct slice bytes);

#endif

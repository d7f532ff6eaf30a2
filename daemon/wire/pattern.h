/* pattern.h - the model's regular expressions, matched by hand.
 *
 * Each takes one pass over the text, whatever the text is: a regex library
 * would let a client choose how long we think.  Messages print the model's
 * own expression.
 */
#ifndef WIRE_PATTERN_H
#define WIRE_PATTERN_H

#include <stdbool.h>

#include "base/slice.h"

enum pattern {
    PATTERN_ANY, /* no constraint */
    PATTERN_NAME,
    PATTERN_STREAM_ARN,
    PATTERN_RESOURCE_ARN, /* of a stream or a consumer */
    PATTERN_STREAM_ID,
    PATTERN_CONSUMER_ARN,
    PATTERN_SEQUENCE_NUMBER,
    PATTERN_HASH_KEY,
    PATTERN_COUNT
};

/* Whether the whole of `text` matches. */
bool pattern_match(enum pattern pattern, struct slice text);

/* The model's expression; empty for PATTERN_ANY. */
const char *pattern_text(enum pattern pattern);

#endif

/* encoding_private.h - what makes an encoding: how its bodies become tokens, how its values are
 * written.  decode.c and encode.c walk the shapes; what they meet is said in these terms. */
#ifndef WIRE_ENCODING_PRIVATE_H
#define WIRE_ENCODING_PRIVATE_H

#include "base/bytes.h"
#include "wire/encoding.h"
#include "wire/token.h"

struct encoding {
    const char *content_type;

    enum err (*open)(const unsigned char *body, size_t body_bytes, struct tokens **tokens);
    bool times_in_ms; /* numbers that are times; else seconds */

    void (*text)(struct writer *writer, struct slice text);
    void (*blob)(struct writer *writer, struct slice blob);
    void (*integer)(struct writer *writer, int64_t integer);
    void (*truth)(struct writer *writer, bool truth);
    void (*time)(struct writer *writer, int64_t ms);

    /* Lists: begin, then `item` and a value for each, end. */
    void (*list_begin)(struct writer *writer);
    void (*item)(struct writer *writer, bool first);
    void (*list_end)(struct writer *writer);

    /* Maps: begin, then a key and a value for each, end.  `name`: a key that is plain letters. */
    void (*map_begin)(struct writer *writer);
    void (*key)(struct writer *writer, bool first, struct slice key);
    void (*name)(struct writer *writer, bool first, struct slice name);
    void (*map_end)(struct writer *writer);
};

#endif

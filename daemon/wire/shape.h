/* shape.h - what a generic walk must know of a C value.
 *
 * A shape says how one value lies in memory, what it is called on the wire and
 * which constraints it obeys.  There is one walk per direction, and one for the
 * constraints; none of them knows an operation.  To add an operation, add rows
 * to shapes.def; to add an encoding, see encoding_private.h.
 *
 *      kind        C value                     min and max count
 *      TEXT        struct slice (UTF-8)        characters
 *      BLOB        struct slice                bytes
 *      I32, I64    int32_t, int64_t            the value itself
 *      BOOL        bool                        -
 *      TIMESTAMP   int64_t, ms since 1970      -
 *      CHOICE      struct choice               -
 *      LIST        struct { T *items; uint32_t count; }, seen as struct shape_list
 *      MAP         struct text_map             pairs
 *      STRUCTURE   struct; beside each member `bool has_<member>`
 *
 * Shapes are constant and have no owner; any thread may read them.
 */
#ifndef WIRE_SHAPE_H
#define WIRE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/pattern.h"

enum shape_kind {
    SHAPE_TEXT,
    SHAPE_BLOB,
    SHAPE_I32,
    SHAPE_I64,
    SHAPE_BOOL,
    SHAPE_TIMESTAMP,
    SHAPE_CHOICE,
    SHAPE_LIST,
    SHAPE_MAP,
    SHAPE_STRUCTURE
};

/* One string of a set.  `value` is the set's enum (WIRE_STREAM_ACTIVE and so
 * on); 0 is its ..._UNKNOWN: then only `text` says what came, and validation
 * refuses it.  Made for a reply by choice_of(), with `text` empty. */
struct choice {
    struct slice text;
    int value;
};

static inline struct choice choice_of(int value)
{
    return (struct choice){ .value = value };
}

struct text_pair {
    struct slice key, value;
};

struct text_map {
    struct text_pair *items;
    uint32_t count;
};

/* How a walk sees any generated list: `items` are `element->bytes` apart. */
struct shape_list {
    void *items;
    uint32_t count;
};

struct shape_member;

struct shape {
    enum shape_kind kind;
    enum pattern pattern;   /* texts */
    size_t bytes;           /* sizeof the C value */
    const char *model_name; /* structures: AWS's name */
    int64_t min, max;       /* INT64_MIN, INT64_MAX when there is no such constraint */

    const struct shape *key;     /* maps */
    const struct shape *element; /* lists; the values of maps */

    const char *const *values; /* choices: by enum value; [0] is NULL */
    uint32_t value_count;      /* with [0] */

    uint32_t member_count;
    const struct shape_member *members;
};

struct shape_member {
    struct slice name; /* on the wire */
    const struct shape *shape;
    size_t value_at; /* from the structure's start */
    size_t has_at;   /* of its bool */
    bool required;
};

#endif

/* limit.h - the limits of AWS's that a cluster keeps, and what they are.
 *
 * limit.def lists them.  A node's configuration has a value of each; what
 * keeps a limit asks here for the value that counts.
 */
#ifndef CATALOG_LIMIT_H
#define CATALOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

#define LIMIT_UNLIMITED UINT32_MAX
#define LIMIT_MOST (LIMIT_UNLIMITED - 1u) /* of those without a reason for less */
#define LIMIT_CALLS_MOST 100000u          /* a second: what is left is counted in microseconds */

enum limit {
#define STREAM_LIMIT(id, name, usual, most, kind, text) LIMIT_##id,
#include "catalog/limit.def"
    LIMIT_STREAM_COUNT, /* of those that a stream may have of its own: the first ones */
    LIMIT_BEFORE_CLUSTER = LIMIT_STREAM_COUNT - 1,
#define CLUSTER_LIMIT(id, name, usual, most, kind, text) LIMIT_##id,
#include "catalog/limit.def"
    LIMIT_COUNT
};

enum limit_kind { LIMIT_COUNTS, LIMIT_SIZE };

struct limit_row {
    const char *name; /* of the option */
    uint32_t usual;   /* AWS's */
    uint32_t most;
    enum limit_kind kind;
    const char *text;
};

const struct limit_row *limit_row(enum limit limit);

/* "1000", "2M" where it is a size, "unlimited".  False: none of them, or 0, or over `most`. */
bool limit_parse(enum limit limit, const char *text, uint32_t *ret);

/* Of a cluster: each from 1, or LIMIT_UNLIMITED; 0, as nobody has set it, is unlimited too. */
struct limits {
    uint32_t of[LIMIT_COUNT];
};

/* Whether it is none at all. */
static inline bool limit_is_off(uint32_t value)
{
    return value == 0 || value == LIMIT_UNLIMITED;
}

/* For what has a maximum of its own. */
static inline uint32_t limit_up_to(uint32_t value, uint32_t most)
{
    return limit_is_off(value) || value > most ? most : value;
}

/* For what takes 0 for no limit. */
static inline uint32_t limit_or_0(uint32_t value)
{
    return value == LIMIT_UNLIMITED ? 0 : value;
}

#endif

/* validate.h - the model's constraints, and AWS's words for breaking them.
 *
 *     2 validation errors detected: Value '' at 'streamName' failed to satisfy
 *     constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+;
 *     Value '' at 'streamName' failed to satisfy constraint: ...
 *
 * Runs between decoding, in whatever encoding, and the handler.  So a handler
 * may rely on: required members are there, numbers and lengths are in range,
 * texts match their patterns, choices are known.  What the model does not say
 * (one of name and ARN) is the handler's own.  A maximum of the model's that is
 * configured here is given beside the shape.
 *
 * No state, any thread.
 */
#ifndef WIRE_VALIDATE_H
#define WIRE_VALIDATE_H

#include "base/arena.h"
#include "base/err.h"
#include "wire/error_type.h"
#include "wire/shape.h"

/* Checks `in`, the C struct of the structure `shape`, against the model.
 *
 * ERR_INVALID    `*error` is the ValidationException to answer, its message in the arena
 * ERR_NO_MEMORY  the arena has no room for the message: `*error` is InternalFailure */
MUST_CHECK enum err validate(const struct shape *shape, const void *in, struct arena *arena,
                             struct wire_error *error);

/* A maximum that counts in the place of the model's, wherever the shape stands in a request. */
struct validate_most {
    const struct shape *shape;
    int64_t max;
};

/* The same, with such a maximum; NULL: there is none. */
MUST_CHECK enum err validate_up_to(const struct shape *shape, const void *in,
                                   const struct validate_most *most, struct arena *arena,
                                   struct wire_error *error);

/* Characters (code points) of UTF-8 text: what the model's lengths and the limits of keys count. */
size_t text_chars(struct slice text);

#endif

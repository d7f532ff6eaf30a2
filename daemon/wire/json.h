/* json.h - JSON 1.1 as AWS speaks it, for any shape.
 *
 *     body -- json_decode --> struct x_in -- validate --> handler
 *     handler --> struct x_out -- json_encode --> body
 *     handler --> struct wire_error -- json_encode_error --> body
 *
 * An engine: no I/O, no state between calls, any thread.  Bodies over 64 KiB
 * belong on a worker.  Everything decoded lies in the request's arena; nothing
 * points into the body, which may go as soon as json_decode() returns.
 *
 * Decoding: unknown members are skipped, null is the same as absent, of a name
 * given twice the last one counts, numbers with a fraction are rounded down and
 * cut to the type's range, blobs are base64 with padding.  A null in a list
 * becomes an item without members (or an empty string), so that the others
 * keep their places; in a map it drops its pair.  Limits: JSON_BODY_BYTES_MAX,
 * JSON_TOKENS_MAX, JSON_DEPTH_MAX.  Constraints (required, lengths, patterns) are
 * validate()'s part.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "wire/error_type.h"
#include "wire/shape.h"

struct writer;

/* Fills `out`, the C struct of the structure `shape`, from `body`; members that
 * are not in it become zero and their has_ flags false.
 *
 * ERR_INVALID    not JSON, not an object, over a limit, or a member of the wrong type
 * ERR_NO_MEMORY  the arena's maximum or the memory is reached
 *
 * On error `*error` is what to answer (SerializationException with AWS's text,
 * or InternalFailure) and `out` holds nothing of use. */
MUST_CHECK enum err json_decode(const struct shape *shape, struct slice body, struct arena *arena,
                                void *out, struct wire_error *error);

/* Appends `in`, the C struct of the structure `shape`, to `writer`; for
 * shape_nothing that is an empty body.  Bytes in texts that would end the string
 * are escaped; texts must be UTF-8 already.
 *
 * ERR_NO_MEMORY  the writer's maximum or the memory is reached: what it holds is of no use */
MUST_CHECK enum err json_encode(const struct shape *shape, const void *in, struct writer *writer);

/* Appends the body of an error: {"__type":"...","message":"..."}, with "Message"
 * for SerializationException, and without either when the message is empty.
 * ERR_NO_MEMORY as above. */
MUST_CHECK enum err json_encode_error(const struct wire_error *error, struct writer *writer);

#endif

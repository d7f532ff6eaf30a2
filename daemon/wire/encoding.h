/* encoding.h - the encodings of AWS's JSON protocol 1.1, for any shape.
 *
 *     body -- wire_decode --> struct x_in -- validate --> handler
 *     handler --> struct x_out -- wire_encode --> body
 *     handler --> struct wire_error -- wire_encode_error --> body
 *
 * An engine: no I/O, no state between calls, any thread.  Bodies over 64 KiB
 * belong on a worker.  Everything decoded lies in the request's arena; nothing
 * points into the body, which may go as soon as wire_decode() returns.
 *
 * Decoding: unknown members are skipped, null is the same as absent, of a name
 * given twice the last one counts, numbers with a fraction are rounded down and
 * cut to the type's range.  A null in a list becomes an item without members (or
 * an empty string), so that the others keep their places; in a map it drops its
 * pair.  Limits: WIRE_BODY_BYTES_MAX, WIRE_TOKENS_MAX, WIRE_DEPTH_MAX.
 * Constraints (required, lengths, patterns) are validate()'s part.
 *
 *               JSON                             CBOR (RFC 8949)
 *     blob      base64 with padding              byte string; base64 is taken too
 *     time      seconds, ms behind the point     tag 1 and whole milliseconds; taken with
 *                                                any tag or none, and as a float
 *     lists     [ ]                              written with indefinite length, as AWS does;
 *     maps      { }                              taken in both forms, as strings are
 *
 * Of CBOR, names must be texts, texts UTF-8; tags but 1 mean nothing, `undefined` is null.
 */
#ifndef WIRE_ENCODING_H
#define WIRE_ENCODING_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "wire/error_type.h"
#include "wire/shape.h"

struct writer;

struct encoding; /* constant */
extern const struct encoding encoding_json, encoding_cbor;

/* JSON with times in whole milliseconds: events for clients that speak CBOR otherwise. */
extern const struct encoding encoding_json_in_ms;

/* "application/x-amz-json-1.1" and so on. */
const char *encoding_content_type(const struct encoding *encoding);

/* Fills `out`, the C struct of the structure `shape`, from `body`; members that
 * are not in it become zero and their has_ flags false.
 *
 * ERR_INVALID    not of this encoding, not a structure, over a limit, or a member of the wrong type
 * ERR_NO_MEMORY  the arena's maximum or the memory is reached
 *
 * On error `*error` is what to answer (SerializationException with AWS's text,
 * or InternalFailure) and `out` holds nothing of use. */
MUST_CHECK enum err wire_decode(const struct encoding *encoding, const struct shape *shape,
                                struct slice body, struct arena *arena, void *out,
                                struct wire_error *error);

/* Appends `in`, the C struct of the structure `shape`, to `writer`; for
 * shape_nothing that is an empty body.  Bytes in texts that would end a JSON string
 * are escaped; texts must be UTF-8 already.
 *
 * ERR_NO_MEMORY  the writer's maximum or the memory is reached: what it holds is of no use */
MUST_CHECK enum err wire_encode(const struct encoding *encoding, const struct shape *shape,
                                const void *in, struct writer *writer);

/* Appends the body of an error: {"__type":"...","message":"..."}, with "Message"
 * for SerializationException, and without either when the message is empty.
 * ERR_NO_MEMORY as above. */
MUST_CHECK enum err wire_encode_error(const struct encoding *encoding,
                                      const struct wire_error *error, struct writer *writer);

#endif

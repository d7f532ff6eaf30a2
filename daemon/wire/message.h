/* message.h - the making of an error's message; private to wire/.
 *
 * A message quotes what the client sent, which may be megabytes: each quoted
 * value is cut at ERROR_VALUE_BYTES_MAX.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "wire/error_type.h"

/* Room for the longest message: every item with a whole quoted value and what
 * stands around it. */
#define MESSAGE_BYTES_MAX (VALIDATION_ITEMS_MAX * (ERROR_VALUE_BYTES_MAX + 4096u))

/* Appends the first `*room` bytes of `value`, never half a character, and takes
 * them off `*room`. */
void message_value(struct writer *text, struct slice value, size_t *room);

/* Moves the finished text to the arena and ends the writer.  Always an error:
 * ERR_INVALID with `*error` as asked, or ERR_NO_MEMORY with InternalFailure. */
MUST_CHECK enum err message_settle(struct writer *text, enum error_type type, struct arena *arena,
                                   struct wire_error *error);

#endif

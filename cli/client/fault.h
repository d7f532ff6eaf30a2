/* fault.h - what an answer that is not a success means to a client.
 *
 * The client's half of daemon/api/fault: from HTTP's status and AWS's name of
 * the error back to what the caller can do.  Pure functions.
 */
#ifndef CLIENT_FAULT_H
#define CLIENT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* What a whole answer means.  `type` is AWS's name of the error, empty when the body had none.
 *
 * ERR_OK           2xx
 * ERR_NOT_FOUND    no such stream or shard
 * ERR_EXISTS       the stream exists, or is not in a state to do this
 * ERR_EXPIRED      the iterator is too old
 * ERR_BUSY         too fast: slow down and retry
 * ERR_UNAVAILABLE  503: nothing was done, retry
 * ERR_UNKNOWN      other 5xx: the outcome is unknown, retry
 * ERR_INVALID      everything else: retrying does not help */
enum err fault_of_answer(long status, const char *type);

/* Whether what a LimitExceededException says is that calls come too fast: ERR_BUSY.  Its other
 * meanings do not pass. */
bool fault_is_rate(const char *type, const char *message);

/* Whether the error says that the request was not signed with a known access key. */
bool fault_is_unproved(const char *type);

/* Whether the same request may succeed if it is sent again, here or at another node. */
bool fault_is_passing(enum err err);

/* How long to wait before attempt number `attempt` (1 is the first that repeats): `random` picks
 * between nothing and a ceiling that doubles, so that clients that failed together do not come
 * back together. */
uint32_t fault_pause_ms(uint32_t attempt, uint64_t random);

#endif

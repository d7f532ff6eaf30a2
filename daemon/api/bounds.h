/* bounds.h - maxima of AWS's model that are limits of a stream here (catalog/limit.def).
 *
 * A request is checked before its stream is known, maybe on a worker: so with the widest that any
 * stream may have at first.  When its stream's is narrower, and it is beyond that, or has other
 * faults, it is checked once more, so that AWS's words have all faults and the right number.
 *
 *     PutRecords   how many Records
 *     GetRecords   Limit
 *
 * For the door and this folder.
 */
#ifndef API_BOUNDS_H
#define API_BOUNDS_H

#include "api/api.h"
#include "wire/validate.h"

/* Any thread.  False: the operation has none. */
bool bounds_widest(const struct operation *operation, struct validate_most *ret);

/* Whether a request whose `in` is decoded, and was checked with the widest, is to be checked once
 * more, with `*ret`.  `invalid`: it was found to have faults.  Loop thread. */
bool bounds_narrow(struct request *request, bool invalid, struct validate_most *ret);

#endif

/* fault.h - what an `enum err` is to a client: the only map from one to the other.
 *
 * SDKs decide by type and status whether to try again: 4xx is the client's
 * fault, throttling is tried again more slowly, 500 and 503 are tried again.
 * So an outcome that is unknown must be a 500, and nothing that would succeed
 * later may be a plain 4xx.
 */
#ifndef API_FAULT_H
#define API_FAULT_H

#include "base/err.h"
#include "wire/error_type.h"

/* ERROR_TYPE_NONE for ERR_OK only. */
enum error_type fault_type(enum err err);

/* What to tell when there is no better sentence; "" for none. */
const char *fault_text(enum err err);

#endif

/* refusal.h - why a request is not served: AWS's types and sentences for what is wrong with a
 * signature.
 *
 * A client finds out from these what is wrong with its configuration, so they are
 * AWS's own where those are known.  What they repeat is what the client itself
 * sent, in printable ASCII.
 */
#ifndef AUTH_REFUSAL_H
#define AUTH_REFUSAL_H

#include "base/arena.h"
#include "base/err.h"
#include "wire/error_type.h"

/* X(enum name, label of the counter, AWS's type) */
#define AUTH_REFUSALS(X)                                                                           \
    X(REFUSAL_MISSING, "missing", ERROR_MISSING_TOKEN)          /* it is not signed */             \
    X(REFUSAL_BOTH, "both", ERROR_INVALID_SIGNATURE)            /* in header and query */          \
    X(REFUSAL_INCOMPLETE, "incomplete", ERROR_INCOMPLETE_SIGNATURE) /* of another form */          \
    X(REFUSAL_UNKNOWN_KEY, "unknown_key", ERROR_UNRECOGNIZED_CLIENT)                               \
    X(REFUSAL_TOKEN, "token", ERROR_UNRECOGNIZED_CLIENT)        /* not the key's session token */  \
    X(REFUSAL_SCOPE, "scope", ERROR_INVALID_SIGNATURE)          /* of another region, service */   \
    X(REFUSAL_UNSIGNED_HEADER, "unsigned_header", ERROR_INVALID_SIGNATURE)                         \
    X(REFUSAL_UNSIGNED_BODY, "unsigned_body", ERROR_INVALID_SIGNATURE)                             \
    X(REFUSAL_EXPIRED, "expired", ERROR_INVALID_SIGNATURE)                                         \
    X(REFUSAL_EARLY, "early", ERROR_INVALID_SIGNATURE)          /* the client's clock is ahead */  \
    X(REFUSAL_SIGNATURE, "signature", ERROR_INVALID_SIGNATURE)  /* secret or text differ */        \
    X(REFUSAL_NO_MEMORY, "no_memory", ERROR_SERVICE_UNAVAILABLE)

enum refusal_reason {
    REFUSAL_NONE,
#define REFUSAL_ENUM(name, label, type) name,
    AUTH_REFUSALS(REFUSAL_ENUM)
#undef REFUSAL_ENUM
    REFUSAL_COUNT
};

/* Zeroed: none. */
struct refusal {
    enum refusal_reason reason;
    struct wire_error error; /* its message lies in the arena */
};

/* Sets it. */
void refusal_set(struct refusal *refusal, struct arena *arena, enum refusal_reason reason,
                 const char *format, ...) PRINTF_LIKE(4, 5);

/* "expired"; for any but REFUSAL_NONE. */
const char *refusal_label(enum refusal_reason reason);

#endif

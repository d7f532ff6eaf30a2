/* error_type.h - AWS's error types, and an error on its way to the client.
 *
 * What an error means to a client is its type: SDKs choose by it whether to
 * retry.  The status follows from the type.  Which `enum err` becomes which
 * type is for api/ to say.
 */
#ifndef WIRE_ERROR_TYPE_H
#define WIRE_ERROR_TYPE_H

#include "base/slice.h"

/* X(enum name, wire name, HTTP status) */
#define WIRE_ERROR_TYPES(X)                                                                        \
    X(ERROR_RESOURCE_NOT_FOUND, ResourceNotFoundException, 400)                                    \
    X(ERROR_RESOURCE_IN_USE, ResourceInUseException, 400)                                          \
    X(ERROR_INVALID_ARGUMENT, InvalidArgumentException, 400)                                       \
    X(ERROR_LIMIT_EXCEEDED, LimitExceededException, 400)                                           \
    X(ERROR_THROUGHPUT_EXCEEDED, ProvisionedThroughputExceededException, 400)                      \
    X(ERROR_EXPIRED_ITERATOR, ExpiredIteratorException, 400)                                       \
    X(ERROR_EXPIRED_NEXT_TOKEN, ExpiredNextTokenException, 400)                                    \
    X(ERROR_DRY_RUN, DryRunOperationException, 400)                                                \
    X(ERROR_ACCESS_DENIED, AccessDeniedException, 400)                                             \
    X(ERROR_MISSING_TOKEN, MissingAuthenticationTokenException, 400)                               \
    X(ERROR_INCOMPLETE_SIGNATURE, IncompleteSignatureException, 400)                               \
    X(ERROR_INVALID_SIGNATURE, InvalidSignatureException, 400)                                     \
    X(ERROR_UNRECOGNIZED_CLIENT, UnrecognizedClientException, 400)                                 \
    X(ERROR_VALIDATION, ValidationException, 400)                                                  \
    X(ERROR_SERIALIZATION, SerializationException, 400)                                            \
    X(ERROR_UNKNOWN_OPERATION, UnknownOperationException, 400)                                     \
    X(ERROR_INTERNAL_FAILURE, InternalFailure, 500)                                                \
    X(ERROR_SERVICE_UNAVAILABLE, ServiceUnavailable, 503)

enum error_type {
    ERROR_TYPE_NONE, /* all is well */
#define WIRE_ERROR_ENUM(type, name, status) type,
    WIRE_ERROR_TYPES(WIRE_ERROR_ENUM)
#undef WIRE_ERROR_ENUM
    ERROR_TYPE_COUNT
};

/* What the client gets in place of a reply.  `message` lies in the request's
 * arena or is a constant; when it is empty the body has no message at all. */
struct wire_error {
    enum error_type type;
    struct slice message;
};

/* "ResourceNotFoundException" and so on; "InternalFailure" for a number that is none. */
const char *error_type_name(enum error_type type);

/* The HTTP status that goes with the body; 500 for a number that is none. */
int error_type_status(enum error_type type);

#endif

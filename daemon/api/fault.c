#include "api/fault.h"

struct fault {
    enum error_type type;
    const char *text;
};

static struct fault fault_of(enum err err)
{
    switch (err) {
    case ERR_OK:
        return (struct fault){ ERROR_TYPE_NONE, "" };
    case ERR_BUSY:
        return (struct fault){ ERROR_THROUGHPUT_EXCEEDED, "Rate exceeded." };
    case ERR_NOT_FOUND:
    case ERR_CLOSED:
        return (struct fault){ ERROR_RESOURCE_NOT_FOUND, "It is gone." };
    case ERR_EXISTS:
        return (struct fault){ ERROR_RESOURCE_IN_USE, "It exists already." };
    case ERR_INVALID:
    case ERR_TOO_BIG:
        return (struct fault){ ERROR_INVALID_ARGUMENT, "An argument is invalid." };
    case ERR_EXPIRED:
        return (struct fault){ ERROR_EXPIRED_ITERATOR, "Iterator expired." };
    case ERR_NO_MEMORY:
        return (struct fault){ ERROR_SERVICE_UNAVAILABLE, "The node is out of memory." };
    case ERR_NO_SPACE:
        return (struct fault){ ERROR_SERVICE_UNAVAILABLE, "The leader's log is full." };
    case ERR_NOT_LEADER:
    case ERR_UNAVAILABLE:
    case ERR_UNREACHABLE:
        return (struct fault){ ERROR_SERVICE_UNAVAILABLE,
                               "Not enough replicas can be reached. Nothing was done." };
    case ERR_UNKNOWN:
    case ERR_TIMEOUT:
    case ERR_CANCELED:
        return (struct fault){ ERROR_INTERNAL_FAILURE, "The outcome is unknown." };
    case ERR_IO:
    case ERR_CORRUPT:
    case ERR_VERSION:
    case ERR_FOREIGN:
    case ERR_TRIMMED:
    case ERR_COUNT:
        break;
    }
    return (struct fault){ ERROR_INTERNAL_FAILURE, "" };
}

enum error_type fault_type(enum err err)
{
    return fault_of(err).type;
}

const char *fault_text(enum err err)
{
    return fault_of(err).text;
}

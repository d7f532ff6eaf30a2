#include "client/fault.h"

#include <string.h>

#define PAUSE_MS_MIN 50u
#define PAUSE_MS_MAX 5000u

enum err fault_of_answer(long status, const char *type)
{
    if (status >= 200 && status < 300)
        return ERR_OK;
    if (status == 503)
        return ERR_UNAVAILABLE;
    if (status >= 500)
        return ERR_UNKNOWN;
    if (strcmp(type, "ResourceNotFoundException") == 0)
        return ERR_NOT_FOUND;
    if (strcmp(type, "ResourceInUseException") == 0)
        return ERR_EXISTS;
    if (strcmp(type, "ExpiredIteratorException") == 0)
        return ERR_EXPIRED;
    if (strcmp(type, "ProvisionedThroughputExceededException") == 0 ||
        strcmp(type, "ThrottlingException") == 0 || status == 429)
        return ERR_BUSY;
    return ERR_INVALID;
}

bool fault_is_rate(const char *type, const char *message)
{
    return strcmp(type, "LimitExceededException") == 0 &&
           strstr(message, "Rate exceeded ") != NULL;
}

bool fault_is_unproved(const char *type)
{
    return strcmp(type, "MissingAuthenticationTokenException") == 0 ||
           strcmp(type, "UnrecognizedClientException") == 0 ||
           strcmp(type, "IncompleteSignatureException") == 0 ||
           strcmp(type, "InvalidSignatureException") == 0;
}

bool fault_is_passing(enum err err)
{
    switch (err) {
    case ERR_BUSY:
    case ERR_UNAVAILABLE:
    case ERR_UNKNOWN:
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
        return true;
    default:
        return false;
    }
}

uint32_t fault_pause_ms(uint32_t attempt, uint64_t random)
{
    uint32_t ceiling = PAUSE_MS_MAX;

    if (attempt < 8 && PAUSE_MS_MIN << attempt < PAUSE_MS_MAX)
        ceiling = PAUSE_MS_MIN << attempt;
    return (uint32_t)(random % (ceiling + 1));
}

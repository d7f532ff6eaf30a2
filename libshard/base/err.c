#include "base/err.h"

#include <stdio.h>
#include <string.h>

static const char *const names[ERR_COUNT] = {
    [ERR_OK] = "ERR_OK",
    [ERR_NO_MEMORY] = "ERR_NO_MEMORY",
    [ERR_BUSY] = "ERR_BUSY",
    [ERR_NOT_LEADER] = "ERR_NOT_LEADER",
    [ERR_CLOSED] = "ERR_CLOSED",
    [ERR_UNKNOWN] = "ERR_UNKNOWN",
    [ERR_NOT_FOUND] = "ERR_NOT_FOUND",
    [ERR_EXISTS] = "ERR_EXISTS",
    [ERR_INVALID] = "ERR_INVALID",
    [ERR_IO] = "ERR_IO",
    [ERR_CORRUPT] = "ERR_CORRUPT",
    [ERR_NO_SPACE] = "ERR_NO_SPACE",
    [ERR_TIMEOUT] = "ERR_TIMEOUT",
    [ERR_UNREACHABLE] = "ERR_UNREACHABLE",
    [ERR_VERSION] = "ERR_VERSION",
    [ERR_FOREIGN] = "ERR_FOREIGN",
    [ERR_TRIMMED] = "ERR_TRIMMED",
    [ERR_EXPIRED] = "ERR_EXPIRED",
    [ERR_TOO_BIG] = "ERR_TOO_BIG",
    [ERR_CANCELED] = "ERR_CANCELED",
    [ERR_UNAVAILABLE] = "ERR_UNAVAILABLE",
};

const char *err_name(enum err err)
{
    unsigned at = (unsigned)err;

    return at < ERR_COUNT && names[at] != NULL ? names[at] : "ERR_?";
}

void reason_set(struct reason *reason, const char *format, ...)
{
    char text[REASON_BYTES_MAX];
    va_list args;

    if (reason == NULL)
        return;
    /* By way of a copy, because an argument may be the old sentence. */
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    memcpy(reason->text, text, sizeof(text));
}

void reason_wrap(struct reason *reason, const char *format, ...)
{
    char text[REASON_BYTES_MAX];
    va_list args;

    if (reason == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    size_t len = strlen(text);
    size_t room = sizeof(text) - 1 - len;
    size_t colon = room < 2 ? room : 2;
    memcpy(text + len, ": ", colon);
    size_t old = strnlen(reason->text, room - colon);
    memcpy(text + len + colon, reason->text, old);
    text[len + colon + old] = 0;
    memcpy(reason->text, text, sizeof(text));
}

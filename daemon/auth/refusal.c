#include "auth/refusal.h"

#include <stdio.h>

#include "base/limits.h"

static const struct {
    const char *label;
    enum error_type type;
} rows[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = { "none", ERROR_TYPE_NONE },
#define REFUSAL_ROW(name, text, error) [name] = { text, error },
    AUTH_REFUSALS(REFUSAL_ROW)
#undef REFUSAL_ROW
};

void refusal_set(struct refusal *refusal, struct arena *arena, enum refusal_reason reason,
                 const char *format, ...)
{
    va_list args;

    *refusal = (struct refusal){ .reason = reason, .error = { .type = rows[reason].type } };
    va_start(args, format);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t room = needed < 0                                ? 1
                  : (size_t)needed < AUTH_MESSAGE_BYTES_MAX ? (size_t)needed + 1
                                                            : AUTH_MESSAGE_BYTES_MAX;
    char *text = arena_raw(arena, room);
    if (text == NULL)
        return; /* the type alone says it too */
    va_start(args, format);
    (void)vsnprintf(text, room, format, args);
    va_end(args);
    for (size_t i = 0; i < room - 1; i++)
        if ((unsigned char)text[i] >= 0x7f || ((unsigned char)text[i] < ' ' && text[i] != '\n'))
            text[i] = '?';
    refusal->error.message = slice_of(text, room - 1);
}

const char *refusal_label(enum refusal_reason reason)
{
    return rows[reason].label;
}

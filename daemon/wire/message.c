#include "wire/message.h"

enum err message_settle(struct writer *text, enum error_type type, struct arena *arena,
                        struct wire_error *error)
{
    struct slice message = writer_slice(text);
    unsigned char *copy = text->failed ? NULL : arena_raw(arena, message.len);

    *error = (struct wire_error){ .type = ERROR_INTERNAL_FAILURE };
    if (copy == NULL) {
        writer_fini(text);
        return ERR_NO_MEMORY;
    }
    if (message.data != NULL)
        memcpy(copy, message.data, message.len);
    *error = (struct wire_error){ .type = type, .message = slice_of(copy, message.len) };
    writer_fini(text);
    return ERR_INVALID;
}

void message_value(struct writer *text, struct slice value, size_t *room)
{
    size_t len = value.len;

    if (len > *room) {
        len = *room;
        while (len > 0 && (value.data[len] & 0xc0) == 0x80)
            len--; /* not through the middle of a character */
        *room = 0;
    } else {
        *room -= len;
    }
    writer_bytes(text, slice_of(value.data, len));
}

#include "transport/gather.h"

#include <stdlib.h>

#define HEADS_BYTES 4096u

static bool add(struct gather *gather, struct buf *whole, struct slice part)
{
    if (gather->count == gather->room) {
        uint32_t room = gather->room == 0 ? 16 : 2 * gather->room;
        struct buf **parts = realloc(gather->parts, room * sizeof(*parts));
        if (parts == NULL)
            return false;
        gather->parts = parts;
        gather->room = room;
    }
    gather->parts[gather->count] = buf_part(whole, part);
    if (gather->parts[gather->count] == NULL)
        return false;
    gather->count++;
    return true;
}

bool gather_end(struct gather *gather)
{
    size_t from = gather->heads_from, len = gather->heads_len - from;

    if (gather->heads == NULL || len == 0)
        return true;
    gather->heads_from = gather->heads_len;
    return add(gather, gather->heads, slice_of(gather->heads->data + from, len));
}

bool gather_copy(struct gather *gather, struct slice bytes)
{
    if (gather->heads == NULL || gather->heads->len - gather->heads_len < bytes.len) {
        struct buf *heads = buf_new(bytes.len > HEADS_BYTES ? bytes.len : HEADS_BYTES);
        if (heads == NULL || !gather_end(gather)) {
            buf_unref(heads);
            return false;
        }
        buf_unref(gather->heads);
        gather->heads = heads;
        gather->heads_from = gather->heads_len = 0;
    }
    if (bytes.len > 0)
        memcpy(gather->heads->data + gather->heads_len, bytes.data, bytes.len);
    gather->heads_len += bytes.len;
    gather->bytes += bytes.len;
    return true;
}

bool gather_refer(struct gather *gather, struct buf *whole, struct slice part)
{
    if (!gather_end(gather) || !add(gather, whole, part))
        return false;
    gather->bytes += part.len;
    return true;
}

void gather_drop(struct gather *gather)
{
    for (uint32_t at = 0; at < gather->count; at++)
        buf_unref(gather->parts[at]);
    free(gather->parts);
    buf_unref(gather->heads);
    *gather = (struct gather){ .parts = NULL };
}

#include "base/buf.h"

#include <stdlib.h>

#include "base/ensure.h"

struct buf *buf_new(size_t len)
{
    if (len > SIZE_MAX - sizeof(struct buf))
        return NULL;

    /* The bytes follow the struct: one allocation for a record's whole life. */
    struct buf *buf = malloc(sizeof(*buf) + len);
    if (buf == NULL)
        return NULL;

    *buf = (struct buf){ .data = (unsigned char *)(buf + 1), .len = len, .refs = 1 };
    return buf;
}

struct buf *buf_copy(struct slice slice)
{
    struct buf *buf = buf_new(slice.len);

    if (buf != NULL && slice.len > 0)
        memcpy(buf->data, slice.data, slice.len);
    return buf;
}

struct buf *buf_part(struct buf *whole, struct slice part)
{
    struct buf *owner = whole->whole != NULL ? whole->whole : whole;
    size_t at = part.len == 0 ? 0 : (size_t)(part.data - whole->data);

    ensure(part.len == 0 || part.data >= whole->data);
    ensure(at <= whole->len && part.len <= whole->len - at);

    struct buf *buf = malloc(sizeof(*buf));
    if (buf == NULL)
        return NULL;

    /* Parts of parts hold the owner itself, so that no chain of parts can grow. */
    *buf = (struct buf){
        .data = whole->data + at, .len = part.len, .refs = 1, .whole = buf_ref(owner)
    };
    return buf;
}

struct buf *buf_ref(struct buf *buf)
{
    if (buf == NULL)
        return NULL;
    ensure(buf->refs > 0 && buf->refs < UINT32_MAX);
    buf->refs++;
    return buf;
}

void buf_unref(struct buf *buf)
{
    if (buf == NULL)
        return;
    ensure(buf->refs > 0);
    if (--buf->refs > 0)
        return;
    buf_unref(buf->whole);
    free(buf);
}

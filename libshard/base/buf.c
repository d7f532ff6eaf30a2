#include "base/buf.h"

#include <stdlib.h>

#include "base/ensure.h"

#define ROUNDED_MIN 1024u
#define ROUNDED_MAX ((size_t)16 << 20)
#define SIZES_PER_DOUBLING 8u

/* malloc() keeps free pieces of each size apart, in order, and walks past all other sizes to file
 * one: with thousands of odd sizes (a shard's newest entries, when it closes) it did nothing else.
 * So there are few sizes.  An address sanitizer is to see where the bytes end. */
static size_t room_for(size_t bytes)
{
#if !defined(__SANITIZE_ADDRESS__)
    if (bytes >= ROUNDED_MIN && bytes <= ROUNDED_MAX) {
        size_t step = ((size_t)1 << (63 - __builtin_clzll(bytes))) / SIZES_PER_DOUBLING;
        return (bytes + step - 1) / step * step;
    }
#endif
    return bytes;
}

struct buf *buf_new(size_t len)
{
    if (len > SIZE_MAX - sizeof(struct buf))
        return NULL;

    /* The bytes follow the struct: one allocation for a record's whole life. */
    struct buf *buf = malloc(room_for(sizeof(*buf) + len));
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

struct buf *buf_around(void *bytes, size_t len, void (*release)(void *bytes))
{
    struct buf *buf = malloc(sizeof(*buf));

    if (buf != NULL)
        *buf = (struct buf){ .data = bytes, .len = len, .refs = 1, .release = release };
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
    if (buf->release != NULL)
        buf->release(buf->data);
    free(buf);
}

/* buf.h - bytes that many may hold and nobody may change.
 *
 * A record's payload is written once and then lies in the log's turn, in
 * messages to two followers and in the tail, all at once: each holds a
 * reference.  The maker fills the bytes before it shares the buf; after that
 * they are constant.
 *
 *     buf_new, buf_copy, buf_around, buf_part  ->  one reference, yours
 *     buf_ref                      ->  one more
 *     buf_unref                    ->  one less; the last one frees
 *
 * References are counted without atomics: only the loop thread takes and drops
 * them.  A worker may read the bytes while the loop holds a reference for it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buf {
    unsigned char *data; /* writable by the maker until shared */
    size_t len;
    uint32_t refs;
    struct buf *whole; /* the buf that owns `data`, for a part; else NULL */
    void (*release)(void *bytes); /* of `data`, for bytes that were made elsewhere; else NULL */
};

/* `len` uninitialised bytes.  NULL when there is no memory. */
struct buf *buf_new(size_t len);

/* The bytes of `slice`, copied.  NULL when there is no memory. */
struct buf *buf_copy(struct slice slice);

/* `bytes`, which `release` gets back with the last reference.  NULL when there is no memory: they
 * are the caller's still. */
struct buf *buf_around(void *bytes, size_t len, void (*release)(void *bytes));

/* A view of `part`, which must lie inside `whole`; it holds a reference on `whole`.
 * NULL when there is no memory. */
struct buf *buf_part(struct buf *whole, struct slice part);

/* Takes one more reference; NULL stays NULL. */
struct buf *buf_ref(struct buf *buf);

/* Drops a reference; NULL is legal. */
void buf_unref(struct buf *buf);

static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->data, buf->len);
}

static inline void buf_unref_at(struct buf **buf)
{
    buf_unref(*buf);
}

/* For locals of synchronous functions: dropped when the scope ends. */
#define AUTO_UNREF __attribute__((cleanup(buf_unref_at)))

#endif

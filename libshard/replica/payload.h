/* payload.h - the bytes of entries that libraft holds only the heads of.
 *
 * libraft keeps a 48-byte head for each entry.  The payload comes in with a
 * proposal or with a message and is needed again when libraft sends the entry,
 * and when it applies it.  Until then it is pinned here.  Applied payloads stay
 * as long as they fit `cache_bytes`, oldest out first: a follower that lost a
 * message gets them without a read.
 *
 * An entry is found by its whole head, because two leaders, or two epochs, may
 * use one index.  Holds one reference per payload; entries without payload are
 * not kept.
 */
#ifndef REPLICA_PAYLOAD_H
#define REPLICA_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "log/entry.h"

struct payload;

struct payload_store {
    struct payload **buckets;
    size_t bucket_count, count;
    struct list cached; /* applied ones, the oldest first */
    size_t cached_bytes, pinned_bytes;
    size_t cache_bytes;
};

void payload_store_init(struct payload_store *store, size_t cache_bytes);

/* Drops what is left. */
void payload_store_fini(struct payload_store *store);

/* Keeps the payload until payload_applied() or payload_drop(), in place of another one at this
 * index.  ERR_NO_MEMORY. */
MUST_CHECK enum err payload_pin(struct payload_store *store, const struct entry_head *head,
                                struct buf *payload);

/* Borrowed; NULL when the entry has no payload or it is not here. */
struct buf *payload_get(const struct payload_store *store, const struct entry_head *head);

/* Whether everything that the entry consists of is in memory. */
bool payload_ready(const struct payload_store *store, const struct entry_head *head);

/* The entry is applied: what it pinned may go when room is needed. */
void payload_applied(struct payload_store *store, const struct entry_head *head);

/* Drops what is pinned or kept at `index`. */
void payload_drop(struct payload_store *store, uint64_t group, uint64_t index);

#endif

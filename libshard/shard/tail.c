#include "shard/tail.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/limits.h"

#define ROOM_FIRST 16u

/* A payload may be a part of something larger, such as a message with the entries of many groups,
 * which it would keep in memory as a whole.  Up to this much is not worth a copy. */
#define WASTE_BYTES_MAX 512u

static size_t cost_of(const struct entry_head *head)
{
    return sizeof(struct tail_entry) + sizeof(struct buf) + head->length;
}

static struct tail_entry *entry_at(const struct tail *tail, uint32_t nth)
{
    return &tail->ring[(tail->oldest + nth) & (tail->room - 1)];
}

static void drop_oldest(struct tail *tail)
{
    struct tail_entry *entry = entry_at(tail, 0);
    size_t cost = cost_of(&entry->head);

    ensure(tail->count > 0 && tail->bytes >= cost);
    buf_unref(entry->payload);
    tail->oldest = (tail->oldest + 1) & (tail->room - 1);
    tail->count--;
    tail->bytes -= cost;
    *tail->bytes_left += cost;
}

static void clear(struct tail *tail)
{
    while (tail->count > 0)
        drop_oldest(tail);
    free(tail->ring);
    tail->ring = NULL;
    tail->room = tail->oldest = 0;
}

/* Room for one more.  False when there is no memory. */
static bool grow(struct tail *tail)
{
    if (tail->count < tail->room)
        return true;

    uint32_t room = tail->room == 0 ? ROOM_FIRST : tail->room * 2;
    struct tail_entry *ring = malloc(room * sizeof(*ring));
    if (ring == NULL)
        return false;
    for (uint32_t nth = 0; nth < tail->count; nth++)
        ring[nth] = *entry_at(tail, nth);
    free(tail->ring);
    tail->ring = ring;
    tail->room = room;
    tail->oldest = 0;
    return true;
}

/* A reference on the payload or on a copy of it.  NULL when there is no memory. */
static struct buf *keep(struct buf *payload)
{
    const struct buf *whole = payload->whole;

    if (whole != NULL && whole->len > 2 * payload->len + WASTE_BYTES_MAX)
        return buf_copy(buf_slice(payload));
    return buf_ref(payload);
}

void tail_init(struct tail *tail, size_t bytes_max, size_t *bytes_left)
{
    *tail = (struct tail){ .bytes_max = bytes_max, .bytes_left = bytes_left };
}

void tail_fini(struct tail *tail)
{
    clear(tail);
}

void tail_add(struct tail *tail, const struct entry_head *head, struct buf *payload)
{
    size_t cost = cost_of(head);
    struct buf *kept = NULL;

    tail->used = true;
    if (tail->count > 0 && entry_at(tail, tail->count - 1)->head.index + 1 != head->index)
        clear(tail);
    while (tail->count > 0 && (tail->bytes + cost > tail->bytes_max || cost > *tail->bytes_left ||
                               tail->count == TAIL_ENTRIES_MAX))
        drop_oldest(tail);

    bool fits = cost <= tail->bytes_max && cost <= *tail->bytes_left;
    bool whole = head->length == 0 || (payload != NULL && (kept = keep(payload)) != NULL);
    if (!fits || !whole || !grow(tail)) {
        buf_unref(kept);
        clear(tail);
        return;
    }

    *entry_at(tail, tail->count) = (struct tail_entry){ .head = *head, .payload = kept };
    tail->count++;
    tail->bytes += cost;
    *tail->bytes_left -= cost;
}

const struct tail_entry *tail_find(struct tail *tail, uint64_t index)
{
    uint64_t first = tail_first(tail);

    if (tail->count == 0 || index < first || index - first >= tail->count)
        return NULL;
    tail->used = true;
    return entry_at(tail, (uint32_t)(index - first));
}

uint64_t tail_first(const struct tail *tail)
{
    return tail->count == 0 ? 0 : entry_at(tail, 0)->head.index;
}

void tail_drop_below(struct tail *tail, uint64_t index)
{
    while (tail->count > 0 && entry_at(tail, 0)->head.index < index)
        drop_oldest(tail);
}

void tail_rest(struct tail *tail)
{
    if (!tail->used && *tail->bytes_left < tail->bytes_max)
        clear(tail);
    tail->used = false;
}

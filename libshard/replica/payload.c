#include "replica/payload.h"

#include <stdlib.h>

#include "base/ensure.h"

#define BUCKETS_MIN 64u

struct payload {
    struct payload *next;  /* in its bucket */
    struct list_node link; /* in `cached`; unlinked while pinned */
    struct entry_head head;
    struct buf *buf;
};

static struct payload **find(const struct payload_store *store, uint64_t group, uint64_t index);
static void discard(struct payload_store *store, struct payload **at);
static enum err grow(struct payload_store *store);
static bool is_head(const struct payload *payload, const struct entry_head *head);

void payload_store_init(struct payload_store *store, size_t cache_bytes)
{
    *store = (struct payload_store){ .cache_bytes = cache_bytes };
    list_init(&store->cached);
}

void payload_store_fini(struct payload_store *store)
{
    for (size_t k = 0; k < store->bucket_count; k++)
        while (store->buckets[k] != NULL)
            discard(store, &store->buckets[k]);
    free(store->buckets);
    store->buckets = NULL;
    store->bucket_count = 0;
}

enum err payload_pin(struct payload_store *store, const struct entry_head *head,
                     struct buf *payload)
{
    if (head->length == 0)
        return ERR_OK;
    ensure(payload != NULL && payload->len == head->length);
    if (store->count >= store->bucket_count && grow(store) != ERR_OK)
        return ERR_NO_MEMORY;

    struct payload *new = malloc(sizeof(*new));
    if (new == NULL)
        return ERR_NO_MEMORY;
    payload_drop(store, head->group, head->index);

    struct payload **at = find(store, head->group, head->index);
    *new = (struct payload){ .next = *at, .head = *head, .buf = buf_ref(payload) };
    *at = new;
    store->count++;
    store->pinned_bytes += head->length;
    return ERR_OK;
}

struct buf *payload_get(const struct payload_store *store, const struct entry_head *head)
{
    if (head->length == 0 || store->bucket_count == 0)
        return NULL;
    struct payload *payload = *find(store, head->group, head->index);
    return payload != NULL && is_head(payload, head) ? payload->buf : NULL;
}

bool payload_ready(const struct payload_store *store, const struct entry_head *head)
{
    return head->length == 0 || payload_get(store, head) != NULL;
}

void payload_applied(struct payload_store *store, const struct entry_head *head)
{
    if (head->length == 0 || store->bucket_count == 0)
        return;
    struct payload **at = find(store, head->group, head->index);
    struct payload *payload = *at;
    if (payload == NULL || !is_head(payload, head) || list_linked(&payload->link))
        return;

    /* A small part would keep the whole frame that it came in. */
    const struct buf *whole = payload->buf->whole;
    if (head->length > store->cache_bytes || (whole != NULL && whole->len / 2 > head->length)) {
        discard(store, at);
        return;
    }
    store->pinned_bytes -= head->length;
    store->cached_bytes += head->length;
    list_append(&store->cached, &payload->link);
    while (store->cached_bytes > store->cache_bytes) {
        struct list_node *node = list_first(&store->cached);
        const struct payload *oldest = container_of(node, struct payload, link);
        discard(store, find(store, oldest->head.group, oldest->head.index));
    }
}

void payload_drop(struct payload_store *store, uint64_t group, uint64_t index)
{
    if (store->bucket_count == 0)
        return;
    struct payload **at = find(store, group, index);
    if (*at != NULL)
        discard(store, at);
}

static bool is_head(const struct payload *payload, const struct entry_head *head)
{
    return payload->head.term == head->term && payload->head.epoch == head->epoch &&
           payload->head.crc == head->crc && payload->head.length == head->length;
}

static size_t bucket(const struct payload_store *store, uint64_t group, uint64_t index)
{
    uint64_t mix = (group * 0x9e3779b97f4a7c15u) ^ (index * 0xc2b2ae3d27d4eb4fu);

    return (size_t)(mix ^ mix >> 32) & (store->bucket_count - 1);
}

/* Where the pointer to it is, or would be. */
static struct payload **find(const struct payload_store *store, uint64_t group, uint64_t index)
{
    struct payload **at = &store->buckets[bucket(store, group, index)];

    while (*at != NULL && ((*at)->head.group != group || (*at)->head.index != index))
        at = &(*at)->next;
    return at;
}

static void discard(struct payload_store *store, struct payload **at)
{
    struct payload *payload = *at;

    ensure(payload != NULL);
    *at = payload->next;
    store->count--;
    if (list_linked(&payload->link))
        store->cached_bytes -= payload->head.length;
    else
        store->pinned_bytes -= payload->head.length;
    list_remove(&payload->link);
    buf_unref(payload->buf);
    free(payload);
}

static enum err grow(struct payload_store *store)
{
    size_t count = store->bucket_count == 0 ? BUCKETS_MIN : store->bucket_count * 2;
    struct payload_store old = *store;
    struct payload **buckets = calloc(count, sizeof(struct payload *));

    if (buckets == NULL)
        return ERR_NO_MEMORY;
    store->buckets = buckets;
    store->bucket_count = count;
    for (size_t k = 0; k < old.bucket_count; k++) {
        for (struct payload *payload; (payload = old.buckets[k]) != NULL;) {
            size_t to = bucket(store, payload->head.group, payload->head.index);
            old.buckets[k] = payload->next;
            payload->next = store->buckets[to];
            store->buckets[to] = payload;
        }
    }
    free(old.buckets);
    return ERR_OK;
}

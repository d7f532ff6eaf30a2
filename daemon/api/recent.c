#include "api/recent.h"

#include <stdlib.h>

/* So many there are at least before those that are over are looked for. */
#define SWEPT_FIRST 64u

void recents_fini(struct recents *recents)
{
    struct recent *recent = recents->by_key, *next;

    HASH_CLEAR(hh, recents->by_key); /* they are still linked */
    for (; recent != NULL; recent = next) {
        next = recent->hh.next;
        free(recent);
    }
    *recents = (struct recents){ .count = 0 };
}

static void put_in(struct recents *recents, struct recent *recent)
{
    HASH_ADD(hh, recents->by_key, key, sizeof(recent->key), recent);
    recents->count++;
}

static void forget_old(struct recents *recents, recent_over_fn over, uint64_t now)
{
    struct recent *recent = recents->by_key, *next;

    HASH_CLEAR(hh, recents->by_key); /* they are still linked; those that stay come in again */
    recents->count = 0;
    for (; recent != NULL; recent = next) {
        next = recent->hh.next;
        if (over(recent, now))
            free(recent);
        else
            put_in(recents, recent);
    }
    recents->swept = recents->count > SWEPT_FIRST / 2 ? recents->count * 2 : SWEPT_FIRST;
}

struct recent *recents_find(const struct recents *recents, const struct recent_key *key)
{
    struct recent *recent;

    HASH_FIND(hh, recents->by_key, key, sizeof(*key), recent);
    return recent;
}

enum err recents_add(struct recents *recents, const struct recent_key *key, size_t bytes,
                     uint32_t most, recent_over_fn over, uint64_t now, struct recent **ret)
{
    if (recents->count >= recents->swept || recents->count >= most)
        forget_old(recents, over, now);
    if (recents->count >= most)
        return ERR_BUSY;
    *ret = calloc(1, bytes);
    if (*ret == NULL)
        return ERR_NO_MEMORY;
    (*ret)->key = *key;
    put_in(recents, *ret);
    return ERR_OK;
}

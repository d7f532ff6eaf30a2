#include "api/rate.h"

#include <stdlib.h>

#include "base/limits.h"

#define SECOND_US UINT64_C(1000000)

/* So many there are at least before those at rest are looked for. */
#define SWEPT_FIRST 64u

void rates_fini(struct rates *rates)
{
    struct rate *rate = rates->by_key, *next;

    HASH_CLEAR(hh, rates->by_key); /* they are still linked */
    for (; rate != NULL; rate = next) {
        next = rate->hh.next;
        free(rate);
    }
    *rates = (struct rates){ .count = 0 };
}

static void put_in(struct rates *rates, struct rate *rate)
{
    HASH_ADD(hh, rates->by_key, key, sizeof(rate->key), rate);
    rates->count++;
}

/* One that is at rest is like one that is not there. */
static void forget_old(struct rates *rates, uint64_t now_us)
{
    struct rate *rate = rates->by_key, *next;

    HASH_CLEAR(hh, rates->by_key); /* they are still linked; those that stay come in again */
    rates->count = 0;
    for (; rate != NULL; rate = next) {
        next = rate->hh.next;
        if (rate->used_us > now_us)
            put_in(rates, rate);
        else
            free(rate);
    }
    rates->swept = rates->count > SWEPT_FIRST / 2 ? rates->count * 2 : SWEPT_FIRST;
}

/* NULL: no room. */
static struct rate *find(struct rates *rates, const struct rate_key *key, uint64_t now_us)
{
    struct rate *rate;

    HASH_FIND(hh, rates->by_key, key, sizeof(*key), rate);
    if (rate != NULL)
        return rate;
    if (rates->count >= rates->swept || rates->count >= RATES_MAX)
        forget_old(rates, now_us);
    if (rates->count >= RATES_MAX)
        return NULL;
    rate = calloc(1, sizeof(*rate));
    if (rate == NULL)
        return NULL;
    rate->key = *key;
    put_in(rates, rate);
    return rate;
}

bool rates_take(struct rates *rates, struct rate_key key, uint32_t per_s, uint64_t now_ms)
{
    uint64_t now_us = now_ms * 1000, cost_us = SECOND_US / per_s;
    struct rate *rate = find(rates, &key, now_us);

    if (rate == NULL)
        return true;
    if (rate->used_us < now_us)
        rate->used_us = now_us;
    if (rate->used_us + cost_us > now_us + SECOND_US)
        return false;
    rate->used_us += cost_us;
    return true;
}

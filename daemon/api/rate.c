#include "api/rate.h"

#include "base/limits.h"
#include "base/list.h"

#define SECOND_US UINT64_C(1000000)

struct rate {
    struct recent recent;
    uint64_t used_us; /* until then it has been done for often enough, at that rate */
};

static bool is_at_rest(const struct recent *recent, uint64_t now_us)
{
    return ((const struct rate *)(const void *)recent)->used_us <= now_us;
}

/* NULL: no room. */
static struct rate *find(struct recents *rates, const struct recent_key *key, uint64_t now_us)
{
    struct recent *recent = recents_find(rates, key);

    if (recent == NULL &&
        recents_add(rates, key, sizeof(struct rate), RATES_MAX, is_at_rest, now_us, &recent) !=
            ERR_OK)
        return NULL;
    return container_of(recent, struct rate, recent);
}

bool rates_take(struct recents *rates, struct recent_key key, uint32_t per_s, uint64_t now_ms)
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

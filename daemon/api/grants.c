#include "api/grants.h"

#include "base/limits.h"
#include "base/list.h"

struct grant {
    struct recent recent;          /* by group and consumer */
    uint64_t token;                /* of the subscription */
    uint64_t granted_ms, heard_ms; /* monotonic */
    uint64_t called_ms;            /* until then it has been called for often enough */
};

/* What nobody renews any more is forgotten once it holds nobody off. */
static bool is_over(const struct recent *recent, uint64_t now_ms)
{
    return now_ms - ((const struct grant *)(const void *)recent)->heard_ms >= GRANT_LIFE_MS;
}

/* Whether the one that is there stands against the one that asks. */
static bool stands(const struct grant *there, const struct grant_ask *ask, uint64_t granted_ms,
                   uint64_t now_ms)
{
    if (ask->renews)
        return there->granted_ms > granted_ms;
    return now_ms - there->granted_ms < GRANT_HOLD_MS;
}

/* Each call costs its part of a second; what is not used for a second is lost. */
static bool may_call(struct grant *there, uint32_t calls_per_s, uint64_t now_ms)
{
    if (calls_per_s == 0)
        return true;
    if (there->called_ms > now_ms)
        return false;
    if (there->called_ms + 1000 < now_ms + 1000 / calls_per_s)
        there->called_ms = now_ms - 1000 + 1000 / calls_per_s;
    there->called_ms += 1000 / calls_per_s;
    return true;
}

enum err grants_take(struct recents *grants, const struct grant_ask *ask, uint64_t now_ms,
                     bool *throttled)
{
    uint32_t age_ms = ask->renews && ask->age_ms < now_ms ? ask->age_ms : 0;
    const struct recent_key whom = { .kind = ask->group, .about = ask->consumer };
    struct recent *recent = recents_find(grants, &whom);
    bool is_new = recent == NULL;
    enum err err = ERR_OK;

    *throttled = false;
    if (is_new)
        err = recents_add(grants, &whom, sizeof(struct grant), GRANTS_MAX, is_over, now_ms,
                          &recent);
    if (err != ERR_OK)
        return err;
    struct grant *there = container_of(recent, struct grant, recent);
    if (is_new || there->token != ask->token) { /* the same again is no other call */
        if (!ask->renews && !may_call(there, ask->calls_per_s, now_ms)) {
            *throttled = true;
            return ERR_BUSY;
        }
        if (!is_new && stands(there, ask, now_ms - age_ms, now_ms))
            return ERR_EXISTS;
        there->token = ask->token;
        there->granted_ms = now_ms - age_ms;
    }
    there->heard_ms = now_ms;
    return ERR_OK;
}

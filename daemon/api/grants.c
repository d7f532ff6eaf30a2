#include "api/grants.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/limits.h"

/* So many there are at least before those that nobody renews are looked for. */
#define SWEPT_FIRST 64u

void grants_fini(struct grants *grants)
{
    struct grant *grant = grants->by_whom, *next;

    HASH_CLEAR(hh, grants->by_whom); /* they are still linked */
    for (; grant != NULL; grant = next) {
        next = grant->hh.next;
        free(grant);
    }
    *grants = (struct grants){ .count = 0 };
}

static void whom_put(unsigned char whom[GRANT_WHOM_BYTES], const struct grant_ask *ask)
{
    put_u64(whom, ask->group);
    put_u64(whom + 8, ask->consumer);
}

static struct grant *find(struct grants *grants, const struct grant_ask *ask)
{
    unsigned char whom[GRANT_WHOM_BYTES];
    struct grant *grant;

    whom_put(whom, ask);
    HASH_FIND(hh, grants->by_whom, whom, sizeof(whom), grant);
    return grant;
}

static void put_in(struct grants *grants, struct grant *grant)
{
    HASH_ADD(hh, grants->by_whom, whom, sizeof(grant->whom), grant);
    grants->count++;
}

/* What nobody renews any more is forgotten once it holds nobody off. */
static void forget_old(struct grants *grants, uint64_t now_ms)
{
    struct grant *grant = grants->by_whom, *next;

    HASH_CLEAR(hh, grants->by_whom); /* they are still linked; those that stay come in again */
    grants->count = 0;
    for (; grant != NULL; grant = next) {
        next = grant->hh.next;
        if (now_ms - grant->heard_ms < GRANT_LIFE_MS)
            put_in(grants, grant);
        else
            free(grant);
    }
    grants->swept = grants->count > SWEPT_FIRST / 2 ? grants->count * 2 : SWEPT_FIRST;
}

static struct grant *add(struct grants *grants, const struct grant_ask *ask, uint64_t now_ms,
                         enum err *err)
{
    if (grants->count >= grants->swept || grants->count >= GRANTS_MAX)
        forget_old(grants, now_ms);
    *err = ERR_BUSY;
    if (grants->count >= GRANTS_MAX)
        return NULL;
    struct grant *grant = calloc(1, sizeof(*grant));
    *err = ERR_NO_MEMORY;
    if (grant == NULL)
        return NULL;
    whom_put(grant->whom, ask);
    put_in(grants, grant);
    *err = ERR_OK;
    return grant;
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

enum err grants_take(struct grants *grants, const struct grant_ask *ask, uint64_t now_ms,
                     bool *throttled)
{
    uint32_t age_ms = ask->renews && ask->age_ms < now_ms ? ask->age_ms : 0;
    struct grant *there = find(grants, ask);
    bool is_new = there == NULL;
    enum err err = ERR_OK;

    *throttled = false;
    if (is_new)
        there = add(grants, ask, now_ms, &err);
    if (there == NULL)
        return err;
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

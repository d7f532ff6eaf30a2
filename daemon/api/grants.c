#include "api/grants.h"

#include <stdlib.h>

#include "base/limits.h"

void grants_fini(struct grants *grants)
{
    free(grants->items);
    *grants = (struct grants){ .count = 0 };
}

static struct grant *find(struct grants *grants, const struct grant_ask *ask)
{
    for (uint32_t i = 0; i < grants->count; i++)
        if (grants->items[i].group == ask->group && grants->items[i].consumer == ask->consumer)
            return &grants->items[i];
    return NULL;
}

/* What nobody renews any more is forgotten once it holds nobody off. */
static void forget_old(struct grants *grants, uint64_t now_ms)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < grants->count; i++)
        if (now_ms - grants->items[i].heard_ms < GRANT_LIFE_MS)
            grants->items[kept++] = grants->items[i];
    grants->count = kept;
}

static enum err add(struct grants *grants, const struct grant *grant, uint64_t now_ms)
{
    if (grants->count == grants->room)
        forget_old(grants, now_ms);
    if (grants->count == GRANTS_MAX)
        return ERR_BUSY;
    if (grants->count == grants->room) {
        uint32_t room = grants->room == 0 ? 64 : grants->room * 2;
        struct grant *items = realloc(grants->items, room * sizeof(*items));
        if (items == NULL)
            return ERR_NO_MEMORY;
        grants->items = items;
        grants->room = room;
    }
    grants->items[grants->count++] = *grant;
    return ERR_OK;
}

/* Whether the one that is there stands against the one that asks. */
static bool stands(const struct grant *there, const struct grant *asked, bool renews,
                   uint64_t now_ms)
{
    if (there->token == asked->token)
        return false;
    if (renews)
        return there->granted_ms > asked->granted_ms;
    return now_ms - there->granted_ms < GRANT_HOLD_MS;
}

enum err grants_take(struct grants *grants, const struct grant_ask *ask, uint64_t now_ms)
{
    uint32_t age_ms = ask->renews && ask->age_ms < now_ms ? ask->age_ms : 0;
    struct grant asked = { .group = ask->group,
                           .consumer = ask->consumer,
                           .token = ask->token,
                           .granted_ms = now_ms - age_ms,
                           .heard_ms = now_ms };
    struct grant *there = find(grants, ask);

    if (there == NULL)
        return add(grants, &asked, now_ms);
    if (stands(there, &asked, ask->renews, now_ms))
        return ERR_EXISTS;
    if (there->token == ask->token)
        asked.granted_ms = there->granted_ms;
    *there = asked;
    return ERR_OK;
}

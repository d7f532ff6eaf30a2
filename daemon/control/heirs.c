#include "control/heirs.h"

#include <stddef.h>

#include "base/ensure.h"

static struct heirs_count *find(struct heirs *heirs, uint64_t node)
{
    for (uint32_t i = 0; i < heirs->count; i++)
        if (heirs->counts[i].node == node)
            return &heirs->counts[i];
    return NULL;
}

/* One for whom there is no place counts as it says: it is spread to a little less well. */
static struct heirs_count count_of(struct heirs *heirs, const struct heirs_member *member)
{
    const struct heirs_count *known = find(heirs, member->node);
    struct heirs_count fresh = {
        .node = member->node, .leads = member->leads, .ails = member->ails
    };

    if (known != NULL)
        return *known;
    if (heirs->count < CONTROL_PEERS_MAX)
        heirs->counts[heirs->count++] = fresh;
    return fresh;
}

static bool is_better(const struct heirs_count *a, const struct heirs_count *b)
{
    if (a->ails != b->ails)
        return b->ails;
    return a->failed != b->failed ? a->failed < b->failed : a->leads < b->leads;
}

/* As replica/transfer.h: the one that stops votes for nobody while it leads. */
static bool can_elect(const struct heirs_member members[], uint32_t count)
{
    uint32_t up = 0;

    for (uint32_t i = 0; i < count; i++)
        up += members[i].up;
    return up > (count + 1) / 2;
}

uint32_t heirs_order(struct heirs *heirs, const struct heirs_member members[], uint32_t count,
                     uint64_t ret[GROUP_MEMBERS_MAX])
{
    struct heirs_count sorted[GROUP_MEMBERS_MAX];
    uint32_t found = 0;

    ensure(count < GROUP_MEMBERS_MAX);
    if (!can_elect(members, count))
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!members[i].stays)
            continue;
        struct heirs_count heir = count_of(heirs, &members[i]);
        uint32_t at = found++;
        for (; at > 0 && is_better(&heir, &sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = heir;
    }
    for (uint32_t i = 0; i < found; i++)
        ret[i] = sorted[i].node;
    return found;
}

void heirs_give(struct heirs *heirs, uint64_t node)
{
    struct heirs_count *known = find(heirs, node);

    if (known != NULL)
        known->leads++;
}

void heirs_fail(struct heirs *heirs, uint64_t node)
{
    struct heirs_count *known = find(heirs, node);

    if (known != NULL)
        known->failed++;
}

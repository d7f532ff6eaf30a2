/* The catalogue's own group: its leader asks for other members, who begins an epoch says so. */
#include <inttypes.h>

#include "control/succession.h"
#include "control/voters.h"

static bool is_up(void *ctx, uint64_t node)
{
    return control_health(ctx, node) == NODE_UP;
}

void epoch_catalog_look(struct control *control)
{
    uint64_t members[GROUP_MEMBERS_MAX], next[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control->catalog, members);

    if (!voters_next(catalog_model(control->catalog), members, count, is_up, control, next))
        return;
    note_event(control->world.note, NOTE_INFO, "catalog.members_change", "index=%" PRIu64,
               model_index(catalog_model(control->catalog)));
    catalog_seal(control->catalog, next, count);
}

void epoch_catalog_changed(struct control *control)
{
    const struct log_state *state = log_state(control->log, CATALOG_GROUP);

    bootstrap_members(control);
    if (state == NULL || state->epoch <= control->voters_told)
        return;
    control->voters_told = state->epoch;
    for (uint32_t i = 0; i < state->member_count && state->epoch > 1; i++)
        succession_tell(control, state->members[i], CATALOG_GROUP, state->epoch);
}

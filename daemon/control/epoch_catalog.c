/* The catalogue's own group: its leader asks for other members, who begins an epoch says so. */
#include <inttypes.h>

#include "control/succession.h"
#include "control/voters.h"

static bool is_among(const uint64_t members[], uint32_t count, uint64_t node)
{
    for (uint32_t i = 0; i < count; i++)
        if (members[i] == node)
            return true;
    return false;
}

/* This node leads, and is to leave: another member ends the epoch. */
static void hand_over(struct control *control, const uint64_t next[], uint32_t count)
{
    struct replica *replica = roster_find(control->roster, CATALOG_GROUP);

    for (uint32_t i = 0; i < count && replica != NULL; i++)
        if (control_health(control, next[i]) == NODE_UP &&
            replica_transfer(replica, next[i]) == ERR_OK)
            return;
}

void epoch_catalog_look(struct control *control)
{
    struct members_world world = replace_world(control);
    uint64_t members[GROUP_MEMBERS_MAX], next[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control->catalog, members);

    uint32_t wanted = voters_next(catalog_model(control->catalog), members, count, &world, next);
    if (wanted == 0)
        return;
    if (!is_among(next, wanted, control->options.node)) {
        hand_over(control, next, wanted);
        return;
    }
    note_event(control->world.note, NOTE_INFO, "catalog.members_change", "index=%" PRIu64,
               model_index(catalog_model(control->catalog)));
    catalog_seal(control->catalog, next, wanted);
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

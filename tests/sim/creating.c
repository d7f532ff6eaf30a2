#include "creating.h"

#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "wipe.h"

#define LOOK_NS (SIM_MS / 4)

/* Loses the disks of two of them; false when that would be more than the catalogue survives. */
static bool lose_two(struct world *world, const struct sim_node *leader,
                     const struct model_shard *row)
{
    struct sim_node *lost[2];
    uint32_t count = 0, kept = 0;

    for (uint32_t i = 0; i < row->member_count && count < 2; i++) {
        bool keeps = wipe_keeps_catalog(leader, row->members[i]);
        struct sim_node *node = wipe_node(world, row->members[i]);
        if (node == NULL || (keeps && (kept == 1 || node == leader)))
            continue;
        kept += keeps;
        lost[count++] = node;
    }
    for (uint32_t i = 0; count == 2 && i < 2; i++)
        wipe_now(world, lost[i]);
    return count == 2;
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    const struct sim_node *leader = wipe_catalog_leader(world);
    const struct model *model =
        leader == NULL ? NULL : catalog_model(control_catalog(leader->control));
    const struct model_stream *stream;
    const struct model_shard *row;

    for (uint64_t group = 0;
         model != NULL && (row = model_shard_next(model, group, &stream)) != NULL;) {
        group = row->group;
        if (stream->status != STREAM_CREATING)
            return; /* too late */
        if (lose_two(world, leader, row))
            return;
    }
    if (!cluster_of(world)->healing)
        world_after(world, (struct world_after){ .delay_ns = LOOK_NS,
                                                 .kind = KIND_NEMESIS,
                                                 .fn = look });
}

void creating_start(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = LOOK_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void creating_check(struct world *world)
{
    if (cluster_of(world)->wipes < 2)
        world_violation(world, "creating", "no two disks were lost");
}

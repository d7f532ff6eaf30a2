#include "rescues.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "control/rescue.h"
#include "history.h"
#include "log/log.h"
#include "wipe.h"

#define ASKED_MAX 512u
#define OLD_MOST 1u

struct asked {
    uint64_t group, survivor, applied, index, term;
    uint32_t epoch; /* of the row */
    bool begun;
};

static struct {
    struct asked asked[ASKED_MAX];
    uint32_t count, open; /* of them: not begun */
    uint32_t old[SIM_GROUPS_MAX]; /* old looks, by group: the operator looks again, and better */
} rescues; /* a seed has a process of its own */

struct rescue_op {
    struct rescue_look look;
    struct catalog_change change;
    struct world *world;
    struct sim_node *node;
};

/* ---- asking ---- */

static void note(const struct rescue_look *look)
{
    const struct rescue_node *survivor = &look->nodes[look->survivor];

    ensure(rescues.count < ASKED_MAX);
    rescues.asked[rescues.count++] = (struct asked){ .group = look->group,
                                                     .survivor = survivor->node,
                                                     .applied = survivor->holding.applied,
                                                     .index = survivor->holding.last,
                                                     .term = survivor->holding.last_term,
                                                     .epoch = look->epoch };
    rescues.open++;
}

/* As if the operator had looked when the survivor's log ended some entries before: with this it
 * will not begin. */
static void make_old(struct world *world, struct rescue_look *look)
{
    struct rescue_node *survivor = &look->nodes[look->survivor];
    const struct sim_node *node = wipe_node(world, survivor->node);
    struct holding *holding = &survivor->holding;
    uint64_t before = 1 + world_below(world, 3);
    struct entry_head head;

    if (node == NULL || !node->up || node->control == NULL || holding->last <= before ||
        log_head(control_log(node->control), look->group, holding->last - before, &head) !=
            ERR_OK ||
        !model_same_history(head.epoch, holding->epoch))
        return;
    holding->epoch = head.epoch;
    holding->last = head.index;
    holding->last_term = head.term;
    if (holding->applied > head.index)
        holding->applied = head.index;
    rescues.old[sim_slot(look->group)]++;
    world_say(world, NULL, "an old look");
}

static void changed(struct catalog_change *change, enum err err)
{
    struct rescue_op *op = container_of(change, struct rescue_op, change);

    world_say(op->world, op->node, "rescue: %s %s", err_name(err), change->reason.text);
    free(op);
}

static void looked(struct rescue_look *look)
{
    struct rescue_op *op = container_of(look, struct rescue_op, look);
    const struct rescue_node *survivor = &look->nodes[look->survivor];

    if (look->err != ERR_OK || cluster_of(op->world)->healing) {
        world_say(op->world, op->node, "no rescue of group %llu: %s",
                  (unsigned long long)look->group, look->reason.text);
        free(op);
        return;
    }
    if (rescues.old[sim_slot(look->group)] < OLD_MOST && world_chance(op->world, 1, 4))
        make_old(op->world, look);
    world_say(op->world, op->node, "rescues group %llu from %llx at %llu",
              (unsigned long long)look->group, (unsigned long long)survivor->node,
              (unsigned long long)survivor->holding.last);
    note(look);
    AUTO_UNREF struct buf *change = rescue_change(op->node->control, look);
    ensure(change != NULL);
    catalog_change(control_catalog(op->node->control), &op->change, buf_slice(change), 2000,
                   changed);
}

void rescues_ask(struct world *world, struct sim_node *node, void *ctx, uint64_t group)
{
    struct rescue_op *op = calloc(1, sizeof *op);

    ensure(op != NULL);
    op->world = world;
    op->node = node;
    rescue_look(node->control, &op->look, group, looked);
}

static void looked_in_vain(struct rescue_look *look)
{
    struct rescue_op *op = container_of(look, struct rescue_op, look);

    world_say(op->world, op->node, "no rescue: %s", look->reason.text);
    if (look->err == ERR_OK && !cluster_of(op->world)->healing)
        world_violation(op->world, "rescue", "node %u would rescue group %llu from node %llx, and "
                        "it is led", op->node->at + 1, (unsigned long long)look->group,
                        (unsigned long long)look->nodes[look->survivor].node);
    free(op);
}

void rescues_ask_in_vain(struct world *world, struct sim_node *node, void *ctx, uint64_t group)
{
    struct rescue_op *op = calloc(1, sizeof *op);

    ensure(op != NULL);
    op->world = world;
    op->node = node;
    rescue_look(node->control, &op->look, group, looked_in_vain);
}

/* ---- beginning ---- */

static bool has_begun(const struct asked *asked, const struct log_state *state)
{
    return state != NULL && state->epoch > asked->epoch &&
           !model_same_history(state->epoch, asked->epoch) && state->start_index == asked->index &&
           state->start_term == asked->term;
}

/* Entries that it had and did not know committed count from now on. */
static void note_tail(struct world *world, struct sim_node *node, const struct asked *asked)
{
    struct entry_head head;

    for (uint64_t at = asked->applied + 1; at <= asked->index; at++)
        if (log_head(control_log(node->control), asked->group, at, &head) == ERR_OK)
            history_survives(cluster_of(world)->history, &head);
}

/* Those that were begun, the oldest first, each let the numbers jump. */
static uint64_t place_of(const struct asked *asked)
{
    uint64_t place = asked->index;

    for (uint32_t i = 0; i < rescues.count; i++)
        if (rescues.asked[i].begun && rescues.asked[i].group == asked->group)
            place += GAP_STEP;
    return place;
}

void rescues_after_event(struct world *world, struct sim_node *node)
{
    for (uint32_t i = 0; rescues.open > 0 && i < rescues.count; i++) {
        struct asked *asked = &rescues.asked[i];
        if (asked->begun || asked->survivor != node->id ||
            !has_begun(asked, log_state(control_log(node->control), asked->group)))
            continue;
        uint64_t place = place_of(asked);
        asked->begun = true;
        rescues.open--;
        world_say(world, node, "begins behind %llu of group %llu",
                  (unsigned long long)asked->index, (unsigned long long)asked->group);
        note_tail(world, node, asked);
        history_rescued(cluster_of(world)->history, asked->group, place);
    }
}

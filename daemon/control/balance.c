/* Hands groups that this node leads over to the members that are preferred as leaders; all of them,
 * to whoever can, while this node is draining. */
#include <inttypes.h>

#include "control/control_private.h"
#include "replica/replica.h"

static void on_timer(struct timer *timer);
static void say(struct control *control);
static void look(struct control *control);
static uint64_t target_of(const struct control *control, const struct model_shard *row);
static bool is_draining(const struct control *control, uint64_t node);
static bool should_move(const struct control *control, const struct replica *replica,
                        const struct model_shard *row, uint64_t target);

void balance_open(struct control *control)
{
    timer_start(control->world.clock, &control->balance.timer, CONTROL_LEADERS_EVERY_MS, on_timer);
}

void balance_close(struct control *control)
{
    timer_stop(&control->balance.timer);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, balance.timer);

    say(control);
    look(control);
    timer_start(control->world.clock, timer, CONTROL_LEADERS_EVERY_MS, on_timer);
}

/* What became of those of the last look: a hand-over has ended long before the next one. */
static void say(struct control *control)
{
    struct balance *balance = &control->balance;
    struct roster_figures figures = roster_figures(control->roster);
    uint64_t moved = figures.transfers - balance->moved;
    uint64_t failed = figures.transfers_failed - balance->failed;

    balance->moved = figures.transfers;
    balance->failed = figures.transfers_failed;
    if (moved > 0)
        note_event(control->world.note, NOTE_INFO, "leaders.moved",
                   "count=%" PRIu64 " failed=%" PRIu64
                   " why=\"the nodes that are to lead these shards are up again, or this one "
                   "drains\"",
                   moved, failed);
    else if (failed > 0)
        note_event(control->world.note, NOTE_INFO, "leaders.not_moved",
                   "count=%" PRIu64
                   " why=\"the nodes that are to lead these shards did not take over in time: "
                   "this node leads on, and tries again in %u s\"",
                   failed, CONTROL_LEADERS_RETRY_MS / 1000);
}

/* The next rows of the catalogue; the next look goes on behind them. */
static void look(struct control *control)
{
    struct balance *balance = &control->balance;
    const struct model *model = catalog_model(control->catalog);
    uint32_t tries = 0;

    for (uint32_t i = 0; i < CONTROL_LOOKS_PER_TURN && tries < CONTROL_LEADERS_AT_ONCE; i++) {
        const struct model_stream *stream = NULL;
        const struct model_shard *row = model_shard_next(model, balance->after, &stream);
        if (row == NULL) {
            balance->after = 0;
            return;
        }
        balance->after = row->group;
        struct replica *replica = roster_find(control->roster, row->group);
        uint64_t target = target_of(control, row);
        if (stream->status != STREAM_ACTIVE || !should_move(control, replica, row, target))
            continue;
        /* One that is refused, because the member is still behind, comes again as well. */
        if (replica_transfer(replica, target) == ERR_UNAVAILABLE)
            balance->refused++;
        leaders_tried(&balance->leaders, row->group, control_now_ms(control));
        tries++;
    }
}

/* Who should lead it: 0 when it is as well here as anywhere. */
static uint64_t target_of(const struct control *control, const struct model_shard *row)
{
    if (!is_draining(control, control->options.node))
        return control->options.balance_leaders && !is_draining(control, row->members[0])
                   ? row->members[0]
                   : 0;
    for (uint32_t i = 0; i < row->member_count; i++)
        if (row->members[i] != control->options.node && !is_draining(control, row->members[i]) &&
            control_health(control, row->members[i]) == NODE_UP)
            return row->members[i];
    return 0;
}

static bool is_draining(const struct control *control, uint64_t node)
{
    const struct model_node *row = model_node_by_id(catalog_model(control->catalog), node);

    return row != NULL && row->draining;
}

static bool should_move(const struct control *control, const struct replica *replica,
                        const struct model_shard *row, uint64_t target)
{
    struct leaders_group group = { .group = row->group,
                                   .self = control->options.node,
                                   .preferred = target,
                                   .leaves = is_draining(control, control->options.node) };
    uint64_t now_ms = control_now_ms(control);

    if (replica == NULL)
        return false;
    group.leads = replica_status(replica).role == REPLICA_LEADER;
    group.up = liveness_stays_since(&control->liveness, group.preferred, now_ms, &group.up_ms);
    return leaders_should_move(&control->balance.leaders, &group, now_ms);
}

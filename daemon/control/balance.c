/* Hands groups that this node leads over to the members that are preferred as leaders. */
#include <inttypes.h>

#include "control/control_private.h"
#include "replica/replica.h"

static void on_timer(struct timer *timer);
static void say(struct control *control);
static void look(struct control *control);
static bool should_move(const struct control *control, const struct replica *replica,
                        const struct model_shard *row);

void balance_open(struct control *control)
{
    if (control->options.balance_leaders)
        timer_start(control->world.clock, &control->balance.timer, CONTROL_LEADERS_EVERY_MS,
                    on_timer);
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
                   " why=\"the nodes that are preferred as leaders of these shards are up again\"",
                   moved, failed);
    else if (failed > 0)
        note_event(control->world.note, NOTE_INFO, "leaders.not_moved",
                   "count=%" PRIu64
                   " why=\"the nodes that are preferred as leaders of these shards did not take "
                   "over in time: this node leads on, and tries again in %u s\"",
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
        if (stream->status != STREAM_ACTIVE || !should_move(control, replica, row))
            continue;
        /* One that is refused, because the member is still behind, comes again as well. */
        if (replica_transfer(replica, row->members[0]) == ERR_UNAVAILABLE)
            balance->refused++;
        leaders_tried(&balance->leaders, row->group, control_now_ms(control));
        tries++;
    }
}

static bool should_move(const struct control *control, const struct replica *replica,
                        const struct model_shard *row)
{
    struct leaders_group group = { .group = row->group,
                                   .self = control->options.node,
                                   .preferred = row->members[0] };
    uint64_t now_ms = control_now_ms(control);

    if (replica == NULL)
        return false;
    group.leads = replica_status(replica).role == REPLICA_LEADER;
    group.up = liveness_stays_since(&control->liveness, group.preferred, now_ms, &group.up_ms);
    return leaders_should_move(&control->balance.leaders, &group, now_ms);
}

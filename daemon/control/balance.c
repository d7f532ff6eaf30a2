/* Hands groups that this node leads over to the members that are preferred as leaders; all of them,
 * to whoever can, while this node drains or ails. */
#include <inttypes.h>

#include "control/control_private.h"
#include "control/succession.h"
#include "replica/replica.h"

static void on_timer(struct timer *timer);
static void say(struct control *control);
static void look(struct control *control);
static uint32_t look_catalog(struct control *control);
static bool gives_up(const struct control *control);
static uint32_t give_back(struct control *control, const struct model_shard *row);
static uint32_t give(struct control *control, uint64_t id, const uint64_t nodes[], uint32_t count);
static uint32_t move(struct control *control, struct leaders_group *group,
                     const uint64_t targets[], uint32_t count);

/* All that can have been tried while a node that is to lead nothing leaves them alone. */
_Static_assert(CONTROL_AIL_AT_ONCE * (CONTROL_LEADERS_LEAVE_MS / CONTROL_LEADERS_EVERY_MS + 1) <=
                   LEADERS_TRIES_MAX,
               "tries are forgotten too early");

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
    ailing_look(control);
    reading_look(control);
    epoch_serve_look(control);
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
                   " why=\"%s\"",
                   moved, failed,
                   gives_up(control) ? "this node drains or ails, and is to lead nothing"
                                     : "the nodes that are to lead these shards are up, and well");
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
    bool ails = control->ailing.now != AILMENT_NONE;
    uint32_t most = ails ? CONTROL_AIL_AT_ONCE : CONTROL_LEADERS_AT_ONCE, tries = 0;

    if (balance->after == 0)
        balance->heirs = (struct heirs){ .count = 0 };
    if (ails)
        tries += look_catalog(control);
    for (uint32_t i = 0; i < CONTROL_LOOKS_PER_TURN && tries < most; i++) {
        const struct model_stream *stream = NULL;
        const struct model_shard *row = model_shard_next(model, balance->after, &stream);
        if (row == NULL) {
            balance->after = 0;
            return;
        }
        balance->after = row->group;
        if (stream->status != STREAM_ACTIVE && stream->status != STREAM_UPDATING)
            continue;
        tries += gives_up(control) ? give(control, row->group, row->members, row->member_count)
                                   : give_back(control, row);
    }
}

static bool is_draining(const struct control *control, uint64_t node)
{
    const struct model_node *row = model_node_by_id(catalog_model(control->catalog), node);

    return row != NULL && row->draining;
}

/* Whether this node is to lead nothing. */
static bool gives_up(const struct control *control)
{
    return control->ailing.now != AILMENT_NONE || is_draining(control, control->options.node);
}

/* The catalogue's place is of a node that drains (voters.h); of one that ails only the lead. */
static uint32_t look_catalog(struct control *control)
{
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control->catalog, members);

    return give(control, CATALOG_GROUP, members, count);
}

/* To the member that is preferred; returns how many tries it came to. */
static uint32_t give_back(struct control *control, const struct model_shard *row)
{
    struct leaders_group group = { .group = row->group,
                                   .self = control->options.node,
                                   .preferred = row->members[0] };
    uint64_t now_ms = control_now_ms(control);

    if (!control->options.balance_leaders || is_draining(control, row->members[0]) ||
        model_balancing_paused_ms(catalog_model(control->catalog)) != 0)
        return 0;
    group.up = liveness_leads_since(&control->liveness, group.preferred, now_ms, &group.up_ms);
    return move(control, &group, &group.preferred, 1);
}

/* To any that can; one that ails gives only to those that are well. */
static uint32_t give(struct control *control, uint64_t id, const uint64_t nodes[], uint32_t count)
{
    struct leaders_group group = { .group = id, .self = control->options.node, .leaves = true };
    struct heirs_member members[GROUP_MEMBERS_MAX];
    uint64_t now_ms = control_now_ms(control), heirs[GROUP_MEMBERS_MAX];
    bool drains = is_draining(control, control->options.node);
    uint32_t others = 0;

    for (uint32_t i = 0; i < count; i++) {
        bool ails = control_ails(control, nodes[i]) != AILMENT_NONE;
        if (nodes[i] == control->options.node)
            continue;
        members[others++] = (struct heirs_member){
            .node = nodes[i],
            .up = liveness_is_up(&control->liveness, nodes[i], now_ms),
            .stays = liveness_stays(&control->liveness, nodes[i], now_ms) &&
                     !is_draining(control, nodes[i]) && (drains || !ails),
            .ails = ails,
            .leads = control_leading(control, nodes[i]),
        };
    }
    if (others == count || others == 0) /* of another epoch, or nobody else's */
        return 0;
    uint32_t found = heirs_order(&control->balance.heirs, members, others, heirs);
    group.up = found > 0;
    group.preferred = found > 0 ? heirs[0] : 0;
    return move(control, &group, heirs, found);
}

/* The first of them that is ready for it. */
static uint32_t move(struct control *control, struct leaders_group *group,
                     const uint64_t targets[], uint32_t count)
{
    struct balance *balance = &control->balance;
    struct replica *replica = roster_find(control->roster, group->group);
    uint64_t now_ms = control_now_ms(control);
    uint64_t target = 0;
    uint32_t first = 0;

    group->leads = replica != NULL && replica_status(replica).role == REPLICA_LEADER;
    if (!leaders_should_move(&balance->leaders, group, now_ms))
        return 0;
    /* Who was given it last, and has not taken it, comes last. */
    if (targets[0] == leaders_tried_with(&balance->leaders, group->group))
        first = 1;
    for (uint32_t i = 0; i < count; i++) {
        target = targets[(first + i) % count];
        enum err err = replica_transfer(replica, target);
        /* One that is refused, because the member is still behind, comes again as well. */
        balance->refused += err == ERR_UNAVAILABLE;
        if (err == ERR_OK) {
            heirs_give(&balance->heirs, target);
            break;
        }
    }
    leaders_tried(&balance->leaders, group->group, target, now_ms);
    return 1;
}

#include <inttypes.h>

#include "base/ensure.h"
#include "control/control_private.h"

/* A node is up a little before its members are open, and a leader may have heard of them just
 * before they ended: a hand-over that needs the vote of one of them stops puts and fails. */
#define FRESH_TIMEOUTS 2u

/* Before the graceful end, while clients are served as ever:
 *
 *     all are told that this node is leaving -> rounds over what it leads:
 *         each group is offered to its heirs (heirs.h), CONTROL_LEAVE_AT_ONCE under way
 *         -> nothing is left that could be handed over, or CONTROL_LEAVE_MS are over
 *     -> the others hear who leads now; what they have sent here is refused, not lost
 *
 * What did not go, or whose heirs are behind, is tried in the next round.  What is left in the end
 * is elected anew when this node is gone, as if it had been killed.
 */
static void on_timer(struct timer *timer);
static void collect(struct control *control);
static void walk(struct control *control);
static void offer(struct control *control, struct replica *replica);
static uint32_t heirs_for(struct control *control, uint64_t group, uint64_t ret[GROUP_MEMBERS_MAX],
                          bool *too_fresh);
static bool is_fresh(const struct control *control, uint64_t node);
static void end(struct control *control);
static void on_lingered(struct timer *timer);

void control_leave(struct control *control, void (*left)(void *ctx), void *ctx)
{
    struct leave *leave = &control->leave;

    ensure(!control->leaving && !control->closing);
    control->leaving = true;
    leave->left = left;
    leave->ctx = ctx;
    leave->begun_ms = control_now_ms(control);
    balance_close(control);
    roster_retire(control->roster);
    gossip_now(control); /* "leaving": nobody hands it anything any more */
    timer_start(control->world.clock, &leave->timer, 0, on_timer);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, leave.timer);
    struct leave *leave = &control->leave;
    uint32_t pause_ms = CONTROL_LEAVE_LOOK_MS;

    collect(control);
    walk(control);
    bool round_over = leave->walked && leave->flying_count == 0;
    if ((round_over && leave->postponed == 0) ||
        control_now_ms(control) - leave->begun_ms >= CONTROL_LEAVE_MS) {
        end(control);
        return;
    }
    if (round_over) {
        leave->walked = false;
        leave->after = 0;
        leave->postponed = 0;
        pause_ms = CONTROL_LEAVE_AGAIN_MS;
    }
    timer_start(control->world.clock, timer, pause_ms, on_timer);
}

/* What a hand-over came to is known when its role says so, which is a little later than its end. */
static bool is_flying(const struct replica *replica, enum replica_role role)
{
    return replica_transferring(replica) || role == REPLICA_ELECTED;
}

static void collect(struct control *control)
{
    struct leave *leave = &control->leave;
    uint32_t flying = 0;

    for (uint32_t i = 0; i < leave->flying_count; i++) {
        const struct leave_flight *flight = &leave->flying[i];
        const struct replica *replica = roster_find(control->roster, flight->group);
        if (replica == NULL)
            continue; /* its stream was deleted */
        enum replica_role role = replica_status(replica).role;
        if (is_flying(replica, role)) {
            leave->flying[flying++] = *flight;
        } else if (role == REPLICA_LEADER) {
            heirs_fail(&leave->heirs, flight->heir);
            leave->postponed++;
        } else {
            leave->moved++;
        }
    }
    leave->flying_count = flying;
}

/* Goes on where it stopped, until enough is under way. */
static void walk(struct control *control)
{
    struct leave *leave = &control->leave;

    for (uint32_t i = 0; !leave->walked && i < CONTROL_LOOKS_PER_TURN &&
                         leave->flying_count < CONTROL_LEAVE_AT_ONCE;
         i++) {
        struct replica *replica = roster_next(control->roster, leave->after);
        leave->walked = replica == NULL;
        if (replica == NULL)
            return;
        struct replica_status status = replica_status(replica);
        leave->after = status.group;
        if (status.role == REPLICA_LEADER)
            offer(control, replica);
        else if (status.role == REPLICA_ELECTED)
            leave->postponed++; /* its barrier is not applied yet */
    }
}

static void offer(struct control *control, struct replica *replica)
{
    struct leave *leave = &control->leave;
    uint64_t heirs[GROUP_MEMBERS_MAX];
    bool too_fresh = false;
    uint32_t count = heirs_for(control, replica_group(replica), heirs, &too_fresh);

    for (uint32_t i = 0; !too_fresh && i < count; i++) {
        if (replica_transfer(replica, heirs[i]) != ERR_OK)
            continue; /* it is behind */
        heirs_give(&leave->heirs, heirs[i]);
        leave->flying[leave->flying_count++] =
            (struct leave_flight){ .group = replica_group(replica), .heir = heirs[i] };
        return;
    }
    leave->postponed += count > 0;
}

static uint32_t heirs_for(struct control *control, uint64_t group, uint64_t ret[GROUP_MEMBERS_MAX],
                          bool *too_fresh)
{
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), group, NULL);
    struct heirs_member members[GROUP_MEMBERS_MAX];
    uint64_t nodes[GROUP_MEMBERS_MAX];
    uint64_t now_ms = control_now_ms(control);
    uint32_t node_count = 0, count = 0;

    if (group == CATALOG_GROUP)
        node_count = catalog_members(control->catalog, nodes);
    for (; row != NULL && node_count < row->member_count; node_count++)
        nodes[node_count] = row->members[node_count];
    for (uint32_t i = 0; i < node_count; i++) {
        if (nodes[i] == control->options.node)
            continue;
        *too_fresh = *too_fresh || is_fresh(control, nodes[i]);
        members[count++] = (struct heirs_member){
            .node = nodes[i],
            .up = liveness_is_up(&control->liveness, nodes[i], now_ms),
            .stays = liveness_stays(&control->liveness, nodes[i], now_ms),
            .ails = control_ails(control, nodes[i]) != AILMENT_NONE,
            .leads = control_leading(control, nodes[i]),
        };
    }
    /* A row without this node is about another epoch of the group than the one that it leads. */
    if (count == node_count)
        return 0;
    return heirs_order(&control->leave.heirs, members, count, ret);
}

static bool is_fresh(const struct control *control, uint64_t node)
{
    uint64_t now_ms = control_now_ms(control), since_ms;

    return liveness_stays_since(&control->liveness, node, now_ms, &since_ms) &&
           now_ms - since_ms < FRESH_TIMEOUTS * (uint64_t)control->options.election_timeout_ms;
}

/* What is under way yet may still come about. */
static void end(struct control *control)
{
    struct leave *leave = &control->leave;
    uint64_t took_ms = control_now_ms(control) - leave->begun_ms;
    uint64_t kept = roster_figures(control->roster).leaders;

    if (leave->moved > 0 || kept > 0)
        note_event(
            control->world.note, NOTE_INFO, "leaders.handed_over",
            "count=%u kept=%" PRIu64 " ms=%" PRIu64 " why=\"%s\"", leave->moved, kept, took_ms,
            kept == 0 ? "this node is about to stop"
                      : "this node is about to stop, and nobody could take over what it keeps: "
                        "that has no leader until others elect one, or this node is back");
    timer_start(control->world.clock, &leave->timer, leave->moved > 0 ? CONTROL_LEAVE_LINGER_MS : 0,
                on_lingered);
}

static void on_lingered(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, leave.timer);
    void (*left)(void *ctx) = control->leave.left;

    control->leave.left = NULL;
    left(control->leave.ctx);
}

#include "replica/replica.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "replica/election.h"
#include "replica/feed.h"
#include "replica/fence.h"
#include "replica/replica_private.h"
#include "replica/transfer.h"

static void lead_begin(struct replica *replica);
static enum err propose(struct replica *replica, struct proposal *proposal, enum entry_type type,
                        struct buf *payload, uint16_t records);
static void settle_lost(struct replica *replica);
static void drop_committed(struct replica *replica);

uint64_t replica_now_ms(const struct replica *replica)
{
    return clock_mono_ms(replica->roster->world.clock);
}

struct member *replica_member(struct replica *replica, uint64_t node)
{
    for (uint32_t k = 0; k < replica->member_count; k++)
        if (replica->members[k].node == node)
            return &replica->members[k];
    return NULL;
}

/* ---- life ---- */

static enum err members_init(struct replica *replica, const struct log_state *state)
{
    struct roster *roster = replica->roster;

    replica->self = UINT32_MAX;
    replica->member_count = state->member_count;
    for (uint32_t k = 0; k < state->member_count; k++) {
        struct member *member = &replica->members[k];

        member->node = state->members[k];
        snprintf(member->address, sizeof(member->address), "%llu",
                 (unsigned long long)member->node);
        if (member->node == roster->options.node) {
            replica->self = k;
            continue;
        }
        member->peer = outbox_peer(&roster->outbox, member->node);
        if (member->peer == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static struct replica *replica_new(struct roster *roster, const struct log_state *state)
{
    struct replica *replica = calloc(1, sizeof(*replica));

    if (replica == NULL)
        return NULL;
    replica->roster = roster;
    replica->group = state->group;
    replica->epoch = state->epoch;
    replica->start_index = state->start_index;
    replica->start_term = state->start_term;
    replica->role = REPLICA_FOLLOWER;
    list_init(&replica->appends);
    list_init(&replica->requests);
    list_init(&replica->lost);
    list_init(&replica->inbox);
    list_init(&replica->committed_queue);

    replica->committed = state->start_index;
    replica->committed_term = state->start_term;
    if (state->applied > state->start_index) {
        replica->committed = state->applied;
        replica->committed_term = state->applied_term;
    }
    replica->committed_time_ms = state->applied_time_ms;
    replica->applied = replica->hinted = replica->committed;
    replica->applied_term = replica->committed_term;
    replica->applied_time_ms = replica->committed_time_ms;

    /* A group without a vote yet stands in the term that its epoch starts in. */
    replica->term = state->term;
    replica->vote = state->vote;
    if (replica->term < state->start_term) {
        replica->term = state->start_term;
        replica->vote = 0;
    }
    if (replica->term == 0)
        replica->term = 1;
    /* A leader relies on who has its barrier, which lies above the SEAL.  A member that was filled
     * begins above both: it may have none of its own entries, and have promised all the same. */
    replica->forgetful = state->last > state->start_index || replica_begun_with(replica) == 0;
    return replica;
}

static void replica_free(struct replica *replica)
{
    letter_free(replica->vote_held);
    letter_free(replica->early);
    for (struct list_node *node; (node = list_first(&replica->inbox)) != NULL;)
        letter_free(container_of(node, struct letter, link));
    drop_committed(replica);
    free(replica);
}

enum err replica_open(struct replica **ret, struct roster *roster, uint64_t group,
                      uint64_t preferred, bool eager, const struct replica_events *events,
                      void *ctx, struct reason *reason)
{
    const struct log_state *state = log_state(roster->world.log, group);

    if (state == NULL) {
        reason_set(reason, "group %llu has no start in the log", (unsigned long long)group);
        return ERR_NOT_FOUND;
    }
    if (roster_find(roster, group) != NULL) {
        reason_set(reason, "group %llu is open already", (unsigned long long)group);
        return ERR_EXISTS;
    }
    struct replica *replica = replica_new(roster, state);
    if (replica == NULL)
        return ERR_NO_MEMORY;
    replica->preferred = preferred;
    replica->events = events;
    replica->ctx = ctx;

    enum err err = members_init(replica, state);
    if (err == ERR_OK && replica->self == UINT32_MAX) {
        reason_set(reason, "this node is no member of group %llu", (unsigned long long)group);
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_OK)
        err = roster_insert(roster, replica);
    if (err != ERR_OK) {
        replica_free(replica);
        return err;
    }
    err = instance_start(replica, reason);
    if (err != ERR_OK) {
        roster_remove(roster, replica);
        replica_free(replica);
        return err;
    }
    replica_settle(replica);
    replica_wake(replica);
    if (eager && !replica->leading)
        election_eager(replica);
    *ret = replica;
    return ERR_OK;
}

void replica_close(struct replica *replica, void (*closed)(void *ctx), void *ctx)
{
    struct roster *roster = replica->roster;

    ensure(!replica->closing);
    replica->closing = true;
    replica->closed = closed;
    replica->closed_ctx = ctx;
    transfer_end(replica);
    instance_stop(replica);
    list_join(&replica->lost, &replica->requests); /* committed, but nobody will hear of it */
    election_cancel(replica);
    list_remove(&replica->ready);
    roster_remove(roster, replica);
    list_append(&roster->closing, &replica->closing_link);
    roster_add_work(roster);
}

bool replica_finish(struct replica *replica)
{
    if (!list_empty(&replica->lost)) {
        settle_lost(replica);
        return false;
    }
    if (replica->reads > 0)
        return false;

    void (*closed)(void *ctx) = replica->closed;
    void *ctx = replica->closed_ctx;
    list_remove(&replica->closing_link);
    replica_free(replica);
    if (closed != NULL)
        closed(ctx);
    return true;
}

/* ---- after each call into libraft ---- */

void replica_wake(struct replica *replica)
{
    struct roster *roster = replica->roster;

    if (replica->closing)
        return;
    if (!list_linked(&replica->ready))
        list_append(&roster->ready, &replica->ready);
    roster_add_work(roster);
}

static uint64_t known_leader(struct replica *replica)
{
    const char *address = NULL;
    raft_id leader = 0;

    if (replica->broken || !replica->started)
        return 0;
    raft_leader(&replica->raft, &leader, &address);
    return leader;
}

static enum replica_role role_now(const struct replica *replica)
{
    if (!replica->leading)
        return REPLICA_FOLLOWER;
    return replica->barrier_applied && !transfer_under_way(replica) ? REPLICA_LEADER
                                                                    : REPLICA_ELECTED;
}

void replica_settle(struct replica *replica)
{
    if (replica->closing || replica->broken || replica->over)
        return;
    int state = raft_state(&replica->raft);
    if (state == RAFT_UNAVAILABLE) {
        replica_lead_end(replica);
        replica->broken = FENCE(F9);
        replica_wake(replica);
        return;
    }
    if (state == RAFT_FOLLOWER)
        replica->asked.term = 0;
    if (state != RAFT_LEADER) {
        replica_lead_end(replica);
    } else if (!replica->leading || replica->lead_term != replica->term) {
        replica_lead_end(replica);
        lead_begin(replica);
    }

    if (replica->leading && replica->barrier_index == 0 && FENCE(F3)) {
        /* F3.  Known before it is appended, so that its completion is recognised. */
        replica->barrier_index = raft_last_index(&replica->raft) + 1;
        if (propose(replica, NULL, ENTRY_BARRIER, NULL, 0) != ERR_OK)
            replica->barrier_index = 0; /* the next tick tries again */
    }
    if (role_now(replica) != replica->role || known_leader(replica) != replica->role_leader ||
        !list_empty(&replica->lost))
        replica_wake(replica);
}

static void forget_followers(struct replica *replica)
{
    for (uint32_t k = 0; k < replica->member_count; k++) {
        struct member *member = &replica->members[k];

        feed_end(member);
        member->match = member->hint = member->heard_ms = 0;
        member->held = false;
        member->probe_prev = member->probe_end = member->beat_ms = 0;
    }
}

static void lead_begin(struct replica *replica)
{
    forget_followers(replica);
    replica->leading = true;
    replica->lead_term = replica->term;
    replica->lead_since_ms = replica_now_ms(replica);
    replica->barrier_index = 0;
    replica->barrier_durable = replica->barrier_applied = !FENCE(F3);
    replica->roster->figures.elections++;
    replica->roster->figures.leaders++;
}

void replica_lead_end(struct replica *replica)
{
    if (!replica->leading)
        return;
    transfer_end(replica);
    forget_followers(replica);
    replica->leading = false;
    replica->barrier_index = 0;
    replica->barrier_durable = replica->barrier_applied = false;
    replica->roster->figures.leaders--;
}

/* ---- proposals ---- */

static void request_done(struct raft_apply *raft, int status, void *result)
{
    struct request *request = container_of(raft, struct request, raft);

    if (status == 0)
        return; /* applied: its owner hears after the entry itself, settle_applied() */
    list_remove(&request->link);
    list_append(&request->replica->lost, &request->link);
    replica_wake(request->replica);
}

/* What will be the entry's head; libraft makes it true. */
static struct entry_head head_next(struct replica *replica, enum entry_type type,
                                   struct buf *payload, uint16_t records)
{
    const struct log_state *state = log_state(replica->roster->world.log, replica->group);
    uint64_t now = clock_wall_ms(replica->roster->world.clock);
    struct entry_head head = {
        .group = replica->group,
        .index = raft_last_index(&replica->raft) + 1,
        .term = replica->term,
        .time_ms = now > state->last_time_ms || MUTANT(time_goes_back) ? now : state->last_time_ms,
        .epoch = replica->epoch,
        .length = payload == NULL ? 0 : (uint32_t)payload->len,
        .records = records,
        .type = (uint8_t)type,
    };

    ensure(head.index == state->last + 1);
    head.crc = entry_crc(&head, payload == NULL ? slice_of(NULL, 0) : buf_slice(payload));
    return head;
}

/* Gives libraft one entry, which appends and sends it at once. */
static enum err propose(struct replica *replica, struct proposal *proposal, enum entry_type type,
                        struct buf *payload, uint16_t records)
{
    struct entry_head head = head_next(replica, type, payload, records);
    struct request *request = calloc(1, sizeof(*request));
    struct raft_buffer buf = { raft_malloc(ENTRY_HEAD_BYTES), ENTRY_HEAD_BYTES };

    if (request == NULL || buf.base == NULL) {
        free(request);
        raft_free(buf.base);
        return ERR_NO_MEMORY;
    }
    entry_head_encode(&head, buf.base);
    request->replica = replica;
    request->proposal = proposal;
    request->index = head.index;
    request->term = head.term;
    list_append(&replica->requests, &request->link);

    replica->offer = payload;
    int rv = raft_apply(&replica->raft, &request->raft, &buf, 1, request_done);
    replica->offer = NULL;
    if (rv != 0) {
        list_remove(&request->link);
        free(request);
        raft_free(buf.base);
        return rv == RAFT_NOTLEADER ? ERR_NOT_LEADER : ERR_NO_MEMORY;
    }
    if (proposal != NULL) {
        proposal->index = head.index;
        proposal->time_ms = head.time_ms;
    }
    return ERR_OK;
}

enum err replica_propose(struct replica *replica, struct proposal *proposal, enum entry_type type,
                         struct buf *payload, uint16_t records, proposal_cb cb)
{
    size_t bytes = ENTRY_HEAD_BYTES + (payload == NULL ? 0 : payload->len);

    ensure(payload == NULL || payload->len <= ENTRY_PAYLOAD_MAX);
    ensure(type == ENTRY_RECORDS || type == ENTRY_CHANGE || type == ENTRY_SEAL ||
           type == ENTRY_END);
    if (replica->closing || replica->broken || replica->over || !replica->leading ||
        replica->role != REPLICA_LEADER || role_now(replica) != REPLICA_LEADER)
        return ERR_NOT_LEADER;
    if (replica->seal_index != 0 && !MUTANT(behind_seal))
        return ERR_NOT_LEADER;
    /* F4.  libraft 0.15 tests for commitment only at the leader's newest durable entry: a steady
     * stream would never be found committed. */
    if (FENCE(F4) && !list_empty(&replica->requests))
        return ERR_BUSY;
    if (!fence_has_room(replica, type == ENTRY_RECORDS, bytes))
        return ERR_NO_SPACE;

    proposal->cb = cb;
    proposal->replica = replica;
    enum err err = propose(replica, proposal, type, payload, records);
    if (err == ERR_OK)
        replica->roster->figures.proposals++;
    replica_settle(replica);
    return err;
}

/* The request whose entry was applied, if it is this node's. */
static struct request *request_at(struct replica *replica, const struct entry_head *head)
{
    for (struct list_node *node = list_first(&replica->requests); node != NULL;
         node = list_next(&replica->requests, node)) {
        struct request *request = container_of(node, struct request, link);
        if (request->index == head->index && request->term == head->term)
            return request;
    }
    return NULL;
}

static void request_settle(struct request *request, enum err err)
{
    struct proposal *proposal = request->proposal;
    uint64_t index = request->index;

    list_remove(&request->link);
    free(request);
    if (proposal != NULL)
        proposal->cb(proposal, err, index);
}

static void settle_lost(struct replica *replica)
{
    struct list lost;

    list_take(&lost, &replica->lost);
    for (struct list_node *node; (node = list_first(&lost)) != NULL;)
        request_settle(container_of(node, struct request, link), ERR_UNKNOWN);
}

/* ---- the owner ---- */

static void report_role(struct replica *replica)
{
    enum replica_role role = role_now(replica);
    uint64_t leader = known_leader(replica);

    if (role == replica->role && leader == replica->role_leader)
        return;
    replica->role = role;
    roster_note_change(replica->roster, replica->group);
    replica->role_leader = leader;
    if (leader != 0)
        replica->led_last = replica->leading;
    replica->events->role(replica->ctx, role, leader);
}

static void drop_committed(struct replica *replica)
{
    for (struct list_node *node; (node = list_pop(&replica->committed_queue)) != NULL;) {
        struct applied *applied = container_of(node, struct applied, link);
        buf_unref(applied->payload);
        free(applied);
    }
}

/* libraft says that an entry is committed with the next one. */
static void say_committed(struct replica *replica, const struct entry_head *head)
{
    for (uint32_t k = 0; replica->leading && k < replica->member_count; k++)
        if (k != replica->self)
            io_net_append(replica, &replica->members[k], head->index, head->term, NULL, 0);
}

/* Changes of the catalogue are few, and all nodes act on them: they would hear of the last one with
 * the next heartbeat. */
static void say_changed(struct replica *replica, const struct entry_head *head)
{
    if (head->type == ENTRY_CHANGE && replica->leading &&
        raft_last_index(&replica->raft) == head->index)
        say_committed(replica, head);
}

/* The epoch ends here: a barrier that was committed behind its SEAL is void.  libraft goes first,
 * because the owner is about to begin the next epoch in the log under it. */
static bool deliver_seal(struct replica *replica, const struct entry_head *head,
                         struct buf *payload)
{
    struct request *request = request_at(replica, head);

    /* There is no next one: who has the SEAL would learn from others that the epoch is over, and
     * have to come in as one that was away. */
    say_committed(replica, head);
    replica->over = true;
    if (request != NULL)
        list_remove(&request->link);
    instance_stop(replica);
    election_cancel(replica);
    drop_committed(replica);
    replica->hinted = replica->applied; /* the next epoch's START says it */
    replica->events->sealed(replica->ctx, head, payload);
    if (request != NULL)
        request_settle(request, ERR_OK);
    return !replica->closing;
}

/* One committed entry.  False when the owner closed the replica in between. */
static bool deliver(struct replica *replica, struct applied *applied)
{
    struct entry_head head = applied->head;

    replica->applied = head.index;
    roster_note_change(replica->roster, replica->group);
    replica->applied_term = head.term;
    replica->applied_time_ms = head.time_ms;
    replica->roster->figures.applied_entries++;
    if (head.type == ENTRY_SEAL && replica->events->sealed != NULL) {
        bool open = deliver_seal(replica, &head, applied->payload);
        buf_unref(applied->payload);
        free(applied);
        return open;
    }
    replica->events->applied(replica->ctx, &head, applied->payload);
    buf_unref(applied->payload);
    free(applied);
    if (replica->closing)
        return false;
    say_changed(replica, &head);

    if (replica->leading && head.term == replica->lead_term &&
        head.index == replica->barrier_index) {
        replica->barrier_applied = true;
        report_role(replica);
        if (replica->closing)
            return false;
    }
    struct request *request = request_at(replica, &head);
    if (request != NULL)
        request_settle(request, ERR_OK);
    return !replica->closing;
}

/* A restart applies again what the log was not told of. */
static void hint(struct replica *replica)
{
    uint64_t now = replica_now_ms(replica);
    unsigned char image[IMAGE_BYTES_MAX];

    if (replica->applied == replica->hinted ||
        (replica->applied - replica->hinted < APPLIED_HINT_ENTRIES &&
         now - replica->hinted_ms < APPLIED_HINT_MS))
        return;
    uint32_t bytes = replica->events->image(replica->ctx, image);
    ensure(bytes <= IMAGE_BYTES_MAX);
    log_applied(replica->roster->world.log, replica->group, replica->applied,
                replica->applied_term, replica->applied_time_ms, slice_of(image, bytes));
    replica->hinted = replica->applied;
    replica->hinted_ms = now;
}

void replica_turn(struct replica *replica)
{
    if (replica->put != NULL) {
        io_log_complete_put(replica);
        replica_settle(replica);
    }
    if (replica->broken && !replica->over)
        instance_restart(replica);
    if (!replica->over)
        io_net_pump(replica);

    if (role_now(replica) < replica->role)
        report_role(replica); /* before entries of another leader */
    for (struct list_node *node;
         !replica->closing && (node = list_pop(&replica->committed_queue)) != NULL;)
        if (!deliver(replica, container_of(node, struct applied, link)))
            return;
    if (!replica->closing)
        settle_lost(replica);
    if (!replica->closing)
        report_role(replica);
    if (!replica->closing)
        hint(replica);
}

/* It heard its leader less than an election timeout ago: libraft would look at the time and do
 * nothing.  Idle shards are nearly always calm, and looking costs one line of memory. */
static bool calm(const struct replica *replica)
{
    return replica->calm_until_ms > replica_now_ms(replica) &&
           replica->applied == replica->hinted && replica->vote_held == NULL && !replica->broken;
}

void replica_tick(struct replica *replica)
{
    if (calm(replica) || replica->over)
        return;
    if (replica->broken) {
        replica_wake(replica);
        return;
    }
    if (fence_tick(replica) && !election_asks(replica))
        replica->tick(&replica->io);
    replica_settle(replica);
    election_tick(replica);
    for (uint32_t k = 0; replica->leading && k < replica->member_count; k++)
        feed_tick(replica, &replica->members[k]);
    if (replica->applied != replica->hinted)
        replica_wake(replica);
}

/* ---- questions ---- */

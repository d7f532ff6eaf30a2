#include "fake.h"

#include <stdlib.h>
#include <string.h>

#define WALL_MS UINT64_C(1700000000000)
#define WRITE_MS 1u

static void owner_applied(void *ctx, const struct entry_head *head, struct buf *payload);
static void owner_role(void *ctx, enum replica_role role, uint64_t leader);
static uint32_t owner_image(void *ctx, unsigned char bytes[IMAGE_BYTES_MAX]);

static const struct replica_events events = { owner_applied, owner_role, owner_image };

/* ---- clock ---- */

uint64_t clock_mono_ns(struct clock *clock)
{
    return clock->node->fake->now_ms * 1000000u;
}

uint64_t clock_wall_ms(struct clock *clock)
{
    return WALL_MS + clock->node->fake->now_ms;
}

struct turn *clock_turn(struct clock *clock)
{
    return &clock->turn;
}

/* ---- net ---- */

void net_handle(struct net *net, enum net_kind kind, net_message_cb on_message,
                net_request_cb on_request, void *ctx)
{
    assert_int_equal(kind, NET_RAFT);
    net->on_raft = on_message;
    net->ctx = ctx;
}

void net_listen(struct net *net, net_event_cb cb, void *ctx)
{
    net->listener = cb;
    net->listener_ctx = ctx;
}

void net_forget(struct net *net, const void *ctx)
{
}

bool net_is_up(const struct net *net, uint64_t node)
{
    const struct fake *fake = net->node->fake;

    return node <= fake->node_count && fake->nodes[node - 1].up;
}

bool net_is_gone(const struct net *net, uint64_t node)
{
    return !net_is_up(net, node);
}

size_t net_queued(const struct net *net, uint64_t node, enum net_lane lane)
{
    return 0;
}

bool net_send(struct net *net, uint64_t node, enum net_lane lane, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count)
{
    struct fake *fake = net->node->fake;
    struct fake_message *message = calloc(1, sizeof(*message));
    size_t len = 0, at = 0;

    for (uint32_t k = 0; k < part_count; k++)
        len += parts[k]->len;
    message->buf = buf_new(len);
    for (uint32_t k = 0; k < part_count; k++) {
        memcpy(message->buf->data + at, parts[k]->data, parts[k]->len);
        at += parts[k]->len;
    }
    message->from = net->node->id;
    message->to = node;
    message->due_ms = fake->now_ms + fake->delay_ms;
    list_append(&fake->messages, &message->link);
    fake->frames++;
    return true;
}

/* ---- log ---- */

static struct fake_group *group_of(const struct log *log, uint64_t group)
{
    struct log *writable = &log->node->log;

    for (uint32_t k = 0; k < FAKE_GROUPS_MAX; k++)
        if (writable->groups[k].state.group == group)
            return &writable->groups[k];
    return NULL;
}

static uint64_t gather(struct log *log)
{
    log->gathered = true;
    return log->turn;
}

const struct log_state *log_state(const struct log *log, uint64_t group)
{
    struct fake_group *found = group_of(log, group);

    return found == NULL ? NULL : &found->state;
}

static void group_entry(struct fake_group *group, const struct entry_head *head,
                        struct buf *payload)
{
    assert_int_equal(head->index, group->state.last + 1);
    assert_true(head->index < FAKE_ENTRIES_MAX);
    group->heads[head->index] = *head;
    group->payloads[head->index] = buf_ref(payload);
    group->state.last = head->index;
    group->state.last_term = head->term;
    group->state.last_time_ms = head->time_ms;
}

static void group_cut(struct fake_group *group, uint64_t from)
{
    for (uint64_t k = from; k <= group->state.last; k++) {
        buf_unref(group->payloads[k]);
        group->payloads[k] = NULL;
    }
    group->state.last = from - 1;
    group->state.last_term = group->heads[from - 1].term;
    group->state.last_time_ms = group->heads[from - 1].time_ms;
}

static void group_write(struct fake_group *group, const struct fake_write *write)
{
    switch (write->kind) {
    case WRITE_ENTRY:
        group_entry(group, &write->head, write->payload);
        break;
    case WRITE_CUT:
        group_cut(group, write->index);
        break;
    case WRITE_HARD:
        group->state.term = write->term;
        group->state.vote = write->vote;
        break;
    case WRITE_APPLIED:
        group->state.applied = write->index;
        group->state.applied_term = write->term;
        break;
    }
}

/* Changes what is in memory now, and the disk when its turn is durable. */
static uint64_t log_write(struct log *log, const struct fake_write *write)
{
    struct fake_write *queued = malloc(sizeof(*queued));

    *queued = *write;
    queued->turn = log->turn;
    list_append(&log->writes, &queued->link);
    group_write(group_of(log, write->group), write);
    return gather(log);
}

/* The first write that waits reaches the disk, or is lost. */
static void write_end(struct log *log, bool written)
{
    struct fake_write *write = container_of(list_pop(&log->writes), struct fake_write, link);

    if (written)
        group_write(&log->disk[write->group], write);
    buf_unref(write->payload);
    free(write);
}

uint64_t log_entry(struct log *log, const struct entry_head *head, struct buf *payload)
{
    struct fake_write write = { .group = head->group, .kind = WRITE_ENTRY, .head = *head };

    assert_int_equal(payload == NULL ? 0 : payload->len, head->length);
    assert_true(entry_matches(head, payload == NULL ? slice_of(NULL, 0) : buf_slice(payload)));
    if (payload != NULL)
        write.payload = buf_copy(buf_slice(payload));
    return log_write(log, &write);
}

uint64_t log_truncate(struct log *log, uint64_t group, uint64_t from)
{
    return log_write(log, &(struct fake_write){ .group = group, .kind = WRITE_CUT, .index = from });
}

uint64_t log_hard(struct log *log, uint64_t group, uint64_t term, uint64_t vote)
{
    return log_write(log, &(struct fake_write){
                              .group = group, .kind = WRITE_HARD, .term = term, .vote = vote });
}

uint64_t log_turn(const struct log *log)
{
    return log->turn;
}

uint64_t log_durable(const struct log *log)
{
    return log->durable;
}

bool log_has_room(const struct log *log, size_t bytes)
{
    return !log->full;
}

void log_applied(struct log *log, uint64_t group, uint64_t index, uint64_t term, uint64_t time_ms,
                 struct slice image)
{
    struct fake_group *found = group_of(log, group);

    assert_true(index > found->state.applied);
    assert_int_equal(found->heads[index].term, term);
    found->state.applied_time_ms = time_ms;
    log_write(log, &(struct fake_write){
                       .group = group, .kind = WRITE_APPLIED, .index = index, .term = term });
}

enum err log_head(const struct log *log, uint64_t group, uint64_t index, struct entry_head *ret)
{
    const struct fake_group *found = group_of(log, group);

    if (index < found->state.first)
        return ERR_TRIMMED;
    /* As if all but the newest lay in full segments. */
    if (index + 10 < found->state.last || index > found->state.last)
        return ERR_NOT_FOUND;
    *ret = found->heads[index];
    return ERR_OK;
}

enum err log_heads_now(struct log *log, uint64_t group, uint64_t first, uint64_t last,
                       struct entry_head *heads, struct reason *reason)
{
    const struct fake_group *found = group_of(log, group);

    for (uint64_t k = first; k <= last; k++)
        heads[k - first] = found->heads[k];
    return ERR_OK;
}

struct reading {
    struct timer timer;
    struct log *log;
    struct log_read *req;
};

static void reading_done(struct timer *timer)
{
    struct reading *reading = container_of(timer, struct reading, timer);
    struct log_read *req = reading->req;
    const struct fake_group *group = group_of(reading->log, req->group);
    size_t bytes = 0;

    assert_true(req->first >= group->state.first && req->first <= group->state.last);
    req->entries = calloc(req->last - req->first + 1, sizeof(*req->entries));
    req->count = 0;
    for (uint64_t k = req->first; k <= req->last && k <= group->state.last; k++) {
        bytes += group->heads[k].length;
        if (req->count > 0 && bytes > req->bytes_max)
            break;
        req->entries[req->count++] =
            (struct log_read_entry){ group->heads[k], buf_ref(group->payloads[k]) };
    }
    reading->log->reads++;
    free(reading);
    req->cb(req, ERR_OK);
}

void log_read(struct log *log, struct log_read *req, log_read_cb cb)
{
    struct reading *reading = calloc(1, sizeof(*reading));

    req->cb = cb;
    reading->log = log;
    reading->req = req;
    timer_start(&log->node->clock, &reading->timer, 1, reading_done);
}

void log_read_fini(struct log_read *req)
{
    for (uint32_t k = 0; k < req->count; k++)
        buf_unref(req->entries[k].payload);
    free(req->entries);
    req->entries = NULL;
    req->count = 0;
}

/* One write in flight; what gathers meanwhile is the next. */
static void log_step(struct log *log)
{
    uint64_t now = log->node->fake->now_ms;

    if (log->stalled)
        return;
    if (log->write_done_ms != 0 && log->write_done_ms <= now) {
        log->write_done_ms = 0;
        log->durable = log->write_turn;
        while (!list_empty(&log->writes) &&
               container_of(list_first(&log->writes), struct fake_write, link)->turn <=
                   log->durable)
            write_end(log, true);
        if (log->node->roster != NULL)
            roster_durable(log->node->roster, log->durable);
    }
    if (log->write_done_ms == 0 && log->gathered) {
        log->write_turn = log->turn++;
        log->gathered = false;
        log->write_done_ms = now + WRITE_MS;
    }
}

/* ---- owners ---- */

static void owner_applied(void *ctx, const struct entry_head *head, struct buf *payload)
{
    struct fake_owner *owner = ctx;

    assert_int_equal(head->index, owner->applied + 1);
    assert_int_equal(head->group, owner->group);
    if (head->length > 0 && payload == NULL)
        owner->payloads_missing++;
    if (payload != NULL)
        assert_true(entry_matches(head, buf_slice(payload)));
    owner->heads[head->index] = *head;
    owner->applied = head->index;
    owner->applied_count++;
}

static void owner_role(void *ctx, enum replica_role role, uint64_t leader)
{
    struct fake_owner *owner = ctx;

    owner->role = role;
    owner->leader = leader;
    owner->roles++;
}

static uint32_t owner_image(void *ctx, unsigned char bytes[IMAGE_BYTES_MAX])
{
    memset(bytes, 7, 8);
    return 8;
}

/* ---- the cluster ---- */

struct fake_node *fake_node(struct fake *fake, uint64_t node)
{
    return &fake->nodes[node - 1];
}

struct fake_owner *fake_owner(struct fake *fake, uint64_t node, uint64_t group)
{
    return &fake_node(fake, node)->owners[group];
}

static void roster_make(struct fake_node *node)
{
    struct roster_options options = { .node = node->id,
                                      .election_timeout_ms = FAKE_T,
                                      .heartbeat_ms = FAKE_BEAT,
                                      .tick_ms = FAKE_BEAT / 2,
                                      .payload_cache_bytes = 4096 };
    struct roster_world world = { &node->clock, &node->random, &node->net, &node->log };

    turn_init(&node->clock.turn);
    assert_int_equal(roster_open(&node->roster, &options, &world), ERR_OK);
    node->up = true;
}

struct fake *fake_new(uint32_t nodes)
{
    struct fake *fake = calloc(1, sizeof(*fake));

    fake->node_count = nodes;
    fake->now_ms = 1000;
    fake->delay_ms = 1;
    list_init(&fake->messages);
    for (uint32_t k = 0; k < nodes; k++) {
        struct fake_node *node = &fake->nodes[k];
        node->fake = fake;
        node->id = k + 1;
        node->clock.node = node->net.node = node->log.node = node;
        node->log.turn = 1;
        list_init(&node->log.writes);
        random_init(&node->random, k + 1);
        roster_make(node);
    }
    return fake;
}

static void owner_closed(void *ctx)
{
    struct fake_owner *owner = ctx;

    owner->closed = true;
    owner->replica = NULL;
}

/* Closes all replicas and the roster; reads that are under way end first. */
static void node_stop(struct fake_node *node)
{
    for (uint32_t k = 0; k < FAKE_GROUPS_MAX; k++)
        if (node->owners[k].replica != NULL)
            replica_close(node->owners[k].replica, owner_closed, &node->owners[k]);
    for (uint32_t ms = 0; ms < 20; ms++) {
        turn_settle(&node->clock.turn);
        node->fake->now_ms++;
        turn_fire(&node->clock.turn, clock_mono_ns(&node->clock));
    }
    turn_settle(&node->clock.turn);
    for (uint32_t k = 0; k < FAKE_GROUPS_MAX; k++)
        assert_null(node->owners[k].replica);
    roster_close(node->roster);
    node->roster = NULL;
    node->net.on_raft = NULL;
    node->net.listener = NULL;
    turn_fini(&node->clock.turn);
    node->up = false;
}

static void group_free(struct fake_group *group)
{
    for (uint64_t k = 0; group->payloads != NULL && k < FAKE_ENTRIES_MAX; k++)
        buf_unref(group->payloads[k]);
    free(group->payloads);
    free(group->heads);
    *group = (struct fake_group){ .heads = NULL };
}

static void group_copy(struct fake_group *to, const struct fake_group *from)
{
    to->state = from->state;
    to->heads = calloc(FAKE_ENTRIES_MAX, sizeof(*to->heads));
    to->payloads = calloc(FAKE_ENTRIES_MAX, sizeof(*to->payloads));
    memcpy(to->heads, from->heads, (from->state.last + 1) * sizeof(*to->heads));
    for (uint64_t k = 0; k <= from->state.last; k++)
        to->payloads[k] = buf_ref(from->payloads[k]);
}

void fake_free(struct fake *fake)
{
    for (uint32_t k = 0; k < fake->node_count; k++) {
        struct fake_node *node = &fake->nodes[k];
        if (node->up)
            node_stop(node);
        while (!list_empty(&node->log.writes))
            write_end(&node->log, false);
        for (uint32_t g = 0; g < FAKE_GROUPS_MAX; g++) {
            group_free(&node->log.groups[g]);
            group_free(&node->log.disk[g]);
        }
    }
    for (struct list_node *at; (at = list_pop(&fake->messages)) != NULL;) {
        struct fake_message *message = container_of(at, struct fake_message, link);
        buf_unref(message->buf);
        free(message);
    }
    free(fake);
}

void fake_start(struct fake_node *node, uint64_t group, uint32_t members)
{
    struct fake_group *made = &node->log.groups[group];

    made->state = (struct log_state){ .group = group,
                                      .epoch = 1,
                                      .member_count = members,
                                      .start_index = 1,
                                      .start_term = 1,
                                      .first = 2,
                                      .last = 1,
                                      .last_term = 1 };
    for (uint32_t k = 0; k < members; k++)
        made->state.members[k] = k + 1;
    made->heads = calloc(FAKE_ENTRIES_MAX, sizeof(*made->heads));
    made->payloads = calloc(FAKE_ENTRIES_MAX, sizeof(*made->payloads));
    made->heads[1].term = 1;
    group_copy(&node->log.disk[group], made);
}

void fake_open(struct fake_node *node, uint64_t group, uint64_t preferred, bool eager)
{
    struct fake_owner *owner = &node->owners[group];
    const struct log_state *state = log_state(&node->log, group);
    struct reason reason = { .text = "" };

    *owner = (struct fake_owner){ .group = group, .node = node };
    owner->applied = state->applied > state->start_index ? state->applied : state->start_index;
    assert_int_equal(replica_open(&owner->replica, node->roster, group, preferred, eager, &events,
                                  owner, &reason),
                     ERR_OK);
}

void fake_group(struct fake *fake, uint64_t group, uint32_t members, uint64_t preferred)
{
    for (uint32_t k = 0; k < members; k++) {
        fake_start(&fake->nodes[k], group, members);
        fake_open(&fake->nodes[k], group, preferred, false);
    }
}

static void deliver(struct fake *fake, struct fake_message *message)
{
    struct fake_node *node = fake_node(fake, message->to);
    struct net_message arrived = {
        message->from, NET_RAFT, buf_slice(message->buf), message->buf
    };

    if (node->up && !fake->cut[message->from][message->to] &&
        (fake->filter == NULL || fake->filter(fake, message))) {
        node->net.on_raft(node->net.ctx, &arrived);
        turn_settle(&node->clock.turn);
    }
    buf_unref(message->buf);
    free(message);
}

void fake_run(struct fake *fake, uint64_t ms)
{
    for (uint64_t end = fake->now_ms + ms; fake->now_ms < end;) {
        fake->now_ms++;
        for (struct list_node *at = list_first(&fake->messages), *next; at != NULL; at = next) {
            struct fake_message *message = container_of(at, struct fake_message, link);
            next = list_next(&fake->messages, at);
            if (message->due_ms <= fake->now_ms) {
                list_remove(at);
                deliver(fake, message);
            }
        }
        for (uint32_t k = 0; k < fake->node_count; k++) {
            struct fake_node *node = &fake->nodes[k];
            if (node->up)
                turn_fire(&node->clock.turn, clock_mono_ns(&node->clock));
            log_step(&node->log);
            if (node->up)
                turn_settle(&node->clock.turn);
        }
    }
}

struct fake_owner *fake_leader(struct fake *fake, uint64_t group)
{
    for (uint32_t ms = 0; ms < 5000; ms++) {
        for (uint32_t k = 0; k < fake->node_count; k++) {
            struct fake_owner *owner = &fake->nodes[k].owners[group];
            if (owner->replica != NULL && owner->role == REPLICA_LEADER)
                return owner;
        }
        fake_run(fake, 1);
    }
    fail_msg("nobody leads");
    return NULL;
}

static void settled(struct proposal *proposal, enum err err, uint64_t index)
{
    struct fake_owner *owner = container_of(proposal, struct fake_owner, proposal);

    owner->settled = true;
    owner->settled_err = err;
    owner->settled_index = index;
    owner->settled_applied = owner->applied;
}

enum err fake_propose(struct fake_owner *owner, size_t bytes)
{
    AUTO_UNREF struct buf *payload = buf_new(bytes);

    memset(payload->data, (int)(owner->applied & 0xff), bytes);
    owner->settled = false;
    return replica_propose(owner->replica, &owner->proposal, ENTRY_RECORDS, payload, 1, settled);
}

uint64_t fake_put(struct fake *fake, struct fake_owner *owner, size_t bytes)
{
    assert_int_equal(fake_propose(owner, bytes), ERR_OK);
    for (uint32_t ms = 0; ms < 5000 && !owner->settled; ms++)
        fake_run(fake, 1);
    assert_true(owner->settled);
    assert_int_equal(owner->settled_err, ERR_OK);
    return owner->settled_index;
}

static void tell(struct fake *fake, enum net_event event, uint64_t about)
{
    struct net_peer peer = { .node = about };

    for (uint32_t k = 0; k < fake->node_count; k++)
        if (fake->nodes[k].up && fake->nodes[k].id != about)
            fake->nodes[k].net.listener(fake->nodes[k].net.listener_ctx, event, &peer);
}

void fake_kill(struct fake *fake, uint64_t node)
{
    node_stop(fake_node(fake, node));
    tell(fake, NET_GONE, node);
}

void fake_power_off(struct fake *fake, uint64_t node, uint64_t kept)
{
    struct log *log = &fake_node(fake, node)->log;

    node_stop(log->node);
    while (!list_empty(&log->writes)) {
        write_end(log, kept > 0);
        kept -= kept > 0;
    }
    log->gathered = log->stalled = false;
    log->write_done_ms = 0;
    log->durable = log->turn++;
    for (uint32_t k = 0; k < FAKE_GROUPS_MAX; k++) {
        if (log->disk[k].state.group == 0)
            continue;
        group_free(&log->groups[k]);
        group_copy(&log->groups[k], &log->disk[k]);
    }
    tell(fake, NET_GONE, node);
}

void fake_restart(struct fake *fake, uint64_t node, uint64_t preferred)
{
    struct fake_node *again = fake_node(fake, node);

    roster_make(again);
    for (uint32_t k = 0; k < FAKE_GROUPS_MAX; k++)
        if (again->log.groups[k].state.group != 0)
            fake_open(again, again->log.groups[k].state.group, preferred, false);
    tell(fake, NET_UP, node);
}

void fake_cut(struct fake *fake, uint64_t a, uint64_t b, bool cut)
{
    fake->cut[a][b] = fake->cut[b][a] = cut;
}

void fake_cut_off(struct fake *fake, uint64_t node, bool cut)
{
    for (uint32_t k = 1; k <= fake->node_count; k++)
        if (k != node)
            fake_cut(fake, node, k, cut);
}

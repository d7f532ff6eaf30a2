#include "fake.h"

#include <stdlib.h>
#include <string.h>

#define WALL_MS UINT64_C(1700000000000)

static void owner_applied(void *ctx, const struct entry_head *head, struct buf *payload);
static void owner_role(void *ctx, enum replica_role role, uint64_t leader);
static uint32_t owner_image(void *ctx, unsigned char bytes[IMAGE_BYTES_MAX]);

static const struct replica_events events = {
    .applied = owner_applied, .role = owner_role, .image = owner_image
};

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

static void owner_forgotten(void *ctx, const struct reason *reason)
{
    struct fake_node *node = ctx;

    node->forgotten++;
    node->forgotten_why = *reason;
}

static void node_behind(void *ctx, uint64_t group, uint32_t epoch, uint64_t behind)
{
    struct fake_node *node = ctx;

    node->behind = behind;
}

static void roster_make(struct fake_node *node)
{
    struct roster_options options = { .node = node->id,
                                      .boot = ++node->boot,
                                      .election_timeout_ms = FAKE_T,
                                      .heartbeat_ms = FAKE_BEAT,
                                      .tick_ms = FAKE_BEAT / 2,
                                      .payload_cache_bytes = 4096,
                                      .on_forgotten = owner_forgotten,
                                      .on_behind = node_behind,
                                      .ctx = node };
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

void fake_free(struct fake *fake)
{
    for (uint32_t k = 0; k < fake->node_count; k++) {
        struct fake_node *node = &fake->nodes[k];
        if (node->up)
            node_stop(node);
        fake_log_fini(&node->log);
    }
    for (struct list_node *at; (at = list_pop(&fake->messages)) != NULL;) {
        struct fake_message *message = container_of(at, struct fake_message, link);
        buf_unref(message->buf);
        free(message);
    }
    free(fake);
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
            fake_log_step(&node->log);
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
    fake_log_power_off(log, kept);
    tell(fake, NET_GONE, node);
}

static void restart(struct fake *fake, uint64_t node, uint64_t preferred, uint64_t found)
{
    struct fake_node *again = fake_node(fake, node);

    again->log.found = found;
    roster_make(again);
    for (uint32_t k = 0; k < FAKE_GROUPS_MAX; k++)
        if (again->log.groups[k].state.group != 0)
            fake_open(again, again->log.groups[k].state.group, preferred, false);
    tell(fake, NET_UP, node);
}

void fake_restart(struct fake *fake, uint64_t node, uint64_t preferred)
{
    restart(fake, node, preferred, fake_node(fake, node)->log.durable);
}

/* Turns go on from what was found, as in the real log. */
void fake_restart_forgetful(struct fake *fake, uint64_t node, uint64_t turns)
{
    struct log *log = &fake_node(fake, node)->log;

    assert_true(list_empty(&log->writes) && log->durable > turns);
    log->durable -= turns;
    log->turn = log->durable + 1;
    restart(fake, node, node, log->durable);
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

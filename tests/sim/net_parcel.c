#include "net_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "forgotten.h"
#include "promises.h"

static void deliver(struct world *world, struct sim_node *node, void *ctx, uint64_t arg);
static void deadline_fire(struct timer *timer);

/* ---- messages ---- */

static struct parcel *parcel_new(struct buf *const parts[], uint32_t part_count)
{
    size_t len = 0;

    for (uint32_t i = 0; i < part_count; i++)
        len += parts[i]->len;
    struct parcel *parcel = sim_take(sizeof *parcel + len);
    *parcel = (struct parcel){ .len = 0 };
    for (uint32_t i = 0; i < part_count; i++) {
        if (parts[i]->len > 0)
            memcpy(parcel->bytes + parcel->len, parts[i]->data, parts[i]->len);
        parcel->len += parts[i]->len;
    }
    return parcel;
}

static bool alive(struct world *world, const struct parcel *parcel)
{
    uint32_t other = parcel->dialler == parcel->from ? parcel->to : parcel->from;
    const struct link *link = &net_at(world, parcel->dialler)->links[other];

    /* A paused dialler may not know yet that the process at the other end is another one. */
    return link->up && link->number == parcel->number && link->boot == world->nodes[other].boot;
}

/* The link is broken, its sender may be dead, and the message arrives all the same.  The first one
 * that does not is the end of it. */
static bool arrives_late(struct world *world, const struct parcel *parcel)
{
    struct link *link = &net_at(world, parcel->from)->links[parcel->to];

    if (parcel->dialler != parcel->from || link->up || !link->lingers ||
        parcel->boot != world->nodes[parcel->to].boot)
        return false;
    link->lingers = world_chance(world, 7, 8) && !net_at(world, parcel->from)->cut_to[parcel->to];
    return link->lingers;
}

void net_post(struct world *world, struct parcel *parcel)
{
    struct net *net = net_at(world, parcel->from);
    const struct net_weather *weather = net->weather;
    uint32_t other = parcel->dialler == parcel->from ? parcel->to : parcel->from;
    struct link *link = &net_at(world, parcel->dialler)->links[other];
    unsigned way = parcel->lane * 2 + (parcel->dialler == parcel->from ? 0 : 1);

    if (weather->loss_of != 0 && world_chance(world, weather->loss_in, weather->loss_of))
        net_link_break(net_at(world, parcel->dialler), other, 0);
    uint64_t at = world->now_ns + weather->delay_ns + world_below(world, weather->jitter_ns + 1);
    if (weather->slow_of != 0 && world_chance(world, weather->slow_in, weather->slow_of))
        at += world_below(world, weather->slow_ns + 1);
    if (at <= link->last_ns[way])
        at = link->last_ns[way] + 1;
    link->last_ns[way] = at;
    if (parcel->dialler == parcel->from)
        link->queued[parcel->lane] += parcel->len;
    world_after(world, (struct world_after){ .delay_ns = at - world->now_ns,
                                             .node = &world->nodes[parcel->to],
                                             .kind = KIND_NET_MESSAGE,
                                             .fn = deliver,
                                             .ctx = parcel,
                                             .owned = parcel });
}

static void dispatch_parcel(struct net *net, struct parcel *parcel);

static void deliver(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct parcel *parcel = ctx;

    if (!alive(world, parcel)) {
        if (arrives_late(world, parcel))
            dispatch_parcel(node->net, parcel);
        return;
    }
    uint32_t other = parcel->dialler == parcel->from ? parcel->to : parcel->from;
    struct link *link = &net_at(world, parcel->dialler)->links[other];
    if (parcel->dialler == parcel->from)
        link->queued[parcel->lane] -=
            parcel->len < link->queued[parcel->lane] ? parcel->len : link->queued[parcel->lane];
    if (net_at(world, parcel->from)->cut_to[parcel->to]) {
        struct heap *former = heap_enter(NULL);
        struct parcel *held = sim_take(sizeof *held + parcel->len);
        memcpy(held, parcel, sizeof *held + parcel->len);
        held->link = (struct list_node){ NULL, NULL };
        list_append(&link->held[parcel->dialler == parcel->from ? 0 : 1], &held->link);
        heap_enter(former);
        return;
    }
    dispatch_parcel(node->net, parcel);
}

static void answered(struct net *net, const struct parcel *parcel, struct buf *buf)
{
    for (struct list_node *at = list_first(&net->calls); at != NULL;
         at = list_next(&net->calls, at)) {
        struct net_call *call = container_of(at, struct net_call, link);
        if (call->number != parcel->call)
            continue;
        list_remove(at);
        call->cb(call, ERR_OK, parcel->remote, buf_slice(buf), buf);
        return;
    }
}

static void dispatch_parcel(struct net *net, struct parcel *parcel)
{
    AUTO_UNREF struct buf *buf = buf_copy(slice_of(parcel->bytes, parcel->len));
    struct handler *handler = &net->handlers[parcel->kind];

    ensure(buf != NULL);
    if (parcel->form == PARCEL_ANSWER) {
        answered(net, parcel, buf);
        return;
    }
    struct net_message message = {
        .from = parcel->sender, .kind = parcel->kind, .bytes = buf_slice(buf), .buf = buf
    };
    if (parcel->form == PARCEL_MESSAGE && handler->on_message != NULL)
        handler->on_message(handler->ctx, &message);
    if (parcel->form == PARCEL_CALL && handler->on_request != NULL) {
        struct net_incoming *incoming = malloc(sizeof *incoming);
        ensure(incoming != NULL);
        *incoming = (struct net_incoming){ .net = net,
                                           .from = parcel->from,
                                           .number = parcel->number,
                                           .call = parcel->call,
                                           .lane = parcel->lane };
        handler->on_request(handler->ctx, &message, incoming);
    }
}

static void deliver_local(struct defer *defer)
{
    struct net *net = container_of(defer, struct net, local);
    struct list ready;

    list_take(&ready, &net->local_parcels);
    for (struct list_node *at; (at = list_pop(&ready)) != NULL;) {
        struct parcel *parcel = container_of(at, struct parcel, link);
        dispatch_parcel(net, parcel);
        sim_free(parcel);
    }
}

static void send_parcel(struct net *net, uint32_t to, struct parcel *parcel)
{
    parcel->from = net->node->at;
    parcel->to = to;
    parcel->sender = net->node->id;
    parcel->boot = net->links[to].boot;
    if (to == net->node->at) {
        list_append(&net->local_parcels, &parcel->link);
        defer_run(&net->node->clock, &net->local, deliver_local);
        return;
    }
    if (parcel->dialler == net->node->at)
        net_repeat_note(net, parcel);
    net_post(net->node->world, parcel);
}

bool net_send(struct net *net, uint64_t node, enum net_lane lane, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count)
{
    int to = node == net->node->id ? (int)net->node->at : net_place_of(net, node);

    if (to < 0 || (node != net->node->id && !net->links[to].up))
        return false;
    if (net->links[to].queued[lane] > LANE_BYTES_MAX)
        return false;
    struct parcel *parcel = parcel_new(parts, part_count);
    parcel->form = PARCEL_MESSAGE;
    parcel->lane = lane;
    parcel->kind = kind;
    parcel->dialler = net->node->at;
    parcel->number = net->links[to].number;
    forgotten_sends(net->node->world, net->node, kind, slice_of(parcel->bytes, parcel->len));
    promises_sends(net->node->world, net->node, node, kind, slice_of(parcel->bytes, parcel->len));
    send_parcel(net, (uint32_t)to, parcel);
    return true;
}

/* ---- calls ---- */

void net_fail_calls(struct net *net, uint64_t node)
{
    struct list failed;

    list_init(&failed);
    for (struct list_node *at = list_first(&net->calls), *next; at != NULL; at = next) {
        struct net_call *call = container_of(at, struct net_call, link);
        next = list_next(&net->calls, at);
        if (call->node != node || call->err != ERR_OK)
            continue;
        list_remove(at);
        list_append(&failed, at);
    }
    for (struct list_node *at; (at = list_pop(&failed)) != NULL;) {
        struct net_call *call = container_of(at, struct net_call, link);
        call->cb(call, ERR_UNKNOWN, ERR_OK, slice_of(NULL, 0), NULL);
    }
}

static void arm_deadline(struct net *net)
{
    if (!timer_running(&net->deadline) && !list_empty(&net->calls))
        timer_start(&net->node->clock, &net->deadline, 10, deadline_fire);
}

static void deadline_fire(struct timer *timer)
{
    struct net *net = container_of(timer, struct net, deadline);
    uint64_t now_ns = clock_mono_ns(&net->node->clock);
    struct list late;

    list_init(&late);
    for (struct list_node *at = list_first(&net->calls), *next; at != NULL; at = next) {
        struct net_call *call = container_of(at, struct net_call, link);
        next = list_next(&net->calls, at);
        if (call->err == ERR_OK && call->due_ns > now_ns)
            continue;
        list_remove(at);
        list_append(&late, at);
    }
    for (struct list_node *at; (at = list_pop(&late)) != NULL;) {
        struct net_call *call = container_of(at, struct net_call, link);
        call->cb(call, call->err != ERR_OK ? call->err : ERR_TIMEOUT, ERR_OK, slice_of(NULL, 0),
                 NULL);
    }
    arm_deadline(net);
}

void net_call(struct net *net, struct net_call *call, uint64_t node, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count, uint64_t timeout_ms, net_call_cb cb)
{
    int to = node == net->node->id ? (int)net->node->at : net_place_of(net, node);

    *call = (struct net_call){ .cb = cb,
                               .number = ++net->calls_made,
                               .node = node,
                               .due_ns = clock_mono_ns(&net->node->clock) + timeout_ms * SIM_MS };
    list_append(&net->calls, &call->link);
    if (to < 0 || (node != net->node->id && !net->links[to].up)) {
        call->err = ERR_UNREACHABLE;
        timer_start(&net->node->clock, &net->deadline, 0, deadline_fire);
        return;
    }
    struct parcel *parcel = parcel_new(parts, part_count);
    parcel->form = PARCEL_CALL;
    parcel->lane = NET_LANE_BULK;
    parcel->kind = kind;
    parcel->call = call->number;
    parcel->dialler = net->node->at;
    parcel->number = net->links[to].number;
    send_parcel(net, (uint32_t)to, parcel);
    arm_deadline(net);
}

void net_call_cancel(struct net *net, struct net_call *call)
{
    list_remove(&call->link);
}

void net_answer(struct net_incoming *incoming, enum err remote, struct buf *const parts[],
                uint32_t part_count)
{
    struct net *net = incoming->net;
    struct parcel *parcel = parcel_new(parts, part_count);

    parcel->form = PARCEL_ANSWER;
    parcel->remote = remote;
    parcel->lane = incoming->lane;
    parcel->kind = NET_RAFT; /* says nothing: answers are told by their number */
    parcel->call = incoming->call;
    parcel->dialler = incoming->from;
    parcel->number = incoming->number;
    if (incoming->from != net->node->at) {
        parcel->from = net->node->at;
        parcel->to = incoming->from;
        if (!alive(net->node->world, parcel)) {
            sim_free(parcel);
            free(incoming);
            return;
        }
    }
    send_parcel(net, incoming->from, parcel);
    free(incoming);
}

#include "net_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"

#define LOST_AFTER_NS (5 * SIM_S) /* a link over which nothing comes is given up */
#define RETRY_FIRST_NS (10 * SIM_MS)
#define RETRY_MOST_NS (500 * SIM_MS)
#define SILENT_RETRY_NS (500 * SIM_MS)
#define LANE_BYTES_MAX (32u * 1024u * 1024u)

/* This node's dialled link to another. */
struct link {
    bool wanted;            /* somebody dialled the address */
    bool up;
    bool trying;
    bool gone;              /* the process that was there is known to be gone */
    uint64_t node, boot;    /* who answered last; 0 = nobody yet */
    uint32_t number;        /* counts the link's lives: what was sent before is lost */
    uint64_t retry_ns;
    uint64_t last_ns[NET_LANES * 2]; /* arrival of the newest message, per lane and direction */
    size_t queued[NET_LANES];
    struct list held;       /* of struct parcel: what meets a cut, in order */
};

struct handler {
    net_message_cb on_message;
    net_request_cb on_request;
    void *ctx;
};

struct net {
    struct sim_node *node;
    const struct net_weather *weather;
    struct handler handlers[NET_KIND_MAX];
    struct {
        net_event_cb cb;
        void *ctx;
    } listeners[NET_LISTENERS_MAX];
    uint32_t listener_count;
    unsigned char hello[NET_HELLO_MAX];
    size_t hello_len;
    uint64_t durable_turn;
    struct link links[SIM_NODES_MAX];
    bool cut_to[SIM_NODES_MAX];
    uint64_t cut_since[SIM_NODES_MAX];
    struct list calls;      /* of struct net_call, unanswered */
    uint64_t calls_made;
    struct defer local;     /* delivers what the node says to itself */
    struct list local_parcels;
    struct timer deadline;
};

enum parcel_form { PARCEL_MESSAGE, PARCEL_CALL, PARCEL_ANSWER };

/* A message on its way; memory of the simulator, as it outlives its sender. */
struct parcel {
    struct list_node link;
    uint32_t from, to;      /* nodes' places */
    uint32_t dialler;       /* whose link it travels on */
    uint32_t number;        /* that link's life */
    enum net_lane lane;
    enum net_kind kind;
    enum parcel_form form;
    enum err remote;
    uint64_t call;
    size_t len;
    unsigned char bytes[];
};

struct net_incoming {
    struct net *net;
    uint32_t from;
    uint32_t number;        /* of the caller's link */
    uint64_t call;
    enum net_lane lane;
};

static void link_try(struct net *net, uint32_t to, uint64_t delay_ns);
static void link_break(struct net *net, uint32_t to, uint64_t after_ns);
static void post(struct world *world, struct parcel *parcel);
static void deliver(struct world *world, struct sim_node *node, void *ctx, uint64_t arg);
static void deadline_fire(struct timer *timer);

struct net *net_sim_new(struct sim_node *node, const struct net_weather *weather)
{
    struct net *net = sim_malloc(sizeof *net);

    net->node = node;
    net->weather = weather;
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        list_init(&net->links[i].held);
    list_init(&net->calls);
    list_init(&net->local_parcels);
    return net;
}

static void drop_list(struct list *parcels)
{
    for (struct list_node *at; (at = list_pop(parcels)) != NULL;)
        sim_free(container_of(at, struct parcel, link));
}

void net_sim_free(struct net *net)
{
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        drop_list(&net->links[i].held);
    drop_list(&net->local_parcels);
    sim_free(net);
}

void net_sim_boot(struct net *net)
{
    memset(net->handlers, 0, sizeof net->handlers);
    net->listener_count = 0;
    net->hello_len = 0;
    net->durable_turn = 0;
    net->deadline = (struct timer){ .cb = NULL };
    net->local = (struct defer){ .cb = NULL };
    list_init(&net->calls);
    drop_list(&net->local_parcels);
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        struct link *link = &net->links[i];
        uint32_t number = link->number + 1;

        drop_list(&link->held);
        *link = (struct link){ .number = number };
        list_init(&link->held);
    }
}

/* ---- who is who ---- */

static struct sim_node *place_node(struct world *world, uint32_t at)
{
    return &world->nodes[at];
}

static struct net *net_at(struct world *world, uint32_t at)
{
    return world->nodes[at].net;
}

static int place_of(const struct net *net, uint64_t node)
{
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        if (net->links[i].wanted && net->links[i].node == node)
            return (int)i;
    return -1;
}

void net_handle(struct net *net, enum net_kind kind, net_message_cb on_message,
                net_request_cb on_request, void *ctx)
{
    ensure(kind < NET_KIND_MAX);
    net->handlers[kind] = (struct handler){ on_message, on_request, ctx };
}

void net_listen(struct net *net, net_event_cb cb, void *ctx)
{
    ensure(net->listener_count < NET_LISTENERS_MAX);
    net->listeners[net->listener_count].cb = cb;
    net->listeners[net->listener_count++].ctx = ctx;
}

void net_forget(struct net *net, const void *ctx)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < net->listener_count; i++)
        if (net->listeners[i].ctx != ctx)
            net->listeners[kept++] = net->listeners[i];
    net->listener_count = kept;
    for (uint32_t kind = 0; kind < NET_KIND_MAX; kind++)
        if (net->handlers[kind].ctx == ctx)
            net->handlers[kind] = (struct handler){ .ctx = NULL };
}

void net_hello_set(struct net *net, struct slice hello)
{
    ensure(hello.len <= NET_HELLO_MAX);
    memcpy(net->hello, hello.data, hello.len);
    net->hello_len = hello.len;
}

void net_durable_turn_set(struct net *net, uint64_t turn)
{
    net->durable_turn = turn;
}

bool net_is_up(const struct net *net, uint64_t node)
{
    if (node == net->node->id)
        return true;
    int at = place_of(net, node);
    return at >= 0 && net->links[at].up;
}

bool net_is_gone(const struct net *net, uint64_t node)
{
    int at = place_of(net, node);
    return at >= 0 && !net->links[at].up && net->links[at].gone;
}

size_t net_queued(const struct net *net, uint64_t node, enum net_lane lane)
{
    int at = place_of(net, node);
    return at >= 0 && net->links[at].up ? net->links[at].queued[lane] : 0;
}

/* ---- links ---- */

enum err net_dial(struct net *net, const char *address)
{
    unsigned at;

    if (sscanf(address, "node-%u", &at) != 1 || at == 0 || at > net->node->world->node_count)
        return ERR_INVALID;
    struct link *link = &net->links[at - 1];
    if (link->wanted || at - 1 == net->node->at)
        return ERR_OK;
    link->wanted = true;
    link->retry_ns = RETRY_FIRST_NS;
    link_try(net, at - 1, 0);
    return ERR_OK;
}

static void tell(struct net *net, enum net_event event, uint32_t to)
{
    struct link *link = &net->links[to];
    struct net *other = net_at(net->node->world, to);
    char address[32];

    snprintf(address, sizeof address, "node-%u", to + 1);
    struct net_peer peer = { .node = link->node, .boot = link->boot, .address = address };
    if (event == NET_UP) {
        peer.durable_turn = other->durable_turn;
        peer.hello = slice_of(other->hello, other->hello_len);
    }
    world_say(net->node->world, net->node, "link to node %u: %s", to + 1,
              event == NET_UP ? "up" : event == NET_LOST ? "lost" : "gone");
    for (uint32_t i = 0; i < net->listener_count; i++)
        net->listeners[i].cb(net->listeners[i].ctx, event, &peer);
}

static void say_gone(struct net *net, uint32_t to)
{
    struct link *link = &net->links[to];

    if (link->gone || link->node == 0)
        return;
    link->gone = true;
    tell(net, NET_GONE, to);
}

static void greet(struct net *net, uint32_t to)
{
    struct sim_node *other = place_node(net->node->world, to);
    struct link *link = &net->links[to];

    if (link->node != 0 && (link->boot != other->boot || link->node != other->id))
        say_gone(net, to);
    link->node = other->id;
    link->boot = other->boot;
    link->up = true;
    link->gone = false;
    link->retry_ns = RETRY_FIRST_NS;
    link->queued[0] = link->queued[1] = 0;
    memset(link->last_ns, 0, sizeof link->last_ns);
    tell(net, NET_UP, to);
}

static void tried(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct net *net = node->net;
    uint32_t to = (uint32_t)arg;
    struct link *link = &net->links[to];
    struct sim_node *other = place_node(world, to);

    link->trying = false;
    if (link->up)
        return;
    bool silent = other->host_down || net->cut_to[to] || other->net->cut_to[node->at] ||
                  (other->up && other->paused_until_ns > world->now_ns);
    if (silent) {
        link_try(net, to, SILENT_RETRY_NS);
    } else if (!other->up || other->control == NULL || other->id == 0) {
        say_gone(net, to);
        link->retry_ns = link->retry_ns * 2 > RETRY_MOST_NS ? RETRY_MOST_NS : link->retry_ns * 2;
        link_try(net, to, link->retry_ns);
    } else {
        greet(net, to);
    }
}

static void link_try(struct net *net, uint32_t to, uint64_t delay_ns)
{
    struct link *link = &net->links[to];
    struct world *world = net->node->world;

    if (link->trying || !link->wanted)
        return;
    link->trying = true;
    world_after(world, (struct world_after){ .delay_ns = delay_ns + 2 * net->weather->delay_ns +
                                                         world_below(world, SIM_MS),
                                             .node = net->node,
                                             .kind = KIND_NET_TRY,
                                             .fn = tried,
                                             .arg = to });
}

static void fail_calls(struct net *net, uint64_t node)
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

static void broken(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct net *net = node->net;
    uint32_t to = (uint32_t)(arg >> 32);
    struct link *link = &net->links[to];

    if (!link->up || link->number != (uint32_t)arg)
        return;
    link->up = false;
    link->number++;
    drop_list(&link->held);
    tell(net, NET_LOST, to);
    fail_calls(net, link->node);
    link_try(net, to, 0);
}

static void link_break(struct net *net, uint32_t to, uint64_t after_ns)
{
    struct link *link = &net->links[to];

    world_after(net->node->world, (struct world_after){ .delay_ns = after_ns,
                                                        .node = net->node,
                                                        .kind = KIND_NET_EVENT,
                                                        .fn = broken,
                                                        .arg = (uint64_t)to << 32 | link->number });
}

static void heard_goodbye(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct net *net = node->net;
    struct link *link = &net->links[arg];

    if (!link->up)
        return;
    link->up = false;
    link->number++;
    drop_list(&link->held);
    tell(net, NET_LOST, (uint32_t)arg);
    say_gone(net, (uint32_t)arg);
    fail_calls(net, link->node);
    link_try(net, (uint32_t)arg, RETRY_FIRST_NS);
}

void net_sim_down(struct net *net, enum death death, bool goodbye)
{
    struct world *world = net->node->world;
    uint32_t me = net->node->at;

    for (uint32_t i = 0; i < world->node_count; i++) {
        struct net *other = net_at(world, i);
        net->links[i].up = false;
        net->links[i].number++;
        drop_list(&net->links[i].held);
        if (i == me || !other->links[me].up)
            continue;
        if (goodbye)
            world_after(world, (struct world_after){ .delay_ns = 50 * SIM_US + world_below(world, SIM_MS),
                                                     .node = other->node,
                                                     .kind = KIND_NET_EVENT,
                                                     .fn = heard_goodbye,
                                                     .arg = me });
        else
            link_break(other, me,
                       death == DEATH_POWER ? LOST_AFTER_NS : 50 * SIM_US + world_below(world, SIM_MS));
    }
    drop_list(&net->local_parcels);
}

/* ---- cuts ---- */

bool net_sim_is_cut(struct world *world, uint32_t from, uint32_t to)
{
    return net_at(world, from)->cut_to[to];
}

static void cut_outlasted(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    uint32_t from = (uint32_t)(arg >> 8) & 0xff, to = (uint32_t)arg & 0xff;
    struct net *sender = net_at(world, from), *receiver = net_at(world, to);

    if (!sender->cut_to[to] || world->now_ns - sender->cut_since[to] < LOST_AFTER_NS)
        return;
    if (sender->node->up && sender->links[to].up)
        link_break(sender, to, 0);
    if (receiver->node->up && receiver->links[from].up)
        link_break(receiver, from, 0);
}

/* Messages of both dialled links that travel from `from` to `to` go on. */
static void release(struct world *world, uint32_t from, uint32_t to)
{
    struct link *links[2] = { &net_at(world, from)->links[to], &net_at(world, to)->links[from] };

    for (unsigned i = 0; i < 2; i++) {
        struct list held;

        list_take(&held, &links[i]->held);
        for (struct list_node *at; (at = list_pop(&held)) != NULL;) {
            struct parcel *parcel = container_of(at, struct parcel, link);
            if (parcel->from == from)
                post(world, parcel);
            else
                list_append(&links[i]->held, at);
        }
    }
}

void net_sim_cut(struct world *world, uint32_t from, uint32_t to, bool cut)
{
    struct net *net = net_at(world, from);

    if (net->cut_to[to] == cut)
        return;
    net->cut_to[to] = cut;
    net->cut_since[to] = world->now_ns;
    if (!cut) {
        release(world, from, to);
        return;
    }
    world_after(world, (struct world_after){ .delay_ns = LOST_AFTER_NS,
                                             .kind = KIND_NET_EVENT,
                                             .fn = cut_outlasted,
                                             .arg = (uint64_t)from << 8 | to });
}

/* ---- messages ---- */

static struct parcel *parcel_new(struct buf *const parts[], uint32_t part_count)
{
    size_t len = 0;

    for (uint32_t i = 0; i < part_count; i++)
        len += parts[i]->len;
    struct parcel *parcel = sim_malloc(sizeof *parcel + len);
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

    return link->up && link->number == parcel->number;
}

/* Sends the parcel on its way: its lane keeps order. */
static void post(struct world *world, struct parcel *parcel)
{
    struct net *net = net_at(world, parcel->from);
    const struct net_weather *weather = net->weather;
    uint32_t other = parcel->dialler == parcel->from ? parcel->to : parcel->from;
    struct link *link = &net_at(world, parcel->dialler)->links[other];
    unsigned way = parcel->lane * 2 + (parcel->dialler == parcel->from ? 0 : 1);

    if (weather->loss_of != 0 && world_chance(world, weather->loss_in, weather->loss_of))
        link_break(net_at(world, parcel->dialler), other, 0);
    uint64_t at = world->now_ns + weather->delay_ns + world_below(world, weather->jitter_ns + 1);
    if (weather->slow_of != 0 && world_chance(world, weather->slow_in, weather->slow_of))
        at += world_below(world, weather->slow_ns + 1);
    if (at <= link->last_ns[way])
        at = link->last_ns[way] + 1;
    link->last_ns[way] = at;
    if (parcel->dialler == parcel->from)
        link->queued[parcel->lane] += parcel->len;
    world_after(world, (struct world_after){ .delay_ns = at - world->now_ns,
                                             .node = place_node(world, parcel->to),
                                             .kind = KIND_NET_MESSAGE,
                                             .fn = deliver,
                                             .ctx = parcel,
                                             .owned = parcel });
}

static bool dispatch_parcel(struct net *net, struct parcel *parcel);

static void deliver(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct parcel *parcel = ctx;

    if (!alive(world, parcel))
        return;
    uint32_t other = parcel->dialler == parcel->from ? parcel->to : parcel->from;
    struct link *link = &net_at(world, parcel->dialler)->links[other];
    if (parcel->dialler == parcel->from)
        link->queued[parcel->lane] -= parcel->len < link->queued[parcel->lane]
                                          ? parcel->len
                                          : link->queued[parcel->lane];
    if (net_at(world, parcel->from)->cut_to[parcel->to] || !list_empty(&link->held)) {
        struct heap *former = heap_enter(NULL);
        struct parcel *held = sim_malloc(sizeof *held + parcel->len);
        memcpy(held, parcel, sizeof *held + parcel->len);
        held->link = (struct list_node){ NULL, NULL };
        list_append(&link->held, &held->link);
        heap_enter(former);
        if (!net_at(world, parcel->from)->cut_to[parcel->to])
            release(world, parcel->from, parcel->to);
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

static bool dispatch_parcel(struct net *net, struct parcel *parcel)
{
    AUTO_UNREF struct buf *buf = buf_copy(slice_of(parcel->bytes, parcel->len));
    struct handler *handler = &net->handlers[parcel->kind];

    ensure(buf != NULL);
    if (parcel->form == PARCEL_ANSWER) {
        answered(net, parcel, buf);
        return true;
    }
    struct net_message message = { .from = net->node->world->nodes[parcel->from].id,
                                   .kind = parcel->kind,
                                   .bytes = buf_slice(buf),
                                   .buf = buf };
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
    return true;
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
    if (to == net->node->at) {
        list_append(&net->local_parcels, &parcel->link);
        defer_run(&net->node->clock, &net->local, deliver_local);
        return;
    }
    post(net->node->world, parcel);
}

bool net_send(struct net *net, uint64_t node, enum net_lane lane, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count)
{
    int to = node == net->node->id ? (int)net->node->at : place_of(net, node);

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
    send_parcel(net, (uint32_t)to, parcel);
    return true;
}

/* ---- calls ---- */

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
    int to = node == net->node->id ? (int)net->node->at : place_of(net, node);

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

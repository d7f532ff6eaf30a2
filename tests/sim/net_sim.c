#include "net_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"

#define LOST_AFTER_NS (2 * SIM_S) /* a link over which nothing comes is given up */
#define RETRY_FIRST_NS (10 * SIM_MS)
#define RETRY_MOST_NS (500 * SIM_MS)
#define SILENT_RETRY_NS (500 * SIM_MS)

static void link_try(struct net *net, uint32_t to, uint64_t delay_ns);

static void lists_init(struct link *link)
{
    list_init(&link->held[0]);
    list_init(&link->held[1]);
    list_init(&link->sent);
}

struct net *net_sim_new(struct sim_node *node, const struct net_weather *weather)
{
    struct net *net = sim_malloc(sizeof *net);

    net->node = node;
    net->weather = weather;
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        lists_init(&net->links[i]);
    list_init(&net->calls);
    list_init(&net->local_parcels);
    return net;
}

static void drop_list(struct list *parcels)
{
    for (struct list_node *at; (at = list_pop(parcels)) != NULL;)
        sim_free(container_of(at, struct parcel, link));
}

static void drop_held(struct link *link)
{
    drop_list(&link->held[0]);
    drop_list(&link->held[1]);
}

void net_sim_free(struct net *net)
{
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        drop_held(&net->links[i]);
        net_repeat_drop(&net->links[i]);
    }
    drop_list(&net->local_parcels);
    sim_free(net);
}

void net_sim_boot(struct net *net)
{
    memset(net->handlers, 0, sizeof net->handlers);
    net->listener_count = 0;
    net->hello_len = 0;
    net->deadline = (struct timer){ .cb = NULL };
    net->local = (struct defer){ .cb = NULL };
    list_init(&net->calls);
    drop_list(&net->local_parcels);
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        struct link *link = &net->links[i];
        uint32_t number = link->number + 1;
        bool lingers = link->lingers;

        drop_held(link);
        net_repeat_drop(link);
        *link = (struct link){ .number = number, .lingers = lingers };
        lists_init(link);
    }
}

/* ---- who is who ---- */

static struct sim_node *place_node(struct world *world, uint32_t at)
{
    return &world->nodes[at];
}

int net_place_of(const struct net *net, uint64_t node)
{
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        if (net->links[i].wanted && net->links[i].node == node)
            return (int)i;
    return -1;
}

void net_handle(struct net *net, enum net_kind kind, net_message_cb on_message,
                net_request_cb on_request, void *ctx)
{
    ensure(kind >= 1 && kind < NET_KIND_MAX);
    ensure((on_message == NULL) != (on_request == NULL)); /* as the real one */
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

bool net_is_up(const struct net *net, uint64_t node)
{
    if (node == net->node->id)
        return true;
    int at = net_place_of(net, node);
    return at >= 0 && net->links[at].up;
}

bool net_is_gone(const struct net *net, uint64_t node)
{
    int at = net_place_of(net, node);
    return at >= 0 && !net->links[at].up && net->links[at].gone;
}

size_t net_queued(const struct net *net, uint64_t node, enum net_lane lane)
{
    int at = net_place_of(net, node);
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
    if (link->up)
        return ERR_OK;
    link->retry_ns = RETRY_FIRST_NS;
    link_try(net, at - 1, 0);
    return ERR_OK;
}

void net_undial(struct net *net, const char *address)
{
    unsigned at;

    if (sscanf(address, "node-%u", &at) == 1 && at > 0 && at <= net->node->world->node_count)
        net->links[at - 1].wanted = false;
}

static void tell(struct net *net, enum net_event event, uint32_t to)
{
    struct link *link = &net->links[to];
    struct net *other = net_at(net->node->world, to);
    char address[32];

    snprintf(address, sizeof address, "node-%u", to + 1);
    struct net_peer peer = { .node = link->node, .boot = link->boot, .address = address };
    if (event == NET_UP)
        peer.hello = slice_of(other->hello, other->hello_len);
    world_say(net->node->world, net->node, "link to node %u: %s", to + 1,
              event == NET_UP     ? "up"
              : event == NET_LOST ? "lost"
                                  : "gone");
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
    if (link->node != other->id)
        net_repeat_drop(link);
    link->node = other->id;
    link->boot = other->boot;
    link->up = true;
    link->gone = link->lingers = false;
    link->retry_ns = RETRY_FIRST_NS;
    link->queued[0] = link->queued[1] = 0;
    memset(link->last_ns, 0, sizeof link->last_ns);
    net_repeat(net, to);
    tell(net, NET_UP, to);
}

static void tried(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct net *net = node->net;
    uint32_t to = (uint32_t)arg;
    struct link *link = &net->links[to];
    struct sim_node *other = place_node(world, to);

    link->trying = false;
    if (link->up || !link->wanted)
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

static void link_down(struct net *net, struct link *link)
{
    link->lingers = link->up && net->weather->lingers && world_chance(net->node->world, 1, 2);
    link->up = false;
    link->number++;
    drop_held(link);
}

static void broken(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct net *net = node->net;
    uint32_t to = (uint32_t)(arg >> 32);
    struct link *link = &net->links[to];

    if (!link->up || link->number != (uint32_t)arg)
        return;
    link_down(net, link);
    tell(net, NET_LOST, to);
    net_fail_calls(net, link->node);
    link_try(net, to, 0);
}

void net_link_break(struct net *net, uint32_t to, uint64_t after_ns)
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
    link_down(net, link);
    tell(net, NET_LOST, (uint32_t)arg);
    say_gone(net, (uint32_t)arg);
    net_fail_calls(net, link->node);
    link_try(net, (uint32_t)arg, RETRY_FIRST_NS);
}

void net_sim_down(struct net *net, enum death death, bool goodbye)
{
    struct world *world = net->node->world;
    uint32_t me = net->node->at;

    for (uint32_t i = 0; i < world->node_count; i++) {
        struct net *other = net_at(world, i);
        link_down(net, &net->links[i]);
        if (i == me || !other->links[me].up)
            continue;
        if (goodbye)
            world_after(world,
                        (struct world_after){ .delay_ns = 50 * SIM_US + world_below(world, SIM_MS),
                                              .node = other->node,
                                              .kind = KIND_NET_EVENT,
                                              .fn = heard_goodbye,
                                              .arg = me });
        else
            net_link_break(other, me,
                           death == DEATH_POWER ? LOST_AFTER_NS
                                                : 50 * SIM_US + world_below(world, SIM_MS));
    }
    drop_list(&net->local_parcels);
}

uint64_t net_sim_repeated(const struct net *net)
{
    return net->repeated;
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
        net_link_break(sender, to, 0);
    if (receiver->node->up && receiver->links[from].up)
        net_link_break(receiver, from, 0);
}

/* Messages of both dialled links that travel from `from` to `to` go on. */
void net_release(struct world *world, uint32_t from, uint32_t to)
{
    struct list *held[2] = { &net_at(world, from)->links[to].held[0],
                             &net_at(world, to)->links[from].held[1] };

    for (unsigned i = 0; i < 2; i++) {
        struct list ready;

        list_take(&ready, held[i]);
        for (struct list_node *at; (at = list_pop(&ready)) != NULL;)
            net_post(world, container_of(at, struct parcel, link));
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
        net_release(world, from, to);
        return;
    }
    world_after(world, (struct world_after){ .delay_ns = LOST_AFTER_NS,
                                             .kind = KIND_NET_EVENT,
                                             .fn = cut_outlasted,
                                             .arg = (uint64_t)from << 8 | to });
}

#include "net_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uv.h>

#include "base/limits.h"
#include "env/real.h"

void patience_on_time(struct timer *timer)
{
    struct world *world = container_of(timer, struct world, patience);

    if (++world->waited_ms > PATIENCE_MS)
        fail_msg("nothing happened for too long");
    timer_start(world->clock, timer, 1, patience_on_time);
}

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    (void)signal(SIGPIPE, SIG_IGN); /* as braidd: net_peer.h */
    assert_int_equal(uv_loop_init(&world->loop), 0);
    world->clock = clock_uv_new(&world->loop);
    for (int at = 0; at < NODES; at++)
        world->nodes[at].world = world;
    return world;
}

static void on_event(void *ctx, enum net_event event, const struct net_peer *peer)
{
    struct node *node = ctx;
    struct event *seen = &node->events[node->event_count++];

    assert_true(node->event_count < EVENTS_MAX);
    *seen = (struct event){ .event = event, .node = peer->node, .boot = peer->boot };
    assert_true(peer->hello.len < sizeof(seen->hello));
    if (peer->hello.len > 0)
        memcpy(seen->hello, peer->hello.data, peer->hello.len);
}

static void on_message(void *ctx, const struct net_message *message)
{
    struct node *node = ctx;

    node->got_bytes += message->bytes.len;
    if (node->got_len + message->bytes.len < sizeof(node->got)) {
        memcpy(node->got + node->got_len, message->bytes.data, message->bytes.len);
        node->got_len += message->bytes.len;
    }
}

/* Answers with the question, or keeps it. */
static void on_request(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct node *node = ctx;

    node->requests++;
    if (node->hold) {
        node->held = incoming;
        return;
    }
    net_answer(incoming, ERR_EXISTS, (struct buf *[]){ message->buf }, 1);
}

void on_closed(void *ctx)
{
    struct node *node = ctx;

    node->net = NULL;
    node->closed = true;
}

void node_open_with(struct world *world, int at, uint64_t boot, struct net_peer_options options)
{
    struct node *node = &world->nodes[at];
    struct reason reason = { "" };

    options.node = (uint64_t)at + 1;
    options.boot = boot;
    options.host = "127.0.0.1";
    options.port = node->port; /* the same as before, if there was one before */
    options.address = "test:1";
    node->closed = false;
    enum err err = net_peer_open(&node->net, &world->loop, world->clock, &options, &reason);
    if (err != ERR_OK)
        fail_msg("%s", reason.text);
    node->port = net_peer_port(node->net);
    net_handle(node->net, NET_RAFT, on_message, NULL, node);
    net_handle(node->net, NET_PUT, NULL, on_request, node);
    net_listen(node->net, on_event, node);
}

void node_open(struct world *world, int at, uint64_t boot)
{
    node_open_with(world, at, boot, (struct net_peer_options){ .node = 0 });
}

void node_close(struct world *world, int at)
{
    net_peer_close(world->nodes[at].net, on_closed, &world->nodes[at]);
    until(world, world->nodes[at].closed);
}

void node_dial(struct world *world, int from, int to)
{
    char address[NET_ADDRESS_MAX];

    snprintf(address, sizeof(address), "127.0.0.1:%u", world->nodes[to].port);
    assert_int_equal(net_dial(world->nodes[from].net, address), ERR_OK);
}

void world_free(struct world *world)
{
    for (int at = 0; at < NODES; at++)
        if (world->nodes[at].net != NULL)
            node_close(world, at);
    clock_uv_free(world->clock);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    free(world);
}

struct world *pair_with(struct net_peer_options options)
{
    struct world *world = world_new();

    node_open_with(world, 0, 100, options);
    node_open_with(world, 1, 200, options);
    node_dial(world, 0, 1);
    node_dial(world, 1, 0);
    until(world, net_is_up(world->nodes[0].net, 2) && net_is_up(world->nodes[1].net, 1));
    return world;
}

struct world *pair(void)
{
    return pair_with((struct net_peer_options){ .node = 0 });
}

bool send_text(struct node *node, uint64_t to, enum net_lane lane, const char *text)
{
    AUTO_UNREF struct buf *buf = buf_copy(slice_text(text));

    return net_send(node->net, to, lane, NET_RAFT, (struct buf *[]){ buf }, 1);
}

struct event last_event(const struct node *node)
{
    assert_true(node->event_count > 0);
    return node->events[node->event_count - 1];
}

int events_of(const struct node *node, enum net_event event)
{
    int count = 0;

    for (int at = 0; at < node->event_count; at++)
        count += node->events[at].event == event;
    return count;
}

/* ---- a call that remembers its end ---- */

void ask_on_end(struct net_call *call, enum err err, enum err remote, struct slice answer,
                struct buf *buf)
{
    struct ask *ask = container_of(call, struct ask, call);

    ask->ends++;
    ask->err = err;
    ask->remote = remote;
    ask->answer_len = answer.len;
    if (answer.len > 0 && answer.len < sizeof(ask->answer))
        memcpy(ask->answer, answer.data, answer.len);
}

void ask_text(struct node *node, struct ask *ask, uint64_t to, const char *text,
              uint64_t timeout_ms)
{
    AUTO_UNREF struct buf *buf = buf_copy(slice_text(text));

    *ask = (struct ask){ .ends = 0 };
    net_call(node->net, &ask->call, to, NET_PUT, (struct buf *[]){ buf }, 1, timeout_ms,
             ask_on_end);
    assert_int_equal(ask->ends, 0); /* never from inside */
}

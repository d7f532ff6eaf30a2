/* Several nodes in one process and one loop, over real sockets on 127.0.0.1. */
#include <setjmp.h>
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
#include "env/timer.h"
#include "peer/frame.h"
#include "peer/net_peer.h"

#define NODES 3
#define EVENTS_MAX 64
#define PATIENCE_MS 20000

struct event {
    enum net_event event;
    uint64_t node, boot;
    char hello[64];
};

struct node {
    struct world *world;
    struct net *net;
    uint16_t port;
    struct event events[EVENTS_MAX];
    int event_count;
    char got[1 << 16]; /* messages, one behind the other */
    size_t got_len;
    uint64_t got_bytes;
    int requests;
    bool hold; /* keep incoming calls in `held` */
    struct net_incoming *held;
    bool closed;
};

struct world {
    uv_loop_t loop;
    struct clock *clock;
    struct timer patience;
    int waited_ms;
    struct node nodes[NODES];
};

/* Wakes the loop now and then: what a deferred call did right before it went to sleep is seen. */
static void patience_on_time(struct timer *timer)
{
    struct world *world = container_of(timer, struct world, patience);

    if (++world->waited_ms > PATIENCE_MS)
        fail_msg("nothing happened for too long");
    timer_start(world->clock, timer, 1, patience_on_time);
}

static struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    world->clock = clock_uv_new(&world->loop);
    for (int at = 0; at < NODES; at++)
        world->nodes[at].world = world;
    return world;
}

#define until(world, condition)                                                                    \
    do {                                                                                           \
        (world)->waited_ms = 0;                                                                    \
        timer_start((world)->clock, &(world)->patience, 1, patience_on_time);                      \
        while (!(condition))                                                                       \
            uv_run(&(world)->loop, UV_RUN_ONCE);                                                   \
        timer_stop(&(world)->patience);                                                            \
    } while (0)

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

static void on_closed(void *ctx)
{
    struct node *node = ctx;

    node->net = NULL;
    node->closed = true;
}

static void node_open_with(struct world *world, int at, uint64_t boot,
                           struct net_peer_options options)
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

static void node_open(struct world *world, int at, uint64_t boot)
{
    node_open_with(world, at, boot, (struct net_peer_options){ .node = 0 });
}

static void node_close(struct world *world, int at)
{
    net_peer_close(world->nodes[at].net, on_closed, &world->nodes[at]);
    until(world, world->nodes[at].closed);
}

static void node_dial(struct world *world, int from, int to)
{
    char address[NET_ADDRESS_MAX];

    snprintf(address, sizeof(address), "127.0.0.1:%u", world->nodes[to].port);
    assert_int_equal(net_dial(world->nodes[from].net, address), ERR_OK);
}

static void world_free(struct world *world)
{
    for (int at = 0; at < NODES; at++)
        if (world->nodes[at].net != NULL)
            node_close(world, at);
    clock_uv_free(world->clock);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    free(world);
}

/* Two nodes that have dialled each other. */
static struct world *pair_with(struct net_peer_options options)
{
    struct world *world = world_new();

    node_open_with(world, 0, 100, options);
    node_open_with(world, 1, 200, options);
    node_dial(world, 0, 1);
    node_dial(world, 1, 0);
    until(world, net_is_up(world->nodes[0].net, 2) && net_is_up(world->nodes[1].net, 1));
    return world;
}

static struct world *pair(void)
{
    return pair_with((struct net_peer_options){ .node = 0 });
}

static bool send_text(struct node *node, uint64_t to, enum net_lane lane, const char *text)
{
    AUTO_UNREF struct buf *buf = buf_copy(slice_text(text));

    return net_send(node->net, to, lane, NET_RAFT, (struct buf *[]){ buf }, 1);
}

static struct event last_event(const struct node *node)
{
    assert_true(node->event_count > 0);
    return node->events[node->event_count - 1];
}

static int events_of(const struct node *node, enum net_event event)
{
    int count = 0;

    for (int at = 0; at < node->event_count; at++)
        count += node->events[at].event == event;
    return count;
}

/* ---- a call that remembers its end ---- */

struct ask {
    struct net_call call;
    int ends;
    enum err err, remote;
    char answer[64];
    size_t answer_len;
};

static void ask_on_end(struct net_call *call, enum err err, enum err remote, struct slice answer,
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

static void ask_text(struct node *node, struct ask *ask, uint64_t to, const char *text,
                     uint64_t timeout_ms)
{
    AUTO_UNREF struct buf *buf = buf_copy(slice_text(text));

    *ask = (struct ask){ .ends = 0 };
    net_call(node->net, &ask->call, to, NET_PUT, (struct buf *[]){ buf }, 1, timeout_ms,
             ask_on_end);
    assert_int_equal(ask->ends, 0); /* never from inside */
}

/* ---- tests ---- */

static void greetings_tell_who_is_there(void **state)
{
    struct world *world = world_new();

    node_open(world, 0, 100);
    node_open(world, 1, 200);
    net_hello_set(world->nodes[1].net, slice_text("az=b"));
    node_dial(world, 0, 1);
    until(world, net_is_up(world->nodes[0].net, 2));
    struct event event = last_event(&world->nodes[0]);
    assert_int_equal(event.event, NET_UP);
    assert_int_equal(event.node, 2);
    assert_int_equal(event.boot, 200);
    assert_string_equal(event.hello, "az=b");
    assert_false(net_is_up(world->nodes[1].net, 1)); /* it has not dialled */
    assert_int_equal(world->nodes[1].event_count, 0);
    world_free(world);
}

static void names_are_resolved(void **state)
{
    struct world *world = world_new();
    char address[64];

    node_open(world, 0, 100);
    node_open(world, 1, 200);
    snprintf(address, sizeof(address), "localhost:%u", world->nodes[1].port);
    assert_int_equal(net_dial(world->nodes[0].net, address), ERR_OK);
    until(world, net_is_up(world->nodes[0].net, 2));
    world_free(world);
}

static void a_close_while_a_name_is_resolved_ends(void **state)
{
    struct world *world = world_new();

    node_open(world, 0, 100);
    assert_int_equal(net_dial(world->nodes[0].net, "localhost:1"), ERR_OK);
    uv_run(&world->loop, UV_RUN_NOWAIT);
    world_free(world);
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = { "",          "host",       "host:",    ":1",
                                       "host:0",    "host:65536", "host:1x",  "::1:80",
                                       "host:-1",   "[]:1",       "host: 80", "host:123456" };
    struct world *world = world_new();

    node_open(world, 0, 100);
    for (size_t at = 0; at < sizeof(bad) / sizeof(bad[0]); at++)
        assert_int_equal(net_dial(world->nodes[0].net, bad[at]), ERR_INVALID);
    world_free(world);
}

static void messages_on_a_lane_arrive_in_order(void **state)
{
    struct world *world = pair();
    char text[16];

    for (int at = 0; at < 1000; at++) {
        snprintf(text, sizeof(text), "%d,", at);
        assert_true(send_text(&world->nodes[0], 2, NET_LANE_RAFT, text));
        if (at % 100 == 0)
            uv_run(&world->loop, UV_RUN_NOWAIT);
    }
    until(world, strstr(world->nodes[1].got, "999,") != NULL);
    char *rest = world->nodes[1].got;
    for (long at = 0; at < 1000; at++) {
        assert_int_equal(strtol(rest, &rest, 10), at);
        rest++;
    }
    world_free(world);
}

static void a_message_of_many_parts_is_one_message(void **state)
{
    struct world *world = pair();
    struct buf *parts[3000];

    for (int at = 0; at < 3000; at++)
        parts[at] = buf_copy(slice_text(at % 3 == 0 ? "" : "ab"));
    assert_true(net_send(world->nodes[0].net, 2, NET_LANE_BULK, NET_RAFT, parts, 3000));
    assert_true(net_queued(world->nodes[0].net, 2, NET_LANE_BULK) > 4000);
    for (int at = 0; at < 3000; at++)
        buf_unref(parts[at]);
    until(world, world->nodes[1].got_bytes == 4000);
    until(world, net_queued(world->nodes[0].net, 2, NET_LANE_BULK) == 0);
    world_free(world);
}

static void the_largest_message_goes_through_and_a_larger_one_does_not(void **state)
{
    struct world *world = pair();
    struct buf *big = buf_new(PEER_FRAME_BYTES_MAX);
    struct buf *bigger = buf_new(PEER_FRAME_BYTES_MAX + 1);
    struct ask ask = { .ends = 0 };

    memset(big->data, 7, big->len);
    assert_true(net_send(world->nodes[0].net, 2, NET_LANE_RAFT, NET_RAFT, &big, 1));
    assert_false(net_send(world->nodes[0].net, 2, NET_LANE_RAFT, NET_RAFT, &bigger, 1));
    until(world, world->nodes[1].got_bytes == big->len);
    net_call(world->nodes[0].net, &ask.call, 2, NET_PUT, &bigger, 1, 1000, ask_on_end);
    until(world, ask.ends == 1);
    assert_int_equal(ask.err, ERR_TOO_BIG);
    net_call(world->nodes[0].net, &ask.call, 2, NET_PUT, &big, 1, 10000, ask_on_end);
    until(world, ask.ends == 2);
    assert_int_equal(ask.err, ERR_OK);
    assert_int_equal(ask.answer_len, big->len);
    buf_unref(big);
    buf_unref(bigger);
    world_free(world);
}

static void over_the_maximum_messages_are_dropped(void **state)
{
    struct world *world = pair_with((struct net_peer_options){ .raft_queue_bytes_max = 1000 });
    AUTO_UNREF struct buf *part = buf_new(400);
    struct node *node = &world->nodes[0];

    memset(part->data, 'x', part->len);
    assert_true(net_send(node->net, 2, NET_LANE_RAFT, NET_RAFT, &part, 1));
    assert_true(net_send(node->net, 2, NET_LANE_RAFT, NET_RAFT, &part, 1));
    assert_false(net_send(node->net, 2, NET_LANE_RAFT, NET_RAFT, &part, 1));
    assert_true(net_send(node->net, 2, NET_LANE_BULK, NET_RAFT, &part, 1));
    until(world, net_queued(node->net, 2, NET_LANE_RAFT) == 0);
    assert_true(net_send(node->net, 2, NET_LANE_RAFT, NET_RAFT, &part, 1));
    until(world, world->nodes[1].got_bytes == 1600);
    assert_int_equal(net_peer_figures(node->net)->dropped, 1);
    world_free(world);
}

static void nothing_is_sent_to_a_stranger(void **state)
{
    struct world *world = pair();
    struct ask ask;

    assert_false(send_text(&world->nodes[0], 99, NET_LANE_RAFT, "x"));
    assert_int_equal(net_queued(world->nodes[0].net, 99, NET_LANE_RAFT), 0);
    ask_text(&world->nodes[0], &ask, 99, "x", 1000);
    until(world, ask.ends == 1);
    assert_int_equal(ask.err, ERR_UNREACHABLE);
    world_free(world);
}

static void a_call_gets_its_answer(void **state)
{
    struct world *world = pair();
    struct ask asks[100];

    for (int at = 0; at < 100; at++)
        ask_text(&world->nodes[at % 2], &asks[at], at % 2 == 0 ? 2 : 1, at < 50 ? "young" : "old",
                 10000);
    for (int at = 0; at < 100; at++) {
        until(world, asks[at].ends == 1);
        assert_int_equal(asks[at].err, ERR_OK);
        assert_int_equal(asks[at].remote, ERR_EXISTS);
        assert_memory_equal(asks[at].answer, at < 50 ? "young" : "old", at < 50 ? 5 : 3);
    }
    assert_int_equal(net_peer_figures(world->nodes[0].net)->calls, 0);
    world_free(world);
}

static void a_call_of_an_unknown_kind_is_answered_so(void **state)
{
    struct world *world = pair();
    struct ask ask = { .ends = 0 };

    net_call(world->nodes[0].net, &ask.call, 2, NET_LOCATE, NULL, 0, 10000, ask_on_end);
    until(world, ask.ends == 1);
    assert_int_equal(ask.err, ERR_OK);
    assert_int_equal(ask.remote, ERR_NOT_FOUND);
    world_free(world);
}

static void a_call_without_an_answer_times_out_and_a_late_answer_is_ignored(void **state)
{
    struct world *world = pair();
    struct ask slow, quick;

    world->nodes[1].hold = true;
    ask_text(&world->nodes[0], &slow, 2, "slow", 60000);
    until(world, world->nodes[1].requests == 1);
    struct net_incoming *slow_incoming = world->nodes[1].held;
    ask_text(&world->nodes[0], &quick, 2, "quick", 5);
    until(world, quick.ends == 1);
    assert_int_equal(quick.err, ERR_TIMEOUT);
    assert_int_equal(slow.ends, 0);
    until(world, world->nodes[1].requests == 2);
    net_answer(world->nodes[1].held, ERR_OK, NULL, 0);
    net_answer(slow_incoming, ERR_BUSY, NULL, 0);
    until(world, slow.ends == 1);
    assert_int_equal(slow.err, ERR_OK);
    assert_int_equal(slow.remote, ERR_BUSY);
    assert_int_equal(quick.ends, 1);
    world_free(world);
}

/* The answerer's queue is full: nobody reads while the loop stands still. */
static void a_full_queue_never_turns_what_was_done_into_busy(void **state)
{
    struct world *world = pair_with((struct net_peer_options){ .bulk_queue_bytes_max = 10000 });
    AUTO_UNREF struct buf *large = buf_new(PEER_SHORT_ANSWER_BYTES_MAX + 8000);
    AUTO_UNREF struct buf *small = buf_copy(slice_text("stored"));
    struct net_incoming *held[4];
    struct ask asks[4];

    memset(large->data, 'x', large->len);
    world->nodes[1].hold = true;
    for (int at = 0; at < 4; at++) {
        ask_text(&world->nodes[0], &asks[at], 2, "?", 60000);
        until(world, world->nodes[1].requests == at + 1);
        held[at] = world->nodes[1].held;
    }
    net_answer(held[0], ERR_OK, &large, 1); /* nothing waited before it */
    net_answer(held[1], ERR_OK, &large, 1);
    net_answer(held[2], ERR_OK, &small, 1);
    net_answer(held[3], ERR_NOT_LEADER, &small, 1);
    for (int at = 0; at < 4; at++) {
        until(world, asks[at].ends == 1);
        assert_int_equal(asks[at].err, ERR_OK);
    }
    assert_int_equal(asks[0].remote, ERR_OK);
    assert_int_equal(asks[0].answer_len, large->len);
    assert_int_equal(asks[1].remote, ERR_UNKNOWN);
    assert_int_equal(asks[1].answer_len, 0);
    assert_int_equal(asks[2].remote, ERR_OK);
    assert_memory_equal(asks[2].answer, "stored", 6);
    assert_int_equal(asks[3].remote, ERR_NOT_LEADER);
    world_free(world);
}

static void a_cancelled_call_never_calls_back(void **state)
{
    struct world *world = pair();
    struct ask sent, refused, other;

    ask_text(&world->nodes[0], &sent, 2, "x", 10000);
    ask_text(&world->nodes[0], &refused, 99, "x", 10000);
    net_call_cancel(world->nodes[0].net, &sent.call);
    net_call_cancel(world->nodes[0].net, &refused.call);
    ask_text(&world->nodes[0], &other, 2, "x", 10000);
    until(world, other.ends == 1);
    assert_int_equal(world->nodes[1].requests, 2);
    assert_int_equal(sent.ends, 0);
    assert_int_equal(refused.ends, 0);
    net_call_cancel(world->nodes[0].net, &other.call); /* again, after its end */
    world_free(world);
}

static void when_the_link_breaks_calls_say_whether_they_may_have_been_done(void **state)
{
    struct world *world = pair();
    struct ask asked, queued;

    world->nodes[1].hold = true;
    ask_text(&world->nodes[0], &asked, 2, "x", 60000);
    until(world, world->nodes[1].requests == 1);
    node_close(world, 1);
    net_answer(world->nodes[1].held, ERR_OK, NULL, 0); /* after the end: to no effect */
    until(world, asked.ends == 1);
    assert_int_equal(asked.err, ERR_UNKNOWN);
    ask_text(&world->nodes[0], &queued, 2, "x", 60000);
    until(world, queued.ends == 1);
    assert_int_equal(queued.err, ERR_UNREACHABLE);
    world_free(world);
}

static void a_node_talks_to_itself(void **state)
{
    struct world *world = world_new();
    struct node *node = &world->nodes[0];
    struct ask ask;

    node_open(world, 0, 100);
    assert_true(net_is_up(node->net, 1));
    assert_true(send_text(node, 1, NET_LANE_RAFT, "me"));
    assert_int_equal(node->got_len, 0); /* not from inside */
    ask_text(node, &ask, 1, "who", 10000);
    until(world, ask.ends == 1);
    assert_int_equal(node->got_len, 2);
    assert_int_equal(ask.remote, ERR_EXISTS);
    assert_memory_equal(ask.answer, "who", 3);
    world_free(world);
}

static void a_node_that_dials_itself_notices(void **state)
{
    struct world *world = pair();

    node_dial(world, 0, 0);
    until(world, net_peer_figures(world->nodes[0].net)->links_in == 4);
    until(world, net_peer_figures(world->nodes[0].net)->links_in == 2);
    assert_int_equal(world->nodes[0].event_count, 1); /* the other's UP */
    world_free(world);
}

static void a_process_that_ended_is_lost_then_gone_once(void **state)
{
    struct world *world = pair();
    struct node *left = &world->nodes[0];

    node_close(world, 1);
    until(world, net_is_gone(left->net, 2));
    assert_false(net_is_up(left->net, 2));
    assert_int_equal(left->event_count, 3);
    assert_int_equal(left->events[1].event, NET_LOST);
    assert_int_equal(left->events[2].event, NET_GONE);
    assert_int_equal(left->events[2].boot, 200);
    for (int at = 0; at < 8; at++)
        uv_run(&world->loop, UV_RUN_ONCE); /* it dials on, and is refused */
    assert_int_equal(left->event_count, 3);

    node_open(world, 1, 201);
    until(world, net_is_up(left->net, 2));
    assert_false(net_is_gone(left->net, 2));
    assert_int_equal(last_event(left).boot, 201);
    assert_int_equal(events_of(left, NET_GONE), 1);
    world_free(world);
}

static void another_node_at_the_address_means_that_the_former_is_gone(void **state)
{
    struct world *world = pair();
    struct node *left = &world->nodes[0];

    node_close(world, 1);
    world->nodes[2].port = world->nodes[1].port;
    node_open(world, 2, 300);
    until(world, net_is_up(left->net, 3));
    assert_true(net_is_gone(left->net, 2));
    assert_int_equal(events_of(left, NET_GONE), 1);
    world_free(world);
}

static void a_goodbye_means_gone_and_the_same_process_does_not_come_back(void **state)
{
    struct world *world = pair();
    struct node *left = &world->nodes[0];

    net_goodbye(world->nodes[1].net);
    until(world, net_is_gone(left->net, 2));
    assert_int_equal(left->event_count, 2); /* no NET_LOST: gone says more */
    assert_true(net_is_up(world->nodes[1].net, 1));
    assert_true(send_text(&world->nodes[1], 1, NET_LANE_RAFT, "last words"));
    until(world, left->got_len == 10);
    for (int at = 0; at < 8; at++)
        uv_run(&world->loop, UV_RUN_ONCE);
    assert_int_equal(left->event_count, 2);
    node_close(world, 1);
    node_open(world, 1, 201);
    until(world, net_is_up(left->net, 2));
    assert_int_equal(events_of(left, NET_GONE), 1);
    world_free(world);
}

static void a_goodbye_right_before_the_end_arrives(void **state)
{
    struct world *world = pair();

    net_goodbye(world->nodes[1].net);
    net_peer_close(world->nodes[1].net, on_closed, &world->nodes[1]);
    until(world, net_is_gone(world->nodes[0].net, 2));
    until(world, world->nodes[1].closed);
    assert_int_equal(events_of(&world->nodes[0], NET_GONE), 1);
    world_free(world);
}

static void an_idle_link_stays_up_by_its_pings(void **state)
{
    struct net_peer_options quick = { .ping_ms = 20, .silence_ms = 2000 };
    struct world *world = pair_with(quick);
    uint64_t before = net_peer_figures(world->nodes[0].net)->frames_in;

    until(world, net_peer_figures(world->nodes[0].net)->frames_in > before + 20);
    assert_true(net_is_up(world->nodes[0].net, 2));
    assert_int_equal(world->nodes[0].event_count, 1);
    world_free(world);
}

/* ---- a peer that is not one of us: a bare socket ---- */

struct raw {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    bool connected, closed;
    size_t got;
    char room[4096];
};

static void raw_on_connected(uv_connect_t *connect, int status)
{
    assert_int_equal(status, 0);
    ((struct raw *)connect->data)->connected = true;
}

static void raw_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct raw *raw = handle->data;

    *buf = uv_buf_init(raw->room, sizeof(raw->room));
}

static void raw_on_handle_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void raw_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct raw *raw = stream->data;

    if (len < 0)
        raw->closed = true;
    else
        raw->got += (size_t)len;
}

static struct raw *raw_open(struct world *world, uint16_t port)
{
    struct raw *raw = calloc(1, sizeof(*raw));
    struct sockaddr_in place;

    uv_ip4_addr("127.0.0.1", port, &place);
    uv_tcp_init(&world->loop, &raw->tcp);
    raw->tcp.data = raw->connect.data = raw;
    assert_int_equal(
        uv_tcp_connect(&raw->connect, &raw->tcp, (struct sockaddr *)&place, raw_on_connected), 0);
    until(world, raw->connected);
    uv_read_start((uv_stream_t *)&raw->tcp, raw_on_alloc, raw_on_bytes);
    return raw;
}

static void raw_send(struct raw *raw, const void *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);

    assert_int_equal(uv_try_write((uv_stream_t *)&raw->tcp, &buf, 1), (int)len);
}

static void raw_close(struct raw *raw)
{
    uv_close((uv_handle_t *)&raw->tcp, raw_on_handle_closed);
}

static size_t frame_bytes(unsigned char *bytes, struct frame_header header, struct buf *body)
{
    header.body_len = body != NULL ? (uint32_t)body->len : 0;
    header.body_crc = frame_crc(&body, body != NULL);
    frame_header_encode(&header, bytes);
    if (body != NULL)
        memcpy(bytes + FRAME_HEADER_BYTES, body->data, body->len);
    return FRAME_HEADER_BYTES + header.body_len;
}

static struct raw *raw_greeted(struct world *world, uint64_t node)
{
    struct greeting greeting = { .lane = NET_LANE_RAFT, .node = node, .boot = 9 };
    AUTO_UNREF struct buf *body = greeting_encode(&greeting);
    struct raw *raw = raw_open(world, world->nodes[0].port);
    unsigned char bytes[256];

    raw_send(raw, bytes, frame_bytes(bytes, (struct frame_header){ .type = FRAME_GREETING }, body));
    until(world, raw->got > 0);
    return raw;
}

/* ---- a node that is a puppet: it accepts, greets as it is told, and says nothing else ---- */

#define STRINGS_MAX 64

struct string {
    struct puppet *puppet;
    uv_tcp_t tcp;
    bool greeted, open;
    char room[4096];
};

struct puppet {
    struct world *world;
    uv_tcp_t tcp;
    uint16_t port;
    uint64_t node, boot;
    bool lanes_differ; /* the bulk lane is greeted with another boot number */
    bool lane_wrong;
    bool mute;
    int string_count;
    struct string strings[STRINGS_MAX];
};

static void string_greet(struct string *string)
{
    struct puppet *puppet = string->puppet;
    struct greeting heard, said;
    unsigned char bytes[256];
    uv_buf_t buf;

    assert_int_equal(greeting_decode(slice_of(string->room + FRAME_HEADER_BYTES,
                                              GREETING_FIXED_BYTES + strlen("test:1")),
                                     &heard),
                     ERR_OK);
    said = (struct greeting){ .lane = puppet->lane_wrong ? !heard.lane : heard.lane,
                              .node = puppet->node,
                              .boot = puppet->boot + (puppet->lanes_differ ? heard.lane : 0) };
    AUTO_UNREF struct buf *body = greeting_encode(&said);
    buf = uv_buf_init((char *)bytes, (unsigned)frame_bytes(
                                         bytes, (struct frame_header){ .type = FRAME_GREETING },
                                         body));
    assert_int_equal(uv_try_write((uv_stream_t *)&string->tcp, &buf, 1), (int)buf.len);
}

static void string_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct string *string = handle->data;

    *buf = uv_buf_init(string->room, sizeof(string->room));
}

static void string_close(struct string *string)
{
    if (string->open)
        uv_close((uv_handle_t *)&string->tcp, NULL);
    string->open = false;
}

static void string_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct string *string = stream->data;

    if (len < 0)
        string_close(string);
    else if (!string->greeted && !string->puppet->mute)
        string_greet(string);
    string->greeted = true;
}

static void puppet_on_connection(uv_stream_t *stream, int status)
{
    struct puppet *puppet = stream->data;
    struct string *string = &puppet->strings[puppet->string_count++];

    assert_true(puppet->string_count < STRINGS_MAX);
    *string = (struct string){ .puppet = puppet, .open = true };
    uv_tcp_init(&puppet->world->loop, &string->tcp);
    string->tcp.data = string;
    assert_int_equal(uv_accept(stream, (uv_stream_t *)&string->tcp), 0);
    uv_read_start((uv_stream_t *)&string->tcp, string_on_alloc, string_on_bytes);
}

static struct puppet *puppet_new(struct world *world, uint64_t node, uint64_t boot)
{
    struct puppet *puppet = calloc(1, sizeof(*puppet));
    struct sockaddr_in place;
    int len = sizeof(place);

    *puppet = (struct puppet){ .world = world, .node = node, .boot = boot };
    uv_ip4_addr("127.0.0.1", 0, &place);
    uv_tcp_init(&world->loop, &puppet->tcp);
    puppet->tcp.data = puppet;
    uv_tcp_bind(&puppet->tcp, (struct sockaddr *)&place, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&puppet->tcp, 16, puppet_on_connection), 0);
    uv_tcp_getsockname(&puppet->tcp, (struct sockaddr *)&place, &len);
    puppet->port = ntohs(place.sin_port);
    return puppet;
}

static void puppet_cut(struct puppet *puppet)
{
    for (int at = 0; at < puppet->string_count; at++)
        string_close(&puppet->strings[at]);
}

static void puppet_on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* After the world's nets: so that nobody dials it any more. */
static void puppet_free(struct puppet *puppet)
{
    puppet_cut(puppet);
    uv_close((uv_handle_t *)&puppet->tcp, puppet_on_closed);
}

static void puppet_dial(struct world *world, const struct puppet *puppet)
{
    char address[64];

    snprintf(address, sizeof(address), "127.0.0.1:%u", puppet->port);
    assert_int_equal(net_dial(world->nodes[0].net, address), ERR_OK);
}

static void a_new_boot_number_means_that_the_old_process_is_gone(void **state)
{
    struct world *world = world_new();
    struct puppet *puppet = puppet_new(world, 2, 200);
    struct node *left = &world->nodes[0];

    node_open(world, 0, 100);
    puppet_dial(world, puppet);
    until(world, net_is_up(left->net, 2));
    puppet->boot = 201; /* it is never refused: so quick is its new process */
    puppet_cut(puppet);
    until(world, left->event_count == 4);
    assert_int_equal(left->events[1].event, NET_LOST);
    assert_int_equal(left->events[2].event, NET_GONE);
    assert_int_equal(left->events[2].boot, 200);
    assert_int_equal(left->events[3].event, NET_UP);
    assert_int_equal(left->events[3].boot, 201);
    node_close(world, 0);
    puppet_free(puppet);
    world_free(world);
}

static void who_said_goodbye_is_not_up_again_while_it_lingers(void **state)
{
    struct world *world = world_new();
    struct puppet *puppet = puppet_new(world, 50, 9); /* goes on greeting */
    struct node *left = &world->nodes[0];
    unsigned char bytes[64];

    node_open(world, 0, 100);
    puppet_dial(world, puppet);
    until(world, net_is_up(left->net, 50));
    struct raw *raw = raw_greeted(world, 50);
    size_t len = frame_bytes(
        bytes, (struct frame_header){ .type = FRAME_MESSAGE, .kind = NET_GOODBYE }, NULL);
    raw_send(raw, bytes, len);
    until(world, net_is_gone(left->net, 50));
    until(world, puppet->string_count > 8); /* dialled in vain */
    assert_true(net_is_gone(left->net, 50));
    assert_int_equal(left->event_count, 2);
    puppet->boot = 10;
    until(world, net_is_up(left->net, 50));
    assert_int_equal(left->event_count, 3);
    raw_close(raw);
    node_close(world, 0);
    puppet_free(puppet);
    world_free(world);
}

static void an_answer_counts_only_from_the_node_that_was_asked(void **state)
{
    struct world *world = world_new();
    struct puppet *asked = puppet_new(world, 2, 200);
    struct puppet *liar = puppet_new(world, 3, 300);
    struct node *left = &world->nodes[0];
    unsigned char bytes[64];
    struct ask ask;

    node_open(world, 0, 100);
    puppet_dial(world, asked);
    puppet_dial(world, liar);
    until(world, net_is_up(left->net, 2) && net_is_up(left->net, 3));
    ask_text(left, &ask, 2, "x", 10000);
    size_t len = frame_bytes(
        bytes, (struct frame_header){ .type = FRAME_ANSWER, .number = ask.call.number }, NULL);
    uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
    uint64_t before = net_peer_figures(left->net)->frames_in;
    assert_int_equal(uv_try_write((uv_stream_t *)&liar->strings[1].tcp, &buf, 1), (int)len);
    until(world, net_peer_figures(left->net)->frames_in == before + 1);
    assert_int_equal(ask.ends, 0);
    assert_int_equal(uv_try_write((uv_stream_t *)&asked->strings[1].tcp, &buf, 1), (int)len);
    until(world, ask.ends == 1);
    assert_int_equal(ask.err, ERR_OK);
    node_close(world, 0);
    puppet_free(asked);
    puppet_free(liar);
    world_free(world);
}

static void a_broken_connection_alone_is_lost_and_not_gone(void **state)
{
    struct world *world = world_new();
    struct puppet *puppet = puppet_new(world, 2, 200);
    struct node *left = &world->nodes[0];

    node_open(world, 0, 100);
    puppet_dial(world, puppet);
    until(world, net_is_up(left->net, 2));
    string_close(&puppet->strings[0]); /* one lane is enough */
    until(world, left->event_count == 3);
    assert_int_equal(left->events[1].event, NET_LOST);
    assert_int_equal(left->events[2].event, NET_UP);
    assert_int_equal(left->events[2].boot, 200);
    node_close(world, 0);
    puppet_free(puppet);
    world_free(world);
}

static void a_node_that_falls_silent_is_lost_and_not_gone(void **state)
{
    struct world *world = world_new();
    struct puppet *puppet = puppet_new(world, 2, 200);
    struct node *left = &world->nodes[0];

    node_open_with(world, 0, 100,
                   (struct net_peer_options){ .ping_ms = 10, .silence_ms = 30, .greeting_ms = 30 });
    puppet_dial(world, puppet);
    until(world, net_is_up(left->net, 2));
    puppet->mute = true; /* as a process that was stopped */
    until(world, !net_is_up(left->net, 2));
    assert_int_equal(last_event(left).event, NET_LOST);
    int before = puppet->string_count;
    until(world, puppet->string_count > before + 4); /* it is dialled in vain */
    assert_false(net_is_gone(left->net, 2));
    node_close(world, 0);
    puppet_free(puppet);
    world_free(world);
}

static void lanes_that_met_two_processes_are_not_up(void **state)
{
    struct world *world = world_new();
    struct puppet *puppet = puppet_new(world, 2, 200);

    node_open(world, 0, 100);
    puppet->lanes_differ = true;
    puppet_dial(world, puppet);
    until(world, puppet->string_count > 6);
    assert_int_equal(events_of(&world->nodes[0], NET_UP), 0);
    puppet->lanes_differ = false;
    until(world, net_is_up(world->nodes[0].net, 2));
    node_close(world, 0);
    puppet_free(puppet);
    world_free(world);
}

static void a_greeting_for_the_wrong_lane_is_hostile(void **state)
{
    struct world *world = world_new();
    struct puppet *puppet = puppet_new(world, 2, 200);

    node_open(world, 0, 100);
    puppet->lane_wrong = true;
    puppet_dial(world, puppet);
    until(world, net_peer_figures(world->nodes[0].net)->hostile >= 1);
    assert_int_equal(world->nodes[0].event_count, 0);
    node_close(world, 0);
    puppet_free(puppet);
    world_free(world);
}

static void another_process_with_this_nodes_id_is_not_taken_for_it(void **state)
{
    struct world *world = world_new();
    struct puppet *puppet = puppet_new(world, 1, 200);

    node_open(world, 0, 100);
    puppet_dial(world, puppet);
    until(world, puppet->string_count > 4);
    assert_int_equal(world->nodes[0].event_count, 0);
    node_close(world, 0);
    puppet_free(puppet);
    world_free(world);
}

static void a_second_address_of_a_node_is_a_spare(void **state)
{
    struct world *world = world_new();
    struct puppet *one = puppet_new(world, 2, 200);
    struct puppet *two = puppet_new(world, 2, 200);
    struct node *left = &world->nodes[0];

    node_open(world, 0, 100);
    puppet_dial(world, one);
    until(world, net_is_up(left->net, 2));
    puppet_dial(world, two);
    until(world, two->string_count == 2 && two->strings[1].greeted);
    for (int at = 0; at < 8; at++)
        uv_run(&world->loop, UV_RUN_NOWAIT);
    assert_int_equal(left->event_count, 1);
    one->mute = true;
    puppet_cut(one);
    until(world, left->event_count == 3);
    assert_int_equal(left->events[1].event, NET_LOST);
    assert_int_equal(left->events[2].event, NET_UP);
    node_close(world, 0);
    puppet_free(one);
    puppet_free(two);
    world_free(world);
}

/* ---- a long time in a bad place ---- */

#define STORM_ROUNDS 300
#define STORM_ASKS 600

static void whatever_breaks_every_call_ends_once(void **state)
{
    static struct ask asks[STORM_ASKS];
    struct world *world = world_new();
    uint64_t boot = 100, chance = 12345;
    int asked = 0, ended = 0;

    for (int at = 0; at < NODES; at++)
        node_open(world, at, boot++);
    for (int round = 0; round < STORM_ROUNDS; round++) {
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        int who = (int)(chance >> 33) % NODES;
        int what = (int)(chance >> 40) % 20;
        if (what == 0) {
            node_close(world, who);
            node_open(world, who, boot++);
        } else if (what == 1) {
            net_goodbye(world->nodes[who].net);
        }
        for (int to = 0; to < NODES; to++) {
            node_dial(world, who, to);
            send_text(&world->nodes[who], (uint64_t)to + 1, NET_LANE_RAFT, "storm");
            if (asked < STORM_ASKS)
                ask_text(&world->nodes[who], &asks[asked++], (uint64_t)to + 1, "x", 3000);
        }
        for (int at = 0; at < NODES; at++)
            world->nodes[at].event_count = 0;
        uv_run(&world->loop, UV_RUN_NOWAIT);
    }
    for (int at = 0; at < asked; at++)
        until(world, asks[at].ends >= 1);
    for (int at = 0; at < asked; at++) {
        assert_int_equal(asks[at].ends, 1);
        ended += asks[at].err == ERR_OK;
    }
    assert_true(ended > STORM_ASKS / 10);
    world_free(world);
}

static void garbage_on_the_port_is_hung_up_on(void **state)
{
    static const char *const garbage[] = {
        "GET / HTTP/1.1\r\nHost: braid\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 client hello ............",
        "\xff\xff\xff\xff and any bytes behind it",
    };
    struct world *world = pair();

    for (size_t at = 0; at < 3; at++) {
        struct raw *raw = raw_open(world, world->nodes[0].port);
        raw_send(raw, garbage[at], 24);
        until(world, raw->closed);
        raw_close(raw);
    }
    assert_int_equal(net_peer_figures(world->nodes[0].net)->hostile, 3);
    assert_true(net_is_up(world->nodes[0].net, 2));
    assert_int_equal(world->nodes[0].event_count, 1);
    world_free(world);
}

static void a_message_before_the_greeting_is_hostile(void **state)
{
    struct world *world = pair();
    struct raw *raw = raw_open(world, world->nodes[0].port);
    unsigned char bytes[256];

    raw_send(raw, bytes,
             frame_bytes(bytes, (struct frame_header){ .type = FRAME_MESSAGE, .kind = NET_RAFT },
                         NULL));
    until(world, raw->closed);
    raw_close(raw);
    assert_int_equal(net_peer_figures(world->nodes[0].net)->hostile, 1);
    world_free(world);
}

static void an_answer_that_nobody_asked_for_is_hostile(void **state)
{
    struct world *world = pair();
    struct raw *raw = raw_greeted(world, 50);
    unsigned char bytes[256];

    raw_send(
        raw, bytes,
        frame_bytes(bytes, (struct frame_header){ .type = FRAME_ANSWER, .number = 1 }, NULL));
    until(world, raw->closed);
    raw_close(raw);
    world_free(world);
}

static void who_connects_and_says_nothing_is_hung_up_on(void **state)
{
    struct world *world = world_new();

    node_open_with(world, 0, 100, (struct net_peer_options){ .ping_ms = 10, .greeting_ms = 20 });
    struct raw *raw = raw_open(world, world->nodes[0].port);
    until(world, raw->closed);
    raw_close(raw);
    world_free(world);
}

static void who_falls_silent_is_lost(void **state)
{
    struct world *world = world_new();

    node_open_with(world, 0, 100, (struct net_peer_options){ .ping_ms = 10, .silence_ms = 30 });
    struct raw *raw = raw_greeted(world, 50);
    until(world, raw->closed);
    raw_close(raw);
    world_free(world);
}

static void a_new_connection_ends_the_old_one_when_it_speaks(void **state)
{
    struct world *world = world_new();
    unsigned char bytes[256];
    AUTO_UNREF struct buf *body = buf_copy(slice_text("hi"));

    node_open_with(world, 0, 100, (struct net_peer_options){ .silence_ms = 600000 });
    struct raw *old = raw_greeted(world, 50);
    struct raw *young = raw_greeted(world, 50);
    size_t len = frame_bytes(bytes, (struct frame_header){ .type = FRAME_MESSAGE,
                                                           .kind = NET_RAFT }, body);
    raw_send(old, bytes, len);
    until(world, world->nodes[0].got_len == 2);
    assert_false(old->closed);
    raw_send(young, bytes, len);
    until(world, world->nodes[0].got_len == 4);
    until(world, old->closed);
    raw_close(old);
    raw_close(young);
    world_free(world);
}

static void too_many_connections_are_refused(void **state)
{
    static struct raw *raws[PEER_LINKS_IN_MAX];
    struct world *world = world_new();

    node_open_with(world, 0, 100, (struct net_peer_options){ .greeting_ms = 60000 });
    for (unsigned at = 0; at < PEER_LINKS_IN_MAX; at++)
        raws[at] = raw_open(world, world->nodes[0].port);
    until(world, net_peer_figures(world->nodes[0].net)->links_in == PEER_LINKS_IN_MAX);
    struct raw *one_more = raw_open(world, world->nodes[0].port);
    until(world, one_more->closed);
    raw_close(one_more);
    for (unsigned at = 0; at < PEER_LINKS_IN_MAX; at++) {
        assert_false(raws[at]->closed);
        raw_close(raws[at]);
    }
    world_free(world);
}

static void a_port_that_is_taken_is_said_so(void **state)
{
    struct world *world = pair();
    struct net_peer_options options = {
        .node = 9, .boot = 9, .host = "127.0.0.1", .port = world->nodes[0].port
    };
    struct net *net = NULL;
    struct reason reason = { "" };

    assert_int_equal(net_peer_open(&net, &world->loop, world->clock, &options, &reason), ERR_IO);
    assert_non_null(strstr(reason.text, "address already in use"));
    options.host = "localhost";
    assert_int_equal(net_peer_open(&net, &world->loop, world->clock, &options, &reason),
                     ERR_INVALID);
    assert_null(net);
    world_free(world);
}

static void three_nodes_all_reach_each_other(void **state)
{
    struct world *world = world_new();

    for (int at = 0; at < NODES; at++)
        node_open(world, at, 100 + (uint64_t)at);
    for (int from = 0; from < NODES; from++)
        for (int to = 0; to < NODES; to++)
            node_dial(world, from, to); /* themselves too, as a list of seeds says it */
    for (int from = 0; from < NODES; from++)
        for (uint64_t to = 1; to <= NODES; to++)
            until(world, net_is_up(world->nodes[from].net, to));
    for (int from = 0; from < NODES; from++)
        assert_int_equal(world->nodes[from].event_count, NODES - 1);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greetings_tell_who_is_there),
        cmocka_unit_test(names_are_resolved),
        cmocka_unit_test(a_close_while_a_name_is_resolved_ends),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(messages_on_a_lane_arrive_in_order),
        cmocka_unit_test(a_message_of_many_parts_is_one_message),
        cmocka_unit_test(the_largest_message_goes_through_and_a_larger_one_does_not),
        cmocka_unit_test(over_the_maximum_messages_are_dropped),
        cmocka_unit_test(nothing_is_sent_to_a_stranger),
        cmocka_unit_test(a_call_gets_its_answer),
        cmocka_unit_test(a_call_of_an_unknown_kind_is_answered_so),
        cmocka_unit_test(a_call_without_an_answer_times_out_and_a_late_answer_is_ignored),
        cmocka_unit_test(a_full_queue_never_turns_what_was_done_into_busy),
        cmocka_unit_test(a_cancelled_call_never_calls_back),
        cmocka_unit_test(when_the_link_breaks_calls_say_whether_they_may_have_been_done),
        cmocka_unit_test(a_node_talks_to_itself),
        cmocka_unit_test(a_node_that_dials_itself_notices),
        cmocka_unit_test(a_process_that_ended_is_lost_then_gone_once),
        cmocka_unit_test(who_said_goodbye_is_not_up_again_while_it_lingers),
        cmocka_unit_test(an_answer_counts_only_from_the_node_that_was_asked),
        cmocka_unit_test(a_broken_connection_alone_is_lost_and_not_gone),
        cmocka_unit_test(a_node_that_falls_silent_is_lost_and_not_gone),
        cmocka_unit_test(lanes_that_met_two_processes_are_not_up),
        cmocka_unit_test(a_greeting_for_the_wrong_lane_is_hostile),
        cmocka_unit_test(another_process_with_this_nodes_id_is_not_taken_for_it),
        cmocka_unit_test(a_second_address_of_a_node_is_a_spare),
        cmocka_unit_test(whatever_breaks_every_call_ends_once),
        cmocka_unit_test(a_new_boot_number_means_that_the_old_process_is_gone),
        cmocka_unit_test(another_node_at_the_address_means_that_the_former_is_gone),
        cmocka_unit_test(a_goodbye_means_gone_and_the_same_process_does_not_come_back),
        cmocka_unit_test(a_goodbye_right_before_the_end_arrives),
        cmocka_unit_test(an_idle_link_stays_up_by_its_pings),
        cmocka_unit_test(garbage_on_the_port_is_hung_up_on),
        cmocka_unit_test(a_message_before_the_greeting_is_hostile),
        cmocka_unit_test(an_answer_that_nobody_asked_for_is_hostile),
        cmocka_unit_test(who_connects_and_says_nothing_is_hung_up_on),
        cmocka_unit_test(who_falls_silent_is_lost),
        cmocka_unit_test(a_new_connection_ends_the_old_one_when_it_speaks),
        cmocka_unit_test(too_many_connections_are_refused),
        cmocka_unit_test(a_port_that_is_taken_is_said_so),
        cmocka_unit_test(three_nodes_all_reach_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

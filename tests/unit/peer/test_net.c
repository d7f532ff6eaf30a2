/* Nodes that talk to each other: greetings, messages, calls, and how a link ends. */
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
#include "net_world.h"
#include "peer/peer_private.h"

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

/* Whoever is there is not dropped for it. */
static void an_address_that_is_dialled_no_more_is_left_when_its_link_breaks(void **state)
{
    struct world *world = pair();
    struct net *net = world->nodes[0].net;
    char address[NET_ADDRESS_MAX];

    snprintf(address, sizeof(address), "127.0.0.1:%u", world->nodes[1].port);
    net_undial(net, address);
    net_undial(net, "127.0.0.1:1"); /* nobody dialled it */
    assert_true(send_text(&world->nodes[0], 2, NET_LANE_RAFT, "still"));
    until(world, strcmp(world->nodes[1].got, "still") == 0);

    node_close(world, 1);
    until(world, !net_is_up(net, 2));
    until(world, list_empty(&net->dials));
    assert_int_equal(net->dial_count, 0);

    node_open(world, 1, 300);
    node_dial(world, 0, 1); /* wanted again */
    node_dial(world, 0, 1);
    until(world, net_is_up(net, 2));
    assert_int_equal(net->dial_count, 1);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greetings_tell_who_is_there),
        cmocka_unit_test(names_are_resolved),
        cmocka_unit_test(a_close_while_a_name_is_resolved_ends),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(an_address_that_is_dialled_no_more_is_left_when_its_link_breaks),
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
        cmocka_unit_test(whatever_breaks_every_call_ends_once),
        cmocka_unit_test(another_node_at_the_address_means_that_the_former_is_gone),
        cmocka_unit_test(a_goodbye_means_gone_and_the_same_process_does_not_come_back),
        cmocka_unit_test(a_goodbye_right_before_the_end_arrives),
        cmocka_unit_test(an_idle_link_stays_up_by_its_pings),
        cmocka_unit_test(a_port_that_is_taken_is_said_so),
        cmocka_unit_test(three_nodes_all_reach_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

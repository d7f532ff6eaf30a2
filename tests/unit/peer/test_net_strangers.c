/* What a node makes of others that are not what they say, or say what they must not. */
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
#include "stranger.h"

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

/* Once it ended the process: the frames of a write that fails at once belonged to nobody. */
static void a_write_that_fails_at_once_breaks_the_connection(void **state)
{
    struct world *world = world_new();
    struct puppet *puppet = puppet_new(world, 2, 200);
    struct node *left = &world->nodes[0];

    node_open(world, 0, 100);
    puppet_dial(world, puppet);
    until(world, net_is_up(left->net, 2));
    for (int at = 0; at < puppet->string_count; at++)
        string_reset(&puppet->strings[at]);
    assert_true(send_text(left, 2, NET_LANE_RAFT, "one"));
    assert_true(send_text(left, 2, NET_LANE_BULK, "two"));
    until(world, left->event_count >= 2);
    assert_int_equal(left->events[1].event, NET_LOST);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_said_goodbye_is_not_up_again_while_it_lingers),
        cmocka_unit_test(an_answer_counts_only_from_the_node_that_was_asked),
        cmocka_unit_test(a_broken_connection_alone_is_lost_and_not_gone),
        cmocka_unit_test(a_write_that_fails_at_once_breaks_the_connection),
        cmocka_unit_test(a_node_that_falls_silent_is_lost_and_not_gone),
        cmocka_unit_test(lanes_that_met_two_processes_are_not_up),
        cmocka_unit_test(a_greeting_for_the_wrong_lane_is_hostile),
        cmocka_unit_test(another_process_with_this_nodes_id_is_not_taken_for_it),
        cmocka_unit_test(a_second_address_of_a_node_is_a_spare),
        cmocka_unit_test(a_new_boot_number_means_that_the_old_process_is_gone),
        cmocka_unit_test(garbage_on_the_port_is_hung_up_on),
        cmocka_unit_test(a_message_before_the_greeting_is_hostile),
        cmocka_unit_test(an_answer_that_nobody_asked_for_is_hostile),
        cmocka_unit_test(who_connects_and_says_nothing_is_hung_up_on),
        cmocka_unit_test(who_falls_silent_is_lost),
        cmocka_unit_test(a_new_connection_ends_the_old_one_when_it_speaks),
        cmocka_unit_test(too_many_connections_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "route_world.h"
#include "shard/command.h"

static int set_up(void **state)
{
    world_open();
    return 0;
}

static int tear_down(void **state)
{
    world_close();
    return 0;
}

static struct slice put_message(unsigned char bytes[512])
{
    struct buf *records = world_records();
    struct put_ask ask = { .group = GROUP, .record_count = 2 };
    size_t len = PUT_ASK_BYTES + records->len;

    put_ask_encode(&ask, bytes);
    memcpy(bytes + PUT_ASK_BYTES, records->data, records->len);
    buf_unref(records);
    return slice_of(bytes, len);
}

static void another_nodes_put_is_done_here(void **state)
{
    unsigned char bytes[512];
    struct seqno first;

    world.has_replica = world.leads = true;
    world_ask(NET_PUT, put_message(bytes));
    assert_int_equal(world.answers, 0);
    assert_true(command_valid(world.put->records, 2));
    world_put_done(ERR_OK);
    assert_int_equal(world.answers, 1);
    assert_int_equal(world.answer_err, ERR_OK);
    assert_int_equal(put_answer_decode(slice_of(world.answer, world.answer_len), &first), ERR_OK);
    assert_int_equal(first.index, 5);
}

static void another_nodes_put_that_never_leaves_is_answered_in_time(void **state)
{
    unsigned char bytes[512];

    world.has_replica = world.leads = world.put_waits = true;
    world_ask(NET_PUT, put_message(bytes));
    world_pass(ROUTE_SERVED_PUT_MS - 1);
    assert_int_equal(world.answers, 0);
    world_pass(1);
    assert_int_equal(world.answers, 1);
    assert_int_equal(world.answer_err, ERR_UNAVAILABLE);
    assert_null(world.put);
}

static void another_nodes_put_that_flies_is_waited_for(void **state)
{
    unsigned char bytes[512];

    world.has_replica = world.leads = true;
    world_ask(NET_PUT, put_message(bytes));
    world_pass(2 * ROUTE_SERVED_PUT_MS);
    assert_int_equal(world.answers, 0);
    world_put_done(ERR_OK);
    assert_int_equal(world.answers, 1);
    assert_int_equal(world.answer_err, ERR_OK);
}

static void who_does_not_lead_says_who_does(void **state)
{
    unsigned char bytes[512];

    world.has_replica = true;
    world.leader = 3;
    world_ask(NET_PUT, put_message(bytes));
    assert_int_equal(world.answer_err, ERR_NOT_LEADER);
    assert_int_equal(refusal_decode(slice_of(world.answer, world.answer_len)).leader, 3);
    assert_int_equal(world.puts, 0);
}

static void bytes_that_are_no_records_never_reach_the_shard(void **state)
{
    unsigned char bytes[512];
    struct slice message = put_message(bytes);

    world.has_replica = world.leads = true;
    bytes[PUT_ASK_BYTES + 3]++;
    world_ask(NET_PUT, message);
    assert_int_equal(world.answer_err, ERR_INVALID);
    world_ask(NET_PUT, slice_of(bytes, 3));
    assert_int_equal(world.answer_err, ERR_INVALID);
    world_ask(NET_READ, slice_of(bytes, 7));
    world_ask(NET_LOCATE, slice_of(bytes, 7));
    assert_int_equal(world.answers, 4);
    assert_int_equal(world.puts, 0);
}

static void another_nodes_read_is_answered_with_the_records(void **state)
{
    struct read_ask ask = { .group = GROUP, .records_max = 10, .bytes_max = 100 };
    unsigned char bytes[READ_ASK_BYTES];
    struct read_answer answer;

    world.has_replica = true;
    read_ask_encode(&ask, bytes);
    world_ask(NET_READ, slice_of(bytes, sizeof(bytes)));
    world_give_records(world.read);
    world_read_done(ERR_OK);
    assert_int_equal(world.answer_err, ERR_OK);
    assert_int_equal(
        read_answer_decode(slice_of(world.answer, world.answer_len), 10, &answer), ERR_OK);
    assert_int_equal(answer.record_count, 2);
    free(answer.parts);
}

static void who_rests_answers_as_a_leader_does(void **state)
{
    struct read_ask ask = {
        .group = GROUP, .leader_only = true, .records_max = 10, .bytes_max = 100
    };
    unsigned char bytes[READ_ASK_BYTES];

    world.has_replica = true;
    read_ask_encode(&ask, bytes);
    world_ask(NET_READ, slice_of(bytes, sizeof(bytes)));
    assert_int_equal(world.answer_err, ERR_NOT_LEADER);
    world.rests = true;
    world_ask(NET_READ, slice_of(bytes, sizeof(bytes)));
    assert_int_equal(world.reads, 1);
    world_read_done(ERR_OK);
    assert_int_equal(world.answer_err, ERR_OK);
}

/* Another replica may have room: "busy" would be the shard's read limit, with which the asker's
 * client is sent away. */
static void reads_that_hang_here_send_others_elsewhere(void **state)
{
    struct read_ask ask = { .group = GROUP, .records_max = 10, .bytes_max = 100 };
    struct shard_read **reads = calloc(ROUTE_SERVED_MAX, sizeof(struct shard_read *));
    unsigned char bytes[READ_ASK_BYTES];

    assert_non_null(reads);
    world.has_replica = true;
    read_ask_encode(&ask, bytes);
    for (uint32_t i = 0; i < ROUTE_SERVED_MAX; i++) {
        world_ask(NET_READ, slice_of(bytes, sizeof(bytes)));
        reads[i] = world.read;
    }
    assert_int_equal(world.answers, 0);
    world_ask(NET_READ, slice_of(bytes, sizeof(bytes)));
    assert_int_equal(world.reads, ROUTE_SERVED_MAX);
    assert_int_equal(world.answers, 1);
    assert_int_equal(world.answer_err, ERR_UNAVAILABLE);
    for (uint32_t i = 0; i < ROUTE_SERVED_MAX; i++) {
        world.read = reads[i];
        world_read_done(ERR_OK);
    }
    free(reads);
}

static void after_the_end_others_are_sent_away(void **state)
{
    unsigned char bytes[512];

    world.has_replica = world.leads = true;
    route_close(world.route);
    world.route = NULL;
    world_ask(NET_PUT, put_message(bytes));
    assert_int_equal(world.answer_err, ERR_CLOSED);
    assert_int_equal(world.puts, 0);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(another_nodes_put_is_done_here),
        WITH_WORLD(another_nodes_put_that_never_leaves_is_answered_in_time),
        WITH_WORLD(another_nodes_put_that_flies_is_waited_for),
        WITH_WORLD(who_does_not_lead_says_who_does),
        WITH_WORLD(bytes_that_are_no_records_never_reach_the_shard),
        WITH_WORLD(another_nodes_read_is_answered_with_the_records),
        WITH_WORLD(who_rests_answers_as_a_leader_does),
        WITH_WORLD(reads_that_hang_here_send_others_elsewhere),
        WITH_WORLD(after_the_end_others_are_sent_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

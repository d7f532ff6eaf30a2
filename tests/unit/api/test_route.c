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

static struct {
    uint32_t count;
    enum err err;
} told;

static int set_up(void **state)
{
    world_open();
    memset(&told, 0, sizeof(told));
    world.inside = true;
    return 0;
}

static int tear_down(void **state)
{
    world_close();
    return 0;
}

static void put_on_done(struct route_put *req, enum err err)
{
    assert_false(world.inside);
    told.count++;
    told.err = err;
}

static void read_on_done(struct route_read *req, enum err err)
{
    assert_false(world.inside);
    told.count++;
    told.err = err;
}

static void locate_on_done(struct route_locate *req, enum err err)
{
    assert_false(world.inside);
    told.count++;
    told.err = err;
}

static void start_put(struct route_put *put)
{
    struct buf *records = world_records();

    *put = (struct route_put){ .group = GROUP, .records = records, .record_count = 2 };
    route_put(world.route, put, put_on_done);
    buf_unref(records);
    world_turn();
}

static void start_read(struct route_read *read)
{
    *read = (struct route_read){ .group = GROUP, .records_max = 10, .bytes_max = 1000 };
    route_read(world.route, read, read_on_done);
    world_turn();
}

static void start_locate(struct route_locate *locate, enum locate_type type)
{
    *locate = (struct route_locate){ .group = GROUP, .type = type };
    route_locate(world.route, locate, locate_on_done);
    world_turn();
}

static void there_is_a_leader(uint64_t node)
{
    world.leader = node;
    world.up[node] = true;
}

static void expect_told(enum err err)
{
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, err);
}

/* ---- puts ---- */

static void a_put_is_done_here_where_this_node_leads(void **state)
{
    struct route_put put;

    world.has_replica = world.leads = true;
    start_put(&put);
    assert_int_equal(world.puts, 1);
    assert_int_equal(told.count, 0);
    world_put_done(ERR_OK);
    expect_told(ERR_OK);
    assert_int_equal(put.first.index, 5);
    assert_int_equal(put.first.ordinal, 3);
}

static void a_put_goes_to_the_leader_without_a_copy(void **state)
{
    unsigned char answer[PUT_ANSWER_BYTES];
    struct route_put put;

    there_is_a_leader(2);
    start_put(&put);
    assert_int_equal(world.called, 2);
    assert_int_equal(world.kind, NET_PUT);
    assert_int_equal(world.part_count, 2);
    assert_true(command_valid(buf_slice(world.parts[1]), 2));
    put_answer_encode((struct seqno){ .index = 8, .ordinal = 1 }, answer);
    world_answer(ERR_OK, ERR_OK, slice_of(answer, sizeof(answer)));
    expect_told(ERR_OK);
    assert_int_equal(put.first.index, 8);
}

static void who_does_not_lead_names_the_leader_who_is_asked_at_once(void **state)
{
    struct route_put put;

    there_is_a_leader(2);
    world.up[3] = true;
    start_put(&put);
    world_refuse(ERR_NOT_LEADER, 3);
    assert_int_equal(world.calls, 2);
    assert_int_equal(world.called, 3);
    assert_int_equal(told.count, 0);
}

static void nodes_that_name_each_other_are_not_asked_in_circles(void **state)
{
    struct route_put put;

    there_is_a_leader(2);
    world.up[3] = true;
    start_put(&put);
    for (uint32_t i = 0; world.call != NULL && i < 20; i++)
        world_refuse(ERR_NOT_LEADER, world.called == 2 ? 3 : 2);
    assert_null(world.call);
    assert_int_equal(world.calls, 1 + ROUTE_HINTS_MAX);
    world_pass(ROUTE_WAIT_MAX_MS);
    assert_non_null(world.call);
}

static void a_put_waits_for_the_new_leader(void **state)
{
    struct route_put put;

    world.has_replica = true;
    start_put(&put);
    world_pass(1500);
    assert_int_equal(told.count, 0);
    assert_int_equal(world.puts, 0);
    world.leads = true;
    world_pass(ROUTE_WAIT_MAX_MS);
    assert_int_equal(world.puts, 1);
    world_put_done(ERR_OK);
    expect_told(ERR_OK);
}

static void without_a_leader_in_time_nothing_was_stored(void **state)
{
    struct route_put put;

    start_put(&put);
    world_pass(ROUTE_PUT_TIMEOUT_MS - 10);
    assert_int_equal(told.count, 0);
    world_pass(10);
    expect_told(ERR_UNAVAILABLE);
    assert_true(put.reason.text[0] != 0);
}

static void a_put_whose_outcome_is_unknown_is_not_sent_again(void **state)
{
    struct route_put put;

    there_is_a_leader(2);
    start_put(&put);
    world_answer(ERR_UNKNOWN, ERR_OK, slice_text(""));
    expect_told(ERR_UNKNOWN);
    world_pass(ROUTE_PUT_TIMEOUT_MS);
    assert_int_equal(world.calls, 1);
}

static void no_answer_in_time_is_an_unknown_outcome(void **state)
{
    struct route_put put;

    there_is_a_leader(2);
    start_put(&put);
    assert_int_equal(world.timeout_ms, ROUTE_PUT_TIMEOUT_MS);
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    expect_told(ERR_UNKNOWN);
}

static void an_answer_that_makes_no_sense_is_an_unknown_outcome(void **state)
{
    struct route_put put;

    there_is_a_leader(2);
    start_put(&put);
    world_answer(ERR_OK, ERR_OK, slice_text("?"));
    expect_told(ERR_UNKNOWN);
}

static void a_put_that_could_not_be_sent_is_sent_again(void **state)
{
    struct route_put put;

    there_is_a_leader(2);
    start_put(&put);
    world_answer(ERR_UNREACHABLE, ERR_OK, slice_text(""));
    assert_int_equal(told.count, 0);
    world_pass(ROUTE_WAIT_MAX_MS);
    assert_int_equal(world.calls, 2);
}

static void a_shard_that_closes_there_is_looked_for_elsewhere(void **state)
{
    struct route_put put;

    there_is_a_leader(2);
    start_put(&put);
    world_refuse(ERR_CLOSED, 0);
    assert_int_equal(told.count, 0);
    there_is_a_leader(3);
    world_pass(ROUTE_WAIT_MAX_MS);
    assert_int_equal(world.called, 3);
}

static void a_shard_that_is_gone_is_closed(void **state)
{
    struct route_put put;

    there_is_a_leader(2);
    start_put(&put);
    world.shard_gone = true;
    world_refuse(ERR_CLOSED, 0);
    world_pass(ROUTE_WAIT_MAX_MS);
    expect_told(ERR_CLOSED);
}

static void the_shards_limit_is_passed_on(void **state)
{
    struct route_put put;

    world.has_replica = world.leads = true;
    world.put_err = ERR_BUSY;
    world.put_throttled = true;
    start_put(&put);
    expect_told(ERR_BUSY);
    assert_true(put.throttled);
}

static void leadership_lost_before_anything_was_stored_is_waited_out(void **state)
{
    struct route_put put;

    world.has_replica = world.leads = true;
    start_put(&put);
    world.leads = false;
    world_put_done(ERR_NOT_LEADER);
    assert_int_equal(told.count, 0);
    there_is_a_leader(3);
    world_pass(ROUTE_WAIT_MAX_MS);
    assert_int_equal(world.called, 3);
}

static void leadership_lost_with_the_entry_on_its_way_is_told(void **state)
{
    struct route_put put;

    world.has_replica = world.leads = true;
    start_put(&put);
    world_put_done(ERR_UNKNOWN);
    expect_told(ERR_UNKNOWN);
    assert_int_equal(world.puts, 1);
}

static void a_shard_that_keeps_silent_is_an_unknown_outcome(void **state)
{
    struct route_put put;

    world.has_replica = world.leads = true;
    start_put(&put);
    world_pass(ROUTE_PUT_TIMEOUT_MS);
    expect_told(ERR_UNKNOWN);
    world_put_done(ERR_OK); /* too late: nobody listens */
    expect_told(ERR_UNKNOWN);
}

static void a_put_that_never_left_was_not_stored(void **state)
{
    struct route_put put;

    world.has_replica = world.leads = world.put_waits = true;
    start_put(&put);
    world_pass(ROUTE_PUT_TIMEOUT_MS);
    expect_told(ERR_UNAVAILABLE);
    assert_null(world.put); /* and it never will be */
    assert_true(put.reason.text[0] != 0);
}

/* Puts that fly in shards which do not answer: the askers are gone, the jobs are not. */
static void what_stuck_shards_hold_shuts_nobody_out(void **state)
{
    struct route_put *puts = calloc(ROUTE_JOBS_MAX, sizeof(*puts)), late;
    struct put **stuck = calloc(ROUTE_JOBS_MAX, sizeof(struct put *));
    struct route_read read;

    assert_non_null(puts);
    assert_non_null(stuck);
    world.has_replica = world.leads = true;
    for (uint32_t i = 0; i < ROUTE_JOBS_MAX; i++) {
        start_put(&puts[i]);
        stuck[i] = world.put;
    }
    start_read(&read);
    assert_int_equal(told.count, 0); /* reads have places of their own */
    assert_int_equal(world.reads, 1);
    world_read_done(ERR_OK);
    route_read_fini(&read);

    world_pass(ROUTE_PUT_TIMEOUT_MS);
    assert_int_equal(told.count, 1 + ROUTE_JOBS_MAX);
    assert_int_equal(told.err, ERR_UNKNOWN);
    start_put(&late);
    assert_int_equal(told.count, 1 + ROUTE_JOBS_MAX);
    world_put_done(ERR_OK);
    assert_int_equal(told.err, ERR_OK);
    for (uint32_t i = 0; i < ROUTE_JOBS_MAX; i++)
        stuck[i]->done(stuck[i], ERR_OK, (struct seqno){ .index = 1 });
    free(stuck);
    free(puts);
}

static void more_than_a_node_can_hold_is_refused(void **state)
{
    struct route_put *puts = calloc(ROUTE_JOBS_MAX + 1, sizeof(*puts));

    assert_non_null(puts);
    for (uint32_t i = 0; i < ROUTE_JOBS_MAX; i++)
        start_put(&puts[i]);
    assert_int_equal(told.count, 0);
    start_put(&puts[ROUTE_JOBS_MAX]);
    expect_told(ERR_BUSY);
    assert_false(puts[ROUTE_JOBS_MAX].throttled);
    world_close();
    world.route = NULL;
    free(puts);
}

static void a_put_in_a_shard_outlives_the_route(void **state)
{
    struct route_put put;
    struct put *in_shard;

    world.has_replica = world.leads = true;
    start_put(&put);
    in_shard = world.put;
    route_close(world.route);
    world.route = NULL;
    in_shard->done(in_shard, ERR_CLOSED, (struct seqno){ .index = 0 });
    assert_int_equal(told.count, 0);
}

/* ---- reads ---- */

static void a_read_is_done_here_where_this_node_leads(void **state)
{
    struct route_read read;

    world.has_replica = world.leads = true;
    start_read(&read);
    world_give_records(world.read);
    world_read_done(ERR_OK);
    expect_told(ERR_OK);
    assert_int_equal(read.record_count, 2);
    assert_int_equal(read.next.index, 5);
    route_read_fini(&read);
}

static void a_read_elsewhere_gives_the_same(void **state)
{
    struct shard_read remote = { .record_count = 0 };
    struct read_answer answer;
    struct route_read read;
    unsigned char bytes[512];
    struct buf *head;

    there_is_a_leader(2);
    start_read(&read);
    assert_int_equal(world.kind, NET_READ);
    world_give_records(&remote);
    answer = (struct read_answer){ .parts = remote.parts,
                                   .part_count = 1,
                                   .record_count = 2,
                                   .next = remote.next };
    head = read_answer_encode(&answer);
    memcpy(bytes, head->data, head->len);
    memcpy(bytes + head->len, remote.parts[0].records.data, remote.parts[0].records.len);
    world_answer(ERR_OK, ERR_OK, slice_of(bytes, head->len + remote.parts[0].records.len));
    buf_unref(head);
    shard_read_fini(&remote);
    expect_told(ERR_OK);
    assert_int_equal(read.part_count, 1);
    assert_int_equal(read.next.index, 5);
    assert_true(command_valid(read.parts[0].records, 2));
    route_read_fini(&read);
}

static void without_a_leader_this_nodes_replica_answers_at_once(void **state)
{
    struct route_read read;

    world.has_replica = true;
    start_read(&read);
    assert_int_equal(world.reads, 1);
    world_read_done(ERR_OK);
    expect_told(ERR_OK);
    route_read_fini(&read);
}

static void without_one_here_any_replica_within_reach_answers(void **state)
{
    struct read_ask ask;
    struct route_read read;

    world.up[3] = true;
    start_read(&read);
    assert_int_equal(world.called, 3);
    assert_int_equal(read_ask_decode(buf_slice(world.parts[0]), &ask), ERR_OK);
    assert_false(ask.leader_only);
}

static void a_damaged_replica_is_passed_over(void **state)
{
    struct route_read read;

    world.has_replica = world.leads = true;
    world.up[2] = world.up[3] = true;
    start_read(&read);
    world_read_done(ERR_CORRUPT);
    assert_int_equal(world.reads, 1);
    assert_int_equal(world.called, 2);
    world_refuse(ERR_CORRUPT, 0);
    assert_int_equal(world.called, 3);
    assert_int_equal(told.count, 0);
}

/* Else the last moment comes twice: for the attempt that failed here, and for the call. */
static void the_time_of_an_attempt_here_ends_with_it(void **state)
{
    struct route_read read;

    world.has_replica = world.leads = true;
    world.up[2] = true;
    start_read(&read);
    world_read_done(ERR_CORRUPT);
    assert_int_equal(world.called, 2);
    world_pass(ROUTE_READ_TIMEOUT_MS);
    assert_int_equal(told.count, 0); /* the call has its own time */
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    expect_told(ERR_UNAVAILABLE);
    route_read_fini(&read);
}

static void a_silent_leader_leaves_time_for_others(void **state)
{
    struct route_read read;

    there_is_a_leader(2);
    world.up[3] = true;
    start_read(&read);
    assert_int_equal(world.timeout_ms, ROUTE_TRY_MS);
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    assert_int_equal(world.called, 3);
}

static void nobody_within_reach_is_said_in_time(void **state)
{
    struct route_read read;

    start_read(&read);
    world_pass(ROUTE_READ_TIMEOUT_MS);
    expect_told(ERR_UNAVAILABLE);
    route_read_fini(&read);
}

static void the_newest_place_is_asked_of_leaders_only(void **state)
{
    struct route_locate locate;

    world.has_replica = true;
    world.up[2] = world.up[3] = true;
    start_locate(&locate, LOCATE_LATEST);
    world_pass(1000);
    assert_int_equal(world.locates, 0);
    assert_int_equal(world.calls, 0);
    world.leads = true;
    world_pass(ROUTE_WAIT_MAX_MS);
    assert_int_equal(world.locates, 1);
    world.inside = false;
    world.locate->cb(world.locate, ERR_OK);
    world_turn();
    expect_told(ERR_OK);
}

static void other_places_are_known_to_any_replica(void **state)
{
    struct route_locate locate;

    world.has_replica = true;
    start_locate(&locate, LOCATE_TRIM_HORIZON);
    assert_int_equal(world.locates, 1);
    world.locate->position = (struct position){ .index = 3, .ordinal = 1 };
    world.inside = false;
    world.locate->cb(world.locate, ERR_OK);
    world_turn();
    expect_told(ERR_OK);
    assert_int_equal(locate.position.index, 3);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(a_put_is_done_here_where_this_node_leads),
        WITH_WORLD(a_put_goes_to_the_leader_without_a_copy),
        WITH_WORLD(who_does_not_lead_names_the_leader_who_is_asked_at_once),
        WITH_WORLD(nodes_that_name_each_other_are_not_asked_in_circles),
        WITH_WORLD(a_put_waits_for_the_new_leader),
        WITH_WORLD(without_a_leader_in_time_nothing_was_stored),
        WITH_WORLD(a_put_whose_outcome_is_unknown_is_not_sent_again),
        WITH_WORLD(no_answer_in_time_is_an_unknown_outcome),
        WITH_WORLD(an_answer_that_makes_no_sense_is_an_unknown_outcome),
        WITH_WORLD(a_put_that_could_not_be_sent_is_sent_again),
        WITH_WORLD(a_shard_that_closes_there_is_looked_for_elsewhere),
        WITH_WORLD(a_shard_that_is_gone_is_closed),
        WITH_WORLD(the_shards_limit_is_passed_on),
        WITH_WORLD(leadership_lost_before_anything_was_stored_is_waited_out),
        WITH_WORLD(leadership_lost_with_the_entry_on_its_way_is_told),
        WITH_WORLD(a_shard_that_keeps_silent_is_an_unknown_outcome),
        WITH_WORLD(a_put_that_never_left_was_not_stored),
        WITH_WORLD(what_stuck_shards_hold_shuts_nobody_out),
        WITH_WORLD(more_than_a_node_can_hold_is_refused),
        WITH_WORLD(a_put_in_a_shard_outlives_the_route),
        WITH_WORLD(a_read_is_done_here_where_this_node_leads),
        WITH_WORLD(a_read_elsewhere_gives_the_same),
        WITH_WORLD(without_a_leader_this_nodes_replica_answers_at_once),
        WITH_WORLD(without_one_here_any_replica_within_reach_answers),
        WITH_WORLD(a_damaged_replica_is_passed_over),
        WITH_WORLD(the_time_of_an_attempt_here_ends_with_it),
        WITH_WORLD(a_silent_leader_leaves_time_for_others),
        WITH_WORLD(nobody_within_reach_is_said_in_time),
        WITH_WORLD(the_newest_place_is_asked_of_leaders_only),
        WITH_WORLD(other_places_are_known_to_any_replica),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

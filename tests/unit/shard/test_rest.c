#include "fixture.h"

#include "shard/command.h"

#define END 4u /* behind two entries of records; a barrier follows */

/* What a restart finds that has forgotten what was applied; no replica can be opened. */
static int set_up(void **state)
{
    fixture_setup(state);
    struct fixture *f = *state;
    fake_apply_records(&f->fake, 5, 10, true);
    fake_apply_records(&f->fake, 6, 10, true);
    fake_apply(&f->fake, ENTRY_END, NULL, 0, true);
    fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, true);
    fixture_close(f);
    f->closed_count = 0;
    f->fake.log.state.applied = 1;
    f->fake.log.state.image_bytes = 0;
    f->fake.replica.refuse = ERR_IO;
    f->options.rests = true;
    return 0;
}

static void rest_close(struct fixture *f)
{
    shard_close(f->shard, fixture_on_closed, f);
    fake_turn(&f->fake);
    assert_int_equal(f->closed_count, 1);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    fake_fini(&f->fake);
    return f->shard == NULL && f->tail_bytes_left == TAIL_BYTES ? 0 : -1;
}

static void it_is_read_to_the_end_without_a_replica(void **state)
{
    struct fixture *f = *state;
    struct shard_ending ending;
    struct reading r;

    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    assert_true(shard_rests(f->shard));
    assert_false(shard_leads(f->shard));
    assert_true(shard_ended(f->shard, &ending));
    assert_int_equal(ending.place, END);
    assert_int_equal(read_now(f, &r, at(0, 0), 100, 1000), ERR_OK);
    assert_int_equal(r.req.record_count, 11);
    assert_position(r.req.next, END, 0);
    assert_int_equal(r.req.behind_ms, 0); /* which only a leader knows of one that runs Raft */
    shard_read_fini(&r.req);
    assert_int_equal(shard_status(f->shard).records, 11);
    rest_close(f);
}

/* A later leader's barrier may be on this node alone. */
static void what_lies_behind_the_end_is_not_taken_for_committed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    struct replica_status status = shard_status(f->shard).replica;
    assert_int_equal(status.group, FAKE_GROUP);
    assert_int_equal(status.role, REPLICA_FOLLOWER);
    assert_int_equal(status.applied, END);
    assert_int_equal(status.whole, END);
    assert_int_equal(status.last, END + 1);
    assert_int_equal(f->fake.log.state.applied, END);
    assert_int_equal(f->fake.log.state.applied_term, 2);
    rest_close(f);

    /* The log knows it now: nothing is looked for in it. */
    f->closed_count = 0;
    f->fake.log.heads_in_memory = false;
    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    assert_int_equal(shard_status(f->shard).records, 11);
    rest_close(f);
}

static void who_lacks_the_end_does_not_rest(void **state)
{
    struct fixture *f = *state;
    struct reason reason = { .text = "" };

    assert_true(shard_can_rest(&f->fake.log, &f->fake.log.state));
    f->fake.log.state.last = END - 1;
    assert_false(shard_can_rest(&f->fake.log, &f->fake.log.state));
    assert_int_equal(fixture_open(f, &reason), ERR_NOT_FOUND);
    assert_string_equal(reason.text, "open shard 7: it is to rest, and its END is not in the log "
                                     "of this node");
}

static void it_takes_no_puts(void **state)
{
    struct fixture *f = *state;
    struct put put = { .record_count = 1 };
    struct seal seal = { .epoch = 2, .member_count = 1, .members = { 1 } };
    bool throttled;

    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    assert_int_equal(shard_put(f->shard, &put, &throttled), ERR_CLOSED);
    shard_end(f->shard);
    shard_seal(f->shard, &seal);
    assert_int_equal(f->fake.replica.proposals_total, 0);
    rest_close(f);
}

static void located(struct locate *req, enum err err)
{
    assert_int_equal(err, ERR_OK);
}

static void any_member_knows_its_tip(void **state)
{
    struct fixture *f = *state;
    struct locate latest = { .type = LOCATE_LATEST, .hidden_ms = f->fake.clock.wall_ms };

    f->fake.replica.lease = false;
    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    shard_locate(f->shard, &latest, located);
    fake_turn(&f->fake);
    assert_position(latest.position, END + 1, 0);
    rest_close(f);
}

static void a_read_under_way_ends_before_it_closes(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    reading_start(f, &r, at(0, 0), 100, 1000);
    shard_close(f->shard, fixture_on_closed, f);
    fake_defers(&f->fake);
    assert_int_equal(f->closed_count, 0);
    fake_turn(&f->fake);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.err, ERR_CLOSED);
    assert_int_equal(f->closed_count, 1);
    shard_read_fini(&r.req);
}

static void retention_takes_all_of_it_and_the_end_last(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    f->fake.clock.wall_ms += 10 * RETENTION_MS;
    for (int round = 0; round < 4; round++) {
        shard_retain(f->shard, f->fake.clock.wall_ms, shard_status(f->shard).replica.whole);
        fake_turn(&f->fake);
        f->fake.clock.wall_ms += 2 * RETENTION_GRACE_MS;
    }
    assert_int_equal(f->fake.log.state.first, END + 1);
    rest_close(f);
}

#define resting(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        resting(it_is_read_to_the_end_without_a_replica),
        resting(what_lies_behind_the_end_is_not_taken_for_committed),
        resting(who_lacks_the_end_does_not_rest),
        resting(it_takes_no_puts),
        resting(any_member_knows_its_tip),
        resting(a_read_under_way_ends_before_it_closes),
        resting(retention_takes_all_of_it_and_the_end_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fixture.h"

static void lead(struct fixture *f, enum replica_role role)
{
    f->fake.replica.lease = role == REPLICA_LEADER;
    f->fake.replica.events->role(f->fake.replica.ctx, role, 42);
}

static void watching_start(struct fixture *f, struct reading *reading)
{
    *reading = (struct reading){ .req = { .from = at(2, 0),
                                          .records_max = 100,
                                          .bytes_max = 1000,
                                          .waits = true,
                                          .unmetered = true,
                                          .now_ms = f->fake.clock.wall_ms,
                                          .hidden_ms = f->fake.clock.wall_ms } };
    shard_read(f->shard, &reading->req, reading_done);
    fake_turn(&f->fake);
}

static void a_read_waits_until_records_are_applied(void **state)
{
    struct fixture *f = *state;
    struct reading reading;

    lead(f, REPLICA_LEADER);
    watching_start(f, &reading);
    assert_int_equal(reading.count, 0);
    fake_apply_records(&f->fake, 3, 10, true);
    assert_int_equal(reading.count, 0); /* not from inside */
    fake_turn(&f->fake);
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.err, ERR_OK);
    assert_int_equal(reading.req.record_count, 3);
    assert_position(reading.req.next, 3, 0);
    shard_read_fini(&reading.req);
}

static void a_barrier_wakes_nobody(void **state)
{
    struct fixture *f = *state;
    struct reading reading;

    lead(f, REPLICA_LEADER);
    watching_start(f, &reading);
    fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, true);
    fake_turn(&f->fake);
    assert_int_equal(reading.count, 0);
    fake_apply_records(&f->fake, 1, 10, true);
    fake_turn(&f->fake);
    assert_int_equal(reading.req.record_count, 1);
    shard_read_fini(&reading.req);
}

static void the_end_of_a_shard_lets_its_readers_go(void **state)
{
    struct fixture *f = *state;
    struct reading reading;

    lead(f, REPLICA_LEADER);
    watching_start(f, &reading);
    fake_apply(&f->fake, ENTRY_END, NULL, 0, true);
    fake_turn(&f->fake);
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.err, ERR_OK);
    assert_int_equal(reading.req.record_count, 0);
    shard_read_fini(&reading.req);

    watching_start(f, &reading); /* nothing will come any more */
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.req.record_count, 0);
    shard_read_fini(&reading.req);
}

static void nothing_in_time_is_an_empty_answer(void **state)
{
    struct fixture *f = *state;
    struct reading reading;

    lead(f, REPLICA_LEADER);
    watching_start(f, &reading);
    assert_int_equal(f->fake.clock.timer_ms, f->fake.clock.mono_ms + SHARD_WATCH_MS);
    f->fake.clock.mono_ms += SHARD_WATCH_MS;
    f->fake.clock.timer->cb(f->fake.clock.timer);
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.err, ERR_OK);
    assert_int_equal(reading.req.record_count, 0);
    assert_int_equal(reading.req.behind_ms, 0);
    shard_read_fini(&reading.req);
}

static void who_leads_no_more_lets_its_readers_go(void **state)
{
    struct fixture *f = *state;
    struct reading reading;

    lead(f, REPLICA_LEADER);
    watching_start(f, &reading);
    lead(f, REPLICA_FOLLOWER);
    fake_turn(&f->fake);
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.req.record_count, 0);
    shard_read_fini(&reading.req);

    watching_start(f, &reading); /* and takes none */
    assert_int_equal(reading.count, 1);
    assert_true(reading.req.behind_ms > 0);
    shard_read_fini(&reading.req);
}

static void a_shard_that_closes_lets_its_readers_go(void **state)
{
    struct fixture *f = *state;
    struct reading reading;

    lead(f, REPLICA_LEADER);
    watching_start(f, &reading);
    fixture_close(f);
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.err, ERR_CLOSED);
    assert_int_equal(f->closed_count, 1);
    shard_read_fini(&reading.req);
}

static void an_unmetered_read_takes_nothing_of_the_limit(void **state)
{
    struct fixture *f = *state;
    struct reading reading;

    f->options.limits.read_calls_per_s = 1;
    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    fake_apply_records(&f->fake, 1, 10, true);
    for (int i = 0; i < 5; i++) {
        watching_start(f, &reading);
        assert_int_equal(reading.err, ERR_OK);
        assert_int_equal(reading.req.record_count, 1);
        shard_read_fini(&reading.req);
    }
    assert_int_equal(read_now(f, &reading, at(2, 0), 1, 1000), ERR_OK);
    shard_read_fini(&reading.req);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_read_waits_until_records_are_applied, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_barrier_wakes_nobody, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_end_of_a_shard_lets_its_readers_go, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(nothing_in_time_is_an_empty_answer, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(who_leads_no_more_lets_its_readers_go, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_shard_that_closes_lets_its_readers_go, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_unmetered_read_takes_nothing_of_the_limit,
                                        fixture_setup_closed, fixture_teardown),
    };

    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}

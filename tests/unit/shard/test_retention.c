#include "fixture.h"

#include "shard/shard_private.h"

#define ALL GET_RECORDS_MAX, GET_BYTES_MAX

/* Ten entries of one record, a second apart, at indices 2 .. 11. */
static void apply_ten(struct fixture *f, bool in_memory)
{
    for (int entry = 0; entry < 10; entry++) {
        fake_apply_records(&f->fake, 1, 10, in_memory);
        f->fake.clock.wall_ms += 1000;
    }
}

static void retain(struct fixture *f)
{
    shard_retain(f->shard, f->fake.clock.wall_ms, UINT64_MAX - 1);
    fake_turn(&f->fake);
}

/* Index of the first record that a reader gets from the very start; 0 when there is none. */
static uint64_t first_visible(struct fixture *f)
{
    struct reading r;

    assert_int_equal(read_now(f, &r, at(0, 0), ALL), ERR_OK);
    uint64_t index = r.req.part_count == 0 ? 0 : r.req.parts[0].index;
    shard_read_fini(&r.req);
    return index;
}

static void what_is_young_enough_stays(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.clock.wall_ms += RETENTION_MS - 10000;
    retain(f);
    assert_int_equal(first_visible(f), 2);
    assert_int_equal(shard_status(f->shard).horizon, 2);
    assert_int_equal(f->fake.log.seeks_total, 0);
}

static void the_limit_is_exact_without_the_horizon(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.clock.wall_ms += RETENTION_MS - 10000;
    assert_int_equal(first_visible(f), 2);
    f->fake.clock.wall_ms += 1;
    assert_int_equal(first_visible(f), 3);
    f->fake.clock.wall_ms += 5000;
    assert_int_equal(first_visible(f), 8);
    f->fake.clock.wall_ms += 5000;
    assert_int_equal(first_visible(f), 0);
    assert_int_equal(shard_status(f->shard).horizon, 2);
}

static void the_limit_is_exact_when_read_from_the_log(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, false);
    f->fake.clock.wall_ms += RETENTION_MS - 10000 + 5001;
    assert_int_equal(first_visible(f), 8);
}

static void without_a_clock_nothing_is_hidden(void **state)
{
    struct fixture *f = *state;
    struct reading r = { .req = { .records_max = GET_RECORDS_MAX, .bytes_max = GET_BYTES_MAX } };

    apply_ten(f, true);
    f->fake.clock.wall_ms += 2 * RETENTION_MS;
    r.req.now_ms = f->fake.clock.wall_ms;
    shard_read(f->shard, &r.req, reading_done);
    fake_turn(&f->fake);
    assert_int_equal(r.req.record_count, 10);
    shard_read_fini(&r.req);
}

static void the_horizon_moves_on(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.clock.wall_ms += RETENTION_MS - 10000 + 5001;
    retain(f);
    assert_int_equal(shard_status(f->shard).horizon, 8);
    assert_int_equal(tail_first(&f->shard->tail), 8);
    assert_int_equal(first_visible(f), 8);
    f->fake.clock.wall_ms += 10000;
    retain(f);
    assert_int_equal(shard_status(f->shard).horizon, 12);
    fake_apply_records(&f->fake, 1, 10, true);
    assert_int_equal(first_visible(f), 12);
}

static void the_horizon_never_goes_back(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.clock.wall_ms += RETENTION_MS - 10000 + 5001;
    retain(f);
    f->fake.clock.wall_ms -= 50000;
    retain(f);
    assert_int_equal(shard_status(f->shard).horizon, 8);
}

static void a_longer_retention_stops_it_and_a_shorter_one_moves_it(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.clock.wall_ms += RETENTION_MS;
    shard_set_retention(f->shard, 3 * RETENTION_MS);
    retain(f);
    assert_int_equal(shard_status(f->shard).horizon, 2);
    assert_int_equal(first_visible(f), 2);
    shard_set_retention(f->shard, RETENTION_MS + 5000);
    assert_int_equal(first_visible(f), 7);
    retain(f);
    assert_int_equal(shard_status(f->shard).horizon, 7);
}

static void what_is_hidden_is_dropped_a_grace_later(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.clock.wall_ms += RETENTION_MS - 10000 + 5001;
    retain(f); /* hides */
    retain(f); /* the grace begins */
    f->fake.clock.wall_ms += RETENTION_GRACE_MS - 1;
    retain(f);
    assert_int_equal(f->fake.log.state.first, 2);
    f->fake.clock.wall_ms += 1;
    retain(f);
    assert_int_equal(f->fake.log.state.first, 8); /* not what was hidden since: its grace begins */
    f->fake.clock.wall_ms += RETENTION_GRACE_MS;
    retain(f);
    assert_int_equal(f->fake.log.state.first, 12);
    assert_int_equal(f->fake.log.trims_total, 2);
    f->fake.clock.wall_ms += 10 * RETENTION_GRACE_MS;
    retain(f);
    assert_int_equal(f->fake.log.trims_total, 2);
}

static void what_the_log_does_not_know_to_be_applied_stays(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.log.state.applied = 6; /* it hears of it now and then */
    f->fake.clock.wall_ms += RETENTION_MS;
    retain(f);
    retain(f);
    f->fake.clock.wall_ms += RETENTION_GRACE_MS;
    retain(f);
    assert_int_equal(f->fake.log.state.first, 7);
    retain(f);
    assert_int_equal(f->fake.log.trims_total, 1);
    f->fake.log.state.applied = 11;
    retain(f);
    assert_int_equal(f->fake.log.state.first, 12);
}

static void what_a_member_lacks_stays_until_it_has_it(void **state)
{
    struct fixture *f = *state;
    uint64_t now_ms = 0;

    apply_ten(f, true);
    f->fake.log.state.applied = 11;
    f->fake.clock.wall_ms += RETENTION_MS;
    retain(f);
    retain(f);
    f->fake.clock.wall_ms += RETENTION_GRACE_MS;
    now_ms = f->fake.clock.wall_ms;
    assert_true(shard_retain(f->shard, now_ms, 5));
    assert_int_equal(f->fake.log.state.first, 5); /* whose term tells where 6 goes */
    assert_true(shard_retain(f->shard, now_ms, 8));
    assert_int_equal(f->fake.log.state.first, 8);
    assert_false(shard_retain(f->shard, now_ms, 11));
    assert_int_equal(f->fake.log.state.first, 12);
    fake_turn(&f->fake);
}

/* Who waits for it asks for another epoch, also where the member lacks the very next entry. */
static void what_follows_what_a_member_has_is_waited_for(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.log.state.applied = 11;
    f->fake.clock.wall_ms += RETENTION_MS - 6500; /* the first five are too old */
    bool waits = false;
    for (uint32_t i = 0; i < 20; i++) {
        waits = shard_retain(f->shard, f->fake.clock.wall_ms, 5);
        fake_turn(&f->fake);
        f->fake.clock.wall_ms += i == 0 ? 0 : RETENTION_GRACE_MS;
    }
    assert_true(waits);
    assert_int_equal(f->fake.log.state.first, 5);
}

static void a_quiet_shard_costs_no_search(void **state)
{
    struct fixture *f = *state;

    f->fake.log.heads_in_memory = false;
    for (int round = 0; round < 100; round++)
        retain(f);
    assert_int_equal(f->fake.log.seeks_total, 0);
    apply_ten(f, false);
    for (int round = 0; round < 100; round++)
        retain(f);
    assert_int_equal(f->fake.log.seeks_total, 1); /* to learn the oldest time, once */
    assert_int_equal(f->fake.log.reads_total, 1);
}

static void a_reader_that_the_drop_overtakes_goes_on_at_the_horizon(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    apply_ten(f, false);
    reading_start(f, &r, at(2, 0), ALL);
    log_trim(&f->fake.log, FAKE_GROUP, 6);
    fake_turn(&f->fake);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.err, ERR_OK);
    assert_int_equal(r.req.parts[0].index, 6);
    assert_int_equal(r.req.record_count, 6);
    shard_read_fini(&r.req);
}

static void a_failed_search_is_tried_again(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.clock.wall_ms += RETENTION_MS;
    f->fake.log.err = ERR_IO;
    retain(f);
    assert_int_equal(shard_status(f->shard).horizon, 2);
    f->fake.log.err = ERR_OK;
    retain(f);
    assert_int_equal(shard_status(f->shard).horizon, 12);
}

static void closing_waits_for_the_search(void **state)
{
    struct fixture *f = *state;

    apply_ten(f, true);
    f->fake.clock.wall_ms += RETENTION_MS;
    shard_retain(f->shard, f->fake.clock.wall_ms, UINT64_MAX - 1);
    shard_close(f->shard, fixture_on_closed, f);
    fake_defers(&f->fake);
    f->fake.replica.closed(f->fake.replica.closed_ctx);
    assert_int_equal(f->closed_count, 0);
    fake_turn(&f->fake);
    assert_int_equal(f->closed_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_young_enough_stays),
        TEST(the_limit_is_exact_without_the_horizon),
        TEST(the_limit_is_exact_when_read_from_the_log),
        TEST(without_a_clock_nothing_is_hidden),
        TEST(the_horizon_moves_on),
        TEST(the_horizon_never_goes_back),
        TEST(a_longer_retention_stops_it_and_a_shorter_one_moves_it),
        TEST(what_is_hidden_is_dropped_a_grace_later),
        TEST(what_the_log_does_not_know_to_be_applied_stays),
        TEST(what_a_member_lacks_stays_until_it_has_it),
        TEST(what_follows_what_a_member_has_is_waited_for),
        TEST(a_quiet_shard_costs_no_search),
        TEST(a_reader_that_the_drop_overtakes_goes_on_at_the_horizon),
        TEST(a_failed_search_is_tried_again),
        TEST(closing_waits_for_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fixture.h"

struct locating {
    struct locate req;
    int count;
    enum err err;
};

static void locating_done(struct locate *req, enum err err)
{
    struct locating *locating = container_of(req, struct locating, req);

    locating->count++;
    locating->err = err;
}

static void locate_start(struct fixture *f, struct locating *l, struct locate in)
{
    *l = (struct locating){ .req = in };
    l->req.hidden_ms = f->fake.clock.wall_ms;
    shard_locate(f->shard, &l->req, locating_done);
}

static enum err locate_now(struct fixture *f, struct locating *l, struct locate in)
{
    locate_start(f, l, in);
    assert_int_equal(l->count, 0);
    fake_turn(&f->fake);
    assert_int_equal(l->count, 1);
    return l->err;
}

static struct locate of_type(enum locate_type type)
{
    return (struct locate){ .type = type };
}

static struct locate of_place(enum locate_type type, uint64_t index, uint32_t ordinal)
{
    return (struct locate){ .type = type, .seqno = { .index = index, .ordinal = ordinal } };
}

static struct locate of_time(uint64_t time_ms)
{
    return (struct locate){ .type = LOCATE_AT_TIMESTAMP, .time_ms = time_ms };
}

static void trim_horizon_is_the_oldest_entry(void **state)
{
    struct fixture *f = *state;
    struct locating l;

    assert_int_equal(locate_now(f, &l, of_type(LOCATE_TRIM_HORIZON)), ERR_OK);
    assert_position(l.req.position, 2, 0);
    fake_apply_records(&f->fake, 3, 10, true);
    assert_int_equal(locate_now(f, &l, of_type(LOCATE_TRIM_HORIZON)), ERR_OK);
    assert_position(l.req.position, 2, 0);
}

static void latest_is_behind_what_is_applied(void **state)
{
    struct fixture *f = *state;
    struct locating l;

    fake_apply_records(&f->fake, 3, 10, true);
    fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, true);
    assert_int_equal(locate_now(f, &l, of_type(LOCATE_LATEST)), ERR_OK);
    assert_position(l.req.position, 4, 0);
}

static void only_a_leader_within_its_lease_says_what_is_latest(void **state)
{
    struct fixture *f = *state;
    struct locating l;

    fake_apply_records(&f->fake, 3, 10, true);
    f->fake.replica.lease = false;
    assert_int_equal(locate_now(f, &l, of_type(LOCATE_LATEST)), ERR_NOT_LEADER);
    assert_int_equal(locate_now(f, &l, of_time(f->fake.clock.wall_ms + 1)), ERR_NOT_LEADER);
    assert_int_equal(locate_now(f, &l, of_type(LOCATE_TRIM_HORIZON)), ERR_OK);
    assert_int_equal(locate_now(f, &l, of_time(f->fake.clock.wall_ms)), ERR_OK);
}

static void a_sequence_number_is_its_place(void **state)
{
    struct fixture *f = *state;
    struct locating l;

    fake_apply_records(&f->fake, 3, 10, true);
    assert_int_equal(locate_now(f, &l, of_place(LOCATE_AT_SEQUENCE_NUMBER, 2, 1)), ERR_OK);
    assert_position(l.req.position, 2, 1);
    assert_int_equal(locate_now(f, &l, of_place(LOCATE_AFTER_SEQUENCE_NUMBER, 2, 1)), ERR_OK);
    assert_position(l.req.position, 2, 2);
    assert_int_equal(locate_now(f, &l, of_place(LOCATE_AFTER_SEQUENCE_NUMBER, 2, 511)), ERR_OK);
    assert_position(l.req.position, 3, 0);
}

static void behind_the_largest_sequence_number_is_a_place_without_records(void **state)
{
    struct fixture *f = *state;
    struct locating l;
    struct reading r;

    fake_apply_records(&f->fake, 3, 10, true);
    assert_int_equal(
        locate_now(f, &l, of_place(LOCATE_AFTER_SEQUENCE_NUMBER, SEQNO_ENTRY_MAX, 511)), ERR_OK);
    assert_position(l.req.position, SEQNO_ENTRY_MAX, 511);
    assert_int_equal(read_now(f, &r, l.req.position, 10, 1000), ERR_OK);
    assert_int_equal(r.req.record_count, 0);
    assert_position(r.req.next, SEQNO_ENTRY_MAX, 511);
    shard_read_fini(&r.req);
}

static void the_starting_sequence_number_is_the_horizon(void **state)
{
    struct fixture *f = *state;
    struct locating l;

    fake_apply_records(&f->fake, 3, 10, true);
    assert_int_equal(locate_now(f, &l, of_place(LOCATE_AT_SEQUENCE_NUMBER, 0, 0)), ERR_OK);
    assert_position(l.req.position, 2, 0);
    assert_int_equal(locate_now(f, &l, of_place(LOCATE_AFTER_SEQUENCE_NUMBER, 0, 0)), ERR_OK);
    assert_position(l.req.position, 2, 0);
}

static void a_time_finds_the_first_record_at_or_behind_it(void **state)
{
    struct fixture *f = *state;
    uint64_t start_ms = f->fake.clock.wall_ms;
    struct locating l;

    for (int entry = 0; entry < 10; entry++) {
        fake_apply_records(&f->fake, 1, 10, true);
        f->fake.clock.wall_ms += 100;
    }
    assert_int_equal(locate_now(f, &l, of_time(start_ms)), ERR_OK);
    assert_position(l.req.position, 2, 0);
    assert_int_equal(locate_now(f, &l, of_time(start_ms + 1)), ERR_OK);
    assert_position(l.req.position, 3, 0);
    assert_int_equal(locate_now(f, &l, of_time(start_ms + 900)), ERR_OK);
    assert_position(l.req.position, 11, 0);
    assert_int_equal(locate_now(f, &l, of_time(start_ms + 901)), ERR_OK);
    assert_position(l.req.position, 12, 0);
    assert_int_equal(locate_now(f, &l, of_time(0)), ERR_OK);
    assert_position(l.req.position, 2, 0);
}

static void a_time_older_than_retention_is_the_oldest_visible_record(void **state)
{
    struct fixture *f = *state;
    uint64_t start_ms = f->fake.clock.wall_ms;
    struct locating l;

    fake_apply_records(&f->fake, 1, 10, true);
    f->fake.clock.wall_ms += RETENTION_MS;
    fake_apply_records(&f->fake, 1, 10, true);
    f->fake.clock.wall_ms += 1;
    assert_int_equal(locate_now(f, &l, of_time(start_ms)), ERR_OK);
    assert_position(l.req.position, 3, 0);
}

static void a_search_that_retention_overtakes_gives_the_horizon(void **state)
{
    struct fixture *f = *state;
    struct locating l;

    for (int entry = 0; entry < 5; entry++)
        fake_apply_records(&f->fake, 1, 10, true);
    locate_start(f, &l, of_time(f->fake.clock.wall_ms));
    log_trim(&f->fake.log, FAKE_GROUP, 5);
    fake_turn(&f->fake);
    assert_int_equal(l.err, ERR_OK);
    assert_position(l.req.position, 5, 0);
}

static void errors_of_the_search_reach_the_caller(void **state)
{
    struct fixture *f = *state;
    struct locating l;

    fake_apply_records(&f->fake, 1, 10, true);
    f->fake.log.err = ERR_IO;
    assert_int_equal(locate_now(f, &l, of_time(5)), ERR_IO);
}

static void a_type_that_is_none_is_refused(void **state)
{
    struct fixture *f = *state;
    struct locating l;

    assert_int_equal(locate_now(f, &l, of_type((enum locate_type)0)), ERR_INVALID);
    assert_int_equal(locate_now(f, &l, of_type((enum locate_type)6)), ERR_INVALID);
}

static void closing_answers_each_search_once(void **state)
{
    struct fixture *f = *state;
    struct locating searching, late;

    fake_apply_records(&f->fake, 1, 10, true);
    locate_start(f, &searching, of_time(5));
    shard_close(f->shard, fixture_on_closed, f);
    locate_start(f, &late, of_type(LOCATE_TRIM_HORIZON));
    fake_defers(&f->fake);
    f->fake.replica.closed(f->fake.replica.closed_ctx);
    assert_int_equal(f->closed_count, 0);
    fake_turn(&f->fake);
    assert_int_equal(f->closed_count, 1);
    assert_int_equal(searching.count, 1);
    assert_int_equal(searching.err, ERR_CLOSED);
    assert_int_equal(late.count, 1);
    assert_int_equal(late.err, ERR_CLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(trim_horizon_is_the_oldest_entry),
        TEST(latest_is_behind_what_is_applied),
        TEST(only_a_leader_within_its_lease_says_what_is_latest),
        TEST(a_sequence_number_is_its_place),
        TEST(behind_the_largest_sequence_number_is_a_place_without_records),
        TEST(the_starting_sequence_number_is_the_horizon),
        TEST(a_time_finds_the_first_record_at_or_behind_it),
        TEST(a_time_older_than_retention_is_the_oldest_visible_record),
        TEST(a_search_that_retention_overtakes_gives_the_horizon),
        TEST(errors_of_the_search_reach_the_caller),
        TEST(a_type_that_is_none_is_refused),
        TEST(closing_answers_each_search_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

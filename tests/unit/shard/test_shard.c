#include "fixture.h"

#include "shard/command.h"
#include "shard/shard_private.h"

struct probe {
    struct put put;
    unsigned char bytes[128];
    int count;
    enum err err;
    struct seqno first;
};

static void probe_done(struct put *put, enum err err, struct seqno first)
{
    struct probe *probe = container_of(put, struct probe, put);

    probe->count++;
    probe->err = err;
    probe->first = first;
}

/* Puts `count` records of one byte. */
static enum err put_start(struct fixture *f, struct probe *probe, uint32_t count, bool *throttled)
{
    struct record record = { .key = slice_text("key"), .data = slice_text("d") };

    *probe = (struct probe){ .put = { .record_count = count, .done = probe_done } };
    unsigned char *end = probe->bytes;
    for (uint32_t n = 0; n < count; n++)
        end = command_encode_record(end, &record);
    probe->put.records = slice_of(probe->bytes, (size_t)(end - probe->bytes));
    return shard_put(f->shard, &probe->put, throttled);
}

static void what_is_put_is_read_back_under_its_sequence_number(void **state)
{
    struct fixture *f = *state;
    struct probe probe;
    struct reading r;
    bool throttled;

    assert_int_equal(put_start(f, &probe, 2, &throttled), ERR_OK);
    assert_false(throttled);
    assert_int_equal(read_now(f, &r, at(0, 0), 10, 1000), ERR_OK);
    assert_int_equal(r.req.record_count, 0); /* not before it is committed */
    shard_read_fini(&r.req);
    fake_commit(&f->fake);
    assert_int_equal(probe.count, 1);
    assert_int_equal(probe.err, ERR_OK);
    assert_int_equal(read_now(f, &r, at(probe.first.index, probe.first.ordinal), 10, 1000), ERR_OK);
    assert_int_equal(r.req.record_count, 2);
    assert_true(slice_equal(r.req.parts[0].records, probe.put.records));
    shard_read_fini(&r.req);
}

static void status_counts_what_was_applied_put_and_read(void **state)
{
    struct fixture *f = *state;
    struct probe probe;
    struct reading r;
    bool throttled;

    assert_int_equal(put_start(f, &probe, 3, &throttled), ERR_OK);
    fake_commit(&f->fake);
    fake_apply_records(&f->fake, 5, 10, true); /* from another leader */
    fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, true);
    assert_int_equal(read_now(f, &r, at(0, 0), 6, 1000), ERR_OK);
    shard_read_fini(&r.req);

    struct shard_status status = shard_status(f->shard);
    assert_int_equal(status.records, 8);
    assert_int_equal(status.bytes, probe.put.records.len + 5 * (8 + 1 + 10));
    assert_int_equal(status.newest_time_ms, f->fake.clock.wall_ms);
    assert_int_equal(status.put_calls, 1);
    assert_int_equal(status.put_records, 3);
    assert_int_equal(status.put_bytes, probe.put.records.len);
    assert_int_equal(status.read_calls, 1);
    assert_int_equal(status.read_records, 6);
    assert_int_equal(status.read_bytes, 3 * 4 + 3 * 11);
    assert_int_equal(status.horizon, 2);
    assert_int_equal(shard_group(f->shard), FAKE_GROUP);
    assert_int_equal(shard_name(f->shard).shard, 3);
}

static void the_write_limit_throttles_and_says_so(void **state)
{
    struct fixture *f = *state;
    struct probe first, second;
    bool throttled;

    f->options.limits.put_records_per_s = 3;
    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    assert_int_equal(put_start(f, &first, 3, &throttled), ERR_OK);
    assert_int_equal(put_start(f, &second, 1, &throttled), ERR_BUSY);
    assert_true(throttled);
    f->fake.clock.mono_ms += 1000;
    assert_int_equal(put_start(f, &second, 1, &throttled), ERR_OK);
    assert_false(throttled);
    assert_int_equal(shard_status(f->shard).put_throttled, 1);
    fake_commit(&f->fake);
    fake_commit(&f->fake);
    assert_int_equal(second.err, ERR_OK);
}

static void a_refused_put_takes_nothing_from_the_limit(void **state)
{
    struct fixture *f = *state;
    struct probe probe;
    bool throttled;

    f->options.limits.put_records_per_s = 3;
    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    f->fake.replica.refuse = ERR_NOT_LEADER;
    for (int n = 0; n < 5; n++)
        assert_int_equal(put_start(f, &probe, 3, &throttled), ERR_NOT_LEADER);
    f->fake.replica.refuse = ERR_OK;
    assert_int_equal(put_start(f, &probe, 3, &throttled), ERR_OK);
    fake_commit(&f->fake);
}

static void the_read_limit_throttles(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    f->options.limits.read_calls_per_s = 2;
    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    for (int call = 0; call < 3; call++) {
        assert_int_equal(read_now(f, &r, at(0, 0), 1, 1000), call < 2 ? ERR_OK : ERR_BUSY);
        shard_read_fini(&r.req);
    }
    assert_int_equal(shard_status(f->shard).read_throttled, 1);
    f->fake.clock.mono_ms += 500;
    assert_int_equal(read_now(f, &r, at(0, 0), 1, 1000), ERR_OK);
    shard_read_fini(&r.req);
}

static void role_and_leader_are_passed_on(void **state)
{
    struct fixture *f = *state;

    assert_false(shard_leads(f->shard));
    f->fake.replica.events->role(f->fake.replica.ctx, REPLICA_ELECTED, 42);
    assert_false(shard_leads(f->shard));
    f->fake.replica.events->role(f->fake.replica.ctx, REPLICA_LEADER, 42);
    assert_true(shard_leads(f->shard));
    assert_int_equal(shard_leader(f->shard), 42);
    assert_int_equal(f->role_count, 2);
    assert_int_equal(f->role, REPLICA_LEADER);
    assert_int_equal(f->leader, 42);
}

static void the_image_carries_the_counters_over_a_restart(void **state)
{
    struct fixture *f = *state;
    struct log_state *log = &f->fake.log.state;
    struct reading r;

    fake_apply_records(&f->fake, 5, 10, true);
    fake_apply_records(&f->fake, 6, 10, true);
    fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, true);
    struct shard_status before = shard_status(f->shard);
    log->image_bytes = f->fake.replica.events->image(f->fake.replica.ctx, log->image);
    assert_in_range(log->image_bytes, 1, IMAGE_BYTES_MAX);
    fixture_close(f);

    assert_int_equal(fixture_open(f, NULL), ERR_OK);
    struct shard_status after = shard_status(f->shard);
    assert_int_equal(after.records, 11);
    assert_int_equal(after.records, before.records);
    assert_int_equal(after.bytes, before.bytes);
    assert_int_equal(after.newest_time_ms, before.newest_time_ms);
    assert_int_equal(read_now(f, &r, at(0, 0), 100, 1000), ERR_OK);
    assert_int_equal(r.req.record_count, 11);
    assert_position(r.req.next, 4, 0);
    shard_read_fini(&r.req);
    assert_int_equal(read_now(f, &r, at(4, 0), 100, 1000), ERR_OK);
    assert_position(r.req.next, 5, 0);
    shard_read_fini(&r.req);
    fake_apply_records(&f->fake, 1, 10, true);
    assert_int_equal(shard_status(f->shard).records, 12);
}

static void a_strange_image_is_refused(void **state)
{
    struct fixture *f = *state;
    struct reason reason = { { 0 } };

    f->fake.log.state.image_bytes = 33;
    f->fake.log.state.image[0] = 3;
    assert_int_equal(fixture_open(f, &reason), ERR_VERSION);
    assert_string_equal(reason.text, "open shard 7: image: format 3 is not known");
    f->fake.log.state.image[0] = 1;
    f->fake.log.state.image_bytes = 32;
    assert_int_equal(fixture_open(f, &reason), ERR_CORRUPT);
    f->fake.log.state.image_bytes = 34;
    assert_int_equal(fixture_open(f, &reason), ERR_CORRUPT);
    f->fake.log.state.image_bytes = 0;
}

static void a_group_without_start_is_not_opened(void **state)
{
    struct fixture *f = *state;
    struct reason reason = { { 0 } };

    f->options.group = 99;
    assert_int_equal(fixture_open(f, &reason), ERR_NOT_FOUND);
    assert_non_null(strstr(reason.text, "open shard 99"));
    f->options.group = FAKE_GROUP;
    f->fake.replica.refuse = ERR_EXISTS;
    assert_int_equal(fixture_open(f, NULL), ERR_EXISTS);
    f->fake.replica.refuse = ERR_OK;
}

static void closing_settles_each_put_once_and_never_inside(void **state)
{
    struct fixture *f = *state;
    struct probe flying, waiting, late;
    bool throttled;

    assert_int_equal(put_start(f, &flying, 1, &throttled), ERR_OK);
    assert_int_equal(put_start(f, &waiting, 1, &throttled), ERR_OK);
    shard_close(f->shard, fixture_on_closed, f);
    assert_int_equal(waiting.count, 0);
    assert_int_equal(put_start(f, &late, 1, &throttled), ERR_CLOSED);
    fake_turn(&f->fake);
    assert_int_equal(waiting.count, 1);
    assert_int_equal(waiting.err, ERR_CLOSED);
    assert_int_equal(flying.count, 0);
    fake_depose(&f->fake);
    assert_int_equal(flying.count, 1);
    assert_int_equal(flying.err, ERR_UNKNOWN);
    assert_int_equal(f->closed_count, 0);
    f->fake.replica.closed(f->fake.replica.closed_ctx);
    assert_int_equal(f->closed_count, 1);
    assert_int_equal(waiting.count, 1);
    assert_int_equal(late.count, 0);
    assert_int_equal(f->tail_bytes_left, TAIL_BYTES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define TEST_CLOSED(name)                                                                          \
    cmocka_unit_test_setup_teardown(name, fixture_setup_closed, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_read_back_under_its_sequence_number),
        TEST(status_counts_what_was_applied_put_and_read),
        TEST_CLOSED(the_write_limit_throttles_and_says_so),
        TEST_CLOSED(a_refused_put_takes_nothing_from_the_limit),
        TEST_CLOSED(the_read_limit_throttles),
        TEST(role_and_leader_are_passed_on),
        TEST(the_image_carries_the_counters_over_a_restart),
        TEST_CLOSED(a_strange_image_is_refused),
        TEST_CLOSED(a_group_without_start_is_not_opened),
        TEST(closing_settles_each_put_once_and_never_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

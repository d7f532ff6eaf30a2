/* The fan, with a route, a catalogue and a worker that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/fan.h"
#include "api/record_list.h"
#include "base/limits.h"
#include "shard/command.h"
#include "still_clock.h"

#define GROUP 7u
#define READS_MAX 8

static struct {
    struct fan *fan;
    struct clock *clock;
    struct model_stream stream;
    struct model_shard shards[3];
    bool gone;
    /* reads that were asked for and not answered yet, the oldest first */
    struct route_read *reads[READS_MAX];
    int read_count, asked;
    struct work *work; /* with the worker */
    size_t budget_most, budget_used;
    int closed;
    /* what the last read gave */
    struct read_part part;
    struct buf *payload;
} world;

/* ---- what is around it ---- */

struct catalog *control_catalog(struct control *control)
{
    return NULL;
}

const struct model *catalog_model(const struct catalog *catalog)
{
    return NULL;
}

const struct model_shard *model_shard_by_group(const struct model *model, uint64_t group,
                                               const struct model_stream **stream)
{
    *stream = &world.stream;
    for (uint32_t i = 0; i < world.stream.shard_count; i++)
        if (!world.gone && world.shards[i].group == group)
            return &world.shards[i];
    return NULL;
}

const struct model_settings *model_settings(const struct model_stream *stream)
{
    static const struct model_settings none;

    return &none;
}

void route_read(struct route *route, struct route_read *req, route_read_cb cb)
{
    assert_true(req->watches);
    assert_true(world.read_count < READS_MAX);
    req->cb = cb;
    world.reads[world.read_count++] = req;
    world.asked++;
}

void route_read_fini(struct route_read *req)
{
    req->parts = NULL;
    req->part_count = 0;
}

static void read_forget(struct route_read *req)
{
    for (int at = 0; at < world.read_count; at++)
        if (world.reads[at] == req)
            memmove(&world.reads[at], &world.reads[at + 1],
                    (size_t)(--world.read_count - at) * sizeof(req));
}

void route_read_cancel(struct route_read *req)
{
    read_forget(req);
}

void work_start(struct work_pool *pool, struct work *work, work_fn run, work_cb done)
{
    assert_null(world.work);
    work->run = run;
    work->done = done;
    world.work = work;
}

static bool budget_take(void *ctx, size_t bytes)
{
    if (world.budget_used > 0 && world.budget_used + bytes > world.budget_most)
        return false;
    world.budget_used += bytes;
    return true;
}

static void budget_give_back(void *ctx, size_t bytes)
{
    assert_true(bytes <= world.budget_used);
    world.budget_used -= bytes;
}

/* ---- what tests do ---- */

struct follower {
    struct fan_reader reader;
    int told;
    enum err err;
    bool leaves; /* when it is told */
};

static void on_told(struct fan_reader *reader, enum err err)
{
    struct follower *follower = container_of(reader, struct follower, reader);

    follower->told++;
    follower->err = err;
    if (follower->leaves)
        fan_leave(reader);
}

static void join(struct follower *follower, uint64_t group)
{
    *follower = (struct follower){ .reader.from = { .index = 4 } };
    assert_int_equal(fan_join(world.fan, &follower->reader, group), ERR_OK);
}

/* Asks, and says whether that made a read. */
static bool next(struct follower *follower)
{
    int asked = world.asked;

    follower->told = 0;
    fan_next(&follower->reader, on_told);
    assert_int_equal(follower->told, 0);
    still_clock_turn();
    return world.asked > asked;
}

static void go_on(struct follower *follower)
{
    follower->reader.from = follower->reader.next;
}

/* The oldest read gives one record of so many bytes at its place; 0: nothing. */
static void answer(size_t bytes, uint64_t behind_ms)
{
    struct route_read *read = world.reads[0];

    read_forget(read);
    buf_unref(world.payload);
    world.payload = NULL;
    read->next = read->from;
    read->behind_ms = behind_ms;
    read->part_count = read->record_count = 0;
    if (bytes > 0) {
        unsigned char *data = calloc(1, bytes);
        struct record record = { .key = slice_text("k"), .data = slice_of(data, bytes) };
        world.payload = buf_new(command_record_bytes(&record));
        (void)command_encode_record(world.payload->data, &record);
        free(data);
        world.part = (struct read_part){ .index = read->from.index,
                                         .time_ms = 1700000000000,
                                         .count = 1,
                                         .records = buf_slice(world.payload) };
        read->parts = &world.part;
        read->part_count = read->record_count = 1;
        read->next = (struct position){ .index = read->from.index + 1 };
    }
    read->cb(read, ERR_OK);
    still_clock_turn();
}

static void worker_runs(void)
{
    struct work *work = world.work;

    assert_non_null(work);
    world.work = NULL;
    work->run(work);
    work->done(work);
    still_clock_turn();
}

static void on_closed(void *ctx)
{
    assert_ptr_equal(ctx, &world);
    world.closed++;
}

static int set_up(void **state)
{
    memset(&world, 0, sizeof(world));
    world.clock = still_clock_open();
    world.budget_most = 1u << 30;
    world.stream.shards = world.shards;
    world.stream.shard_count = 3;
    for (uint32_t i = 0; i < 3; i++)
        world.shards[i] = (struct model_shard){ .number = i, .group = GROUP + i };
    world.fan = fan_new(&(struct fan_world){ .clock = world.clock,
                                             .budget = { .take = budget_take,
                                                         .give_back = budget_give_back } });
    return world.fan == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    if (world.closed == 0)
        fan_close(world.fan, on_closed, &world);
    still_clock_turn();
    buf_unref(world.payload);
    still_clock_close();
    return world.closed == 1 && world.budget_used == 0 && world.read_count == 0 ? 0 : -1;
}

/* ---- one read, one event ---- */

static void who_is_at_one_place_shares_read_and_bytes(void **state)
{
    struct follower all[3];

    for (int at = 0; at < 3; at++) {
        join(&all[at], GROUP);
        assert_int_equal(next(&all[at]), at == 0);
    }
    answer(1000, 0);
    for (int at = 0; at < 3; at++) {
        assert_int_equal(all[at].told, 1);
        assert_int_equal(all[at].err, ERR_OK);
        assert_int_equal(all[at].reader.record_count, 1);
        assert_ptr_equal(all[at].reader.event, all[0].reader.event);
    }
    go_on(&all[0]);
    assert_true(next(&all[0])); /* it goes on, and the others' event is still there */
    assert_null(all[0].reader.event);
    assert_non_null(all[1].reader.event);
    for (int at = 0; at < 3; at++)
        fan_leave(&all[at].reader);
}

static void other_places_forms_and_shards_have_reads_of_their_own(void **state)
{
    struct follower all[4];

    for (int at = 0; at < 4; at++)
        join(&all[at], at == 3 ? GROUP + 1 : GROUP);
    all[1].reader.from.ordinal = 1;
    all[2].reader.in_ms = true;
    for (int at = 0; at < 4; at++)
        assert_true(next(&all[at]));
    for (int at = 0; at < 4; at++)
        fan_leave(&all[at].reader);
    assert_int_equal(world.read_count, 0); /* nobody waits for them */
}

static void the_last_one_stays_for_a_moment(void **state)
{
    struct follower first, second, third;

    join(&first, GROUP);
    join(&second, GROUP);
    join(&third, GROUP);
    assert_true(next(&first));
    answer(1000, 0);
    assert_true(world.budget_used >= 1000);
    still_clock_pass(FAN_LAST_MS - 1);
    assert_false(next(&second));
    assert_int_equal(second.told, 1);
    assert_ptr_equal(second.reader.event, first.reader.event);
    go_on(&first);
    assert_true(next(&first)); /* it waits at the tip */
    still_clock_pass(1);
    assert_int_equal(world.budget_used, 0); /* and nothing is held for nobody */
    assert_true(next(&third));
    fan_leave(&first.reader);
    fan_leave(&second.reader);
    fan_leave(&third.reader);
}

static void the_end_of_a_shard_has_its_children(void **state)
{
    struct follower follower;

    world.shards[0].state = SHARD_CLOSED;
    world.shards[0].end = 4;
    world.shards[1].parents[0] = world.shards[2].parents[0] = 0;
    world.shards[1].parent_count = world.shards[2].parent_count = 1;
    join(&follower, GROUP);
    assert_true(next(&follower));
    answer(0, 7);
    assert_int_equal(follower.told, 1);
    assert_true(follower.reader.ended);
    assert_non_null(follower.reader.event);
    assert_int_equal(follower.reader.behind_ms, 0);
    fan_leave(&follower.reader);
}

static void a_shard_that_is_gone_is_said_to_be(void **state)
{
    struct follower follower;

    join(&follower, GROUP);
    assert_true(next(&follower));
    world.gone = true;
    answer(100, 0);
    assert_int_equal(follower.err, ERR_CLOSED);
    fan_leave(&follower.reader);
}

static void whoever_is_told_may_leave_and_let_others_leave(void **state)
{
    struct follower all[3];

    for (int at = 0; at < 3; at++) {
        join(&all[at], GROUP);
        all[at].leaves = true;
        (void)next(&all[at]);
    }
    fan_leave(&all[1].reader);
    answer(100, 0);
    assert_int_equal(all[0].told + all[2].told, 2);
    assert_int_equal(all[1].told, 0);
    assert_int_equal(world.budget_used, 0);
}

/* ---- what is held ---- */

static void who_is_behind_takes_room_before_who_is_at_the_tip_does_not(void **state)
{
    struct follower follower;

    join(&follower, GROUP);
    assert_true(next(&follower));
    assert_int_equal(world.reads[0]->bytes_max, FAN_FIRST_BYTES);
    assert_in_range(world.budget_used, FAN_FIRST_BYTES, 3 * FAN_FIRST_BYTES);
    answer(50000, 5000);
    go_on(&follower);
    still_clock_pass(FAN_LAST_MS);
    assert_true(next(&follower));
    assert_int_equal(world.reads[0]->bytes_max, SUBSCRIPTION_EVENT_BYTES);
    assert_in_range(world.budget_used, SUBSCRIPTION_EVENT_BYTES, 3 * SUBSCRIPTION_EVENT_BYTES);
    answer(500000, 0);
    worker_runs();
    assert_in_range(world.budget_used, 500000, 800000); /* the event alone */
    go_on(&follower);
    still_clock_pass(FAN_LAST_MS);
    assert_true(next(&follower));
    assert_int_equal(world.budget_used, 0);
    answer(500000, 0);
    assert_in_range(world.budget_used, 500000 * 7 / 3, 500000 * 3); /* what is encoded, too */
    worker_runs();
    fan_leave(&follower.reader);
}

static void without_room_a_reader_hears_busy(void **state)
{
    struct follower first, second;

    world.budget_most = 3 * FAN_FIRST_BYTES;
    join(&first, GROUP);
    join(&second, GROUP + 1);
    assert_true(next(&first));
    assert_false(next(&second));
    assert_int_equal(second.told, 1);
    assert_int_equal(second.err, ERR_BUSY);
    assert_true(strstr(second.reader.reason.text, "replies-bytes-max") != NULL);
    answer(0, 0);
    assert_int_equal(first.err, ERR_OK);
    assert_true(next(&second));
    assert_true(next(&first)); /* at the tip now */
    struct route_read *tip = world.reads[1];
    world.reads[1] = world.reads[0];
    world.reads[0] = tip;
    answer(40000, 0); /* and there is no room when something comes */
    assert_int_equal(first.told, 1);
    assert_int_equal(first.err, ERR_BUSY);
    fan_leave(&first.reader);
    fan_leave(&second.reader);
}

static void what_stays_for_nobody_gives_way(void **state)
{
    struct follower first, second;

    world.budget_most = 3 * FAN_FIRST_BYTES;
    join(&first, GROUP);
    join(&second, GROUP + 1);
    assert_true(next(&first));
    answer(60000, 0);
    assert_true(world.budget_used > 60000);
    assert_true(next(&second));
    assert_non_null(first.reader.event); /* its own reader has it still */
    fan_leave(&first.reader);
    fan_leave(&second.reader);
}

/* ---- the end ---- */

static void a_worker_may_be_at_it_when_all_have_left(void **state)
{
    struct follower follower;

    join(&follower, GROUP);
    assert_true(next(&follower));
    answer(500000, 0);
    assert_non_null(world.work);
    fan_leave(&follower.reader);
    fan_close(world.fan, on_closed, &world);
    still_clock_turn();
    assert_int_equal(world.closed, 0);
    worker_runs();
    assert_int_equal(world.closed, 1);
    assert_int_equal(follower.told, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_at_one_place_shares_read_and_bytes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(other_places_forms_and_shards_have_reads_of_their_own,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_one_stays_for_a_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_a_shard_has_its_children, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_shard_that_is_gone_is_said_to_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whoever_is_told_may_leave_and_let_others_leave, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_is_behind_takes_room_before_who_is_at_the_tip_does_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_room_a_reader_hears_busy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stays_for_nobody_gives_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_worker_may_be_at_it_when_all_have_left, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("fan", tests, NULL, NULL);
}

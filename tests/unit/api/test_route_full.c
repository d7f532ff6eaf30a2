/* Reads for which the replicas have no place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "route_world.h"

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

static void read_on_done(struct route_read *req, enum err err)
{
    assert_false(world.inside);
    told.count++;
    told.err = err;
}

static void start_read(struct route_read *read)
{
    *read = (struct route_read){ .group = GROUP, .records_max = 10, .bytes_max = 1000 };
    route_read(world.route, read, read_on_done);
    world_turn();
}

/* Who has too much to do has more when it is asked again. */
static void where_all_are_full_a_read_asks_seldom(void **state)
{
    uint64_t pause_ms = ROUTE_FULL_WAIT_MIN_MS;
    struct route_read read;

    world.leader = 2;
    world.up[2] = world.up[3] = true;
    start_read(&read);
    for (uint32_t round = 1; round < 6; round++) {
        while (world.call != NULL)
            world_refuse(ERR_UNAVAILABLE, 0);
        uint32_t calls = world.calls;
        world_pass(pause_ms - 1);
        assert_int_equal(world.calls, calls);
        world_pass(1);
        assert_int_equal(world.calls, calls + 1);
        pause_ms = pause_ms < ROUTE_FULL_WAIT_MAX_MS ? 2 * pause_ms : ROUTE_FULL_WAIT_MAX_MS;
    }
    assert_int_equal(told.count, 0);
    while (world.call != NULL)
        world_refuse(ERR_UNAVAILABLE, 0);
    world_pass(ROUTE_FULL_WAIT_MAX_MS);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, ERR_UNAVAILABLE);
}

/* Of the others one may do better soon. */
static void where_one_alone_is_full_a_read_asks_on(void **state)
{
    struct route_read read;

    world.leader = 2;
    world.up[2] = true;
    start_read(&read);
    world_refuse(ERR_UNAVAILABLE, 0);
    world_refuse(ERR_IO, 0);
    assert_null(world.call);
    world_pass(ROUTE_WAIT_MAX_MS);
    assert_non_null(world.call);
    route_read_cancel(&read);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void locate_on_done(struct route_locate *req, enum err err)
{
    assert_false(world.inside);
    told.count++;
    told.err = err;
}

static void the_limit_of_a_shard_here_is_called_so(void **state)
{
    struct route_read read;

    world.has_replica = world.leads = true;
    start_read(&read);
    world_read_done(ERR_BUSY);
    assert_int_equal(told.err, ERR_BUSY);
    assert_true(read.throttled);
}

static void the_limit_of_a_shard_elsewhere_is_called_so(void **state)
{
    struct route_read read;

    world.leader = 2;
    world.up[2] = true;
    start_read(&read);
    world_refuse(ERR_BUSY, 0);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, ERR_BUSY);
    assert_true(read.throttled);
}

/* It has refused the call without a word of a shard (peer/inbound.c). */
static void who_has_too_many_calls_is_passed_over(void **state)
{
    struct route_read read;

    world.leader = 2;
    world.up[2] = world.up[3] = true;
    start_read(&read);
    assert_int_equal(world.called, 2);
    world_answer(ERR_OK, ERR_BUSY, slice_of(NULL, 0));
    assert_int_equal(told.count, 0);
    assert_int_equal(world.called, 3);
    while (world.call != NULL)
        world_answer(ERR_OK, ERR_BUSY, slice_of(NULL, 0));
    world_pass(ROUTE_READ_TIMEOUT_MS);
    while (world.call != NULL)
        world_answer(ERR_OK, ERR_BUSY, slice_of(NULL, 0));
    world_pass(ROUTE_READ_TIMEOUT_MS);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, ERR_UNAVAILABLE);
}

static void what_a_node_has_no_place_for_is_no_limit_of_the_shard(void **state)
{
    struct route_read *reads = calloc(ROUTE_JOBS_MAX + 1, sizeof(*reads));
    struct route_read *late = &reads[ROUTE_JOBS_MAX];

    assert_non_null(reads);
    world.leader = 2; /* nobody is up: they wait */
    for (uint32_t i = 0; i < ROUTE_JOBS_MAX; i++)
        start_read(&reads[i]);
    assert_int_equal(told.count, 0);
    start_read(late);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, ERR_BUSY);
    assert_false(late->throttled);
    assert_string_equal(late->reason.text, "this node has too much under way");
    for (uint32_t i = 0; i < ROUTE_JOBS_MAX; i++)
        route_read_cancel(&reads[i]);
    free(reads);
}

static void so_it_is_of_a_place_in_the_shard(void **state)
{
    struct route_locate *locates = calloc(ROUTE_JOBS_MAX + 1, sizeof(*locates));

    assert_non_null(locates);
    world.leader = 2;
    for (uint32_t i = 0; i <= ROUTE_JOBS_MAX; i++) {
        locates[i] = (struct route_locate){ .group = GROUP, .type = LOCATE_LATEST };
        route_locate(world.route, &locates[i], locate_on_done);
    }
    world_turn();
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, ERR_BUSY);
    assert_string_equal(locates[ROUTE_JOBS_MAX].reason.text, "this node has too much under way");
    world_close();
    world.route = NULL;
    free(locates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(where_all_are_full_a_read_asks_seldom),
        WITH_WORLD(where_one_alone_is_full_a_read_asks_on),
        WITH_WORLD(the_limit_of_a_shard_here_is_called_so),
        WITH_WORLD(the_limit_of_a_shard_elsewhere_is_called_so),
        WITH_WORLD(who_has_too_many_calls_is_passed_over),
        WITH_WORLD(what_a_node_has_no_place_for_is_no_limit_of_the_shard),
        WITH_WORLD(so_it_is_of_a_place_in_the_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

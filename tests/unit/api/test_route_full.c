/* Reads for which the replicas have no place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(where_all_are_full_a_read_asks_seldom),
        WITH_WORLD(where_one_alone_is_full_a_read_asks_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

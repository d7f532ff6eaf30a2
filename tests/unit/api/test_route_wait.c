/* How long requests wait for a leader, and what ends that early. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "route_world.h"

static uint32_t told_count;

static int set_up(void **state)
{
    world_open();
    told_count = 0;
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
    assert_int_equal(err, ERR_OK);
    told_count++;
}

static void start_put(struct route_put *put)
{
    struct buf *records = world_records();

    *put = (struct route_put){ .group = GROUP, .records = records, .record_count = 2 };
    route_put(world.route, put, put_on_done);
    buf_unref(records);
    world_turn();
}

static void who_waits_hears_of_its_leader_at_once(void **state)
{
    struct route_put put;

    world.has_replica = true;
    start_put(&put);
    world_pass(1500);
    world.leads = true;
    world_leader_known(GROUP + ROUTE_WAIT_LISTS); /* another one's, in the same list */
    world_pass(1);
    assert_int_equal(world.puts, 0);
    world_leader_known(GROUP);
    assert_int_equal(world.puts, 0); /* not inside of what tells it */
    world_pass(1);
    assert_int_equal(world.puts, 1);
    world_leader_known(GROUP); /* nobody waits any more */
    world_pass(1);
    assert_int_equal(world.puts, 1);
    world_put_done(ERR_OK);
    assert_int_equal(told_count, 1);
}

static void many_that_wait_go_one_after_the_other(void **state)
{
    enum { MANY = 3 * ROUTE_HURRIED_MAX };
    static struct route_put puts[MANY];

    world.up[2] = true;
    for (uint32_t i = 0; i < MANY; i++)
        start_put(&puts[i]);
    world_pass(1500);
    assert_int_equal(world.calls, 0);
    world.leader = 2;
    world_leader_known(GROUP);
    world_pass(1); /* those of this millisecond, and of the next */
    assert_int_equal(world.calls, 2 * ROUTE_HURRIED_MAX);
    world_pass(1);
    assert_int_equal(world.calls, MANY);
}

static void one_that_is_about_to_lead_is_asked_again_soon(void **state)
{
    struct route_put put;

    world.leader = 2;
    world.up[2] = true;
    start_put(&put);
    world_pass(1500);
    uint32_t calls = world.calls;
    for (uint32_t i = 0; i < ROUTE_SOONS_MAX; i++) {
        world_refuse(ERR_NOT_LEADER, 2);
        world_pass((uint64_t)ROUTE_SOON_MS << i);
        assert_int_equal(world.calls, ++calls);
    }
    world_refuse(ERR_NOT_LEADER, 2); /* from now on as any other */
    world_pass(ROUTE_WAIT_MAX_MS - 1);
    assert_int_equal(world.calls, calls);
    world_pass(1);
    assert_int_equal(world.calls, calls + 1);
}

static void a_leader_that_became_known_meanwhile_is_asked_at_once(void **state)
{
    struct route_put put;

    world.leader = 2;
    world.up[2] = world.up[3] = true;
    start_put(&put);
    world_pass(1500);
    world.leader = 3; /* said while the other one is asked: nobody waits then */
    world_leader_known(GROUP);
    uint32_t calls = world.calls;
    world_refuse(ERR_NOT_LEADER, 0);
    world_pass(1);
    assert_int_equal(world.calls, calls + 1);
    assert_int_equal(world.called, 3);
}

/* The leader that this node knows says who leads instead, and that one cannot be had. */
static void who_was_known_all_the_time_is_asked_after_a_pause(void **state)
{
    struct route_put put;

    world.leader = 2;
    world.up[2] = world.up[3] = true;
    start_put(&put);
    world_pass(1500);
    world_refuse(ERR_NOT_LEADER, 3);
    uint32_t calls = world.calls;
    assert_int_equal(world.called, 3);
    world_refuse(ERR_NOT_LEADER, 0);
    world_pass(ROUTE_WAIT_MAX_MS - 1);
    assert_int_equal(world.calls, calls);
    world_pass(1);
    assert_int_equal(world.calls, calls + 1);
    assert_int_equal(world.called, 2);
}

/* Short pauses that were used up do not count against it. */
static void a_leader_that_became_known_is_asked_though_another_one_is_about_to_lead(void **state)
{
    struct route_put put;

    world.leader = 2;
    world.up[2] = world.up[3] = true;
    start_put(&put);
    world_pass(1500);
    for (uint32_t i = 0; i < ROUTE_SOONS_MAX; i++) {
        world_refuse(ERR_NOT_LEADER, 2);
        world_pass((uint64_t)ROUTE_SOON_MS << i);
    }
    uint32_t calls = world.calls;
    world.leader = 3;
    world_leader_known(GROUP);
    world_refuse(ERR_NOT_LEADER, 2);
    world_pass(1);
    assert_int_equal(world.calls, calls + 1);
    assert_int_equal(world.called, 3);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(who_waits_hears_of_its_leader_at_once),
        WITH_WORLD(many_that_wait_go_one_after_the_other),
        WITH_WORLD(a_leader_that_became_known_meanwhile_is_asked_at_once),
        WITH_WORLD(who_was_known_all_the_time_is_asked_after_a_pause),
        WITH_WORLD(a_leader_that_became_known_is_asked_though_another_one_is_about_to_lead),
        WITH_WORLD(one_that_is_about_to_lead_is_asked_again_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

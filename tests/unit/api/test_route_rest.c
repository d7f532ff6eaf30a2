/* Who is asked for a shard whose group rests: it has no leader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "route_world.h"

static enum err told;

static int set_up(void **state)
{
    world_open();
    told = ERR_UNKNOWN;
    return 0;
}

static int tear_down(void **state)
{
    world_close();
    return 0;
}

static void read_on_done(struct route_read *req, enum err err)
{
    told = err;
}

static void locate_on_done(struct route_locate *req, enum err err)
{
    told = err;
}

static void start_read(struct route_read *read)
{
    *read = (struct route_read){ .group = GROUP, .records_max = 10, .bytes_max = 1000 };
    route_read(world.route, read, read_on_done);
    world_turn();
}

static uint64_t asked_for_reading(void)
{
    struct route_read read;
    uint32_t reads = world.reads;

    start_read(&read);
    if (world.reads > reads) {
        world_read_done(ERR_OK);
        route_read_fini(&read);
        return HERE;
    }
    uint64_t asked = world.called;
    route_read_cancel(&read);
    return asked;
}

static void the_first_member_that_is_up_answers_for_one_that_rests(void **state)
{
    world.has_replica = world.rests = world.up[HERE] = true;
    world.leader = 3; /* of the time before */
    assert_int_equal(asked_for_reading(), HERE);
    world.up[3] = true;
    assert_int_equal(asked_for_reading(), 3);
    world.up[2] = true;
    assert_int_equal(asked_for_reading(), 2);
}

static void one_that_rests_is_read_here_when_the_other_does_not_know_it_yet(void **state)
{
    struct route_read read;

    world.has_replica = world.rests = world.up[2] = true;
    start_read(&read);
    world_refuse(ERR_NOT_LEADER, 2);
    assert_int_equal(world.reads, 1);
    world_read_done(ERR_OK);
    assert_int_equal(told, ERR_OK);
    route_read_fini(&read);
}

static void the_tip_of_one_that_rests_is_known_without_a_leader(void **state)
{
    struct route_locate locate;

    world.has_replica = world.rests = world.up[HERE] = true;
    locate = (struct route_locate){ .group = GROUP, .type = LOCATE_LATEST };
    route_locate(world.route, &locate, locate_on_done);
    world_turn();
    assert_int_equal(world.locates, 1);
    world.inside = false;
    world.locate->cb(world.locate, ERR_OK);
    world_turn();
    assert_int_equal(told, ERR_OK);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(the_first_member_that_is_up_answers_for_one_that_rests),
        WITH_WORLD(one_that_rests_is_read_here_when_the_other_does_not_know_it_yet),
        WITH_WORLD(the_tip_of_one_that_rests_is_known_without_a_leader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

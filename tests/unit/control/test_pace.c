#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "control/pace.h"

#define MS UINT64_C(1000000)
#define START (UINT64_C(5000) * MS)
#define LOOK (PACE_LOOK_MS * MS)

/* A node with clients, whose log writes take `write_ns`; it looks once and gives nothing yet. */
struct world {
    struct pace pace;
    uint64_t now, applied, writes, writes_ns;
};

static void look(struct world *world, uint64_t write_ns, bool giving)
{
    if (giving)
        pace_begin(&world->pace, world->now);
    world->now += LOOK;
    world->applied++;
    world->writes += 10;
    world->writes_ns += 10 * write_ns;
    pace_look(&world->pace, world->now, world->applied, world->writes, world->writes_ns);
    if (giving)
        pace_end(&world->pace, world->now, 0);
}

static struct world world_with_clients(uint64_t write_ns)
{
    struct world world = { .now = START };

    pace_init(&world.pace);
    for (int i = 0; i < 50; i++)
        look(&world, write_ns, false);
    return world;
}

/* What one read that takes so long is followed by. */
static uint64_t rest_after(struct world *world, uint64_t took)
{
    uint64_t wait = pace_wait_ns(&world->pace, world->now);

    assert_true(wait != UINT64_MAX);
    world->now += wait;
    pace_begin(&world->pace, world->now);
    world->now += took;
    pace_end(&world->pace, world->now, 0);
    return pace_wait_ns(&world->pace, world->now);
}

static void without_clients_nothing_waits(void **state)
{
    struct pace pace;

    pace_init(&pace);
    pace_look(&pace, START, 0, 5, 5 * MS);
    assert_false(pace_has_clients(&pace, START));
    pace_begin(&pace, START);
    assert_int_equal(pace_wait_ns(&pace, START), 0); /* not even for the one under way */
    pace_end(&pace, START + 100 * MS, 0);
    assert_int_equal(pace_wait_ns(&pace, START + 100 * MS), 0);
}

static void clients_are_seen_for_a_while(void **state)
{
    struct world world = world_with_clients(MS);

    assert_true(pace_has_clients(&world.pace, world.now));
    world.now += PACE_CALM_MS * MS;
    assert_false(pace_has_clients(&world.pace, world.now));
}

static void one_goes_at_a_time(void **state)
{
    struct world world = world_with_clients(MS);

    assert_int_equal(pace_wait_ns(&world.pace, world.now), 0);
    pace_begin(&world.pace, world.now);
    assert_true(pace_wait_ns(&world.pace, world.now) == UINT64_MAX);
    pace_end(&world.pace, world.now + MS, 0);
    assert_true(pace_wait_ns(&world.pace, world.now + MS) < UINT64_MAX);
}

static void it_begins_slowly_and_goes_faster_while_writes_are_quick(void **state)
{
    struct world world = world_with_clients(MS);
    uint64_t first, last;

    (void)rest_after(&world, 20 * MS); /* late: it makes up for nothing that was before */
    first = rest_after(&world, MS / 10);
    for (int i = 0; i < 100; i++)
        look(&world, MS, true);
    (void)rest_after(&world, MS / 10);
    last = rest_after(&world, MS / 10);
    assert_true(last < first);
    assert_int_equal(last, MS / 10 * PACE_REST_MIN / PACE_PART);
}

static void slow_writes_make_rests_long_to_a_limit(void **state)
{
    struct world world = world_with_clients(MS);

    for (int i = 0; i < 100; i++)
        look(&world, MS, true);
    for (int i = 0; i < 100; i++)
        look(&world, PACE_WRITE_TIMES * MS + (PACE_WRITE_MS + 1) * MS, true);
    (void)rest_after(&world, MS / 10);
    assert_int_equal(rest_after(&world, MS / 10), MS / 10 * PACE_REST_MAX / PACE_PART);
    assert_true(rest_after(&world, 500 * MS) <= PACE_REST_MS_MAX * MS); /* it comes to its end */
}

/* A disk whose writes always take long is no reason to rest. */
static void slow_is_what_is_slower_than_usual(void **state)
{
    struct world world = world_with_clients(20 * MS);

    for (int i = 0; i < 100; i++)
        look(&world, 30 * MS, true);
    (void)rest_after(&world, MS / 10);
    assert_int_equal(rest_after(&world, MS / 10), MS / 10 * PACE_REST_MIN / PACE_PART);
}

/* A start amid writes that always take long: it is learned before anything is read. */
static void nothing_begins_before_it_is_known_what_is_usual(void **state)
{
    struct world world = { .now = START };

    pace_init(&world.pace);
    look(&world, 20 * MS, false);
    assert_int_equal(pace_wait_ns(&world.pace, world.now), LOOK);
    look(&world, 20 * MS, false);
    assert_int_equal(pace_wait_ns(&world.pace, world.now), 0);
    for (int i = 0; i < 100; i++)
        look(&world, 30 * MS, true);
    (void)rest_after(&world, MS / 10);
    assert_int_equal(rest_after(&world, MS / 10), MS / 10 * PACE_REST_MIN / PACE_PART);

    pace_init(&world.pace); /* clients without a write in the log: not for ever */
    pace_look(&world.pace, world.now, 1, 0, 0);
    assert_int_equal(pace_wait_ns(&world.pace, world.now), LOOK);
    pace_look(&world.pace, world.now + PACE_LEARN_MS * MS, 2, 0, 0);
    pace_look(&world.pace, world.now + PACE_LEARN_MS * MS, 3, 0, 0);
    world.pace.came_ns = world.now;
    assert_int_equal(pace_wait_ns(&world.pace, world.now + PACE_LEARN_MS * MS), 0);
}

/* Load has come that makes writes slow, whether anything is read or not. */
static void what_does_not_help_is_not_gone_on_with(void **state)
{
    struct world world = world_with_clients(MS);
    uint64_t waited = 0;

    for (uint32_t i = 0; i < 2 * PACE_DOUBT_MS / PACE_LOOK_MS && !world.pace.doubts; i++)
        look(&world, 40 * MS, true);
    assert_true(world.pace.doubts);
    assert_true(pace_wait_ns(&world.pace, world.now) > PACE_REST_MS_MAX * MS);
    for (; pace_wait_ns(&world.pace, world.now) > 0; waited += LOOK)
        look(&world, 40 * MS, false);
    assert_true(waited <= (PACE_GAVE_MS + 3 * PACE_LOOK_MS) * MS);
    for (int i = 0; i < 100; i++)
        look(&world, 40 * MS, true);
    assert_false(world.pace.doubts);
    (void)rest_after(&world, MS / 10);
    assert_int_equal(rest_after(&world, MS / 10), MS / 10 * PACE_REST_MIN / PACE_PART);
}

static void who_is_called_late_makes_up_for_it(void **state)
{
    struct world world = world_with_clients(MS);

    (void)rest_after(&world, 20 * MS);
    uint64_t wait = rest_after(&world, MS);
    world.now += wait + MS / 2; /* its timer came half a millisecond late */
    pace_begin(&world.pace, world.now);
    world.now += MS;
    pace_end(&world.pace, world.now, 0);
    assert_int_equal(pace_wait_ns(&world.pace, world.now), wait - MS / 2);
}

/* Timers have whole milliseconds: what one short rest was too long, several are shorter. */
static void what_was_late_is_made_up_for_by_several(void **state)
{
    struct world world = world_with_clients(MS);
    uint64_t rest = MS / 100 * PACE_REST_FIRST / PACE_PART;
    uint64_t count = 0;

    (void)rest_after(&world, 20 * MS);
    world.now += rest_after(&world, MS / 100) + MS;
    while (count < 1000 && pace_wait_ns(&world.pace, world.now) == 0) {
        pace_begin(&world.pace, world.now);
        world.now += MS / 100;
        pace_end(&world.pace, world.now, 0);
        count++;
    }
    assert_int_equal(count, MS / rest + 1);
}

/* A read out of memory takes no time by the clock, but its bytes are checked and sent. */
static void bytes_count_as_time(void **state)
{
    struct world world = world_with_clients(MS);

    (void)rest_after(&world, 20 * MS);
    world.now += pace_wait_ns(&world.pace, world.now);
    pace_begin(&world.pace, world.now);
    pace_end(&world.pace, world.now, 100000);
    assert_int_equal(pace_wait_ns(&world.pace, world.now),
                     UINT64_C(100000) * PACE_BYTE_NS * PACE_REST_FIRST / PACE_PART);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_clients_nothing_waits),
        cmocka_unit_test(clients_are_seen_for_a_while),
        cmocka_unit_test(one_goes_at_a_time),
        cmocka_unit_test(it_begins_slowly_and_goes_faster_while_writes_are_quick),
        cmocka_unit_test(slow_writes_make_rests_long_to_a_limit),
        cmocka_unit_test(slow_is_what_is_slower_than_usual),
        cmocka_unit_test(nothing_begins_before_it_is_known_what_is_usual),
        cmocka_unit_test(what_does_not_help_is_not_gone_on_with),
        cmocka_unit_test(who_is_called_late_makes_up_for_it),
        cmocka_unit_test(what_was_late_is_made_up_for_by_several),
        cmocka_unit_test(bytes_count_as_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

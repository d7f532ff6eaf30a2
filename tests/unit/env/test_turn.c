#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "env/random.h"
#include "env/turn.h"

/* A world of its own, with time in the test's hands. */
struct clock {
    struct turn turn;
    uint64_t now_ns;
};

#define MS 1000000u

uint64_t clock_mono_ns(struct clock *clock)
{
    return clock->now_ns;
}

struct turn *clock_turn(struct clock *clock)
{
    return &clock->turn;
}

static struct clock world;
static int order[2048];
static int ran;

struct job {
    int number;
    struct timer timer;
    struct defer defer;
    int again; /* how often it starts itself anew */
};

static int setup(void **state)
{
    turn_init(&world.turn);
    world.now_ns = 5 * MS;
    ran = 0;
    return 0;
}

static int teardown(void **state)
{
    turn_fini(&world.turn);
    return 0;
}

static void timer_ran(struct timer *timer)
{
    struct job *job = container_of(timer, struct job, timer);

    order[ran++] = job->number;
    if (job->again-- > 0)
        timer_start(&world, timer, 0, timer_ran);
}

static void defer_ran(struct defer *defer)
{
    struct job *job = container_of(defer, struct job, defer);

    order[ran++] = job->number;
    if (job->again-- > 0)
        defer_run(&world, defer, defer_ran);
}

static void timers_fire_in_the_order_of_their_times_then_of_their_starts(void **state)
{
    struct job jobs[4] = { { 0 }, { 1 }, { 2 }, { 3 } };

    timer_start(&world, &jobs[0].timer, 30, timer_ran);
    timer_start(&world, &jobs[1].timer, 10, timer_ran);
    timer_start(&world, &jobs[2].timer, 20, timer_ran);
    timer_start(&world, &jobs[3].timer, 10, timer_ran);
    assert_int_equal(turn_due_ns(&world.turn), 15 * MS);

    assert_false(turn_fire(&world.turn, 15 * MS - 1));
    assert_true(turn_fire(&world.turn, 35 * MS));
    assert_int_equal(ran, 4);
    static const int expected[] = { 1, 3, 2, 0 };
    assert_memory_equal(order, expected, sizeof(expected));
    assert_true(turn_due_ns(&world.turn) == TURN_NEVER);
}

static void a_timer_started_anew_fires_once_and_later(void **state)
{
    struct job job = { .number = 1 };

    timer_start(&world, &job.timer, 10, timer_ran);
    timer_start(&world, &job.timer, 20, timer_ran);
    assert_false(turn_fire(&world.turn, 15 * MS));
    assert_true(timer_running(&job.timer));
    assert_true(turn_fire(&world.turn, 25 * MS));
    assert_false(timer_running(&job.timer));
    assert_int_equal(ran, 1);
}

static void a_timer_that_starts_itself_at_once_waits_for_the_next_turn(void **state)
{
    struct job job = { .number = 1, .again = 100 };

    timer_start(&world, &job.timer, 0, timer_ran);
    turn_fire(&world.turn, world.now_ns);
    assert_int_equal(ran, 1);
    turn_fire(&world.turn, world.now_ns);
    assert_int_equal(ran, 2);
}

static void a_stopped_timer_does_not_fire(void **state)
{
    struct job job = { .number = 1 };

    timer_stop(&job.timer);
    timer_start(&world, &job.timer, 0, timer_ran);
    timer_stop(&job.timer);
    timer_stop(&job.timer);
    assert_false(turn_fire(&world.turn, UINT64_MAX - 1));
    assert_int_equal(ran, 0);
}

static void a_thousand_timers_come_and_go_in_order(void **state)
{
    static struct job jobs[1000];
    struct random random;
    uint64_t last = 0;
    unsigned running = 0;

    random_init(&random, 7);
    for (unsigned round = 0; round < 5000; round++) {
        struct job *job = &jobs[random_below(&random, 1000)];

        if (random_below(&random, 3) == 0)
            timer_stop(&job->timer);
        else
            timer_start(&world, &job->timer, random_below(&random, 500), timer_ran);
    }
    for (unsigned i = 0; i < 1000; i++) {
        jobs[i].number = (int)i;
        running += timer_running(&jobs[i].timer);
    }
    turn_fire(&world.turn, world.now_ns + 500 * MS);
    assert_in_range(running, 400, 1000);
    assert_int_equal(ran, running);
    for (int i = 0; i < ran; i++) {
        assert_true(jobs[order[i]].timer.due_ns >= last);
        last = jobs[order[i]].timer.due_ns;
    }
}

static void deferred_calls_run_once_in_the_order_of_the_calls(void **state)
{
    struct job jobs[3] = { { 0 }, { 1 }, { 2 } };

    defer_run(&world, &jobs[1].defer, defer_ran);
    defer_run(&world, &jobs[0].defer, defer_ran);
    defer_run(&world, &jobs[2].defer, defer_ran);
    defer_run(&world, &jobs[1].defer, defer_ran);
    assert_int_equal(ran, 0);
    defer_cancel(&jobs[0].defer);
    defer_cancel(&jobs[0].defer);
    assert_false(defer_waits(&jobs[0].defer));
    assert_false(turn_settle(&world.turn));
    assert_int_equal(ran, 2);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 2);
}

static void cancel_other(struct defer *defer)
{
    struct job *jobs = container_of(defer, struct job, defer);

    order[ran++] = jobs[0].number;
    defer_cancel(&jobs[1].defer);
}

static void a_deferred_call_can_take_back_the_next_one(void **state)
{
    struct job jobs[3] = { { 0 }, { 1 }, { 2 } };

    defer_run(&world, &jobs[0].defer, cancel_other);
    defer_run(&world, &jobs[1].defer, defer_ran);
    defer_run(&world, &jobs[2].defer, defer_ran);
    turn_settle(&world.turn);
    assert_int_equal(ran, 2);
    assert_int_equal(order[1], 2);
}

static void calls_that_defer_for_ever_do_not_hold_the_loop_for_ever(void **state)
{
    struct job job = { .again = 1000000 };

    defer_run(&world, &job.defer, defer_ran);
    assert_true(turn_settle(&world.turn));
    assert_int_equal(ran, TURN_ROUNDS_MAX);
    job.again = 2;
    assert_false(turn_settle(&world.turn));
    assert_int_equal(ran, TURN_ROUNDS_MAX + 3);
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    struct random a, b, c;

    random_init(&a, 42);
    random_init(&b, 42);
    random_init(&c, 43);
    assert_true(random_u64(&a) == random_u64(&b));
    assert_true(random_u64(&a) != random_u64(&c));

    /* The authors' reference code from the state 1, 2, 3, 4. */
    struct random reference = { .state = { 1, 2, 3, 4 } };
    static const uint64_t expected[] = { 11520, 0, 1509978240, 1215971899390074240 };
    for (unsigned i = 0; i < 4; i++)
        assert_true(random_u64(&reference) == expected[i]);
}

static void numbers_below_a_limit_are_uniform(void **state)
{
    struct random random;
    unsigned counts[3] = { 0 };

    random_init(&random, 0);
    for (unsigned i = 0; i < 30000; i++)
        counts[random_below(&random, 3)]++;
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(counts[i], 9700, 10300);
    assert_int_equal(random_below(&random, 1), 0);
    for (unsigned i = 0; i < 100; i++)
        assert_true(random_below(&random, UINT64_MAX) < UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_in_the_order_of_their_times_then_of_their_starts),
        TEST(a_timer_started_anew_fires_once_and_later),
        TEST(a_timer_that_starts_itself_at_once_waits_for_the_next_turn),
        TEST(a_stopped_timer_does_not_fire),
        TEST(a_thousand_timers_come_and_go_in_order),
        TEST(deferred_calls_run_once_in_the_order_of_the_calls),
        TEST(a_deferred_call_can_take_back_the_next_one),
        TEST(calls_that_defer_for_ever_do_not_hold_the_loop_for_ever),
        TEST(the_same_seed_gives_the_same_numbers),
        TEST(numbers_below_a_limit_are_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

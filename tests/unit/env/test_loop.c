#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/limits.h"
#include "env/random.h"
#include "env/real.h"
#include "env/timer.h"

/* The daemon's clock and workers on a real loop. */
struct world {
    uv_loop_t loop;
    struct clock *clock;
    struct work_pool *pool;
    struct timer timers[3];
    struct defer defers[2];
    struct work jobs[4 * WORK_RUNNING_MAX];
    char trace[64];
    unsigned done;
    uint64_t started_ns, fired_ns;
};

static struct world w;

static int setup(void **state)
{
    memset(&w, 0, sizeof(w));
    uv_loop_init(&w.loop);
    w.clock = clock_uv_new(&w.loop);
    w.pool = work_uv_new(&w.loop);
    return w.clock == NULL || w.pool == NULL;
}

static int teardown(void **state)
{
    work_uv_free(w.pool);
    clock_uv_free(w.clock);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&w.loop);
}

static void say(const char *what)
{
    strcat(w.trace, what);
}

static void defer_stops(struct defer *defer)
{
    say("d");
    uv_stop(&w.loop);
}

static void timer_defers(struct timer *timer)
{
    say("t");
    w.fired_ns = clock_mono_ns(w.clock);
    defer_run(w.clock, &w.defers[0], defer_stops);
    say("r");
}

static void a_timer_s_deferred_call_runs_after_it_in_the_same_turn(void **state)
{
    w.started_ns = clock_mono_ns(w.clock);
    timer_start(w.clock, &w.timers[0], 3, timer_defers);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_string_equal(w.trace, "trd");
    assert_true(w.fired_ns >= w.started_ns + 3000000);
}

static void a_deferred_call_from_outside_needs_no_event_to_run(void **state)
{
    defer_run(w.clock, &w.defers[0], defer_stops);
    assert_string_equal(w.trace, "");
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_string_equal(w.trace, "d");
}

static void defer_many(struct defer *defer)
{
    if (++w.done < 10 * TURN_ROUNDS_MAX)
        defer_run(w.clock, defer, defer_many);
    else
        uv_stop(&w.loop);
}

static void the_loop_does_not_sleep_while_deferred_calls_wait(void **state)
{
    defer_run(w.clock, &w.defers[0], defer_many);
    uv_run(&w.loop, UV_RUN_DEFAULT); /* would never return if it slept: no timer runs */
    assert_int_equal(w.done, 10 * TURN_ROUNDS_MAX);
}

static void timer_a(struct timer *timer)
{
    say("a");
}

static void timer_stops(struct timer *timer)
{
    say("s");
    uv_stop(&w.loop);
}

static void timers_fire_in_order_and_stopped_ones_do_not(void **state)
{
    timer_start(w.clock, &w.timers[0], 8, timer_stops);
    timer_start(w.clock, &w.timers[1], 4, timer_a);
    timer_start(w.clock, &w.timers[2], 1, timer_a);
    timer_stop(&w.timers[2]);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_string_equal(w.trace, "as");
    assert_false(timer_running(&w.timers[0]));
}

static void time_stands_still_within_a_turn(void **state)
{
    uint64_t before = clock_mono_ns(w.clock);

    uv_sleep(2);
    assert_true(clock_mono_ns(w.clock) == before);
    assert_true(clock_mono_ms(w.clock) == before / 1000000);
    timer_start(w.clock, &w.timers[0], 0, timer_stops);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_true(clock_mono_ns(w.clock) > before);
    assert_true(clock_wall_ms(w.clock) > 1700000000000u);
}

static void job_runs(struct work *work)
{
    uv_sleep(1);
}

static void job_done(struct work *work)
{
    say("j");
    if (++w.done == sizeof(w.jobs) / sizeof(w.jobs[0]))
        uv_stop(&w.loop);
}

static void more_jobs_than_threads_are_all_done(void **state)
{
    for (size_t i = 0; i < sizeof(w.jobs) / sizeof(w.jobs[0]); i++)
        work_start(w.pool, &w.jobs[i], job_runs, job_done);
    assert_string_equal(w.trace, "");
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(strlen(w.trace), sizeof(w.jobs) / sizeof(w.jobs[0]));
}

static void ids_are_positive_and_differ(void **state)
{
    uint64_t ids[100];
    unsigned char secret[300] = { 0 };
    unsigned zeros = 0;

    for (unsigned i = 0; i < 100; i++) {
        ids[i] = random_id(NULL);
        assert_true(ids[i] != 0 && ids[i] >> 63 == 0);
        for (unsigned j = 0; j < i; j++)
            assert_true(ids[i] != ids[j]);
    }
    random_secret(NULL, secret, sizeof(secret));
    for (unsigned i = 0; i < sizeof(secret); i++)
        zeros += secret[i] == 0;
    assert_in_range(zeros, 0, 30);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_timer_s_deferred_call_runs_after_it_in_the_same_turn),
        TEST(a_deferred_call_from_outside_needs_no_event_to_run),
        TEST(the_loop_does_not_sleep_while_deferred_calls_wait),
        TEST(timers_fire_in_order_and_stopped_ones_do_not),
        TEST(time_stands_still_within_a_turn),
        TEST(more_jobs_than_threads_are_all_done),
        TEST(ids_are_positive_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

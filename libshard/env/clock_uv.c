/* The loop of libuv 1.44, one iteration: timers, idle, prepare, poll, check.
 * Sockets and our own threads report from inside poll, right after it slept.
 *
 *     prepare  settle what start-up or closing handles deferred; decide how long
 *              poll may sleep; from here on the cached time is stale
 *     poll     the first who asks for the time sets it for this turn
 *     check    fire the timers that are due, then run the deferred calls
 *
 * There is one uv_timer for all timers: it only ends the sleep.
 */
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/ensure.h"
#include "env/real.h"
#include "env/turn.h"

#define NS_PER_MS 1000000u

struct clock {
    struct turn turn;
    uint64_t now_ns;
    bool stale;        /* slept since now_ns was set */
    uint64_t armed_ns; /* what the uv_timer waits for; TURN_NEVER when it is stopped */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t alarm;
    uv_idle_t awake; /* runs while deferred calls wait: poll does not sleep then */
    unsigned handles_open;
};

static void prepare_on_sleep(uv_prepare_t *prepare);
static void check_on_wake(uv_check_t *check);
static void arm(struct clock *clock);
static void alarm_on_time(uv_timer_t *alarm);
static void awake_on_idle(uv_idle_t *awake);
static void close_on_closed(uv_handle_t *handle);

struct clock *clock_uv_new(struct uv_loop_s *loop)
{
    struct clock *clock = calloc(1, sizeof(*clock));

    if (clock == NULL)
        return NULL;
    turn_init(&clock->turn);
    clock->stale = true;
    clock->armed_ns = TURN_NEVER;

    /* These cannot fail: they only fill the structs. */
    ensure(uv_prepare_init(loop, &clock->prepare) == 0);
    ensure(uv_check_init(loop, &clock->check) == 0);
    ensure(uv_timer_init(loop, &clock->alarm) == 0);
    ensure(uv_idle_init(loop, &clock->awake) == 0);
    clock->prepare.data = clock->check.data = clock;
    clock->alarm.data = clock->awake.data = clock;
    ensure(uv_prepare_start(&clock->prepare, prepare_on_sleep) == 0);
    ensure(uv_check_start(&clock->check, check_on_wake) == 0);
    return clock;
}

void clock_uv_free(struct clock *clock)
{
    if (clock == NULL)
        return;
    turn_fini(&clock->turn);
    clock->handles_open = 4;
    uv_close((uv_handle_t *)&clock->prepare, close_on_closed);
    uv_close((uv_handle_t *)&clock->check, close_on_closed);
    uv_close((uv_handle_t *)&clock->alarm, close_on_closed);
    uv_close((uv_handle_t *)&clock->awake, close_on_closed);
}

uint64_t clock_mono_ns(struct clock *clock)
{
    if (clock->stale) {
        clock->now_ns = uv_hrtime();
        clock->stale = false;
    }
    return clock->now_ns;
}

uint64_t clock_wall_ms(struct clock *clock)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

struct turn *clock_turn(struct clock *clock)
{
    return &clock->turn;
}

static void prepare_on_sleep(uv_prepare_t *prepare)
{
    struct clock *clock = prepare->data;

    if (turn_settle(&clock->turn))
        uv_idle_start(&clock->awake, awake_on_idle);
    else
        uv_idle_stop(&clock->awake);
    arm(clock);
    clock->stale = true;
}

static void check_on_wake(uv_check_t *check)
{
    struct clock *clock = check->data;

    turn_fire(&clock->turn, clock_mono_ns(clock));
    turn_settle(&clock->turn);
}

/* Sets the uv_timer to the earliest timer.  The loop's time is the same clock in
 * whole milliseconds: rounded up, a wake-up is never too early. */
static void arm(struct clock *clock)
{
    uint64_t due_ns = turn_due_ns(&clock->turn);

    if (due_ns == clock->armed_ns)
        return;
    clock->armed_ns = due_ns;
    if (due_ns == TURN_NEVER) {
        uv_timer_stop(&clock->alarm);
        return;
    }

    uint64_t due_ms = due_ns / NS_PER_MS + (due_ns % NS_PER_MS != 0);
    uint64_t now_ms = uv_now(clock->alarm.loop);
    uv_timer_start(&clock->alarm, alarm_on_time, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

/* Only the sleep had to end: check_on_wake() fires what is due. */
static void alarm_on_time(uv_timer_t *alarm)
{
    struct clock *clock = alarm->data;

    clock->armed_ns = TURN_NEVER;
}

static void awake_on_idle(uv_idle_t *awake)
{
}

static void close_on_closed(uv_handle_t *handle)
{
    struct clock *clock = handle->data;

    if (--clock->handles_open == 0)
        free(clock);
}

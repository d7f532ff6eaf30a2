#include "env/turn.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/limits.h"

#define TIMERS_FIRST 64u
#define NS_PER_MS 1000000u

static void heap_put(struct turn *turn, size_t at, struct timer *timer);
static void sift_up(struct turn *turn, size_t at);
static void sift_down(struct turn *turn, size_t at);
static bool earlier(const struct timer *a, const struct timer *b);
static void timer_remove(struct turn *turn, struct timer *timer);

void turn_init(struct turn *turn)
{
    *turn = (struct turn){ .count = 0 };
    list_init(&turn->defers);
}

void turn_fini(struct turn *turn)
{
    for (size_t i = 0; i < turn->count; i++)
        turn->heap[i]->heap_at = 0;
    free(turn->heap);
    turn->heap = NULL;
    turn->count = turn->room = 0;
    while (list_pop(&turn->defers) != NULL)
        ;
}

uint64_t clock_mono_ms(struct clock *clock)
{
    return clock_mono_ns(clock) / NS_PER_MS;
}

void timer_start(struct clock *clock, struct timer *timer, uint64_t after_ms, timer_cb cb)
{
    struct turn *turn = clock_turn(clock);
    uint64_t now_ns = clock_mono_ns(clock);
    uint64_t after_ns = after_ms * NS_PER_MS;

    ensure(cb != NULL);
    ensure(after_ms < (UINT64_MAX - now_ns) / NS_PER_MS);
    timer_stop(timer);

    if (turn->count == turn->room) {
        turn->room = turn->room == 0 ? TIMERS_FIRST : turn->room * 2;
        turn->heap = realloc(turn->heap, turn->room * sizeof(struct timer *));
        /* Without timers no promise about time can be kept. */
        ensure(turn->heap != NULL);
    }

    timer->cb = cb;
    timer->due_ns = now_ns + after_ns;
    timer->order = turn->starts++;
    timer->clock = clock;
    heap_put(turn, turn->count++, timer);
    sift_up(turn, turn->count - 1);
}

void timer_stop(struct timer *timer)
{
    if (timer->heap_at != 0)
        timer_remove(clock_turn(timer->clock), timer);
}

uint64_t turn_due_ns(const struct turn *turn)
{
    return turn->count == 0 ? TURN_NEVER : turn->heap[0]->due_ns;
}

bool turn_fire(struct turn *turn, uint64_t now_ns)
{
    uint64_t newest = turn->starts;
    bool fired = false;

    while (turn->count > 0) {
        struct timer *timer = turn->heap[0];

        if (timer->due_ns > now_ns || timer->order >= newest)
            break;
        timer_remove(turn, timer);
        fired = true;
        timer->cb(timer); /* may start it anew, or free it */
    }
    return fired;
}

void defer_run(struct clock *clock, struct defer *defer, defer_cb cb)
{
    if (defer_waits(defer))
        return;
    defer->cb = cb;
    list_append(&clock_turn(clock)->defers, &defer->link);
}

void defer_cancel(struct defer *defer)
{
    list_remove(&defer->link);
}

bool turn_settle(struct turn *turn)
{
    for (unsigned round = 0; round < TURN_ROUNDS_MAX && !list_empty(&turn->defers); round++) {
        struct list ready;

        list_take(&ready, &turn->defers);
        for (struct list_node *node; (node = list_pop(&ready)) != NULL;) {
            struct defer *defer = container_of(node, struct defer, link);
            defer->cb(defer); /* may defer itself again, or free it */
        }
    }
    return !list_empty(&turn->defers);
}

static void timer_remove(struct turn *turn, struct timer *timer)
{
    size_t at = timer->heap_at - 1;
    struct timer *last = turn->heap[--turn->count];

    ensure(at <= turn->count);
    timer->heap_at = 0;
    if (last == timer)
        return;
    heap_put(turn, at, last);
    sift_up(turn, at);
    sift_down(turn, last->heap_at - 1);
}

static void heap_put(struct turn *turn, size_t at, struct timer *timer)
{
    turn->heap[at] = timer;
    timer->heap_at = (uint32_t)at + 1;
}

static void sift_up(struct turn *turn, size_t at)
{
    struct timer *timer = turn->heap[at];

    for (; at > 0 && earlier(timer, turn->heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap_put(turn, at, turn->heap[(at - 1) / 2]);
    heap_put(turn, at, timer);
}

static void sift_down(struct turn *turn, size_t at)
{
    struct timer *timer = turn->heap[at];

    for (size_t child; (child = 2 * at + 1) < turn->count; at = child) {
        if (child + 1 < turn->count && earlier(turn->heap[child + 1], turn->heap[child]))
            child++;
        if (!earlier(turn->heap[child], timer))
            break;
        heap_put(turn, at, turn->heap[child]);
    }
    heap_put(turn, at, timer);
}

static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

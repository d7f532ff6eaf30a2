#include "still_clock.h"

#include "base/ensure.h"
#include "env/turn.h"

struct clock {
    struct turn turn;
    uint64_t ms;
};

static struct clock still;

uint64_t clock_mono_ns(struct clock *clock)
{
    return clock->ms * 1000000;
}

uint64_t clock_wall_ms(struct clock *clock)
{
    return UINT64_C(1700000000000) + clock->ms;
}

struct turn *clock_turn(struct clock *clock)
{
    return &clock->turn;
}

struct clock *still_clock_open(void)
{
    still.ms = 1000000;
    turn_init(&still.turn);
    return &still;
}

void still_clock_close(void)
{
    ensure(turn_due_ns(&still.turn) == TURN_NEVER);
    turn_fini(&still.turn);
}

void still_clock_turn(void)
{
    ensure(!turn_settle(&still.turn));
}

void still_clock_pass(uint64_t ms)
{
    for (uint64_t end = still.ms + ms; still.ms < end;) {
        still.ms++;
        (void)turn_fire(&still.turn, still.ms * 1000000);
        still_clock_turn();
    }
}

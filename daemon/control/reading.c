/* By which clock readers see records.  Whoever reads past a record never comes back to it, so
 * nothing is passed over by a clock that is wrong, nor for long by a retention that may have been
 * raised since (retain.c). */
#include "base/mutant.h"
#include "control/control_private.h"

/* How far the own clock may be ahead of the agreed one and still be right. */
static uint64_t ahead_most_ms(const struct control *control)
{
    uint64_t most_ms = control->options.clock_off_max_ms;

    return most_ms != 0 ? most_ms : CONTROL_CLOCK_OFF_MS;
}

void reading_look(struct control *control)
{
    struct reading_clock *clock = &control->reading;
    uint64_t agreed_ms = control_agreed_ms(control);

    if (agreed_ms == 0)
        return; /* the last one goes on as the monotonic clock does */
    clock->agreed_ms = agreed_ms;
    clock->looked_ms = control_now_ms(control);
}

uint64_t control_reading_ms(const struct control *control)
{
    const struct reading_clock *clock = &control->reading;
    uint64_t wall_ms = clock_wall_ms(control->world.clock);

    if (MUTANT(hidden_by_own_clock))
        return wall_ms;
    if (clock->agreed_ms == 0)
        return 0;
    if (control_now_ms(control) - control->retain.known_mono_ms > CONTROL_READING_MS)
        return control->retain.now_ms;
    uint64_t last_ms = clock->agreed_ms + (control_now_ms(control) - clock->looked_ms) +
                       ahead_most_ms(control);
    return wall_ms < last_ms ? wall_ms : last_ms;
}

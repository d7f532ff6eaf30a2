/* still_clock.h - time that stands still until a test moves it. */
#ifndef STILL_CLOCK_H
#define STILL_CLOCK_H

#include <stdint.h>

#include "env/clock.h"

struct clock *still_clock_open(void);
void still_clock_close(void);

/* Lets the turn end: deferred calls run. */
void still_clock_turn(void);

/* Moves time and fires what is due. */
void still_clock_pass(uint64_t ms);

#endif

/* allowance.h - bytes per second that may be taken, by several who share it.
 *
 * Whoever asks gets all that it asks for, while nothing is owed; what it takes beyond what is there
 * is owed, and the next ones wait until it is paid.  So over any time of T seconds not more is
 * given than rate * (T + ALLOWANCE_BURST_MS / 1000), and the last one's.  What was taken and not
 * used is given back, what was used beyond is owed.
 *
 * The caller gives the time (monotonic, in milliseconds).  An engine; embedded.
 */
#ifndef CONTROL_ALLOWANCE_H
#define CONTROL_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

struct allowance {
    uint64_t rate;      /* bytes per second; 0 = unlimited */
    int64_t millibytes; /* below 0: owed */
    uint64_t paid_ms;   /* up to when */
};

/* Owes nothing, and has nothing. */
void allowance_init(struct allowance *allowance, uint64_t rate, uint64_t now_ms);

/* Takes so many bytes; false when something is owed, then nothing is taken. */
bool allowance_take(struct allowance *allowance, uint64_t now_ms, uint64_t bytes);

/* Takes them whatever is owed. */
void allowance_owe(struct allowance *allowance, uint64_t now_ms, uint64_t bytes);

/* Of what was `taken` so much was `used`. */
void allowance_settle(struct allowance *allowance, uint64_t taken, uint64_t used);

/* How long until allowance_take() gives something; 0: now. */
uint64_t allowance_wait_ms(struct allowance *allowance, uint64_t now_ms);

#endif

/* stuck.h - when a verb that waits says what it waits for: nothing has changed for a while, and it
 * was not said since the last change. */
#ifndef CLI_STUCK_H
#define CLI_STUCK_H

#include <stdbool.h>
#include <stdint.h>

#define STUCK_MS 60000u

struct stuck {
    int64_t left, moving; /* as last seen */
    uint64_t changed_ms;
    bool said;
};

/* At the beginning, and by any clock of milliseconds. */
void stuck_init(struct stuck *stuck, uint64_t now_ms);

/* What is to be said now?  Counts of what is left, and of what is on its way. */
bool stuck_look(struct stuck *stuck, int64_t left, int64_t moving, uint64_t now_ms);

#endif

/* progress.h - one line of standard error that says how far a long verb has come.
 *
 * On a terminal the line is written over and disappears at the end; elsewhere
 * nothing is printed, so that logs of scripts stay short.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct progress {
    bool terminal;
    bool shown;      /* there is a line to write over */
    uint64_t due_ms; /* not before this */
};

void progress_init(struct progress *progress);

/* Shows the sentence, at most ten times a second. */
void progress_show(struct progress *progress, const char *format, ...) PRINTF_LIKE(2, 3);

/* Takes the line away; before anything else is printed. */
void progress_clear(struct progress *progress);

/* "12,345" */
#define NUMBER_TEXT_MAX 32u
const char *progress_number(uint64_t number, char text[NUMBER_TEXT_MAX]);

#endif

/* progress.h - one line of standard error that says how far a long verb has come.
 *
 * On a terminal the line is written over and disappears at the end; elsewhere
 * nothing is printed, so that logs of scripts stay short; but for verbs that may
 * take hours, progress_step(), which leave a line there when something changed.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define PROGRESS_LINE_MAX 512u
#define PROGRESS_LINES_MS 10000u /* between two lines */

struct progress {
    bool terminal;
    bool shown;      /* there is a line to write over */
    uint64_t due_ms; /* not before this */
    uint64_t line_ms; /* where there is no terminal: the next line, likewise; and the last one */
    char line[PROGRESS_LINE_MAX];
};

void progress_init(struct progress *progress);

/* Shows the sentence, at most ten times a second. */
void progress_show(struct progress *progress, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same behind "12.3 s, ", the time that has passed.  Where there is no terminal: a line of its
 * own when the sentence is another than in the line before, PROGRESS_LINES_MS after that at the
 * soonest. */
void progress_step(struct progress *progress, uint64_t passed_ms, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Takes the line away; before anything else is printed. */
void progress_clear(struct progress *progress);

/* "12,345" */
#define NUMBER_TEXT_MAX 32u
const char *progress_number(uint64_t number, char text[NUMBER_TEXT_MAX]);

#endif

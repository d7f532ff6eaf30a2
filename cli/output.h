/* output.h - standard output, looked after in one place.
 *
 * Verbs print with stdio and do not ask whether it went well.  When the process
 * ends, by return or by exit() inside argp, what is left is written; if
 * anything could not be, one sentence says so and the exit code is
 * OUTCOME_OUTPUT, unless the verb had failed already.  A reader that went away
 * (`braid stream list | head -1`) ends the process as SIGPIPE would, in silence.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "cli.h"

/* Call once, first of all.  `cli` must live until the process ends. */
void output_watch(struct cli *cli);

/* For verbs that print for long: writes what was printed so far.  OUTCOME_OUTPUT: it cannot be
 * written, and the verb should end; the end of the process says why. */
enum outcome output_flush(struct cli *cli);

#endif

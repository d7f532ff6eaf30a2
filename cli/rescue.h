/* rescue.h - what `braid shard rescue` and `braid cluster rescue` have in common: an operator sees
 * what would be lost, confirms it by name, and the same must still be so when it is done. */
#ifndef CLI_RESCUE_H
#define CLI_RESCUE_H

#include <jansson.h>

#include "cli.h"

#define RESCUE_TIME_MAX 32u

/* The node of a page that would be gone on from; NULL: none. */
const json_t *rescue_survivor(const json_t *found);

const char *rescue_time(json_int_t ms, char room[RESCUE_TIME_MAX]);

/* `what` as people call it: "shard".  Its name is typed, or comes with --yes (`yes`, or NULL). */
enum outcome rescue_confirm(const struct cli *cli, const char *what, const char *name,
                            const char *yes);

/* To standard error: what a node has of it, or why nothing. */
void rescue_print_node(const json_t *node);

#endif

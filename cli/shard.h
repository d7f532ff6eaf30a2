/* shard.h - `braid shard`: what only an operator can decide about one shard. */
#ifndef CLI_SHARD_H
#define CLI_SHARD_H

#include "cli.h"

/* The number of a shard that a person named: 3, or shardId-000000000003.  Complains through
 * argp. */
unsigned long shard_number(struct argp_state *state, const char *name);

enum outcome shard_rescue(struct cli *cli, int argc, char **argv);

#endif

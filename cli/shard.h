/* shard.h - `braid shard`: what only an operator can decide about one shard. */
#ifndef CLI_SHARD_H
#define CLI_SHARD_H

#include "cli.h"

enum outcome shard_rescue(struct cli *cli, int argc, char **argv);

#endif

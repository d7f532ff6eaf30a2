/* tail.h - `braid tail STREAM`: the records of all shards as they come. */
#ifndef CLI_TAIL_H
#define CLI_TAIL_H

#include "cli.h"

enum outcome tail_run(struct cli *cli, int argc, char **argv);

#endif

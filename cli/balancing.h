/* balancing.h - pausing the balancing of leaders and replicas, and what people are told of it. */
#ifndef CLI_BALANCING_H
#define CLI_BALANCING_H

#include "cli.h"

enum outcome cluster_balancing(struct cli *cli, int argc, char **argv);

/* Of an answer of /cluster: since when it is paused.  Nothing, when it is not. */
void balancing_print(const json_t *cluster);

#endif

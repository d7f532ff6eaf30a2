/* cluster.h - `braid cluster status`: the cluster as one of its nodes sees it. */
#ifndef CLI_CLUSTER_H
#define CLI_CLUSTER_H

#include "cli.h"

enum outcome cluster_status(struct cli *cli, int argc, char **argv);

#endif

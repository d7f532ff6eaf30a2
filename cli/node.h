/* node.h - `braid node`: nodes of the cluster, and moving replicas off one of them. */
#ifndef CLI_NODE_H
#define CLI_NODE_H

#include "cli.h"

enum outcome node_list(struct cli *cli, int argc, char **argv);
enum outcome node_add(struct cli *cli, int argc, char **argv);
enum outcome node_drain(struct cli *cli, int argc, char **argv);
enum outcome node_undrain(struct cli *cli, int argc, char **argv);
enum outcome node_remove(struct cli *cli, int argc, char **argv);

#endif

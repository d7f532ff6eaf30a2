/* cluster.h - `braid cluster status`: the cluster as one of its nodes sees it, and parts of that
 * for `braid node`. */
#ifndef CLI_CLUSTER_H
#define CLI_CLUSTER_H

#include "cli.h"

enum outcome cluster_status(struct cli *cli, int argc, char **argv);
enum outcome cluster_rescue(struct cli *cli, int argc, char **argv); /* cluster_rescue.c */

/* /cluster of the first node that answers; or it has complained. */
enum outcome cluster_look(const struct cli *cli, json_t **ret);

/* The table of nodes. */
enum outcome cluster_print_nodes(const struct cli *cli, const json_t *cluster);

/* A sentence for each node whose replicas wait for something that does not pass by itself. */
void cluster_print_waiting(const json_t *cluster);

/* And for each node that is up and leads nothing, because something ails it. */
void cluster_print_ailing(const json_t *cluster);

#endif

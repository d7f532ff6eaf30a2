/* local.h - the verbs of `braid local`: a cluster of several nodes on this machine. */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include "cli.h"
#include "local_plan.h"

enum outcome local_up(struct cli *cli, int argc, char **argv);
enum outcome local_down(struct cli *cli, int argc, char **argv);
enum outcome local_status(struct cli *cli, int argc, char **argv);
enum outcome local_kill(struct cli *cli, int argc, char **argv);
enum outcome local_start(struct cli *cli, int argc, char **argv);

/* Loads the cluster of `dir` (NULL: the default folder), or complains. */
enum outcome local_open(const struct cli *cli, const char *dir, struct local_plan **ret);

/* The process of a node, 0 when it does not run. */
int local_pid(const struct local_node *node);

/* Asks a node's /readyz once.  ERR_OK: ready.  Otherwise `why` says what is awaited. */
enum err local_ready(const struct local_node *node, struct reason *why);

#endif

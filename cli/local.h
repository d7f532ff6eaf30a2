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

/* --dir, for a verb that takes nothing else; state->input is the folder's name, a const char *. */
extern const struct argp_option local_dir_option[];
error_t local_parse_dir(int key, char *arg, struct argp_state *state);

/* Loads the cluster of `dir` (NULL: the default folder), or complains. */
enum outcome local_open(const struct cli *cli, const char *dir, struct local_plan **ret);

/* And the node of it whose number is the verb's argument. */
enum outcome local_open_node(const struct cli *cli, const char *dir, struct local_plan **ret,
                             struct local_node *node);

/* When a node's number is missing, and when there are two. */
#define LOCAL_WHICH_NODE "which node? 'braid local status' lists them"
#define LOCAL_ONE_NODE "one node only"

/* The process of a node, 0 when it does not run. */
int local_pid(const struct local_node *node);

/* Asks a node's /readyz once, which may take so long.  ERR_OK: ready.  Otherwise `why` says what is
 * awaited. */
#define LOCAL_READY_S 2u
enum err local_ready(const struct local_node *node, uint32_t timeout_s, struct reason *why);

#endif

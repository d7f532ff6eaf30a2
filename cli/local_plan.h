/* local_plan.h - where the nodes of a local cluster listen and keep their data.
 *
 * A folder DIR holds one local cluster:
 *
 *     DIR/cluster.json             how many nodes, the first port, and the limits
 *     DIR/node-K/braidd.conf       made at each start from the plan
 *     DIR/node-K/braidd.log        what the node says
 *     DIR/node-K/braidd.pid        its process
 *     DIR/node-K/data/             its data directory
 *
 * Node K (1, 2, ...) answers clients at port P + 10(K-1), peers at the next
 * one and operators at the one after that, on the loopback address only.
 * Zones are az1, az2, az3, az1, ...
 *
 * Everything but load and save is arithmetic on the struct.
 */
#ifndef CLI_LOCAL_PLAN_H
#define CLI_LOCAL_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* braidd reads lines of up to 198 characters: nine seeds fit, and so does data-dir. */
#define LOCAL_NODES_MAX 9u
#define LOCAL_PORT_DEFAULT 4567u
#define LOCAL_PORT_MAX (65535u - 10u * LOCAL_NODES_MAX)
#define LOCAL_DIR_BYTES_MAX 160u
#define LOCAL_PATH_BYTES_MAX (LOCAL_DIR_BYTES_MAX + 64u)
#define LOCAL_URL_BYTES_MAX 32u
#define LOCAL_URLS_BYTES_MAX (LOCAL_NODES_MAX * LOCAL_URL_BYTES_MAX)

struct local_plan {
    char dir[LOCAL_DIR_BYTES_MAX]; /* absolute */
    uint32_t node_count;
    uint32_t port; /* of node 1 for clients */
    bool unlimited; /* none of AWS's limits */
};

enum local_port { LOCAL_PORT_CLIENT = 0, LOCAL_PORT_PEER = 1, LOCAL_PORT_OPERATIONS = 2 };

struct local_node {
    uint32_t number; /* 1 .. node_count */
    char name[16];   /* "node-1" */
    char az[8];
    uint32_t ports[3]; /* by enum local_port */
    char dir[LOCAL_PATH_BYTES_MAX];
    char data[LOCAL_PATH_BYTES_MAX];
    char config[LOCAL_PATH_BYTES_MAX];
    char log[LOCAL_PATH_BYTES_MAX];
    char pid[LOCAL_PATH_BYTES_MAX];
};

/* The folder that is meant when none is named: $BRAID_LOCAL_DIR, else
 * $XDG_DATA_HOME/braid/local, else ~/.local/share/braid/local.  ERR_NOT_FOUND: no home either.
 * ERR_TOO_BIG. */
MUST_CHECK enum err local_plan_dir(char dir[LOCAL_DIR_BYTES_MAX], struct reason *reason);

/* Reads DIR/cluster.json; `dir` NULL means the default folder; `*ret` is freed with free().
 * ERR_NOT_FOUND: there is no cluster.  ERR_CORRUPT: the file is not one of ours.  ERR_IO,
 * ERR_NO_MEMORY, ERR_TOO_BIG. */
MUST_CHECK enum err local_plan_load(struct local_plan **ret, const char *dir,
                                    struct reason *reason);

/* Makes the folders and writes DIR/cluster.json, all or nothing.  `plan->dir` becomes absolute. */
MUST_CHECK enum err local_plan_save(struct local_plan *plan, struct reason *reason);

/* Fills in node `number`. */
void local_plan_node(const struct local_plan *plan, uint32_t number, struct local_node *node);

/* The URLs of all nodes' ports of one kind, with commas between. */
void local_plan_urls(const struct local_plan *plan, enum local_port port,
                     char urls[LOCAL_URLS_BYTES_MAX]);

/* "http://127.0.0.1:4567" */
void local_node_url(const struct local_node *node, enum local_port port,
                    char url[LOCAL_URL_BYTES_MAX]);

/* Writes the node's configuration file for braidd. */
void local_plan_config(const struct local_plan *plan, const struct local_node *node, FILE *out);

#endif

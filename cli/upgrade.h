/* upgrade.h - the cluster version. */
#ifndef CLI_UPGRADE_H
#define CLI_UPGRADE_H

#include "cli.h"

enum outcome cluster_upgrade(struct cli *cli, int argc, char **argv);

/* Of an answer of /cluster: that a later version is there, and who does not know it.  Nothing, when
 * there is none. */
void upgrade_print(const json_t *cluster);

#endif

/* stale_server.h - a former leader of the catalogue follows, and is followed, played on purpose.
 *
 * The catalogue's leader A is cut off, with N, that follows the catalogue and is none of its
 * members.  A's last change is in its own log only.  The others elect B, and A is drained: its
 * place goes to another node.  Then A hears B again, and learns what came in its change's place; N
 * asks A for it, and must not be given the change that never was committed.
 */
#ifndef SIM_STALE_SERVER_H
#define SIM_STALE_SERVER_H

#include "world.h"

void stale_server_start(struct world *world);
void stale_server_check(struct world *world);

#endif

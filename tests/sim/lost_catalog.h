/* lost_catalog.h - two of three members of the catalogue are lost for good, and an operator rescues
 * it from what is left; then the shards that have lost theirs.
 *
 *     the survivor is cut off, often all that are not to be lost; the other members change the
 *     catalogue meanwhile: streams come, the shards' rows go to their next epochs, and so do the
 *     shards
 *     the two are lost: their disks, or the nodes until the end; with four or five nodes some
 *     others are away too, who have heard of those changes
 *     who has most of the catalogue goes on from it (control/rescue.h); it is killed in between
 *     now and then, and asked again
 *     as many streams are created as were lost; shards that nobody leads are rescued, or their
 *     stream is deleted when nobody has a copy
 *     all others come back, with all that they had
 *
 * At the end: no node has ended itself, everybody has one model, the groups of lost streams are
 * still in the logs of all that had them, the catalogue has as many members as before, and all that
 * holds for records holds (history.h).
 */
#ifndef SIM_LOST_CATALOG_H
#define SIM_LOST_CATALOG_H

#include "world.h"

void lost_catalog_start(struct world *world);

/* At the end: it came about. */
void lost_catalog_check(struct world *world);

#endif

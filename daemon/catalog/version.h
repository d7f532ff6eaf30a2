/* version.h - the cluster version: what nodes of two builds may write side by side.
 *
 * While a cluster is upgraded node by node, old and new builds apply the same log.  So the model
 * has a version; nobody writes or proposes what needs a later one, and who knows less than it has
 * no part in the cluster.  An operator raises it (control/upgrade.h) when every node knows the new
 * one; until then the old build can come back.
 *
 *     1   all changes up to RescueShard
 *     2   RaiseVersion; a node's row says what it knows, and none that knows less is let in;
 *         rescues of the catalogue
 *     3   SetStream; a stream's row has settings, limits of its own among them;
 *         RegisterConsumer, DeregisterConsumer,
 *         SetConsumer, and DeleteStream that spares what has consumers;
 *         RescueShard says the epoch of the survivor's copy;
 *         splits and merges: BeginReshard, CommitReshard, ForgetShards;
 *         SetBalancing;
 *         WholeShards, and a shard's row says so;
 *         SetMembers of the epoch that is there: who of the members is preferred as leader;
 *         who is asked for what it has of a group says which leader it hears;
 *         SetNode of a new id says whose place it takes;
 *         RegisterConsumer says how many there may be; a stream has more limits
 *
 * No build of version 3 has been released: until one is, what is new joins it.  Then the next
 * change kinds and fields get 4: a row above, and their need in version.c.
 */
#ifndef CATALOG_VERSION_H
#define CATALOG_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "catalog/model.h"

#define VERSION_FIRST 1u
#define VERSION_KNOWN 3u /* by this build */

#define VERSION_RAISES 2u
#define VERSION_NODE_KNOWS 2u
#define VERSION_BALANCING 3u
#define VERSION_CONSUMERS 3u
#define VERSION_RESHARDS 3u
#define VERSION_RESUMES 2u /* raised by the rescue itself: nobody can agree on it */
#define VERSION_SETTINGS 3u
#define VERSION_RESCUE_HELD 3u
#define VERSION_WHOLE 3u
#define VERSION_HEARS 3u
#define VERSION_REPLACES 3u
#define VERSION_PREFERS 3u

/* Whether what came with version `needed` may be written now. */
bool version_allows(const struct model *model, uint32_t needed);

/* Whether the model is beyond what this process knows, so that it must end: the sentence. */
bool version_is_beyond(const struct model *model, struct reason *reason);

#endif

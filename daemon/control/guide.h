/* guide.h - the way back for who knows nobody of the cluster.
 *
 * A node that lost its disk finds its cluster by its seeds.  When those have lost theirs too it
 * finds nodes that know as little, although others hold the cluster: they are in nobody's list of
 * seeds, reach it where their model says that it listens, and are not asked, as it does not know
 * where they are.  So they say it (NET_FOUND) to a node that they reach and that
 *
 *     is in no cluster, or in this one and has said nothing since its link came up;
 *     has the address, and the name or the id, of a node of the model.
 *
 * The name is asked for because an address may have gone to a machine of another cluster.  Who was
 * told joins as if a seed had said it, and dials the one that said it as long as it has no model.
 */
#ifndef CONTROL_GUIDE_H
#define CONTROL_GUIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "env/net.h"

struct bootstrap_peer;
struct control;

/* Where nodes of the cluster listen, as they said themselves; until there is a model. */
struct guide {
    char addresses[CONTROL_GUIDES_MAX][NET_ADDRESS_MAX];
    uint32_t count, next; /* next: the place that the next one gets */
};

/* Whether the peer has lost its disk, as far as this node can see, and is to be told. */
bool guide_is_for(const struct control *control, const struct bootstrap_peer *peer);

/* A node of this node's cluster says that it listens there. */
void guide_follow(struct control *control, const char *address);

/* The model says where all nodes are: what was told counts no more. */
void guide_end(struct control *control);

#endif

/* leaver.h - a disk is lost just when another member has left its group, played on purpose.
 *
 * A, B and C are a group that A leads, and C is drained: its place goes to D.
 * From when A hears of it A reaches neither B nor D, so that A and C alone have
 * the SEAL, and what is acknowledged.  As soon as C has left, A loses its disk.
 * That is one disk of a group of three: nothing may be lost, and the group must go on.
 *
 * In one seed of four no group has such a C outside of the catalogue, and nothing happens.
 */
#ifndef SIM_LEAVER_H
#define SIM_LEAVER_H

#include "world.h"

/* Who plays: of others too, who play what happens when a member leaves. */
struct leaver_cast {
    uint64_t group;
    uint32_t epoch; /* that begins without C */
    struct sim_node *a, *b, *c, *d;
};

/* A shard's group with such a C.  False: there is none. */
bool leaver_choose(struct world *world, const struct sim_node *leader, struct leaver_cast *cast);

/* The cast's C is to go, or may stay. */
void leaver_drain(struct world *world, struct sim_node *leader, const struct leaver_cast *cast,
                  bool draining);

void leaver_start(struct world *world);

/* The same with the catalogue's own group, of six nodes: D asks B when A is gone, which knows no
 * more, and C alone can tell both. */
void leaver_start_voters(struct world *world);

#endif

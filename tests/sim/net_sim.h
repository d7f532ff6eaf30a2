/* net_sim.h - the network between simulated nodes: env/net.h on virtual time.
 *
 * Each node dials addresses "node-K"; the dialled link carries its messages and
 * calls, answers come back on it.  A lane is first in, first out; between lanes
 * and links there is no order.  What can happen to a link:
 *
 *     the process at the other end dies   broken at once, then refused: NET_GONE
 *     the host at the other end dies      silence; lost after a while
 *     a cut, in one direction or both     what is sent waits, then the link is lost
 *
 * Messages of a broken link are lost, or (weather) the first of them arrive still, when their
 * sender has given the link up, or has died; never behind the next link, which a receiver takes in
 * the old one's place.
 *
 * Within a connection nothing comes twice, as TCP does not do that.  A sender may say again over
 * its next link what it does not know to have arrived over the last (weather): the newest few
 * messages and calls, in order, before anything new, also to the next process of that node.  Not
 * puts and not changes of the catalogue: those who send them never say them twice, and their doing
 * so is a deliberate fault (put_sent_again).
 */
#ifndef SIM_NET_SIM_H
#define SIM_NET_SIM_H

#include "env/net.h"
#include "world.h"

/* Delays of one world. */
struct net_weather {
    uint64_t delay_ns, jitter_ns;
    uint32_t slow_in, slow_of; /* how many messages take up to slow_ns more */
    uint64_t slow_ns;
    uint32_t loss_in, loss_of; /* how many messages break their link instead */
    bool repeats; /* the newest of what a broken link carried is said again over the next one */
    bool lingers; /* what a broken link carried may arrive, until the next one stands */
};

struct net *net_sim_new(struct sim_node *node, const struct net_weather *weather);
void net_sim_free(struct net *net);

/* A process starts: no links, nothing registered. */
void net_sim_boot(struct net *net);

/* A process ended; `goodbye`: it told its peers. */
void net_sim_down(struct net *net, enum death death, bool goodbye);

/* How many messages and calls it has sent twice. */
uint64_t net_sim_repeated(const struct net *net);

/* From now on nothing goes from `from` to `to` (or all goes again). */
void net_sim_cut(struct world *world, uint32_t from, uint32_t to, bool cut);
bool net_sim_is_cut(struct world *world, uint32_t from, uint32_t to);

#endif

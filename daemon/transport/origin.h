/* origin.h - an address that clients come from, and what its connections hold together.
 *
 *     origin_enter -> (budgets of it are taken and returned) -> origin_leave
 *
 * Whoever is not known may connect as often as it likes; what all connections
 * from one address hold has a share of what the port has, so that one stranger
 * cannot take the whole port.  Of IPv6 the first half of the address counts:
 * the other half is the stranger's to choose.
 *
 * Loop thread only.
 */
#ifndef TRANSPORT_ORIGIN_H
#define TRANSPORT_ORIGIN_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/list.h"
#include "transport/budget.h"

#define ORIGIN_KEY_BYTES 8u
#define ORIGIN_LISTS 1024u

/* One address; there as long as it has connections. */
struct origin {
    struct list_node link;
    unsigned char key[ORIGIN_KEY_BYTES];
    uint32_t connections; /* all, those that are turned away included */
    struct budget served; /* connections that are */
    struct budget bodies; /* bytes */
    struct budget h2_streams;
};

/* All that have a connection to one port. */
struct origins {
    struct list *lists; /* ORIGIN_LISTS of them, by key */
    struct origin fresh; /* what a new one is, budgets and all */
};

/* ERR_NO_MEMORY. */
MUST_CHECK enum err origins_init(struct origins *origins);
void origins_fini(struct origins *origins);

/* One more connection from there.  NULL: no memory. */
struct origin *origin_enter(struct origins *origins, const struct sockaddr_storage *place);

/* One connection less; NULL is legal. */
void origin_leave(struct origin *origin);

#endif

/* node.h - one node: all its objects, built and torn down in one visible order.
 *
 *     node_open -> node_run ... node_stop -> node_run returns -> node_free
 *
 * From below to above: loop, clock, workers, data directory, disk, table,
 * identity, net, control, route, operations, doors.  Torn down the other way
 * round, after the clients were served and the peers were told.
 *
 * The thread that opens it runs it.
 */
#ifndef NODE_H
#define NODE_H

#include "base/err.h"
#include "base/note.h"
#include "config.h"

struct node;
struct uv_loop_s;

/* Exit statuses of braidd; documented in config_flags.c and daemon/README.md. */
enum node_status {
    NODE_STOPPED = 0,     /* as asked */
    /* While running, or a start that may succeed later: a port in use, no memory, no room, a disk
     * that fails or cannot be written, another braidd on the directory. */
    NODE_FAILED = 1,
    NODE_BAD_CONFIG = 2,
    /* The data directory: damaged, another node's, none, of a newer braidd, or of a node that was
     * removed; or the others are at a cluster version that this braidd does not know.  Some of it
     * may become known only while running.  A restart changes none of it. */
    NODE_BAD_DATA = 3,
    /* The others, or its own tables, remember more of its log than it has: started again it comes
     * back under a new id. */
    NODE_FORGOT = 4
};

/* Opens everything.  `config` must outlive the node.  After an error the process must end: what was
 * opened stays so, and `*ret` is good for node_abandon() only; nothing was written over damaged
 * data. */
MUST_CHECK enum node_status node_open(struct node **ret, const struct config *config,
                                      struct reason *reason);

struct uv_loop_s *node_loop(struct node *node);
struct note *node_note(struct node *node);

/* Returns when the node has stopped. */
void node_run(struct node *node);

/* Graceful: hands over what it leads while clients are served; then serves what runs, takes nothing
 * new, tells the peers, saves, closes.  Once. */
void node_stop(struct node *node);

/* After node_run(). */
void node_free(struct node *node);

/* Ends the process at once, with a sentence on standard error. */
_Noreturn void node_abandon(struct node *node, enum node_status status,
                            const struct reason *reason);

#endif

/* change_consumers.h - changes of a stream's consumers; as change.h.  Since VERSION_CONSUMERS. */
#ifndef CATALOG_CHANGE_CONSUMERS_H
#define CATALOG_CHANGE_CONSUMERS_H

#include "catalog/change.h"

/* A consumer that may read at once.
 * ERR_NOT_FOUND  no such stream
 * ERR_CLOSED     it is being created, or deleted
 * ERR_EXISTS     there is one of that name (unless the same token made it: ERR_OK)
 * ERR_INVALID    the name breaks the rule
 * ERR_BUSY       STREAM_CONSUMERS_MAX, or the catalogue has no room */
struct buf *change_register_consumer(struct change_stamp stamp, uint64_t stream, const char *name);

/* ERR_NOT_FOUND: the stream has none of that id. */
struct buf *change_deregister_consumer(struct change_stamp stamp, uint64_t stream, uint64_t id);

/* change_delete_stream(), unless it has consumers: ERR_BUSY. */
struct buf *change_delete_unconsumed(struct change_stamp stamp, uint64_t stream);

#endif

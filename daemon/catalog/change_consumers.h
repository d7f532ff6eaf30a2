/* change_consumers.h - changes of a stream's consumers; as change.h.  Since VERSION_CONSUMERS. */
#ifndef CATALOG_CHANGE_CONSUMERS_H
#define CATALOG_CHANGE_CONSUMERS_H

#include "catalog/change.h"

/* A consumer that may read at once, with tags, which may be NULL, unless the stream has `most` of
 * them, at most STREAM_CONSUMERS_MAX.
 * ERR_NOT_FOUND  no such stream
 * ERR_CLOSED     it is being created, or deleted
 * ERR_EXISTS     there is one of that name (unless the same token made it: ERR_OK)
 * ERR_INVALID    the name breaks the rule, or the tags are out of range
 * ERR_BUSY       `most`, or the catalogue has no room */
struct buf *change_register_consumer(struct change_stamp stamp, uint64_t stream, const char *name,
                                     const struct model_tag *tags, uint32_t tag_count,
                                     uint32_t most);

/* ERR_NOT_FOUND: the stream has none of that id. */
struct buf *change_deregister_consumer(struct change_stamp stamp, uint64_t stream, uint64_t id);

/* What can be set of a consumer; as change_settings.h has it of a stream. */
struct change_consumer {
    uint64_t stream, id;
    uint64_t revision; /* the one that was seen */
    const struct model_tag *tags; /* borrowed, and the policy */
    uint32_t tag_count;
    const char *policy; /* NULL: none */
};

/* What there is: borrows from the consumer. */
struct change_consumer change_consumer_of(const struct model_stream *stream,
                                          const struct model_consumer *consumer);

/* It becomes so.
 * ERR_NOT_FOUND
 * ERR_CLOSED     its stream is being deleted
 * ERR_EXPIRED    the revision is another one: look again
 * ERR_INVALID    a field is out of range
 * ERR_BUSY       the catalogue has no room */
struct buf *change_set_consumer(struct change_stamp stamp, const struct change_consumer *wanted);

/* change_delete_stream(), unless it has consumers: ERR_BUSY. */
struct buf *change_delete_unconsumed(struct change_stamp stamp, uint64_t stream);

#endif

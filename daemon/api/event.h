/* event.h - the messages of a subscription, as bytes (wire/event_stream.h).  Any thread. */
#ifndef API_EVENT_H
#define API_EVENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "shard/cursor.h"
#include "wire/error_type.h"
#include "wire/shapes.h"

/* What an event says. */
struct event_content {
    struct seqno_shard name;
    const struct read_part *parts;
    uint32_t part_count, record_count;
    struct position next; /* where its reader goes on */
    uint64_t time_s;      /* for the number that stands for it: of the last record, or now */
    uint64_t behind_ms;
    bool encrypted; /* so its records say */
    bool in_ms; /* times in milliseconds, for clients that speak CBOR otherwise */
    bool ended; /* the shard is read to its end: `children` instead of `next` */
    struct child_shard_out_list children;
};

/* NULL: no memory. */
struct buf *event_initial(void);
struct buf *event_exception(enum error_type type, const char *message);

/* SubscribeToShardEvent.  ERR_NO_MEMORY; ERR_CORRUPT: the parts are no records. */
MUST_CHECK enum err event_records(const struct event_content *content, struct buf **ret);

#endif

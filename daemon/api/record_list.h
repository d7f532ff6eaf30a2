/* record_list.h - what was read of a shard, as replies and events show it.  Any thread. */
#ifndef API_RECORD_LIST_H
#define API_RECORD_LIST_H

#include "base/arena.h"
#include "base/err.h"
#include "shard/cursor.h"
#include "wire/shapes.h"

#define RECORD_REPLY_BYTES 256u /* of JSON around a record's data, about */

/* `count` records; data and keys are borrowed from the parts.  ERR_NO_MEMORY, ERR_CORRUPT. */
MUST_CHECK enum err record_list_compose(struct arena *arena, struct seqno_shard name,
                                        const struct read_part parts[], uint32_t part_count,
                                        uint32_t count, bool encrypted,
                                        struct record_out_list *ret);

#endif

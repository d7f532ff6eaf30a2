/* iterator.h - a reader's place in a shard, as text.
 *
 * What GetShardIterator gives out and GetRecords takes: stream, shard, the next
 * record to read, and when it was made.  Signed (api/token.h), good for five
 * minutes on every node.  The stream's name is in it only to name the stream in
 * an error after it is gone; its id decides, so that an iterator does not pass
 * from a deleted stream to a new one of the same name.
 */
#ifndef API_ITERATOR_H
#define API_ITERATOR_H

#include <stdint.h>

#include "api/token.h"
#include "catalog/model.h"
#include "shard/cursor.h"

#define ITERATOR_LIFE_MS 300000u

struct iterator {
    uint64_t stream; /* id */
    uint64_t group;
    uint32_t shard;  /* number */
    struct position position;
    uint64_t issued_ms;
    uint64_t nonce;  /* of which no two iterators of a node have the same */
    char stream_name[MODEL_NAME_MAX + 1];
};

/* The text, in the arena.  ERR_NO_MEMORY. */
MUST_CHECK enum err iterator_print(const struct iterator *iterator, struct slice secret,
                                   struct digest *digest, struct arena *arena, struct slice *ret);

/* Double quotes around the text are taken off, as AWS does.
 * ERR_INVALID: not an iterator of this cluster, or changed on the way. */
MUST_CHECK enum err iterator_parse(struct slice text, struct slice secret, struct digest *digest,
                                   struct iterator *ret);

bool iterator_expired(const struct iterator *iterator, uint64_t now_ms);

#define ITERATOR_TIME_MAX 32u

/* "Sun Oct 10 05:17:11 UTC 2021", as AWS prints times in the message of an expired iterator;
 * returns `text`. */
char *iterator_time_print(uint64_t ms, char text[ITERATOR_TIME_MAX]);

#endif

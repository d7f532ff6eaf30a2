/* batch.h - records on their way to one PutRecords call, and what came of them.
 *
 *     batch_add ... until !batch_fits -> batch_request -> the call -> batch_settle
 *
 * PutRecords may store some records and refuse others.  batch_settle() keeps
 * the refused ones, in their order, and the caller sends them before any newer
 * one: so the records of a key stay in order, because a node stores a call's
 * records of one shard together or not at all.
 */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define BATCH_RECORDS_MAX 500u
#define BATCH_BYTES_MAX (5u * 1024u * 1024u) /* keys and data; one larger record goes alone */

struct batch {
    const char *stream;
    struct batch_record {
        char *bytes; /* the key, then the data */
        size_t key_len, data_len;
    } records[BATCH_RECORDS_MAX];
    uint32_t count;
    size_t bytes;
};

/* `stream` is borrowed until batch_fini(). */
void batch_init(struct batch *batch, const char *stream);
void batch_fini(struct batch *batch);

/* Whether a record of so many bytes, its key included, may be added. */
bool batch_fits(const struct batch *batch, size_t bytes);

/* Copies the record in; it fits.  ERR_NO_MEMORY. */
MUST_CHECK enum err batch_add(struct batch *batch, struct slice key, struct slice data);

/* The JSON text of the call, one reference, the caller's; NULL without memory. */
struct buf *batch_request(const struct batch *batch);

/* What one call did. */
struct batch_result {
    uint32_t stored;
    uint64_t stored_bytes; /* of data */
    struct reason refusal; /* why the first of the others was refused */
};

/* Takes what was stored out of the batch.  ERR_CORRUPT: the answer does not fit the call. */
MUST_CHECK enum err batch_settle(struct batch *batch, const json_t *answer,
                                 struct batch_result *result);

#endif

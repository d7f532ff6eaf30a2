/* row.h - one row of the model <-> one message of proto/catalog.proto.
 *
 * Changes and the image share the rows.  Reading checks everything: the bytes
 * come from clients, peers and disks.  Writing borrows the model's strings, so
 * the message is packed before the model changes.
 */
#ifndef CATALOG_ROW_H
#define CATALOG_ROW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "catalog/model_private.h"
#include "catalog.pb-c.h"

/* shard/seqno.h: what a sequence number can hold of the second in which its shard was created. */
#define ROW_CREATED_S_END UINT64_C(16025175000)

/* What unpacking allocates with: it never fails, as a change that is skipped on one node is not
 * skipped on the others. */
extern ProtobufCAllocator *const row_allocator;

/* ERR_INVALID, with a reason that names the field. */
MUST_CHECK enum err row_node_read(const Braid__Catalog__Node *row, struct model_node *ret,
                                  struct reason *reason);
MUST_CHECK enum err row_stream_read(const Braid__Catalog__Stream *row, struct model_stream **ret,
                                    struct reason *reason);

/* Into the arena.  NULL when there is no room. */
Braid__Catalog__Node *row_node_write(struct arena *arena, const struct model_node *node);
Braid__Catalog__Stream *row_stream_write(struct arena *arena, const struct model_stream *stream);

/* Any message as bytes, one reference.  NULL when there is no memory. */
struct buf *row_pack(const ProtobufCMessage *message);

#endif

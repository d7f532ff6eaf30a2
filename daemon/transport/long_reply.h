/* long_reply.h - a reply in pieces, for as long as its maker likes: events as they happen.
 *
 *     long_reply_begin -> on_room -> long_reply_give -> on_room -> ... -> long_reply_end
 *
 * Instead of http_exchange_reply().  The exchange and the head of its request live
 * until long_reply_end(), which is owed exactly once, also when the client is
 * gone; the request's body is gone when it begins.
 *
 * One piece at a time: on_room says that the last one is with the kernel and the
 * next may be given.  In HTTP/2 that follows the client's window of this very
 * request, so a reader that stops reading holds one piece here, for as long as
 * the maker goes on.  Pieces that wait count with the replies of http_server.h:
 * when all hold too much, the slowest reader is hung up on.  In HTTP/1.1, where
 * a window is a socket's, a reader that takes less than HTTP_REPLY_STRETCH_BYTES
 * of a piece in `write_ms` is hung up on.
 *
 * HTTP/1.1 sends chunks, HTTP/1.0 hangs up at the end, HTTP/2 sends frames; what
 * was given in pieces may arrive in others.
 *
 * Loop thread only; no callback runs from inside a call made here.
 */
#ifndef TRANSPORT_LONG_REPLY_H
#define TRANSPORT_LONG_REPLY_H

#include "transport/http_server.h"

/* All are set.  After long_reply_end() none is called any more. */
struct long_reply_events {
    /* long_reply_give() may be called, now or later. */
    void (*on_room)(void *ctx, struct http_exchange *exchange);
    /* Once, and no on_room after it: nobody reads any more, long_reply_end() is due.  A client that
     * has only said that it sends no more counts as gone. */
    void (*on_gone)(void *ctx, struct http_exchange *exchange);
    /* Once: the port is drained.  long_reply_end() soon, or it is cut off; its client goes on
     * elsewhere.  Not yet when the port parts: the client would come again, and be told again. */
    void (*on_part)(void *ctx, struct http_exchange *exchange);
};

/* Sends status and headers; `reply` has no body.  Not for a HEAD request, nor for a status that
 * has no body.  Copies what it is given but `events`.  Never fails for the caller: without memory
 * the client is what suffers. */
void long_reply_begin(struct http_exchange *exchange, const struct http_reply *reply,
                      const struct long_reply_events *events, void *ctx);

/* Takes references on `parts`: one piece, 1 .. HTTP_PIECE_BYTES_MAX bytes.  Once after each
 * on_room.  When the client is gone it is dropped. */
void long_reply_give(struct http_exchange *exchange, struct buf *const parts[],
                     uint32_t part_count);

/* At any time: what was given is still sent, then the reply is whole.  The exchange and its arena
 * are gone afterwards. */
void long_reply_end(struct http_exchange *exchange);

#endif

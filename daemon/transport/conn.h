/* conn.h - one client's connection: bytes in, bufs out, deadlines.
 *
 *     conn_init -> conn_start -> on_bytes ... conn_write -> on_sent ... -> conn_close -> on_closed
 *
 * It knows nothing of HTTP.  One write at a time: the next one may be given when
 * on_sent has run, so that nothing piles up here.
 *
 * Slow readers: in each `stall_ms` a client must take HTTP_REPLY_STRETCH_BYTES
 * of a write, or the rest of it; a byte now and then does not count.  What all
 * writes hold together has a maximum; over it the slowest reader is ended, then
 * the next one.  What a client has taken is what its kernel has acknowledged.
 * A large write is reserved before it is made, so that it counts from then on.
 *
 * The process ignores SIGPIPE (main.c): libuv writes to a client that has hung up without
 * MSG_NOSIGNAL.
 *
 * Embedded in its owner, which must live until on_closed has run; loop thread
 * only.  No callback runs from inside a call made here.
 */
#ifndef TRANSPORT_CONN_H
#define TRANSPORT_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "env/clock.h"
#include "env/timer.h"

struct conn;

/* All are set.  After on_end or conn_close() only on_closed comes. */
struct conn_events {
    /* Bytes came; they are the owner's until it returns. */
    void (*on_bytes)(struct conn *conn, struct slice bytes);
    /* The client sends no more, but may still read. */
    void (*on_half)(struct conn *conn);
    /* The write is with the kernel. */
    void (*on_sent)(struct conn *conn);
    /* conn_deadline() passed. */
    void (*on_deadline)(struct conn *conn);
    /* conn_close() is due: the connection broke (ERR_IO), reads too slowly (ERR_TIMEOUT), or is the
     * slowest while the writes hold too much (ERR_BUSY). */
    void (*on_end)(struct conn *conn, enum err err);
    void (*on_closed)(struct conn *conn);
};

/* What all connections of one port share. */
struct conn_shared {
    struct clock *clock;
    const struct conn_events *events;
    unsigned char *scratch; /* bytes are read to here */
    size_t scratch_bytes;
    uint32_t stall_ms;
    uint64_t held_max; /* bytes that all writes may hold */
    struct list slow;  /* conns with a write that waits for its reader, oldest first */
    struct defer shed;
    uint64_t *bytes_in, *bytes_out; /* counted here */
    uint64_t *held;    /* bytes that the writes in `slow` hold now, and: */
    uint64_t reserved; /* those of writes that are being made */
};

struct conn {
    uv_tcp_t tcp;
    struct conn_shared *shared;
    char peer[64]; /* "127.0.0.1:4711", "[::1]:4711" */
    bool closing;
    bool reading;
    bool half; /* the client has said that it sends no more */
    uv_write_t write;
    bool writing;
    struct buf **parts; /* of the write that is under way */
    uint32_t part_count;
    size_t write_bytes; /* of it, when the kernel did not take it whole */
    size_t behind_bytes; /* see conn_behind() */
    size_t held_bytes; /* both, counted in shared->held; 0: not in shared->slow */
    uint64_t given_bytes; /* to the kernel and not acknowledged when it began to wait, or since */
    uint64_t began_ms;
    uint64_t looked_given, looked_taken; /* when the stall was last looked at */
    struct list_node slow;
    uv_shutdown_t shutdown;
    struct timer deadline;
    struct timer stall;
};

/* An initialised handle in `conn->tcp`, not connected. */
MUST_CHECK enum err conn_init(struct conn *conn, struct uv_loop_s *loop,
                              struct conn_shared *shared);

/* Accepted: looks who it is, into `place` too, and reads.  ERR_IO. */
MUST_CHECK enum err conn_start(struct conn *conn, struct sockaddr_storage *place);

/* Whether bytes are read.  Paused, they stay in the socket. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* Counts bytes of a write that is about to be made; over the maximum the slowest readers are ended.
 * False, and nothing is counted: there are other reservations, and they and this one are more than
 * all writes may hold.  conn_unreserve() before the write is given, or when there will be none. */
MUST_CHECK bool conn_reserve(struct conn_shared *shared, size_t bytes);
void conn_unreserve(struct conn_shared *shared, size_t bytes);

/* Takes references on `parts`, then calls on_sent.  Nothing else may be under way.
 * ERR_NO_MEMORY, ERR_IO: conn_close() is due. */
MUST_CHECK enum err conn_write(struct conn *conn, struct buf *const parts[], uint32_t part_count);

/* So many bytes in all of replies wait for this client behind the present write: they count as held
 * by a reader that may be slow.  Their owner gives them in later writes. */
void conn_behind(struct conn *conn, size_t bytes);

/* A few bytes that may be dropped when the socket is full. */
void conn_write_maybe(struct conn *conn, struct slice bytes);

/* Says that no more will be written.  Reading goes on. */
void conn_shutdown(struct conn *conn);

/* on_deadline once, `after_ms` from now; 0: none. */
void conn_deadline(struct conn *conn, uint32_t after_ms);

/* Closes at once; on_closed follows.  Twice is legal. */
void conn_close(struct conn *conn);

/* As above, and the kernel forgets what it still had for the client: to a slow reader it would go
 * on sending for as long as that likes, out of memory that nobody counts. */
void conn_reset(struct conn *conn);

#endif

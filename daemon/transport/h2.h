/* h2.h - HTTP/2 requests out of bytes, and bytes out of replies: an engine without I/O.
 *
 *     h2_new -> h2_feed -> h2_next_whole -> (the request is used) -> h2_reply
 *                   |                          or h2_begin -> h2_give ... -> h2_finish
 *                   |      h2_output -> (the write is done) -> h2_sent
 *                   +-> h2_has_ended: what h2_output() gives is the last
 *
 * One connection.  nghttp2 has the framing, HPACK and the rules of RFC 9113:
 * pseudo-headers, headers of a connection, bodies of another length than was
 * said, states of streams.  Here are requests, replies and what is too much:
 * of requests at once, of heads and bodies, of requests given up, and of frames
 * that bring none any further (base/limits.h, H2_...).
 *
 * A request that the client gives up (RST_STREAM) while the upper layer works
 * on it counts among the H2_STREAMS_MAX until it is replied to: giving up and
 * asking again makes no more work than asking did.
 */
#ifndef TRANSPORT_H2_H
#define TRANSPORT_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "env/timer.h"
#include "transport/exchange.h"
#include "transport/gather.h"

enum h2_phase {
    H2_HEAD,    /* its head is not whole */
    H2_BODY,    /* its body is not */
    H2_WHOLE,   /* it waits for h2_next_whole() */
    H2_RUNNING, /* with the upper layer */
    H2_TELLING, /* with the upper layer, which replies in pieces */
    H2_REPLYING
};

/* One request.  `carried`: its request is set from H2_BODY on. */
struct h2_stream {
    struct h2 *h2;
    int32_t id; /* 0: the client has given it up, or is gone: a reply will only free it */
    enum h2_phase phase;
    struct carried carried;
    struct timer deadline; /* the owner's; stopped by the end */
    size_t seen_bytes;     /* the owner's: of the body or the reply, when it last looked */
    struct list_node link; /* all of a connection */
    struct list_node whole;
    struct arena arena;
    struct http_header *headers; /* in the arena */
    uint32_t header_room;
    size_t head_bytes, trailer_bytes;
    uint64_t content_length; /* UINT64_MAX: not said */
    int status;              /* to be refused with when the head is whole */
    const char *sentence;
    struct body body;
    struct buf **parts; /* of the reply's body, or of one piece of it, */
    uint32_t part_count, part_at;
    size_t part_from;  /* from there on not given to the connection, */
    size_t left_bytes; /* so many bytes */
    uint32_t kept_at;  /* those before are written, and dropped: */
    size_t held_bytes; /* of those that are not */
    size_t sent_bytes;
    struct list_node write; /* bytes of it are in the present write */
};

/* What all connections of a port share. */
struct h2_port {
    size_t body_bytes_max, arena_bytes_max;
    uint64_t *refused_streams; /* counted: over a maximum, */
    uint64_t *floods;          /* and connections hung up on: too many frames for nothing */
};

/* What one connection may have: bytes of bodies, and requests beside its own H2_STREAMS_MAX. */
struct h2_share {
    struct budget *bodies, *streams;
};

/* Neither may call anything of this header but h2_reply(). */
struct h2_events {
    /* It has entered H2_HEAD, H2_BODY, H2_WHOLE or H2_REPLYING. */
    void (*on_phase)(void *ctx, struct h2_stream *stream);
    /* The answer is h2_reply(). */
    void (*on_refused)(void *ctx, struct h2_stream *stream, int status, const char *sentence);
    /* In H2_TELLING: the last piece is written.  The client has given it up. */
    void (*on_room)(void *ctx, struct h2_stream *stream);
    void (*on_gone)(void *ctx, struct h2_stream *stream);
};

struct h2;

/* NULL when there is no memory.  `port` and what `share` points to must outlive it. */
struct h2 *h2_new(struct h2_port *port, struct h2_share share, const struct h2_events *events,
                  void *ctx);

/* No request may be with the upper layer; NULL is legal. */
void h2_free(struct h2 *h2);

/* Takes bytes, the preface first.  When the client breaks the rules it has ended afterwards. */
void h2_feed(struct h2 *h2, struct slice bytes, uint64_t now_ms);

/* The next request for the upper layer; NULL: there is none. */
struct h2_stream *h2_next_whole(struct h2 *h2);

/* Replies to a request in any phase before H2_REPLYING; `date` is the header's value. */
void h2_reply(struct h2_stream *stream, const struct http_reply *reply, const char *date);

/* A reply in pieces to a request in H2_RUNNING: its head; one piece, when the last one is written;
 * its end, at any time.  They are legal when the client is gone: the end frees the request then. */
void h2_begin(struct h2_stream *stream, const struct http_reply *reply, const char *date);
void h2_give(struct h2_stream *stream, struct buf *const parts[], uint32_t part_count);
void h2_finish(struct h2_stream *stream);

/* Counts one whose body did not come in time; it is refused besides. */
void h2_late(struct h2 *h2, uint64_t now_ms);

/* Gives up a reply that its reader does not take. */
void h2_reset(struct h2_stream *stream);

/* Adds bytes to be sent, up to H2_WRITE_BYTES_MAX and one frame; none: nothing can be sent now.
 * False: no memory. */
MUST_CHECK bool h2_output(struct h2 *h2, struct gather *gather);

/* They are with the kernel.  Owed before the next h2_output(). */
void h2_sent(struct h2 *h2);

/* The client sends no more: nobody reads replies in pieces any more. */
void h2_half(struct h2 *h2);

/* Asks the client to take its next requests elsewhere; those that come are served. */
void h2_notice(struct h2 *h2);

/* No more requests: those that come are to be sent again elsewhere.  Those that run are served, and
 * with the last of them it has ended. */
void h2_goodbye(struct h2 *h2);

/* No more requests at all: those that run are cut off.  It has ended then.  `calm`:
 * because the client is too much. */
void h2_end(struct h2 *h2, bool calm);

/* The connection is gone: all that is not with the upper layer is freed. */
void h2_hang_up(struct h2 *h2);

/* What h2_new() was given. */
void *h2_ctx(const struct h2 *h2);

/* Requests on the connection now, and with those given up that the upper layer still has. */
uint32_t h2_live(const struct h2 *h2);
uint32_t h2_count(const struct h2 *h2);

/* Bytes of replies that are held here beyond those of the present write.  Each part of a reply
 * counts whole until its last byte is written, for so long it is held. */
size_t h2_behind(const struct h2 *h2);

/* Of whole replies, with those of the present write.  A reply in pieces holds one piece, and its
 * reader may let it wait for as long as it likes. */
size_t h2_whole_behind(const struct h2 *h2);

/* Nothing more is taken, and when h2_output() adds nothing, nothing more is sent. */
bool h2_has_ended(const struct h2 *h2);

/* Whether more than H2_OWN_FRAMES_MAX frames wait to be sent. */
bool h2_is_crowded(const struct h2 *h2);

#endif

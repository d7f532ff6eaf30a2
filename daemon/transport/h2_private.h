/* h2_private.h - the parts of the HTTP/2 engine.
 *
 * h2.c has the session with nghttp2: frames in, bytes out, what is too much.
 * h2_stream.c has one request: its head, its body, its end.
 * h2_reply.c has its reply, whole or in pieces.
 */
#ifndef TRANSPORT_H2_PRIVATE_H
#define TRANSPORT_H2_PRIVATE_H

#include <nghttp2/nghttp2.h>

#include "base/limits.h"
#include "transport/h2.h"

/* So many at once, and so many more each second. */
struct h2_ration {
    uint32_t left;
    uint64_t at_ms; /* filled up to then */
};

struct h2 {
    struct h2_port *port;
    struct h2_share share;
    const struct h2_events *events;
    void *ctx;
    nghttp2_session *session; /* NULL: hung up */
    struct list streams;      /* all requests, oldest first */
    struct list whole;        /* those that wait for h2_next_whole() */
    uint32_t live, count;     /* with a stream; all */
    size_t held_bytes;        /* of replies: parts that are not wholly written, */
    size_t telling_bytes;     /* those of H2_TELLING among them */
    struct list writing;      /* streams with bytes in the present write, */
    size_t write_bytes;       /* so many */
    bool ended;
    bool noticed;
    uint64_t now_ms;
    struct h2_ration resets, idle_frames, late;
    uint32_t spared; /* resets to be sent that are no fault of the client's */
    uint32_t updates_earned;
    struct gather *gather; /* inside h2_output() */
};

/* NULL: over a maximum, or no memory. */
struct h2_stream *h2_stream_new(struct h2 *h2, int32_t id);

/* One field of its head.  False: the client broke the rules, reset it; `head_bytes` says whether by
 * a head that is far too long. */
bool h2_stream_field(struct h2_stream *stream, struct slice name, struct slice value);

/* One field behind its body: counted and dropped.  False: too long, reset it. */
bool h2_stream_trailer(struct h2_stream *stream, struct slice name, struct slice value);

/* The head is whole; `last`: and so is the request. */
void h2_stream_head_ends(struct h2_stream *stream, bool last);

/* Bytes of the body.  False: they were dropped, nobody waits for more. */
bool h2_stream_data(struct h2_stream *stream, struct slice data);

/* The body is whole. */
void h2_stream_ends(struct h2_stream *stream);

/* A reset of it that is not the client's fault. */
void h2_stream_reset(struct h2 *h2, int32_t id, uint32_t code);

/* nghttp2 has forgotten it.  Frees it, unless the upper layer has it. */
void h2_stream_over(struct h2_stream *stream);

/* It is no request any more.  Its part of the present write stays until that is done. */
void h2_stream_end(struct h2_stream *stream);
void h2_stream_free(struct h2_stream *stream);

/* Head and body are not needed any more. */
void h2_request_drop(struct h2_stream *stream);

/* Parts of the reply before `upto` are not held any more. */
void h2_parts_drop(struct h2_stream *stream, uint32_t upto);

/* Moves `bytes` of its reply to h2->gather.  False: no memory. */
bool h2_stream_send(struct h2_stream *stream, size_t bytes);

/* They are written.  May free it. */
void h2_stream_sent(struct h2_stream *stream);

#endif

/* h2_visitor.h - a visitor that speaks HTTP/2, with nghttp2 as its client side. */
#ifndef H2_VISITOR_H
#define H2_VISITOR_H

#include <nghttp2/nghttp2.h>

#include "server_world.h"

#define ANSWERS_MAX 2048

/* What came of one request. */
struct answer {
    int32_t id;
    int status;
    char path[64]; /* X-Path */
    char *body;
    size_t len, room;
    bool closed;
    uint32_t code; /* of its end */
    const char *sent; /* the request's body */
    size_t sent_len, sent_at;
    bool unfinished; /* of which the end does not come */
};

struct h2_visitor {
    struct visitor *visitor;
    nghttp2_session *session;
    size_t fed;
    size_t looked; /* for GOAWAYs */
    struct answer answers[ANSWERS_MAX];
    int answer_count;
    int goaways;
    uint32_t goaway_code;
    int32_t goaway_last;
    bool silent; /* what comes is not taken */
    int32_t held_back; /* of this reply no window is given back */
};

/* `window` of replies; 0: the usual. */
struct h2_visitor *h2_visitor_open(struct world *world, uint32_t window);
void h2_visitor_close(struct h2_visitor *client);

/* Sends and takes what there is. */
void pump(struct h2_visitor *client);

/* `more` are names and values, ended by NULL; may be NULL. */
struct answer *ask(struct h2_visitor *client, const char *method, const char *path,
                   const char *const *more, const char *body, size_t len);

/* A POST whose body goes on after these bytes, and does not come. */
struct answer *ask_half(struct h2_visitor *client, const char *body, size_t len);

nghttp2_nv h2_field(const char *name, const char *value);

/* One frame of any kind. */
void frame_send(struct h2_visitor *client, uint8_t type, uint8_t flags, int32_t id,
                const void *payload, size_t len);

/* The code of the RST_STREAM that came for `id`; UINT32_MAX: none. */
uint32_t reset_code(const struct h2_visitor *client, int32_t id);

#define until_pumped(client, condition)                                                            \
    until((client)->visitor->world, (pump(client), (condition)))

#endif

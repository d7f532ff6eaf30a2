/* h1_private.h - the parts of the HTTP/1 engine.
 *
 * h1.c collects the head byte by byte and the body; head.c reads a whole head;
 * chunk.c undoes the chunked coding.  Debian's http-parser is built without its
 * strict mode (it takes a bare LF, and any byte behind the CR of a chunk's
 * size), so it is given whole, checked heads only, and no bodies.
 */
#ifndef TRANSPORT_H1_PRIVATE_H
#define TRANSPORT_H1_PRIVATE_H

#include "base/limits.h"
#include "transport/h1.h"

enum chunk_state { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_DONE };

/* The chunked coding: which bytes are body. */
struct chunk {
    enum chunk_state state;
    uint64_t left;       /* of this chunk's data */
    uint32_t line_bytes; /* of the size line, or of all trailers */
    uint32_t digits;
    bool extension;      /* behind the size's digits */
    bool trailer_begun;  /* the present trailer line is not empty */
    unsigned char last;  /* the byte before, for CR LF */
};

/* What a head says. */
struct head_facts {
    bool chunked;
    bool expects_continue;
    uint64_t content_length;
};

struct h1 {
    struct h1_options options;
    struct budget *budget;
    enum h1_state state;
    bool begun;
    int status; /* of the refusal */
    const char *sentence;
    struct arena arena;
    struct http_request request;

    unsigned char *head; /* in the arena */
    size_t head_len, head_room;
    size_t line_len;     /* bytes of the present line, without CR LF */
    uint32_t line_count;
    uint32_t empty_lines; /* before the request line */
    unsigned char last;

    struct head_facts facts;
    struct chunk chunk;
    struct body body;
};

/* Sets the refusal.  Answers false, for `return h1_refuse(...)`. */
bool h1_refuse(struct h1 *h1, int status, const char *sentence);

/* head.c: reads the whole head in `h1->head` into request and facts.  False: refused. */
bool head_parse(struct h1 *h1);

/* chunk.c: takes bytes off the front; `data` are the body bytes among them, if any.  False: the
 * coding is broken, `*sentence` says how. */
bool chunk_take(struct chunk *chunk, struct slice *bytes, struct slice *data,
                const char **sentence);

#endif

/* token.h - a request's body as a row of tokens, whatever encoding it came in; private to wire/.
 *
 * The whole body is parsed and proved to be of its encoding before the first
 * token is given, so the walk (decode.c) meets no syntax errors half-way.
 * Memory is bounded by the body's size and WIRE_TOKENS_MAX, whatever the body is.
 * Texts are UTF-8.
 *
 * JSON: a number beyond 64 bits that is written without a point or an exponent
 * makes the body no JSON.  So does a lone surrogate.
 */
#ifndef WIRE_TOKEN_H
#define WIRE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum token_kind {
    TOKEN_NULL,
    TOKEN_BOOL,    /* truth */
    TOKEN_INTEGER, /* integer, cut to int64_t */
    TOKEN_NUMBER,  /* number: none that is not a number */
    TOKEN_TEXT,    /* text; also the names in a map */
    TOKEN_BYTES,   /* text: its bytes */
    TOKEN_LIST,    /* count: of its elements */
    TOKEN_LIST_END,
    TOKEN_MAP, /* count: of its pairs; a structure is one too */
    TOKEN_MAP_END
};

struct token {
    enum token_kind kind;
    uint32_t count;
    bool truth;
    int64_t integer;
    double number;
    const unsigned char *text; /* valid as long as the body and its tokens */
    size_t text_bytes;
};

/* A parsed body, as its parser's functions.  The body must stay until `close`. */
struct tokens {
    /* The next token.  Not to be called behind the end of the outermost value. */
    void (*next)(struct tokens *tokens, struct token *token);

    /* Passes over the next value, however deep, without looking into it. */
    void (*skip)(struct tokens *tokens);

    void (*close)(struct tokens *tokens);
};

/* Parse a body.
 *
 * ERR_INVALID    not of this encoding, or over a limit of encoding.h
 * ERR_NO_MEMORY */
MUST_CHECK enum err json_tokens_open(const unsigned char *body, size_t body_bytes,
                                     struct tokens **tokens);
MUST_CHECK enum err cbor_tokens_open(const unsigned char *body, size_t body_bytes,
                                     struct tokens **tokens);

/* Whether the bytes are UTF-8: simdjson's answer, for texts that it does not parse. */
bool json_is_utf8(const unsigned char *text, size_t text_bytes);

#ifdef __cplusplus
}
#endif

#endif

/* json_tokens.h - a JSON text as a row of tokens; private to wire/.
 *
 * The C face of the parser, which is C++ (json_simdjson.cpp).  The whole text
 * is parsed and proved to be JSON before the first token is given, so a walk
 * meets no syntax errors half-way.  Memory is bounded by the body's size and
 * JSON_TOKENS_MAX, whatever the text is.
 *
 * A number beyond 64 bits that is written without a point or an exponent makes
 * the text no JSON.  So does a lone surrogate, and text that is not UTF-8.
 */
#ifndef WIRE_JSON_TOKENS_H
#define WIRE_JSON_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_tokens;

enum json_kind {
    JSON_NULL,
    JSON_BOOL,    /* truth */
    JSON_INTEGER, /* integer, cut to int64_t */
    JSON_NUMBER,  /* number */
    JSON_TEXT,    /* text, unescaped; also the names in an object */
    JSON_LIST,    /* count: of its elements */
    JSON_LIST_END,
    JSON_OBJECT, /* count: of its pairs */
    JSON_OBJECT_END
};

struct json_token {
    enum json_kind kind;
    uint32_t count;
    bool truth;
    int64_t integer;
    double number;
    const unsigned char *text; /* valid until json_tokens_close() */
    size_t text_bytes;
};

/* Parses `body`, which is not needed afterwards.
 *
 * ERR_INVALID    not JSON, or over a limit of json.h
 * ERR_NO_MEMORY */
MUST_CHECK enum err json_tokens_open(const unsigned char *body, size_t body_bytes,
                                     struct json_tokens **tokens);

void json_tokens_close(struct json_tokens *tokens);

/* The next token.  Not to be called behind the end of the outermost value. */
void json_tokens_next(struct json_tokens *tokens, struct json_token *token);

/* Passes over the next value, however deep, without looking into it. */
void json_tokens_skip(struct json_tokens *tokens);

#ifdef __cplusplus
}
#endif

#endif

/* CBOR -> tokens.  libcbor finds where each item begins and ends, one at a time and without memory
 * of its own; this file keeps the structure: what is open, what may come next, how deep.
 *
 * All items of a body are written down in a row before the first is given, with the number of
 * elements in each list and map, which CBOR need not say in advance.  No length that a body claims
 * is believed: strings must lie within it, and a list of n elements ends where n have come. */
#include <cbor.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "wire/token.h"

/* One value, or the end of a list or map. */
struct item {
    uint8_t kind;   /* enum token_kind */
    uint32_t count; /* bytes of a string; elements of a list, pairs of a map */
    union {
        const unsigned char *text;
        int64_t integer;
        double number;
        bool truth;
        uint32_t end; /* of a list or map: the item behind it */
    };
};

struct cbor_tokens {
    struct tokens base;
    uint32_t at; /* the next item to give */
    uint32_t count;
    uint32_t room;
    unsigned char *chunks; /* strings that came in pieces, put together; NULL until one does */
    struct item items[];
};

#define UNTIL_BREAK UINT64_MAX

/* A list or map that is open. */
struct level {
    uint32_t at;   /* its item */
    uint64_t want; /* names and values that it is to have, or UNTIL_BREAK */
    uint64_t seen;
};

struct scan {
    struct cbor_tokens *tokens;
    size_t body_bytes;
    size_t chunk_bytes; /* used of tokens->chunks */
    uint32_t chunked;   /* TOKEN_TEXT or TOKEN_BYTES while one comes in pieces */
    bool tagged;        /* the last item was a tag: a value must follow */
    bool whole;         /* the outermost value has ended */
    enum err err;
    uint32_t depth;
    struct level levels[WIRE_DEPTH_MAX];
};

static void refuse(struct scan *scan)
{
    if (scan->err == ERR_OK)
        scan->err = ERR_INVALID;
}

static struct item *add_item(struct scan *scan, enum token_kind kind)
{
    struct cbor_tokens *tokens = scan->tokens;

    if (tokens->count == tokens->room) {
        refuse(scan);
        return NULL;
    }
    struct item *item = &tokens->items[tokens->count++];
    *item = (struct item){ .kind = (uint8_t)kind };
    return item;
}

/* ---- structure ---- */

/* The item of a value that begins, if one may begin here. */
static struct item *value(struct scan *scan, enum token_kind kind)
{
    const struct level *level = scan->depth > 0 ? &scan->levels[scan->depth - 1] : NULL;

    scan->tagged = false;
    if (scan->err != ERR_OK || scan->chunked != 0) {
        refuse(scan);
        return NULL;
    }
    if (level != NULL && scan->tokens->items[level->at].kind == TOKEN_MAP &&
        level->seen % 2 == 0 && kind != TOKEN_TEXT) {
        refuse(scan); /* a name that is no text */
        return NULL;
    }
    return add_item(scan, kind);
}

static void close_level(struct scan *scan)
{
    const struct level *level = &scan->levels[--scan->depth];
    bool map = scan->tokens->items[level->at].kind == TOKEN_MAP;

    if (add_item(scan, map ? TOKEN_MAP_END : TOKEN_LIST_END) == NULL)
        return;
    struct item *opening = &scan->tokens->items[level->at];
    opening->count = (uint32_t)(map ? level->seen / 2 : level->seen);
    opening->end = scan->tokens->count;
}

/* A value is complete, and so may be the lists and maps that it is the last of. */
static void value_ended(struct scan *scan)
{
    while (scan->err == ERR_OK) {
        if (scan->depth == 0) {
            scan->whole = true;
            return;
        }
        struct level *level = &scan->levels[scan->depth - 1];
        if (++level->seen != level->want)
            return;
        close_level(scan);
    }
}

static void open_level(struct scan *scan, enum token_kind kind, uint64_t want)
{
    if (value(scan, kind) == NULL)
        return;
    if (scan->depth == WIRE_DEPTH_MAX || (want != UNTIL_BREAK && want > scan->body_bytes)) {
        refuse(scan);
        return;
    }
    scan->levels[scan->depth++] = (struct level){ .at = scan->tokens->count - 1, .want = want };
    if (want == 0) {
        close_level(scan);
        value_ended(scan);
    }
}

/* ---- strings ---- */

/* Nearly all texts are short and ASCII. */
static bool is_utf8(const unsigned char *text, size_t len)
{
    uint64_t eight, all = 0;
    size_t at = 0;

    for (; at + sizeof(eight) <= len; at += sizeof(eight)) {
        memcpy(&eight, text + at, sizeof(eight));
        all |= eight;
    }
    for (; at < len; at++)
        all |= text[at];
    return (all & UINT64_C(0x8080808080808080)) == 0 || json_is_utf8(text, len);
}

static void string_begins(struct scan *scan, enum token_kind kind)
{
    struct item *item = value(scan, kind);

    if (item == NULL)
        return;
    if (scan->tokens->chunks == NULL) {
        scan->tokens->chunks = malloc(scan->body_bytes);
        if (scan->tokens->chunks == NULL) {
            scan->err = ERR_NO_MEMORY;
            return;
        }
    }
    item->text = scan->tokens->chunks + scan->chunk_bytes;
    scan->chunked = kind;
}

/* A whole string, or a piece of one that has begun.  All pieces fit: they lie in the body. */
static void string(struct scan *scan, enum token_kind kind, const unsigned char *text, size_t len)
{
    if (kind == TOKEN_TEXT && !is_utf8(text, len))
        refuse(scan);
    if (scan->chunked == kind && scan->err == ERR_OK && !scan->tagged) {
        memcpy(scan->tokens->chunks + scan->chunk_bytes, text, len);
        scan->chunk_bytes += len;
        scan->tokens->items[scan->tokens->count - 1].count += (uint32_t)len;
        return;
    }
    struct item *item = value(scan, kind);
    if (item == NULL)
        return;
    item->text = text;
    item->count = (uint32_t)len;
    value_ended(scan);
}

/* ---- what libcbor reports ---- */

static void on_unsigned(struct scan *scan, uint64_t number)
{
    struct item *item = value(scan, TOKEN_INTEGER);

    if (item == NULL)
        return;
    item->integer = number > INT64_MAX ? INT64_MAX : (int64_t)number;
    value_ended(scan);
}

/* The number is -1 - `below`. */
static void on_negative(struct scan *scan, uint64_t below)
{
    struct item *item = value(scan, TOKEN_INTEGER);

    if (item == NULL)
        return;
    item->integer = below > INT64_MAX ? INT64_MIN : -1 - (int64_t)below;
    value_ended(scan);
}

/* What is not a number becomes 0, as in Java. */
static void on_double(void *scan, double number)
{
    struct item *item = value(scan, TOKEN_NUMBER);

    if (item == NULL)
        return;
    item->number = isnan(number) ? 0 : number;
    value_ended(scan);
}

static void on_float(void *scan, float number)
{
    on_double(scan, number);
}

static void on_uint8(void *scan, uint8_t number)
{
    on_unsigned(scan, number);
}

static void on_uint16(void *scan, uint16_t number)
{
    on_unsigned(scan, number);
}

static void on_uint32(void *scan, uint32_t number)
{
    on_unsigned(scan, number);
}

static void on_uint64(void *scan, uint64_t number)
{
    on_unsigned(scan, number);
}

static void on_negint8(void *scan, uint8_t below)
{
    on_negative(scan, below);
}

static void on_negint16(void *scan, uint16_t below)
{
    on_negative(scan, below);
}

static void on_negint32(void *scan, uint32_t below)
{
    on_negative(scan, below);
}

static void on_negint64(void *scan, uint64_t below)
{
    on_negative(scan, below);
}

static void on_boolean(void *scan, bool truth)
{
    struct item *item = value(scan, TOKEN_BOOL);

    if (item == NULL)
        return;
    item->truth = truth;
    value_ended(scan);
}

static void on_null(void *scan)
{
    if (value(scan, TOKEN_NULL) != NULL)
        value_ended(scan);
}

static void on_text(void *scan, cbor_data text, size_t len)
{
    string(scan, TOKEN_TEXT, text, len);
}

static void on_bytes(void *scan, cbor_data bytes, size_t len)
{
    string(scan, TOKEN_BYTES, bytes, len);
}

static void on_text_begins(void *scan)
{
    string_begins(scan, TOKEN_TEXT);
}

static void on_bytes_begin(void *scan)
{
    string_begins(scan, TOKEN_BYTES);
}

static void on_list(void *scan, size_t count)
{
    open_level(scan, TOKEN_LIST, count);
}

static void on_open_list(void *scan)
{
    open_level(scan, TOKEN_LIST, UNTIL_BREAK);
}

/* A count that does not fit when doubled is more than any body has. */
static void on_map(void *scan, size_t count)
{
    open_level(scan, TOKEN_MAP, count > SIZE_MAX / 4 ? SIZE_MAX / 2 : count * 2);
}

static void on_open_map(void *scan)
{
    open_level(scan, TOKEN_MAP, UNTIL_BREAK);
}

static void on_tag(void *ctx, uint64_t tag)
{
    struct scan *scan = ctx;

    (void)tag;
    scan->tagged = true;
    if (scan->chunked != 0)
        refuse(scan);
}

static void on_break(void *ctx)
{
    struct scan *scan = ctx;
    const struct level *level = scan->depth > 0 ? &scan->levels[scan->depth - 1] : NULL;

    if (scan->tagged) {
        refuse(scan);
    } else if (scan->chunked != 0) {
        scan->chunked = 0;
        value_ended(scan);
    } else if (level == NULL || level->want != UNTIL_BREAK ||
               (scan->tokens->items[level->at].kind == TOKEN_MAP && level->seen % 2 != 0)) {
        refuse(scan);
    } else {
        close_level(scan);
        value_ended(scan);
    }
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string = on_bytes,
    .byte_string_start = on_bytes_begin,
    .string = on_text,
    .string_start = on_text_begins,
    .array_start = on_list,
    .indef_array_start = on_open_list,
    .map_start = on_map,
    .indef_map_start = on_open_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_null,
    .null = on_null,
    .boolean = on_boolean,
    .indef_break = on_break,
};

/* The bytes of the next item.  libcbor 0.8 takes tags without a meaning (6 to 20) for errors. */
static size_t scan_item(struct scan *scan, const unsigned char *at, size_t rest)
{
    if (rest > 0 && *at >= 0xc6 && *at <= 0xd4) {
        on_tag(scan, *at - 0xc0u);
        return 1;
    }
    struct cbor_decoder_result result = cbor_stream_decode(at, rest, &callbacks, scan);
    if (result.status != CBOR_DECODER_FINISHED)
        refuse(scan);
    return result.read;
}

static enum err scan_body(struct scan *scan, const unsigned char *body, size_t body_bytes)
{
    size_t at = 0;

    for (uint32_t items = 0; !scan->whole; items++) {
        if (items == WIRE_TOKENS_MAX)
            return ERR_INVALID;
        at += scan_item(scan, body + at, body_bytes - at);
        if (scan->err != ERR_OK)
            return scan->err;
    }
    return at == body_bytes ? ERR_OK : ERR_INVALID;
}

/* ---- giving them ---- */

static void cbor_next(struct tokens *base, struct token *token)
{
    struct cbor_tokens *tokens = (struct cbor_tokens *)base;
    const struct item *item = &tokens->items[tokens->at++];

    token->kind = item->kind;
    token->count = item->count;
    switch (token->kind) {
    case TOKEN_TEXT:
    case TOKEN_BYTES:
        token->text = item->text;
        token->text_bytes = item->count;
        break;
    case TOKEN_INTEGER:
        token->integer = item->integer;
        break;
    case TOKEN_NUMBER:
        token->number = item->number;
        break;
    case TOKEN_BOOL:
        token->truth = item->truth;
        break;
    default:
        break;
    }
}

static void cbor_skip(struct tokens *base)
{
    struct cbor_tokens *tokens = (struct cbor_tokens *)base;
    const struct item *item = &tokens->items[tokens->at];

    if (item->kind == TOKEN_LIST || item->kind == TOKEN_MAP)
        tokens->at = item->end;
    else
        tokens->at++;
}

static void cbor_close(struct tokens *base)
{
    struct cbor_tokens *tokens = (struct cbor_tokens *)base;

    free(tokens->chunks);
    free(tokens);
}

enum err cbor_tokens_open(const unsigned char *body, size_t body_bytes, struct tokens **ret)
{
    /* Each byte is one item at most, and the end of one more.  Only what comes is ever touched. */
    size_t room = 2 * body_bytes < WIRE_TOKENS_MAX ? 2 * body_bytes : WIRE_TOKENS_MAX;

    if (body_bytes == 0 || body_bytes > WIRE_BODY_BYTES_MAX)
        return ERR_INVALID;
    struct cbor_tokens *tokens = malloc(sizeof(*tokens) + room * sizeof(tokens->items[0]));
    if (tokens == NULL)
        return ERR_NO_MEMORY;
    *tokens = (struct cbor_tokens){
        .base = { .next = cbor_next, .skip = cbor_skip, .close = cbor_close },
        .room = (uint32_t)room
    };

    struct scan scan = { .tokens = tokens, .body_bytes = body_bytes };
    enum err err = scan_body(&scan, body, body_bytes);
    if (err != ERR_OK) {
        cbor_close(&tokens->base);
        return err;
    }
    *ret = &tokens->base;
    return ERR_OK;
}

/* The only C++ of the tree, because simdjson is the fastest parser that Debian
 * has and it has no C interface.
 *
 * Its two stages are called one by one.  The first finds the places of all
 * tokens; only when these are few enough does the second write them down, so a
 * body of ten million brackets costs no more than its own index.
 *
 * The result is read from simdjson's tape, whose form is documented in its
 * doc/tape.md and has not changed since version 0.3: a row of 64-bit words, the
 * kind in the upper 8 bits.  tests/unit/wire would notice a change.
 */
#include <cstring>
#include <memory>
#include <new>

#include <simdjson.h>

#include "base/limits.h"
#include "wire/token.h"

struct json_tokens : tokens {
    simdjson::dom::document document;
    size_t at; /* of the next word on the tape */
};

static enum err parse(const uint8_t *text, size_t len, simdjson::dom::document &document);
static void json_next(struct tokens *base, struct token *token);
static void json_skip(struct tokens *base);
static void json_close(struct tokens *tokens);

static enum err err_of(simdjson::error_code code)
{
    if (code == simdjson::SUCCESS)
        return ERR_OK;
    return code == simdjson::MEMALLOC ? ERR_NO_MEMORY : ERR_INVALID;
}

enum err json_tokens_open(const unsigned char *body, size_t body_bytes, struct tokens **ret)
{
    if (body_bytes == 0 || body_bytes > WIRE_BODY_BYTES_MAX)
        return ERR_INVALID;

    /* simdjson reads up to SIMDJSON_PADDING bytes behind the text.  A copy costs
     * a tenth of the parsing and spares all callers the promise of room. */
    std::unique_ptr<uint8_t[]> text(new (std::nothrow)
                                        uint8_t[body_bytes + simdjson::SIMDJSON_PADDING]);
    std::unique_ptr<json_tokens> made(new (std::nothrow) json_tokens());
    if (!text || !made)
        return ERR_NO_MEMORY;
    memcpy(text.get(), body, body_bytes);
    memset(text.get() + body_bytes, 0, simdjson::SIMDJSON_PADDING);

    enum err err = parse(text.get(), body_bytes, made->document);
    if (err != ERR_OK)
        return err;
    made->at = 1; /* the first word only says where the tape ends */
    made->next = json_next;
    made->skip = json_skip;
    made->close = json_close;
    *ret = made.release();
    return ERR_OK;
}

static enum err parse(const uint8_t *text, size_t len, simdjson::dom::document &document)
{
    simdjson::dom::parser parser(WIRE_BODY_BYTES_MAX);

    enum err err = err_of(parser.allocate(len, WIRE_DEPTH_MAX));
    if (err != ERR_OK)
        return err;
    err = err_of(parser.implementation->stage1(text, len, simdjson::stage1_mode::regular));
    if (err != ERR_OK)
        return err;
    if (parser.implementation->n_structural_indexes > WIRE_TOKENS_MAX)
        return ERR_INVALID;

    /* Sized by the body, but only what the tokens need is ever touched. */
    err = err_of(document.allocate(len));
    if (err != ERR_OK)
        return err;
    return err_of(parser.implementation->stage2(document));
}

static void json_close(struct tokens *tokens)
{
    delete static_cast<json_tokens *>(tokens);
}

#define TAPE_PAYLOAD_MASK ((UINT64_C(1) << 56) - 1)

static void text_token(const struct json_tokens *tokens, uint64_t word, struct token *token)
{
    const uint8_t *at = tokens->document.string_buf.get() + (word & TAPE_PAYLOAD_MASK);
    uint32_t len;

    memcpy(&len, at, sizeof(len));
    token->kind = TOKEN_TEXT;
    token->text = at + sizeof(len);
    token->text_bytes = len;
}

static void number_token(struct json_tokens *tokens, char kind, struct token *token)
{
    uint64_t word = tokens->document.tape[tokens->at++];

    token->kind = kind == 'd' ? TOKEN_NUMBER : TOKEN_INTEGER;
    if (kind == 'd')
        memcpy(&token->number, &word, sizeof(word));
    else if (kind == 'u' && word > static_cast<uint64_t>(INT64_MAX))
        token->integer = INT64_MAX;
    else
        memcpy(&token->integer, &word, sizeof(word));
}

static void json_next(struct tokens *base, struct token *token)
{
    struct json_tokens *tokens = static_cast<json_tokens *>(base);
    uint64_t word = tokens->document.tape[tokens->at++];
    char kind = static_cast<char>(word >> 56);

    switch (kind) {
    case '"':
        text_token(tokens, word, token);
        return;
    case 'l':
    case 'u':
    case 'd':
        number_token(tokens, kind, token);
        return;
    case 't':
    case 'f':
        token->kind = TOKEN_BOOL;
        token->truth = kind == 't';
        return;
    case '[':
    case '{':
        token->kind = kind == '[' ? TOKEN_LIST : TOKEN_MAP;
        token->count = static_cast<uint32_t>((word & TAPE_PAYLOAD_MASK) >> 32);
        return;
    case ']':
        token->kind = TOKEN_LIST_END;
        return;
    case '}':
        token->kind = TOKEN_MAP_END;
        return;
    default:
        token->kind = TOKEN_NULL;
        return;
    }
}

static void json_skip(struct tokens *base)
{
    struct json_tokens *tokens = static_cast<json_tokens *>(base);
    uint64_t word = tokens->document.tape[tokens->at];
    char kind = static_cast<char>(word >> 56);

    if (kind == '[' || kind == '{')
        tokens->at = static_cast<uint32_t>(word); /* the word behind the closing bracket */
    else
        tokens->at += kind == 'l' || kind == 'u' || kind == 'd' ? 2 : 1;
}

bool json_is_utf8(const unsigned char *text, size_t text_bytes)
{
    return simdjson::validate_utf8(reinterpret_cast<const char *>(text), text_bytes);
}

#include <strings.h>

#include "base/base64.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "wire/encoding_private.h"
#include "wire/message.h"
#include "wire/timestamp.h"

/* One recursive walk: the shape says what must come, the tokens say what did.
 * Its depth is that of the shape, not that of the body: what the shape does not
 * know is skipped in one step. */
struct decode {
    struct tokens *tokens;
    bool times_in_ms;
    struct arena *arena;
    struct wire_error *error;
};

static enum err decode_value(struct decode *d, const struct shape *shape,
                             const struct token *token, void *to);
static enum err decode_structure(struct decode *d, const struct shape *shape, void *to);

static enum err no_memory(struct decode *d)
{
    *d->error = (struct wire_error){ .type = ERROR_INTERNAL_FAILURE };
    return ERR_NO_MEMORY;
}

enum err wire_decode(const struct encoding *encoding, const struct shape *shape, struct slice body,
                     struct arena *arena, void *out, struct wire_error *error)
{
    struct decode d = { .arena = arena,
                        .error = error,
                        .times_in_ms = encoding->times_in_ms };
    struct token token;

    ensure(shape->kind == SHAPE_STRUCTURE);

    enum err err = encoding->open(body.data, body.len, &d.tokens);
    if (err == ERR_NO_MEMORY)
        return no_memory(&d);
    if (err != ERR_OK) {
        *error = (struct wire_error){ .type = ERROR_SERIALIZATION };
        return ERR_INVALID;
    }

    d.tokens->next(d.tokens, &token);
    memset(out, 0, shape->bytes);
    if (token.kind == TOKEN_MAP) {
        err = decode_structure(&d, shape, out);
    } else {
        *error = (struct wire_error){ .type = ERROR_SERIALIZATION };
        err = ERR_INVALID;
    }
    d.tokens->close(d.tokens);
    return err;
}

/* ---- the wrong type, in coral's words ---- */

static const char *given_class(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_BOOL:
        return "class java.lang.Boolean";
    case TOKEN_TEXT:
        return "class java.lang.String";
    case TOKEN_BYTES:
        return "class java.nio.HeapByteBuffer";
    default:
        return "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
    }
}

static void mismatch_text(struct writer *text, enum shape_kind expected,
                          const struct token *token)
{
    static const char *const targets[] = {
        [SHAPE_TEXT] = "an String",
        [SHAPE_CHOICE] = "an String",
        [SHAPE_BLOB] = "a Blob",
        [SHAPE_I32] = "an Integer",
        [SHAPE_I64] = "an Long",
        [SHAPE_BOOL] = "an Boolean",
        [SHAPE_TIMESTAMP] = "milliseconds since epoch",
    };

    if (token->kind == TOKEN_LIST)
        writer_text(text, "Start of list found where not expected");
    else if (token->kind == TOKEN_MAP)
        writer_text(text, "Start of structure or map found where not expected.");
    else if (expected == SHAPE_LIST)
        writer_text(text, "Expected list or null");
    else if (expected == SHAPE_MAP)
        writer_text(text, "Expected map or null");
    else if (expected == SHAPE_STRUCTURE)
        writer_text(text, "Expected null");
    else
        writer_printf(text, "%s can not be converted to %s", given_class(token), targets[expected]);
}

static enum err mismatch(struct decode *d, enum shape_kind expected, const struct token *token)
{
    struct writer text;

    writer_init(&text, MESSAGE_BYTES_MAX);
    mismatch_text(&text, expected, token);
    return message_settle(&text, ERROR_SERIALIZATION, d->arena, d->error);
}

/* ---- scalars ---- */

static struct slice token_slice(const struct token *token)
{
    return slice_of(token->text, token->text_bytes);
}

/* Texts, and blobs that came as bytes. */
static enum err decode_bytes(struct decode *d, const struct token *token, struct slice *to)
{
    unsigned char *copy = arena_raw(d->arena, token->text_bytes);

    if (copy == NULL)
        return no_memory(d);
    if (token->text_bytes > 0)
        memcpy(copy, token->text, token->text_bytes);
    *to = slice_of(copy, token->text_bytes);
    return ERR_OK;
}

static enum err decode_choice(struct decode *d, const struct shape *shape,
                              const struct token *token, struct choice *to)
{
    for (uint32_t i = 1; i < shape->value_count; i++) {
        if (slice_equal(token_slice(token), slice_text(shape->values[i])))
            to->value = (int)i;
    }
    return decode_bytes(d, token, &to->text);
}

/* The whole character at `at`, for a message. */
static struct slice character_at(struct slice text, size_t at)
{
    size_t end = at + 1;

    while (end < text.len && (text.data[end] & 0xc0) == 0x80)
        end++;
    return slice_of(text.data + at, end - at);
}

static enum err bad_base64(struct decode *d, struct slice text, struct base64_result result)
{
    struct writer message;
    size_t room = ERROR_VALUE_BYTES_MAX;

    writer_init(&message, MESSAGE_BYTES_MAX);
    writer_text(&message, "'");
    message_value(&message, text, &room);
    writer_text(&message, "' can not be converted to a Blob: ");
    if (result.fault == BASE64_LENGTH) {
        writer_printf(&message,
                      "Base64 encoded length is expected a multiple of 4 bytes but found: %zu",
                      text.len);
    } else if (result.fault == BASE64_CHAR) {
        writer_text(&message, "Invalid Base64 character: '");
        writer_bytes(&message, character_at(text, result.at));
        writer_text(&message, "'");
    } else {
        writer_text(&message, "Invalid last non-pad Base64 character dectected"); /* sic */
    }
    return message_settle(&message, ERROR_SERIALIZATION, d->arena, d->error);
}

static enum err decode_base64(struct decode *d, const struct token *token, struct slice *to)
{
    unsigned char *bytes = arena_raw(d->arena, base64_bytes_max(token->text_bytes));

    if (bytes == NULL)
        return no_memory(d);
    struct base64_result result = base64_decode(token_slice(token), bytes);
    if (result.fault != BASE64_OK)
        return bad_base64(d, token_slice(token), result);
    *to = slice_of(bytes, result.len);
    return ERR_OK;
}

/* AWS takes six words for truth, in any case; it prints others in capitals. */
static enum err decode_truth_word(struct decode *d, struct slice word, bool *to)
{
    static const char *const words[] = { "FALSE", "TRUE", "NO", "YES", "0", "1" };
    struct writer text;
    size_t room = ERROR_VALUE_BYTES_MAX;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (word.len == strlen(words[i]) &&
            strncasecmp((const char *)word.data, words[i], word.len) == 0) {
            *to = i % 2 == 1;
            return ERR_OK;
        }
    }

    unsigned char *capitals = arena_raw(d->arena, word.len);
    if (capitals == NULL)
        return no_memory(d);
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = word.data[i];
        capitals[i] = c >= 'a' && c <= 'z' ? (unsigned char)(c - 'a' + 'A') : c;
    }
    writer_init(&text, MESSAGE_BYTES_MAX);
    writer_text(&text, "'");
    message_value(&text, slice_of(capitals, word.len), &room);
    writer_text(&text, "' can not be converted to an Boolean");
    return message_settle(&text, ERROR_SERIALIZATION, d->arena, d->error);
}

/* Down to a whole number, then into [min, max]. */
static int64_t token_integer(const struct token *token, int64_t min, int64_t max)
{
    int64_t whole;

    if (token->kind == TOKEN_INTEGER) {
        whole = token->integer;
    } else if (token->number >= (double)INT64_MAX) {
        whole = INT64_MAX;
    } else if (token->number <= (double)INT64_MIN) {
        whole = INT64_MIN;
    } else {
        whole = (int64_t)token->number;
        whole -= (double)whole > token->number;
    }
    return whole < min ? min : whole > max ? max : whole;
}

static int64_t token_time(const struct decode *d, const struct token *token)
{
    if (token->kind == TOKEN_INTEGER)
        return d->times_in_ms ? timestamp_from_whole_ms(token->integer)
                              : timestamp_from_whole_seconds(token->integer);
    return d->times_in_ms ? timestamp_from_ms(token->number)
                          : timestamp_from_seconds(token->number);
}

static void decode_number(const struct decode *d, const struct shape *shape,
                          const struct token *token, void *to)
{
    if (shape->kind == SHAPE_I32)
        *(int32_t *)to = (int32_t)token_integer(token, INT32_MIN, INT32_MAX);
    else if (shape->kind == SHAPE_I64)
        *(int64_t *)to = token_integer(token, INT64_MIN, INT64_MAX);
    else
        *(int64_t *)to = token_time(d, token);
}

static enum err decode_scalar(struct decode *d, const struct shape *shape,
                              const struct token *token, void *to)
{
    bool is_text = token->kind == TOKEN_TEXT;
    bool is_number = token->kind == TOKEN_INTEGER || token->kind == TOKEN_NUMBER;

    switch (shape->kind) {
    case SHAPE_TEXT:
        return is_text ? decode_bytes(d, token, to) : mismatch(d, shape->kind, token);
    case SHAPE_CHOICE:
        return is_text ? decode_choice(d, shape, token, to) : mismatch(d, shape->kind, token);
    case SHAPE_BLOB:
        if (token->kind == TOKEN_BYTES)
            return decode_bytes(d, token, to);
        return is_text ? decode_base64(d, token, to) : mismatch(d, shape->kind, token);
    case SHAPE_BOOL:
        if (is_text)
            return decode_truth_word(d, token_slice(token), to);
        if (token->kind != TOKEN_BOOL)
            return mismatch(d, shape->kind, token);
        *(bool *)to = token->truth;
        return ERR_OK;
    default:
        if (!is_number)
            return mismatch(d, shape->kind, token);
        decode_number(d, shape, token, to);
        return ERR_OK;
    }
}

/* ---- lists, maps, structures: their opening bracket has been read ---- */

static enum err decode_list(struct decode *d, const struct shape *shape, uint32_t count,
                            struct shape_list *to)
{
    unsigned char *items = arena_take(d->arena, count * shape->element->bytes);
    struct token token;

    if (items == NULL)
        return no_memory(d);
    for (uint32_t i = 0; i < count; i++) {
        d->tokens->next(d->tokens, &token);
        if (token.kind == TOKEN_NULL)
            continue;
        enum err err =
            decode_value(d, shape->element, &token, items + i * shape->element->bytes);
        if (err != ERR_OK)
            return err;
    }
    d->tokens->next(d->tokens, &token);
    ensure(token.kind == TOKEN_LIST_END);

    *to = (struct shape_list){ .items = items, .count = count };
    return ERR_OK;
}

/* Of a key given twice the last value counts, as in a Java map.  Looking for it
 * would take count * count steps, so that is left out beyond what the model
 * allows: validation refuses such a map anyway. */
static struct text_pair *map_slot(struct text_map *map, const struct shape *shape, struct slice key)
{
    if ((int64_t)map->count <= shape->max) {
        for (uint32_t i = 0; i < map->count; i++) {
            if (slice_equal(map->items[i].key, key))
                return &map->items[i];
        }
    }
    return &map->items[map->count];
}

static enum err decode_map(struct decode *d, const struct shape *shape, uint32_t count,
                           struct text_map *to)
{
    struct text_map map = { .items = arena_take(d->arena, count * sizeof(struct text_pair)) };
    struct token name, token;

    if (map.items == NULL)
        return no_memory(d);
    for (uint32_t i = 0; i < count; i++) {
        d->tokens->next(d->tokens, &name);
        d->tokens->next(d->tokens, &token);
        if (token.kind == TOKEN_NULL)
            continue;

        struct text_pair *pair = map_slot(&map, shape, token_slice(&name));
        enum err err = decode_bytes(d, &name, &pair->key);
        if (err == ERR_OK)
            err = decode_value(d, shape->element, &token, &pair->value);
        if (err != ERR_OK)
            return err;
        map.count += pair == &map.items[map.count];
    }
    d->tokens->next(d->tokens, &token);
    ensure(token.kind == TOKEN_MAP_END);

    *to = map;
    return ERR_OK;
}

static const struct shape_member *member_named(const struct shape *shape, struct slice name)
{
    for (uint32_t i = 0; i < shape->member_count; i++) {
        if (slice_equal(shape->members[i].name, name))
            return &shape->members[i];
    }
    return NULL;
}

static enum err decode_structure(struct decode *d, const struct shape *shape, void *to)
{
    struct token token;

    for (;;) {
        d->tokens->next(d->tokens, &token);
        if (token.kind == TOKEN_MAP_END)
            return ERR_OK;
        const struct shape_member *member = member_named(shape, token_slice(&token));
        if (member == NULL) {
            d->tokens->skip(d->tokens);
            continue;
        }

        void *value = (unsigned char *)to + member->value_at;
        bool *has = (bool *)((unsigned char *)to + member->has_at);
        memset(value, 0, member->shape->bytes); /* the name may be here a second time */
        d->tokens->next(d->tokens, &token);
        *has = token.kind != TOKEN_NULL;
        if (!*has)
            continue;
        enum err err = decode_value(d, member->shape, &token, value);
        if (err != ERR_OK)
            return err;
    }
}

static enum err decode_value(struct decode *d, const struct shape *shape,
                             const struct token *token, void *to)
{
    switch (shape->kind) {
    case SHAPE_LIST:
        return token->kind == TOKEN_LIST ? decode_list(d, shape, token->count, to)
                                        : mismatch(d, shape->kind, token);
    case SHAPE_MAP:
        return token->kind == TOKEN_MAP ? decode_map(d, shape, token->count, to)
                                          : mismatch(d, shape->kind, token);
    case SHAPE_STRUCTURE:
        return token->kind == TOKEN_MAP ? decode_structure(d, shape, to)
                                          : mismatch(d, shape->kind, token);
    default:
        return decode_scalar(d, shape, token, to);
    }
}

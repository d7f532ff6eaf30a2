#include "wire/json.h"

#include "base/base64.h"
#include "base/bytes.h"
#include "base/ensure.h"
#include "wire/timestamp.h"

static void encode_value(struct writer *writer, const struct shape *shape, const void *value);

static enum err outcome(const struct writer *writer)
{
    return writer->failed ? ERR_NO_MEMORY : ERR_OK;
}

/* ---- scalars ---- */

/* What a character becomes within a string; 0 for "itself", 'u' for \u00xx. */
static const char escapes[256] = {
    [0] = 'u',    [1] = 'u',    [2] = 'u',    [3] = 'u',    [4] = 'u',    [5] = 'u',
    [6] = 'u',    [7] = 'u',    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', [11] = 'u',
    ['\f'] = 'f', ['\r'] = 'r', [14] = 'u',   [15] = 'u',   [16] = 'u',   [17] = 'u',
    [18] = 'u',   [19] = 'u',   [20] = 'u',   [21] = 'u',   [22] = 'u',   [23] = 'u',
    [24] = 'u',   [25] = 'u',   [26] = 'u',   [27] = 'u',   [28] = 'u',   [29] = 'u',
    [30] = 'u',   [31] = 'u',   ['"'] = '"',  ['\\'] = '\\'
};

static void encode_text(struct writer *writer, struct slice text)
{
    size_t done = 0;

    writer_u8(writer, '"');
    for (size_t i = 0; i < text.len; i++) {
        char escape = escapes[text.data[i]];
        if (escape == 0)
            continue;
        writer_bytes(writer, slice_of(text.data + done, i - done));
        if (escape == 'u')
            writer_printf(writer, "\\u%04x", text.data[i]);
        else
            writer_printf(writer, "\\%c", escape);
        done = i + 1;
    }
    if (done < text.len)
        writer_bytes(writer, slice_of(text.data + done, text.len - done));
    writer_u8(writer, '"');
}

static void encode_blob(struct writer *writer, struct slice blob)
{
    size_t chars = base64_chars(blob.len);
    unsigned char *room = writer_room(writer, chars + 2);

    if (room == NULL)
        return;
    room[0] = '"';
    base64_encode(blob, (char *)room + 1);
    room[chars + 1] = '"';
}

static void encode_choice(struct writer *writer, const struct shape *shape,
                          const struct choice *choice)
{
    ensure(choice->value >= 0 && (uint32_t)choice->value < shape->value_count);
    encode_text(writer,
                choice->value == 0 ? choice->text : slice_text(shape->values[choice->value]));
}

static void encode_timestamp(struct writer *writer, int64_t ms)
{
    char text[TIMESTAMP_TEXT_MAX];
    size_t len = timestamp_print(ms, text);

    writer_bytes(writer, slice_of(text, len));
}

/* ---- lists, maps, structures ---- */

static void encode_list(struct writer *writer, const struct shape *shape,
                        const struct shape_list *list)
{
    const unsigned char *items = list->items;

    writer_u8(writer, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0)
            writer_u8(writer, ',');
        encode_value(writer, shape->element, items + i * shape->element->bytes);
    }
    writer_u8(writer, ']');
}

static void encode_map(struct writer *writer, const struct shape *shape, const struct text_map *map)
{
    writer_u8(writer, '{');
    for (uint32_t i = 0; i < map->count; i++) {
        if (i > 0)
            writer_u8(writer, ',');
        encode_value(writer, shape->key, &map->items[i].key);
        writer_u8(writer, ':');
        encode_value(writer, shape->element, &map->items[i].value);
    }
    writer_u8(writer, '}');
}

/* The bracket or comma before it, and the name in quotes: names need no escapes. */
static void encode_name(struct writer *writer, char before, struct slice name)
{
    unsigned char *room = writer_room(writer, name.len + 4);

    if (room == NULL)
        return;
    room[0] = (unsigned char)before;
    room[1] = '"';
    memcpy(room + 2, name.data, name.len);
    room[name.len + 2] = '"';
    room[name.len + 3] = ':';
}

static void encode_structure(struct writer *writer, const struct shape *shape, const void *value)
{
    const unsigned char *bytes = value;
    char before = '{';

    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *member = &shape->members[i];
        if (!*(const bool *)(bytes + member->has_at))
            continue;
        encode_name(writer, before, member->name);
        encode_value(writer, member->shape, bytes + member->value_at);
        before = ',';
    }
    if (before == '{')
        writer_u8(writer, '{');
    writer_u8(writer, '}');
}

static void encode_value(struct writer *writer, const struct shape *shape, const void *value)
{
    switch (shape->kind) {
    case SHAPE_TEXT:
        encode_text(writer, *(const struct slice *)value);
        break;
    case SHAPE_BLOB:
        encode_blob(writer, *(const struct slice *)value);
        break;
    case SHAPE_I32:
        writer_printf(writer, "%d", *(const int32_t *)value);
        break;
    case SHAPE_I64:
        writer_printf(writer, "%lld", (long long)*(const int64_t *)value);
        break;
    case SHAPE_BOOL:
        writer_text(writer, *(const bool *)value ? "true" : "false");
        break;
    case SHAPE_TIMESTAMP:
        encode_timestamp(writer, *(const int64_t *)value);
        break;
    case SHAPE_CHOICE:
        encode_choice(writer, shape, value);
        break;
    case SHAPE_LIST:
        encode_list(writer, shape, value);
        break;
    case SHAPE_MAP:
        encode_map(writer, shape, value);
        break;
    case SHAPE_STRUCTURE:
        encode_structure(writer, shape, value);
        break;
    }
}

enum err json_encode(const struct shape *shape, const void *in, struct writer *writer)
{
    ensure(shape->kind == SHAPE_STRUCTURE);

    if (shape->member_count > 0)
        encode_structure(writer, shape, in);
    return outcome(writer);
}

/* AWS's front end, which says SerializationException, spells the member
 * differently from the services behind it. */
enum err json_encode_error(const struct wire_error *error, struct writer *writer)
{
    const char *member = error->type == ERROR_SERIALIZATION ? "Message" : "message";

    writer_printf(writer, "{\"__type\":\"%s\"", error_type_name(error->type));
    if (error->message.len > 0) {
        writer_printf(writer, ",\"%s\":", member);
        encode_text(writer, error->message);
    }
    writer_text(writer, "}");
    return outcome(writer);
}

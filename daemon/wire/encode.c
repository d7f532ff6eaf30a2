#include "base/ensure.h"
#include "wire/encoding_private.h"

static void encode_value(const struct encoding *to, struct writer *writer,
                         const struct shape *shape, const void *value);

static enum err outcome(const struct writer *writer)
{
    return writer->failed ? ERR_NO_MEMORY : ERR_OK;
}

static void encode_choice(const struct encoding *to, struct writer *writer,
                          const struct shape *shape, const struct choice *choice)
{
    ensure(choice->value >= 0 && (uint32_t)choice->value < shape->value_count);
    to->text(writer, choice->value == 0 ? choice->text : slice_text(shape->values[choice->value]));
}

static void encode_list(const struct encoding *to, struct writer *writer,
                        const struct shape *shape, const struct shape_list *list)
{
    const unsigned char *items = list->items;

    to->list_begin(writer);
    for (uint32_t i = 0; i < list->count; i++) {
        to->item(writer, i == 0);
        encode_value(to, writer, shape->element, items + i * shape->element->bytes);
    }
    to->list_end(writer);
}

static void encode_map(const struct encoding *to, struct writer *writer, const struct shape *shape,
                       const struct text_map *map)
{
    to->map_begin(writer);
    for (uint32_t i = 0; i < map->count; i++) {
        to->key(writer, i == 0, map->items[i].key);
        encode_value(to, writer, shape->element, &map->items[i].value);
    }
    to->map_end(writer);
}

static void encode_structure(const struct encoding *to, struct writer *writer,
                             const struct shape *shape, const void *value)
{
    const unsigned char *bytes = value;
    bool first = true;

    to->map_begin(writer);
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *member = &shape->members[i];
        if (!*(const bool *)(bytes + member->has_at))
            continue;
        to->name(writer, first, member->name);
        encode_value(to, writer, member->shape, bytes + member->value_at);
        first = false;
    }
    to->map_end(writer);
}

static void encode_value(const struct encoding *to, struct writer *writer,
                         const struct shape *shape, const void *value)
{
    switch (shape->kind) {
    case SHAPE_TEXT:
        to->text(writer, *(const struct slice *)value);
        break;
    case SHAPE_BLOB:
        to->blob(writer, *(const struct slice *)value);
        break;
    case SHAPE_I32:
        to->integer(writer, *(const int32_t *)value);
        break;
    case SHAPE_I64:
        to->integer(writer, *(const int64_t *)value);
        break;
    case SHAPE_BOOL:
        to->truth(writer, *(const bool *)value);
        break;
    case SHAPE_TIMESTAMP:
        to->time(writer, *(const int64_t *)value);
        break;
    case SHAPE_CHOICE:
        encode_choice(to, writer, shape, value);
        break;
    case SHAPE_LIST:
        encode_list(to, writer, shape, value);
        break;
    case SHAPE_MAP:
        encode_map(to, writer, shape, value);
        break;
    case SHAPE_STRUCTURE:
        encode_structure(to, writer, shape, value);
        break;
    }
}

const char *encoding_content_type(const struct encoding *encoding)
{
    return encoding->content_type;
}

enum err wire_encode(const struct encoding *encoding, const struct shape *shape, const void *in,
                     struct writer *writer)
{
    ensure(shape->kind == SHAPE_STRUCTURE);

    if (shape->member_count > 0)
        encode_structure(encoding, writer, shape, in);
    return outcome(writer);
}

/* AWS's front end, which says SerializationException, spells the member
 * differently from the services behind it. */
enum err wire_encode_error(const struct encoding *encoding, const struct wire_error *error,
                           struct writer *writer)
{
    const char *member = error->type == ERROR_SERIALIZATION ? "Message" : "message";

    encoding->map_begin(writer);
    encoding->name(writer, true, slice_text("__type"));
    encoding->text(writer, slice_text(error_type_name(error->type)));
    if (error->message.len > 0) {
        encoding->name(writer, false, slice_text(member));
        encoding->text(writer, error->message);
    }
    encoding->map_end(writer);
    return outcome(writer);
}

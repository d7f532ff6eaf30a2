#include "wire/validate.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "wire/message.h"

/* A place in the request, from the inside out: each call of the walk has its
 * step on the stack, and only a broken constraint prints them. */
struct step {
    const struct step *outer; /* NULL for a member of the request itself */
    struct slice name;        /* of a member */
    uint32_t place;           /* in a list, from 1; else 0 */
};

struct check {
    const struct validate_most *most; /* NULL: the model's maxima count */
    struct writer text;
    uint32_t items;
};

static void check_value(struct check *check, const struct shape *shape, const void *value,
                        const struct step *step);
static void check_structure(struct check *check, const struct shape *shape, const void *value,
                            const struct step *outer);
static void quote_value(struct writer *text, const struct shape *shape, const void *value,
                        uint32_t place, size_t *room);

enum err validate(const struct shape *shape, const void *in, struct arena *arena,
                  struct wire_error *error)
{
    return validate_up_to(shape, in, NULL, arena, error);
}

enum err validate_up_to(const struct shape *shape, const void *in,
                        const struct validate_most *most, struct arena *arena,
                        struct wire_error *error)
{
    struct check check = { .most = most };
    struct writer whole;

    ensure(shape->kind == SHAPE_STRUCTURE);

    writer_init(&check.text, MESSAGE_BYTES_MAX);
    check_structure(&check, shape, in, NULL);
    if (check.items == 0)
        return ERR_OK;

    writer_init(&whole, MESSAGE_BYTES_MAX + 64);
    writer_printf(&whole, "%u validation error%s detected: ", check.items,
                  check.items > 1 ? "s" : "");
    writer_bytes(&whole, writer_slice(&check.text));
    whole.failed |= check.text.failed;
    writer_fini(&check.text);
    return message_settle(&whole, ERROR_VALIDATION, arena, error);
}

size_t text_chars(struct slice text)
{
    size_t chars = 0;

    for (size_t i = 0; i < text.len; i++)
        chars += (text.data[i] & 0xc0) != 0x80;
    return chars;
}

/* ---- the words ---- */

static void print_step(struct writer *text, const struct step *step)
{
    if (step->place > 0) {
        print_step(text, step->outer);
        writer_printf(text, ".%u.member", step->place);
        return;
    }
    if (step->outer != NULL) {
        print_step(text, step->outer);
        writer_u8(text, '.');
    }
    writer_u8(text, step->name.data[0] | 0x20); /* names start with a capital of ASCII */
    writer_bytes(text, slice_of(step->name.data + 1, step->name.len - 1));
}

/* Starts an item; the constraint's text follows.  `value` is NULL for a member that is missing. */
static void begin_item(struct check *check, const struct shape *shape, const void *value,
                       const struct step *step)
{
    struct writer *text = &check->text;
    size_t room = ERROR_VALUE_BYTES_MAX;

    if (check->items++ > 0)
        writer_text(text, "; ");
    writer_text(text, "Value ");
    if (value == NULL) {
        writer_text(text, "null");
    } else {
        writer_u8(text, '\'');
        quote_value(text, shape, value, step->place, &room);
        writer_u8(text, '\'');
    }
    writer_text(text, " at '");
    print_step(text, step);
    writer_text(text, "' failed to satisfy constraint: ");
}

static void quote_text(struct writer *text, const char *what, size_t *room)
{
    message_value(text, slice_text(what), room);
}

static void quote_list(struct writer *text, const struct shape *shape,
                       const struct shape_list *list, size_t *room)
{
    const unsigned char *items = list->items;

    quote_text(text, "[", room);
    for (uint32_t i = 0; i < list->count && *room > 0; i++) {
        quote_text(text, i > 0 ? ", " : "", room);
        quote_value(text, shape->element, items + i * shape->element->bytes, i + 1, room);
    }
    quote_text(text, "]", room);
}

static void quote_map(struct writer *text, const struct text_map *map, size_t *room)
{
    quote_text(text, "{", room);
    for (uint32_t i = 0; i < map->count && *room > 0; i++) {
        quote_text(text, i > 0 ? ", " : "", room);
        message_value(text, map->items[i].key, room);
        quote_text(text, "=", room);
        message_value(text, map->items[i].value, room);
    }
    quote_text(text, "}", room);
}

/* A value as Java prints it.  Structures show a name and an object's hash, which
 * here is only different for each place. */
static void quote_value(struct writer *text, const struct shape *shape, const void *value,
                        uint32_t place, size_t *room)
{
    char number[128];

    switch (shape->kind) {
    case SHAPE_TEXT:
        message_value(text, *(const struct slice *)value, room);
        return;
    case SHAPE_CHOICE:
        message_value(text, ((const struct choice *)value)->text, room);
        return;
    case SHAPE_LIST:
        quote_list(text, shape, value, room);
        return;
    case SHAPE_MAP:
        quote_map(text, value, room);
        return;
    case SHAPE_BLOB:
        snprintf(number, sizeof(number), "java.nio.HeapByteBuffer[pos=0 lim=%zu cap=%zu]",
                 ((const struct slice *)value)->len, ((const struct slice *)value)->len);
        break;
    case SHAPE_I32:
        snprintf(number, sizeof(number), "%d", *(const int32_t *)value);
        break;
    case SHAPE_I64:
    case SHAPE_TIMESTAMP:
        snprintf(number, sizeof(number), "%lld", (long long)*(const int64_t *)value);
        break;
    case SHAPE_BOOL:
        snprintf(number, sizeof(number), "%s", *(const bool *)value ? "true" : "false");
        break;
    case SHAPE_STRUCTURE:
        snprintf(number, sizeof(number), "com.amazonaws.kinesis.v20131202.%s@%x",
                 shape->model_name, (place + 1) * 2654435761u);
        break;
    }
    quote_text(text, number, room);
}

/* ---- the constraints ---- */

static bool within(int64_t number, const struct shape *shape)
{
    return number >= shape->min && number <= shape->max;
}

static int64_t max_of(const struct check *check, const struct shape *shape)
{
    return check->most != NULL && check->most->shape == shape ? check->most->max : shape->max;
}

static void check_range(struct check *check, const struct shape *shape, const void *value,
                        const struct step *step, int64_t number)
{
    bool is_value = shape->kind == SHAPE_I32 || shape->kind == SHAPE_I64;
    const char *what = is_value ? "value" : "length";
    int64_t max = max_of(check, shape);

    if ((number >= shape->min && number <= max) || check->items == VALIDATION_ITEMS_MAX)
        return;
    begin_item(check, shape, value, step);
    if (number < shape->min)
        writer_printf(&check->text, "Member must have %s greater than or equal to %lld", what,
                      (long long)shape->min);
    else
        writer_printf(&check->text, "Member must have %s less than or equal to %lld", what,
                      (long long)max);
}

static void check_text(struct check *check, const struct shape *shape, const struct slice *text,
                       const struct step *step)
{
    if (!pattern_match(shape->pattern, *text)) {
        begin_item(check, shape, text, step);
        writer_printf(&check->text, "Member must satisfy regular expression pattern: %s",
                      pattern_text(shape->pattern));
    }
    check_range(check, shape, text, step, (int64_t)text_chars(*text));
}

static void check_choice(struct check *check, const struct shape *shape,
                         const struct choice *choice, const struct step *step)
{
    if (choice->value != 0)
        return;
    begin_item(check, shape, choice, step);
    writer_text(&check->text, "Member must satisfy enum value set: [");
    for (uint32_t i = 1; i < shape->value_count; i++)
        writer_printf(&check->text, "%s%s", i > 1 ? ", " : "", shape->values[i]);
    writer_text(&check->text, "]");
}

/* One item for a whole container whose texts are too short or too long. */
static void inner_item(struct check *check, const struct shape *shape, const void *value,
                       const struct step *step, const char *subject, const struct shape *inner)
{
    if (check->items == VALIDATION_ITEMS_MAX)
        return;
    begin_item(check, shape, value, step);
    writer_printf(&check->text,
                  "%s must satisfy constraint: [Member must have length less than or equal to "
                  "%lld, Member must have length greater than or equal to %lld]",
                  subject, (long long)inner->max, (long long)inner->min);
}

static void check_list(struct check *check, const struct shape *shape,
                       const struct shape_list *list, const struct step *step)
{
    const struct shape *element = shape->element;
    const unsigned char *items = list->items;
    bool texts_fit = true;

    check_range(check, shape, list, step, list->count);
    for (uint32_t i = 0; i < list->count && check->items < VALIDATION_ITEMS_MAX; i++) {
        const void *item = items + i * element->bytes;
        struct step place = { .outer = step, .place = i + 1 };

        if (element->kind == SHAPE_STRUCTURE)
            check_structure(check, element, item, &place);
        else if (element->kind == SHAPE_TEXT)
            texts_fit &= within((int64_t)text_chars(*(const struct slice *)item), element);
        else
            check_value(check, element, item, &place);
    }
    if (!texts_fit)
        inner_item(check, shape, list, step, "Member", element);
}

static void check_map(struct check *check, const struct shape *shape, const struct text_map *map,
                      const struct step *step)
{
    bool keys_fit = true, values_fit = true;

    check_range(check, shape, map, step, map->count);
    for (uint32_t i = 0; i < map->count; i++) {
        keys_fit &= within((int64_t)text_chars(map->items[i].key), shape->key);
        values_fit &= within((int64_t)text_chars(map->items[i].value), shape->element);
    }
    if (!keys_fit)
        inner_item(check, shape, map, step, "Map keys", shape->key);
    if (!values_fit)
        inner_item(check, shape, map, step, "Map value", shape->element);
}

static void check_value(struct check *check, const struct shape *shape, const void *value,
                        const struct step *step)
{
    switch (shape->kind) {
    case SHAPE_TEXT:
        check_text(check, shape, value, step);
        break;
    case SHAPE_BLOB:
        check_range(check, shape, value, step, (int64_t)((const struct slice *)value)->len);
        break;
    case SHAPE_I32:
        check_range(check, shape, value, step, *(const int32_t *)value);
        break;
    case SHAPE_I64:
        check_range(check, shape, value, step, *(const int64_t *)value);
        break;
    case SHAPE_CHOICE:
        check_choice(check, shape, value, step);
        break;
    case SHAPE_LIST:
        check_list(check, shape, value, step);
        break;
    case SHAPE_MAP:
        check_map(check, shape, value, step);
        break;
    case SHAPE_STRUCTURE:
        check_structure(check, shape, value, step);
        break;
    case SHAPE_BOOL:
    case SHAPE_TIMESTAMP:
        break;
    }
}

static void check_structure(struct check *check, const struct shape *shape, const void *value,
                            const struct step *outer)
{
    const unsigned char *bytes = value;

    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *member = &shape->members[i];
        struct step step = { .outer = outer, .name = member->name };

        if (check->items == VALIDATION_ITEMS_MAX)
            return;
        if (*(const bool *)(bytes + member->has_at)) {
            check_value(check, member->shape, bytes + member->value_at, &step);
        } else if (member->required) {
            begin_item(check, member->shape, NULL, &step);
            writer_text(&check->text, "Member must not be null");
        }
    }
}

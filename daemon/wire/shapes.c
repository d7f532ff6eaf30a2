#include "wire/shapes.h"

/* A walk reads every generated list through struct shape_list. */
#define LIST(id, kind, element, least, most)                                               \
    _Static_assert(sizeof(struct id) == sizeof(struct shape_list) &&                       \
                       offsetof(struct id, items) == offsetof(struct shape_list, items) && \
                       offsetof(struct id, count) == offsetof(struct shape_list, count),   \
                   #id " must look like struct shape_list");
#include "wire/shapes.def"

#define CHOICE(id, prefix) static const char *const id##_values[] = {NULL,
#define CHOICE_VALUE(prefix, value) #value,
#define CHOICE_END(id) };
#include "wire/shapes.def"

#define PRESENCE_REQUIRED true
#define PRESENCE_OPTIONAL false
#define STRUCTURE(id, its_model_name) static const struct shape_member id##_members[] = {
#define MEMBER(owner, kind, id, field, wire_name, presence)                              \
    {.name = {.data = (const unsigned char *)(wire_name), .len = sizeof(wire_name) - 1}, \
     .shape = &shape_##id,                                                               \
     .value_at = offsetof(struct owner, field),                                          \
     .has_at = offsetof(struct owner, has_##field),                                      \
     .required = PRESENCE_##presence},
#define STRUCTURE_END(id) };
#include "wire/shapes.def"

#define NO_MIN INT64_MIN
#define NO_MAX INT64_MAX
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define SCALAR(id, its_kind, c_type, least, most, its_pattern) \
    const struct shape shape_##id = {.kind = its_kind,         \
                                     .pattern = its_pattern,   \
                                     .bytes = sizeof(c_type),  \
                                     .min = least,             \
                                     .max = most};
#define TEXT(id, least, most, pattern) \
    SCALAR(id, SHAPE_TEXT, struct slice, least, most, PATTERN_##pattern)
#define BLOB(id, least, most) SCALAR(id, SHAPE_BLOB, struct slice, least, most, PATTERN_ANY)
#define I32(id, least, most) SCALAR(id, SHAPE_I32, int32_t, least, most, PATTERN_ANY)
#define I64(id, least, most) SCALAR(id, SHAPE_I64, int64_t, least, most, PATTERN_ANY)
#define BOOL(id) SCALAR(id, SHAPE_BOOL, bool, NO_MIN, NO_MAX, PATTERN_ANY)
#define TIMESTAMP(id) SCALAR(id, SHAPE_TIMESTAMP, int64_t, NO_MIN, NO_MAX, PATTERN_ANY)
#define CHOICE_END(id)                                               \
    const struct shape shape_##id = {.kind = SHAPE_CHOICE,           \
                                     .bytes = sizeof(struct choice), \
                                     .min = NO_MIN,                  \
                                     .max = NO_MAX,                  \
                                     .values = id##_values,          \
                                     .value_count = COUNT_OF(id##_values)};
#define LIST(id, element_kind, its_element, least, most)                 \
    const struct shape shape_##id = {.kind = SHAPE_LIST,                 \
                                     .bytes = sizeof(struct shape_list), \
                                     .min = least,                       \
                                     .max = most,                        \
                                     .element = &shape_##its_element};
#define MAP(id, its_key, its_value, least, most)                       \
    const struct shape shape_##id = {.kind = SHAPE_MAP,                \
                                     .bytes = sizeof(struct text_map), \
                                     .min = least,                     \
                                     .max = most,                      \
                                     .key = &shape_##its_key,          \
                                     .element = &shape_##its_value};
#define STRUCTURE(id, its_model_name)                              \
    const struct shape shape_##id = {.kind = SHAPE_STRUCTURE,      \
                                     .bytes = sizeof(struct id),   \
                                     .model_name = its_model_name, \
                                     .min = NO_MIN,                \
                                     .max = NO_MAX,                \
                                     .members = id##_members,      \
                                     .member_count = COUNT_OF(id##_members)};
#include "wire/shapes.def"

const struct shape shape_nothing = {.kind = SHAPE_STRUCTURE,
                                    .bytes = sizeof(struct nothing),
                                    .model_name = "Nothing",
                                    .min = NO_MIN,
                                    .max = NO_MAX};

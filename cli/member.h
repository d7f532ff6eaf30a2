/* member.h - members of a JSON object that a cluster has answered with. */
#ifndef CLI_MEMBER_H
#define CLI_MEMBER_H

#include <jansson.h>

/* "-" when there is none. */
static inline const char *member_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "-" : text;
}

/* 0 when there is none. */
static inline json_int_t member_count(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static inline bool member_is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

#endif

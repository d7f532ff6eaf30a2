/* json.h - a small JSON writer for what operators and the cli read.
 *
 *     struct json json;
 *     json_init(&json, bytes_max);
 *     json_object(&json, NULL);
 *     json_text(&json, "name", "n1");
 *     json_end_object(&json);
 *     buf = json_take(&json);
 *
 * `name` is NULL for an element of a list and for the outermost value.
 */
#ifndef OPS_JSON_H
#define OPS_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct json {
    struct writer writer;
    bool follows; /* the next value needs a comma before it */
};

void json_init(struct json *json, size_t bytes_max);

void json_object(struct json *json, const char *name);
void json_end_object(struct json *json);
void json_list(struct json *json, const char *name);
void json_end_list(struct json *json);

/* A NULL `text` becomes null. */
void json_text(struct json *json, const char *name, const char *text);
void json_number(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);

/* A 64-bit id: 16 hex digits in quotes, since many readers of JSON round large numbers. */
void json_id(struct json *json, const char *name, uint64_t id);

/* The text and a line feed; one reference, the caller's.  NULL: no memory, or the maximum. */
struct buf *json_take(struct json *json);

#endif

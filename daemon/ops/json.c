#include "ops/json.h"

#include <inttypes.h>

static void begin(struct json *json, const char *name);
static void print_text(struct json *json, const char *text);

void json_init(struct json *json, size_t bytes_max)
{
    writer_init(&json->writer, bytes_max);
    json->follows = false;
}

void json_object(struct json *json, const char *name)
{
    begin(json, name);
    writer_u8(&json->writer, '{');
    json->follows = false;
}

void json_end_object(struct json *json)
{
    writer_u8(&json->writer, '}');
    json->follows = true;
}

void json_list(struct json *json, const char *name)
{
    begin(json, name);
    writer_u8(&json->writer, '[');
    json->follows = false;
}

void json_end_list(struct json *json)
{
    writer_u8(&json->writer, ']');
    json->follows = true;
}

void json_text(struct json *json, const char *name, const char *text)
{
    begin(json, name);
    if (text == NULL)
        writer_text(&json->writer, "null");
    else
        print_text(json, text);
}

void json_number(struct json *json, const char *name, uint64_t value)
{
    begin(json, name);
    writer_printf(&json->writer, "%" PRIu64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
    begin(json, name);
    writer_text(&json->writer, value ? "true" : "false");
}

void json_id(struct json *json, const char *name, uint64_t id)
{
    begin(json, name);
    writer_printf(&json->writer, "\"%016" PRIx64 "\"", id);
}

struct buf *json_take(struct json *json)
{
    struct buf *buf;

    writer_u8(&json->writer, '\n');
    buf = writer_take(&json->writer);
    writer_fini(&json->writer);
    return buf;
}

static void begin(struct json *json, const char *name)
{
    if (json->follows)
        writer_u8(&json->writer, ',');
    json->follows = true;
    if (name == NULL)
        return;
    print_text(json, name);
    writer_u8(&json->writer, ':');
}

static void print_text(struct json *json, const char *text)
{
    writer_u8(&json->writer, '"');
    for (const unsigned char *at = (const unsigned char *)text; *at != 0; at++) {
        if (*at == '"' || *at == '\\')
            writer_printf(&json->writer, "\\%c", *at);
        else if (*at < 0x20)
            writer_printf(&json->writer, "\\u%04x", *at);
        else
            writer_u8(&json->writer, *at);
    }
    writer_u8(&json->writer, '"');
}

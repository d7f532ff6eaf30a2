#include "base/base64.h"
#include "wire/encoding_private.h"
#include "wire/timestamp.h"

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

static void json_text(struct writer *writer, struct slice text)
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

static void json_blob(struct writer *writer, struct slice blob)
{
    size_t chars = base64_chars(blob.len);
    unsigned char *room = writer_room(writer, chars + 2);

    if (room == NULL)
        return;
    room[0] = '"';
    base64_encode(blob, (char *)room + 1);
    room[chars + 1] = '"';
}

static void json_integer(struct writer *writer, int64_t integer)
{
    writer_printf(writer, "%lld", (long long)integer);
}

static void json_truth(struct writer *writer, bool truth)
{
    writer_text(writer, truth ? "true" : "false");
}

static void json_time(struct writer *writer, int64_t ms)
{
    char text[TIMESTAMP_TEXT_MAX];
    size_t len = timestamp_print(ms, text);

    writer_bytes(writer, slice_of(text, len));
}

static void json_time_in_ms(struct writer *writer, int64_t ms)
{
    json_integer(writer, ms);
}

/* ---- lists, maps ---- */

static void json_list_begin(struct writer *writer)
{
    writer_u8(writer, '[');
}

static void json_item(struct writer *writer, bool first)
{
    if (!first)
        writer_u8(writer, ',');
}

static void json_list_end(struct writer *writer)
{
    writer_u8(writer, ']');
}

static void json_map_begin(struct writer *writer)
{
    writer_u8(writer, '{');
}

static void json_key(struct writer *writer, bool first, struct slice key)
{
    json_item(writer, first);
    json_text(writer, key);
    writer_u8(writer, ':');
}

/* At one blow: a reply of 10,000 records has 50,000 of them. */
static void json_name(struct writer *writer, bool first, struct slice name)
{
    unsigned char *room = writer_room(writer, name.len + (first ? 3 : 4));

    if (room == NULL)
        return;
    if (!first)
        *room++ = ',';
    room[0] = '"';
    memcpy(room + 1, name.data, name.len);
    room[name.len + 1] = '"';
    room[name.len + 2] = ':';
}

static void json_map_end(struct writer *writer)
{
    writer_u8(writer, '}');
}

/* What both have in common. */
#define JSON                                                                                       \
    .content_type = "application/x-amz-json-1.1", .open = json_tokens_open, .text = json_text,     \
    .blob = json_blob, .integer = json_integer, .truth = json_truth,                               \
    .list_begin = json_list_begin, .item = json_item, .list_end = json_list_end,                   \
    .map_begin = json_map_begin, .key = json_key, .name = json_name, .map_end = json_map_end

const struct encoding encoding_json = { JSON, .time = json_time };

const struct encoding encoding_json_in_ms = { JSON,
                                              .times_in_ms = true,
                                              .time = json_time_in_ms };

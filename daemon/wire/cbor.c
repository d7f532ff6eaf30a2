#include <cbor.h>

#include "wire/encoding_private.h"

#define HEAD_BYTES_MAX 9u /* an item's kind, and a length or number of 64 bits */
#define TAG_TIME 1u

static void string(struct writer *writer, const unsigned char *head, size_t head_bytes,
                   struct slice bytes)
{
    unsigned char *room = writer_room(writer, head_bytes + bytes.len);

    if (room == NULL)
        return;
    memcpy(room, head, head_bytes);
    if (bytes.len > 0)
        memcpy(room + head_bytes, bytes.data, bytes.len);
}

static void cbor_text(struct writer *writer, struct slice text)
{
    unsigned char head[HEAD_BYTES_MAX] = { 0 };

    string(writer, head, cbor_encode_string_start(text.len, head, sizeof(head)), text);
}

static void cbor_blob(struct writer *writer, struct slice blob)
{
    unsigned char head[HEAD_BYTES_MAX] = { 0 };

    string(writer, head, cbor_encode_bytestring_start(blob.len, head, sizeof(head)), blob);
}

static void cbor_integer(struct writer *writer, int64_t integer)
{
    unsigned char head[HEAD_BYTES_MAX];
    size_t len = integer < 0 ? cbor_encode_negint((uint64_t)(-1 - integer), head, sizeof(head))
                             : cbor_encode_uint((uint64_t)integer, head, sizeof(head));

    writer_bytes(writer, slice_of(head, len));
}

static void cbor_truth(struct writer *writer, bool truth)
{
    unsigned char head[HEAD_BYTES_MAX];

    writer_bytes(writer, slice_of(head, cbor_encode_bool(truth, head, sizeof(head))));
}

/* Whole milliseconds, where the RFC has seconds: so does AWS, and Java's parser takes no other. */
static void cbor_time(struct writer *writer, int64_t ms)
{
    unsigned char head[HEAD_BYTES_MAX];

    writer_bytes(writer, slice_of(head, cbor_encode_tag(TAG_TIME, head, sizeof(head))));
    cbor_integer(writer, ms);
}

/* ---- lists, maps ---- */

static void cbor_list_begin(struct writer *writer)
{
    unsigned char head[HEAD_BYTES_MAX];

    writer_bytes(writer, slice_of(head, cbor_encode_indef_array_start(head, sizeof(head))));
}

static void cbor_item(struct writer *writer, bool first)
{
    (void)writer;
    (void)first;
}

static void cbor_map_begin(struct writer *writer)
{
    unsigned char head[HEAD_BYTES_MAX];

    writer_bytes(writer, slice_of(head, cbor_encode_indef_map_start(head, sizeof(head))));
}

static void cbor_key(struct writer *writer, bool first, struct slice key)
{
    (void)first;
    cbor_text(writer, key);
}

static void cbor_end(struct writer *writer)
{
    unsigned char head[HEAD_BYTES_MAX];

    writer_bytes(writer, slice_of(head, cbor_encode_break(head, sizeof(head))));
}

const struct encoding encoding_cbor = {
    .content_type = "application/x-amz-cbor-1.1",
    .open = cbor_tokens_open,
    .times_in_ms = true,
    .text = cbor_text,
    .blob = cbor_blob,
    .integer = cbor_integer,
    .truth = cbor_truth,
    .time = cbor_time,
    .list_begin = cbor_list_begin,
    .item = cbor_item,
    .list_end = cbor_end,
    .map_begin = cbor_map_begin,
    .key = cbor_key,
    .name = cbor_key,
    .map_end = cbor_end,
};

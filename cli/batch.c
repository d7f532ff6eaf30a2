#include "batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/ensure.h"

#define REQUEST_BYTES_MAX (32u * 1024u * 1024u)

void batch_init(struct batch *batch, const char *stream)
{
    batch->stream = stream;
    batch->count = 0;
    batch->bytes = 0;
}

void batch_fini(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        free(batch->records[i].bytes);
    batch->count = 0;
    batch->bytes = 0;
}

bool batch_fits(const struct batch *batch, size_t bytes)
{
    if (batch->count == 0)
        return true;
    return batch->count < BATCH_RECORDS_MAX && batch->bytes + bytes <= BATCH_BYTES_MAX;
}

enum err batch_add(struct batch *batch, struct slice key, struct slice data)
{
    ensure(batch_fits(batch, key.len + data.len));

    char *bytes = malloc(key.len + data.len + 1);
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    memcpy(bytes, key.data, key.len);
    if (data.len > 0)
        memcpy(bytes + key.len, data.data, data.len);
    batch->records[batch->count++] =
        (struct batch_record){ .bytes = bytes, .key_len = key.len, .data_len = data.len };
    batch->bytes += key.len + data.len;
    return ERR_OK;
}

static void write_text(struct writer *out, struct slice text)
{
    writer_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = text.data[i];
        if (c < 0x20) {
            writer_printf(out, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            writer_u8(out, '\\');
        writer_u8(out, c);
    }
    writer_u8(out, '"');
}

struct buf *batch_request(const struct batch *batch)
{
    struct writer out;

    writer_init(&out, REQUEST_BYTES_MAX);
    writer_text(&out, "{\"StreamName\":");
    write_text(&out, slice_text(batch->stream));
    writer_text(&out, ",\"Records\":[");
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct batch_record *record = &batch->records[i];
        struct slice data = slice_of(record->bytes + record->key_len, record->data_len);

        writer_text(&out, i == 0 ? "{\"Data\":\"" : ",{\"Data\":\"");
        unsigned char *room = writer_room(&out, base64_chars(data.len));
        if (room != NULL)
            base64_encode(data, (char *)room);
        writer_text(&out, "\",\"PartitionKey\":");
        write_text(&out, slice_of(record->bytes, record->key_len));
        writer_u8(&out, '}');
    }
    writer_text(&out, "]}");
    struct buf *text = writer_take(&out);
    writer_fini(&out);
    return text;
}

enum err batch_settle(struct batch *batch, const json_t *answer, struct batch_result *result)
{
    const json_t *outcomes = json_object_get(answer, "Records");
    uint32_t kept = 0;

    if (!json_is_array(outcomes) || json_array_size(outcomes) != batch->count)
        return ERR_CORRUPT;
    *result = (struct batch_result){ .stored = 0 };
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_record record = batch->records[i];
        const json_t *outcome = json_array_get(outcomes, i);
        const char *code = json_string_value(json_object_get(outcome, "ErrorCode"));
        const char *text = json_string_value(json_object_get(outcome, "ErrorMessage"));

        if (code != NULL) {
            if (kept == 0)
                reason_set(&result->refusal, "%s: %s", code, text == NULL ? "" : text);
            batch->records[kept++] = record;
            continue;
        }
        result->stored++;
        result->stored_bytes += record.data_len;
        batch->bytes -= record.key_len + record.data_len;
        free(record.bytes);
    }
    batch->count = kept;
    return ERR_OK;
}

#include "tail_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

#define YEARS_MAX 100.0

/* `*bytes` is freed by the caller. */
static enum err decode(const json_t *record, char **bytes, size_t *len)
{
    const json_t *data = json_object_get(record, "Data");

    if (!json_is_string(data))
        return ERR_CORRUPT;
    struct slice text = slice_of(json_string_value(data), json_string_length(data));
    *bytes = malloc(base64_bytes_max(text.len) + 1);
    if (*bytes == NULL)
        return ERR_NO_MEMORY;
    struct base64_result result = base64_decode(text, *bytes);
    if (result.fault != BASE64_OK) {
        free(*bytes);
        return ERR_CORRUPT;
    }
    *len = result.len;
    return ERR_OK;
}

enum err tail_format_data(const json_t *record, FILE *out)
{
    char *bytes;
    size_t len;
    enum err err = decode(record, &bytes, &len);

    if (err != ERR_OK)
        return err;
    fwrite(bytes, 1, len, out);
    fputc('\n', out);
    free(bytes);
    return ERR_OK;
}

enum err tail_format_json(const json_t *record, const char *shard, FILE *out)
{
    char *bytes;
    size_t len;
    enum err err = decode(record, &bytes, &len);

    if (err != ERR_OK)
        return err;
    json_t *line = json_pack("{s:s, s:O, s:O, s:O}", "ShardId", shard, "SequenceNumber",
                             json_object_get(record, "SequenceNumber"), "PartitionKey",
                             json_object_get(record, "PartitionKey"), "ApproximateArrivalTimestamp",
                             json_object_get(record, "ApproximateArrivalTimestamp"));
    json_t *text = json_stringn(bytes, len); /* NULL when it is not UTF-8 */
    free(bytes);
    if (text != NULL)
        json_object_set_new(line, "Data", text);
    else
        json_object_set(line, "DataBase64", json_object_get(record, "Data"));
    int failed = line == NULL ? -1 : json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(line);
    if (failed != 0)
        return ERR_CORRUPT;
    fputc('\n', out);
    return ERR_OK;
}

enum err tail_format_since(const char *text, uint64_t now_ms, uint64_t *ret_ms)
{
    char *end;
    double value = strtod(text, &end), unit_ms = 0;

    if (end == text || !isfinite(value) || value < 0)
        return ERR_INVALID;
    if (*end == '\0') {
        if (value > YEARS_MAX * 1e10)
            return ERR_INVALID;
        *ret_ms = (uint64_t)(value * 1000 + 0.5);
        return ERR_OK;
    }
    switch (*end) {
    case 's':
        unit_ms = 1000;
        break;
    case 'm':
        unit_ms = 60e3;
        break;
    case 'h':
        unit_ms = 3600e3;
        break;
    case 'd':
        unit_ms = 86400e3;
        break;
    default:
        return ERR_INVALID;
    }
    if (end[1] != '\0' || value * unit_ms > (double)now_ms)
        return ERR_INVALID;
    *ret_ms = now_ms - (uint64_t)(value * unit_ms + 0.5);
    return ERR_OK;
}

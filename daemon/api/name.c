#include "api/name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

char *shard_name_print(uint32_t number, char text[SHARD_NAME_BYTES])
{
    (void)snprintf(text, SHARD_NAME_BYTES, "shardId-%012" PRIu32, number);
    return text;
}

bool shard_name_parse(struct slice text, uint32_t *number)
{
    const unsigned char *dash = text.len == 0 ? NULL : memchr(text.data, '-', text.len);
    size_t at = dash == NULL ? 0 : (size_t)(dash - text.data) + 1;
    uint64_t value = 0;

    if (at == text.len)
        return false;
    for (; at < text.len; at++) {
        if (text.data[at] < '0' || text.data[at] > '9')
            return false;
        value = value * 10 + (text.data[at] - '0');
        if (value > SHARD_NUMBER_MAX)
            return false;
    }
    *number = (uint32_t)value;
    return true;
}

struct slice stream_arn_print(struct arena *arena, const char *region, const char *account,
                              struct slice name)
{
    const char *text = arena_printf(arena, "arn:aws:kinesis:%s:%s:stream/%.*s", region, account,
                                    (int)name.len, (const char *)name.data);
    return text == NULL ? slice_of(NULL, 0) : slice_text(text);
}

bool stream_arn_parse(struct slice arn, struct slice *name)
{
    static const char mark[] = ":stream/";
    const unsigned char *found =
        arn.len == 0 ? NULL : memmem(arn.data, arn.len, mark, sizeof(mark) - 1);

    if (found == NULL)
        return false;
    const unsigned char *start = found + sizeof(mark) - 1;
    *name = slice_of(start, (size_t)(arn.data + arn.len - start));
    return name->len > 0;
}

static bool number_parse(struct slice text, uint64_t *ret)
{
    uint64_t value = 0;

    if (text.len == 0 || text.len > 18) /* below 2^63 */
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *ret = value;
    return true;
}

bool consumer_arn_parse(struct slice arn, struct slice *stream, struct slice *name,
                        uint64_t *created_s)
{
    static const char mark[] = "/consumer/";
    const size_t mark_bytes = sizeof(mark) - 1;
    struct slice rest, tail;

    if (!stream_arn_parse(arn, &rest))
        return false;
    const unsigned char *found = memmem(rest.data, rest.len, mark, mark_bytes);
    if (found == NULL || found == rest.data)
        return false;
    tail = slice_of(found + mark_bytes, (size_t)(rest.data + rest.len - found) - mark_bytes);
    const unsigned char *colon = tail.len == 0 ? NULL : memrchr(tail.data, ':', tail.len);
    if (colon == NULL || colon == tail.data)
        return false;
    *stream = slice_of(rest.data, (size_t)(found - rest.data));
    *name = slice_of(tail.data, (size_t)(colon - tail.data));
    return number_parse(slice_of(colon + 1, (size_t)(tail.data + tail.len - colon) - 1),
                        created_s);
}

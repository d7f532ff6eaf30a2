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

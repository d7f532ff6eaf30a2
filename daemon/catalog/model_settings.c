#include <stdlib.h>
#include <string.h>

#include "catalog/model_private.h"

#define SETTINGS_ROW_BYTES 48u /* of proto/catalog.proto, with the largest numbers, but for texts */
#define TIME_BYTES 10u
#define LIMIT_BYTES 5u
#define TAG_ROW_BYTES 12u
#define DAY_MS UINT64_C(86400000)

static char *text_copy(const char *text)
{
    return text == NULL ? NULL : memcpy(model_memory(1, strlen(text) + 1), text, strlen(text) + 1);
}

const struct model_settings *model_settings(const struct model_stream *stream)
{
    static const struct model_settings none = { .revision = 0 };

    return stream->settings == NULL ? &none : stream->settings;
}

static bool is_recent(uint64_t at_ms, uint64_t now_ms)
{
    return at_ms + DAY_MS > now_ms;
}

uint32_t model_times_since(const struct model_times *times, uint64_t now_ms)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < times->count; i++)
        count += is_recent(times->ms[i], now_ms);
    return count;
}

void model_times_note(struct model_times *times, uint64_t now_ms)
{
    uint32_t kept = 0, first = times->count == ENCRYPTIONS_MAX; /* where nothing limits them */

    for (uint32_t i = first; i < times->count; i++)
        if (is_recent(times->ms[i], now_ms))
            times->ms[kept++] = times->ms[i];
    times->ms[kept++] = now_ms;
    times->count = kept;
}

struct model_settings *model_settings_copy(const struct model_settings *settings)
{
    struct model_settings *copy = NULL;

    if (settings == NULL)
        return NULL;
    copy = model_memory(1, sizeof(*copy));
    *copy = *settings;
    copy->key_id = text_copy(settings->key_id);
    copy->policy = text_copy(settings->policy);
    return copy;
}

void model_settings_free(struct model_settings *settings)
{
    if (settings == NULL)
        return;
    free(settings->key_id);
    free(settings->policy);
    free(settings);
}

uint32_t model_limits_count(const struct model_settings *settings)
{
    uint32_t count = LIMIT_STREAM_COUNT;

    while (count > 0 && settings->limits[count - 1] == 0)
        count--;
    return count;
}

uint32_t model_settings_bytes(const struct model_settings *settings)
{
    if (settings == NULL)
        return 0;
    size_t texts = (settings->key_id == NULL ? 0 : strlen(settings->key_id)) +
                   (settings->policy == NULL ? 0 : strlen(settings->policy));
    size_t times =
        settings->switched.count + settings->encrypted.count + settings->decrypted.count +
        settings->resharded.count;

    return (uint32_t)(SETTINGS_ROW_BYTES + texts + times * TIME_BYTES +
                      model_limits_count(settings) * LIMIT_BYTES);
}

struct model_tag *model_tags_copy(const struct model_tag *tags, uint32_t count)
{
    struct model_tag *copy = model_memory(count, sizeof(*copy));

    for (uint32_t i = 0; i < count; i++) {
        copy[i].key = text_copy(tags[i].key);
        copy[i].value = text_copy(tags[i].value);
    }
    return copy;
}

uint32_t model_tags_bytes(const struct model_tag *tags, uint32_t count)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += TAG_ROW_BYTES + strlen(tags[i].key) + strlen(tags[i].value);
    return (uint32_t)bytes;
}

void model_tags_free(struct model_tag *tags, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(tags[i].key);
        free(tags[i].value);
    }
    free(tags);
}

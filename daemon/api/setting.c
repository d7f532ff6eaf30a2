#include "api/setting.h"

#include "base/limits.h"

#define DAY_MS UINT64_C(86400000)

static void on_applied(struct catalog_change *change, enum err err);
static void fail(struct setting *setting, enum err err);

struct setting *setting_begin(struct request *request, const struct slice *name,
                              const struct slice *arn)
{
    struct setting *setting = request->state;
    struct slice known;

    if (!request_fresh(request) || !request_stream_name(request, name, arn, &known))
        return NULL;
    const struct model_stream *stream = request_stream(request, known);
    if (stream == NULL)
        return NULL;
    if (stream->status != STREAM_ACTIVE) {
        request_fail_state(request, stream);
        return NULL;
    }
    if (setting == NULL)
        setting = request_take(request, sizeof(*setting));
    if (setting == NULL)
        return NULL;
    request->state = setting;
    setting->request = request;
    setting->name = known;
    setting->stream = stream;
    setting->wanted = change_settings_of(stream);
    return setting;
}

struct tags_of setting_tags(const struct setting *setting)
{
    return (struct tags_of){ .items = setting->stream->tags, .count = setting->stream->tag_count };
}

struct tags_owner setting_owner(const struct setting *setting)
{
    return (struct tags_owner){ .kind = "stream", .name = setting->name };
}

bool setting_note(struct model_times *times, uint64_t now_ms, uint32_t most)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < times->count; i++)
        if (times->ms[i] + DAY_MS > now_ms)
            times->ms[kept++] = times->ms[i];
    times->count = kept;
    if (kept >= most)
        return false;
    times->ms[times->count++] = now_ms;
    return true;
}

void setting_propose(struct setting *setting, void *out)
{
    struct request *request = setting->request;
    AUTO_UNREF struct buf *change = change_set_stream(request_stamp(request), &setting->wanted);

    setting->out = out;
    if (change == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    setting->change = (struct catalog_change){ .cb = NULL };
    catalog_change(control_catalog(request->api->world.control), &setting->change,
                   buf_slice(change), API_CHANGE_TIMEOUT_MS, on_applied);
}

static void on_applied(struct catalog_change *change, enum err err)
{
    struct setting *setting = container_of(change, struct setting, change);

    if (err == ERR_OK)
        request_reply(setting->request, setting->out);
    else if (err == ERR_EXPIRED && ++setting->tries < SETTING_TRIES_MAX)
        request_again(setting->request);
    else
        fail(setting, err);
}

static void fail(struct setting *setting, enum err err)
{
    struct request *request = setting->request;
    const struct model_stream *stream =
        model_stream_by_name(request_model(request), setting->name);

    if (err == ERR_NOT_FOUND || (err == ERR_CLOSED && stream == NULL))
        request_fail_stream(request, setting->name);
    else if (err == ERR_CLOSED)
        request_fail_state(request, stream);
    else if (err == ERR_EXPIRED)
        request_fail(request, ERROR_LIMIT_EXCEEDED, "Rate exceeded for stream %.*s under account "
                     "%s.", (int)setting->name.len, (const char *)setting->name.data,
                     request->account);
    else if (err == ERR_BUSY)
        request_fail(request, ERROR_LIMIT_EXCEEDED, "%s", setting->change.reason.text);
    else if (err == ERR_VERSION)
        request_fail(request, ERROR_INVALID_ARGUMENT, "%s", setting->change.reason.text);
    else
        request_fail_err(request, err, &setting->change.reason);
}

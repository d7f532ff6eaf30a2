#include "api/setting.h"

#include "api/consumer.h"
#include "base/limits.h"

static void on_applied(struct catalog_change *change, enum err err);
static void fail(struct setting *setting, enum err err);
static void fail_consumer(struct setting *setting, enum err err);

/* The same one when the handler runs again: it counts. */
static struct setting *take(struct request *request, const struct model_stream *stream)
{
    struct setting *setting = request->state;

    if (setting == NULL)
        setting = request_take(request, sizeof(*setting));
    if (setting == NULL)
        return NULL;
    request->state = setting;
    setting->request = request;
    setting->stream = stream;
    setting->wanted = change_settings_of(stream);
    return setting;
}

struct setting *setting_begin(struct request *request, const struct slice *name,
                              const struct slice *arn)
{
    struct setting *setting;
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
    setting = take(request, stream);
    if (setting != NULL)
        setting->name = known;
    return setting;
}

struct setting *setting_begin_consumer(struct request *request, const struct slice *arn)
{
    const struct model_consumer *consumer;
    const struct model_stream *stream;
    struct consumer_named named;
    struct setting *setting;

    if (!request_fresh(request) || !consumer_named(request, NULL, NULL, arn, &named))
        return NULL;
    consumer = consumer_find(request, &named, &stream);
    if (consumer == NULL || !consumer_active(request, stream, consumer))
        return NULL;
    setting = take(request, stream);
    if (setting == NULL)
        return NULL;
    setting->name = named.stream;
    setting->shown = named.shown;
    setting->consumer = consumer;
    setting->wanted_of_it = change_consumer_of(stream, consumer);
    return setting;
}

struct tags_of setting_tags(const struct setting *setting)
{
    if (setting->consumer != NULL)
        return (struct tags_of){ .items = setting->consumer->tags,
                                 .count = setting->consumer->tag_count };
    return (struct tags_of){ .items = setting->stream->tags, .count = setting->stream->tag_count };
}

struct tags_owner setting_owner(const struct setting *setting)
{
    if (setting->consumer != NULL)
        return (struct tags_owner){ .kind = "consumer",
                                    .name = slice_text(setting->consumer->name) };
    return (struct tags_owner){ .kind = "stream", .name = setting->name };
}

void setting_set_tags(struct setting *setting, struct tags_of tags)
{
    if (setting->consumer != NULL) {
        setting->wanted_of_it.tags = tags.items;
        setting->wanted_of_it.tag_count = tags.count;
        return;
    }
    setting->wanted.tags = tags.items;
    setting->wanted.tag_count = tags.count;
}

const char *setting_policy(const struct setting *setting)
{
    return setting->consumer != NULL ? setting->consumer->policy
                                     : model_settings(setting->stream)->policy;
}

void setting_set_policy(struct setting *setting, char *policy)
{
    if (setting->consumer != NULL)
        setting->wanted_of_it.policy = policy;
    else
        setting->wanted.settings.policy = policy;
}

bool setting_note(struct model_times *times, uint64_t now_ms, uint32_t most)
{
    if (!limit_is_off(most) && model_times_since(times, now_ms) >= most)
        return false;
    model_times_note(times, now_ms);
    return true;
}

void setting_propose(struct setting *setting, void *out)
{
    struct request *request = setting->request;
    AUTO_UNREF struct buf *change =
        setting->consumer != NULL
            ? change_set_consumer(request_stamp(request), &setting->wanted_of_it)
            : change_set_stream(request_stamp(request), &setting->wanted);

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
    else if (setting->consumer != NULL)
        fail_consumer(setting, err);
    else
        fail(setting, err);
}

static void fail_consumer(struct setting *setting, enum err err)
{
    struct request *request = setting->request;
    const struct model_stream *stream =
        model_stream_by_name(request_model(request), setting->name);

    if (err == ERR_NOT_FOUND || (err == ERR_CLOSED && stream == NULL))
        consumer_fail_gone(request, setting->shown);
    else if (err == ERR_CLOSED)
        request_fail_state(request, stream);
    else if (err == ERR_EXPIRED)
        request_fail(request, ERROR_LIMIT_EXCEEDED, "Rate exceeded for consumer %.*s under "
                     "account %s.", (int)setting->shown.len, (const char *)setting->shown.data,
                     request->account);
    else if (err == ERR_BUSY)
        request_fail(request, ERROR_LIMIT_EXCEEDED, "%s", setting->change.reason.text);
    else if (err == ERR_VERSION)
        request_fail(request, ERROR_INVALID_ARGUMENT, "%s", setting->change.reason.text);
    else
        request_fail_err(request, err, &setting->change.reason);
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

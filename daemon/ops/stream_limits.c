/* POST /streams/limits?name=S&put-bytes-per-s=2M&...: limits of a stream's own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/nodes.h"
#include "ops/ask.h"
#include "ops/ops_private.h"

#define VALUE_MAX 31u
#define NAME_BYTES 64u
#define CLUSTERS "default" /* as the cluster has it */

static struct slice value_of(const struct http_exchange *exchange, enum limit limit)
{
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof(name), "%s=", limit_row(limit)->name);
    return ask_value(exchange, name);
}

/* What was asked for, into `limits`; how many, or -1: it has replied. */
static int take(struct http_exchange *exchange, uint32_t limits[LIMIT_STREAM_COUNT])
{
    int count = 0;

    for (uint32_t i = 0; i < LIMIT_STREAM_COUNT; i++) {
        const struct limit_row *row = limit_row((enum limit)i);
        char value[VALUE_MAX + 1], text[REASON_BYTES_MAX];
        struct slice given = value_of(exchange, (enum limit)i);
        if (given.data == NULL)
            continue;
        count++;
        if (ask_decode(given, value, sizeof(value)) > 0 && strcmp(value, CLUSTERS) == 0) {
            limits[i] = 0;
            continue;
        }
        if (ask_decode(given, value, sizeof(value)) > 0 &&
            limit_parse((enum limit)i, value, &limits[i]))
            continue;
        (void)snprintf(text, sizeof(text),
                       "%s is " CLUSTERS ", unlimited, or %s from 1 to %" PRIu32, row->name,
                       row->kind == LIMIT_SIZE ? "a size (1024, 64K, 16M, 1G)" : "a number",
                       row->most);
        answer_message(exchange, 400, text, false);
        return -1;
    }
    return count;
}

/* A parameter that is no limit of a stream must not pass in silence. */
static bool all_known(struct http_exchange *exchange, uint32_t count)
{
    struct slice query = exchange->request.query;
    uint32_t given = query.len == 0 ? 0 : 1, others = 1; /* the stream's name */

    others += ask_value(exchange, "by=").data != NULL;
    for (size_t i = 0; i < query.len; i++)
        given += query.data[i] == '&';
    if (given == count + others && count > 0)
        return true;
    answer_message(exchange, 400,
                   "which limit? docs/limits.md lists them; those of the whole account are options "
                   "of braidd, and no stream has one of its own",
                   false);
    return false;
}

static void note(const struct http_exchange *exchange, struct json *json);

void stream_limits_on_post(struct ops *ops, struct http_exchange *exchange)
{
    const struct model *model = catalog_model(control_catalog(ops->world.control));
    char name[MODEL_NAME_MAX + 1] = "";
    struct reason reason = { .text = "" };

    if (ops->stopping) {
        answer_message(exchange, 503, "this node is stopping", true);
        return;
    }
    if (!ask_allowed(exchange))
        return;
    (void)ask_decode(ask_value(exchange, "name="), name, sizeof(name));
    const struct model_stream *stream = model_stream_by_name(model, slice_text(name));
    if (stream == NULL) {
        reason_set(&reason, "there is no stream '%s'", name);
        answer_message(exchange, 404, reason.text, false);
        return;
    }
    struct change_settings wanted = change_settings_of(stream);
    int count = take(exchange, wanted.settings.limits);
    if (count < 0 || !all_known(exchange, (uint32_t)count))
        return;
    struct change_asked *asked = change_begin(ops, exchange, "stream.limits");
    if (asked == NULL)
        return;
    json_text(&asked->text, "stream", stream->name);
    note(exchange, &asked->text);
    AUTO_UNREF struct buf *bytes = nodes_set_stream(ops->world.control, &wanted);
    change_offer(asked, bytes);
}

/* Those that were set, as they were asked for. */
static void note(const struct http_exchange *exchange, struct json *json)
{
    json_object(json, "limits");
    for (uint32_t i = 0; i < LIMIT_STREAM_COUNT; i++) {
        char value[VALUE_MAX + 1];
        struct slice given = value_of(exchange, (enum limit)i);
        if (given.data != NULL && ask_decode(given, value, sizeof(value)) > 0)
            json_text(json, limit_row((enum limit)i)->name, value);
    }
    json_end_object(json);
}

void stream_limits_print(struct json *json, const struct model_stream *stream)
{
    json_object(json, "limits");
    for (uint32_t i = 0; i < LIMIT_STREAM_COUNT; i++) {
        uint32_t value = model_settings(stream)->limits[i];
        if (value == LIMIT_UNLIMITED)
            json_text(json, limit_row((enum limit)i)->name, "unlimited");
        else if (value != 0)
            json_number(json, limit_row((enum limit)i)->name, value);
    }
    json_end_object(json);
}

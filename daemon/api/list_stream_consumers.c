#include <string.h>

#include "api/calls.h"
#include "api/consumer.h"
#include "api/describe.h"
#include "api/page.h"
#include "base/bytes.h"
#include "base/limits.h"

/* What a page token holds: the stream's id, and the last name of its page. */
#define CONTENT_BYTES_MAX (8u + MODEL_NAME_MAX)

static bool find_start(struct request *request, const struct model_stream *stream,
                       uint32_t *from);
static bool fill(struct request *request, const struct model_stream *stream, uint32_t from,
                 uint32_t count, struct list_stream_consumers_out *out);
static bool set_token(struct request *request, const struct model_stream *stream,
                      const struct model_consumer *last, struct list_stream_consumers_out *out);

void list_stream_consumers_handle(struct request *request)
{
    const struct list_stream_consumers_in *in = request->in;
    struct list_stream_consumers_out *out = request_take(request, sizeof(*out));
    uint32_t limit = CONSUMERS_PAGE_MAX, from, count;
    const struct model_stream *stream;
    struct slice name;

    if (out == NULL || !request_stream_name(request, NULL, &in->stream_arn, &name))
        return;
    stream = request_stream(request, name);
    if (stream == NULL ||
        !calls_allow_of_stream(request, stream, LIMIT_LIST_CONSUMERS_CALLS) ||
        !find_start(request, stream, &from))
        return;
    if (in->has_stream_creation_timestamp_ms &&
        !request_stream_created(request, stream, in->stream_creation_timestamp_ms))
        return;
    if (in->has_max_results && (uint32_t)in->max_results < limit)
        limit = (uint32_t)in->max_results;
    count = stream->consumer_count - from;
    count = count < limit ? count : limit;
    if (!fill(request, stream, from, count, out))
        return;
    if (from + count < stream->consumer_count &&
        !set_token(request, stream, &stream->consumers[from + count - 1], out))
        return;
    request_reply(request, out);
}

/* A page begins behind the last name of the page before, whatever came or went since.  False: the
 * request has failed. */
static bool find_start(struct request *request, const struct model_stream *stream, uint32_t *from)
{
    const struct list_stream_consumers_in *in = request->in;
    unsigned char room[TOKEN_BYTES_MAX];
    char name[MODEL_NAME_MAX + 1] = "";
    struct slice content;

    *from = 0;
    if (!in->has_next_token)
        return true;
    if (in->has_stream_creation_timestamp_ms) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "NextToken and StreamCreationTimestamp cannot be provided together.");
        return false;
    }
    if (!page_open(request, TOKEN_CONSUMERS, in->next_token, room, &content))
        return false;
    if (content.len < 8 || content.len > CONTENT_BYTES_MAX ||
        get_u64(content.data) != stream->id) {
        request_fail(request, ERROR_INVALID_ARGUMENT, "Invalid NextToken.");
        return false;
    }
    memcpy(name, content.data + 8, content.len - 8);
    while (*from < stream->consumer_count && strcmp(stream->consumers[*from].name, name) <= 0)
        ++*from;
    return true;
}

/* False: the request has failed. */
static bool fill(struct request *request, const struct model_stream *stream, uint32_t from,
                 uint32_t count, struct list_stream_consumers_out *out)
{
    struct consumer_out *items = request_take(request, (count + 1) * sizeof(*items));
    bool ok = true;

    if (items == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct model_consumer *consumer = &stream->consumers[from + i];
        wire_set(&items[i], consumer_name, describe_text(request, consumer->name, &ok));
        wire_set(&items[i], consumer_arn, consumer_arn(request, stream, consumer, &ok));
        wire_set(&items[i], consumer_status, consumer_status(stream));
        wire_set(&items[i], consumer_creation_timestamp_ms, (int64_t)consumer->created_ms);
    }
    wire_set(out, consumers, (struct consumer_out_list){ .items = items, .count = count });
    if (!ok)
        request_fail_err(request, ERR_NO_MEMORY, NULL);
    return ok;
}

/* False: the request has failed. */
static bool set_token(struct request *request, const struct model_stream *stream,
                      const struct model_consumer *last, struct list_stream_consumers_out *out)
{
    unsigned char content[CONTENT_BYTES_MAX];
    size_t len = strlen(last->name);

    put_u64(content, stream->id);
    memcpy(content + 8, last->name, len);
    out->has_next_token = true;
    return page_token(request, TOKEN_CONSUMERS, slice_of(content, 8 + len), &out->next_token);
}

#include "api/describe.h"
#include "api/page.h"
#include "base/limits.h"

static bool find_start(struct request *request, uint32_t *from);
static bool fill(struct request *request, uint32_t from, uint32_t count,
                 struct list_streams_out *out);
static void summary_set(struct request *request, const struct model_stream *stream,
                        struct stream_summary_out *ret, bool *ok);

void list_streams_handle(struct request *request)
{
    const struct list_streams_in *in = request->in;
    struct list_streams_out *out = request_take(request, sizeof(*out));
    uint32_t limit = STREAMS_PAGE_MAX, from, left;

    if (out == NULL || !find_start(request, &from))
        return;
    if (in->has_limit && (uint32_t)in->limit < limit)
        limit = (uint32_t)in->limit;
    left = model_stream_count(request_model(request)) - from;
    if (!fill(request, from, left < limit ? left : limit, out))
        return;
    wire_set(out, has_more_streams, left > limit);
    if (left > limit) {
        out->has_next_token = true;
        if (!page_token(request, TOKEN_STREAMS, out->stream_names.items[limit - 1],
                        &out->next_token))
            return;
    }
    request_reply(request, out);
}

/* A page begins behind the last name of the page before, whatever was created or deleted since. */
static bool find_start(struct request *request, uint32_t *from)
{
    const struct list_streams_in *in = request->in;
    const struct model *model = request_model(request);
    unsigned char room[TOKEN_BYTES_MAX];
    struct slice name;

    *from = 0;
    if (in->has_next_token) {
        if (!page_open(request, TOKEN_STREAMS, in->next_token, room, &name))
            return false;
        *from = model_stream_after(model, name);
    } else if (in->has_exclusive_start_stream_name) {
        *from = model_stream_after(model, in->exclusive_start_stream_name);
    }
    return true;
}

/* False: the request has failed. */
static bool fill(struct request *request, uint32_t from, uint32_t count,
                 struct list_streams_out *out)
{
    struct slice *names = request_take(request, (count + 1) * sizeof(*names));
    struct stream_summary_out *summaries;
    bool ok = true;

    if (names == NULL)
        return false;
    summaries = request_take(request, (count + 1) * sizeof(*summaries));
    if (summaries == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        summary_set(request, model_stream_at(request_model(request), from + i), &summaries[i], &ok);
        names[i] = summaries[i].stream_name;
    }
    wire_set(out, stream_names, (struct stream_name_list){ .items = names, .count = count });
    wire_set(out, stream_summaries,
             (struct stream_summary_out_list){ .items = summaries, .count = count });
    if (!ok)
        request_fail_err(request, ERR_NO_MEMORY, NULL);
    return ok;
}

static void summary_set(struct request *request, const struct model_stream *stream,
                        struct stream_summary_out *ret, bool *ok)
{
    wire_set(ret, stream_name, describe_text(request, stream->name, ok));
    wire_set(ret, stream_arn, describe_arn(request, stream->name, ok));
    wire_set(ret, stream_status, describe_status(stream->status));
    wire_set(ret, stream_mode_details, describe_mode(stream->mode));
    wire_set(ret, stream_creation_timestamp_ms, (int64_t)stream->created_ms);
}

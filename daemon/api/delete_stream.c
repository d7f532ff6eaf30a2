#include "api/handler.h"
#include "base/limits.h"
#include "catalog/change_consumers.h"
#include "catalog/version.h"

struct deleting {
    struct request *request;
    struct slice name;
    struct catalog_change change;
};

static void propose(struct request *request, const struct model_stream *stream);
static void propose_on_applied(struct catalog_change *change, enum err err);
static bool is_enforced(const struct request *request);
static struct buf *change_of(struct request *request, const struct model_stream *stream);
static void fail_consumed(struct request *request, struct slice stream);

void delete_stream_handle(struct request *request)
{
    const struct delete_stream_in *in = request->in;
    const struct model_stream *stream;
    struct slice name;

    /* Whether it has consumers, and whether this cluster's can have any. */
    if (!request_fresh(request))
        return;
    if (!request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    stream = request_stream(request, name);
    if (stream == NULL)
        return;
    if (stream->status == STREAM_DELETING)
        request_fail_state(request, stream);
    else if (stream->consumer_count > 0 && !is_enforced(request))
        fail_consumed(request, name);
    else
        propose(request, stream);
}

static bool is_enforced(const struct request *request)
{
    const struct delete_stream_in *in = request->in;

    return in->has_enforce_consumer_deletion && in->enforce_consumer_deletion;
}

static void propose(struct request *request, const struct model_stream *stream)
{
    struct deleting *deleting = request_take(request, sizeof(*deleting));

    if (deleting == NULL)
        return;
    deleting->request = request;
    deleting->name = request_text(request, "%s", stream->name);
    AUTO_UNREF struct buf *change = change_of(request, stream);
    if (change == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    catalog_change(control_catalog(request->api->world.control), &deleting->change,
                   buf_slice(change), API_CHANGE_TIMEOUT_MS, propose_on_applied);
}

/* Before that version nobody can register one. */
static struct buf *change_of(struct request *request, const struct model_stream *stream)
{
    bool spares =
        !is_enforced(request) && version_allows(request_model(request), VERSION_CONSUMERS);

    return spares ? change_delete_unconsumed(request_stamp(request), stream->id)
                  : change_delete_stream(request_stamp(request), stream->id);
}

/* Somebody else may have been quicker: then it is as if this request had come a moment later. */
static void propose_on_applied(struct catalog_change *change, enum err err)
{
    struct deleting *deleting = container_of(change, struct deleting, change);
    struct request *request = deleting->request;
    const struct model_stream *stream =
        model_stream_by_name(request_model(request), deleting->name);

    if (err == ERR_OK)
        request_reply(request, NULL);
    else if (err == ERR_NOT_FOUND || (err == ERR_CLOSED && stream == NULL))
        request_fail_stream(request, deleting->name);
    else if (err == ERR_CLOSED)
        request_fail_state(request, stream);
    else if (err == ERR_BUSY)
        fail_consumed(request, deleting->name);
    else
        request_fail_err(request, err, &change->reason);
}

static void fail_consumed(struct request *request, struct slice stream)
{
    request_fail(request, ERROR_RESOURCE_IN_USE,
                 "DeleteStream can\xe2\x80\x99t delete %s:%.*s because there are consumers "
                 "associated with this data stream. To delete %.*s anyway, set the "
                 "EnforceConsumerDeletion parameter to true to force the deletion of all the "
                 "consumers that are associated with it.",
                 request->account, (int)stream.len, (const char *)stream.data, (int)stream.len,
                 (const char *)stream.data);
}

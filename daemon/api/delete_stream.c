#include "api/handler.h"
#include "base/limits.h"
#include "catalog/change.h"

struct deleting {
    struct request *request;
    struct slice name;
    struct catalog_change change;
};

static void propose(struct request *request, const struct model_stream *stream);
static void propose_on_applied(struct catalog_change *change, enum err err);

void delete_stream_handle(struct request *request)
{
    const struct delete_stream_in *in = request->in;
    const struct model_stream *stream;
    struct slice name;

    if (!request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    stream = request_stream(request, name);
    if (stream == NULL)
        return;
    if (stream->status == STREAM_DELETING)
        request_fail_state(request, stream);
    else
        propose(request, stream);
}

static void propose(struct request *request, const struct model_stream *stream)
{
    struct deleting *deleting = request_take(request, sizeof(*deleting));

    if (deleting == NULL)
        return;
    deleting->request = request;
    deleting->name = request_text(request, "%s", stream->name);
    AUTO_UNREF struct buf *change = change_delete_stream(request_stamp(request), stream->id);
    if (change == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    catalog_change(control_catalog(request->api->world.control), &deleting->change,
                   buf_slice(change), API_CHANGE_TIMEOUT_MS, propose_on_applied);
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
    else
        request_fail_err(request, err, &change->reason);
}

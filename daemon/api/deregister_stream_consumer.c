#include "api/calls.h"
#include "api/consumer.h"
#include "base/limits.h"
#include "catalog/change_consumers.h"

struct deregistering {
    struct request *request;
    struct slice shown;
    struct catalog_change change;
};

static void propose_on_applied(struct catalog_change *change, enum err err);

void deregister_stream_consumer_handle(struct request *request)
{
    struct deregistering *deregistering = request_take(request, sizeof(*deregistering));
    const struct model_consumer *consumer;
    const struct model_stream *stream;
    struct consumer_named named;

    consumer = deregistering == NULL ? NULL : consumer_asked(request, &named, &stream);
    if (consumer == NULL ||
        !calls_allow_of_stream(request, stream, LIMIT_DEREGISTER_CONSUMER_CALLS))
        return;
    deregistering->request = request;
    deregistering->shown = named.shown;
    AUTO_UNREF struct buf *change =
        change_deregister_consumer(request_stamp(request), stream->id, consumer->id);
    if (change == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    catalog_change(control_catalog(request->api->world.control), &deregistering->change,
                   buf_slice(change), API_CHANGE_TIMEOUT_MS, propose_on_applied);
}

static void propose_on_applied(struct catalog_change *change, enum err err)
{
    struct deregistering *deregistering = container_of(change, struct deregistering, change);
    struct request *request = deregistering->request;

    if (err == ERR_OK)
        request_reply(request, NULL);
    else if (err == ERR_NOT_FOUND)
        consumer_fail_gone(request, deregistering->shown);
    else
        request_fail_err(request, err, &change->reason);
}

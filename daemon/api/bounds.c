#include "api/bounds.h"

#include "api/handler.h"
#include "api/iterator.h"
#include "api/name.h"
#include "base/limits.h"

bool bounds_widest(const struct operation *operation, struct validate_most *ret)
{
    if (operation == operation_at(OPERATION_put_records))
        *ret = (struct validate_most){ &shape_put_records_entry_list, PUT_CALL_RECORDS_MAX };
    else if (operation == operation_at(OPERATION_get_records))
        *ret = (struct validate_most){ &shape_page_limit, GET_RECORDS_MAX };
    else
        return false;
    return true;
}

static const struct model_stream *find(const struct request *request, const struct slice *name,
                                       const struct slice *arn)
{
    struct slice in_arn;

    if (name != NULL)
        return model_stream_by_name(request_model(request), *name);
    return arn == NULL || !stream_arn_parse(*arn, &in_arn)
               ? NULL
               : model_stream_by_name(request_model(request), in_arn);
}

/* Of a stream that is not there the cluster's counts. */
static int64_t put_records_most(const struct request *request, int64_t *asked)
{
    const struct put_records_in *in = request->in;
    const struct model_stream *stream = find(request, in->has_stream_name ? &in->stream_name : NULL,
                                             in->has_stream_arn ? &in->stream_arn : NULL);

    *asked = in->has_records ? in->records.count : 0;
    return limit_up_to(control_stream_limit(request->api->world.control, stream,
                                            LIMIT_PUT_CALL_RECORDS),
                       PUT_CALL_RECORDS_MAX);
}

static int64_t get_records_most(struct request *request, int64_t *asked)
{
    const struct get_records_in *in = request->in;
    const struct iterator *iterator =
        in->has_limit && in->has_shard_iterator ? get_records_iterator(request) : NULL;
    const struct model_stream *stream = NULL;

    *asked = in->has_limit ? in->limit : 0;
    if (iterator != NULL)
        stream = model_stream_by_name(request_model(request), slice_text(iterator->stream_name));
    return limit_up_to(control_stream_limit(request->api->world.control, stream,
                                            LIMIT_GET_CALL_RECORDS),
                       GET_RECORDS_MAX);
}

bool bounds_narrow(struct request *request, bool invalid, struct validate_most *ret)
{
    int64_t asked;

    if (!bounds_widest(request->operation, ret))
        return false;

    int64_t widest = ret->max;
    ret->max = request->operation == operation_at(OPERATION_put_records)
                   ? put_records_most(request, &asked)
                   : get_records_most(request, &asked);
    return ret->max < widest && (invalid || asked > ret->max);
}

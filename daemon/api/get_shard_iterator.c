#include "api/beginning.h"
#include "api/calls.h"
#include "api/iterator.h"
#include "api/name.h"
#include "api/route.h"
#include "shard/seqno.h"

struct locating {
    struct request *request;
    struct iterator iterator;
    struct route_locate route;
};

static bool check_arguments(struct request *request, struct slice stream, struct slice shard,
                            const struct model_shard *model_shard, struct route_locate *locate);
static bool check_sequence_number(struct request *request, struct slice stream, struct slice shard,
                                  const struct model_shard *model_shard,
                                  struct route_locate *locate);
static bool check_timestamp(struct request *request, struct route_locate *locate);
static const char *type_name(enum locate_type type);
static void locate(struct request *request, const struct model_stream *stream,
                   const struct model_shard *shard, const struct route_locate *wanted);
static void locate_on_done(struct route_locate *route, enum err err);

void get_shard_iterator_handle(struct request *request)
{
    const struct get_shard_iterator_in *in = request->in;
    struct route_locate wanted = { .type = beginning_type(in->shard_iterator_type.value) };
    char shard_name[SHARD_NAME_BYTES];
    const struct model_stream *stream;
    const struct model_shard *shard;
    struct slice name;

    if (!request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    stream = model_stream_by_name(request_model(request), name);
    shard = beginning_shard(request, name, stream, in->shard_id);
    if (shard == NULL)
        return;
    shard_name_print(shard->number, shard_name);
    if (!check_arguments(request, name, slice_text(shard_name), shard, &wanted))
        return;
    if (!calls_allow_of_shard(request, stream, shard))
        return;
    if (in->has_dry_run && in->dry_run)
        request_fail_dry_run(request);
    else
        locate(request, stream, shard, &wanted);
}

/* False: the request has failed. */
static bool check_arguments(struct request *request, struct slice stream, struct slice shard,
                            const struct model_shard *model_shard, struct route_locate *locate)
{
    const struct get_shard_iterator_in *in = request->in;
    bool needs_number = locate->type == LOCATE_AT_SEQUENCE_NUMBER ||
                        locate->type == LOCATE_AFTER_SEQUENCE_NUMBER;

    if (locate->type == LOCATE_AT_TIMESTAMP)
        return check_timestamp(request, locate);
    if (needs_number != in->has_starting_sequence_number) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                     "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no "
                     "StartingSequenceNumber. Request specified %s and %s StartingSequenceNumber.",
                     type_name(locate->type), needs_number ? "no" : "also a");
        return false;
    }
    return !needs_number || check_sequence_number(request, stream, shard, model_shard, locate);
}

/* False: the request has failed. */
static bool check_sequence_number(struct request *request, struct slice stream, struct slice shard,
                                  const struct model_shard *model_shard,
                                  struct route_locate *locate)
{
    const struct get_shard_iterator_in *in = request->in;
    struct slice number = in->starting_sequence_number;
    struct seqno_shard found;
    char other[SHARD_NAME_BYTES];
    const char *why = ".";

    if (seqno_parse(number, &found, &locate->seqno) == ERR_OK) {
        if (found.shard != model_shard->number) {
            request_fail(request, ERROR_INVALID_ARGUMENT,
                         "Invalid StartingSequenceNumber. It encodes %s, while it was used in a "
                         "call to a shard with %.*s", shard_name_print(found.shard, other),
                         (int)shard.len, (const char *)shard.data);
            return false;
        }
        if (found.created_s == model_shard->created_s)
            return true;
        why = " because it did not come from this stream.";
    }
    request_fail(request, ERROR_INVALID_ARGUMENT,
                 "StartingSequenceNumber %.*s used in GetShardIterator on shard %.*s in stream "
                 "%.*s under account %s is invalid%s", (int)number.len, (const char *)number.data,
                 (int)shard.len, (const char *)shard.data, (int)stream.len,
                 (const char *)stream.data, request->account, why);
    return false;
}

/* False: the request has failed. */
static bool check_timestamp(struct request *request, struct route_locate *locate)
{
    const struct get_shard_iterator_in *in = request->in;

    if (!in->has_timestamp_ms) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. "
                     "Current request has no timestamp parameter.");
        return false;
    }
    return beginning_time(request, in->timestamp_ms, locate);
}

static const char *type_name(enum locate_type type)
{
    switch (type) {
    case LOCATE_TRIM_HORIZON:
        return "TRIM_HORIZON";
    case LOCATE_AT_SEQUENCE_NUMBER:
        return "AT_SEQUENCE_NUMBER";
    case LOCATE_AFTER_SEQUENCE_NUMBER:
        return "AFTER_SEQUENCE_NUMBER";
    case LOCATE_AT_TIMESTAMP:
        return "AT_TIMESTAMP";
    case LOCATE_LATEST:
        break;
    }
    return "LATEST";
}

static void locate(struct request *request, const struct model_stream *stream,
                   const struct model_shard *shard, const struct route_locate *wanted)
{
    struct locating *locating = request_take(request, sizeof(*locating));

    if (locating == NULL)
        return;
    locating->request = request;
    locating->iterator = (struct iterator){ .stream = stream->id,
                                            .group = shard->group,
                                            .shard = shard->number,
                                            .issued_ms = request->now_ms,
                                            .nonce = ++request->api->tokens };
    memcpy(locating->iterator.stream_name, stream->name, sizeof(stream->name));
    locating->route = *wanted;
    locating->route.group = shard->group;
    route_locate(request->api->world.route, &locating->route, locate_on_done);
}

static void locate_on_done(struct route_locate *route, enum err err)
{
    struct locating *locating = container_of(route, struct locating, route);
    struct request *request = locating->request;
    struct get_shard_iterator_out *out;

    if (err != ERR_OK) {
        beginning_fail(request, err, route, slice_text(locating->iterator.stream_name),
                       locating->iterator.shard);
        return;
    }
    out = request_take(request, sizeof(*out));
    if (out == NULL)
        return;
    locating->iterator.position = route->position;
    err = iterator_print(&locating->iterator, request_secret(request), request->api->digest,
                         request->arena, &out->shard_iterator);
    out->has_shard_iterator = true;
    if (err == ERR_OK)
        request_reply(request, out);
    else
        request_fail_err(request, err, NULL);
}

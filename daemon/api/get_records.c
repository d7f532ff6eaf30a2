#include "api/ending.h"
#include "api/handler.h"
#include "api/iterator.h"
#include "api/name.h"
#include "api/record_list.h"
#include "api/route.h"
#include "base/limits.h"
#include "shard/seqno.h"

struct reading {
    struct request *request;
    struct iterator iterator;
    bool is_iterator; /* as the client's token said, whose signature is good */
    struct seqno_shard name;
    bool encrypted; /* so the stream is said to be */
    struct route_read route;
    struct get_records_out out;
};

static uint32_t records_most(const struct request *request, const struct model_stream *stream);
static size_t bytes_most(const struct request *request, const struct model_stream *stream);
static struct reading *reading_of(struct request *request);
static bool check_iterator(struct request *request, const struct reading *reading);
static bool check_stream(struct request *request, const struct reading *reading);
static void read_on_done(struct route_read *route, enum err err);
static bool at_end(const struct request *request, const struct reading *reading);
static bool children_set(struct request *request, struct reading *reading);
static void fail(struct reading *reading, enum err err);
static void release(struct request *request);

void get_records_handle(struct request *request)
{
    const struct get_records_in *in = request->in;
    struct reading *reading = reading_of(request);

    if (reading == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    if (!check_iterator(request, reading) || !check_stream(request, reading))
        return;

    const struct model_stream *stream = NULL;
    const struct model_shard *shard =
        model_shard_by_group(request_model(request), reading->iterator.group, &stream);
    if (shard == NULL) {
        fail(reading, ERR_CLOSED);
        return;
    }
    if (in->has_dry_run && in->dry_run) {
        request_fail_dry_run(request);
        return;
    }
    reading->encrypted = model_settings(stream)->key_id != NULL;
    reading->name = (struct seqno_shard){ .created_s = shard->created_s, .shard = shard->number };
    reading->route = (struct route_read){ .group = shard->group,
                                          .from = reading->iterator.position,
                                          .records_max = records_most(request, stream),
                                          .bytes_max = bytes_most(request, stream) };
    route_read(request->api->world.route, &reading->route, read_on_done);
}

/* Made once, whoever asks first: the signature is looked at once.  NULL: there is no memory. */
static struct reading *reading_of(struct request *request)
{
    const struct get_records_in *in = request->in;
    struct reading *reading = request->state;

    if (reading != NULL)
        return reading;
    reading = arena_take(request->arena, sizeof(*reading));
    if (reading == NULL)
        return NULL;
    reading->request = request;
    reading->is_iterator = iterator_parse(in->shard_iterator, request_secret(request),
                                          request->api->digest, &reading->iterator) == ERR_OK;
    request->state = reading;
    return reading;
}

const struct iterator *get_records_iterator(struct request *request)
{
    const struct reading *reading = reading_of(request);

    return reading != NULL && reading->is_iterator ? &reading->iterator : NULL;
}

/* A Limit over the stream's was refused already, unless it has just been set. */
static uint32_t records_most(const struct request *request, const struct model_stream *stream)
{
    const struct get_records_in *in = request->in;
    uint32_t most = control_stream_limit(request->api->world.control, stream,
                                         LIMIT_GET_CALL_RECORDS);

    return limit_up_to(in->has_limit ? (uint32_t)in->limit : most,
                       limit_up_to(most, GET_RECORDS_MAX));
}

static size_t bytes_most(const struct request *request, const struct model_stream *stream)
{
    return limit_up_to(control_stream_limit(request->api->world.control, stream,
                                            LIMIT_GET_CALL_BYTES),
                       GET_BYTES_MAX);
}

/* False: the request has failed. */
static bool check_iterator(struct request *request, const struct reading *reading)
{
    char then[ITERATOR_TIME_MAX], now[ITERATOR_TIME_MAX];

    if (!reading->is_iterator) {
        request_fail(request, ERROR_INVALID_ARGUMENT, "Invalid ShardIterator.");
        return false;
    }
    if (!iterator_expired(&reading->iterator, request->now_ms))
        return true;
    request_fail(request, ERROR_EXPIRED_ITERATOR,
                 "Iterator expired. The iterator was created at time %s while right now it is %s "
                 "which is further in the future than the tolerated delay of %u milliseconds.",
                 iterator_time_print(reading->iterator.issued_ms, then),
                 iterator_time_print(request->now_ms, now), ITERATOR_LIFE_MS);
    return false;
}

/* False: the request has failed. */
static bool check_stream(struct request *request, const struct reading *reading)
{
    const struct get_records_in *in = request->in;
    struct slice name;

    if (!in->has_stream_arn)
        return true;
    if (!request_stream_name(request, NULL, &in->stream_arn, &name))
        return false;
    if (slice_equal(name, slice_text(reading->iterator.stream_name)))
        return true;
    request_fail(request, ERROR_INVALID_ARGUMENT,
                 "StreamARN is not the stream that ShardIterator was made for.");
    return false;
}

static void read_on_done(struct route_read *route, enum err err)
{
    struct reading *reading = container_of(route, struct reading, route);
    struct request *request = reading->request;
    struct get_records_out *out = &reading->out;
    struct iterator next = reading->iterator;
    size_t bytes = 0;

    if (err != ERR_OK) {
        fail(reading, err);
        return;
    }
    request->release = release;
    wire_set(out, millis_behind_latest, (int64_t)route->behind_ms);
    for (uint32_t i = 0; i < route->part_count; i++)
        bytes += route->parts[i].records.len;
    request->reply_bytes = bytes * 4 / 3 + (size_t)route->record_count * RECORD_REPLY_BYTES;
    if (at_end(request, reading)) {
        if (children_set(request, reading))
            request_reply(request, out);
        return;
    }
    next.position = route->next;
    next.issued_ms = clock_wall_ms(request->api->world.clock);
    next.nonce = ++request->api->tokens;
    if (iterator_print(&next, request_secret(request), request->api->digest, request->arena,
                       &out->next_shard_iterator) != ERR_OK) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    out->has_next_shard_iterator = true;
    request_reply(request, out);
}

static bool at_end(const struct request *request, const struct reading *reading)
{
    const struct model_shard *shard =
        model_shard_by_group(request_model(request), reading->iterator.group, NULL);

    return shard != NULL && ending_reached(shard, reading->route.next);
}

/* Who reads on, reads there.  False: the request has failed. */
static bool children_set(struct request *request, struct reading *reading)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *shard =
        model_shard_by_group(request_model(request), reading->iterator.group, &stream);
    struct child_shard_out_list children;

    if (!ending_children(stream, shard, request->arena, &children)) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return false;
    }
    wire_set(&reading->out, millis_behind_latest, 0);
    wire_set(&reading->out, child_shards, children);
    return true;
}

static void fail(struct reading *reading, enum err err)
{
    struct request *request = reading->request;
    struct slice stream = slice_text(reading->iterator.stream_name);
    char shard[SHARD_NAME_BYTES];

    shard_name_print(reading->iterator.shard, shard);
    if (err == ERR_CLOSED)
        request_fail_shard(request, stream, slice_text(shard));
    else if (err == ERR_BUSY && !reading->route.throttled)
        request_fail_full(request);
    else if (err == ERR_BUSY)
        request_fail(request, ERROR_THROUGHPUT_EXCEEDED, "Rate exceeded for Shard - %s/%s/%s",
                     request->account, reading->iterator.stream_name, shard);
    else
        request_fail_err(request, err, &reading->route.reason);
}

static void release(struct request *request)
{
    struct reading *reading = request->state;
    route_read_fini(&reading->route);
}

/* The records of the reply; data and keys are borrowed from what was read. */
void get_records_compose(struct request *request)
{
    struct reading *reading = request->state;
    const struct route_read *route = &reading->route;
    enum err err =
        record_list_compose(request->arena, reading->name, route->parts, route->part_count,
                            route->record_count, reading->encrypted, &reading->out.records);

    reading->out.has_records = true;
    if (err != ERR_OK)
        request_set_err(request, err);
}

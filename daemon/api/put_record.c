#include "api/name.h"
#include "api/put_batch.h"

static bool check_ordering(struct request *request, const struct model_stream *stream);
static void reply(struct put_batch *batch);

void put_record_prepare(struct request *request, struct digest *digest)
{
    const struct put_record_in *in = request->in;
    struct put_source source = { .key = in->has_partition_key ? &in->partition_key : NULL,
                                 .hash_key =
                                     in->has_explicit_hash_key ? &in->explicit_hash_key : NULL,
                                 .data = in->data };

    if (put_batch_new(request, 1))
        (void)put_batch_add(request, digest, &source, "");
}

void put_record_handle(struct request *request)
{
    const struct put_record_in *in = request->in;
    const struct model_stream *stream;
    struct slice name;

    if (!request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    stream = request_stream(request, name);
    if (stream == NULL || !put_batch_check(request, stream) || !check_ordering(request, stream))
        return;
    if (in->has_dry_run && in->dry_run)
        request_fail_dry_run(request);
    else
        put_batch_start(request, stream, reply);
}

/* Within a shard every number is greater than all before it anyway, so that it must only be one.
 * False: the request has failed. */
static bool check_ordering(struct request *request, const struct model_stream *stream)
{
    const struct put_record_in *in = request->in;
    struct seqno_shard shard;
    struct seqno seqno;

    if (!in->has_sequence_number_for_ordering)
        return true;
    if (seqno_parse(in->sequence_number_for_ordering, &shard, &seqno) == ERR_OK &&
        seqno.time_s <= request->now_ms / 1000)
        return true;
    request_fail(request, ERROR_INVALID_ARGUMENT,
                 "ExclusiveMinimumSequenceNumber %.*s used in PutRecord on stream %s under account "
                 "%s is invalid.", (int)in->sequence_number_for_ordering.len,
                 (const char *)in->sequence_number_for_ordering.data, stream->name,
                 request->account);
    return false;
}

static void reply(struct put_batch *batch)
{
    struct request *request = batch->request;
    const struct put_record_in *in = request->in;
    const struct put_group *group = batch->items[0].in;
    struct put_record_out *out;
    struct slice name;
    bool ok = true;

    if (group->err == ERR_OK) {
        out = request_take(request, sizeof(*out));
        if (out == NULL)
            return;
        wire_set(out, shard_id, put_item_shard(batch, 0, &ok));
        wire_set(out, sequence_number, put_item_seqno(batch, 0, &ok));
        if (batch->encrypted)
            wire_set(out, encryption_type, choice_of(WIRE_ENCRYPTION_KMS));
        if (ok)
            request_reply(request, out);
        else
            request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    if (!request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    if (group->err == ERR_BUSY)
        request_fail_rate(request, group->name.shard, name);
    else if (group->err == ERR_CLOSED)
        request_fail_stream(request, name);
    else
        request_fail_err(request, group->err, &group->route.reason);
}

#include <stdio.h>

#include "api/describe.h"
#include "api/name.h"
#include "api/put_batch.h"

static void reply(struct put_batch *batch);
static void result_set(struct put_batch *batch, uint32_t at, struct slice stream,
                       struct put_records_result *ret, bool *ok);

void put_records_prepare(struct request *request, struct digest *digest)
{
    const struct put_records_in *in = request->in;

    if (!put_batch_new(request, in->records.count))
        return;
    for (uint32_t i = 0; i < in->records.count; i++) {
        const struct put_records_entry *entry = &in->records.items[i];
        struct put_source source = { .key = entry->has_partition_key ? &entry->partition_key : NULL,
                                     .hash_key = entry->has_explicit_hash_key
                                                     ? &entry->explicit_hash_key : NULL,
                                     .data = entry->data };
        char path[32];

        (void)snprintf(path, sizeof(path), "records.%u.member.", i + 1);
        if (!put_batch_add(request, digest, &source, path))
            return;
    }
}

void put_records_handle(struct request *request)
{
    const struct put_records_in *in = request->in;
    const struct model_stream *stream;
    struct slice name;

    if (!request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    stream = request_stream(request, name);
    if (stream == NULL || !put_batch_check(request, stream))
        return;
    if (in->has_dry_run && in->dry_run)
        request_fail_dry_run(request);
    else
        put_batch_start(request, stream, reply);
}

/* A 200 in any case: each record has its own outcome, and producers put again what failed. */
static void reply(struct put_batch *batch)
{
    struct request *request = batch->request;
    const struct put_records_in *in = request->in;
    struct put_records_out *out = request_take(request, sizeof(*out));
    struct put_records_result *items =
        out == NULL ? NULL : request_take(request, batch->item_count * sizeof(*items));
    struct slice stream;
    int32_t failed = 0;
    bool ok = true;

    if (items == NULL ||
        !request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &stream))
        return;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        result_set(batch, i, stream, &items[i], &ok);
        failed += items[i].has_error_code;
    }
    wire_set(out, failed_record_count, failed);
    wire_set(out, records,
             (struct put_records_result_list){ .items = items, .count = batch->item_count });
    if (batch->encrypted)
        wire_set(out, encryption_type, choice_of(WIRE_ENCRYPTION_KMS));
    if (ok)
        request_reply(request, out);
    else
        request_fail_err(request, ERR_NO_MEMORY, NULL);
}

static void result_set(struct put_batch *batch, uint32_t at, struct slice stream,
                       struct put_records_result *ret, bool *ok)
{
    const struct put_group *group = batch->items[at].in;
    char shard[SHARD_NAME_BYTES];

    if (group->err == ERR_OK) {
        wire_set(ret, shard_id, put_item_shard(batch, at, ok));
        wire_set(ret, sequence_number, put_item_seqno(batch, at, ok));
    } else if (group->err == ERR_BUSY) {
        wire_set(ret, error_code, slice_text("ProvisionedThroughputExceededException"));
        wire_set(ret, error_message,
                 request_text(batch->request,
                              "Rate exceeded for shard %s in stream %.*s under account %s.",
                              shard_name_print(group->name.shard, shard), (int)stream.len,
                              (const char *)stream.data, batch->request->account));
    } else {
        wire_set(ret, error_code, slice_text("InternalFailure"));
        wire_set(ret, error_message, slice_text("Internal service failure."));
    }
}

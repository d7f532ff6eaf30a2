#include "api/put_batch.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/describe.h"
#include "api/name.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "shard/seqno.h"

/* What is known of a group before its memory is taken. */
struct plan {
    uint32_t shard_at; /* place of the shard in the stream */
    uint32_t records;
    size_t bytes;
};

static bool add_hash(struct put_batch *batch, struct put_item *item, struct digest *digest,
                     const struct slice *hash_key);
static uint32_t plan_items(struct put_batch *batch, const struct model_stream *stream,
                           struct plan *plans);
static struct plan *plan_find(struct plan *plans, uint32_t count, uint32_t shard_at);
static bool make_groups(struct put_batch *batch, const struct model_stream *stream,
                        const struct plan *plans);
static void drop_records(struct put_batch *batch);
static void encode_run(struct work *work);
static void encode_on_done(struct work *work);
static void send(struct put_batch *batch);
static void send_on_done(struct route_put *route, enum err err);
static bool put_again(struct put_batch *batch);
static void give_up(struct put_batch *batch);
static void put_round(struct put_batch *batch, const struct model_stream *stream);

bool put_batch_new(struct request *request, uint32_t count)
{
    struct put_batch *batch = arena_take(request->arena, sizeof(*batch));
    struct put_item *items =
        batch == NULL ? NULL : arena_take(request->arena, count * sizeof(*items));

    if (items == NULL) {
        request_set_err(request, ERR_NO_MEMORY);
        return false;
    }
    batch->request = request;
    batch->items = items;
    request->state = batch;
    return true;
}

bool put_batch_add(struct request *request, struct digest *digest, const struct put_source *source,
                   const char *path)
{
    struct put_batch *batch = request->state;
    struct put_item *item = &batch->items[batch->item_count];

    if (source->key == NULL && batch->no_key == NULL)
        batch->no_key = arena_text(request->arena, slice_text(path));
    if (source->key == NULL && batch->no_key == NULL) {
        request_set_err(request, ERR_NO_MEMORY);
        return false;
    }
    item->record.key = source->key == NULL ? slice_of(NULL, 0) : *source->key;
    item->record.data = source->data;
    if (!add_hash(batch, item, digest, source->hash_key))
        batch->bad_hash_key = *source->hash_key;
    batch->item_count++;
    return true;
}

/* False: the explicit hash key is none; said later, because AWS looks for the stream first. */
static bool add_hash(struct put_batch *batch, struct put_item *item, struct digest *digest,
                     const struct slice *hash_key)
{
    unsigned char md5[MD5_BYTES];

    if (hash_key == NULL) {
        digest_md5(digest, item->record.key, md5);
        item->hash = u128_get(md5);
        return true;
    }
    if (u128_parse(*hash_key, &item->hash) != ERR_OK)
        return false;
    u128_put(item->hash_key, item->hash);
    item->record.hash_key = slice_of(item->hash_key, sizeof(item->hash_key));
    return true;
}

/* AWS counts data and partition key together.  Its words for that are not known: these are its
 * words for data that alone is too large, and when only both together are, what is left for data
 * and why.  `place`: in PutRecords, from 1. */
static void fail_too_large(struct request *request, const struct record *record, uint32_t place,
                           size_t bytes_max)
{
    bool alone = record->data.len > bytes_max;
    char path[32] = "", why[96] = "";

    if (place > 0)
        (void)snprintf(path, sizeof(path), "records.%u.member.", place);
    if (!alone)
        (void)snprintf(why, sizeof(why), ", which is %zu less the %zu bytes of partitionKey",
                       bytes_max, record->key.len);
    request_fail(request, ERROR_VALIDATION,
                 "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=%zu "
                 "cap=%zu]' at '%sdata' failed to satisfy constraint: Member must have length "
                 "less than or equal to %zu%s",
                 record->data.len, record->data.len, path,
                 alone ? bytes_max : bytes_max - record->key.len, why);
}

/* RecordDistributionStrategy AUTO: keys do not count, and who has none gets one.  False: the
 * request has failed. */
static bool spread(struct put_batch *batch)
{
    struct random *random = batch->request->api->world.random;

    for (uint32_t i = 0; i < batch->item_count; i++) {
        struct put_item *item = &batch->items[i];

        item->hash = u128_of(random_u64(random), random_u64(random));
        item->record.hash_key = slice_of(NULL, 0);
        if (item->record.key.len > 0)
            continue;
        item->record.key = request_text(batch->request, "%016" PRIx64, random_u64(random));
        if (item->record.key.len == 0) {
            request_fail_err(batch->request, ERR_NO_MEMORY, NULL);
            return false;
        }
    }
    return true;
}

bool put_batch_check(struct request *request, const struct model_stream *stream)
{
    struct put_batch *batch = request->state;
    bool spreads = model_settings(stream)->spreads;
    size_t record_bytes_max = (size_t)stream->record_kib_max * 1024, bytes = 0;
    bool many = request->operation == operation_at(OPERATION_put_records);

    if (stream->status == STREAM_CREATING || stream->status == STREAM_DELETING) {
        request_fail_stream(request, slice_text(stream->name));
        return false;
    }
    if (spreads) {
        if (!spread(batch))
            return false;
    } else if (batch->no_key != NULL) {
        request_fail(request, ERROR_VALIDATION,
                     "1 validation error detected: Value null at '%spartitionKey' failed to "
                     "satisfy constraint: Member must not be null", batch->no_key);
        return false;
    } else if (batch->bad_hash_key.len > 0) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
                     "Specified value was %.*s", (int)batch->bad_hash_key.len,
                     (const char *)batch->bad_hash_key.data);
        return false;
    }
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct record *record = &batch->items[i].record;

        bytes += record->data.len + record->key.len;
        if (record->data.len + record->key.len <= record_bytes_max)
            continue;
        fail_too_large(request, record, many ? i + 1 : 0, record_bytes_max);
        return false;
    }
    if (many && bytes > PUT_BYTES_MAX) {
        request_fail(request, ERROR_INVALID_ARGUMENT, "Records size exceeds %u MB limit",
                     PUT_BYTES_MAX / 1024 / 1024);
        return false;
    }
    return true;
}

void put_batch_start(struct request *request, const struct model_stream *stream, put_batch_cb done)
{
    struct put_batch *batch = request->state;
    struct plan *plans = request_take(request, batch->item_count * sizeof(*plans));
    size_t bytes = 0;

    if (plans == NULL)
        return;
    batch->done = done;
    batch->encrypted = model_settings(stream)->key_id != NULL;
    batch->stream = stream->id;
    batch->rounds = 1;
    batch->group_count = plan_items(batch, stream, plans);
    if (!make_groups(batch, stream, plans))
        return;
    for (uint32_t i = 0; i < batch->group_count; i++)
        bytes += plans[i].bytes;
    if (bytes > API_LOOP_BYTES_MAX) {
        work_start(request->api->world.work, &batch->work, encode_run, encode_on_done);
        return;
    }
    encode_run(&batch->work);
    send(batch);
}

/* ---- grouping ---- */

/* In the first round, or again because its shard was split or merged: nothing of it was stored. */
static bool is_to_be_put(const struct put_item *item)
{
    return item->in == NULL || (item->in->err == ERR_CLOSED && item->in->route.moved);
}

/* Gives each item its group; returns how many groups there are. */
static uint32_t plan_items(struct put_batch *batch, const struct model_stream *stream,
                           struct plan *plans)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < batch->item_count; i++) {
        struct put_item *item = &batch->items[i];
        const struct model_shard *shard = model_shard_by_hash(stream, item->hash);
        size_t bytes = command_record_bytes(&item->record);

        if (!is_to_be_put(item))
            continue;
        ensure(shard != NULL);
        uint32_t shard_at = (uint32_t)(shard - stream->shards);
        struct plan *plan = plan_find(plans, count, shard_at);
        if (plan == NULL || plan->bytes + bytes > ENTRY_BYTES_MAX ||
            plan->records == ENTRY_RECORDS_MAX) {
            plan = &plans[count++];
            *plan = (struct plan){ .shard_at = shard_at };
        }
        item->group = (uint32_t)(plan - plans);
        item->place = plan->records++;
        plan->bytes += bytes;
    }
    return count;
}

/* The newest group of that shard, NULL when it has none. */
static struct plan *plan_find(struct plan *plans, uint32_t count, uint32_t shard_at)
{
    for (uint32_t i = count; i-- > 0;)
        if (plans[i].shard_at == shard_at)
            return &plans[i];
    return NULL;
}

/* False: the request has failed. */
static bool make_groups(struct put_batch *batch, const struct model_stream *stream,
                        const struct plan *plans)
{
    batch->groups = request_take(batch->request, batch->group_count * sizeof(*batch->groups));
    if (batch->groups == NULL)
        return false;
    for (uint32_t i = 0; i < batch->group_count; i++) {
        const struct model_shard *shard = &stream->shards[plans[i].shard_at];
        struct put_group *group = &batch->groups[i];

        group->batch = batch;
        group->name = (struct seqno_shard){ .created_s = shard->created_s,
                                            .shard = shard->number };
        group->route.group = shard->group;
        group->route.record_count = plans[i].records;
        group->route.records = buf_new(plans[i].bytes);
        if (group->route.records == NULL) {
            drop_records(batch);
            request_fail_err(batch->request, ERR_NO_MEMORY, NULL);
            return false;
        }
        group->end = group->route.records->data;
    }
    return true;
}

static void drop_records(struct put_batch *batch)
{
    for (uint32_t i = 0; i < batch->group_count; i++) {
        buf_unref(batch->groups[i].route.records);
        batch->groups[i].route.records = NULL;
    }
}

/* ---- encoding and sending ---- */

static void encode_run(struct work *work)
{
    struct put_batch *batch = container_of(work, struct put_batch, work);

    for (uint32_t i = 0; i < batch->item_count; i++) {
        struct put_item *item = &batch->items[i];
        if (!is_to_be_put(item))
            continue;
        struct put_group *group = &batch->groups[item->group];
        group->end = command_encode_record(group->end, &item->record);
        item->in = group;
    }
}

static void encode_on_done(struct work *work)
{
    send(container_of(work, struct put_batch, work));
}

static void send(struct put_batch *batch)
{
    if (batch->due_ms == 0)
        batch->due_ms = clock_mono_ms(batch->request->api->world.clock) + ROUTE_PUT_TIMEOUT_MS;
    batch->waiting = batch->group_count;
    for (uint32_t i = 0; i < batch->group_count; i++) {
        batch->groups[i].route.due_ms = batch->due_ms;
        route_put(batch->request->api->world.route, &batch->groups[i].route, send_on_done);
    }
    drop_records(batch); /* the route has references of its own */
}

static void send_on_done(struct route_put *route, enum err err)
{
    struct put_group *group = container_of(route, struct put_group, route);
    struct put_batch *batch = group->batch;

    group->err = err;
    if (--batch->waiting > 0)
        return;
    if (!put_again(batch))
        batch->done(batch);
}

/* The records whose shards are not open any more go to those that are.  False: there are none; else
 * the batch goes on, or the request has failed. */
static bool put_again(struct put_batch *batch)
{
    struct request *request = batch->request;
    const struct model_stream *stream = model_stream_by_id(request_model(request), batch->stream);
    bool any = false;

    for (uint32_t i = 0; i < batch->item_count; i++)
        any |= is_to_be_put(&batch->items[i]);
    if (any && stream != NULL && batch->rounds++ == PUT_ROUNDS_MAX)
        give_up(batch);
    else if (any && stream != NULL)
        put_round(batch, stream);
    else
        return false;
    return batch->waiting > 0 || request->error.type != ERROR_TYPE_NONE;
}

/* Nothing of them was stored, and the stream is there. */
static void give_up(struct put_batch *batch)
{
    for (uint32_t i = 0; i < batch->item_count; i++)
        if (is_to_be_put(&batch->items[i]))
            batch->items[i].in->err = ERR_UNAVAILABLE;
}

static void put_round(struct put_batch *batch, const struct model_stream *stream)
{
    struct request *request = batch->request;
    struct plan *plans = request_take(request, batch->item_count * sizeof(*plans));

    if (plans == NULL)
        return;
    batch->group_count = plan_items(batch, stream, plans);
    if (!make_groups(batch, stream, plans))
        return;
    encode_run(&batch->work);
    send(batch);
}

/* ---- outcomes ---- */

struct slice put_item_shard(const struct put_batch *batch, uint32_t item, bool *ok)
{
    char name[SHARD_NAME_BYTES];
    const struct put_group *group = batch->items[item].in;

    return describe_text(batch->request, shard_name_print(group->name.shard, name), ok);
}

struct slice put_item_seqno(const struct put_batch *batch, uint32_t item, bool *ok)
{
    char text[SEQNO_TEXT_MAX];
    const struct put_group *group = batch->items[item].in;
    struct seqno seqno = group->route.first;

    seqno.ordinal += batch->items[item].place;
    ensure(seqno.ordinal < ENTRY_RECORDS_MAX);
    seqno_print(group->name, seqno, text);
    return describe_text(batch->request, text, ok);
}

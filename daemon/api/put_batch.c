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

/* Those of one round; the newest of each shard is found by its place. */
struct plans {
    struct plan *items;
    uint32_t count;
    uint32_t *newest, mask; /* open addressing: a plan's number from 1, 0 where none is */
};

static bool add_hash(struct put_batch *batch, struct put_item *item, struct digest *digest,
                     const struct slice *hash_key);
static bool check_bytes(struct request *request, const struct model_stream *stream, size_t bytes);
static bool plan_items(struct put_batch *batch, const struct model_stream *stream,
                       struct plans *plans);
static struct plan *plan_of(struct plans *plans, uint32_t shard_at, size_t bytes);
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
    return !many || check_bytes(request, stream, bytes);
}

/* AWS's words, with the number that counts here.  False: the request has failed. */
static bool check_bytes(struct request *request, const struct model_stream *stream, size_t bytes)
{
    uint32_t most = limit_up_to(
        control_stream_limit(request->api->world.control, stream, LIMIT_PUT_CALL_BYTES),
        WIRE_BODY_BYTES_MAX);

    if (bytes <= most)
        return true;
    if (most % (1024 * 1024) == 0)
        request_fail(request, ERROR_INVALID_ARGUMENT, "Records size exceeds %u MB limit",
                     most / 1024 / 1024);
    else
        request_fail(request, ERROR_INVALID_ARGUMENT, "Records size exceeds %u bytes limit", most);
    return false;
}

void put_batch_start(struct request *request, const struct model_stream *stream, put_batch_cb done)
{
    struct put_batch *batch = request->state;
    struct plans plans;
    size_t bytes = 0;

    batch->done = done;
    batch->encrypted = model_settings(stream)->key_id != NULL;
    batch->stream = stream->id;
    batch->rounds = 1;
    if (!plan_items(batch, stream, &plans) || !make_groups(batch, stream, plans.items))
        return;
    for (uint32_t i = 0; i < batch->group_count; i++)
        bytes += plans.items[i].bytes;
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

static bool plans_take(struct request *request, uint32_t items, struct plans *ret)
{
    uint32_t slots = 2;

    while (slots < 2 * items)
        slots *= 2;
    *ret = (struct plans){ .mask = slots - 1 };
    ret->items = request_take(request, items * sizeof(*ret->items));
    if (ret->items != NULL)
        ret->newest = request_take(request, slots * sizeof(*ret->newest));
    return ret->newest != NULL;
}

/* Gives each item its group.  False: the request has failed. */
static bool plan_items(struct put_batch *batch, const struct model_stream *stream,
                       struct plans *plans)
{
    if (!plans_take(batch->request, batch->item_count, plans))
        return false;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        struct put_item *item = &batch->items[i];
        const struct model_shard *shard = model_shard_by_hash(stream, item->hash);
        size_t bytes = command_record_bytes(&item->record);

        if (!is_to_be_put(item))
            continue;
        ensure(shard != NULL);
        struct plan *plan = plan_of(plans, (uint32_t)(shard - stream->shards), bytes);
        item->group = (uint32_t)(plan - plans->items);
        item->place = plan->records++;
        plan->bytes += bytes;
    }
    batch->group_count = plans->count;
    return true;
}

/* The newest group of that shard, or another one when it has no room for so many bytes. */
static struct plan *plan_of(struct plans *plans, uint32_t shard_at, size_t bytes)
{
    uint32_t at = shard_at & plans->mask;

    while (plans->newest[at] != 0 && plans->items[plans->newest[at] - 1].shard_at != shard_at)
        at = (at + 1) & plans->mask;
    struct plan *plan = plans->newest[at] == 0 ? NULL : &plans->items[plans->newest[at] - 1];
    if (plan != NULL && plan->bytes + bytes <= ENTRY_BYTES_MAX &&
        plan->records < ENTRY_RECORDS_MAX)
        return plan;
    plan = &plans->items[plans->count++];
    plan->shard_at = shard_at;
    plans->newest[at] = plans->count;
    return plan;
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
    struct plans plans;

    if (!plan_items(batch, stream, &plans) || !make_groups(batch, stream, plans.items))
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

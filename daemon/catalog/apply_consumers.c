#include "catalog/apply_consumers.h"

#include <string.h>

#include "catalog/row_consumers.h"
#include "catalog/row_settings.h"

#define CONSUMERS_OF_OLD 20u /* of a change that does not say how many there may be */

static enum err set_check(const struct model_stream *stream, const struct model_consumer *consumer,
                          const Braid__Catalog__SetConsumer *row, struct reason *reason);
static enum err room_check(const struct model *model, uint32_t before, uint32_t after,
                           struct reason *reason);

static enum err allowed(const struct model_stream *stream, const char *name, uint32_t most,
                        struct reason *reason)
{
    if (stream->status == STREAM_CREATING || stream->status == STREAM_DELETING) {
        reason_set(reason, "stream %s is not active", stream->name);
        return ERR_CLOSED;
    }
    if (!row_name_legal(name)) {
        reason_set(reason, "consumer name: 1 to %u letters, digits, '_', '.' or '-'",
                   MODEL_NAME_MAX);
        return ERR_INVALID;
    }
    if (model_consumer_by_name(stream, slice_text(name)) != NULL) {
        reason_set(reason, "consumer %s of stream %s exists", name, stream->name);
        return ERR_EXISTS;
    }
    if (stream->consumer_count >= most || stream->consumer_count >= STREAM_CONSUMERS_MAX) {
        reason_set(reason, "stream %s has %u consumers, as many as it can have: deregister one",
                   stream->name, stream->consumer_count);
        return ERR_BUSY;
    }
    return ERR_OK;
}

/* No later than the change says but for the floor: a name that comes back gets another ARN. */
static uint64_t creation_of(const struct model_stream *stream, uint64_t proposed_ms)
{
    uint64_t floor_ms = (stream->consumer_floor_s + 1) * 1000;

    if (proposed_ms / 1000 >= ROW_CREATED_S_END)
        proposed_ms = (ROW_CREATED_S_END - 1) * 1000;
    return stream->consumer_floor_s != 0 && proposed_ms < floor_ms ? floor_ms : proposed_ms;
}

enum err apply_register_consumer(struct model *model, const Braid__Catalog__Change *change,
                                 struct reason *reason)
{
    const Braid__Catalog__RegisterConsumer *row = change->register_consumer;
    struct model_stream *stream = model_stream_change(model, row->stream);
    const struct model_consumer *same = NULL;
    struct model_consumer consumer = { .id = model->index, .token = change->token };

    if (stream == NULL) {
        reason_set(reason, "no such stream");
        return ERR_NOT_FOUND;
    }
    same = model_consumer_by_name(stream, slice_text(row->name));
    if (same != NULL && change->token != 0 && same->token == change->token)
        return ERR_OK;

    uint32_t most = row->most != 0 ? row->most : CONSUMERS_OF_OLD;
    enum err err = allowed(stream, row->name, most, reason);
    if (err != ERR_OK)
        return err;
    err = row_tags_read(row->tags, row->n_tags, &consumer.tags, reason);
    if (err != ERR_OK)
        return err;
    strcpy(consumer.name, row->name);
    consumer.tag_count = (uint32_t)row->n_tags;
    consumer.created_ms = creation_of(stream, change->proposed_ms);
    err = room_check(model, 0, model_consumer_bytes(&consumer), reason);
    if (err == ERR_OK)
        model_consumer_add(model, stream, &consumer);
    else
        model_consumer_fini(&consumer);
    return err;
}

enum err apply_set_consumer(struct model *model, const Braid__Catalog__SetConsumer *row,
                            struct reason *reason)
{
    struct model_stream *stream = model_stream_change(model, row->stream);
    const struct model_consumer *found =
        stream == NULL ? NULL : model_consumer_by_id(stream, row->id);
    enum err err = set_check(stream, found, row, reason);
    struct model_consumer *consumer, next;

    if (err != ERR_OK)
        return err;
    consumer = &stream->consumers[found - stream->consumers];
    next = *consumer;
    err = row_tags_read(row->tags, row->n_tags, &next.tags, reason);
    if (err != ERR_OK)
        return err;
    next.tag_count = (uint32_t)row->n_tags;
    next.policy = row_policy_read(row->policy);
    next.revision++;
    uint32_t before = model_consumer_bytes(consumer), after = model_consumer_bytes(&next);
    err = room_check(model, before, after, reason);

    struct model_consumer gone = err == ERR_OK ? *consumer : next;
    if (err == ERR_OK) {
        model->stream_bytes += after - before;
        *consumer = next;
    }
    model_consumer_fini(&gone);
    return err;
}

static enum err set_check(const struct model_stream *stream, const struct model_consumer *consumer,
                          const Braid__Catalog__SetConsumer *row, struct reason *reason)
{
    if (consumer == NULL) {
        reason_set(reason, "no such consumer");
        return ERR_NOT_FOUND;
    }
    if (stream->status == STREAM_DELETING) {
        reason_set(reason, "stream %s is being deleted", stream->name);
        return ERR_CLOSED;
    }
    if (row->revision != consumer->revision) {
        reason_set(reason, "consumer %s of stream %s was set by somebody else meanwhile",
                   consumer->name, stream->name);
        return ERR_EXPIRED;
    }
    if (strlen(row->policy) > POLICY_BYTES_MAX) {
        reason_set(reason, "the policy of consumer %s of stream %s is too long", consumer->name,
                   stream->name);
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* What is taken away always fits. */
static enum err room_check(const struct model *model, uint32_t before, uint32_t after,
                           struct reason *reason)
{
    if (after <= before || model->stream_bytes - before <= CATALOG_BYTES_MAX - after)
        return ERR_OK;
    reason_set(reason, "the catalogue holds %u bytes of streams and %u are in use: delete "
               "streams, deregister consumers, or give this one fewer or shorter tags, or a "
               "shorter policy", CATALOG_BYTES_MAX, model->stream_bytes);
    return ERR_BUSY;
}

enum err apply_deregister_consumer(struct model *model,
                                   const Braid__Catalog__DeregisterConsumer *row,
                                   struct reason *reason)
{
    struct model_stream *stream = model_stream_change(model, row->stream);
    const struct model_consumer *consumer =
        stream == NULL ? NULL : model_consumer_by_id(stream, row->id);

    if (consumer == NULL) {
        reason_set(reason, "no such consumer");
        return ERR_NOT_FOUND;
    }
    if (stream->consumer_floor_s < consumer->created_ms / 1000)
        stream->consumer_floor_s = consumer->created_ms / 1000;
    model_consumer_remove(model, stream, row->id);
    return ERR_OK;
}

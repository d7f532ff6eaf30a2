#include "catalog/apply_consumers.h"

#include <string.h>

#include "catalog/row_consumers.h"

static enum err allowed(const struct model_stream *stream, const char *name,
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
    if (stream->consumer_count >= STREAM_CONSUMERS_MAX) {
        reason_set(reason, "stream %s has %u consumers, as many as it can have: deregister one",
                   stream->name, STREAM_CONSUMERS_MAX);
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

    enum err err = allowed(stream, row->name, reason);
    if (err != ERR_OK)
        return err;
    strcpy(consumer.name, row->name);
    consumer.created_ms = creation_of(stream, change->proposed_ms);
    if (model->stream_bytes > CATALOG_BYTES_MAX - model_consumer_bytes(&consumer)) {
        reason_set(reason, "the catalogue holds %u bytes of streams and %u are in use: delete "
                   "streams or deregister consumers", CATALOG_BYTES_MAX, model->stream_bytes);
        return ERR_BUSY;
    }
    model_consumer_add(model, stream, &consumer);
    return ERR_OK;
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

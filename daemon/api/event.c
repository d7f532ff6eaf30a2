#include "api/event.h"

#include "api/record_list.h"
#include "base/limits.h"
#include "wire/encoding.h"
#include "wire/event_stream.h"

static struct buf *finished(struct writer *writer)
{
    struct buf *buf = event_stream_end(writer) == ERR_OK ? writer_take(writer) : NULL;

    writer_fini(writer);
    return buf;
}

struct buf *event_initial(void)
{
    struct writer writer;

    writer_init(&writer, SUBSCRIPTION_EVENT_MAX);
    event_stream_begin_event(&writer, "initial-response");
    writer_text(&writer, "{}");
    return finished(&writer);
}

/* The one name that differs from that of a reply: clients know these by the members of the stream's
 * shape. */
static const char *exception_name(enum error_type type)
{
    return type == ERROR_INTERNAL_FAILURE ? "InternalFailureException" : error_type_name(type);
}

struct buf *event_exception(enum error_type type, const char *message)
{
    struct subscription_exception_out out = { .has_message = true,
                                              .message = slice_text(message) };
    struct writer writer;

    writer_init(&writer, SUBSCRIPTION_EVENT_MAX);
    event_stream_begin_exception(&writer, exception_name(type));
    if (wire_encode(&encoding_json, &shape_subscription_exception_out, &out, &writer) != ERR_OK) {
        writer_fini(&writer);
        return NULL;
    }
    return finished(&writer);
}

/* A number between the last record given and the next one: AFTER_ and AT_SEQUENCE_NUMBER of it both
 * go on with the next.  Where there is none between the two it is that of the last. */
static void continuation_print(const struct event_content *content, char text[SEQNO_TEXT_MAX])
{
    struct position next = content->next;
    struct seqno before;

    if (next.ordinal > 0)
        before = seqno_at(next.index, next.ordinal - 1, content->time_s);
    else
        before = seqno_at(next.index > 0 ? next.index - 1 : 0, ENTRY_RECORDS_MAX - 1,
                          content->time_s);
    seqno_print(content->name, before, text);
}

static enum err encode(const struct event_content *content,
                       const struct subscribe_to_shard_event_out *out, struct buf **ret)
{
    const struct encoding *encoding = content->in_ms ? &encoding_json_in_ms : &encoding_json;
    struct writer writer;
    struct buf *buf = NULL;

    writer_init(&writer, SUBSCRIPTION_EVENT_MAX);
    event_stream_begin_event(&writer, "SubscribeToShardEvent");
    if (wire_encode(encoding, &shape_subscribe_to_shard_event_out, out, &writer) == ERR_OK)
        buf = finished(&writer);
    else
        writer_fini(&writer);
    if (buf == NULL)
        return ERR_NO_MEMORY;
    *ret = buf;
    return ERR_OK;
}

enum err event_records(const struct event_content *content, struct buf **ret)
{
    struct subscribe_to_shard_event_out out = { .has_records = true };
    char continuation[SEQNO_TEXT_MAX];
    struct arena arena;
    enum err err;

    arena_init(&arena, SUBSCRIPTION_EVENT_MAX);
    err = record_list_compose(&arena, content->name, content->parts, content->part_count,
                              content->record_count, content->encrypted, &out.records);
    if (err == ERR_OK) {
        wire_set(&out, millis_behind_latest, (int64_t)content->behind_ms);
        if (content->ended) {
            wire_set(&out, child_shards, content->children);
        } else {
            continuation_print(content, continuation);
            wire_set(&out, continuation_sequence_number, slice_text(continuation));
        }
        err = encode(content, &out, ret);
    }
    arena_fini(&arena);
    return err;
}

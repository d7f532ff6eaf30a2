#include "api/fan.h"

#include <stdlib.h>
#include <uthash.h>

#include "api/ending.h"
#include "api/event.h"
#include "base/ensure.h"
#include "base/limits.h"

struct fan {
    struct route *route;
    struct control *control;
    struct clock *clock;
    struct work_pool *work;
    struct fan_shard *shards; /* by group */
};

/* A shard that somebody on this node reads. */
struct fan_shard {
    UT_hash_handle hh;
    struct fan *fan;
    uint64_t group;
    uint32_t reader_count;
    struct list reads;     /* under way */
    struct fan_read *last; /* done, with records; NULL: none yet */
};

/* From the question to the event. */
struct fan_read {
    struct list_node link; /* in shard.reads */
    struct fan_shard *shard;
    struct list readers; /* who wait for it */
    struct position from;
    bool in_ms, encoding; /* `encoding`: a worker has it */
    struct route_read route;
    struct event_content content;
    struct arena arena; /* of the children */
    size_t record_bytes;
    struct buf *event;
    uint64_t done_ms; /* monotonic */
    enum err err;
    struct work work;
};

static void read_start(struct fan_reader *reader);
static void read_on_done(struct route_read *route, enum err err);
static void read_free(struct fan_read *read);
static bool content_take(struct fan_read *read);
static void encode_run(struct work *work);
static void encode_on_done(struct work *work);
static void deliver(struct fan_read *read, enum err err);
static void deliver_deferred(struct defer *defer);
static void take(struct fan_reader *reader, const struct fan_read *read);
static void shard_settle_fan(struct fan_shard *shard);

struct fan *fan_new(struct route *route, struct control *control, struct clock *clock,
                    struct work_pool *work)
{
    struct fan *fan = calloc(1, sizeof(*fan));

    if (fan != NULL)
        *fan = (struct fan){ .route = route, .control = control, .clock = clock, .work = work };
    return fan;
}

void fan_free(struct fan *fan)
{
    ensure(fan == NULL || fan->shards == NULL);
    free(fan);
}

/* ---- who reads ---- */

enum err fan_join(struct fan *fan, struct fan_reader *reader, uint64_t group)
{
    struct fan_shard *shard;

    HASH_FIND(hh, fan->shards, &group, sizeof(group), shard);
    if (shard == NULL) {
        shard = calloc(1, sizeof(*shard));
        if (shard == NULL)
            return ERR_NO_MEMORY;
        shard->fan = fan;
        shard->group = group;
        list_init(&shard->reads);
        HASH_ADD(hh, fan->shards, group, sizeof(shard->group), shard);
    }
    shard->reader_count++;
    reader->shard = shard;
    return ERR_OK;
}

void fan_leave(struct fan_reader *reader)
{
    struct fan_shard *shard = reader->shard;
    struct fan_read *read = reader->read;

    if (shard == NULL)
        return;
    defer_cancel(&reader->defer);
    if (list_linked(&reader->link))
        list_remove(&reader->link);
    reader->read = NULL;
    reader->shard = NULL;
    buf_unref(reader->event);
    reader->event = NULL;
    if (read != NULL && list_empty(&read->readers) && !read->encoding) {
        route_read_cancel(&read->route);
        read_free(read);
    }
    shard->reader_count--;
    shard_settle_fan(shard);
}

/* Nobody reads it here any more, and no worker has a read of it. */
static void shard_settle_fan(struct fan_shard *shard)
{
    struct fan *fan = shard->fan;

    if (shard->reader_count > 0 || !list_empty(&shard->reads))
        return;
    if (shard->last != NULL)
        read_free(shard->last);
    HASH_DEL(fan->shards, shard);
    free(shard);
}

/* ---- the next event ---- */

static bool answers(const struct fan_read *read, const struct fan_reader *reader)
{
    return read->from.index == reader->from.index && read->from.ordinal == reader->from.ordinal &&
           read->in_ms == reader->in_ms;
}

void fan_next(struct fan_reader *reader, fan_cb cb)
{
    struct fan_shard *shard = reader->shard;

    ensure(reader->read == NULL && !defer_waits(&reader->defer));
    buf_unref(reader->event);
    reader->event = NULL;
    reader->cb = cb;
    if (shard->last != NULL && answers(shard->last, reader) &&
        clock_mono_ms(shard->fan->clock) - shard->last->done_ms < FAN_LAST_MS) {
        take(reader, shard->last);
        defer_run(shard->fan->clock, &reader->defer, deliver_deferred);
        return;
    }
    for (struct list_node *node = list_first(&shard->reads); node != NULL;
         node = list_next(&shard->reads, node)) {
        struct fan_read *read = container_of(node, struct fan_read, link);
        if (!answers(read, reader))
            continue;
        reader->read = read;
        list_append(&read->readers, &reader->link);
        return;
    }
    read_start(reader);
}

static void read_start(struct fan_reader *reader)
{
    struct fan_shard *shard = reader->shard;
    struct fan_read *read = calloc(1, sizeof(*read));

    if (read == NULL) {
        reader->next = reader->from; /* as if nothing were there: its subscription asks again */
        reader->record_count = 0;
        reader->record_bytes = 0;
        reader->ended = false;
        defer_run(shard->fan->clock, &reader->defer, deliver_deferred);
        return;
    }
    read->shard = shard;
    read->from = reader->from;
    read->in_ms = reader->in_ms;
    list_init(&read->readers);
    arena_init(&read->arena, SUBSCRIPTION_EVENT_MAX);
    list_append(&shard->reads, &read->link);
    list_append(&read->readers, &reader->link);
    reader->read = read;
    read->route = (struct route_read){ .group = shard->group,
                                       .from = read->from,
                                       .records_max = SUBSCRIPTION_EVENT_RECORDS,
                                       .bytes_max = SUBSCRIPTION_EVENT_BYTES,
                                       .watches = true };
    route_read(shard->fan->route, &read->route, read_on_done);
}

static void read_free(struct fan_read *read)
{
    if (list_linked(&read->link))
        list_remove(&read->link);
    route_read_fini(&read->route);
    arena_fini(&read->arena);
    buf_unref(read->event);
    free(read);
}

static void read_on_done(struct route_read *route, enum err err)
{
    struct fan_read *read = container_of(route, struct fan_read, route);

    if (err == ERR_OK && !content_take(read))
        err = ERR_CLOSED;
    if (err != ERR_OK || (read->content.record_count == 0 && !read->content.ended)) {
        deliver(read, err);
        return;
    }
    if (read->record_bytes > API_LOOP_BYTES_MAX) {
        read->encoding = true;
        work_start(read->shard->fan->work, &read->work, encode_run, encode_on_done);
        return;
    }
    encode_run(&read->work);
    deliver(read, read->err);
}

/* An event ends where an entry does, when it has more than a part of one: the number that stands
 * for its end has a place there. */
static void entry_cut(struct event_content *content)
{
    const struct read_part *last = &content->parts[content->part_count - 1];

    if (content->next.ordinal == 0 || content->part_count < 2)
        return;
    content->part_count--;
    content->record_count -= last->count;
    content->next = (struct position){ .index = last->index, .ordinal = last->first_ordinal };
}

/* False: the shard is gone. */
static bool content_take(struct fan_read *read)
{
    const struct model *model = catalog_model(control_catalog(read->shard->fan->control));
    const struct route_read *route = &read->route;
    struct event_content *content = &read->content;
    const struct model_stream *stream = NULL;
    const struct model_shard *shard = model_shard_by_group(model, route->group, &stream);

    if (shard == NULL)
        return false;
    *content = (struct event_content){
        .name = { .created_s = shard->created_s, .shard = shard->number },
        .parts = route->parts,
        .part_count = route->part_count,
        .record_count = route->record_count,
        .next = route->next,
        .time_s = clock_wall_ms(read->shard->fan->clock) / 1000,
        .behind_ms = route->behind_ms,
        .encrypted = model_settings(stream)->key_id != NULL,
        .in_ms = read->in_ms,
    };
    if (content->part_count > 0)
        entry_cut(content);
    for (uint32_t i = 0; i < content->part_count; i++)
        read->record_bytes += content->parts[i].records.len;
    if (content->part_count > 0)
        content->time_s = content->parts[content->part_count - 1].time_ms / 1000;
    content->ended = ending_reached(shard, content->next) &&
                     ending_children(stream, shard, &read->arena, &content->children);
    if (content->ended)
        content->behind_ms = 0;
    return true;
}

static void encode_run(struct work *work)
{
    struct fan_read *read = container_of(work, struct fan_read, work);

    read->err = event_records(&read->content, &read->event);
}

static void encode_on_done(struct work *work)
{
    struct fan_read *read = container_of(work, struct fan_read, work);

    read->encoding = false;
    deliver(read, read->err);
}

static void take(struct fan_reader *reader, const struct fan_read *read)
{
    reader->event = buf_ref(read->event);
    reader->next = read->content.next;
    reader->behind_ms = read->content.behind_ms;
    reader->time_s = read->content.time_s;
    reader->record_count = read->content.record_count;
    reader->record_bytes = read->record_bytes;
    reader->ended = read->content.ended;
}

/* The payloads go now; the event stays until there is a newer one. */
static void deliver(struct fan_read *read, enum err err)
{
    struct fan_shard *shard = read->shard;
    struct reason reason = read->route.reason;
    struct list_node *node;
    bool kept = err == ERR_OK && read->event != NULL;

    read->done_ms = clock_mono_ms(shard->fan->clock);
    list_remove(&read->link);
    route_read_fini(&read->route);
    shard->reader_count++; /* keeps the shard until this is done */
    struct list readers;
    list_take(&readers, &read->readers);
    for (node = list_first(&readers); node != NULL; node = list_next(&readers, node)) {
        struct fan_reader *reader = container_of(node, struct fan_reader, link);
        if (err == ERR_OK)
            take(reader, read);
        reader->reason = reason;
        reader->read = NULL;
    }
    if (kept) {
        if (shard->last != NULL)
            read_free(shard->last);
        shard->last = read;
    } else {
        read_free(read);
    }
    while ((node = list_pop(&readers)) != NULL) {
        struct fan_reader *reader = container_of(node, struct fan_reader, link);
        reader->cb(reader, err);
    }
    shard->reader_count--;
    shard_settle_fan(shard);
}

static void deliver_deferred(struct defer *defer)
{
    struct fan_reader *reader = container_of(defer, struct fan_reader, defer);

    reader->cb(reader, ERR_OK);
}

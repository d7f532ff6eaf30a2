#include "api/fan.h"

#include <stdlib.h>
#include <uthash.h>

#include "api/ending.h"
#include "api/event.h"
#include "api/record_list.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "env/timer.h"

static const char too_much[] = "events and other replies of this node hold too much at once "
                               "(replies-bytes-max)";

struct fan {
    struct fan_world world;
    struct fan_shard *shards; /* by group */
    uint32_t last_count;      /* of them with a `last` */
    fan_closed_cb on_closed;  /* NULL: it is open */
    void *closed_ctx;
    struct defer closed;
};

/* A shard that somebody on this node reads. */
struct fan_shard {
    UT_hash_handle hh;
    struct fan *fan;
    uint64_t group;
    uint32_t reader_count;
    struct list reads;     /* under way */
    struct fan_read *last; /* done, with records, less than FAN_LAST_MS ago; NULL: there is none */
    struct timer forget;   /* `last` */
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
    size_t held; /* taken from the budget */
    enum err err;
    struct work work;
};

static void read_start(struct fan_reader *reader);
static void refuse(struct fan_reader *reader, enum err err, const char *why);
static bool hold(struct fan_read *read, size_t bytes);
static void last_set(struct fan_shard *shard, struct fan_read *read);
static void last_on_time(struct timer *timer);
static void read_on_done(struct route_read *route, enum err err);
static void read_free(struct fan_read *read);
static bool content_take(struct fan_read *read);
static void encode_run(struct work *work);
static void encode_on_done(struct work *work);
static void deliver(struct fan_read *read, enum err err);
static void deliver_deferred(struct defer *defer);
static void take(struct fan_reader *reader, const struct fan_read *read);
static void shard_settle_fan(struct fan_shard *shard);
static void fan_settle(struct fan *fan);

struct fan *fan_new(const struct fan_world *world)
{
    struct fan *fan = calloc(1, sizeof(*fan));

    if (fan != NULL)
        fan->world = *world;
    return fan;
}

void fan_close(struct fan *fan, fan_closed_cb cb, void *ctx)
{
    for (struct fan_shard *shard = fan->shards; shard != NULL; shard = shard->hh.next)
        ensure(shard->reader_count == 0);
    fan->on_closed = cb;
    fan->closed_ctx = ctx;
    fan_settle(fan);
}

static void closed_deferred(struct defer *defer)
{
    struct fan *fan = container_of(defer, struct fan, closed);
    fan_closed_cb cb = fan->on_closed;
    void *ctx = fan->closed_ctx;

    free(fan);
    cb(ctx);
}

static void fan_settle(struct fan *fan)
{
    if (fan->on_closed != NULL && fan->shards == NULL)
        defer_run(fan->world.clock, &fan->closed, closed_deferred);
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
    last_set(shard, NULL);
    HASH_DEL(fan->shards, shard);
    free(shard);
    fan_settle(fan);
}

/* The event that those may have who come to its place now. */
static void last_set(struct fan_shard *shard, struct fan_read *read)
{
    struct fan *fan = shard->fan;

    if (shard->last != NULL) {
        read_free(shard->last);
        fan->last_count--;
    }
    timer_stop(&shard->forget);
    shard->last = read;
    if (read == NULL)
        return;
    fan->last_count++;
    timer_start(fan->world.clock, &shard->forget, FAN_LAST_MS, last_on_time);
}

static void last_on_time(struct timer *timer)
{
    last_set(container_of(timer, struct fan_shard, forget), NULL);
}

/* ---- what is held ---- */

/* What a read of so much holds: the records and the event that has them in base64. */
static size_t held_by(size_t record_bytes, uint32_t record_count)
{
    return record_bytes * 7 / 3 + (size_t)record_count * RECORD_REPLY_BYTES;
}

/* So much from now on.  What stays only for those who may come gives way.  False: there is no room;
 * it holds nothing then. */
static bool hold(struct fan_read *read, size_t bytes)
{
    struct fan *fan = read->shard->fan;
    const struct fan_budget *budget = &fan->world.budget;

    if (read->held > 0)
        budget->give_back(budget->ctx, read->held);
    read->held = 0;
    bool fits = bytes == 0 || budget->take(budget->ctx, bytes);
    if (!fits && fan->last_count > 0) {
        for (struct fan_shard *shard = fan->shards; shard != NULL; shard = shard->hh.next)
            last_set(shard, NULL);
        fits = budget->take(budget->ctx, bytes);
    }
    if (fits)
        read->held = bytes;
    return fits;
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
    if (shard->last != NULL && answers(shard->last, reader)) {
        take(reader, shard->last);
        reader->err = ERR_OK;
        defer_run(shard->fan->world.clock, &reader->defer, deliver_deferred);
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

/* Who was behind finds records at once, and room for them is taken first; who was at the tip waits
 * there, and takes it when they come.  Of who has just come nobody knows: a small read tells. */
static size_t bytes_ahead(const struct fan_reader *reader)
{
    return reader->place == FAN_PLACE_UNKNOWN ? FAN_FIRST_BYTES : SUBSCRIPTION_EVENT_BYTES;
}

static void read_start(struct fan_reader *reader)
{
    struct fan_shard *shard = reader->shard;
    struct fan_read *read = calloc(1, sizeof(*read));
    size_t bytes = bytes_ahead(reader);

    if (read == NULL) {
        refuse(reader, ERR_NO_MEMORY, "no memory");
        return;
    }
    read->shard = shard;
    arena_init(&read->arena, SUBSCRIPTION_EVENT_MAX);
    if (reader->place != FAN_PLACE_TIP && !hold(read, held_by(bytes, 0))) {
        read_free(read);
        refuse(reader, ERR_BUSY, too_much);
        return;
    }
    read->from = reader->from;
    read->in_ms = reader->in_ms;
    list_init(&read->readers);
    list_append(&shard->reads, &read->link);
    list_append(&read->readers, &reader->link);
    reader->read = read;
    read->route = (struct route_read){ .group = shard->group,
                                       .from = read->from,
                                       .records_max = SUBSCRIPTION_EVENT_RECORDS,
                                       .bytes_max = bytes,
                                       .watches = true };
    route_read(shard->fan->world.route, &read->route, read_on_done);
}

static void refuse(struct fan_reader *reader, enum err err, const char *why)
{
    reader->err = err;
    reason_set(&reader->reason, "%s", why);
    defer_run(reader->shard->fan->world.clock, &reader->defer, deliver_deferred);
}

static void read_free(struct fan_read *read)
{
    if (list_linked(&read->link))
        list_remove(&read->link);
    route_read_fini(&read->route);
    (void)hold(read, 0);
    arena_fini(&read->arena);
    buf_unref(read->event);
    free(read);
}

static bool has_event(const struct fan_read *read)
{
    return read->content.record_count > 0 || read->content.ended;
}

static void read_on_done(struct route_read *route, enum err err)
{
    struct fan_read *read = container_of(route, struct fan_read, route);

    if (err == ERR_OK && !content_take(read))
        err = ERR_CLOSED;
    if (err == ERR_OK && has_event(read) &&
        !hold(read, held_by(read->record_bytes, read->content.record_count))) {
        err = ERR_BUSY;
        reason_set(&read->route.reason, "%s", too_much);
    }
    if (err != ERR_OK || !has_event(read)) {
        deliver(read, err);
        return;
    }
    if (read->record_bytes > API_LOOP_BYTES_MAX) {
        read->encoding = true;
        work_start(read->shard->fan->world.work, &read->work, encode_run, encode_on_done);
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
    const struct model *model = catalog_model(control_catalog(read->shard->fan->world.control));
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
        .time_s = clock_wall_ms(read->shard->fan->world.clock) / 1000,
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
    reader->place = read->content.behind_ms > 0 ? FAN_PLACE_BEHIND : FAN_PLACE_TIP;
}

/* The payloads go now; the event stays until there is a newer one. */
static void deliver(struct fan_read *read, enum err err)
{
    struct fan_shard *shard = read->shard;
    struct reason reason = read->route.reason;
    struct list_node *node;
    bool kept = err == ERR_OK && read->event != NULL;

    list_remove(&read->link);
    route_read_fini(&read->route);
    (void)hold(read, kept ? read->event->len : 0); /* it holds more until now */
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
    if (kept)
        last_set(shard, read);
    else
        read_free(read);
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

    reader->cb(reader, reader->err);
}

#include "api/subscription.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/event.h"
#include "api/fan.h"
#include "api/handler.h"
#include "api/name.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "base/metric.h"
#include "env/timer.h"

/* Those of a node. */
struct subscriptions {
    struct fan *fan;
    uint32_t count;
    struct counter *events, *records, *bytes, *ended, *failed;
    struct gauge *now;
};

struct subscription {
    struct api *api;
    const struct subscription_events *events;
    void *ctx;
    /* whose, of what */
    uint64_t stream, consumer, group, token;
    uint32_t shard;
    char stream_name[MODEL_NAME_MAX + 1], consumer_name[MODEL_NAME_MAX + 1];
    struct seqno_shard numbers;
    bool in_ms;
    /* where */
    struct position position; /* of the next record to give */
    uint64_t behind_ms, time_s;
    struct fan_reader reader;
    bool reading; /* the fan has it */
    bool held;    /* it is back with `err`, and there was no room */
    enum err err;
    bool has_room;
    bool ending; /* nothing is read any more; `last` is given first, if there is one */
    struct buf *last;
    struct defer go_on;
    struct timer tick, pause;
    uint64_t began_ms, given_ms, renewed_ms, ending_ms, asked_ms;
    uint64_t busy_ms; /* since then there was no room for its next event; 0: there was */
    uint64_t paced_ms; /* until then the consumer has had its bandwidth */
    struct route_grant renewal;
    bool renewing;
};

static void pump(struct subscription *subscription);
static void pump_deferred(struct defer *defer);
static void on_pause(struct timer *timer);
static void on_next(struct fan_reader *reader, enum err err);
static void take_next(struct subscription *subscription);
static void give(struct subscription *subscription, struct buf *event);
static void give_empty(struct subscription *subscription);
static void end(struct subscription *subscription, struct buf *last);
static void end_whole(struct subscription *subscription, struct buf *last);
static void fail(struct subscription *subscription, enum error_type type, const char *text);
static void fail_gone(struct subscription *subscription);
static void on_tick(struct timer *timer);
static void renew(struct subscription *subscription);
static void on_renewed(struct route_grant *req, enum err err);

static uint64_t now_of(const struct subscription *subscription)
{
    return clock_mono_ms(subscription->api->world.clock);
}

/* ---- those of a node ---- */

enum err subscriptions_open(struct api *api, struct metrics *metrics)
{
    struct subscriptions *all = calloc(1, sizeof(*all));

    if (all == NULL)
        return ERR_NO_MEMORY;
    all->fan = fan_new(&(struct fan_world){ .route = api->world.route,
                                            .control = api->world.control,
                                            .clock = api->world.clock,
                                            .work = api->world.work,
                                            .budget = api->world.events });
    if (all->fan == NULL) {
        free(all);
        return ERR_NO_MEMORY;
    }
    all->now = metrics_gauge(metrics, "braid_subscriptions",
                             "Subscriptions of clients of this node now.", NULL);
    all->events = metrics_counter(metrics, "braid_subscription_events_total",
                                  "Events given to subscriptions, those without records too.",
                                  NULL);
    all->records = metrics_counter(metrics, "braid_subscription_records_total",
                                   "Records given to subscriptions.", NULL);
    all->bytes = metrics_counter(metrics, "braid_subscription_bytes_total",
                                 "Bytes of records given to subscriptions.", NULL);
    all->ended = metrics_counter(metrics, "braid_subscriptions_ended_total",
                                 "Subscriptions that ended, by how.", "how=\"whole\"");
    all->failed = metrics_counter(metrics, "braid_subscriptions_ended_total",
                                  "Subscriptions that ended, by how.", "how=\"exception\"");
    api->subscriptions = all;
    return ERR_OK;
}

void subscriptions_close(struct api *api, void (*cb)(void *ctx))
{
    ensure(api->subscriptions->count == 0);
    fan_close(api->subscriptions->fan, cb, api);
    free(api->subscriptions);
    api->subscriptions = NULL;
}

/* ---- one ---- */

enum err subscription_new(struct subscription **ret, struct api *api,
                          const struct subscription_wanted *wanted)
{
    struct subscriptions *all = api->subscriptions;
    struct subscription *subscription;

    if (all->count >= SUBSCRIPTIONS_MAX)
        return ERR_BUSY;
    subscription = calloc(1, sizeof(*subscription));
    if (subscription == NULL)
        return ERR_NO_MEMORY;
    subscription->api = api;
    subscription->stream = wanted->stream->id;
    subscription->consumer = wanted->consumer->id;
    subscription->group = wanted->shard->group;
    subscription->shard = wanted->shard->number;
    subscription->numbers = (struct seqno_shard){ .created_s = wanted->shard->created_s,
                                                  .shard = wanted->shard->number };
    subscription->in_ms = wanted->in_ms;
    subscription->token = random_id(api->world.random);
    strcpy(subscription->stream_name, wanted->stream->name);
    strcpy(subscription->consumer_name, wanted->consumer->name);
    if (fan_join(all->fan, &subscription->reader, subscription->group) != ERR_OK) {
        free(subscription);
        return ERR_NO_MEMORY;
    }
    all->count++;
    gauge_set(all->now, all->count);
    *ret = subscription;
    return ERR_OK;
}

uint64_t subscription_token(const struct subscription *subscription)
{
    return subscription->token;
}

void subscription_begin(struct subscription *subscription, struct position position)
{
    subscription->position = position;
    subscription->began_ms = subscription->renewed_ms = now_of(subscription);
    subscription->time_s = clock_wall_ms(subscription->api->world.clock) / 1000;
}

void subscription_start(struct subscription *subscription,
                        const struct subscription_events *events, void *ctx)
{
    subscription->events = events;
    subscription->ctx = ctx;
    subscription->given_ms = now_of(subscription);
    subscription->last = event_initial();
    if (subscription->last == NULL)
        end(subscription, NULL);
    timer_start(subscription->api->world.clock, &subscription->tick, SUBSCRIPTION_TICK_MS, on_tick);
}

void subscription_room(struct subscription *subscription)
{
    subscription->has_room = true;
    if (!defer_waits(&subscription->go_on))
        defer_run(subscription->api->world.clock, &subscription->go_on, pump_deferred);
}

void subscription_free(struct subscription *subscription)
{
    struct subscriptions *all;

    if (subscription == NULL)
        return;
    all = subscription->api->subscriptions;
    fan_leave(&subscription->reader);
    if (subscription->renewing)
        route_grant_cancel(&subscription->renewal);
    timer_stop(&subscription->tick);
    timer_stop(&subscription->pause);
    defer_cancel(&subscription->go_on);
    buf_unref(subscription->last);
    all->count--;
    gauge_set(all->now, all->count);
    free(subscription);
}

/* ---- from event to event ---- */

static void pump_deferred(struct defer *defer)
{
    pump(container_of(defer, struct subscription, go_on));
}

static void on_pause(struct timer *timer)
{
    pump(container_of(timer, struct subscription, pause));
}

/* One thing at a time: what is to be said at once, the end, what was read, the next read. */
static void pump(struct subscription *subscription)
{
    uint64_t now_ms = now_of(subscription);

    if (!subscription->has_room)
        return;
    if (subscription->last != NULL) {
        struct buf *last = subscription->last;
        subscription->last = NULL;
        give(subscription, last);
        buf_unref(last);
        return;
    }
    if (subscription->ending) {
        timer_stop(&subscription->tick);
        subscription->events->on_end(subscription->ctx); /* it is gone */
        return;
    }
    if (subscription->held) {
        subscription->held = false;
        take_next(subscription);
        return;
    }
    if (subscription->reading || timer_running(&subscription->pause))
        return;
    if (subscription->paced_ms > now_ms) {
        timer_start(subscription->api->world.clock, &subscription->pause,
                    subscription->paced_ms - now_ms, on_pause);
        return;
    }
    subscription->reading = true;
    subscription->asked_ms = now_ms;
    subscription->reader.from = subscription->position;
    subscription->reader.in_ms = subscription->in_ms;
    fan_next(&subscription->reader, on_next);
}

/* Bytes a second; 0: no limit. */
static uint32_t rate_of(const struct subscription *subscription)
{
    struct control *control = subscription->api->world.control;
    const struct model *model = catalog_model(control_catalog(control));
    const struct model_stream *stream = model_stream_by_id(model, subscription->stream);

    return limit_or_0(control_stream_limit(control, stream, LIMIT_CONSUMER_BYTES));
}

/* A consumer has a bandwidth; what it did not use for a second is lost. */
static void pace(struct subscription *subscription, size_t bytes)
{
    uint64_t rate = rate_of(subscription);
    uint64_t now_ms = now_of(subscription);
    uint64_t used_ms = rate == 0 ? 0 : (uint64_t)bytes * 1000 / rate;

    if (subscription->paced_ms + 1000 < now_ms)
        subscription->paced_ms = now_ms - 1000;
    subscription->paced_ms += used_ms;
}

static void on_next(struct fan_reader *reader, enum err err)
{
    struct subscription *subscription = container_of(reader, struct subscription, reader);

    subscription->reading = false;
    subscription->held = true;
    subscription->err = err;
    pump(subscription);
}

static bool is_moment(enum err err)
{
    return err == ERR_BUSY || err == ERR_NO_MEMORY;
}

/* There is no room for it now.  False: for too long. */
static bool waits_on(struct subscription *subscription)
{
    uint64_t now_ms = now_of(subscription);

    if (subscription->busy_ms == 0)
        subscription->busy_ms = now_ms;
    if (now_ms - subscription->busy_ms >= SUBSCRIPTION_BUSY_MS)
        return false;
    timer_start(subscription->api->world.clock, &subscription->pause, SUBSCRIPTION_PAUSE_MS,
                on_pause);
    return true;
}

static void take_next(struct subscription *subscription)
{
    const struct fan_reader *reader = &subscription->reader;
    struct subscriptions *all = subscription->api->subscriptions;
    enum err err = subscription->err;

    if (is_moment(err) && waits_on(subscription))
        return;
    if (err == ERR_CLOSED) {
        fail_gone(subscription);
        return;
    }
    if (err != ERR_OK) {
        fail(subscription, ERROR_INTERNAL_FAILURE, reader->reason.text);
        return;
    }
    subscription->busy_ms = 0;
    subscription->position = reader->next;
    subscription->behind_ms = reader->behind_ms;
    if (reader->event == NULL) { /* no leader was there to wait at */
        uint64_t waited_ms = now_of(subscription) - subscription->asked_ms;
        timer_start(subscription->api->world.clock, &subscription->pause,
                    waited_ms < SUBSCRIPTION_PAUSE_MS ? SUBSCRIPTION_PAUSE_MS : 0, on_pause);
        return;
    }
    subscription->time_s = reader->time_s;
    counter_add(all->records, reader->record_count);
    counter_add(all->bytes, reader->record_bytes);
    pace(subscription, reader->record_bytes);
    if (reader->ended)
        end_whole(subscription, buf_ref(reader->event));
    else
        give(subscription, reader->event);
}

static void give(struct subscription *subscription, struct buf *event)
{
    ensure(subscription->has_room);
    subscription->has_room = false;
    subscription->given_ms = now_of(subscription);
    counter_add(subscription->api->subscriptions->events, 1);
    subscription->events->on_event(subscription->ctx, event);
}

static void give_empty(struct subscription *subscription)
{
    struct event_content content = { .name = subscription->numbers,
                                     .next = subscription->position,
                                     .time_s = subscription->time_s,
                                     .behind_ms = subscription->behind_ms,
                                     .in_ms = subscription->in_ms };
    struct buf *event = NULL;

    if (event_records(&content, &event) != ERR_OK)
        return; /* no memory: the next tick tries again */
    give(subscription, event);
    buf_unref(event);
}

/* ---- the end ---- */

/* `last` is given before it, when there is room. */
static void end(struct subscription *subscription, struct buf *last)
{
    buf_unref(subscription->last);
    subscription->last = last;
    subscription->ending = true;
    subscription->ending_ms = now_of(subscription);
    timer_stop(&subscription->pause);
    if (!defer_waits(&subscription->go_on))
        defer_run(subscription->api->world.clock, &subscription->go_on, pump_deferred);
}

/* Its time is over, or its shard is. */
static void end_whole(struct subscription *subscription, struct buf *last)
{
    counter_add(subscription->api->subscriptions->ended, 1);
    end(subscription, last);
}

static void fail(struct subscription *subscription, enum error_type type, const char *text)
{
    counter_add(subscription->api->subscriptions->failed, 1);
    end(subscription, event_exception(type, text));
}

/* AWS's words of GetRecords. */
static void fail_gone(struct subscription *subscription)
{
    const struct model *model = catalog_model(control_catalog(subscription->api->world.control));
    char text[REASON_BYTES_MAX], shard[SHARD_NAME_BYTES];

    (void)snprintf(text, sizeof(text), "Shard %s in stream %s under account %s does not exist",
                   shard_name_print(subscription->shard, shard), subscription->stream_name,
                   model_account(model));
    fail(subscription, ERROR_RESOURCE_NOT_FOUND, text);
}

/* Whether the consumer is still there, and its stream with it. */
static bool is_registered(const struct subscription *subscription)
{
    const struct model *model = catalog_model(control_catalog(subscription->api->world.control));
    const struct model_stream *stream = model_stream_by_id(model, subscription->stream);

    return stream != NULL && stream->status != STREAM_DELETING &&
           model_consumer_by_id(stream, subscription->consumer) != NULL;
}

static void look_around(struct subscription *subscription, uint64_t now_ms)
{
    char text[REASON_BYTES_MAX];

    if (!is_registered(subscription)) {
        (void)snprintf(text, sizeof(text), "Consumer %s of stream %s not found.",
                       subscription->consumer_name, subscription->stream_name);
        fail(subscription, ERROR_RESOURCE_NOT_FOUND, text);
        return;
    }
    if (now_ms - subscription->began_ms >= SUBSCRIPTION_LIFE_MS) {
        end_whole(subscription, NULL);
        return;
    }
    if (now_ms - subscription->given_ms >= SUBSCRIPTION_QUIET_MS && subscription->has_room &&
        subscription->last == NULL)
        give_empty(subscription);
    if (now_ms - subscription->renewed_ms >= SUBSCRIPTION_RENEW_MS && !subscription->renewing)
        renew(subscription);
}

static void on_tick(struct timer *timer)
{
    struct subscription *subscription = container_of(timer, struct subscription, tick);
    uint64_t now_ms = now_of(subscription);

    if (subscription->ending && now_ms - subscription->ending_ms >= SUBSCRIPTION_FAREWELL_MS) {
        subscription->events->on_end(subscription->ctx); /* it is gone */
        return;
    }
    timer_start(subscription->api->world.clock, &subscription->tick, SUBSCRIPTION_TICK_MS, on_tick);
    if (!subscription->ending)
        look_around(subscription, now_ms);
}

/* ---- is it the present one ---- */

static void renew(struct subscription *subscription)
{
    subscription->renewing = true;
    subscription->renewal = (struct route_grant){
        .ask = { .group = subscription->group,
                 .consumer = subscription->consumer,
                 .token = subscription->token,
                 .renews = true,
                 .age_ms = (uint32_t)(now_of(subscription) - subscription->began_ms) }
    };
    route_grant(subscription->api->world.route, &subscription->renewal, on_renewed);
}

/* Without a leader nobody else can be granted it either. */
static void on_renewed(struct route_grant *req, enum err err)
{
    struct subscription *subscription = container_of(req, struct subscription, renewal);
    const struct model *model = catalog_model(control_catalog(subscription->api->world.control));
    char text[REASON_BYTES_MAX], shard[SHARD_NAME_BYTES];

    subscription->renewing = false;
    subscription->renewed_ms = now_of(subscription);
    if (err != ERR_EXISTS || subscription->ending)
        return;
    (void)snprintf(text, sizeof(text),
                   "Another active subscription exists for this consumer: %s:%s:%s:%s",
                   model_account(model), subscription->stream_name,
                   shard_name_print(subscription->shard, shard), subscription->consumer_name);
    fail(subscription, ERROR_RESOURCE_IN_USE, text);
}

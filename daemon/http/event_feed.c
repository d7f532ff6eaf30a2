#include "http/event_feed.h"

#include "http/reply.h"
#include "transport/long_reply.h"
#include "wire/event_stream.h"

/* Lies in the exchange's arena. */
struct event_feed {
    struct http_exchange *exchange;
    struct subscription *subscription;
};

static void on_event(void *ctx, struct buf *event)
{
    const struct event_feed *feed = ctx;

    long_reply_give(feed->exchange, &event, 1);
}

static void finish(const struct event_feed *feed)
{
    subscription_free(feed->subscription);
    long_reply_end(feed->exchange); /* the feed is gone */
}

static void on_end(void *ctx)
{
    finish(ctx);
}

static void on_room(void *ctx, struct http_exchange *exchange)
{
    const struct event_feed *feed = ctx;

    subscription_room(feed->subscription);
}

/* The client has gone, or had better subscribe elsewhere: it knows where to go on. */
static void on_leave(void *ctx, struct http_exchange *exchange)
{
    finish(ctx);
}

static const struct subscription_events subscription_events = { .on_event = on_event,
                                                                .on_end = on_end };
static const struct long_reply_events reply_events = { .on_room = on_room,
                                                       .on_gone = on_leave,
                                                       .on_part = on_leave };

void event_feed_begin(struct http_exchange *exchange, struct random *random,
                      struct subscription *subscription)
{
    struct event_feed *feed = arena_take(exchange->request.arena, sizeof(*feed));

    if (feed == NULL) {
        subscription_free(subscription);
        http_exchange_reply(exchange, &(struct http_reply){ .status = 503 });
        return;
    }
    *feed = (struct event_feed){ .exchange = exchange, .subscription = subscription };
    reply_begin(exchange, random, event_stream_content_type, &reply_events, feed);
    subscription_start(subscription, &subscription_events, feed);
}

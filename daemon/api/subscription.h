/* subscription.h - a consumer's reading of one shard: events, as they happen, for five minutes.
 *
 * SubscribeToShard's handler makes it; the door takes it from the request and
 * gives its client one event after the other, each when the last one is gone:
 *
 *     request.subscription -> subscription_start -> on_event -> subscription_room -> on_event ...
 *                                  -> on_end, or the door's own reasons -> subscription_free
 *
 * So a client that does not read holds one event.  What it reads is the fan's
 * part (fan.h), whether it is the present one the leader's (grants.h).
 *
 * Loop thread only; callbacks never from inside a call.
 */
#ifndef API_SUBSCRIPTION_H
#define API_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "catalog/model.h"
#include "shard/cursor.h"

struct api;
struct subscription;

struct subscription_events {
    /* One event, borrowed; no more before subscription_room(). */
    void (*on_event)(void *ctx, struct buf *event);
    /* The last one was given: subscription_free() is due.  Nothing is called any more. */
    void (*on_end)(void *ctx);
};

struct subscription_wanted {
    const struct model_stream *stream;
    const struct model_shard *shard;
    const struct model_consumer *consumer;
    bool in_ms; /* times in its events in milliseconds */
};

/* ERR_BUSY: SUBSCRIPTIONS_MAX on this node.  ERR_NO_MEMORY. */
MUST_CHECK enum err subscription_new(struct subscription **ret, struct api *api,
                                     const struct subscription_wanted *wanted);

uint64_t subscription_token(const struct subscription *subscription);

/* It was granted, and begins here. */
void subscription_begin(struct subscription *subscription, struct position position);

/* The door is ready: on_event() may be called for the first time. */
void subscription_start(struct subscription *subscription,
                        const struct subscription_events *events, void *ctx);

/* The event is with the client, as far as anybody knows: the next one may come. */
void subscription_room(struct subscription *subscription);

void subscription_free(struct subscription *subscription); /* NULL is legal */

/* The request's part of the subscriptions of a node: opened and closed with the api. */
struct metrics;
MUST_CHECK enum err subscriptions_open(struct api *api, struct metrics *metrics);
/* None is left.  `cb` with the api when nothing of them is under way any more. */
void subscriptions_close(struct api *api, void (*cb)(void *ctx));

#endif

#include "fake_pieces.h"

struct pieces pieces;

void subscription_start(struct subscription *subscription,
                        const struct subscription_events *events, void *ctx)
{
    subscription->events = events;
    subscription->ctx = ctx;
}

void subscription_room(struct subscription *subscription)
{
    subscription->rooms++;
}

void subscription_free(struct subscription *subscription)
{
    subscription->frees++;
}

void long_reply_begin(struct http_exchange *exchange, const struct http_reply *reply,
                      const struct long_reply_events *events, void *ctx)
{
    pieces.begun++;
    pieces.events = events;
    pieces.ctx = ctx;
    pieces.status = reply->status;
}

void long_reply_give(struct http_exchange *exchange, struct buf *const parts[],
                     uint32_t part_count)
{
    pieces.given += (int)part_count;
}

void long_reply_end(struct http_exchange *exchange)
{
    pieces.ended++;
}

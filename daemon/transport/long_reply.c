#include "transport/long_reply.h"

#include "base/ensure.h"
#include "transport/http_private.h"

static void tell(struct carried *carried, uint32_t what);
static void tell_on_defer(struct defer *defer);

static struct carried *carried_of(struct http_exchange *exchange)
{
    return container_of(exchange, struct carried, exchange);
}

void long_reply_begin(struct http_exchange *exchange, const struct http_reply *reply,
                      const struct long_reply_events *events, void *ctx)
{
    struct carried *carried = carried_of(exchange);
    struct http_server *server = carried->server;

    ensure(carried->owed && carried->events == NULL && reply->body_count == 0);
    ensure(exchange->request.verb != HTTP_VERB_HEAD && reply->status != 204 &&
           reply->status != 304);
    exchange_unreserve(carried);
    carried->events = events;
    carried->events_ctx = ctx;
    list_append(&server->long_replies, &carried->long_reply);
    carried->carrier->begin(carried, exchange_sane(carried, reply));
    http_request_forget_body(&exchange->request);
    if (carried->carrier->gone(carried))
        exchange_lost(carried);
    if (server->draining)
        exchange_part(carried);
}

void long_reply_give(struct http_exchange *exchange, struct buf *const parts[],
                     uint32_t part_count)
{
    struct carried *carried = carried_of(exchange);
    size_t bytes = 0;

    for (uint32_t at = 0; at < part_count; at++)
        bytes += parts[at]->len;
    ensure(carried->events != NULL && carried->has_room);
    ensure(bytes > 0 && bytes <= HTTP_PIECE_BYTES_MAX);
    carried->has_room = false;
    if (!carried->lost)
        carried->carrier->give(carried, parts, part_count);
}

void long_reply_end(struct http_exchange *exchange)
{
    struct carried *carried = carried_of(exchange);

    ensure(carried->owed && carried->events != NULL);
    carried->owed = false;
    carried->events = NULL;
    defer_cancel(&carried->tell);
    list_remove(&carried->long_reply);
    carried->server->figures.exchanges--;
    carried->carrier->end(carried);
}

/* ---- what its maker is told ---- */

void exchange_room(struct carried *carried)
{
    if (carried->events != NULL && !carried->lost)
        tell(carried, LONG_REPLY_ROOM);
}

void exchange_lost(struct carried *carried)
{
    if (carried->events == NULL || carried->lost)
        return;
    carried->lost = true;
    carried->untold = 0;
    tell(carried, LONG_REPLY_GONE);
}

void exchange_part(struct carried *carried)
{
    if (carried->events == NULL || carried->parted || carried->lost)
        return;
    carried->parted = true;
    tell(carried, LONG_REPLY_PART);
}

static void tell(struct carried *carried, uint32_t what)
{
    carried->untold |= what;
    defer_run(carried->server->clock, &carried->tell, tell_on_defer);
}

/* One thing at a time: whoever is told may end it, and the exchange is gone then. */
static void tell_on_defer(struct defer *defer)
{
    struct carried *carried = container_of(defer, struct carried, tell);
    const struct long_reply_events *events = carried->events;
    uint32_t what = carried->untold & -carried->untold;

    carried->untold &= ~what;
    if (carried->untold != 0)
        defer_run(carried->server->clock, &carried->tell, tell_on_defer);
    if (what == LONG_REPLY_GONE) {
        events->on_gone(carried->events_ctx, &carried->exchange);
    } else if (what == LONG_REPLY_PART) {
        events->on_part(carried->events_ctx, &carried->exchange);
    } else if (what == LONG_REPLY_ROOM) {
        carried->has_room = true;
        events->on_room(carried->events_ctx, &carried->exchange);
    }
}

#include "transport/exchange.h"

#include "base/ensure.h"
#include "transport/http_private.h"

static struct carried *carried_of(struct http_exchange *exchange)
{
    return container_of(exchange, struct carried, exchange);
}

void exchange_begin(struct carried *carried)
{
    struct http_server *server = carried->server;

    carried->owed = true;
    server->figures.requests++;
    server->figures.exchanges++;
    server->options.on_request(server->options.ctx, &carried->exchange);
}

bool http_exchange_gone(const struct http_exchange *exchange)
{
    const struct carried *carried = (const struct carried *)(const void *)((const char *)exchange -
                                                            offsetof(struct carried, exchange));

    return carried->carrier->gone(carried);
}

bool http_exchange_reserve(struct http_exchange *exchange, size_t bytes)
{
    struct carried *carried = carried_of(exchange);

    ensure(carried->owed && carried->reserved == 0);
    if (!conn_reserve(&carried->server->shared, bytes))
        return false;
    carried->reserved = bytes;
    return true;
}

void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct carried *carried = carried_of(exchange);

    ensure(carried->owed && carried->events == NULL);
    carried->owed = false;
    exchange_unreserve(carried);
    carried->server->figures.exchanges--;
    carried->carrier->reply(carried, exchange_sane(carried, reply));
}

void exchange_unreserve(struct carried *carried)
{
    conn_unreserve(&carried->server->shared, carried->reserved);
    carried->reserved = 0;
}

const struct http_reply *exchange_sane(struct carried *carried, const struct http_reply *reply)
{
    static const struct http_reply malformed = { .status = 500, .close = true };
    const struct http_server *server = carried->server;

    if (reply_is_sane(reply))
        return reply;
    note_event(server->options.note, NOTE_ERROR, "reply.malformed", "port=%s status=%d",
               server->name, reply->status);
    return &malformed;
}

void http_exchange_reply_text(struct http_exchange *exchange, int status, const char *content_type,
                              struct slice text)
{
    struct http_header type = { slice_text("Content-Type"), slice_text(content_type) };
    AUTO_UNREF struct buf *body = buf_copy(text);
    struct http_reply reply = { .status = status,
                                .headers = &type,
                                .header_count = 1,
                                .body = &body,
                                .body_count = 1 };

    if (body == NULL)
        reply = (struct http_reply){ .status = 503, .close = true };
    http_exchange_reply(exchange, &reply);
}

/* AWS sends 413 without a body. */
void refusal_make(struct refusal *refusal, struct http_server *server, const char *peer,
                  int status, const char *sentence)
{
    struct buf *body = status != 413 ? buf_new(strlen(sentence) + 1) : NULL;

    *refusal = (struct refusal){ .type = { slice_text("Content-Type"), slice_text("text/plain") },
                                 .body = body };
    refusal->reply = (struct http_reply){ .status = status,
                                          .headers = &refusal->type,
                                          .header_count = body != NULL,
                                          .body = &refusal->body,
                                          .body_count = body != NULL };
    if (body != NULL) {
        memcpy(body->data, sentence, body->len - 1);
        body->data[body->len - 1] = '\n';
    }
    server->figures.refused++;
    note_event(server->options.note, NOTE_DEBUG, "request.refused",
               "port=%s peer=%s status=%d why=%s", server->name, peer, status,
               NOTE_QUOTED(sentence));
}

size_t reply_bytes(const struct http_reply *reply)
{
    size_t bytes = 0;

    for (uint32_t at = 0; at < reply->body_count; at++)
        bytes += reply->body[at]->len;
    return bytes;
}

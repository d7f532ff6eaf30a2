/* ask.h - what pages and changes ask of a request, and how they answer: JSON. */
#ifndef OPS_ASK_H
#define OPS_ASK_H

#include "base/err.h"
#include "transport/http_server.h"

/* The text behind `name`, which ends with '=', as it stands in the query; empty: there is none. */
struct slice ask_value(const struct http_exchange *exchange, const char *name);

/* Of who asks, as a 400 says it. */
#define ASK_BY_RULE "by: who asks, 1 to 64 bytes of UTF-8, percent-encoded"

/* Percent-decoded, with an end mark; 0: it is empty, too long, not UTF-8 or no such text. */
size_t ask_decode(struct slice text, char *ret, size_t room);

/* Whether a change may be taken: from this machine, called application/json; or it has replied. */
bool ask_allowed(struct http_exchange *exchange);

/* `{"message", "wait"}`; `wait`: it may succeed later. */
void answer_message(struct http_exchange *exchange, int status, const char *text, bool wait);

/* Likewise of what was made; `noted`: what came of the audit line about that. */
void answer_done(struct http_exchange *exchange, enum err noted, const struct reason *reason);

/* The same for a change that was refused or failed: 404, 409 or 503. */
void answer_refusal(struct http_exchange *exchange, enum err err, const struct reason *reason);

/* Takes the caller's reference; NULL: no memory. */
void answer_json(struct http_exchange *exchange, int status, struct buf *body);

#endif

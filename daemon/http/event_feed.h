/* event_feed.h - the events of a subscription, to a client: each when the last one is gone. */
#ifndef HTTP_EVENT_FEED_H
#define HTTP_EVENT_FEED_H

#include "api/subscription.h"
#include "env/random.h"
#include "transport/http_server.h"

/* Replies with events until the subscription ends, the client goes, or the port is drained.  Both
 * are gone then. */
void event_feed_begin(struct http_exchange *exchange, struct random *random,
                      struct subscription *subscription);

#endif

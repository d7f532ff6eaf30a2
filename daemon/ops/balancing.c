/* POST /cluster/balancing/pause, /cluster/balancing/resume: leaders and replicas stay where they
 * are, or are balanced again. */
#include "control/nodes.h"
#include "ops/ask.h"
#include "ops/ops_private.h"

void balancing_on_post(struct ops *ops, struct http_exchange *exchange, bool pauses)
{
    if (ops->stopping) {
        answer_message(exchange, 503, "this node is stopping", true);
        return;
    }
    if (!ask_allowed(exchange))
        return;
    if (ask_value(exchange, "by=").len == 0) {
        answer_message(exchange, 400, "pausing and resuming say by: who wants it", false);
        return;
    }
    struct change_asked *asked =
        change_begin(ops, exchange, pauses ? "balancing.pause" : "balancing.resume");
    if (asked == NULL)
        return;
    AUTO_UNREF struct buf *bytes = nodes_balance(ops->world.control, pauses);
    change_offer(asked, bytes);
}

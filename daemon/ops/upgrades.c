/* POST /cluster/upgrade: the cluster version is raised to the newest that all nodes know. */
#include "control/upgrade.h"
#include "ops/ask.h"
#include "ops/ops_private.h"

void upgrades_on_post(struct ops *ops, struct http_exchange *exchange)
{
    struct reason reason = { .text = "" };
    AUTO_UNREF struct buf *bytes = NULL;

    if (ops->stopping) {
        answer_message(exchange, 503, "this node is stopping", true);
        return;
    }
    if (!ask_allowed(exchange))
        return;
    enum err err = upgrade_change(ops->world.control, &bytes, &reason);
    if (err == ERR_EXISTS)
        answer_message(exchange, 200, reason.text, false); /* asked twice is as good as once */
    else if (err != ERR_OK)
        answer_refusal(exchange, err, &reason);
    if (err != ERR_OK)
        return;
    struct change_asked *asked = change_begin(ops, exchange, "cluster.upgrade");
    if (asked == NULL)
        return;
    json_number(&asked->text, "version", upgrade_newest(ops->world.control));
    change_offer(asked, bytes);
}

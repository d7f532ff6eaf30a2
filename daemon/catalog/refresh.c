/* refresh.c - a node that asks how far the leader is, and waits until it is there too.
 *
 *     catalog_refresh -> (this node leads, and a majority answers it: at once)
 *                     -> "how far?" to the leader -> its index -> applied here -> callback
 *
 * A member hears of what is committed with the leader's next message, up to a
 * heartbeat later; a node outside the group with its next answer.
 */
#include "catalog/catalog_private.h"

#include "base/ensure.h"
#include "catalog/answer.h"

static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf);
static void on_deadline(struct timer *timer);
static void end(struct catalog_refresh *req, enum err err);

void catalog_refresh(struct catalog *catalog, struct catalog_refresh *req, uint64_t timeout_ms,
                     catalog_refresh_cb cb)
{
    uint64_t leader = catalog_leader(catalog);

    *req = (struct catalog_refresh){ .cb = cb, .catalog = catalog, .index = UINT64_MAX };
    list_append(&catalog->refreshing, &req->link);
    if (catalog->closing) {
        end(req, ERR_CLOSED);
        return;
    }
    if (catalog_leads(catalog)) {
        end(req, replica_has_lease(catalog->replica) ? ERR_OK : ERR_UNAVAILABLE);
        return;
    }
    AUTO_UNREF struct buf *bytes = answer_ask((struct catalog_ask){ .how_far = true });
    if (leader == 0 || bytes == NULL) {
        end(req, ERR_UNAVAILABLE);
        return;
    }
    req->asking = true;
    net_call(catalog->world.net, &req->call, leader, NET_CATALOG_READ, &bytes, 1, timeout_ms,
             on_answer);
    timer_start(catalog->world.clock, &req->deadline, timeout_ms, on_deadline);
}

static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf)
{
    struct catalog_refresh *req = container_of(call, struct catalog_refresh, call);

    req->asking = false;
    if (err != ERR_OK || remote != ERR_OK || answer_applied_read(answer, &req->index) != ERR_OK)
        end(req, ERR_UNAVAILABLE);
    else if (req->catalog->model->index >= req->index)
        end(req, ERR_OK);
}

static void on_deadline(struct timer *timer)
{
    end(container_of(timer, struct catalog_refresh, deadline), ERR_UNAVAILABLE);
}

void refresh_changed(struct catalog *catalog)
{
    for (struct list_node *node = list_first(&catalog->refreshing), *next; node != NULL;
         node = next) {
        struct catalog_refresh *req = container_of(node, struct catalog_refresh, link);
        next = list_next(&catalog->refreshing, node);
        if (catalog->model->index >= req->index)
            end(req, ERR_OK);
    }
}

void refresh_close(struct catalog *catalog)
{
    for (struct list_node *node; (node = list_first(&catalog->refreshing)) != NULL;)
        end(container_of(node, struct catalog_refresh, link), ERR_CLOSED);
}

static void end_on_defer(struct defer *defer)
{
    struct catalog_refresh *req = container_of(defer, struct catalog_refresh, defer);
    struct catalog *catalog = req->catalog;

    req->cb(req, req->err); /* may free it */
    catalog_idle(catalog);
}

/* Never calls from inside catalog_refresh(). */
static void end(struct catalog_refresh *req, enum err err)
{
    struct catalog *catalog = req->catalog;

    ensure(list_linked(&req->link));
    list_remove(&req->link);
    timer_stop(&req->deadline);
    if (req->asking)
        net_call_cancel(catalog->world.net, &req->call);
    req->asking = false;
    req->err = err;
    catalog->busy++;
    defer_run(catalog->world.clock, &req->defer, end_on_defer);
}

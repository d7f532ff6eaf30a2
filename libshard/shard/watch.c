#include "shard/watch.h"

#include "base/limits.h"
#include "base/mutant.h"

static void leave(struct shard_read *req)
{
    req->shard->watch_count--;
    timer_stop(&req->timer);
}

static void on_late(struct timer *timer)
{
    struct shard_read *req = container_of(timer, struct shard_read, timer);

    list_remove(&req->watch);
    leave(req);
    cursor_end_wait(req, ERR_OK);
}

bool watch_parks(struct shard_read *req)
{
    struct shard *shard = req->shard;

    if (!req->waits || req->record_count > 0 || req->err != ERR_OK || shard->closing ||
        shard->image.end_index != 0 || !shard_leads(shard) ||
        shard->watch_count >= SHARD_WATCHES_MAX)
        return false;
    if (req->wait_due_ms == 0)
        req->wait_due_ms = clock_mono_ms(shard->world.clock) + SHARD_WATCH_MS;
    if (req->wait_due_ms <= clock_mono_ms(shard->world.clock))
        return false;
    list_append(&shard->watch, &req->watch);
    shard->watch_count++;
    timer_start(shard->world.clock, &req->timer,
                req->wait_due_ms - clock_mono_ms(shard->world.clock), on_late);
    return true;
}

/* What parks again meanwhile is in the shard's list, not in this one.  A callback may be the last
 * thing that a closing shard waits for: nothing of it is touched behind the last read. */
static void wake_deferred(struct defer *defer)
{
    struct shard *shard = container_of(defer, struct shard, wake);
    struct list woken;
    struct list_node *node;

    list_init(&woken);
    list_take(&woken, &shard->watch);
    while ((node = list_pop(&woken)) != NULL) {
        struct shard_read *req = container_of(node, struct shard_read, watch);
        leave(req);
        if (MUTANT(woken_ahead))
            req->next.index++;
        cursor_go_on(req);
    }
}

void watch_wake(struct shard *shard)
{
    if (shard->watch_count > 0 && !defer_waits(&shard->wake))
        defer_run(shard->world.clock, &shard->wake, wake_deferred);
}

void watch_end(struct shard *shard, enum err err)
{
    struct list ended;
    struct list_node *node;

    defer_cancel(&shard->wake);
    list_init(&ended);
    list_take(&ended, &shard->watch);
    while ((node = list_pop(&ended)) != NULL) {
        struct shard_read *req = container_of(node, struct shard_read, watch);
        leave(req);
        cursor_end_wait(req, err);
    }
}

#include <stdlib.h>

#include "base/ensure.h"
#include "control/control_private.h"
#include "control/holding.h"
#include "control/succession.h"

/* The graceful end, in the order in which the parts were built, backwards:
 *
 *     peers are told -> proposals on their way end -> shards -> catalogue
 *         -> jobs on workers -> roster -> log -> the struct
 */
static void drain(struct timer *timer);
static bool is_proposing(struct control *control);
static void on_shards_closed(struct control *control);
static void on_catalog_closed(void *ctx);
static void on_scrub_closed(void *ctx);
static void on_log_closed(void *ctx);

void control_close(struct control *control, void (*closed)(void *ctx), void *ctx)
{
    ensure(!control->closing && control->leave.left == NULL);
    control->closing = true;
    control->closed = closed;
    control->closed_ctx = ctx;
    bootstrap_close(control);
    enrol_close(control);
    lifecycle_close(control);
    reshard_close(control);
    scaling_close(control);
    retire_close(control);
    ending_close(control);
    replace_close(control);
    overtaken_close(control);
    whole_close(control);
    copies_close(control);
    retain_close(control);
    succession_close(control);
    balance_close(control);
    repair_close(control);
    compare_close(control);
    holding_close(control);
    gossip_now(control); /* "stopping": nobody sends anything here any more */
    gossip_close(control);
    moving_close(control);
    timer_stop(&control->host.timer);
    if (control->scrub != NULL) {
        control->busy++;
        scrub_close(control->scrub, on_scrub_closed, control);
        control->scrub = NULL;
    }
    control->drain_due_ms = control_now_ms(control) + CONTROL_DRAIN_MS;
    timer_start(control->world.clock, &control->drain, 0, drain);
}

static void drain(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, drain);

    if (is_proposing(control) && control_now_ms(control) < control->drain_due_ms)
        timer_start(control->world.clock, timer, CONTROL_DRAIN_LOOK_MS, drain);
    else
        host_close(control, on_shards_closed);
}

/* A leader's last entry is not applied yet. */
static bool is_proposing(struct control *control)
{
    const struct replica *replica = NULL;

    for (uint64_t after = 0; (replica = roster_next(control->roster, after)) != NULL;) {
        struct replica_status status = replica_status(replica);
        after = status.group;
        if (status.role == REPLICA_LEADER && status.last > status.applied)
            return true;
    }
    return false;
}

static void on_shards_closed(struct control *control)
{
    control->busy++;
    catalog_close(control->catalog, on_catalog_closed, control);
}

static void on_catalog_closed(void *ctx)
{
    struct control *control = ctx;

    control->catalog = NULL;
    stop_idle(control);
}

static void on_scrub_closed(void *ctx)
{
    stop_idle(ctx);
}

void stop_idle(struct control *control)
{
    ensure(control->busy > 0);
    control->busy--;
    if (!control->closing || control->busy > 0 || control->catalog != NULL)
        return;
    roster_close(control->roster);
    control->roster = NULL;
    log_save(control->log);
    log_close(control->log, on_log_closed, control);
}

static void on_log_closed(void *ctx)
{
    struct control *control = ctx;
    void (*closed)(void *) = control->closed;
    void *closed_ctx = control->closed_ctx;

    liveness_fini(&control->liveness);
    for (size_t i = 0; i < sizeof(control->texts) / sizeof(control->texts[0]); i++)
        free(control->texts[i]);
    for (uint32_t i = 0; i < CONTROL_SEEDS_MAX; i++)
        free(control->seeds[i]);
    free(control);
    closed(closed_ctx);
}

/* The asker's side, between two attempts: how long a job waits, and what ends that early.
 *
 *     attempt -> job_wait, job_wait_soon -> job_on_timer -> attempt
 *                        job_leader_known --^
 */
#include "api/route_private.h"
#include "base/limits.h"

static struct list *list_of(struct route *route, uint64_t group)
{
    return &route->waits[group % ROUTE_WAIT_LISTS];
}

/* The wait grows by a quarter, so that a leader that was handed over is found soon and one that is
 * long in coming is not asked for too often. */
static uint64_t pause_of(const struct route_job *job, uint64_t now_ms)
{
    uint64_t pause_ms = (now_ms - job->began_ms) / ROUTE_WAIT_PART;

    if (pause_ms < ROUTE_WAIT_MIN_MS)
        return ROUTE_WAIT_MIN_MS;
    return pause_ms < ROUTE_WAIT_MAX_MS ? pause_ms : ROUTE_WAIT_MAX_MS;
}

/* Their disks have too much to do: who asks on as for a leader makes it more. */
static uint64_t pause_when_full(const struct route_job *job)
{
    uint64_t pause_ms = ROUTE_FULL_WAIT_MIN_MS;

    for (uint32_t i = 0; i < job->full_rounds && pause_ms < ROUTE_FULL_WAIT_MAX_MS; i++)
        pause_ms *= 2;
    return pause_ms < ROUTE_FULL_WAIT_MAX_MS ? pause_ms : ROUTE_FULL_WAIT_MAX_MS;
}

void job_wait(struct route_job *job)
{
    uint64_t now_ms = clock_mono_ms(job->route->clock);
    uint64_t left_ms = job->due_ms > now_ms ? job->due_ms - now_ms : 0;
    bool full = job->no_place && !job->other_end;
    uint64_t pause_ms = full ? pause_when_full(job) : pause_of(job, now_ms);

    job->full_rounds = full ? job->full_rounds + 1 : 0;
    job->no_place = job->other_end = false;
    job->round = ROUND_LEADER;
    job->hints = 0;
    if (!full)
        list_append(list_of(job->route, job->group), &job->wait);
    timer_start(job->route->clock, &job->timer, left_ms < pause_ms ? left_ms : pause_ms,
                job_on_timer);
}

void job_wait_soon(struct route_job *job)
{
    uint64_t pause_ms = (uint64_t)ROUTE_SOON_MS << job->soons++;

    list_append(list_of(job->route, job->group), &job->wait);
    timer_start(job->route->clock, &job->timer, pause_ms, job_on_timer);
}

/* Not all at once: a shard takes so many puts that wait, and a link so many calls. */
static uint64_t hurry_ms(struct route *route)
{
    uint64_t now_ms = clock_mono_ms(route->clock);

    if (route->hurry_ms < now_ms || route->hurried == ROUTE_HURRIED_MAX) {
        route->hurry_ms = route->hurry_ms < now_ms ? now_ms : route->hurry_ms + 1;
        route->hurried = 0;
    }
    route->hurried++;
    return route->hurry_ms - now_ms;
}

/* In a turn of their own: whoever says it is in the middle of its own work. */
void job_leader_known(struct route *route, uint64_t group)
{
    struct list *list = list_of(route, group);
    uint64_t now_ns = clock_mono_ns(route->clock);

    for (struct list_node *node = list_first(list); node != NULL; node = list_next(list, node)) {
        struct route_job *job = container_of(node, struct route_job, wait);
        if (job->group != group)
            continue;
        uint64_t after_ms = hurry_ms(route);
        job->hint = 0;
        if (now_ns + after_ms * UINT64_C(1000000) < job->timer.due_ns)
            timer_start(route->clock, &job->timer, after_ms, job_on_timer);
    }
}

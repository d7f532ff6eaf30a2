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

/* From now to the first millisecond in which one more attempt may be made early.  Not all at once:
 * a shard takes so many puts that wait, and a link so many calls.  A pause that ends before that
 * anyway takes no place here. */
static uint64_t slot_ms(const struct route *route)
{
    uint64_t now_ms = clock_mono_ms(route->clock);

    if (route->hurry_ms < now_ms)
        return 0;
    return route->hurry_ms - now_ms + (route->hurried >= ROUTE_HURRIED_MAX);
}

static void slot_take(struct route *route, uint64_t after_ms)
{
    uint64_t at_ms = clock_mono_ms(route->clock) + after_ms;

    if (at_ms != route->hurry_ms)
        route->hurried = 0;
    route->hurry_ms = at_ms;
    route->hurried++;
}

/* Its pause ends as soon as there is a place, unless it does so before. */
static void hurry(struct route_job *job)
{
    struct route *route = job->route;
    uint64_t after_ms = slot_ms(route);

    if (clock_mono_ns(route->clock) + after_ms * UINT64_C(1000000) >= job->timer.due_ns)
        return;
    slot_take(route, after_ms);
    timer_start(route->clock, &job->timer, after_ms, job_on_timer);
}

static void wait_for(struct route_job *job, uint64_t pause_ms)
{
    uint64_t now_ms = clock_mono_ms(job->route->clock);
    uint64_t left_ms = job->due_ms > now_ms ? job->due_ms - now_ms : 0;

    timer_start(job->route->clock, &job->timer, left_ms < pause_ms ? left_ms : pause_ms,
                job_on_timer);
}

/* It became known since the round began, while others were asked, and nobody says it again. */
static bool has_another_leader(const struct route_job *job)
{
    uint64_t leader = route_leader(job->route, job->group);

    return leader != 0 && leader != job->known && leader != job->asked &&
           net_is_up(job->route->net, leader);
}

/* It is asked next, and as soon as there is a place. */
static bool ask_another(struct route_job *job)
{
    if (job->anews >= ROUTE_ANEWS_MAX || !has_another_leader(job))
        return false;
    job->anews++;
    job->hint = 0;
    hurry(job);
    return true;
}

void job_wait(struct route_job *job)
{
    bool full = job->no_place && !job->other_end;
    uint64_t now_ms = clock_mono_ms(job->route->clock);

    wait_for(job, full ? pause_when_full(job) : pause_of(job, now_ms));
    job->full_rounds = full ? job->full_rounds + 1 : 0;
    job->no_place = job->other_end = false;
    job->round = ROUND_LEADER;
    job->hint = 0;
    job->hints = 0;
    if (full)
        return;
    list_append(list_of(job->route, job->group), &job->wait);
    (void)ask_another(job);
}

void job_wait_soon(struct route_job *job)
{
    uint64_t pause_ms = (uint64_t)ROUTE_SOON_MS << job->soons;
    uint64_t after_ms = slot_ms(job->route);

    job->round = ROUND_LEADER;
    list_append(list_of(job->route, job->group), &job->wait);
    wait_for(job, ROUTE_WAIT_MAX_MS);
    if (ask_another(job))
        return;
    job->soons++;
    if (after_ms < pause_ms)
        after_ms = pause_ms;
    else if (after_ms < ROUTE_WAIT_MAX_MS)
        slot_take(job->route, after_ms);
    else
        after_ms = ROUTE_WAIT_MAX_MS;
    wait_for(job, after_ms);
}

/* In a turn of their own: whoever says it is in the middle of its own work. */
void job_leader_known(struct route *route, uint64_t group)
{
    struct list *list = list_of(route, group);

    for (struct list_node *node = list_first(list); node != NULL; node = list_next(list, node)) {
        struct route_job *job = container_of(node, struct route_job, wait);
        if (job->group != group)
            continue;
        if (has_another_leader(job))
            job->hint = 0;
        hurry(job);
    }
}

#include "control/pace.h"

#include "base/limits.h"

#define NS_PER_MS UINT64_C(1000000)
#define DOUBT_NS ((PACE_GAVE_MS + PACE_LOOK_MS) * NS_PER_MS) /* a look at what is usual now */

void pace_init(struct pace *pace)
{
    *pace = (struct pace){ .rest = PACE_REST_FIRST };
}

static bool gives(const struct pace *pace, uint64_t now_ns)
{
    return pace->began_ns != 0 ||
           (pace->gave_ns != 0 && now_ns - pace->gave_ns < PACE_GAVE_MS * NS_PER_MS);
}

/* The mean of what was written since the last look, kept over some looks. */
static void learn_calm(struct pace *pace, uint64_t mean_ns)
{
    uint64_t weight = pace->calm_ns == 0 || pace->doubts ? 1 : 8;

    pace->rest = PACE_REST_FIRST;
    pace->calm_ns = (pace->calm_ns * (weight - 1) + mean_ns) / weight;
    pace->doubts = false;
    pace->most_ns = 0;
}

/* Slow writes may have another cause than reads by now. */
static void doubt(struct pace *pace, uint64_t now_ns)
{
    if (pace->rest < PACE_REST_MAX) {
        pace->most_ns = 0;
        return;
    }
    if (pace->most_ns == 0)
        pace->most_ns = now_ns;
    if (pace->doubts || now_ns - pace->most_ns < PACE_DOUBT_MS * NS_PER_MS)
        return;
    pace->doubts = true;
    pace->most_ns = now_ns;
    pace->next_ns = now_ns + DOUBT_NS;
}

static void follow(struct pace *pace, uint64_t mean_ns)
{
    uint64_t most_ns = pace->calm_ns * PACE_WRITE_TIMES + PACE_WRITE_MS * NS_PER_MS;

    if (mean_ns > most_ns)
        pace->rest = pace->rest * 2 + 1;
    else
        pace->rest -= (pace->rest - PACE_REST_MIN + 7) / 8;
    if (pace->rest > PACE_REST_MAX)
        pace->rest = PACE_REST_MAX;
}

void pace_look(struct pace *pace, uint64_t now_ns, uint64_t applied, uint64_t writes,
               uint64_t writes_ns)
{
    if (applied != pace->applied) {
        if (!pace_has_clients(pace, now_ns))
            pace->came_ns = now_ns;
        pace->busy_ns = now_ns;
    }
    pace->applied = applied;
    if (now_ns - pace->look_ns < PACE_LOOK_MS * NS_PER_MS)
        return;

    uint64_t count = writes - pace->writes;
    if (pace->look_ns != 0 && count > 0) {
        uint64_t mean_ns = (writes_ns - pace->writes_ns) / count;
        if (gives(pace, now_ns)) {
            follow(pace, mean_ns);
            doubt(pace, now_ns);
        } else {
            learn_calm(pace, mean_ns);
        }
    }
    pace->look_ns = now_ns;
    pace->writes = writes;
    pace->writes_ns = writes_ns;
}

bool pace_has_clients(const struct pace *pace, uint64_t now_ns)
{
    return pace->busy_ns != 0 && now_ns - pace->busy_ns < PACE_CALM_MS * NS_PER_MS;
}

uint64_t pace_wait_ns(const struct pace *pace, uint64_t now_ns)
{
    if (!pace_has_clients(pace, now_ns))
        return 0;
    if (pace->began_ns != 0)
        return UINT64_MAX;
    if (pace->calm_ns == 0 && now_ns - pace->came_ns < PACE_LEARN_MS * NS_PER_MS)
        return PACE_LOOK_MS * NS_PER_MS;
    return pace->next_ns > now_ns ? pace->next_ns - now_ns : 0;
}

void pace_begin(struct pace *pace, uint64_t now_ns)
{
    pace->began_ns = now_ns;
    pace->doubts = false;
}

/* Timers have whole milliseconds.  Who was called late makes up for it, to a limit. */
void pace_end(struct pace *pace, uint64_t now_ns, uint64_t bytes)
{
    uint64_t took_ns = now_ns - pace->began_ns + bytes * PACE_BYTE_NS;
    uint64_t rest_ns = took_ns * pace->rest / PACE_PART;
    uint64_t late_ns = pace->began_ns > pace->next_ns ? pace->began_ns - pace->next_ns : 0;

    if (rest_ns > PACE_REST_MS_MAX * NS_PER_MS)
        rest_ns = PACE_REST_MS_MAX * NS_PER_MS;
    if (late_ns > PACE_LATE_MS_MAX * NS_PER_MS)
        late_ns = PACE_LATE_MS_MAX * NS_PER_MS;
    pace->next_ns = pace->doubts ? now_ns + DOUBT_NS : now_ns + rest_ns - late_ns;
    pace->began_ns = 0;
    pace->gave_ns = now_ns;
}

#include "world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "env/work.h"

#define MILLION UINT64_C(1000000)
#define WALL_START_MS UINT64_C(1700000000000)

struct world_event {
    struct world_after what;
    uint32_t life;
};

static void push(struct world *world, struct world_slot slot);
static bool pop(struct world *world, struct world_slot *ret);
static void dispatch(struct world *world, struct world_slot slot);
static void turn_end(struct world *world, struct sim_node *node);

void world_init(struct world *world, uint64_t seed, uint32_t node_count)
{
    ensure(node_count <= SIM_NODES_MAX);
    *world =
        (struct world){ .seed = seed, .node_count = node_count, .trace = seed, .wall_speed = 1 };
    random_init(&world->random, seed);
    for (uint32_t i = 0; i < node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        node->world = world;
        node->at = i;
        node->pool.node = node;
        node->clock.node = node;
        node->clock.wake_ns = TURN_NEVER;
    }
}

void world_fini(struct world *world)
{
    for (struct world_slot slot; pop(world, &slot);) {
        sim_free(slot.event->what.owned);
        sim_free(slot.event);
    }
    free(world->heap);
    world->heap = NULL;
}

void world_after(struct world *world, struct world_after after)
{
    struct world_event *event = sim_take(sizeof *event);

    event->what = after;
    event->life = after.node != NULL ? after.node->life : 0;
    push(world, (struct world_slot){ world->now_ns + after.delay_ns, world->order++, event });
}

void world_run(struct world *world, uint64_t until_ns)
{
    for (struct world_slot slot; world->count > 0 && world->heap[0].at_ns <= until_ns;)
        if (pop(world, &slot))
            dispatch(world, slot);
    world->now_ns = until_ns;
}

static void mix(struct world *world, uint64_t value)
{
    world->trace = (world->trace ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    world->trace ^= world->trace >> 29;
}

static void dispatch(struct world *world, struct world_slot slot)
{
    struct world_event *event = slot.event;
    struct sim_node *node = event->what.node;

    if (node != NULL && node->up && node->life == event->life &&
        node->paused_until_ns > slot.at_ns) {
        slot.at_ns = node->paused_until_ns; /* keeps its order */
        push(world, slot);
        return;
    }
    ensure(slot.at_ns >= world->now_ns);
    world->now_ns = slot.at_ns;
    if (node == NULL || (node->up && node->life == event->life)) {
        world->events++;
        mix(world, world->now_ns);
        mix(world, (uint64_t)event->what.kind << 32 | (node != NULL ? node->at + 1 : 0));
        if (world->print_trace)
            printf("%14.6f node=%d kind=%d trace=%016llx\n", (double)world->now_ns / 1e6,
                   node != NULL ? (int)node->at + 1 : 0, (int)event->what.kind,
                   (unsigned long long)world->trace);
        world_inside(world, node, event->what.fn, event->what.ctx, event->what.arg);
    }
    sim_free(event->what.owned);
    sim_free(event);
}

void world_inside(struct world *world, struct sim_node *node, world_fn fn, void *ctx, uint64_t arg)
{
    struct heap *former = heap_enter(node != NULL ? &node->heap : NULL);

    fn(world, node, ctx, arg);
    if (node != NULL && node->up)
        turn_end(world, node);
    heap_enter(former);

    if (node != NULL && node->up && world->after_event != NULL)
        world->after_event(world, node);
    for (uint32_t i = 0; i < world->node_count; i++)
        if (world->nodes[i].doomed)
            world->on_doom(world, &world->nodes[i]);
}

static void wake(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    /* The end of the turn does all there is to do. */
}

/* When the clock will show this: rounded up, so that a wake-up is never too early. */
static uint64_t world_time(const struct clock *clock, uint64_t mono_ns)
{
    uint64_t ns = mono_ns - clock->offset_ns;

    if (clock->drift_ppm == 0)
        return ns;
    return ns * MILLION / (uint64_t)((int64_t)MILLION + clock->drift_ppm) + 2;
}

static void turn_end(struct world *world, struct sim_node *node)
{
    struct clock *clock = &node->clock;

    turn_fire(&clock->turn, clock_mono_ns(clock));
    while (turn_settle(&clock->turn))
        ;
    if (world->now_ns >= clock->wake_ns)
        clock->wake_ns = TURN_NEVER;
    uint64_t due = turn_due_ns(&clock->turn);
    if (due == TURN_NEVER)
        return;
    uint64_t at = world_time(clock, due);
    if (at < world->now_ns)
        at = world->now_ns;
    if (at >= clock->wake_ns)
        return;
    clock->wake_ns = at;
    world_after(world,
                (struct world_after){
                    .delay_ns = at - world->now_ns, .node = node, .kind = KIND_WAKE, .fn = wake });
}

/* ---- env/clock.h ---- */

uint64_t clock_mono_ns(struct clock *clock)
{
    uint64_t now_ns = clock->node->world->now_ns;

    return clock->offset_ns + now_ns * (uint64_t)((int64_t)MILLION + clock->drift_ppm) / MILLION;
}

uint64_t clock_wall_ms(struct clock *clock)
{
    const struct world *world = clock->node->world;

    return WALL_START_MS + world->now_ns * world->wall_speed / SIM_MS + (uint64_t)clock->skew_ms;
}

struct turn *clock_turn(struct clock *clock)
{
    return &clock->turn;
}

/* ---- env/work.h: the job and its end are events ---- */

static void work_done(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct work *work = ctx;
    work->done(work);
}

static void work_run(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct work *work = ctx;

    work->run(work);
    world_after(world,
                (struct world_after){ .delay_ns = 5 * SIM_US + world_below(world, 200 * SIM_US),
                                      .node = node,
                                      .kind = KIND_WORK_DONE,
                                      .fn = work_done,
                                      .ctx = work });
}

void work_start(struct work_pool *pool, struct work *work, work_fn run, work_cb done)
{
    struct world *world = pool->node->world;

    work->run = run;
    work->done = done;
    work->pool = pool;
    uint64_t delay = 10 * SIM_US + world_below(world, 500 * SIM_US);
    if (world_chance(world, 1, 50))
        delay += world_below(world, 20 * SIM_MS);
    world_after(world, (struct world_after){ .delay_ns = delay,
                                             .node = pool->node,
                                             .kind = KIND_WORK_RUN,
                                             .fn = work_run,
                                             .ctx = work });
}

/* ---- env/random.h: what is the system's entropy in the daemon ---- */

uint64_t random_id(struct random *random)
{
    uint64_t id;

    do
        id = random_u64(random) >> 1;
    while (id == 0);
    return id;
}

void random_secret(struct random *random, void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)random_u64(random);
}

/* ---- chances, findings, words ---- */

uint64_t world_below(struct world *world, uint64_t limit)
{
    return random_below(&world->random, limit);
}

bool world_chance(struct world *world, uint32_t in, uint32_t of)
{
    return random_below(&world->random, of) < in;
}

void world_violation(struct world *world, const char *kind, const char *format, ...)
{
    va_list args;

    printf("VIOLATION seed=%llu at=%.6fms kind=%s: ", (unsigned long long)world->seed,
           (double)world->now_ns / 1e6, kind);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(NULL);
    _Exit(1);
}

void world_say(struct world *world, struct sim_node *node, const char *format, ...)
{
    va_list args;

    if (world->notes == NULL)
        return;
    fprintf(world->notes, "%14.6f ", (double)world->now_ns / 1e6);
    if (node != NULL)
        fprintf(world->notes, "node %u: ", node->at + 1);
    va_start(args, format);
    vfprintf(world->notes, format, args);
    va_end(args);
    fputc('\n', world->notes);
}

/* ---- the heap of events: four below each ---- */

static bool before(const struct world_slot *a, const struct world_slot *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push(struct world *world, struct world_slot slot)
{
    if (world->count == world->room) {
        struct heap *former = heap_enter(NULL);
        world->room = world->room == 0 ? 1024 : world->room * 2;
        world->heap = realloc(world->heap, world->room * sizeof(struct world_slot));
        heap_enter(former);
        ensure(world->heap != NULL);
    }
    size_t at = world->count++;
    for (; at > 0 && before(&slot, &world->heap[(at - 1) / 4]); at = (at - 1) / 4)
        world->heap[at] = world->heap[(at - 1) / 4];
    world->heap[at] = slot;
}

static bool pop(struct world *world, struct world_slot *ret)
{
    struct world_slot *heap = world->heap;

    if (world->count == 0)
        return false;
    *ret = heap[0];
    const struct world_slot last = heap[--world->count];
    size_t at = 0;
    for (size_t child; (child = 4 * at + 1) < world->count; at = child) {
        size_t end = child + 4 < world->count ? child + 4 : world->count;
        for (size_t other = child + 1; other < end; other++)
            if (before(&heap[other], &heap[child]))
                child = other;
        if (!before(&heap[child], &last))
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return true;
}

#include "subscribers.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/route.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "cluster.h"
#include "history.h"
#include "workload.h"

#define SUBSCRIBERS_MAX 8u
/* Before the next read when one failed, or gave nothing: where nobody can wait the answer comes at
 * once. */
#define PAUSE_MS 100u
#define READ_BYTES 65536u

struct subscriber {
    uint64_t group, next_group; /* 0: none yet */
    struct position at;
    bool reading;
    uint32_t node, life; /* where it reads */
};

struct subscribers {
    struct subscriber all[SUBSCRIBERS_MAX];
};

/* One read, in the memory of the node that works on it. */
struct watch_op {
    struct route_read read;
    struct world *world;
    struct sim_node *node;
    uint32_t subscriber;
};

static void step_later(struct world *world, uint32_t at, uint64_t delay_ns);

static struct subscriber *subscriber_of(struct world *world, uint32_t at)
{
    struct subscribers *subscribers = cluster_of(world)->subscribers;

    return &subscribers->all[at];
}

static bool has_read_all(struct world *world, const struct subscriber *subscriber)
{
    return subscriber->at.index > history_newest(cluster_of(world)->history, subscriber->group);
}

void subscribers_follow(struct world *world, uint32_t at, uint64_t group)
{
    if (cluster_of(world)->subscribers == NULL || at >= SUBSCRIBERS_MAX)
        return;
    struct subscriber *subscriber = subscriber_of(world, at);
    subscriber->next_group = group;
    if (subscriber->group != 0)
        return;
    subscriber->group = group;
    subscriber->at = (struct position){ .index = 1 };
    step_later(world, at, 0);
}

static void watched(struct route_read *read, enum err err)
{
    struct watch_op *op = container_of(read, struct watch_op, read);
    struct world *world = op->world;
    struct history *history = cluster_of(world)->history;
    struct subscriber *subscriber = subscriber_of(world, op->subscriber);
    bool got = err == ERR_OK && read->record_count > 0;

    subscriber->reading = false;
    if (err == ERR_OK) {
        history_pass_begin(history, read->group, read->from, read->next);
        workload_note_parts(world, op->node, read->group, read->parts, read->part_count);
        history_pass_end(history, op->node);
        subscriber->at = read->next;
    }
    step_later(world, op->subscriber, got ? 0 : PAUSE_MS * SIM_MS);
    route_read_fini(read);
    free(op);
}

static void watch(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct subscriber *subscriber = subscriber_of(world, (uint32_t)arg);
    struct watch_op *op = calloc(1, sizeof *op);

    (void)ctx;
    ensure(op != NULL);
    op->world = world;
    op->node = node;
    op->subscriber = (uint32_t)arg;
    op->read.group = subscriber->group;
    op->read.from = subscriber->at;
    op->read.records_max = ENTRY_RECORDS_MAX;
    op->read.bytes_max = READ_BYTES;
    op->read.watches = true;
    subscriber->reading = true;
    subscriber->node = node->at;
    subscriber->life = node->life;
    route_read(node->route, &op->read, watched);
}

static void go_on(struct world *world, struct subscriber *subscriber)
{
    if (subscriber->group == subscriber->next_group || !has_read_all(world, subscriber))
        return;
    subscriber->group = subscriber->next_group;
    subscriber->at = (struct position){ .index = 1 };
}

static void step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct subscriber *subscriber = subscriber_of(world, (uint32_t)arg);
    struct sim_node *node = workload_some_node(world);

    (void)none;
    (void)ctx;
    if (subscriber->reading)
        return;
    go_on(world, subscriber);
    if (node != NULL && node->route != NULL)
        world_inside(world, node, watch, NULL, arg);
    else
        step_later(world, (uint32_t)arg, PAUSE_MS * SIM_MS);
}

static void step_later(struct world *world, uint32_t at, uint64_t delay_ns)
{
    world_after(world, (struct world_after){
                           .delay_ns = delay_ns, .kind = KIND_CLIENT, .fn = step, .arg = at });
}

void subscribers_start(struct world *world)
{
    cluster_of(world)->subscribers = sim_malloc(sizeof(struct subscribers));
}

void subscribers_node_died(struct world *world, const struct sim_node *node)
{
    if (cluster_of(world)->subscribers == NULL)
        return;
    for (uint32_t i = 0; i < SUBSCRIBERS_MAX; i++) {
        struct subscriber *subscriber = subscriber_of(world, i);
        if (!subscriber->reading || subscriber->node != node->at ||
            subscriber->life != node->life)
            continue;
        subscriber->reading = false;
        step_later(world, i, PAUSE_MS * SIM_MS);
    }
}

bool subscribers_are_there(struct world *world, char *why, size_t why_bytes)
{
    if (cluster_of(world)->subscribers == NULL)
        return true;
    for (uint32_t i = 0; i < SUBSCRIBERS_MAX; i++) {
        const struct subscriber *subscriber = subscriber_of(world, i);
        if (subscriber->group == 0 ||
            (subscriber->group == subscriber->next_group && has_read_all(world, subscriber)))
            continue;
        snprintf(why, why_bytes, "the subscriber of group %llu is at index %llu",
                 (unsigned long long)subscriber->group,
                 (unsigned long long)subscriber->at.index);
        return false;
    }
    return true;
}

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
#define AWAY_OF 100u /* reads: of one that stays away at times */

struct subscriber {
    uint64_t group, next_group; /* 0: none yet */
    struct position at;
    bool reading;
    uint32_t node, life; /* where it reads */
};

struct subscribers {
    struct subscriber all[SUBSCRIBERS_MAX];
    uint64_t outlived; /* shards that were gone before their reader had the newest record */
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

/* The shard is gone, and what its reader lacks was too old: it goes on in the next one, as a
 * consumer that is told so.  A node that has not heard of the shard yet says the same. */
static void pass_gone(struct world *world, const struct sim_node *node,
                      struct subscriber *subscriber)
{
    const struct history *history = cluster_of(world)->history;
    const struct model *model = catalog_model(control_catalog(node->control));
    struct subscribers *subscribers = cluster_of(world)->subscribers;

    if (model_shard_by_group(model, subscriber->group, NULL) != NULL ||
        model_next_group(model) <= subscriber->group || has_read_all(world, subscriber) ||
        history_keeps(history, subscriber->group, subscriber->at.index))
        return;
    subscriber->at = (struct position){ .index = history_newest(history, subscriber->group) + 1 };
    subscribers->outlived++;
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
    if (err == ERR_CLOSED)
        pass_gone(world, op->node, subscriber);
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

/* What it is to read may grow too old meanwhile. */
static bool stays_away(struct world *world, uint32_t at)
{
    uint64_t away_ms = cluster_of(world)->options.away_ms;

    if (away_ms == 0 || cluster_of(world)->healing || !world_chance(world, 1, AWAY_OF))
        return false;
    step_later(world, at, world_below(world, away_ms * SIM_MS));
    return true;
}

static void step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct subscriber *subscriber = subscriber_of(world, (uint32_t)arg);
    struct sim_node *node = workload_some_node(world);

    (void)none;
    (void)ctx;
    if (subscriber->reading || stays_away(world, (uint32_t)arg))
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

void subscribers_check_outlived(struct world *world)
{
    const struct subscribers *subscribers = cluster_of(world)->subscribers;

    world_say(world, NULL, "%llu shards were gone while somebody read them",
              (unsigned long long)subscribers->outlived);
    if (subscribers->outlived == 0)
        cluster_of(world)->unplayed = true;
}

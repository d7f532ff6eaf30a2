#include "fixture_sim.h"

#include "disk_sim.h"
#include "heap.h"
#include "moments.h"
#include "table_sim.h"

struct world world;
struct node node;
struct sim_node *const alone = &world.nodes[0];
uint64_t turn_ns_max;

/* Nobody strikes at moments here: the history ends at any. */
void moments_note(struct world *any, struct sim_node *at, enum moment moment, uint64_t group)
{
    (void)any, (void)at, (void)moment, (void)group;
}

static void nothing(struct world *any, struct sim_node *at, void *ctx, uint64_t arg)
{
    (void)any, (void)at, (void)ctx, (void)arg;
}

static uint64_t wall(void *ctx)
{
    (void)ctx;
    return 0;
}

/* What the log was told outside of an event ends its turn with the next one. */
void node_turn(struct node *at)
{
    world_inside(&world, alone, nothing, NULL, 0);
    world_run(&world, world.now_ns + world_below(&world, turn_ns_max) + 1);
    if (at->failed)
        fail_msg("%s", at->reason.text);
}

static void open_log(struct world *any, struct sim_node *at, void *ctx, uint64_t arg)
{
    struct log_options options = node_options(&node);
    struct log_world below = { alone->disk, alone->table, &alone->clock, &node.random,
                               &alone->pool };

    (void)any, (void)at, (void)arg;
    *(enum err *)ctx = log_open(&node.log, &options, &below, &node.reason);
}

enum err node_try_open(struct node *at)
{
    enum err err = ERR_OK;

    note_init(&alone->note, NOTE_OFF, wall, NULL);
    alone->up = true;
    alone->life++;
    turn_init(&alone->clock.turn);
    alone->clock.wake_ns = TURN_NEVER;
    world_inside(&world, alone, open_log, &err, 0);
    at->disk = alone->disk;
    at->table = alone->table;
    if (err == ERR_OK)
        at->durable = log_durable(at->log);
    return err;
}

void die(enum death death)
{
    alone->up = false;
    disk_sim_crash(alone->disk, death);
    table_sim_crash(alone->table, death);
    heap_drop(&alone->heap);
    node.log = NULL;
}

void node_close(struct node *at)
{
    (void)at;
    die(DEATH_KILL); /* an orderly end is the other tests' */
}

#include "forgotten.h"

#include <stdio.h>

#include "base/ensure.h"
#include "cluster.h"
#include "control/control.h"
#include "disk_sim.h"
#include "log/frame.h"
#include "replica/envelope.h"

#define BEGIN_NS (4 * SIM_S)
#define LOOK_NS (200 * SIM_US)
#define NOTICE_MOST_NS (3 * SIM_S) /* from its start until it says so */

enum act {
    ACT_WAIT, /* for the moment to strike */
    ACT_DOWN, /* its last frame is damaged */
    ACT_BACK, /* it runs, and does not know yet */
    ACT_SAID, /* it knows; the next start must be refused */
    ACT_OUT
};

struct forgotten {
    enum act act;
    uint32_t victim;
    uint64_t turn; /* of the damaged frame */
    uint64_t back_ns;
};

/* The newest frame on a disk. */
struct newest {
    struct disk *disk;
    uint64_t node;
    char file[DISK_NAME_MAX];
    struct frame_head head;
};

static struct forgotten *forgotten_of(struct world *world)
{
    return cluster_of(world)->forgotten;
}

/* ---- the strike ---- */

static void look_into(void *ctx, const char *name, uint64_t size)
{
    struct newest *newest = ctx;
    struct disk_file *file;
    struct frame_head head;
    struct reason reason;
    unsigned char *bytes = sim_malloc(size);

    ensure(disk_open(newest->disk, name, &file, &reason) == ERR_OK);
    ensure(disk_read_now(file, 0, bytes, size, &reason) == ERR_OK);
    disk_close(file);
    for (uint64_t at = 0; at < size; at += DISK_ALIGN) {
        if (frame_check(slice_of(bytes + at, size - at), &head) != ERR_OK ||
            head.node != newest->node || head.offset != at || head.number < newest->head.number)
            continue;
        newest->head = head;
        snprintf(newest->file, sizeof newest->file, "%s", name);
    }
    sim_free(bytes);
}

/* Whether a peer knows of all that is durable here, and nothing is on its way to the disk. */
static bool is_heard(struct world *world, struct sim_node *victim)
{
    uint64_t durable = log_durable(control_log(victim->control));

    if (!disk_sim_idle(victim->disk))
        return false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (i != victim->at && node->up && node->control != NULL &&
            roster_heard(control_roster(node->control), victim->id) == durable)
            return true;
    }
    return false;
}

static void comes_back(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct forgotten *forgotten = forgotten_of(world);

    forgotten->act = ACT_BACK;
    forgotten->back_ns = world->now_ns;
    cluster_start(world, &world->nodes[forgotten->victim]);
}

static void strike(struct world *world, struct sim_node *victim)
{
    struct forgotten *forgotten = forgotten_of(world);
    struct newest newest = { .disk = victim->disk, .node = victim->id };
    struct reason reason;

    forgotten->turn = log_durable(control_log(victim->control));
    cluster_kill(world, victim, DEATH_KILL);
    ensure(disk_list(victim->disk, look_into, &newest, &reason) == ERR_OK);
    ensure(newest.head.turn == forgotten->turn);
    ensure(disk_sim_rot(victim->disk, newest.file,
                        newest.head.offset + world_below(world, FRAME_HEAD_BYTES)));
    world_say(world, victim, "turn %llu rots: %s at %llu", (unsigned long long)forgotten->turn,
              newest.file, (unsigned long long)newest.head.offset);
    forgotten->act = ACT_DOWN;
    world_after(world, (struct world_after){ .delay_ns = world_below(world, 4 * SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = comes_back });
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *victim = &world->nodes[forgotten_of(world)->victim];

    if (cluster_of(world)->healing)
        return;
    if (victim->up && victim->control != NULL && cluster_of(world)->stream != 0 &&
        is_heard(world, victim)) {
        strike(world, victim);
        return;
    }
    world_after(world, (struct world_after){
                           .delay_ns = LOOK_NS, .kind = KIND_NEMESIS, .fn = look });
}

void forgotten_start(struct world *world)
{
    struct forgotten *forgotten = sim_malloc(sizeof *forgotten);

    cluster_of(world)->forgotten = forgotten;
    forgotten->victim = (uint32_t)world_below(world, world->node_count);
    world_after(world, (struct world_after){ .delay_ns = BEGIN_NS + world_below(world, 2 * SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

/* ---- what follows ---- */

static bool is_back(struct world *world, const struct sim_node *node)
{
    const struct forgotten *forgotten = forgotten_of(world);

    return forgotten != NULL && forgotten->act == ACT_BACK && node->at == forgotten->victim;
}

void forgotten_look(struct world *world, struct sim_node *node, bool leads)
{
    if (!is_back(world, node))
        return;
    if (leads)
        world_violation(world, "forgotten", "node %u lost turn %llu and leads", node->at + 1,
                        (unsigned long long)forgotten_of(world)->turn);
    if (world->now_ns - forgotten_of(world)->back_ns > NOTICE_MOST_NS)
        world_violation(world, "forgotten", "node %u lost turn %llu and did not notice",
                        node->at + 1, (unsigned long long)forgotten_of(world)->turn);
}

void forgotten_sends(struct world *world, struct sim_node *node, enum net_kind kind,
                     struct slice bytes)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;

    if (kind != NET_RAFT || !is_back(world, node) || !envelope_reader_init(&reader, bytes))
        return;
    while (envelope_next(&reader, &envelope, &heads)) {
        bool granted = envelope.type == ENVELOPE_VOTED &&
                       (envelope.flags & ENVELOPE_GRANTED) != 0 &&
                       (envelope.flags & ENVELOPE_PRE_VOTE) == 0;
        bool success = envelope.type == ENVELOPE_APPENDED && envelope.appended.rejected == 0;
        if (granted || success)
            world_violation(world, "forgotten", "node %u lost turn %llu and %s in group %llu",
                            node->at + 1, (unsigned long long)forgotten_of(world)->turn,
                            granted ? "votes" : "acknowledges",
                            (unsigned long long)envelope.group);
    }
}

void forgotten_says(struct world *world, struct sim_node *node, const struct reason *reason)
{
    if (!is_back(world, node))
        world_violation(world, "forgotten", "node %u says so and is wrong: %s", node->at + 1,
                        reason->text);
    forgotten_of(world)->act = ACT_SAID;
    cluster_doom(node, DEATH_KILL); /* its supervisor tries once more */
}

bool forgotten_refuses(struct world *world, struct sim_node *node, enum err err,
                       const struct reason *reason)
{
    struct forgotten *forgotten = forgotten_of(world);

    if (forgotten == NULL || node->at != forgotten->victim || err != ERR_CORRUPT ||
        (forgotten->act != ACT_BACK && forgotten->act != ACT_SAID))
        return false;
    /* Its own table may have known that an applied entry is lost: then it never was back. */
    world_say(world, node, "refuses to start: %s", reason->text);
    forgotten->act = ACT_OUT;
    node->retired = true;
    cluster_doom(node, DEATH_KILL);
    return true;
}

void forgotten_check(struct world *world)
{
    const struct forgotten *forgotten = forgotten_of(world);

    if (forgotten != NULL && forgotten->act != ACT_OUT)
        world_violation(world, "forgotten", "the scenario did not end: act %d",
                        (int)forgotten->act);
}

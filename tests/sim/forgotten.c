#include "forgotten.h"

#include <stdio.h>
#include <string.h>

#include "base/ensure.h"
#include "cluster.h"
#include "control/control.h"
#include "control/renewal.h"
#include "disk_sim.h"
#include "log/frame.h"
#include "net_sim.h"
#include "replica/envelope.h"
#include "rot.h"
#include "table_sim.h"
#include "wipe.h"

#define BEGIN_NS (4 * SIM_S)
#define LOOK_NS (200 * SIM_US)
#define NOTICE_MOST_NS (3 * SIM_S) /* from its start until it says so */
#define UNHEARD_NS (400 * SIM_MS)  /* the only witness is out of reach: it trusts itself later */
#define SECOND_DOWN_NS (4 * SIM_S) /* long enough for the victim to come in, if it did not wait */

enum act {
    ACT_WAIT, /* for the moment to strike */
    ACT_DOWN, /* its last frame is damaged */
    ACT_BACK, /* it runs, and does not know yet */
    ACT_SAID, /* it knows; the next start must be refused, */
    ACT_OUT,  /* and was: what it has is put aside */
    ACT_NEW,  /* it has a new id */
    ACT_WELL  /* what it lost it does not need */
};


struct forgotten {
    enum act act;
    uint32_t victim;
    struct sim_node *second; /* it is down since the victim has a new id; NULL: none is */
    uint64_t second_id;
    bool two;                /* there is to be one */
    bool again;              /* the victim forgets once more, before it has come in */
    bool both;               /* the second one forgets too, at its next start */
    bool copy;               /* what the victim is started with is an old copy */
    bool one;                /* one peer alone knows of what it lacks, out of reach at first */
    uint32_t witness;        /* that one */
    bool spoke;              /* the copy has promised something to those who cannot tell */
    struct disk *disk;       /* its right directory, or the second one's, put aside; NULL: none */
    struct table *table;
    bool files;              /* a file is lost, or its end */
    bool newest;             /* what was lost had the newest frame */
    uint64_t turn; /* of the damaged frame */
    uint64_t back_ns;
    uint64_t old_id;
};

/* The newest frame on a disk; and any file of it. */
struct newest {
    struct world *world;
    struct disk *disk;
    char any[DISK_NAME_MAX];
    uint64_t any_bytes;
    uint32_t files;
    uint64_t node;
    char file[DISK_NAME_MAX];
    uint64_t bytes; /* of it */
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

    if (world_below(newest->world, ++newest->files) == 0) {
        snprintf(newest->any, sizeof newest->any, "%s", name);
        newest->any_bytes = size;
    }
    ensure(disk_open(newest->disk, name, &file, &reason) == ERR_OK);
    ensure(disk_read_now(file, 0, bytes, size, &reason) == ERR_OK);
    disk_close(file);
    for (uint64_t at = 0; at < size; at += DISK_ALIGN) {
        if (frame_check(slice_of(bytes + at, size - at), &head) != ERR_OK ||
            head.node != newest->node || head.offset != at || head.number < newest->head.number)
            continue;
        newest->head = head;
        snprintf(newest->file, sizeof newest->file, "%s", name);
        newest->bytes = size;
    }
    sim_free(bytes);
}

/* Whether a peer knows of all that is durable here, one alone if so wanted, and nothing is on its
 * way to the disk. */
static bool is_heard(struct world *world, struct sim_node *victim)
{
    struct forgotten *forgotten = forgotten_of(world);
    uint64_t durable = log_durable(control_log(victim->control));
    uint32_t count = 0;

    if (!disk_sim_idle(victim->disk))
        return false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (i == victim->at || !node->up || node->control == NULL ||
            roster_heard(control_roster(node->control), victim->id) != durable)
            continue;
        forgotten->witness = i;
        count++;
    }
    return forgotten->one ? count == 1 : count > 0;
}

static void cut_witness(struct world *world, bool cut)
{
    const struct forgotten *forgotten = forgotten_of(world);

    net_sim_cut(world, forgotten->witness, forgotten->victim, cut);
    net_sim_cut(world, forgotten->victim, forgotten->witness, cut);
}

static void witness_comes(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    cut_witness(world, false);
}

static void comes_back(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct forgotten *forgotten = forgotten_of(world);

    forgotten->act = ACT_BACK;
    forgotten->back_ns = world->now_ns;
    if (forgotten->one) {
        cut_witness(world, true);
        world_after(world, (struct world_after){ .delay_ns = UNHEARD_NS,
                                                 .kind = KIND_NEMESIS,
                                                 .fn = witness_comes });
    }
    cluster_start(world, &world->nodes[forgotten->victim]);
}

static void rot_frame(struct world *world, struct sim_node *victim, const struct newest *newest)
{
    struct forgotten *forgotten = forgotten_of(world);

    forgotten->newest = true;
    ensure(disk_sim_rot(victim->disk, newest->file,
                        newest->head.offset + world_below(world, FRAME_HEAD_BYTES)));
    world_say(world, victim, "turn %llu rots: %s at %llu", (unsigned long long)forgotten->turn,
              newest->file, (unsigned long long)newest->head.offset);
}

static void lose_file(struct world *world, struct sim_node *victim, const struct newest *newest)
{
    bool any = world_chance(world, 1, 2);
    const char *name = any ? newest->any : newest->file;
    uint64_t blocks = (any ? newest->any_bytes : newest->bytes) / DISK_ALIGN;
    uint64_t kept = world_chance(world, 1, 2) ? 0 : world_below(world, blocks) * DISK_ALIGN;

    forgotten_of(world)->newest = strcmp(name, newest->file) == 0;
    if (kept == 0)
        disk_sim_lose(victim->disk, name);
    else
        disk_sim_cut(victim->disk, name, kept);
    world_say(world, victim, "%s is lost%s", name, kept == 0 ? "" : " from a block on");
}

static void strike(struct world *world, struct sim_node *victim)
{
    struct forgotten *forgotten = forgotten_of(world);
    struct newest newest = { .world = world, .disk = victim->disk, .node = victim->id };
    struct reason reason;

    forgotten->turn = log_durable(control_log(victim->control));
    cluster_kill(world, victim, DEATH_KILL);
    ensure(disk_list(victim->disk, look_into, &newest, &reason) == ERR_OK);
    ensure(newest.head.turn == forgotten->turn);
    forgotten->old_id = victim->id;
    if (forgotten->copy) {
        forgotten->disk = disk_sim_copy(victim->disk);
        forgotten->table = table_sim_copy(victim->table);
    }
    if (forgotten->files)
        lose_file(world, victim, &newest);
    else
        rot_frame(world, victim, &newest);
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

static void start(struct world *world, bool two)
{
    struct forgotten *forgotten = sim_malloc(sizeof *forgotten);

    cluster_of(world)->forgotten = forgotten;
    forgotten->two = two;
    forgotten->victim = (uint32_t)world_below(world, world->node_count);
    /* Mostly the catalogue goes on without both: its members are the first three. */
    if (two && world_chance(world, 3, 4))
        forgotten->victim = 3 + (uint32_t)world_below(world, world->node_count - 3);
    world_after(world, (struct world_after){ .delay_ns = BEGIN_NS + world_below(world, 2 * SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void forgotten_start(struct world *world)
{
    start(world, false);
    forgotten_of(world)->copy = world_chance(world, 1, 3);
}

void forgotten_start_copy(struct world *world)
{
    start(world, false);
    forgotten_of(world)->copy = forgotten_of(world)->one = true;
}

void forgotten_start_two(struct world *world)
{
    start(world, true);
}

void forgotten_start_files(struct world *world)
{
    start(world, false);
    forgotten_of(world)->files = true;
}

/* ---- what follows ---- */

static bool is_back(struct world *world, const struct sim_node *node)
{
    const struct forgotten *forgotten = forgotten_of(world);

    return forgotten != NULL && forgotten->act == ACT_BACK && node->at == forgotten->victim;
}

/* Under the id that it had, or the one that it has now. */
static bool has_either(const struct model_shard *row, const struct sim_node *node, uint64_t old_id)
{
    return model_shard_has(row, old_id) || model_shard_has(row, node->id);
}

/* A group in which the second one, and so a majority, is away.  Its row may have a new id already:
 * changes come many at a time. */
static const struct model_shard *torn_group(struct world *world, const struct model *model)
{
    const struct forgotten *forgotten = forgotten_of(world);
    const struct sim_node *victim = &world->nodes[forgotten->victim];
    const struct model_stream *stream;
    const struct model_shard *row;

    for (uint64_t group = 0; (row = model_shard_next(model, group, &stream)) != NULL;) {
        group = row->group;
        if (stream->status == STREAM_ACTIVE && row->member_count == 3 &&
            has_either(row, forgotten->second, forgotten->second_id) &&
            has_either(row, victim, forgotten->old_id))
            return row;
    }
    return NULL;
}

/* It may come into the catalogue only when all of its groups have a majority. */
void forgotten_after_event(struct world *world, struct sim_node *node)
{
    const struct forgotten *forgotten = forgotten_of(world);

    if (forgotten == NULL || forgotten->act != ACT_NEW || forgotten->second == NULL ||
        (node->at != forgotten->victim && node != forgotten->second) || cluster_of(world)->healing)
        return;
    const struct model *model = catalog_model(control_catalog(node->control));
    const struct model_shard *torn;
    if (model_node_by_id(model, node->id) != NULL && (torn = torn_group(world, model)) != NULL)
        world_violation(world, "forgotten", "node %u has a new id, and group %llu no majority",
                        node->at + 1, (unsigned long long)torn->group);
}

/* It has started, and has all that it promised (promises.c): the file was free, or what it lost had
 * been let go. */
static bool does_without(struct world *world, const struct sim_node *node)
{
    const struct forgotten *forgotten = forgotten_of(world);

    return node->control != NULL && !node->doomed &&
           (!forgotten->newest ||
            (forgotten->files && log_recovery(control_log(node->control)).whole_turn >=
                                     forgotten->turn));
}

/* Those who have no part in a group never heard what its members promised there. */
static bool may_tell(struct world *world, const struct sim_node *victim, uint64_t group)
{
    const struct forgotten *forgotten = forgotten_of(world);
    const struct catalog *catalog = control_catalog(victim->control);
    const struct model_shard *row = model_shard_by_group(catalog_model(catalog), group, NULL);
    uint64_t members[GROUP_MEMBERS_MAX], witness = world->nodes[forgotten->witness].id;
    bool is_member = row != NULL && model_shard_has(row, witness);
    uint32_t count = group == CATALOG_GROUP ? catalog_members(catalog, members) : 0;

    for (uint32_t i = 0; i < count; i++)
        is_member |= members[i] == witness;
    return !forgotten->one || is_member;
}

void forgotten_look(struct world *world, struct sim_node *node, uint64_t group, bool leads)
{
    if (!is_back(world, node))
        return;
    if (does_without(world, node)) {
        forgotten_of(world)->act = ACT_WELL;
        world_say(world, node, "does without what it lost");
        return;
    }
    if (leads && may_tell(world, node, group))
        world_violation(world, "forgotten", "node %u lost turn %llu and leads group %llu",
                        node->at + 1, (unsigned long long)forgotten_of(world)->turn,
                        (unsigned long long)group);
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
        if ((envelope.flags & ENVELOPE_PRE_VOTE) == 0)
            forgotten_of(world)->spoke = true;
        if ((granted || success) && may_tell(world, node, envelope.group))
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
    cluster_doom(node, DEATH_KILL);
    return true;
}

/* An operator puts back what was put aside: the node, which is down, has its old id. */
static void gets_back(struct world *world, struct sim_node *node)
{
    struct forgotten *forgotten = forgotten_of(world);

    disk_sim_free(node->disk);
    table_sim_free(node->table);
    node->disk = forgotten->disk;
    node->table = forgotten->table;
    node->id = 0;
    forgotten->disk = NULL;
    world_say(world, node, "has its right directory again");
}

static void second_starts(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct forgotten *forgotten = forgotten_of(world);
    struct sim_node *second = forgotten->second;

    if (forgotten->disk != NULL) {
        cluster_kill(world, second, DEATH_KILL);
        gets_back(world, second);
    }
    forgotten->both = false;
    forgotten->second = NULL;
    cluster_start(world, second);
}

/* What it waits for it knows after a restart too, and under the next id when its tables are damaged
 * meanwhile. */
static void dies_while_it_waits(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct forgotten *forgotten = forgotten_of(world);
    struct sim_node *victim = &world->nodes[forgotten->victim];

    cluster_kill(world, victim, DEATH_KILL);
    forgotten->again = world_chance(world, 1, 2);
    cluster_start_later(world, victim, 100 * SIM_MS);
}

/* One that has a place in a group of the victim, without which that has no majority. */
static struct sim_node *choose_second(struct world *world)
{
    const struct sim_node *leader = wipe_catalog_leader(world);
    const struct forgotten *forgotten = forgotten_of(world);
    struct sim_node *second = NULL;
    const struct model_stream *stream;
    const struct model_shard *row;
    uint32_t seen = 0;

    if (leader == NULL)
        return NULL;
    const struct model *model = catalog_model(control_catalog(leader->control));
    for (uint64_t group = 0; (row = model_shard_next(model, group, &stream)) != NULL;) {
        group = row->group;
        for (uint32_t i = 0; i < row->member_count && model_shard_has(row, forgotten->old_id); i++)
            if (wipe_node(world, row->members[i]) != NULL && world_chance(world, 1, ++seen))
                second = wipe_node(world, row->members[i]);
    }
    return second;
}

static void strike_second(struct world *world)
{
    struct forgotten *forgotten = forgotten_of(world);
    struct sim_node *second = choose_second(world);

    if (second == NULL)
        return;
    cluster_kill(world, second, DEATH_KILL);
    forgotten->second = second;
    forgotten->second_id = second->id;
    /* Where all groups go on without both, either may come in at once. */
    const struct sim_node *leader = wipe_catalog_leader(world);
    forgotten->both = world_chance(world, 1, 2) && leader != NULL &&
                      torn_group(world, catalog_model(control_catalog(leader->control))) != NULL;
    if (forgotten->both)
        cluster_start_later(world, second, world_below(world, SECOND_DOWN_NS / 2));
    world_after(world, (struct world_after){ .delay_ns = SECOND_DOWN_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = second_starts });
    if (world_chance(world, 1, 2))
        world_after(world, (struct world_after){ .delay_ns = SECOND_DOWN_NS / 4,
                                                 .kind = KIND_NEMESIS,
                                                 .fn = dies_while_it_waits });
}

static void renew(struct world *world, struct sim_node *node, struct renewal *renewal)
{
    struct reason reason = { "" };
    struct renewal_node old;
    enum err err = renewal_look(node->table, &old, &reason);

    if (err == ERR_OK)
        err = renewal_plan(&old, clock_wall_ms(&node->clock), renewal, &reason);
    if (err != ERR_OK)
        world_violation(world, "forgotten", "node %u does not come back: %s", node->at + 1,
                        reason.text);
}

static void begin_anew(struct world *world, struct sim_node *node, const struct renewal *renewal)
{
    struct reason reason = { "" };

    rot_forget(world, node);
    ensure(renewal_write(node->table, renewal, &reason) == ERR_OK);
    world_say(world, node, "comes back in the place of %llx",
              (unsigned long long)renewal->former.ids[renewal->former.count - 1]);
    node->id = 0;
}

/* Its start misses a file; nothing in its directory has changed. */
static void second_renews(struct world *world, struct sim_node *second)
{
    struct forgotten *forgotten = forgotten_of(world);
    struct renewal renewal;

    renew(world, second, &renewal);
    forgotten->both = false;
    forgotten->disk = second->disk;
    forgotten->table = second->table;
    second->disk = disk_sim_new(second);
    second->table = table_sim_new(second);
    begin_anew(world, second, &renewal);
}

void forgotten_renews(struct world *world, struct sim_node *node)
{
    struct forgotten *forgotten = forgotten_of(world);
    struct renewal renewal;

    if (forgotten == NULL)
        return;
    if (forgotten->both && node == forgotten->second)
        second_renews(world, node);
    if (node->at != forgotten->victim || (forgotten->act != ACT_OUT && !forgotten->again))
        return;
    if (forgotten->copy && forgotten->one && forgotten->spoke) {
        disk_sim_free(forgotten->disk); /* the right one is none any more */
        table_sim_free(forgotten->table);
        forgotten->disk = NULL;
        forgotten->copy = false;
    }
    if (forgotten->copy) { /* nobody holds against the right one what the copy had written */
        gets_back(world, node);
        forgotten->act = ACT_WELL;
        return;
    }
    renew(world, node, &renewal);
    disk_sim_wipe(node->disk);
    table_sim_wipe(node->table);
    begin_anew(world, node, &renewal);
    if (forgotten->act == ACT_OUT && forgotten->two)
        strike_second(world);
    forgotten->act = ACT_NEW;
    forgotten->again = false;
}

bool forgotten_may_forget(struct world *world, const struct sim_node *node)
{
    return is_back(world, node) && forgotten_of(world)->newest;
}

void forgotten_check(struct world *world)
{
    const struct forgotten *forgotten = forgotten_of(world);

    if (forgotten == NULL || forgotten->act == ACT_NEW || forgotten->act == ACT_WELL)
        return;
    if (forgotten->one && forgotten->act == ACT_WAIT)
        cluster_of(world)->unplayed = true; /* no peer was ever ahead of the others */
    else
        world_violation(world, "forgotten", "the scenario did not end: act %d",
                        (int)forgotten->act);
}

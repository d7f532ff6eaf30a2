#include "checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "catalog/model_image.h"
#include "cluster.h"
#include "control/control.h"
#include "copies.h"
#include "figure8.h"
#include "forgotten.h"
#include "moments.h"
#include "nemesis.h"
#include "rescues.h"
#include "reshard.h"
#include "workload.h"

#define SCAN_STEPS_MAX 200000u
#define FULL_NS (10 * SIM_S) /* after so long without room */
#define UNTOLD_OF 64u /* events */
#define FULL_PENDING_BYTES 65536u /* a log takes next to nothing in */

/* What was seen of one group on one node, since its process started; what was applied, since the
 * replica was opened, and until the last one closed. */
struct seen {
    uint64_t applied, closed_applied, term, last, time_ms;
    uint32_t epoch;
    bool leads, takes, put;
};

/* The changes that were looked at. */
struct known {
    bool any; /* all groups were */
    uint64_t log, roster;
};

struct sights {
    struct seen at[SIM_NODES_MAX][SIM_GROUPS_MAX];
    uint64_t model[SIM_NODES_MAX]; /* index of the catalogue's model */
    struct known known[SIM_NODES_MAX];
    uint64_t room_ns[SIM_NODES_MAX]; /* the log had room then; 0 = not looked at yet */
};

static void look_at_catalog(struct world *world, struct sim_node *node);

static struct sights *sights_of(struct world *world)
{
    struct cluster *cluster = cluster_of(world);

    if (cluster->sights == NULL)
        cluster->sights = sim_malloc(sizeof(struct sights));
    return cluster->sights;
}

void checks_forget(struct world *world, struct sim_node *node)
{
    memset(sights_of(world)->at[node->at], 0, sizeof sights_of(world)->at[node->at]);
    sights_of(world)->model[node->at] = 0;
    sights_of(world)->known[node->at] = (struct known){ .any = false };
    sights_of(world)->room_ns[node->at] = 0;
}

/* Whoever ends with its epoch leaves what it applied to the START of the next. */
static bool has_seal_above(const struct log *log, uint64_t group, uint64_t index)
{
    uint64_t last = log_state(log, group)->last;
    struct entry_head head;

    while (++index <= last)
        if (log_head(log, group, index, &head) == ERR_OK && head.type == ENTRY_SEAL)
            return true;
    return false;
}

/* Who was closed before its epoch's end, to be filled, and opens in it once more goes on where it
 * was: closing notes that. */
static void look_at_opened(struct world *world, struct sim_node *node, const struct seen *seen,
                           const struct replica_glance *glance)
{
    if (glance->group != CATALOG_GROUP && glance->epoch == seen->epoch &&
        glance->applied < seen->closed_applied &&
        !has_seal_above(control_log(node->control), glance->group, glance->applied))
        world_violation(world, "applied", "node %u had applied group %llu to index %llu, closed "
                        "it, and opens it in its epoch %u at index %llu", node->at + 1,
                        (unsigned long long)glance->group,
                        (unsigned long long)seen->closed_applied, glance->epoch,
                        (unsigned long long)glance->applied);
}

static void look_at_applied(struct world *world, struct sim_node *node, struct seen *seen,
                            const struct replica_glance *glance)
{
    struct log *log = control_log(node->control);
    struct entry_head head;

    if (seen->applied == 0)
        look_at_opened(world, node, seen, glance);
    /* What it had at its start was looked at before; a rescue lets the catalogue's indices jump. */
    if (seen->applied == 0 ||
        glance->applied / MODEL_RESCUE_INDEX != seen->applied / MODEL_RESCUE_INDEX)
        seen->applied = glance->applied;
    for (uint64_t index = seen->applied + 1; index <= glance->applied; index++) {
        if (log_head(log, glance->group, index, &head) != ERR_OK)
            continue;
        history_applied(cluster_of(world)->history, node, &head);
        if (head.time_ms < seen->time_ms)
            world_violation(world, "time", "node %u group %llu index %llu is older than the entry "
                            "before it", node->at + 1, (unsigned long long)glance->group,
                            (unsigned long long)index);
        seen->time_ms = head.time_ms;
    }
    ensure(glance->applied >= seen->applied);
    seen->applied = glance->applied;
    history_reached(cluster_of(world)->history, glance->group,
                    sim_place(glance->epoch, glance->applied));
}

static void look_at_leader(struct world *world, struct sim_node *node, struct seen *seen,
                           const struct replica_glance *glance, uint64_t last)
{
    bool leads = glance->role != REPLICA_FOLLOWER, takes = glance->role == REPLICA_LEADER;

    if (takes && (!seen->takes || seen->term != glance->term || seen->epoch != glance->epoch))
        history_leads(cluster_of(world)->history, node, glance->group, glance->epoch, glance->term);
    if (leads) {
        if (!seen->leads || seen->term != glance->term) {
            cluster_of(world)->leader_terms++;
            world_say(world, node, "leads group %llu in term %llu, last entry %llu",
                      (unsigned long long)glance->group, (unsigned long long)glance->term,
                      (unsigned long long)last);
            seen->put = false;
            nemesis_on_leader(world, node, glance->group);
        } else if (last > seen->last && glance->role == REPLICA_LEADER) {
            nemesis_on_proposal(world, node, glance->group, !seen->put);
            seen->put = true;
        }
    }
    seen->leads = leads;
    seen->takes = takes;
    seen->term = glance->term;
    seen->epoch = glance->epoch;
    seen->last = last;
}

/* It still answers, from what it applies. */
static void look_at_stopping(struct world *world, struct sim_node *node)
{
    struct roster *roster = control_roster(node->control);
    struct replica *replica;

    for (uint64_t group = 0;
         roster != NULL && (replica = roster_next(roster, group)) != NULL;) {
        group = replica_group(replica);
        history_reached(cluster_of(world)->history, group,
                        sim_place(replica_glance(replica).epoch, replica_applied(replica)));
    }
}

/* One that opens again may apply anew what it had not noted on the disk: who has its epoch's SEAL
 * closes, and opens in the old one when nobody gives it the next (bad-blocks, seed 200411). */
static void forget_closed(struct seen *seen)
{
    if (seen->applied != 0)
        seen->closed_applied = seen->applied;
    seen->applied = 0;
    seen->time_ms = 0;
}

/* Groups whose state or replica has changed, in ascending order. */
struct news {
    uint64_t groups[LOG_CHANGES_KEPT + ROSTER_CHANGES_KEPT];
    uint32_t count;
    bool all; /* any may have */
};

static void look_at_replica(struct world *world, struct sim_node *node,
                            const struct replica *replica, const struct log_state *state)
{
    struct replica_glance glance = replica_glance(replica);
    struct seen *seen = &sights_of(world)->at[node->at][sim_slot(glance.group)];
    uint64_t last = state->last;
    bool leads = glance.role != REPLICA_FOLLOWER;

    look_at_applied(world, node, seen, &glance);
    look_at_leader(world, node, seen, &glance, last);
    figure8_look(world, node, glance.group, leads, glance.term, last, glance.applied);
    forgotten_look(world, node, glance.group, leads);
}

/* Both lists are in the order of groups, and every replica has its group in the log. */
static void look_at_all(struct world *world, struct sim_node *node)
{
    struct seen *sights = sights_of(world)->at[node->at];
    const struct roster *roster = control_roster(node->control);
    const struct log *log = control_log(node->control);
    const struct log_state *state;
    const struct replica *replica;
    size_t k = 0;

    for (size_t i = 0; (state = log_state_at(log, i)) != NULL; i++)
        moments_look(world, node, state);
    for (size_t i = 0; (replica = roster_at(roster, i)) != NULL; i++) {
        uint64_t group = replica_group(replica);
        for (; (state = log_state_at(log, k)) != NULL && state->group < group; k++)
            forget_closed(&sights[sim_slot(state->group)]);
        ensure(state != NULL && state->group == group);
        k++;
        look_at_replica(world, node, replica, state);
    }
    for (; (state = log_state_at(log, k)) != NULL; k++)
        forget_closed(&sights[sim_slot(state->group)]);
}

static void look_at_some(struct world *world, struct sim_node *node, const struct news *news)
{
    struct seen *sights = sights_of(world)->at[node->at];
    const struct roster *roster = control_roster(node->control);
    const struct log *log = control_log(node->control);
    const struct log_state *state;

    for (uint32_t i = 0; i < news->count; i++)
        if ((state = log_state(log, news->groups[i])) != NULL)
            moments_look(world, node, state);
    for (uint32_t i = 0; i < news->count; i++) {
        const struct replica *replica = roster_find(roster, news->groups[i]);
        state = log_state(log, news->groups[i]);
        ensure(replica == NULL || state != NULL);
        if (replica != NULL)
            look_at_replica(world, node, replica, state);
        else if (state != NULL)
            forget_closed(&sights[sim_slot(state->group)]);
    }
}

/* F21: what a full log took would wait in memory until it has room. */
static void look_at_room(struct world *world, struct sim_node *node)
{
    const struct log *log = control_log(node->control);
    uint64_t *room_ns = &sights_of(world)->room_ns[node->at];

    if (*room_ns == 0 || log_has_room(log, 0))
        *room_ns = world->now_ns;
    if (world->now_ns - *room_ns > FULL_NS && log_pending_bytes(log) > FULL_PENDING_BYTES)
        world_violation(world, "memory", "node %u has been full for %.0f s, and holds %zu bytes "
                        "for its log", node->at + 1, (double)FULL_NS / 1e9,
                        log_pending_bytes(log));
}

static void add(struct news *news, uint64_t group)
{
    uint32_t at = news->count;

    for (; at > 0 && news->groups[at - 1] >= group; at--)
        if (news->groups[at - 1] == group)
            return;
    memmove(&news->groups[at + 1], &news->groups[at], (news->count - at) * sizeof news->groups[0]);
    news->groups[at] = group;
    news->count++;
}

/* Most events change no group at all, or one.  Scripts go by what other nodes do too. */
static void take_news(struct world *world, struct sim_node *node, struct news *news)
{
    struct known *known = &sights_of(world)->known[node->at];
    const struct log *log = control_log(node->control);
    const struct roster *roster = control_roster(node->control);
    struct known now = { true, log_changes(log), roster_changes(roster) };

    news->count = 0; /* of the groups none is set: this is called for every event */
    news->all = !known->any || now.log - known->log > LOG_CHANGES_KEPT ||
               now.roster - known->roster > ROSTER_CHANGES_KEPT ||
               cluster_of(world)->figure8 != NULL || cluster_of(world)->forgotten != NULL;
    for (uint64_t change = known->log + 1; !news->all && change <= now.log; change++)
        add(news, log_changed(log, change));
    for (uint64_t change = known->roster + 1; !news->all && change <= now.roster; change++)
        add(news, roster_changed(roster, change));
    *known = now;
}

/* What take_news() goes by must not miss anything. */
static void look_for_untold(struct world *world, struct sim_node *node)
{
    const struct seen *sights = sights_of(world)->at[node->at];
    const struct roster *roster = control_roster(node->control);
    const struct log *log = control_log(node->control);
    const struct log_state *state;
    const struct replica *replica;
    size_t k = 0;

    for (size_t i = 0; (replica = roster_at(roster, i)) != NULL; i++) {
        struct replica_glance glance = replica_glance(replica);
        const struct seen *seen = &sights[sim_slot(glance.group)];
        while ((state = log_state_at(log, k)) != NULL && state->group < glance.group)
            k++;
        ensure(state != NULL && state->group == glance.group);
        ensure(seen->applied == glance.applied && seen->term == glance.term &&
               seen->epoch == glance.epoch && seen->leads == (glance.role != REPLICA_FOLLOWER) &&
               seen->last == state->last);
    }
    moments_look_for_untold(world, node);
}

void checks_after_event(struct world *world, struct sim_node *node)
{
    if (node->control == NULL)
        return;
    if (node->stopping) {
        look_at_stopping(world, node);
        return;
    }
    look_at_room(world, node);
    rescues_after_event(world, node);
    forgotten_after_event(world, node);
    look_at_catalog(world, node);
    copies_after_event(world, node);
    struct news news;
    take_news(world, node, &news);
    moments_look_begin(world, node);
    if (news.all)
        look_at_all(world, node);
    else
        look_at_some(world, node, &news);
    if (world->events % UNTOLD_OF == 0)
        look_for_untold(world, node);
}

/* 0: none of those that are there now. */
static unsigned number_of(const struct world *world, uint64_t id)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        if (world->nodes[i].id == id)
            return i + 1;
    return 0;
}

/* What the node's catalogue says of the group. */
static void describe_row(const struct sim_node *node, const struct model_shard *row)
{
    printf("node %u knows group %llu: state %d, epoch %u, nodes", node->at + 1,
           (unsigned long long)row->group, (int)row->state, row->epoch);
    for (uint32_t i = 0; i < row->member_count; i++)
        printf(" %u", number_of(node->world, row->members[i]));
    printf("\n");
}

static void describe_node(struct sim_node *node)
{
    struct roster *roster = control_roster(node->control);
    struct replica *replica;

    for (uint64_t group = 0; (replica = roster_next(roster, group)) != NULL;) {
        struct replica_status status = replica_status(replica);
        group = status.group;
        printf("node %u group %llu epoch %u role %d term %llu leader %u applied %llu last %llu\n",
               node->at + 1, (unsigned long long)status.group, status.epoch, (int)status.role,
               (unsigned long long)status.term, number_of(node->world, status.leader),
               (unsigned long long)status.applied, (unsigned long long)status.last);
    }
    const struct model *model = catalog_model(control_catalog(node->control));
    const struct model_shard *row = NULL;
    for (uint64_t after = 0; (row = model_shard_next(model, after, NULL)) != NULL;) {
        after = row->group;
        describe_row(node, row);
    }
}

void checks_describe(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->up && node->control != NULL && !node->stopping)
            describe_node(node);
        else
            printf("node %u: up %d stopping %d\n", i + 1, node->up, node->stopping);
    }
}

static bool is_behind(struct world *world, uint64_t group, uint64_t place)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (node->up && node->control != NULL && !node->stopping &&
            sim_place(sights_of(world)->at[i][sim_slot(group)].epoch,
                      sights_of(world)->at[i][sim_slot(group)].applied) > place)
            return true;
    }
    return false;
}

bool checks_caught_up(struct world *world, char *why, size_t why_bytes)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct replica *replica;
        if (!node->up || node->control == NULL || node->stopping)
            continue;
        for (uint64_t group = 0;
             (replica = roster_next(control_roster(node->control), group)) != NULL;) {
            group = replica_group(replica);
            if (!is_behind(world, group, sim_place(replica_glance(replica).epoch,
                                                   replica_applied(replica))))
                continue;
            snprintf(why, why_bytes, "node %u has applied group %llu up to %llu, others go on",
                     i + 1, (unsigned long long)group,
                     (unsigned long long)replica_applied(replica));
            return false;
        }
    }
    return true;
}

/* ---- the last reading ---- */

struct scan {
    struct shard_read read;
    bool busy, failed, end;
    bool closed; /* as it was last seen in the catalogue */
    enum err err;
};

static void scanned(struct shard_read *read, enum err err)
{
    struct scan *scan = container_of(read, struct scan, read);

    scan->busy = false;
    scan->err = err;
}

/* It was closed, and its retention has passed meanwhile: whether not too early reshard.c looks. */
static bool is_forgotten(struct scan *scan, const struct sim_node *node, uint64_t group)
{
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control_catalog(node->control)), group, NULL);

    if (row != NULL)
        scan->closed = row->state == SHARD_CLOSED;
    return row == NULL && scan->closed;
}

static void scan_step(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct scan *scan = ctx;
    struct shard *shard = control_shard(node->control, arg);

    if (is_forgotten(scan, node, arg) && shard == NULL) {
        scan->err = ERR_CLOSED;
        return;
    }
    if (shard == NULL)
        world_violation(world, "replica", "node %u has no replica of group %llu at the end",
                        node->at + 1, (unsigned long long)arg);
    scan->read.records_max = 500;
    scan->read.bytes_max = 1024 * 1024;
    scan->read.now_ms = scan->read.hidden_ms = clock_wall_ms(&node->clock);
    scan->busy = true;
    shard_read(shard, &scan->read, scanned);
}

static void scan_note(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct scan *scan = ctx;

    workload_note_parts(world, node, arg, scan->read.parts, scan->read.part_count);
    /* Many that are too old are passed in several answers without records. */
    scan->end = scan->read.record_count == 0 && scan->read.next.index == scan->read.from.index;
    scan->read.from = scan->read.next;
    shard_read_fini(&scan->read);
}

static void scan_group(struct world *world, struct sim_node *node, uint64_t group)
{
    struct history *history = cluster_of(world)->history;
    struct scan *scan = sim_malloc(sizeof *scan);

    history_scan_begin(history, node, group);
    scan->read.from = (struct position){ .index = 1 };
    for (uint32_t step = 0; !scan->end; step++) {
        if (step > SCAN_STEPS_MAX)
            world_violation(world, "reads", "reading group %llu does not end",
                            (unsigned long long)group);
        world_inside(world, node, scan_step, scan, group);
        while (scan->busy)
            world_run(world, world->now_ns + SIM_MS);
        if (scan->err == ERR_CLOSED && is_forgotten(scan, node, group)) {
            shard_read_fini(&scan->read);
            sim_free(scan);
            return;
        }
        if (scan->err != ERR_OK)
            world_violation(world, "reads", "node %u cannot read group %llu: %s: %s", node->at + 1,
                            (unsigned long long)group, err_name(scan->err), scan->read.reason.text);
        world_inside(world, node, scan_note, scan, group);
    }
    history_scan_end(history, node, group);
    sim_free(scan);
}

void checks_read_all(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        struct shard *shard;
        for (uint64_t group = CATALOG_GROUP;
             (shard = control_shard_next(node->control, group)) != NULL;) {
            group = shard_group(shard);
            scan_group(world, node, group);
        }
    }
}

/* ---- the catalogue ---- */

/* Every node's model, at every index that it ever has, is the one that all others have there. */
static void look_at_catalog(struct world *world, struct sim_node *node)
{
    const struct model *model = catalog_model(control_catalog(node->control));
    uint64_t *seen = &sights_of(world)->model[node->at];
    uint64_t digest = UINT64_C(0xcbf29ce484222325);

    if (model_index(model) == *seen)
        return;
    *seen = model_index(model);
    AUTO_UNREF struct buf *image = model_image_pack(model);
    ensure(image != NULL);
    for (size_t i = 0; i < image->len; i++)
        digest = (digest ^ image->data[i]) * UINT64_C(0x100000001b3);
    history_model(cluster_of(world)->history, node, *seen, digest);
    reshard_model(world, node, model);
}

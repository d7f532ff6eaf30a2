#include "control/members.h"

#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "catalog/version.h"
#include "control/preferred.h"

static void count_step(struct members_look *look, const struct model *model);
static void choose_step(struct members_look *look, const struct model *model,
                        const struct members_world *world);
static struct members_node *node_find(struct members_nodes *nodes, uint64_t node);
static void row_look(struct members_look *look, const struct members_world *world,
                     const struct model_stream *stream, const struct model_shard *row);
static void row_better(struct members_look *look, const struct members_world *world,
                       const struct model_stream *stream, const struct model_shard *row);
static void row_spread(struct members_look *look, const struct members_world *world,
                       const struct model_stream *stream, const struct model_shard *row);
static uint64_t spread_to(const struct members_nodes *nodes, const struct model_shard *row,
                          uint32_t at);
static void row_order(struct members_look *look, const struct model_stream *stream,
                      const struct model_shard *row);
static bool any_grows(const struct model *model);
static void row_grow(struct members_look *look, const struct members_world *world,
                     const struct model_stream *stream, const struct model_shard *row);
static void row_add(struct members_look *look, const struct model_shard *row, uint32_t place,
                    uint64_t comer);
static const struct members_node *heir_of(const struct members_nodes *nodes,
                                          const struct members_node *lost);
static uint64_t choose(const struct members_nodes *nodes, const struct members_world *world,
                       const struct model_shard *row, uint32_t at);
static bool can_come(const struct members_nodes *nodes, const struct members_node *node,
                     const struct model_shard *row);
static uint32_t zone_used(const struct members_nodes *nodes, const struct model_shard *row,
                          uint32_t at, const char *az);
static uint32_t staying_up(const struct members_nodes *nodes, const struct model_shard *row,
                           uint32_t at);

/* ---- a pass ---- */

void members_begin(struct members_look *look, const struct model *model,
                   const struct members_world *world, const uint64_t kept[], uint32_t kept_count)
{
    *look = (struct members_look){ .counting = true, .done = true };
    members_nodes_fill(&look->nodes, model, world);
    for (uint32_t i = 0; i < look->nodes.count; i++) {
        struct members_node *node = &look->nodes.nodes[i];
        for (uint32_t k = 0; k < kept_count; k++)
            node->kept |= kept[k] == node->node;
        if (node->leave != MEMBERS_STAYS)
            look->done = false;
    }
    look->spreading = world->spread;
    look->preferring = world->prefer && version_allows(model, VERSION_PREFERS) &&
                       !MUTANT(leaders_left);
    look->growing = any_grows(model);
    look->done = look->done && !look->spreading && !look->preferring && !look->growing;
}

/* Whether a shard has fewer members than before its rescue. */
static bool grows(const struct model_shard *row)
{
    return row->rescued != NULL && row->member_count < row->rescued->replicas;
}

static bool any_grows(const struct model *model)
{
    const struct model_shard *row;

    if (model_rescued_count(model) == 0)
        return false;
    for (uint64_t after = 0; (row = model_shard_next(model, after, NULL)) != NULL;) {
        after = row->group;
        if (grows(row))
            return true;
    }
    return false;
}

void members_nodes_fill(struct members_nodes *nodes, const struct model *model,
                        const struct members_world *world)
{
    struct members_nodes before = *nodes;

    nodes->count = 0;
    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *row = model_node_at(model, i);
        const struct members_node *known = members_node_find(&before, row->id);
        struct members_node *node = &nodes->nodes[nodes->count++];

        *node = known != NULL ? *known : (struct members_node){ .node = row->id };
        node->row = row;
        node->up = world->up == NULL || world->up(world->ctx, row->id);
        node->full = world->full != NULL && world->full(world->ctx, row->id);
        node->leave = MEMBERS_STAYS;
        if (row->replaced)
            node->leave = MEMBERS_REPLACED;
        else if (row->draining)
            node->leave = MEMBERS_DRAINING;
        else if (!node->up && world->dead != NULL && world->dead(world->ctx, row->id))
            node->leave = MEMBERS_DEAD;
    }
}

void members_step(struct members_look *look, const struct model *model,
                  const struct members_world *world)
{
    look->row_count = look->moves = look->orders = 0;
    members_nodes_fill(&look->nodes, model, world);
    if (look->done)
        return;
    if (look->counting)
        count_step(look, model);
    else
        choose_step(look, model, world);
}

/* Who leaves and has nothing any more, as one that was drained and is not removed yet, keeps nobody
 * from being spread better. */
static void count_end(struct members_look *look)
{
    look->counting = false;
    look->after = 0;
    for (uint32_t i = 0; i < look->nodes.count; i++) {
        const struct members_node *node = &look->nodes.nodes[i];
        if (node->leave != MEMBERS_STAYS && node->replicas > 0)
            look->spreading = look->preferring = false;
    }
}

static void count_step(struct members_look *look, const struct model *model)
{
    for (uint32_t looks = 0; looks < CONTROL_LOOKS_PER_TURN; looks++) {
        const struct model_shard *row = model_shard_next(model, look->after, NULL);
        if (row == NULL) {
            count_end(look);
            return;
        }
        look->after = row->group;
        for (uint32_t i = 0; i < row->member_count; i++) {
            struct members_node *node = node_find(&look->nodes, row->members[i]);
            if (node == NULL)
                continue;
            node->replicas++;
            node->firsts += i == 0 && row->state == SHARD_OPEN;
        }
    }
}

static void choose_step(struct members_look *look, const struct model *model,
                        const struct members_world *world)
{
    for (uint32_t looks = 0; looks < CONTROL_LOOKS_PER_TURN; looks++) {
        const struct model_stream *stream = NULL;
        const struct model_shard *row = model_shard_next(model, look->after, &stream);
        if (row == NULL) {
            look->done = true;
            return;
        }
        if (look->row_count == CATALOG_MEMBERS_ROWS_MAX)
            return;
        look->after = row->group;
        if (grows(row))
            row_grow(look, world, stream, row);
        else if (look->spreading || look->preferring)
            row_better(look, world, stream, row);
        else
            row_look(look, world, stream, row);
    }
}

uint64_t members_comer(const struct model *model, uint64_t lost, change_up_fn up, void *ctx)
{
    const struct model_node *old = model_node_by_id(model, lost);

    for (uint32_t i = 0; old != NULL && i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (!node->replaced && strcmp(node->name, old->name) == 0 && up(ctx, node->id))
            return node->id;
    }
    return 0;
}

/* One place at most: the catalogue takes no more in one epoch. */
static void row_look(struct members_look *look, const struct members_world *world,
                     const struct model_stream *stream, const struct model_shard *row)
{
    bool changed = false;

    for (uint32_t i = 0; i < row->member_count; i++) {
        struct members_node *node = node_find(&look->nodes, row->members[i]);
        uint64_t comer = 0;
        if (node == NULL || node->leave == MEMBERS_STAYS)
            continue;
        node->named = true;
        bool moves = node->leave != MEMBERS_REPLACED;
        uint32_t room = node->leave == MEMBERS_DEAD ? world->room_again : world->room;
        if (changed || (moves && look->moves >= room) ||
            members_place(&look->nodes, world, stream, row, i, &comer) != MEMBERS_GOES)
            continue;
        row_add(look, row, i, comer);
        look->moves += moves;
        node->replicas -= node->replicas > 0;
        node_find(&look->nodes, comer)->replicas++;
        changed = true;
    }
}

/* What moves is told from what only has another leader: they are not in one change. */
static void row_better(struct members_look *look, const struct members_world *world,
                       const struct model_stream *stream, const struct model_shard *row)
{
    if (look->spreading && look->orders == 0)
        row_spread(look, world, stream, row);
    if (look->preferring && look->moves == 0 && look->ordered < CONTROL_ORDERS_AT_ONCE)
        row_order(look, stream, row);
}

/* One group, while none moves.  Its leader stays: nobody would take over before it goes. */
static void row_spread(struct members_look *look, const struct members_world *world,
                       const struct model_stream *stream, const struct model_shard *row)
{
    uint64_t leader = world->leader != NULL ? world->leader(world->ctx, row->group) : 0;

    if (world->room < world->most || look->row_count > 0 ||
        stream->status != STREAM_ACTIVE)
        return;
    for (uint32_t i = 0; i < row->member_count; i++) {
        const struct members_node *node = members_node_find(&look->nodes, row->members[i]);
        if (node == NULL || !node->up || node->node == leader ||
            staying_up(&look->nodes, row, i) <= row->member_count / 2)
            continue;
        uint64_t comer = spread_to(&look->nodes, row, i);
        if (comer == 0)
            continue;
        row_add(look, row, i, comer);
        look->moves++;
        return;
    }
}

/* Another member is preferred as leader. */
static void row_order(struct members_look *look, const struct model_stream *stream,
                      const struct model_shard *row)
{
    struct change_members next;

    ensure(look->row_count < CATALOG_MEMBERS_ROWS_MAX);
    if (!preferred_order(&look->nodes, stream, row, &next))
        return;
    node_find(&look->nodes, next.members[0])->firsts++;
    node_find(&look->nodes, row->members[0])->firsts--;
    look->rows[look->row_count++] = next;
    look->orders++;
    look->ordered++;
}

/* One more member, after a rescue: of a zone that has none if there is one, the node with the
 * fewest replicas.  Those that are there wait for it: it is filled first (docs/flows/rescue.md). */
static void row_grow(struct members_look *look, const struct members_world *world,
                     const struct model_stream *stream, const struct model_shard *row)
{
    const struct members_node *best = NULL;
    uint32_t best_used = 0;

    for (uint32_t i = 0; i < row->member_count; i++) {
        struct members_node *node = node_find(&look->nodes, row->members[i]);
        if (node != NULL && node->leave != MEMBERS_STAYS)
            node->named = true;
    }
    if (look->orders > 0 || look->moves >= world->room_again ||
        (stream->status != STREAM_ACTIVE && stream->status != STREAM_UPDATING) ||
        (world->moves != NULL && world->moves(world->ctx, row->group)) ||
        staying_up(&look->nodes, row, GROUP_MEMBERS_MAX) < row->member_count)
        return;
    for (uint32_t i = 0; i < look->nodes.count; i++) {
        const struct members_node *node = &look->nodes.nodes[i];
        if (!can_come(&look->nodes, node, row))
            continue;
        uint32_t used = zone_used(&look->nodes, row, GROUP_MEMBERS_MAX, node->row->az);
        if (best == NULL || used < best_used ||
            (used == best_used && node->replicas < best->replicas)) {
            best = node;
            best_used = used;
        }
    }
    if (best == NULL)
        return;
    row_add(look, row, row->member_count, best->node);
    look->moves++;
    node_find(&look->nodes, best->node)->replicas++;
}

/* `place`: of the one that leaves, or behind the last one. */
static void row_add(struct members_look *look, const struct model_shard *row, uint32_t place,
                    uint64_t comer)
{
    ensure(look->row_count < CATALOG_MEMBERS_ROWS_MAX);
    struct change_members *next = &look->rows[look->row_count++];

    ensure(place < GROUP_MEMBERS_MAX);
    if (place == 0 && row->state == SHARD_OPEN) {
        struct members_node *first = node_find(&look->nodes, row->members[0]);
        first->firsts -= first->firsts > 0;
        node_find(&look->nodes, comer)->firsts++;
    }
    *next = (struct change_members){ .group = row->group,
                                     .epoch = row->epoch + 1,
                                     .member_count = place < row->member_count
                                                         ? row->member_count
                                                         : place + 1 };
    memcpy(next->members, row->members, sizeof(next->members));
    next->members[place] = comer;
}

uint64_t members_unnamed(const struct members_look *look)
{
    ensure(look->done);
    if (look->counting)
        return 0; /* nobody leaves */
    for (uint32_t i = 0; i < look->nodes.count; i++) {
        const struct members_node *node = &look->nodes.nodes[i];
        if (node->leave == MEMBERS_REPLACED && !node->named && !node->kept)
            return node->node;
    }
    return 0;
}

static struct members_node *node_find(struct members_nodes *nodes, uint64_t node)
{
    for (uint32_t i = 0; i < nodes->count; i++)
        if (nodes->nodes[i].node == node)
            return &nodes->nodes[i];
    return NULL;
}

const struct members_node *members_node_find(const struct members_nodes *nodes, uint64_t node)
{
    for (uint32_t i = 0; i < nodes->count; i++)
        if (nodes->nodes[i].node == node)
            return &nodes->nodes[i];
    return NULL;
}

/* ---- one place ---- */

enum members_why members_place(const struct members_nodes *nodes, const struct members_world *world,
                               const struct model_stream *stream, const struct model_shard *row,
                               uint32_t at, uint64_t *comer)
{
    const struct members_node *leaving = members_node_find(nodes, row->members[at]);

    ensure(leaving != NULL && leaving->leave != MEMBERS_STAYS);
    if (stream->status == STREAM_DELETING)
        return MEMBERS_DELETING;
    if (leaving->leave == MEMBERS_REPLACED) {
        const struct members_node *heir = heir_of(nodes, leaving);
        if (heir == NULL || !heir->up)
            return MEMBERS_NOT_BACK;
        *comer = heir->node;
        if (!heir->row->draining && !model_shard_has(row, heir->node))
            return MEMBERS_GOES;
    }
    /* Anew, as it holds nothing yet, and waits for nobody. */
    bool begins = stream->status == STREAM_CREATING || row->state == SHARD_OPENING;
    if (!begins && world->moves != NULL && world->moves(world->ctx, row->group) &&
        !MUTANT(moved_unfilled))
        return MEMBERS_ON_WAY;
    if (!begins && staying_up(nodes, row, at) <= row->member_count / 2 && !MUTANT(moved_by_few))
        return MEMBERS_FEW;
    *comer = choose(nodes, world, row, at);
    if (*comer == 0)
        return MEMBERS_NO_ROOM;
    if (leaving->up && world->leader != NULL &&
        world->leader(world->ctx, row->group) == leaving->node)
        return MEMBERS_LEADS;
    return MEMBERS_GOES;
}

/* Of the same name, and up if there is one. */
static const struct members_node *heir_of(const struct members_nodes *nodes,
                                          const struct members_node *lost)
{
    const struct members_node *heir = NULL;

    for (uint32_t i = 0; i < nodes->count; i++) {
        const struct members_node *node = &nodes->nodes[i];
        if (!node->row->replaced && strcmp(node->row->name, lost->row->name) == 0 &&
            (heir == NULL || (node->up && !heir->up)))
            heir = node;
    }
    return heir;
}

static uint32_t staying_up(const struct members_nodes *nodes, const struct model_shard *row,
                           uint32_t at)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < row->member_count; i++) {
        const struct members_node *node = members_node_find(nodes, row->members[i]);
        count += i != at && node != NULL && node->up;
    }
    return count;
}

/* From its own zone; if that has none and others may, from the zone with the fewest members of this
 * group.  There the one with the fewest replicas, or the one that comes first. */
static uint64_t choose(const struct members_nodes *nodes, const struct members_world *world,
                       const struct model_shard *row, uint32_t at)
{
    const char *home = members_node_find(nodes, row->members[at])->row->az;
    const struct members_node *best = NULL;
    uint32_t best_used = 0;

    for (uint32_t i = 0; i < nodes->count; i++) {
        const struct members_node *node = &nodes->nodes[i];
        bool is_home = strcmp(node->row->az, home) == 0;
        if (!can_come(nodes, node, row) || (!is_home && !world->across_zones))
            continue;
        uint32_t used = is_home ? 0 : 1 + zone_used(nodes, row, at, node->row->az);
        if (best == NULL || used < best_used ||
            (used == best_used && node->replicas < best->replicas)) {
            best = node;
            best_used = used;
        }
    }
    return best != NULL ? best->node : 0;
}

/* A place in a zone with another member goes to a zone with none; else to a node of its zone that
 * will not have more replicas than the one that it leaves. */
static uint64_t spread_to(const struct members_nodes *nodes, const struct model_shard *row,
                          uint32_t at)
{
    const struct members_node *own = members_node_find(nodes, row->members[at]);
    bool crowded = zone_used(nodes, row, at, own->row->az) > 0;
    const struct members_node *best = NULL;
    bool best_is_new = false;

    for (uint32_t i = 0; i < nodes->count; i++) {
        const struct members_node *node = &nodes->nodes[i];
        bool is_new = crowded && zone_used(nodes, row, at, node->row->az) == 0;
        bool is_lighter = strcmp(node->row->az, own->row->az) == 0 &&
                          node->replicas + 1 < own->replicas;
        if (!can_come(nodes, node, row) || (!is_new && !is_lighter) || (best_is_new && !is_new))
            continue;
        if (best == NULL || (is_new && !best_is_new) || node->replicas < best->replicas) {
            best = node;
            best_is_new = is_new;
        }
    }
    return best != NULL ? best->node : 0;
}

/* A place is kept for it that it had under its old id. */
static bool is_heir(const struct members_nodes *nodes, const struct members_node *node,
                    const struct model_shard *row)
{
    for (uint32_t i = 0; i < row->member_count; i++) {
        const struct members_node *member = members_node_find(nodes, row->members[i]);
        if (member != NULL && member->leave == MEMBERS_REPLACED &&
            strcmp(member->row->name, node->row->name) == 0)
            return true;
    }
    return false;
}

static bool can_come(const struct members_nodes *nodes, const struct members_node *node,
                     const struct model_shard *row)
{
    return node->up && !node->full && node->leave == MEMBERS_STAYS &&
           !model_shard_has(row, node->node) && !is_heir(nodes, node, row) &&
           (!model_shard_aside(row, node->node) || MUTANT(aside_let_in));
}

static uint32_t zone_used(const struct members_nodes *nodes, const struct model_shard *row,
                          uint32_t at, const char *az)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < row->member_count; i++) {
        const struct members_node *node = members_node_find(nodes, row->members[i]);
        used += i != at && node != NULL && strcmp(node->row->az, az) == 0;
    }
    return used;
}

/* ---- for people ---- */

void members_say(enum members_why why, const struct members_nodes *nodes,
                 const struct members_world *world, const struct model_shard *row, uint32_t at,
                 struct reason *ret)
{
    const struct members_node *leaving = members_node_find(nodes, row->members[at]);

    switch (why) {
    case MEMBERS_GOES:
        reason_set(ret, "waits for its turn: %u shards move at once", world->most);
        return;
    case MEMBERS_DELETING:
        reason_set(ret, "goes with its stream, which is being deleted");
        return;
    case MEMBERS_NOT_BACK:
        reason_set(ret, "waits for node %s, which is not back yet", leaving->row->name);
        return;
    case MEMBERS_ON_WAY:
        reason_set(ret, "is on its way to other members already");
        return;
    case MEMBERS_FEW:
        if (row->member_count == 1) {
            reason_set(ret, "has no other replica, and only a shard with three or more can move");
            return;
        }
        reason_set(ret, "%u of the other %u members are up, and %u must be while a new one is "
                   "filled",
                   staying_up(nodes, row, at), row->member_count - 1, row->member_count / 2 + 1);
        return;
    case MEMBERS_LEADS:
        reason_set(ret, "node %s leads it still, and hands it over first", leaving->row->name);
        return;
    case MEMBERS_NO_ROOM:
        if (world->across_zones)
            reason_set(ret, "no node without a replica of it is up and has room");
        else
            reason_set(ret, "no other node in %s without a replica of it is up and has room",
                       leaving->row->az);
        return;
    }
}

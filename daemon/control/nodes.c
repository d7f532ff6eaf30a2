#include "control/nodes.h"

#include "catalog/version.h"
#include "control/control_private.h"

static void place_waits(struct control *control, const struct members_nodes *nodes,
                        const struct model_stream *stream, const struct model_shard *row,
                        uint32_t at, struct reason *waits);
static uint32_t replicas_of(const struct model *model, uint64_t node);

void nodes_look(struct control *control, struct members_nodes *ret)
{
    struct members_world world = replace_world(control);

    *ret = (struct members_nodes){ .count = 0 };
    members_nodes_fill(ret, catalog_model(control->catalog), &world);
}

void nodes_sight(struct control *control, uint64_t node, struct node_sight *ret,
                 struct reason *waits)
{
    const struct model *model = catalog_model(control->catalog);
    struct members_nodes nodes;
    const struct model_stream *stream;
    const struct model_shard *row;

    nodes_look(control, &nodes);
    *ret = (struct node_sight){
        .leave = members_node_find(&nodes, node)->leave,
        .down_ms = absence_ms(&control->replace.absence, node, control_now_ms(control)),
    };
    for (uint64_t after = 0; (row = model_shard_next(model, after, &stream)) != NULL;) {
        uint32_t at = 0;
        after = row->group;
        while (at < row->member_count && row->members[at] != node)
            at++;
        if (at == row->member_count)
            continue;
        if (++ret->replicas <= NODES_PLACES_MAX && ret->leave != MEMBERS_STAYS &&
            waits->text[0] == 0)
            place_waits(control, &nodes, stream, row, at, waits);
    }
    if (waits->text[0] == 0 && ret->leave != MEMBERS_STAYS && nodes_in_catalog(control, node))
        reason_set(waits, "its place in the catalogue: no other node of its zone is up and stays, "
                          "or it is on its way");
}

static void place_waits(struct control *control, const struct members_nodes *nodes,
                        const struct model_stream *stream, const struct model_shard *row,
                        uint32_t at, struct reason *waits)
{
    struct reason why = { .text = "" };

    switch (nodes_place(control, nodes, stream, row, at, &why)) {
    case MEMBERS_NOT_BACK:
    case MEMBERS_FEW:
    case MEMBERS_NO_ROOM:
        reason_set(waits, "shard %u of stream %s: %s", row->number, stream->name, why.text);
        return;
    case MEMBERS_GOES:
    case MEMBERS_DELETING:
    case MEMBERS_ON_WAY:
    case MEMBERS_LEADS:
        return; /* it passes */
    }
}

uint32_t nodes_moving(const struct control *control)
{
    return moving_count(control);
}

/* Whether it had a place of the row before, as far as is known. */
static bool has_left(const struct model_shard *row, uint64_t node)
{
    bool left = row->left_count == 0;

    for (uint32_t i = 0; i < row->left_count; i++)
        left |= row->left[i] == node;
    return left;
}

/* Somebody says that it moves; or not all of its members have said that they have all of it, of
 * which one may be down and say nothing. */
static bool is_on_way(const struct control *control, const struct model_shard *row)
{
    bool says_whole = version_allows(catalog_model(control->catalog), VERSION_WHOLE);

    return moving_has(control, row->group) ||
           (says_whole && row->epoch > 1 && !model_shard_whole(row));
}

uint32_t nodes_moving_from(const struct control *control, uint64_t node)
{
    const struct model *model = catalog_model(control->catalog);
    const struct model_stream *stream;
    const struct model_shard *row;
    uint32_t count = 0;

    for (uint64_t after = 0; (row = model_shard_next(model, after, &stream)) != NULL;) {
        after = row->group;
        count += stream->status != STREAM_DELETING && has_left(row, node) &&
                 is_on_way(control, row);
    }
    return count;
}

bool nodes_has_left(const struct control *control, const struct model_stream *stream,
                    const struct model_shard *row, uint64_t node, struct reason *ret)
{
    const struct model *model = catalog_model(control->catalog);

    if (stream->status == STREAM_DELETING || !has_left(row, node) || !is_on_way(control, row))
        return false;
    reason_set(ret, "is on its way to other members");
    for (uint32_t i = 0; i < row->member_count; i++) {
        const struct model_node *member = model_node_by_id(model, row->members[i]);
        if (member == NULL)
            continue;
        if (control_health(control, member->id) != NODE_UP) {
            reason_set(ret, "is on its way, and node %s, one of its members, is down: start it",
                       member->name);
            return true;
        }
        if (!moving_on(control, member->id, row->group))
            continue;
        if (control_ails(control, member->id) == AILMENT_FULL)
            reason_set(ret, "is on its way to node %s, whose disk or log is full: make room there",
                       member->name);
        else
            reason_set(ret, "is on its way to node %s, which is being filled", member->name);
    }
    return true;
}

bool nodes_in_catalog(const struct control *control, uint64_t node)
{
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control->catalog, members);
    bool found = false;

    for (uint32_t i = 0; i < count; i++)
        found |= members[i] == node;
    return found;
}

enum members_why nodes_place(struct control *control, const struct members_nodes *nodes,
                             const struct model_stream *stream, const struct model_shard *row,
                             uint32_t at, struct reason *ret)
{
    struct members_world world = replace_world(control);
    uint64_t comer = 0;
    enum members_why why = members_place(nodes, &world, stream, row, at, &comer);

    members_say(why, nodes, &world, row, at, ret);
    return why;
}

enum err nodes_may_go(struct control *control, uint64_t node, struct reason *reason)
{
    const struct model *model = catalog_model(control->catalog);
    const struct model_node *row = model_node_by_id(model, node);

    if (row == NULL) {
        reason_set(reason, "there is no node %016llx any more", (unsigned long long)node);
        return ERR_NOT_FOUND;
    }
    if (row->replaced) {
        reason_set(reason, "node %s is replaced: its row goes by itself when nothing names it",
                   row->name);
        return ERR_CLOSED;
    }
    if (nodes_in_catalog(control, node) && !row->draining) {
        reason_set(reason, "node %s is a member of the catalogue's own group: drain it first, "
                   "'braid node drain %s --wait' gives its place and its replicas to other nodes",
                   row->name, row->name);
        return ERR_CLOSED;
    }
    if (nodes_in_catalog(control, node)) {
        reason_set(reason, "node %s is a member of the catalogue's own group: when it is drained "
                   "its place goes to another node of its zone that is up; there is none, or it is "
                   "on its way", row->name);
        return ERR_CLOSED;
    }
    if (!row->draining) {
        reason_set(reason, "node %s is not drained: 'braid node drain %s --wait' moves its "
                   "replicas to other nodes", row->name, row->name);
        return ERR_CLOSED;
    }
    uint32_t replicas = replicas_of(model, node);
    if (replicas > 0) {
        reason_set(reason, "node %s has %u replica%s still: 'braid node drain %s --wait' shows "
                   "what is waited for", row->name, replicas, replicas == 1 ? "" : "s", row->name);
        return ERR_BUSY;
    }
    if (!nodes_is_empty(control, node)) {
        reason_set(reason, "shards of node %s are on their way to other nodes: try again when none "
                   "is", row->name);
        return ERR_BUSY;
    }
    return ERR_OK;
}

bool nodes_is_empty(const struct control *control, uint64_t node)
{
    const struct model *model = catalog_model(control->catalog);

    return replicas_of(model, node) == 0 && !nodes_in_catalog(control, node) &&
           moving_known(control, model_index(model)) && nodes_moving_from(control, node) == 0;
}

static uint32_t replicas_of(const struct model *model, uint64_t node)
{
    const struct model_shard *row;
    uint32_t count = 0;

    for (uint64_t after = 0; (row = model_shard_next(model, after, NULL)) != NULL;) {
        after = row->group;
        count += model_shard_has(row, node);
    }
    return count;
}

struct buf *nodes_drain(struct control *control, uint64_t node, bool draining)
{
    return change_drain_node(control_stamp(control), node, draining);
}

struct buf *nodes_remove(struct control *control, uint64_t node)
{
    return change_forget_node(control_stamp(control), node);
}

struct buf *nodes_set_stream(struct control *control, const struct change_settings *wanted)
{
    return change_set_stream(control_stamp(control), wanted);
}

struct buf *nodes_balance(struct control *control, bool paused)
{
    return change_set_balancing(control_stamp(control), paused);
}

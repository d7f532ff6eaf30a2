/* Asks every node for what it has of a group; makes the change of what was found, or begins the
 * catalogue's rescue. */
#include <string.h>

#include "base/bytes.h"
#include "base/ensure.h"
#include "catalog/version.h"
#include "control/control_private.h"
#include "control/rescue.h"

static void unknown_add(struct rescue_look *look, uint64_t node, const char *name);
static void peers_add(struct rescue_look *look);
static void ask(struct rescue_look *look, uint32_t at);
static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf);
static void finish(struct defer *defer);

void rescue_look(struct control *control, struct rescue_look *look, uint64_t group,
                 rescue_look_cb cb)
{
    const struct model *model = catalog_model(control->catalog);
    const struct model_shard *row = model_shard_by_group(model, group, NULL);

    *look = (struct rescue_look){ .group = group,
                                  .epoch = row == NULL ? 0 : row->epoch,
                                  .node_count = model_node_count(model),
                                  .control = control,
                                  .cb = cb,
                                  .waiting = 1 };
    for (uint32_t i = 0; i < look->node_count; i++) {
        const struct model_node *node = model_node_at(model, i);
        look->nodes[i] = (struct rescue_node){
            .node = node->id,
            .replaced = node->replaced,
            .down_ms = absence_ms(&control->replace.absence, node->id, control_now_ms(control)),
        };
        strcpy(look->nodes[i].name, node->name);
    }
    if (group == CATALOG_GROUP) {
        if (model_node_by_id(model, control->options.node) == NULL)
            unknown_add(look, control->options.node, control->options.name);
        peers_add(look);
    }
    for (uint32_t i = 0; i < look->node_count; i++)
        ask(look, i);
    if (--look->waiting == 0)
        defer_run(control->world.clock, &look->defer, finish);
}

static void unknown_add(struct rescue_look *look, uint64_t node, const char *name)
{
    if (look->node_count == NODE_ROWS_MAX)
        return;
    look->nodes[look->node_count] = (struct rescue_node){ .node = node };
    strcpy(look->nodes[look->node_count++].name, name);
}

/* Nodes that came in when this one did not hear of it any more: their catalogue is newer. */
static void peers_add(struct rescue_look *look)
{
    const struct bootstrap *bootstrap = &look->control->bootstrap;
    const struct model *model = catalog_model(look->control->catalog);

    for (uint32_t i = 0; i < bootstrap->peer_count; i++) {
        uint64_t node = bootstrap->peers[i].node;
        if (bootstrap->peers[i].up && bootstrap_is_ours(look->control, node) &&
            model_node_by_id(model, node) == NULL)
            unknown_add(look, node, bootstrap->peers[i].name);
    }
}

static void ask(struct rescue_look *look, uint32_t at)
{
    struct control *control = look->control;
    struct rescue_node *node = &look->nodes[at];

    if (node->node == control->options.node) {
        node->own = true;
        node->heard = holding_own(control, look->group, &node->holding) ? RESCUE_HAS
                                                                         : RESCUE_NOTHING;
        return;
    }
    AUTO_UNREF struct buf *bytes = buf_new(8);
    node->heard = RESCUE_DOWN;
    if (!net_is_up(control->world.net, node->node))
        return;
    node->heard = RESCUE_SILENT;
    if (bytes == NULL)
        return;
    put_u64(bytes->data, look->group);
    node->heard = RESCUE_ASKED;
    look->waiting++;
    look->asks[at].look = look;
    look->asks[at].at = at;
    net_call(control->world.net, &look->asks[at].call, node->node, NET_HOLDING, &bytes, 1,
             CONTROL_HOLDING_MS, on_answer);
}

static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf)
{
    struct rescue_ask *asked = container_of(call, struct rescue_ask, call);
    struct rescue_look *look = asked->look;
    struct rescue_node *node = &look->nodes[asked->at];

    node->heard = net_is_up(look->control->world.net, node->node) ? RESCUE_SILENT : RESCUE_DOWN;
    if (err == ERR_OK && remote == ERR_NOT_FOUND)
        node->heard = RESCUE_NOTHING;
    else if (err == ERR_OK && remote == ERR_OK && holding_decode(&node->holding, answer))
        node->heard = RESCUE_HAS;
    if (--look->waiting == 0)
        finish(&look->defer);
}

static void finish(struct defer *defer)
{
    struct rescue_look *look = container_of(defer, struct rescue_look, defer);

    if (look->group == CATALOG_GROUP)
        rescue_choose_catalog(look);
    else
        rescue_choose(look, catalog_model(look->control->catalog));
    look->cb(look);
}

void rescue_look_cancel(struct rescue_look *look)
{
    defer_cancel(&look->defer);
    for (uint32_t i = 0; i < look->node_count; i++)
        if (look->nodes[i].heard == RESCUE_ASKED)
            net_call_cancel(look->control->world.net, &look->asks[i].call);
}

struct buf *rescue_change(struct control *control, const struct rescue_look *look)
{
    uint64_t aside[NODE_ROWS_MAX];
    const struct rescue_node *survivor = &look->nodes[look->survivor];
    bool says = version_allows(catalog_model(control->catalog), VERSION_RESCUE_HELD);
    struct change_rescue rescue = { .group = look->group,
                                    .epoch = look->epoch,
                                    .held = says ? survivor->holding.epoch : 0,
                                    .survivor = survivor->node,
                                    .index = survivor->holding.last,
                                    .term = survivor->holding.last_term,
                                    .aside = aside };

    ensure(look->err == ERR_OK);
    for (uint32_t i = 0; i < look->node_count; i++)
        if (i != look->survivor && look->nodes[i].heard != RESCUE_NOTHING)
            aside[rescue.aside_count++] = look->nodes[i].node;
    return change_rescue_shard(control_stamp(control), &rescue);
}

enum err rescue_catalog(struct control *control, const struct rescue_look *look,
                        struct catalog_rescue *req, catalog_rescue_cb cb)
{
    const struct holding *holding = &look->nodes[look->survivor].holding;
    struct catalog_copy copy = { .epoch = holding->epoch,
                                 .member_count = holding->member_count,
                                 .last = holding->last,
                                 .last_term = holding->last_term,
                                 .last_time_ms = holding->last_time_ms,
                                 .committed = holding->applied };

    if (catalog_rescues(control->catalog))
        return ERR_BUSY;
    catalog_rescue(control->catalog, req, &copy, cb);
    return ERR_OK;
}

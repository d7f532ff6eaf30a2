/* /nodes: one node and what its replicas wait for; and the changes that an operator makes to it.
 *
 * The port asks nobody who he is, so a change is taken from this machine alone; and it must be
 * called application/json, which a page in somebody's browser cannot send without asking first. */
#include <string.h>

#include "base/limits.h"
#include "control/ailment.h"
#include "control/nodes.h"
#include "control/upgrade.h"
#include "ops/ask.h"
#include "ops/json.h"
#include "ops/ops_private.h"

#define ID_DIGITS 16u
#define GROUP_DIGITS 19u /* of a number that 64 bits hold whatever they are */

enum node_act { ACT_NONE, ACT_DRAIN, ACT_UNDRAIN, ACT_REMOVE };

static const struct model_node *node_asked(const struct ops *ops,
                                           const struct http_exchange *exchange);
static void answer_no_node(struct http_exchange *exchange);
static void change(struct ops *ops, struct http_exchange *exchange, enum node_act act,
                   const struct model_node *row);
static struct buf *node_page(const struct ops *ops, const struct model_node *row, uint64_t after);
static uint32_t print_places(const struct ops *ops, struct json *json,
                             const struct model_node *node, uint64_t *last);
static uint64_t after_asked(const struct http_exchange *exchange);

/* ---- asking ---- */

void nodes_on_get(const struct ops *ops, struct http_exchange *exchange)
{
    const struct model_node *row = node_asked(ops, exchange);

    if (row == NULL)
        answer_no_node(exchange);
    else
        answer_json(exchange, 200, node_page(ops, row, after_asked(exchange)));
}

/* The shards of groups above `after`. */
static struct buf *node_page(const struct ops *ops, const struct model_node *row, uint64_t after)
{
    struct control *control = ops->world.control;
    struct json json;

    json_init(&json, OPS_PAGE_BYTES_MAX);
    json_object(&json, NULL);
    node_print_fields(ops, &json, row);
    json_bool(&json, "drained", row->draining && nodes_is_empty(control, row->id));
    json_number(&json, "moving", nodes_moving_from(control, row->id));
    json_list(&json, "shards");
    uint32_t left_out = print_places(ops, &json, row, &after);
    json_end_list(&json);
    json_number(&json, "shards_left_out", left_out);
    json_number(&json, "shards_next", left_out > 0 ? after : 0);
    json_end_object(&json);
    return json_take(&json);
}

/* From the group behind `*last` on, which becomes the last that was printed.  Returns how many that
 * follow it were not. */
static uint32_t print_places(const struct ops *ops, struct json *json,
                             const struct model_node *node, uint64_t *last)
{
    struct control *control = ops->world.control;
    const struct model *model = catalog_model(control_catalog(control));
    const struct model_stream *stream;
    const struct model_shard *row;
    struct members_nodes nodes;
    uint32_t count = 0;

    nodes_look(control, &nodes);
    bool leaves = members_node_find(&nodes, node->id)->leave != MEMBERS_STAYS;
    for (uint64_t after = *last; (row = model_shard_next(model, after, &stream)) != NULL;) {
        struct reason why = { .text = "" };
        uint32_t at = 0;
        after = row->group;
        while (at < row->member_count && row->members[at] != node->id)
            at++;
        bool gone = at == row->member_count &&
                    (!leaves || !nodes_has_left(control, stream, row, node->id, &why));
        if (gone || ++count > OPS_NODE_SHARDS_MAX)
            continue;
        if (leaves && at < row->member_count)
            nodes_place(control, &nodes, stream, row, at, &why);
        *last = row->group;
        json_object(json, NULL);
        json_text(json, "stream", stream->name);
        json_number(json, "number", row->number);
        json_number(json, "group", row->group);
        json_text(json, "why", leaves ? why.text : NULL);
        json_end_object(json);
    }
    return count > OPS_NODE_SHARDS_MAX ? count - OPS_NODE_SHARDS_MAX : 0;
}

void node_print_fields(const struct ops *ops, struct json *json, const struct model_node *node)
{
    struct control *control = ops->world.control;
    bool up = control_health(control, node->id) == NODE_UP;
    struct reason waits = { .text = "" };
    struct node_sight sight;

    nodes_sight(control, node->id, &sight, &waits);
    json_id(json, "id", node->id);
    json_text(json, "name", node->name);
    json_text(json, "az", node->az);
    json_bool(json, "up", up);
    json_bool(json, "replaced", node->replaced);
    json_bool(json, "draining", node->draining);
    json_bool(json, "dead", sight.leave == MEMBERS_DEAD);
    json_number(json, "down_ms", sight.down_ms);
    json_bool(json, "in_catalog", nodes_in_catalog(control, node->id));
    json_text(json, "waits_for", waits.text[0] == 0 ? NULL : waits.text);
    json_text(json, "client_address", node->client_address);
    json_text(json, "peer_address", node->peer_address);
    json_text(json, "operations_address", node->operations_address);
    /* What it said last does not count when it is gone. */
    json_number(json, "leads", up ? control_leading(control, node->id) : 0);
    json_number(json, "replicas", sight.replicas);
    json_number(json, "knows", upgrade_knows(control, node->id));
    json_text(json, "ails", ailment_name(control_ails(control, node->id)));
}

/* ?name=: a name, or an id in hex, which also finds one that is replaced. */
static const struct model_node *node_asked(const struct ops *ops,
                                           const struct http_exchange *exchange)
{
    const struct model *model = catalog_model(control_catalog(ops->world.control));
    char name[MODEL_NAME_MAX + 1], id[ID_DIGITS + 1];
    size_t len = ask_decode(ask_value(exchange, "name="), name, sizeof(name));

    for (uint32_t i = 0; len > 0 && i < model_node_count(model); i++) {
        const struct model_node *row = model_node_at(model, i);
        snprintf(id, sizeof(id), "%016llx", (unsigned long long)row->id);
        if (strcmp(name, id) == 0 || (!row->replaced && strcmp(name, row->name) == 0))
            return row;
    }
    return NULL;
}

static void answer_no_node(struct http_exchange *exchange)
{
    char name[MODEL_NAME_MAX + 1];
    struct reason reason = { .text = "" };

    if (ask_decode(ask_value(exchange, "name="), name, sizeof(name)) > 0)
        reason_set(&reason, "there is no node '%s': /cluster lists them, by name and id", name);
    else
        reason_set(&reason, "which node? name=N says it, a name or an id");
    answer_message(exchange, 404, reason.text, false);
}

/* ?after=: a group, "shards_next" of the page before; 0: the first page. */
static uint64_t after_asked(const struct http_exchange *exchange)
{
    struct slice text = ask_value(exchange, "after=");
    uint64_t group = 0;

    for (size_t i = 0; i < text.len && i < GROUP_DIGITS; i++)
        if (text.data[i] >= '0' && text.data[i] <= '9')
            group = 10 * group + (uint64_t)(text.data[i] - '0');
    return group;
}

/* ---- changing ---- */

void nodes_on_post(struct ops *ops, struct http_exchange *exchange)
{
    static const struct {
        const char *path;
        enum node_act act;
    } acts[] = { { "/nodes/drain", ACT_DRAIN },
                 { "/nodes/undrain", ACT_UNDRAIN },
                 { "/nodes/remove", ACT_REMOVE } };
    const struct model_node *row = node_asked(ops, exchange);
    enum node_act act = ACT_NONE;

    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        if (slice_equal(exchange->request.path, slice_text(acts[i].path)))
            act = acts[i].act;
    if (act == ACT_NONE)
        answer_message(exchange, 405, "only GET and HEAD; POST: /nodes/drain, /nodes/undrain and "
                      "/nodes/remove", false);
    else if (ops->stopping)
        answer_message(exchange, 503, "this node is stopping", true);
    else if (!ask_allowed(exchange))
        return;
    else if (row == NULL)
        answer_no_node(exchange);
    else
        change(ops, exchange, act, row);
}

static void change(struct ops *ops, struct http_exchange *exchange, enum node_act act,
                   const struct model_node *row)
{
    static const char *const names[] = {
        [ACT_DRAIN] = "node.drain", [ACT_UNDRAIN] = "node.undrain", [ACT_REMOVE] = "node.remove"
    };
    struct control *control = ops->world.control;
    struct reason reason = { .text = "" };
    enum err err = act == ACT_REMOVE ? nodes_may_go(control, row->id, &reason) : ERR_OK;

    if (err != ERR_OK) {
        answer_refusal(exchange, err, &reason);
        return;
    }
    struct change_asked *asked = change_begin(ops, exchange, names[act]);
    if (asked == NULL)
        return;
    json_text(&asked->text, "node", row->name);
    json_id(&asked->text, "id", row->id);
    AUTO_UNREF struct buf *bytes = act == ACT_REMOVE
                                       ? nodes_remove(control, row->id)
                                       : nodes_drain(control, row->id, act == ACT_DRAIN);
    change_offer(asked, bytes);
}

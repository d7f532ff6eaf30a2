/* What a rescue says: the page that is looked at, and the lines of the audit log. */
#include <string.h>

#include "ops/rescue_asked.h"

static void print_look(const struct rescue_asked *asked, struct json *json);

struct buf *rescue_line(const struct rescue_asked *asked, const char *state)
{
    char now[AUDIT_TIME_MAX];
    struct json json;

    audit_time_print(now);
    json_init(&json, OPS_PAGE_BYTES_MAX);
    json_object(&json, NULL);
    json_text(&json, "time", now);
    json_text(&json, "act", asked->catalog ? "cluster.rescue" : "shard.rescue");
    json_text(&json, "state", state);
    json_text(&json, "by", asked->confirmed.by);
    json_text(&json, "on", asked->ops->world.name);
    if (strcmp(state, "failed") == 0) {
        json_text(&json, "err", err_name(asked->err));
        json_text(&json, "reason", asked->reason.text);
    }
    print_look(asked, &json);
    json_end_object(&json);
    return json_take(&json);
}

struct buf *rescue_page(const struct rescue_asked *asked)
{
    struct json json;

    json_init(&json, OPS_PAGE_BYTES_MAX);
    json_object(&json, NULL);
    json_bool(&json, "possible", asked->look.err == ERR_OK);
    json_text(&json, "why_not", asked->look.err == ERR_OK ? NULL : asked->look.reason.text);
    print_look(asked, &json);
    json_end_object(&json);
    return json_take(&json);
}

static void print_holding(const struct rescue_asked *asked, struct json *json,
                          const struct holding *holding)
{
    json_number(json, "epoch", holding->epoch);
    json_bool(json, "whole", holding->member_count > 0);
    json_number(json, "first", holding->first);
    json_number(json, "last", holding->last);
    json_number(json, "last_term", holding->last_term);
    json_number(json, "last_time_ms", holding->last_time_ms);
    json_number(json, "known_committed", holding->applied);
    json_number(json, asked->catalog ? "streams" : "records", holding->records);
}

static bool was_member(const struct rescue_asked *asked, uint64_t node)
{
    const struct rescue_look *look = &asked->look;
    const struct model *model = catalog_model(control_catalog(asked->ops->world.control));
    const struct model_shard *row = model_shard_by_group(model, look->group, NULL);
    uint64_t members[GROUP_MEMBERS_MAX];
    bool was = row != NULL && model_shard_has(row, node);

    if (asked->catalog) {
        uint32_t count = catalog_members(control_catalog(asked->ops->world.control), members);
        for (uint32_t i = 0; i < count; i++)
            was |= members[i] == node;
        return was;
    }

    for (uint32_t i = 0; i < look->node_count; i++)
        for (uint32_t k = 0; look->nodes[i].heard == RESCUE_HAS &&
                             k < look->nodes[i].holding.member_count; k++)
            was |= look->nodes[i].holding.members[k] == node;
    return was;
}

/* Nodes that have a copy, and members of it that may have had one. */
static void print_nodes(const struct rescue_asked *asked, struct json *json)
{
    static const char *const heard[] = { [RESCUE_ASKED] = "down", [RESCUE_DOWN] = "down",
                                         [RESCUE_SILENT] = "silent",
                                         [RESCUE_NOTHING] = "nothing", [RESCUE_HAS] = "copy" };
    const struct rescue_look *look = &asked->look;
    const struct model *model = catalog_model(control_catalog(asked->ops->world.control));

    json_list(json, "nodes");
    for (uint32_t i = 0; i < look->node_count; i++) {
        const struct rescue_node *node = &look->nodes[i];
        const struct model_node *row = model_node_by_id(model, node->node);
        bool survives = look->err == ERR_OK && i == look->survivor;
        if (node->heard != RESCUE_HAS && node->heard != RESCUE_SILENT && !asked->catalog &&
            !was_member(asked, node->node))
            continue;
        json_object(json, NULL);
        json_text(json, "name", node->name);
        json_id(json, "id", node->node);
        json_text(json, "has", heard[node->heard]);
        json_text(json, "operations_address", row == NULL ? NULL : row->operations_address);
        json_bool(json, "member", was_member(asked, node->node));
        json_bool(json, "disk_lost", node->replaced);
        json_bool(json, "survivor", survives);
        json_bool(json, "asked", node->own);
        json_number(json, "down_ms", node->down_ms);
        if (node->heard == RESCUE_HAS)
            print_holding(asked, json, &node->holding);
        json_end_object(json);
    }
    json_end_list(json);
}

static void print_look(const struct rescue_asked *asked, struct json *json)
{
    if (asked->catalog) {
        json_id(json, "cluster",
                model_cluster(catalog_model(control_catalog(asked->ops->world.control))));
    } else {
        json_text(json, "stream", asked->stream);
        json_number(json, "shard", asked->shard);
        json_number(json, "group", asked->look.group);
    }
    json_number(json, "epoch", asked->look.epoch);
    print_nodes(asked, json);
}

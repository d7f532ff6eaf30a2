/* /shards/rescue: what is left of a shard whose majority is lost, and going on from it.
 *
 *     GET    looked at: each node is asked what it has of it (control/rescue.h)
 *     POST   the same look again; it must find what was confirmed, then:
 *            audit line "asked" -> the catalogue's change -> audit line "done" or "failed" -> reply
 *
 * What was asked twice is as good as once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/rescue.h"
#include "ops/ask.h"
#include "ops/ops_private.h"

#define ID_DIGITS 16u
#define BY_MAX 64u
#define TIME_TEXT_MAX 32u

/* What an operator has seen, and confirms. */
struct confirmed {
    uint64_t epoch, survivor, index, term;
    char by[BY_MAX + 1];
};

/* One request that is under way. */
struct rescue_asked {
    struct ops *ops;
    struct http_exchange *exchange;
    bool acts, looking, changing;
    struct confirmed confirmed;
    char stream[MODEL_NAME_MAX + 1];
    uint32_t shard;
    struct rescue_look look;
    struct catalog_change change;
    struct buf *bytes; /* of the change */
    struct audit_line *line;
    enum err err; /* of the change */
};

static const struct model_shard *row_asked(const struct ops *ops, struct rescue_asked *asked);
static bool numbers_read(struct rescue_asked *asked);
static bool is_done(const struct model_shard *row, const struct confirmed *confirmed);
static void on_looked(struct rescue_look *look);
static void act(struct rescue_asked *asked);
static bool is_confirmed(const struct rescue_asked *asked);
static bool note(struct rescue_asked *asked, const char *state, audit_done done);
static void on_asked_noted(void *ctx, enum err err, const struct reason *reason);
static void on_changed(struct catalog_change *req, enum err err);
static void on_end_noted(void *ctx, enum err err, const struct reason *reason);
static struct buf *page(const struct rescue_asked *asked);
static void print_look(const struct rescue_asked *asked, struct json *json);
static void end(struct rescue_asked *asked);

void rescues_on_request(struct ops *ops, struct http_exchange *exchange)
{
    struct rescue_asked **place = NULL;
    bool acts = exchange->request.verb == HTTP_VERB_POST;

    for (uint32_t i = 0; i < OPS_RESCUES_MAX && place == NULL; i++)
        if (ops->rescues[i] == NULL)
            place = &ops->rescues[i];
    if (acts && ops->stopping) {
        answer_message(exchange, 503, "this node is stopping", true);
        return;
    }
    if (acts && !ask_allowed(exchange))
        return;
    struct rescue_asked *asked = place == NULL ? NULL : calloc(1, sizeof(*asked));
    if (asked == NULL) {
        answer_message(exchange, 503, "too many rescues at once, or no memory", true);
        return;
    }
    asked->ops = ops;
    asked->exchange = exchange;
    asked->acts = acts;
    *place = asked;
    const struct model_shard *row = row_asked(ops, asked);
    if (row == NULL) {
        answer_message(exchange, 404, "there is no such shard", false);
        end(asked);
    } else if (acts && !numbers_read(asked)) {
        answer_message(exchange, 400, "a rescue says epoch, survivor, index, term and by", false);
        end(asked);
    } else if (acts && is_done(row, &asked->confirmed)) {
        answer_message(exchange, 200, "done", false);
        end(asked);
    } else {
        asked->looking = true;
        rescue_look(ops->world.control, &asked->look, row->group, on_looked);
    }
}

void rescues_stopping(struct ops *ops)
{
    for (uint32_t i = 0; i < OPS_RESCUES_MAX; i++) {
        struct rescue_asked *asked = ops->rescues[i];
        if (asked == NULL)
            continue;
        if (asked->looking)
            rescue_look_cancel(&asked->look);
        if (asked->changing)
            catalog_change_cancel(&asked->change);
        if (asked->line != NULL)
            audit_leave(asked->line);
        answer_message(asked->exchange, 503, "this node is stopping; a rescue may have been made",
                       true);
        end(asked);
    }
}

static void end(struct rescue_asked *asked)
{
    for (uint32_t i = 0; i < OPS_RESCUES_MAX; i++)
        if (asked->ops->rescues[i] == asked)
            asked->ops->rescues[i] = NULL;
    buf_unref(asked->bytes);
    free(asked);
}

/* ---- the question ---- */

/* ?stream=S&shard=N */
static const struct model_shard *row_asked(const struct ops *ops, struct rescue_asked *asked)
{
    const struct model *model = catalog_model(control_catalog(ops->world.control));
    char number[ID_DIGITS];

    if (ask_decode(ask_value(asked->exchange, "stream="), asked->stream, sizeof(asked->stream)) ==
            0 ||
        ask_decode(ask_value(asked->exchange, "shard="), number, sizeof(number)) == 0)
        return NULL;
    const struct model_stream *stream = model_stream_by_name(model, slice_text(asked->stream));
    char *rest = NULL;
    asked->shard = (uint32_t)strtoul(number, &rest, 10);
    return stream == NULL || *rest != 0 ? NULL : model_shard_by_number(stream, asked->shard);
}

static bool number_read(const struct rescue_asked *asked, const char *name, int base,
                        uint64_t *ret)
{
    char text[24], *rest = NULL;

    if (ask_decode(ask_value(asked->exchange, name), text, sizeof(text)) == 0)
        return false;
    *ret = strtoull(text, &rest, base);
    return *rest == 0 && *ret != 0;
}

static bool numbers_read(struct rescue_asked *asked)
{
    struct confirmed *confirmed = &asked->confirmed;

    return number_read(asked, "epoch=", 10, &confirmed->epoch) &&
           number_read(asked, "survivor=", 16, &confirmed->survivor) &&
           number_read(asked, "index=", 10, &confirmed->index) &&
           number_read(asked, "term=", 10, &confirmed->term) &&
           ask_decode(ask_value(asked->exchange, "by="), confirmed->by, sizeof(confirmed->by)) > 0;
}

/* By an earlier try whose answer was lost. */
static bool is_done(const struct model_shard *row, const struct confirmed *confirmed)
{
    for (uint32_t i = 0; row->rescued != NULL && i < row->rescued->count; i++) {
        const struct model_rescue *rescue = &row->rescued->rescues[i];
        if (rescue->survivor == confirmed->survivor && rescue->index == confirmed->index &&
            rescue->term == confirmed->term &&
            rescue->epoch == (confirmed->epoch / MODEL_RESCUE_EPOCHS + 1) * MODEL_RESCUE_EPOCHS)
            return true;
    }
    return false;
}

static void on_looked(struct rescue_look *look)
{
    struct rescue_asked *asked = container_of(look, struct rescue_asked, look);

    asked->looking = false;
    if (asked->acts) {
        act(asked);
        return;
    }
    answer_json(asked->exchange, 200, page(asked));
    end(asked);
}

/* ---- the change ---- */

static void act(struct rescue_asked *asked)
{
    struct reason reason = asked->look.reason;
    enum err err = asked->look.err;

    if (err == ERR_OK && !is_confirmed(asked)) {
        reason_set(&reason, "it is not as it was when it was looked at: look again what would be "
                            "lost");
        err = ERR_CLOSED;
    }
    if (err == ERR_OK) {
        asked->bytes = rescue_change(asked->ops->world.control, &asked->look);
        err = asked->bytes == NULL || !note(asked, "asked", on_asked_noted) ? ERR_NO_MEMORY
                                                                              : ERR_OK;
    }
    if (err == ERR_OK)
        return;
    answer_refusal(asked->exchange, err, &reason);
    end(asked);
}

static bool is_confirmed(const struct rescue_asked *asked)
{
    const struct rescue_node *survivor = &asked->look.nodes[asked->look.survivor];
    const struct confirmed *confirmed = &asked->confirmed;

    return asked->look.epoch == confirmed->epoch && survivor->node == confirmed->survivor &&
           survivor->holding.last == confirmed->index &&
           survivor->holding.last_term == confirmed->term;
}

/* Nothing is done that was not written down. */
static void on_asked_noted(void *ctx, enum err err, const struct reason *reason)
{
    struct rescue_asked *asked = ctx;

    asked->line = NULL;
    if (err != ERR_OK) {
        struct reason why = *reason;
        reason_wrap(&why, "nothing was done: the audit log cannot be written");
        answer_refusal(asked->exchange, err, &why);
        end(asked);
        return;
    }
    asked->changing = true;
    catalog_change(control_catalog(asked->ops->world.control), &asked->change,
                   buf_slice(asked->bytes), OPS_CHANGE_MS - CONTROL_HOLDING_MS, on_changed);
}

static void on_changed(struct catalog_change *req, enum err err)
{
    struct rescue_asked *asked = container_of(req, struct rescue_asked, change);

    asked->changing = false;
    asked->err = err;
    if (!note(asked, err == ERR_OK ? "done" : "failed", on_end_noted))
        on_end_noted(asked, ERR_NO_MEMORY, NULL);
}

static void on_end_noted(void *ctx, enum err err, const struct reason *reason)
{
    struct rescue_asked *asked = ctx;

    asked->line = NULL;
    if (asked->err == ERR_OK)
        answer_message(asked->exchange, 200, "done", false);
    else
        answer_refusal(asked->exchange, asked->err, &asked->change.reason);
    end(asked);
}

/* ---- in words ---- */

static void time_print(char text[TIME_TEXT_MAX])
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t len = strftime(text, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, TIME_TEXT_MAX - len, ".%03ldZ", now.tv_nsec / 1000000);
}

/* False: no memory. */
static bool note(struct rescue_asked *asked, const char *state, audit_done done)
{
    char now[TIME_TEXT_MAX];
    struct json json;

    time_print(now);
    json_init(&json, OPS_PAGE_BYTES_MAX);
    json_object(&json, NULL);
    json_text(&json, "time", now);
    json_text(&json, "act", "shard.rescue");
    json_text(&json, "state", state);
    json_text(&json, "by", asked->confirmed.by);
    json_text(&json, "on", asked->ops->world.name);
    if (strcmp(state, "failed") == 0) {
        json_text(&json, "err", err_name(asked->err));
        json_text(&json, "reason", asked->change.reason.text);
    }
    print_look(asked, &json);
    json_end_object(&json);
    AUTO_UNREF struct buf *text = json_take(&json);
    if (text == NULL)
        return false;
    asked->line = audit_write(&asked->ops->world.audit, text, done, asked);
    return asked->line != NULL;
}

static struct buf *page(const struct rescue_asked *asked)
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

static void print_holding(struct json *json, const struct holding *holding)
{
    json_number(json, "epoch", holding->epoch);
    json_bool(json, "whole", holding->member_count > 0);
    json_number(json, "first", holding->first);
    json_number(json, "last", holding->last);
    json_number(json, "last_term", holding->last_term);
    json_number(json, "last_time_ms", holding->last_time_ms);
    json_number(json, "known_committed", holding->applied);
    json_number(json, "records", holding->records);
}

static bool was_member(const struct rescue_asked *asked, uint64_t node)
{
    const struct rescue_look *look = &asked->look;
    const struct model *model = catalog_model(control_catalog(asked->ops->world.control));
    const struct model_shard *row = model_shard_by_group(model, look->group, NULL);
    bool was = row != NULL && model_shard_has(row, node);

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
                                         [RESCUE_NOTHING] = "nothing", [RESCUE_HAS] = "copy" };
    const struct rescue_look *look = &asked->look;
    const struct model *model = catalog_model(control_catalog(asked->ops->world.control));

    json_list(json, "nodes");
    for (uint32_t i = 0; i < look->node_count; i++) {
        const struct rescue_node *node = &look->nodes[i];
        const struct model_node *row = model_node_by_id(model, node->node);
        bool survives = look->err == ERR_OK && i == look->survivor;
        if (node->heard != RESCUE_HAS && !was_member(asked, node->node))
            continue;
        json_object(json, NULL);
        json_text(json, "name", row == NULL ? NULL : row->name);
        json_id(json, "id", node->node);
        json_text(json, "has", heard[node->heard]);
        json_bool(json, "disk_lost", node->replaced);
        json_bool(json, "survivor", survives);
        json_number(json, "down_ms", node->down_ms);
        if (node->heard == RESCUE_HAS)
            print_holding(json, &node->holding);
        json_end_object(json);
    }
    json_end_list(json);
}

static void print_look(const struct rescue_asked *asked, struct json *json)
{
    json_text(json, "stream", asked->stream);
    json_number(json, "shard", asked->shard);
    json_number(json, "group", asked->look.group);
    json_number(json, "epoch", asked->look.epoch);
    print_nodes(asked, json);
}

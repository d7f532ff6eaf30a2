/* /shards/rescue, /cluster/rescue: what is left of a shard whose majority is lost, or of the
 * catalogue, and going on from it.
 *
 *     GET    looked at: each node is asked what it has of it (control/rescue.h)
 *     POST   the same look again; it must find what was confirmed, then:
 *            audit line "asked" -> the catalogue's change, or catalog_rescue()
 *            -> audit line "done" or "failed" -> reply
 *
 * Each line is waited for OPS_AUDIT_MS at most.  What was asked twice is as good as once; what is
 * asked again while it is under way is refused. */
#include <stdlib.h>
#include <string.h>

#include "ops/ask.h"
#include "ops/rescue_asked.h"

#define ID_DIGITS 16u

static void shard_asked(struct rescue_asked *asked);
static void catalog_asked(struct rescue_asked *asked);
static const struct model_shard *row_asked(const struct ops *ops, struct rescue_asked *asked,
                                           struct reason *reason);
static bool numbers_read(struct rescue_asked *asked);
static bool is_done(const struct model_shard *row, const struct confirmed *confirmed);
static bool is_catalog_done(const struct model *model, const struct confirmed *confirmed);
static void on_looked(struct rescue_look *look);
static void act(struct rescue_asked *asked);
static bool is_confirmed(const struct rescue_asked *asked);
static bool is_under_way(const struct rescue_asked *asked, uint64_t group);
static void note(struct rescue_asked *asked, const char *state, audit_done done);
static void on_asked_noted(void *ctx, enum err err, const struct reason *reason);
static void on_changed(struct catalog_change *req, enum err err);
static void on_rescued(struct catalog_rescue *req, enum err err);
static void note_end(struct rescue_asked *asked);
static void on_end_noted(void *ctx, enum err err, const struct reason *reason);
static void end(struct rescue_asked *asked);

void rescues_on_request(struct ops *ops, struct http_exchange *exchange, bool catalog)
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
    asked->catalog = catalog;
    *place = asked;
    if (acts && !numbers_read(asked)) {
        answer_message(exchange, 400, "a rescue says epoch, survivor, index, term and by; "
                       ASK_BY_RULE, false);
        end(asked);
    } else if (catalog) {
        catalog_asked(asked);
    } else {
        shard_asked(asked);
    }
}

/* Both would look, find the same, and be made: the second is refused before it looks. */
static bool is_under_way(const struct rescue_asked *asked, uint64_t group)
{
    for (uint32_t i = 0; i < OPS_RESCUES_MAX; i++) {
        const struct rescue_asked *other = asked->ops->rescues[i];
        if (other != NULL && other != asked && other->acts && other->look.group == group)
            return true;
    }
    return false;
}

static void look(struct rescue_asked *asked, uint64_t group)
{
    if (asked->acts && is_under_way(asked, group)) {
        answer_message(asked->exchange, 409, "its rescue was asked for just now, and is under way: "
                       "wait for that answer, or look again what is left", true);
        end(asked);
        return;
    }
    asked->looking = true;
    rescue_look(asked->ops->world.control, &asked->look, group, on_looked);
}

static void shard_asked(struct rescue_asked *asked)
{
    struct reason reason = { .text = "" };
    const struct model_shard *row = row_asked(asked->ops, asked, &reason);

    if (row == NULL) {
        answer_message(asked->exchange, 404, reason.text, false);
        end(asked);
    } else if (asked->acts && is_done(row, &asked->confirmed)) {
        answer_message(asked->exchange, 200, "done", false);
        end(asked);
    } else {
        look(asked, row->group);
    }
}

static void catalog_asked(struct rescue_asked *asked)
{
    const struct catalog *catalog = control_catalog(asked->ops->world.control);
    const struct model *model = catalog_model(catalog);
    struct catalog_copy copy;

    if (!catalog_copy(catalog, &copy)) {
        answer_message(asked->exchange, 404, "this node has no copy of the catalogue: it is new, "
                       "or it has heard of no node that has one", true);
        end(asked);
    } else if (asked->acts && is_catalog_done(model, &asked->confirmed)) {
        answer_message(asked->exchange, 200, "done", false);
        end(asked);
    } else {
        look(asked, CATALOG_GROUP);
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
        if (asked->changing && asked->catalog)
            catalog_rescue_cancel(&asked->rescue);
        else if (asked->changing)
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

/* ?stream=S&shard=N.  NULL: there is no such thing, as the reason says. */
static const struct model_shard *row_asked(const struct ops *ops, struct rescue_asked *asked,
                                           struct reason *reason)
{
    const struct model *model = catalog_model(control_catalog(ops->world.control));
    char number[ID_DIGITS];

    if (ask_decode(ask_value(asked->exchange, "stream="), asked->stream, sizeof(asked->stream)) ==
            0 ||
        ask_decode(ask_value(asked->exchange, "shard="), number, sizeof(number)) == 0) {
        reason_set(reason, "which shard? stream=S&shard=N says it");
        return NULL;
    }
    const struct model_stream *stream = model_stream_by_name(model, slice_text(asked->stream));
    char *rest = NULL;
    asked->shard = (uint32_t)strtoul(number, &rest, 10);
    const struct model_shard *row =
        stream == NULL || *rest != 0 ? NULL : model_shard_by_number(stream, asked->shard);
    if (stream == NULL)
        reason_set(reason, "there is no stream '%s'", asked->stream);
    else if (row == NULL)
        reason_set(reason, "stream %s has no shard %s", asked->stream, number);
    return row;
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
            rescue->epoch / MODEL_RESCUE_EPOCHS > confirmed->epoch / MODEL_RESCUE_EPOCHS)
            return true;
    }
    return false;
}

static bool is_catalog_done(const struct model *model, const struct confirmed *confirmed)
{
    for (uint32_t i = 0; i < model_resume_count(model); i++) {
        const struct model_resume *resume = model_resume_at(model, i);
        if (resume->survivor == confirmed->survivor && resume->index == confirmed->index &&
            resume->term == confirmed->term && resume->epoch > confirmed->epoch)
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
    answer_json(asked->exchange, 200, rescue_page(asked));
    end(asked);
}

/* ---- the change ---- */

/* Nobody can agree on it, so that the survivor does it, and nobody else. */
static enum err catalog_check(const struct rescue_asked *asked, struct reason *reason)
{
    struct catalog *catalog = control_catalog(asked->ops->world.control);
    const struct model_node *row =
        model_node_by_id(catalog_model(catalog), asked->confirmed.survivor);

    if (catalog_rescues(catalog)) {
        reason_set(reason, "it is being rescued at this moment");
        return ERR_BUSY;
    }
    if (asked->look.nodes[asked->look.survivor].own)
        return ERR_OK;
    reason_set(reason, "node %s has most of the catalogue, and only there it can go on: ask that "
               "node, at %s, on its machine", row == NULL ? "?" : row->name,
               row == NULL ? "its operations port" : row->operations_address);
    return ERR_CLOSED;
}

static void act(struct rescue_asked *asked)
{
    struct reason reason = asked->look.reason;
    enum err err = asked->look.err;

    if (err == ERR_OK && !is_confirmed(asked)) {
        reason_set(&reason, "it is not as it was when it was looked at: look again what would be "
                            "lost");
        err = ERR_CLOSED;
    }
    if (err == ERR_OK && asked->catalog)
        err = catalog_check(asked, &reason);
    if (err == ERR_OK && !asked->catalog) {
        asked->bytes = rescue_change(asked->ops->world.control, &asked->look);
        err = asked->bytes == NULL ? ERR_NO_MEMORY : ERR_OK;
    }
    if (err == ERR_OK) {
        note(asked, "asked", on_asked_noted);
        return;
    }
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
    if (asked->catalog) {
        asked->err = rescue_catalog(asked->ops->world.control, &asked->look, &asked->rescue,
                                    on_rescued);
        asked->changing = asked->err == ERR_OK;
        if (!asked->changing)
            note_end(asked);
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
    asked->reason = req->reason;
    note_end(asked);
}

static void on_rescued(struct catalog_rescue *req, enum err err)
{
    struct rescue_asked *asked = container_of(req, struct rescue_asked, rescue);

    asked->changing = false;
    asked->err = err;
    asked->reason = req->reason;
    note_end(asked);
}

static void note_end(struct rescue_asked *asked)
{
    note(asked, asked->err == ERR_OK ? "done" : "failed", on_end_noted);
}

static void on_end_noted(void *ctx, enum err err, const struct reason *reason)
{
    struct rescue_asked *asked = ctx;

    asked->line = NULL;
    if (asked->err == ERR_OK)
        answer_done(asked->exchange, err, reason);
    else
        answer_refusal(asked->exchange, asked->err, &asked->reason);
    end(asked);
}

static void note(struct rescue_asked *asked, const char *state, audit_done done)
{
    AUTO_UNREF struct buf *text = rescue_line(asked, state);

    audit_write(asked->ops->audit, text, done, asked, &asked->line);
}

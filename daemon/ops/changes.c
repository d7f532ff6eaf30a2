/* A change of the catalogue that an operator has asked for:
 *
 *     the catalogue's change -> audit line "done", "failed" or "unknown" -> reply
 *
 * Unlike a rescue it can be taken back: so the line comes when its end is known, and a log that
 * cannot be written hinders nobody. */
#include "ops/ask.h"
#include "ops/ops_private.h"

static void on_changed(struct catalog_change *req, enum err err);
static struct buf *line_of(struct change_asked *asked);
static void on_noted(void *ctx, enum err err, const struct reason *reason);

struct change_asked *change_begin(struct ops *ops, struct http_exchange *exchange, const char *act)
{
    struct change_asked *asked = NULL;
    char by[AUDIT_BY_MAX + 1];
    struct slice asker = ask_value(exchange, "by=");
    bool says = asker.len > 0;

    if (says && ask_decode(asker, by, sizeof(by)) == 0) {
        answer_message(exchange, 400, "by: at most 64 bytes, percent-encoded", false);
        return NULL;
    }
    for (uint32_t i = 0; i < OPS_CHANGES_MAX && asked == NULL; i++)
        if (ops->changes[i].exchange == NULL)
            asked = &ops->changes[i];
    if (asked == NULL) {
        answer_message(exchange, 503, "too many changes at once", true);
        return NULL;
    }
    *asked = (struct change_asked){ .ops = ops, .exchange = exchange };
    json_init(&asked->text, AUDIT_CHANGE_BYTES_MAX);
    json_object(&asked->text, NULL);
    json_text(&asked->text, "act", act);
    json_text(&asked->text, "by", says ? by : NULL);
    json_text(&asked->text, "on", ops->world.name);
    return asked;
}

void change_offer(struct change_asked *asked, struct buf *bytes)
{
    if (bytes == NULL) {
        answer_message(asked->exchange, 503, "no memory", true);
        writer_fini(&asked->text.writer);
        asked->exchange = NULL;
        return;
    }
    asked->changing = true;
    catalog_change(control_catalog(asked->ops->world.control), &asked->change, buf_slice(bytes),
                   OPS_CHANGE_MS, on_changed);
}

static void on_changed(struct catalog_change *req, enum err err)
{
    struct change_asked *asked = container_of(req, struct change_asked, change);

    asked->changing = false;
    asked->err = err;
    AUTO_UNREF struct buf *text = line_of(asked);
    if (text != NULL)
        asked->line = audit_write(&asked->ops->world.audit, text, on_noted, asked);
    if (asked->line == NULL)
        on_noted(asked, ERR_NO_MEMORY, NULL);
}

static struct buf *line_of(struct change_asked *asked)
{
    char now[AUDIT_TIME_MAX];
    struct json *json = &asked->text;

    audit_time_print(now);
    json_text(json, "time", now);
    json_text(json, "state",
              asked->err == ERR_OK ? "done" : asked->err == ERR_UNKNOWN ? "unknown" : "failed");
    if (asked->err != ERR_OK) {
        json_text(json, "err", err_name(asked->err));
        json_text(json, "reason", asked->change.reason.text);
    }
    json_end_object(json);
    return json_take(json);
}

static void on_noted(void *ctx, enum err err, const struct reason *reason)
{
    struct change_asked *asked = ctx;
    struct http_exchange *exchange = asked->exchange;
    struct reason text = { .text = "" };

    asked->line = NULL;
    asked->exchange = NULL;
    if (asked->err != ERR_OK) {
        answer_refusal(exchange, asked->err, &asked->change.reason);
    } else if (err != ERR_OK) {
        reason_set(&text, "done; the audit log could not be written: %s",
                   reason == NULL ? err_name(err) : reason->text);
        answer_message(exchange, 200, text.text, false);
    } else {
        answer_message(exchange, 200, "done", false);
    }
}

void changes_stopping(struct ops *ops)
{
    for (uint32_t i = 0; i < OPS_CHANGES_MAX; i++) {
        struct change_asked *asked = &ops->changes[i];
        struct http_exchange *exchange = asked->exchange;
        if (exchange == NULL)
            continue;
        if (asked->changing) {
            catalog_change_cancel(&asked->change);
            writer_fini(&asked->text.writer);
        }
        if (asked->line != NULL)
            audit_leave(asked->line);
        asked->exchange = NULL;
        answer_message(exchange, 503, "this node is stopping; the change may have been made", true);
    }
}

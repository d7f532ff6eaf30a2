/* A change of the catalogue that an operator has asked for:
 *
 *     audit line "asked" -> the catalogue's change -> audit line "done", "failed" or "unknown"
 *     -> reply
 *
 * The first line stands for the whole when the node ends before the last one is written.  Unlike a
 * rescue a change can be taken back, and may be wanted because a disk is ill: so a log that cannot
 * be written, or not in time (OPS_AUDIT_MS), hinders nobody, and the reply says so. */
#include "ops/ask.h"
#include "ops/ops_private.h"

static void on_asked_noted(void *ctx, enum err err, const struct reason *reason);
static void on_changed(struct catalog_change *req, enum err err);
static void note(struct change_asked *asked, const char *state, audit_done done);
static struct buf *line_of(const struct change_asked *asked, const char *state);
static void on_end_noted(void *ctx, enum err err, const struct reason *reason);
static void end(struct change_asked *asked);

struct change_asked *change_begin(struct ops *ops, struct http_exchange *exchange, const char *act)
{
    struct change_asked *asked = NULL;
    char by[AUDIT_BY_MAX + 1];
    struct slice asker = ask_value(exchange, "by=");
    bool says = asker.len > 0;

    if (says && ask_decode(asker, by, sizeof(by)) == 0) {
        answer_message(exchange, 400, ASK_BY_RULE, false);
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
        end(asked);
        return;
    }
    asked->bytes = buf_ref(bytes);
    asked->due_ms = clock_mono_ms(asked->ops->world.clock) + OPS_CHANGE_MS;
    note(asked, "asked", on_asked_noted);
}

/* Written or not: what comes of that is told when the last line is not either. */
static void on_asked_noted(void *ctx, enum err err, const struct reason *reason)
{
    struct change_asked *asked = ctx;
    uint64_t now_ms = clock_mono_ms(asked->ops->world.clock);

    asked->line = NULL;
    asked->offered = asked->changing = true;
    catalog_change(control_catalog(asked->ops->world.control), &asked->change,
                   buf_slice(asked->bytes), asked->due_ms > now_ms ? asked->due_ms - now_ms : 1,
                   on_changed);
}

static void on_changed(struct catalog_change *req, enum err err)
{
    struct change_asked *asked = container_of(req, struct change_asked, change);

    asked->changing = false;
    asked->err = err;
    note(asked, err == ERR_OK ? "done" : err == ERR_UNKNOWN ? "unknown" : "failed", on_end_noted);
}

static void note(struct change_asked *asked, const char *state, audit_done done)
{
    AUTO_UNREF struct buf *text = line_of(asked, state);

    audit_write(asked->ops->audit, text, done, asked, &asked->line);
}

/* NULL: no memory. */
static struct buf *line_of(const struct change_asked *asked, const char *state)
{
    char now[AUDIT_TIME_MAX];
    struct json json;

    if (asked->text.writer.failed)
        return NULL;
    audit_time_print(now);
    json_init(&json, AUDIT_CHANGE_BYTES_MAX + sizeof(now) + 2 * REASON_BYTES_MAX);
    writer_bytes(&json.writer, writer_slice(&asked->text.writer));
    json.follows = true;
    json_text(&json, "time", now);
    json_text(&json, "state", state);
    if (asked->offered && asked->err != ERR_OK) {
        json_text(&json, "err", err_name(asked->err));
        json_text(&json, "reason", asked->change.reason.text);
    }
    json_end_object(&json);
    return json_take(&json);
}

static void on_end_noted(void *ctx, enum err err, const struct reason *reason)
{
    struct change_asked *asked = ctx;

    asked->line = NULL;
    if (asked->err == ERR_OK)
        answer_done(asked->exchange, err, reason);
    else
        answer_refusal(asked->exchange, asked->err, &asked->change.reason);
    end(asked);
}

/* It has replied. */
static void end(struct change_asked *asked)
{
    writer_fini(&asked->text.writer);
    buf_unref(asked->bytes);
    asked->bytes = NULL;
    asked->exchange = NULL;
}

void changes_stopping(struct ops *ops)
{
    for (uint32_t i = 0; i < OPS_CHANGES_MAX; i++) {
        struct change_asked *asked = &ops->changes[i];
        if (asked->exchange == NULL)
            continue;
        if (asked->changing)
            catalog_change_cancel(&asked->change);
        if (asked->line != NULL)
            audit_leave(asked->line);
        answer_message(asked->exchange, 503,
                       asked->offered ? "this node is stopping; the change may have been made"
                                      : "this node is stopping; nothing was done",
                       true);
        end(asked);
    }
}

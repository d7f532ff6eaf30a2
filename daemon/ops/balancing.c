/* POST /cluster/balancing/pause, /cluster/balancing/resume: leaders and replicas stay where they
 * are, or are balanced again.
 *
 *     the catalogue's change -> audit line "done" or "failed" -> reply
 *
 * Unlike a rescue it can be taken back: so the line comes when its end is known, and a log that
 * cannot be written hinders nobody. */
#include <stdlib.h>
#include <string.h>

#include "control/nodes.h"
#include "ops/ask.h"
#include "ops/ops_private.h"

struct balancing_asked {
    struct ops *ops;
    struct http_exchange *exchange;
    bool pauses, changing;
    char by[AUDIT_BY_MAX + 1];
    struct catalog_change change;
    struct audit_line *line;
    enum err err; /* of the change */
};

static void begin(struct balancing_asked *asked);
static void on_changed(struct catalog_change *req, enum err err);
static struct buf *line_of(const struct balancing_asked *asked);
static void on_noted(void *ctx, enum err err, const struct reason *reason);
static void end(struct balancing_asked *asked);

void balancing_on_post(struct ops *ops, struct http_exchange *exchange, bool pauses)
{
    char by[AUDIT_BY_MAX + 1];

    if (ops->stopping) {
        answer_message(exchange, 503, "this node is stopping", true);
        return;
    }
    if (!ask_allowed(exchange))
        return;
    if (ask_decode(ask_value(exchange, "by="), by, sizeof(by)) == 0) {
        answer_message(exchange, 400, "pausing and resuming say by: who wants it", false);
        return;
    }
    struct balancing_asked *asked = ops->balancing != NULL ? NULL : calloc(1, sizeof(*asked));
    if (asked == NULL) {
        answer_message(exchange, 503, "the same is being asked at this moment, or no memory", true);
        return;
    }
    *asked = (struct balancing_asked){ .ops = ops, .exchange = exchange, .pauses = pauses };
    strcpy(asked->by, by);
    ops->balancing = asked;
    begin(asked);
}

static void begin(struct balancing_asked *asked)
{
    struct control *control = asked->ops->world.control;
    AUTO_UNREF struct buf *bytes = nodes_balance(control, asked->pauses);

    if (bytes == NULL) {
        answer_message(asked->exchange, 503, "no memory", true);
        end(asked);
        return;
    }
    asked->changing = true;
    catalog_change(control_catalog(control), &asked->change, buf_slice(bytes), OPS_CHANGE_MS,
                   on_changed);
}

static void on_changed(struct catalog_change *req, enum err err)
{
    struct balancing_asked *asked = container_of(req, struct balancing_asked, change);

    asked->changing = false;
    asked->err = err;
    AUTO_UNREF struct buf *text = line_of(asked);
    if (text != NULL)
        asked->line = audit_write(&asked->ops->world.audit, text, on_noted, asked);
    if (asked->line == NULL)
        on_noted(asked, ERR_NO_MEMORY, NULL);
}

static struct buf *line_of(const struct balancing_asked *asked)
{
    char now[AUDIT_TIME_MAX];
    struct json json;

    audit_time_print(now);
    json_init(&json, OPS_PAGE_BYTES_MAX);
    json_object(&json, NULL);
    json_text(&json, "time", now);
    json_text(&json, "act", asked->pauses ? "balancing.pause" : "balancing.resume");
    json_text(&json, "state", asked->err == ERR_OK ? "done" : "failed");
    json_text(&json, "by", asked->by);
    json_text(&json, "on", asked->ops->world.name);
    if (asked->err != ERR_OK) {
        json_text(&json, "err", err_name(asked->err));
        json_text(&json, "reason", asked->change.reason.text);
    }
    json_end_object(&json);
    return json_take(&json);
}

static void on_noted(void *ctx, enum err err, const struct reason *reason)
{
    struct balancing_asked *asked = ctx;
    struct reason text = { .text = "" };

    asked->line = NULL;
    if (asked->err != ERR_OK) {
        answer_refusal(asked->exchange, asked->err, &asked->change.reason);
    } else if (err != ERR_OK) {
        reason_set(&text, "done; the audit log could not be written: %s",
                   reason == NULL ? err_name(err) : reason->text);
        answer_message(asked->exchange, 200, text.text, false);
    } else {
        answer_message(asked->exchange, 200, "done", false);
    }
    end(asked);
}

static void end(struct balancing_asked *asked)
{
    asked->ops->balancing = NULL;
    free(asked);
}

void balancing_stopping(struct ops *ops)
{
    struct balancing_asked *asked = ops->balancing;

    if (asked == NULL)
        return;
    if (asked->changing)
        catalog_change_cancel(&asked->change);
    if (asked->line != NULL)
        audit_leave(asked->line);
    answer_message(asked->exchange, 503, "this node is stopping; the change may have been made",
                   true);
    end(asked);
}

#include "ops/ask.h"

#include <string.h>

#include "base/limits.h"
#include "ops/json.h"
#include "wire/token.h"

#define JSON_TYPE "application/json"

static bool is_local(const char *peer);

/* ---- the question ---- */

struct slice ask_value(const struct http_exchange *exchange, const char *name)
{
    struct slice query = exchange->request.query;
    size_t skip = strlen(name);

    for (size_t at = 0, end; at < query.len; at = end + 1) {
        for (end = at; end < query.len && query.data[end] != '&'; end++)
            ;
        if (end - at > skip && memcmp(query.data + at, name, skip) == 0)
            return slice_of(query.data + at + skip, end - at - skip);
    }
    return slice_of(NULL, 0);
}

static int hex_value(unsigned char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit == 0 ? NULL : strchr(digits, digit | 0x20);

    return at == NULL ? -1 : (int)(at - digits);
}

size_t ask_decode(struct slice text, char *ret, size_t room)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        int value = text.data[i];
        if (value == '%') {
            int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_value(text.data[i + 2]);
            value = low < 0 ? 0 : high << 4 | low;
            i += 2;
        }
        if (value == 0 || len + 1 >= room)
            return 0;
        ret[len++] = (char)value;
    }
    ret[len] = 0;
    return json_is_utf8((const unsigned char *)ret, len) ? len : 0;
}

bool ask_allowed(struct http_exchange *exchange)
{
    const struct http_header *type = http_request_header(&exchange->request, "content-type");

    if (!is_local(exchange->request.peer)) {
        answer_message(exchange, 403, "changes are taken from this machine alone: nobody who "
                      "connects is asked who he is", false);
        return false;
    }
    if (type == NULL || !slice_equal(type->value, slice_text(JSON_TYPE))) {
        answer_message(exchange, 415, "a change says Content-Type: application/json", false);
        return false;
    }
    return true;
}

static bool is_local(const char *peer)
{
    return strncmp(peer, "127.", 4) == 0 || strncmp(peer, "[::1]:", 6) == 0;
}

/* ---- the answer ---- */

void answer_refusal(struct http_exchange *exchange, enum err err, const struct reason *reason)
{
    switch (err) {
    case ERR_NOT_FOUND:
        answer_message(exchange, 404, reason->text, false);
        return;
    case ERR_CLOSED:
    case ERR_VERSION:
    case ERR_BUSY:
        answer_message(exchange, 409, reason->text, err == ERR_BUSY);
        return;
    case ERR_UNAVAILABLE:
        answer_message(exchange, 503, "the catalogue has no leader; nothing was done", true);
        return;
    default:
        answer_message(exchange, 503, reason->text[0] != 0 ? reason->text : err_name(err), true);
        return;
    }
}

void answer_done(struct http_exchange *exchange, enum err noted, const struct reason *reason)
{
    struct reason text = { .text = "" };

    reason_set(&text, "done; the audit log could not be written%s: %s",
               noted == ERR_TIMEOUT ? " in time" : "", reason->text);
    answer_message(exchange, 200, noted == ERR_OK ? "done" : text.text, false);
}

void answer_message(struct http_exchange *exchange, int status, const char *text, bool wait)
{
    struct json json;

    json_init(&json, OPS_PAGE_BYTES_MAX);
    json_object(&json, NULL);
    json_text(&json, "message", text);
    json_bool(&json, "wait", wait);
    json_end_object(&json);
    answer_json(exchange, status, json_take(&json));
}

void answer_json(struct http_exchange *exchange, int status, struct buf *body)
{
    struct http_header header = { .name = slice_text("Content-Type"),
                                  .value = slice_text(JSON_TYPE) };
    struct http_reply reply = {
        .status = status, .headers = &header, .header_count = 1, .body = &body, .body_count = 1
    };

    if (body == NULL) {
        http_exchange_reply_text(exchange, 503, "text/plain; charset=utf-8",
                                 slice_text("out of memory\n"));
        return;
    }
    http_exchange_reply(exchange, &reply);
    buf_unref(body);
}

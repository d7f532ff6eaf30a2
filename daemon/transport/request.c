#include "transport/request.h"

/* Whoever sends one byte of a body holds no more; then it doubles. */
#define ROOM_AT_FIRST 4096u

static bool body_grow(struct body *body, struct budget *budget, size_t most, size_t need,
                      const char **sentence);

const struct http_header *http_request_header(const struct http_request *request,
                                              const char *name)
{
    struct slice wanted = slice_text(name);

    for (uint32_t at = 0; at < request->header_count; at++)
        if (slice_equal(request->headers[at].name, wanted))
            return &request->headers[at];
    return NULL;
}

enum http_verb http_verb_of(struct slice method)
{
    static const char *const verbs[] = {
        [HTTP_VERB_GET] = "GET", [HTTP_VERB_HEAD] = "HEAD",     [HTTP_VERB_POST] = "POST",
        [HTTP_VERB_PUT] = "PUT", [HTTP_VERB_DELETE] = "DELETE", [HTTP_VERB_OPTIONS] = "OPTIONS",
    };

    for (size_t verb = 0; verb < sizeof(verbs) / sizeof(verbs[0]); verb++)
        if (slice_equal(method, slice_text(verbs[verb])))
            return (enum http_verb)verb;
    return HTTP_VERB_OTHER;
}

void http_request_split(struct http_request *request, struct slice target)
{
    const unsigned char *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;
    size_t path_len = mark != NULL ? (size_t)(mark - target.data) : target.len;

    request->path = path_len > 0 ? slice_of(target.data, path_len) : slice_text("/");
    if (mark != NULL)
        request->query = slice_of(mark + 1, target.len - path_len - 1);
}

/* ---- bodies ---- */

int body_add(struct body *body, struct budget *budget, size_t most, struct slice data,
             const char **sentence)
{
    if (data.len > most - body->len) {
        *sentence = "body is too long";
        return 413;
    }
    if (body->len + data.len > body->room &&
        !body_grow(body, budget, most, body->len + data.len, sentence))
        return 503;
    if (data.len > 0)
        memcpy(body->buf->data + body->len, data.data, data.len);
    body->len += data.len;
    return 0;
}

static bool body_grow(struct body *body, struct budget *budget, size_t most, size_t need,
                      const char **sentence)
{
    size_t room = body->room == 0 ? ROOM_AT_FIRST : 2 * body->room;

    room = room > need ? room : need;
    room = room < most ? room : most;
    *sentence = budget_take(budget, room - body->room);
    if (*sentence != NULL)
        return false;
    struct buf *buf = buf_new(room + HTTP_BODY_PADDING);
    if (buf == NULL) {
        budget_return(budget, room - body->room);
        *sentence = "out of memory";
        return false;
    }
    if (body->len > 0)
        memcpy(buf->data, body->buf->data, body->len);
    buf_unref(body->buf);
    body->buf = buf;
    body->room = room;
    return true;
}

/* What stands behind an empty body. */
static const unsigned char nothing[HTTP_BODY_PADDING];

void body_show(struct body *body, struct http_request *request)
{
    if (body->buf != NULL) {
        memset(body->buf->data + body->len, 0, HTTP_BODY_PADDING);
        body->buf->len = body->len; /* the padding stays behind it */
    }
    request->body_buf = body->buf;
    request->body = body->buf != NULL ? buf_slice(body->buf) : slice_of(nothing, 0);
}

void body_drop(struct body *body, struct budget *budget)
{
    buf_unref(body->buf);
    budget_return(budget, body->room);
    *body = (struct body){ .buf = NULL };
}

void http_request_forget_body(struct http_request *request)
{
    request->body = slice_of(nothing, 0);
    request->body_buf = NULL;
}

#include "http/reply.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/base64.h"

#define HEADERS_MAX 10u
#define REQUEST_ID_BYTES 37u /* a UUID and an end mark */
#define ID_2_WORDS 9u        /* 72 bytes: as long as AWS's */
#define ID_2_CHARS 96u

static const char cors_exposed[] =
    "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date";

/* Headers that gather for one reply. */
struct headers {
    struct http_header items[HEADERS_MAX];
    uint32_t count;
    char request_id[REQUEST_ID_BYTES], id_2[ID_2_CHARS];
};

static void add(struct headers *headers, const char *name, struct slice value);
static void add_cors(struct headers *headers, const struct http_request *request, bool preflight);
static void echo(struct headers *headers, const struct http_request *request, const char *asked,
                 const char *name);
static void request_id_print(struct random *random, char text[REQUEST_ID_BYTES]);
static void id_2_print(struct random *random, char text[ID_2_CHARS]);

static enum error_type answer_of_dispatch(const struct dispatch *dispatch, enum error_type error)
{
    if (error == ERROR_SERVICE_UNAVAILABLE || error == ERROR_INTERNAL_FAILURE)
        return ERROR_SERVICE_UNAVAILABLE;
    if (dispatch->kind == DISPATCH_NO_BODY)
        return dispatch->operation != NULL ? ERROR_SERIALIZATION : ERROR_UNKNOWN_OPERATION;
    return error == ERROR_TYPE_NONE ? ERROR_UNKNOWN_OPERATION : ERROR_SERIALIZATION;
}

const struct reply *reply_of_dispatch(const struct dispatch *dispatch, enum error_type error,
                                      enum error_type *answer)
{
    static const struct reply preflight = { .status = 200, .preflight = true };
    static const struct reply denied = {
        .status = 403,
        .text = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name "
                "to be authorized</Message>\n</AccessDeniedException>\n"
    };
    static const struct reply unknown_content = { .status = 404,
                                                  .text = "<UnknownOperationException/>\n" };
    static const struct reply old_not_json = {
        .status = 400,
        .content_type = "application/json",
        .text = "{\"Output\":{\"__type\":\"com.amazon.coral.service#SerializationException\"},"
                "\"Version\":\"1.0\"}"
    };
    static const struct reply old_unknown = {
        .status = 404,
        .content_type = "application/json",
        .text = "{\"Output\":{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"},"
                "\"Version\":\"1.0\"}"
    };

    *answer = answer_of_dispatch(dispatch, error);
    switch (dispatch->kind) {
    case DISPATCH_PREFLIGHT:
        return &preflight;
    case DISPATCH_DENIED:
        return &denied;
    case DISPATCH_UNKNOWN_CONTENT:
        return &unknown_content;
    case DISPATCH_OLD_JSON:
        if (*answer == ERROR_SERVICE_UNAVAILABLE)
            return NULL;
        return error == ERROR_TYPE_NONE ? &old_unknown : &old_not_json;
    case DISPATCH_NO_BODY:
    case DISPATCH_OPERATION:
    case DISPATCH_UNKNOWN_OPERATION:
        break;
    }
    return NULL;
}

static void headers_of(struct headers *headers, const struct http_exchange *exchange,
                       struct random *random, const struct reply *reply)
{
    request_id_print(random, headers->request_id);
    add(headers, "x-amzn-RequestId", slice_text(headers->request_id));
    if (!reply->preflight) {
        id_2_print(random, headers->id_2);
        add(headers, "x-amz-id-2", slice_of(headers->id_2, ID_2_CHARS));
    }
    if (reply->content_type != NULL)
        add(headers, "Content-Type", slice_text(reply->content_type));
    if (http_request_header(&exchange->request, "origin") != NULL)
        add_cors(headers, &exchange->request, reply->preflight);
}

void reply_begin(struct http_exchange *exchange, struct random *random, const char *content_type,
                 const struct long_reply_events *events, void *ctx)
{
    const struct reply reply = { .status = 200, .content_type = content_type };
    struct headers headers = { .count = 0 };

    headers_of(&headers, exchange, random, &reply);
    const struct http_reply sent = {
        .status = 200, .headers = headers.items, .header_count = headers.count
    };
    long_reply_begin(exchange, &sent, events, ctx);
}

void reply_send(struct http_exchange *exchange, struct random *random, const struct reply *reply)
{
    struct headers headers = { .count = 0 };
    struct buf *text = reply->text == NULL ? NULL : buf_copy(slice_text(reply->text));
    struct buf *body = reply->text == NULL ? reply->body : text;
    struct http_reply sent = { .status = reply->status, .headers = headers.items };

    headers_of(&headers, exchange, random, reply);
    sent.header_count = headers.count;
    sent.body = &body;
    sent.body_count = body == NULL ? 0 : 1;
    http_exchange_reply(exchange, &sent);
    buf_unref(text);
}

static void add(struct headers *headers, const char *name, struct slice value)
{
    headers->items[headers->count++] =
        (struct http_header){ .name = slice_text(name), .value = value };
}

static void add_cors(struct headers *headers, const struct http_request *request, bool preflight)
{
    add(headers, "Access-Control-Allow-Origin", slice_text("*"));
    if (!preflight) {
        add(headers, "Access-Control-Expose-Headers", slice_text(cors_exposed));
        return;
    }
    echo(headers, request, "access-control-request-headers", "Access-Control-Allow-Headers");
    echo(headers, request, "access-control-request-method", "Access-Control-Allow-Methods");
    add(headers, "Access-Control-Max-Age", slice_text("172800"));
}

static void echo(struct headers *headers, const struct http_request *request, const char *asked,
                 const char *name)
{
    const struct http_header *found = http_request_header(request, asked);

    if (found != NULL)
        add(headers, name, found->value);
}

/* A UUID of version 4. */
static void request_id_print(struct random *random, char text[REQUEST_ID_BYTES])
{
    uint64_t high = (random_u64(random) & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    uint64_t low = (random_u64(random) >> 2) | UINT64_C(1) << 63;

    (void)snprintf(text, REQUEST_ID_BYTES,
                   "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                   high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48,
                   low & UINT64_C(0xffffffffffff));
}

static void id_2_print(struct random *random, char text[ID_2_CHARS])
{
    uint64_t words[ID_2_WORDS];

    for (uint32_t i = 0; i < ID_2_WORDS; i++)
        words[i] = random_u64(random);
    base64_encode(slice_of(words, sizeof(words)), text);
}

#include "http/dispatch.h"

#include <strings.h>

static const char target_prefix[] = "Kinesis_20131202.";

static struct slice header(const struct http_request *request, const char *name);
static const struct operation *target_operation(struct slice target);
static const struct encoding *content_encoding(struct slice content);
static bool content_is(struct slice content, const char *type);

struct dispatch dispatch_request(const struct http_request *request)
{
    struct slice target = header(request, "x-amz-target");
    struct slice content = header(request, "content-type");
    const struct encoding *encoding = content_encoding(content);
    bool old_json = content_is(content, "application/json");
    struct dispatch dispatch = { .kind = DISPATCH_OPERATION,
                                 .operation = target_operation(target),
                                 .encoding = encoding };

    if (encoding == NULL)
        dispatch.encoding = old_json && request->body.len > 0 ? &encoding_json : &encoding_cbor;

    if (request->verb == HTTP_VERB_OPTIONS && http_request_header(request, "origin") != NULL)
        dispatch.kind = DISPATCH_PREFLIGHT;
    else if (request->verb != HTTP_VERB_POST)
        dispatch.kind = DISPATCH_DENIED;
    else if (request->body.len == 0)
        dispatch.kind = DISPATCH_NO_BODY;
    else if (old_json)
        dispatch.kind = DISPATCH_OLD_JSON;
    else if (encoding == NULL)
        dispatch.kind = target.len > 0 ? DISPATCH_UNKNOWN_CONTENT : DISPATCH_DENIED;
    else if (dispatch.operation == NULL)
        dispatch.kind = DISPATCH_UNKNOWN_OPERATION;
    return dispatch;
}

static struct slice header(const struct http_request *request, const char *name)
{
    const struct http_header *found = http_request_header(request, name);
    return found == NULL ? slice_of(NULL, 0) : found->value;
}

static const struct operation *target_operation(struct slice target)
{
    size_t prefix = sizeof(target_prefix) - 1;

    if (target.len <= prefix || memcmp(target.data, target_prefix, prefix) != 0)
        return NULL;
    return operation_find(slice_of(target.data + prefix, target.len - prefix));
}

static const struct encoding *content_encoding(struct slice content)
{
    static const struct encoding *const encodings[] = { &encoding_json, &encoding_cbor };

    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        if (content_is(content, encoding_content_type(encodings[i])))
            return encodings[i];
    }
    return NULL;
}

/* Parameters behind the ';' do not count. */
static bool content_is(struct slice content, const char *type)
{
    const unsigned char *end =
        content.len == 0 ? NULL : memchr(content.data, ';', content.len);
    size_t len = end == NULL ? content.len : (size_t)(end - content.data);

    while (len > 0 && (content.data[len - 1] == ' ' || content.data[len - 1] == '\t'))
        len--;
    return len > 0 && len == strlen(type) &&
           strncasecmp((const char *)content.data, type, len) == 0;
}

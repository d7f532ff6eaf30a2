#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/dispatch.h"

#define JSON "application/x-amz-json-1.1"
#define CBOR "application/x-amz-cbor-1.1"
#define PUT "Kinesis_20131202.PutRecord"

/* A fake api that knows one operation. */
static const struct operation put_record = { .name = "PutRecord" };

const struct operation *operation_find(struct slice name)
{
    return slice_equal(name, slice_text("PutRecord")) ? &put_record : NULL;
}

const struct http_header *http_request_header(const struct http_request *request, const char *name)
{
    for (uint32_t i = 0; i < request->header_count; i++)
        if (slice_equal(request->headers[i].name, slice_text(name)))
            return &request->headers[i];
    return NULL;
}

struct row {
    const char *what;
    enum http_verb verb;
    const char *origin, *target, *content, *body;
    enum dispatch_kind kind;
    bool known;
    bool cbor; /* the answer, unless it is XML */
};

static const struct row rows[] = {
    { "a put", HTTP_VERB_POST, NULL, PUT, JSON, "{}", DISPATCH_OPERATION, true },
    { "from a browser", HTTP_VERB_POST, "http://x", PUT, JSON, "{}", DISPATCH_OPERATION, true },
    { "a preflight", HTTP_VERB_OPTIONS, "http://x", NULL, NULL, "", DISPATCH_PREFLIGHT, false },
    { "options without origin", HTTP_VERB_OPTIONS, NULL, PUT, JSON, "{}", DISPATCH_DENIED, true },
    { "a get", HTTP_VERB_GET, NULL, NULL, NULL, "", DISPATCH_DENIED, false },
    { "a get with a target", HTTP_VERB_GET, NULL, PUT, JSON, "{}", DISPATCH_DENIED, true },
    { "a delete", HTTP_VERB_DELETE, "http://x", PUT, JSON, "{}", DISPATCH_DENIED, true },
    { "no body", HTTP_VERB_POST, NULL, PUT, JSON, "", DISPATCH_NO_BODY, true },
    { "no body, no content", HTTP_VERB_POST, NULL, NULL, NULL, "", DISPATCH_NO_BODY, false,
      true },
    { "no content type", HTTP_VERB_POST, NULL, PUT, NULL, "{}", DISPATCH_UNKNOWN_CONTENT, true },
    { "no content, no target", HTTP_VERB_POST, NULL, NULL, NULL, "{}", DISPATCH_DENIED, false },
    { "no body, old json", HTTP_VERB_POST, NULL, PUT, "application/json", "", DISPATCH_NO_BODY,
      true, true },
    { "no body, a form", HTTP_VERB_POST, NULL, PUT, "text/html", "", DISPATCH_NO_BODY, true, true },
    { "no body in cbor", HTTP_VERB_POST, NULL, PUT, CBOR, "", DISPATCH_NO_BODY, true, true },
    { "cbor", HTTP_VERB_POST, NULL, PUT, CBOR, "{}", DISPATCH_OPERATION, true, true },
    { "cbor in capitals", HTTP_VERB_POST, NULL, PUT, "Application/X-AMZ-CBOR-1.1;v=1", "{}",
      DISPATCH_OPERATION, true, true },
    { "another cbor", HTTP_VERB_POST, NULL, PUT, "application/cbor", "{}", DISPATCH_UNKNOWN_CONTENT,
      true },
    { "unknown in cbor", HTTP_VERB_POST, NULL, "Kinesis_20131202.Fly", CBOR, "{}",
      DISPATCH_UNKNOWN_OPERATION, false, true },
    { "a form", HTTP_VERB_POST, NULL, NULL, "application/x-www-form-urlencoded", "a=b",
      DISPATCH_DENIED, false },
    { "almost json", HTTP_VERB_POST, NULL, PUT, JSON "1", "{}", DISPATCH_UNKNOWN_CONTENT, true },
    { "parameters", HTTP_VERB_POST, NULL, PUT, JSON " ; charset=utf-8", "{}", DISPATCH_OPERATION,
      true },
    { "old json", HTTP_VERB_POST, NULL, PUT, "application/json", "{}", DISPATCH_OLD_JSON, true },
    { "no target", HTTP_VERB_POST, NULL, NULL, JSON, "{}", DISPATCH_UNKNOWN_OPERATION, false },
    { "unknown", HTTP_VERB_POST, NULL, "Kinesis_20131202.Fly", JSON, "{}",
      DISPATCH_UNKNOWN_OPERATION, false },
    { "another service", HTTP_VERB_POST, NULL, "DynamoDB_20120810.PutRecord", JSON, "{}",
      DISPATCH_UNKNOWN_OPERATION, false },
    { "only the prefix", HTTP_VERB_POST, NULL, "Kinesis_20131202.", JSON, "{}",
      DISPATCH_UNKNOWN_OPERATION, false },
};

static void add(struct http_header *headers, uint32_t *count, const char *name, const char *value)
{
    if (value != NULL)
        headers[(*count)++] =
            (struct http_header){ .name = slice_text(name), .value = slice_text(value) };
}

static void the_first_thing_that_is_wrong_decides(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct http_header headers[3];
        struct http_request request = { .verb = row->verb,
                                        .headers = headers,
                                        .body = slice_text(row->body) };
        struct dispatch dispatch;

        add(headers, &request.header_count, "origin", row->origin);
        add(headers, &request.header_count, "x-amz-target", row->target);
        add(headers, &request.header_count, "content-type", row->content);
        dispatch = dispatch_request(&request);
        if (dispatch.kind != row->kind || (dispatch.operation != NULL) != row->known)
            fail_msg("%s: kind %d", row->what, (int)dispatch.kind);
        bool xml = row->kind == DISPATCH_PREFLIGHT || row->kind == DISPATCH_DENIED ||
                   row->kind == DISPATCH_UNKNOWN_CONTENT;
        if (!xml && dispatch.encoding != (row->cbor ? &encoding_cbor : &encoding_json))
            fail_msg("%s: answered in %s", row->what, encoding_content_type(dispatch.encoding));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_thing_that_is_wrong_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

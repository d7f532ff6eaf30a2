/* The door between a fake server and a fake api: what goes in at one side comes out at the other,
 * once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/bounds.h"
#include "base/limits.h"
#include "http/door.h"
#include "http/reply.h"
#include "wire/encoding.h"
#include "wire/shapes.h"

#define PADDING HTTP_BODY_PADDING

/* ---- the fake world ---- */

static struct {
    int replies;
    int status;
    char body[4096];
    char headers[4096];
    int workers; /* jobs that a worker did */
    size_t encoded_bytes; /* what a reply is said to weigh */
    size_t reserved;
    bool no_room; /* for another reply of this kind */
    enum error_type error;
    request_cb done;
    struct request *waiting;
    bool is_proved;    /* of a signature that is asked for */
    int begun, ended;  /* checks of it */
} world;

uint64_t clock_mono_ns(struct clock *clock)
{
    return 1000000;
}

void work_start(struct work_pool *pool, struct work *work, work_fn run, work_cb done)
{
    world.workers++;
    run(work);
    done(work);
}

static const struct operation operations[OPERATION_COUNT] = {
    [OPERATION_delete_stream] = { .name = "DeleteStream",
                                  .in = &shape_delete_stream_in,
                                  .out = &shape_nothing },
    [OPERATION_list_streams] = { .name = "ListStreams",
                                 .in = &shape_list_streams_in,
                                 .out = &shape_list_streams_out },
};

const struct operation *operation_at(uint32_t number)
{
    return &operations[number];
}

const struct operation *operation_find(struct slice name)
{
    for (uint32_t i = 0; i < OPERATION_COUNT; i++)
        if (operations[i].name != NULL && slice_equal(name, slice_text(operations[i].name)))
            return &operations[i];
    return NULL;
}

void auth_begin(struct auth *auth, const struct http_request *request, struct auth_check *check)
{
    world.begun++;
}

bool auth_verify(struct auth_check *check, const struct http_request *request,
                 struct digest *digest)
{
    assert_non_null(digest);
    check->proved = world.is_proved;
    if (!check->proved)
        check->refusal = (struct refusal){ .reason = REFUSAL_UNKNOWN_KEY,
                                           .error = { .type = ERROR_UNRECOGNIZED_CLIENT,
                                                      .message = slice_text("Who?") } };
    return check->proved;
}

void auth_end(struct auth *auth, struct auth_check *check, const struct http_request *request)
{
    world.ended++;
}

bool bounds_widest(const struct operation *operation, struct validate_most *ret)
{
    return false;
}

bool bounds_narrow(struct request *request, bool invalid, struct validate_most *ret)
{
    return false;
}

void request_prepare(struct request *request, struct digest *digest)
{
    assert_non_null(digest);
}

void request_compose(struct request *request)
{
}

void request_fini(struct request *request)
{
}

static void answer(struct request *request)
{
    struct list_streams_out *out = arena_take(request->arena, sizeof(*out));

    wire_set(out, has_more_streams, false);
    request->out = out;
    request->reply_bytes = world.encoded_bytes;
    if (request->error.type == ERROR_TYPE_NONE)
        request->error.type = world.error;
    world.done(request);
}

void request_start(struct request *request, request_cb done)
{
    world.done = done;
    world.waiting = request;
}

const struct http_header *http_request_header(const struct http_request *request, const char *name)
{
    for (uint32_t i = 0; i < request->header_count; i++)
        if (slice_equal(request->headers[i].name, slice_text(name)))
            return &request->headers[i];
    return NULL;
}

bool http_exchange_reserve(struct http_exchange *exchange, size_t bytes)
{
    world.reserved = bytes;
    return !world.no_room;
}

void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    size_t at = 0;

    world.replies++;
    world.status = reply->status;
    world.body[0] = world.headers[0] = 0;
    for (uint32_t i = 0; i < reply->body_count; i++)
        (void)snprintf(world.body, sizeof(world.body), "%.*s", (int)reply->body[i]->len,
                       (const char *)reply->body[i]->data);
    for (uint32_t i = 0; i < reply->header_count; i++)
        at += (size_t)snprintf(world.headers + at, sizeof(world.headers) - at, "%.*s: %.*s\n",
                               (int)reply->headers[i].name.len,
                               (const char *)reply->headers[i].name.data,
                               (int)reply->headers[i].value.len,
                               (const char *)reply->headers[i].value.data);
}

/* ---- one exchange ---- */

struct fixture {
    struct door *door;
    struct metrics *metrics;
    struct random random;
    struct arena arena;
    struct http_exchange exchange;
    struct http_header headers[8];
    char *body;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct door_world door_world = { .random = &fixture->random };

    memset(&world, 0, sizeof(world));
    random_init(&fixture->random, 7);
    fixture->metrics = metrics_new();
    door_world.metrics = fixture->metrics;
    arena_init(&fixture->arena, 1 << 20);
    assert_int_equal(door_open(&fixture->door, &door_world), ERR_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    door_close(fixture->door);
    metrics_free(fixture->metrics);
    arena_fini(&fixture->arena);
    free(fixture->body);
    free(fixture);
    return 0;
}

static void header(struct fixture *fixture, const char *name, const char *value)
{
    struct http_request *request = &fixture->exchange.request;

    fixture->headers[request->header_count++] =
        (struct http_header){ .name = slice_text(name), .value = slice_text(value) };
}

static void visit_in(struct fixture *fixture, const char *content_type, enum http_verb verb,
                     const char *target, const char *body)
{
    struct http_request *request = &fixture->exchange.request;
    size_t len = strlen(body);

    fixture->body = calloc(1, len + PADDING);
    memcpy(fixture->body, body, len);
    request->verb = verb;
    request->arena = &fixture->arena;
    request->headers = fixture->headers;
    request->body = slice_of(fixture->body, len);
    if (target != NULL) {
        header(fixture, "x-amz-target", target);
        header(fixture, "content-type", content_type);
    }
    door_on_request(fixture->door, &fixture->exchange);
}

static void visit(struct fixture *fixture, enum http_verb verb, const char *target,
                  const char *body)
{
    visit_in(fixture, encoding_content_type(&encoding_json), verb, target, body);
}

static void visit_cbor(struct fixture *fixture, const char *target, const char *body)
{
    visit_in(fixture, encoding_content_type(&encoding_cbor), HTTP_VERB_POST, target, body);
}

/* ---- the tests ---- */

static void an_operation_is_run_and_its_answer_sent(void **state)
{
    struct fixture *fixture = *state;

    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "{\"Limit\":3}");
    assert_int_equal(world.replies, 0);
    assert_int_equal(((struct list_streams_in *)world.waiting->in)->limit, 3);
    answer(world.waiting);
    assert_int_equal(world.replies, 1);
    assert_int_equal(world.status, 200);
    assert_string_equal(world.body, "{\"HasMoreStreams\":false}");
    assert_non_null(strstr(world.headers, "Content-Type: application/x-amz-json-1.1\n"));
    assert_non_null(strstr(world.headers, "x-amzn-RequestId: "));
    assert_non_null(strstr(world.headers, "x-amz-id-2: "));
    assert_null(strstr(world.headers, "Access-Control"));
    assert_int_equal(world.workers, 0);
}

static void an_operation_without_output_has_an_empty_body(void **state)
{
    struct fixture *fixture = *state;

    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.DeleteStream", "{\"StreamName\":\"s\"}");
    answer(world.waiting);
    assert_int_equal(world.status, 200);
    assert_string_equal(world.body, "");
}

static void an_error_has_its_types_status(void **state)
{
    struct fixture *fixture = *state;

    world.error = ERROR_RESOURCE_NOT_FOUND;
    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "{}");
    answer(world.waiting);
    assert_int_equal(world.status, 400);
    assert_string_equal(world.body, "{\"__type\":\"ResourceNotFoundException\"}");
}

static void what_cannot_be_decoded_reaches_no_handler(void **state)
{
    struct fixture *fixture = *state;

    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "{\"Limit\":\"many\"}");
    assert_int_equal(world.waiting->error.type, ERROR_SERIALIZATION);
    answer(world.waiting);
    assert_int_equal(world.status, 400);
    assert_non_null(strstr(world.body, "\"SerializationException\""));
    assert_int_equal(world.replies, 1);
}

static void what_breaks_the_model_reaches_no_handler(void **state)
{
    struct fixture *fixture = *state;

    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "{\"Limit\":0}");
    assert_int_equal(world.waiting->error.type, ERROR_VALIDATION);
}

static void a_large_body_is_parsed_by_a_worker(void **state)
{
    struct fixture *fixture = *state;
    char *body = malloc(API_LOOP_BYTES_MAX + 100);

    memset(body, ' ', API_LOOP_BYTES_MAX + 99);
    body[API_LOOP_BYTES_MAX + 99] = 0;
    body[0] = '{';
    body[API_LOOP_BYTES_MAX + 98] = '}';
    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", body);
    free(body);
    assert_int_equal(world.workers, 1);
    answer(world.waiting);
    assert_int_equal(world.status, 200);
    assert_int_equal(world.workers, 1);
}

static void a_large_reply_is_encoded_by_a_worker(void **state)
{
    struct fixture *fixture = *state;

    world.encoded_bytes = API_LOOP_BYTES_MAX + 1;
    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "{}");
    answer(world.waiting);
    assert_int_equal(world.workers, 1);
    assert_int_equal(world.reserved, API_LOOP_BYTES_MAX + 1);
    assert_string_equal(world.body, "{\"HasMoreStreams\":false}");
}

static void a_large_cbor_body_and_reply_are_a_workers_too(void **state)
{
    struct fixture *fixture = *state;
    static char body[API_LOOP_BYTES_MAX + 64];
    char *at = stpcpy(body, "\xa1\x69NextToken\x7a\x01\x01\x01\x01"); /* a claim: too long */

    memset(at, 'x', API_LOOP_BYTES_MAX);
    visit_cbor(fixture, "Kinesis_20131202.ListStreams", body);
    assert_int_equal(world.workers, 1);
    assert_int_equal(world.waiting->error.type, ERROR_SERIALIZATION);

    world.encoded_bytes = API_LOOP_BYTES_MAX + 1;
    world.waiting->error.type = ERROR_TYPE_NONE;
    answer(world.waiting);
    assert_int_equal(world.workers, 2);
    assert_string_equal(world.body, "\xbf\x6eHasMoreStreams\xf4\xff");
}

static void a_large_reply_that_finds_no_room_is_refused(void **state)
{
    struct fixture *fixture = *state;

    world.encoded_bytes = API_LOOP_BYTES_MAX + 1;
    world.no_room = true;
    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "{}");
    answer(world.waiting);
    assert_int_equal(world.workers, 0);
    assert_int_equal(world.replies, 1);
    assert_int_equal(world.status, 503);
    assert_non_null(strstr(world.body, "{\"__type\":\"ServiceUnavailable\",\"message\":"));
}

static void what_comes_in_cbor_is_answered_in_cbor(void **state)
{
    struct fixture *fixture = *state;

    visit_cbor(fixture, "Kinesis_20131202.ListStreams", "\xa1\x65Limit\x03");
    assert_int_equal(((struct list_streams_in *)world.waiting->in)->limit, 3);
    answer(world.waiting);
    assert_int_equal(world.status, 200);
    assert_string_equal(world.body, "\xbf\x6eHasMoreStreams\xf4\xff");
    assert_non_null(strstr(world.headers, "Content-Type: application/x-amz-cbor-1.1\n"));
}

static void and_so_are_errors(void **state)
{
    struct fixture *fixture = *state;

    world.error = ERROR_RESOURCE_IN_USE;
    visit_cbor(fixture, "Kinesis_20131202.ListStreams", "\xa1\x65Limit\x03");
    answer(world.waiting);
    assert_int_equal(world.status, 400);
    assert_string_equal(world.body, "\xbf\x66__type\x76ResourceInUseException\xff");
    assert_non_null(strstr(world.headers, "Content-Type: application/x-amz-cbor-1.1\n"));
}

static void and_what_is_no_operation(void **state)
{
    struct fixture *fixture = *state;

    visit_cbor(fixture, "Kinesis_20131202.Fly", "{}");
    assert_int_equal(world.status, 400);
    assert_string_equal(world.body, "\xbf\x66__type\x76SerializationException\xff");
    assert_non_null(strstr(world.headers, "Content-Type: application/x-amz-cbor-1.1\n"));
}

static void without_a_body_and_a_word_of_json_the_answer_is_cbor(void **state)
{
    struct fixture *fixture = *state;

    visit(fixture, HTTP_VERB_POST, NULL, "");
    assert_int_equal(world.status, 400);
    assert_string_equal(world.body, "\xbf\x66__type\x78\x19UnknownOperationException\xff");
    assert_non_null(strstr(world.headers, "Content-Type: application/x-amz-cbor-1.1\n"));
}

static void without_a_body_but_with_json_it_is_json(void **state)
{
    struct fixture *fixture = *state;

    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "");
    assert_int_equal(world.status, 400);
    assert_string_equal(world.body, "{\"__type\":\"SerializationException\"}");
}

static void an_unknown_operation_is_said_to_be_one(void **state)
{
    struct fixture *fixture = *state;

    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.Fly", "{}");
    assert_int_equal(world.status, 400);
    assert_string_equal(world.body, "{\"__type\":\"UnknownOperationException\"}");
}

static void but_a_body_that_is_no_object_comes_first(void **state)
{
    struct fixture *fixture = *state;

    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.Fly", "[1,2");
    assert_int_equal(world.status, 400);
    assert_string_equal(world.body, "{\"__type\":\"SerializationException\"}");
}

static void a_get_is_denied_in_xml(void **state)
{
    struct fixture *fixture = *state;

    visit(fixture, HTTP_VERB_GET, NULL, "");
    assert_int_equal(world.status, 403);
    assert_string_equal(world.body,
                        "<AccessDeniedException>\n  <Message>Unable to determine service/operation "
                        "name to be authorized</Message>\n</AccessDeniedException>\n");
    assert_null(strstr(world.headers, "Content-Type"));
}

static void a_preflight_echoes_what_the_browser_asks_for(void **state)
{
    struct fixture *fixture = *state;

    header(fixture, "origin", "http://example.org");
    header(fixture, "access-control-request-headers", "x-amz-target");
    header(fixture, "access-control-request-method", "POST");
    visit(fixture, HTTP_VERB_OPTIONS, NULL, "");
    assert_int_equal(world.status, 200);
    assert_string_equal(world.body, "");
    assert_non_null(strstr(world.headers, "Access-Control-Allow-Origin: *\n"));
    assert_non_null(strstr(world.headers, "Access-Control-Allow-Headers: x-amz-target\n"));
    assert_non_null(strstr(world.headers, "Access-Control-Allow-Methods: POST\n"));
    assert_non_null(strstr(world.headers, "Access-Control-Max-Age: 172800\n"));
    assert_null(strstr(world.headers, "x-amz-id-2"));
    assert_null(strstr(world.headers, "Content-Type"));
}

static void a_browser_may_see_the_ids_of_any_answer(void **state)
{
    struct fixture *fixture = *state;

    header(fixture, "origin", "http://example.org");
    visit(fixture, HTTP_VERB_GET, NULL, "");
    assert_non_null(strstr(world.headers, "Access-Control-Expose-Headers: x-amzn-RequestId,"));
}

static void without_memory_the_client_is_told_to_come_back(void **state)
{
    struct fixture *fixture = *state;

    fixture->arena.bytes_max = 16;
    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "{}");
    assert_int_equal(world.replies, 1);
    assert_int_equal(world.status, 503);
}

/* ---- who asks ---- */

/* The fakes look at none of its parts. */
static void guard(struct fixture *fixture)
{
    static char guard[1];
    struct door_world door_world = { .random = &fixture->random,
                                     .auth = (struct auth *)guard,
                                     .metrics = fixture->metrics };

    door_close(fixture->door);
    assert_int_equal(door_open(&fixture->door, &door_world), ERR_OK);
}

static void a_request_that_is_proved_is_run(void **state)
{
    struct fixture *fixture = *state;

    guard(fixture);
    world.is_proved = true;
    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "{\"Limit\":3}");
    assert_int_equal(world.waiting->error.type, ERROR_TYPE_NONE);
    assert_int_equal(((struct list_streams_in *)world.waiting->in)->limit, 3);
    answer(world.waiting);
    assert_int_equal(world.status, 200);
    assert_int_equal(world.begun, 1);
    assert_int_equal(world.ended, 1);
}

static void one_that_is_not_reaches_no_handler(void **state)
{
    struct fixture *fixture = *state;

    guard(fixture);
    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "{\"Limit\":\"many\"}");
    assert_int_equal(world.waiting->error.type, ERROR_UNRECOGNIZED_CLIENT);
    answer(world.waiting);
    assert_int_equal(world.status, 400);
    assert_string_equal(world.body,
                        "{\"__type\":\"UnrecognizedClientException\",\"message\":\"Who?\"}");
    assert_int_equal(world.ended, 1);
}

static void but_its_body_must_be_an_object_first(void **state)
{
    struct fixture *fixture = *state;

    guard(fixture);
    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.ListStreams", "[");
    assert_int_equal(world.waiting->error.type, ERROR_SERIALIZATION);
    answer(world.waiting);
    assert_string_equal(world.body, "{\"__type\":\"SerializationException\"}");
    assert_int_equal(world.ended, 1);
}

static void what_is_no_operation_is_said_to_everybody(void **state)
{
    struct fixture *fixture = *state;

    guard(fixture);
    visit(fixture, HTTP_VERB_POST, "Kinesis_20131202.Fly", "{}");
    assert_string_equal(world.body, "{\"__type\":\"UnknownOperationException\"}");
    assert_int_equal(world.begun, 0);
}

#define WITH_DOOR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DOOR(an_operation_is_run_and_its_answer_sent),
        WITH_DOOR(an_operation_without_output_has_an_empty_body),
        WITH_DOOR(an_error_has_its_types_status),
        WITH_DOOR(what_cannot_be_decoded_reaches_no_handler),
        WITH_DOOR(what_breaks_the_model_reaches_no_handler),
        WITH_DOOR(a_large_body_is_parsed_by_a_worker),
        WITH_DOOR(a_large_reply_is_encoded_by_a_worker),
        WITH_DOOR(a_large_cbor_body_and_reply_are_a_workers_too),
        WITH_DOOR(a_large_reply_that_finds_no_room_is_refused),
        WITH_DOOR(what_comes_in_cbor_is_answered_in_cbor),
        WITH_DOOR(and_so_are_errors),
        WITH_DOOR(and_what_is_no_operation),
        WITH_DOOR(without_a_body_and_a_word_of_json_the_answer_is_cbor),
        WITH_DOOR(without_a_body_but_with_json_it_is_json),
        WITH_DOOR(an_unknown_operation_is_said_to_be_one),
        WITH_DOOR(but_a_body_that_is_no_object_comes_first),
        WITH_DOOR(a_get_is_denied_in_xml),
        WITH_DOOR(a_preflight_echoes_what_the_browser_asks_for),
        WITH_DOOR(a_browser_may_see_the_ids_of_any_answer),
        WITH_DOOR(without_memory_the_client_is_told_to_come_back),
        WITH_DOOR(a_request_that_is_proved_is_run),
        WITH_DOOR(one_that_is_not_reaches_no_handler),
        WITH_DOOR(but_its_body_must_be_an_object_first),
        WITH_DOOR(what_is_no_operation_is_said_to_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

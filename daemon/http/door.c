#include "http/door.h"

#include <stdlib.h>

#include "api/bounds.h"
#include "base/bytes.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "http/dispatch.h"
#include "http/event_feed.h"
#include "http/reply.h"
#include "wire/encoding.h"
#include "wire/shapes.h"
#include "wire/validate.h"

/* What is counted of each operation. */
struct tally {
    struct counter *done, *refused, *failed; /* 2xx, 4xx, 5xx */
    struct histogram *seconds;
};

struct door {
    struct door_world world;
    struct digest *digest; /* the loop's own */
    struct tally tallies[OPERATION_COUNT];
    struct tally others; /* what is no operation */
};

/* One exchange on its way; lies in its arena. */
struct visit {
    struct door *door;
    struct http_exchange *exchange;
    struct dispatch dispatch;
    struct auth_check check; /* when the door has an auth, and it is an operation */
    struct request request;
    bool checked, invalid;     /* by the walk over the model's constraints; and found so */
    struct validate_most most; /* that it was checked with, when its operation has one */
    struct buf *body;          /* of the reply */
    uint64_t started_ns;
    struct work work;
};

static void tallies_register(struct door *door);
static void parse_run(struct work *work);
static void parse(struct visit *visit, struct digest *digest);
static void check(struct visit *visit, const struct validate_most *most);
static bool is_asked_who(const struct visit *visit);
static void parse_on_done(struct work *work);
static void recheck_run(struct work *work);
static void recheck_on_done(struct work *work);
static void start(struct visit *visit);
static void run(struct visit *visit);
static void run_on_done(struct request *request);
static void reply_otherwise(struct visit *visit);
static void refuse(struct visit *visit);
static void encode_run(struct work *work);
static void encode_on_done(struct work *work);
static void encode_error(struct visit *visit, const struct wire_error *error);
static void finish_encoded(struct visit *visit, enum error_type error);
static void finish(struct visit *visit, const struct reply *reply);
static void count(const struct visit *visit, int status);

enum err door_open(struct door **ret, const struct door_world *world)
{
    struct door *door = calloc(1, sizeof(*door));

    if (door == NULL)
        return ERR_NO_MEMORY;
    door->world = *world;
    door->digest = digest_new();
    if (door->digest == NULL) {
        free(door);
        return ERR_NO_MEMORY;
    }
    tallies_register(door);
    *ret = door;
    return ERR_OK;
}

void door_close(struct door *door)
{
    digest_free(door->digest);
    free(door);
}

void door_on_request(void *ctx, struct http_exchange *exchange)
{
    struct door *door = ctx;
    struct visit *visit = arena_take(exchange->request.arena, sizeof(*visit));

    if (visit == NULL) {
        http_exchange_reply(exchange, &(struct http_reply){ .status = 503 });
        return;
    }
    visit->door = door;
    visit->exchange = exchange;
    visit->started_ns = clock_mono_ns(door->world.clock);
    visit->dispatch = dispatch_request(&exchange->request);
    visit->request.api = door->world.api;
    visit->request.operation = visit->dispatch.operation;
    visit->request.arena = exchange->request.arena;
    visit->request.speaks_ms = visit->dispatch.encoding == &encoding_cbor;
    switch (visit->dispatch.kind) {
    case DISPATCH_OPERATION:
    case DISPATCH_OLD_JSON:
    case DISPATCH_UNKNOWN_OPERATION:
        break;
    case DISPATCH_PREFLIGHT:
    case DISPATCH_DENIED:
    case DISPATCH_NO_BODY:
    case DISPATCH_UNKNOWN_CONTENT:
        reply_otherwise(visit);
        return;
    }
    if (is_asked_who(visit))
        auth_begin(door->world.auth, &exchange->request, &visit->check);
    if (exchange->request.body.len > API_LOOP_BYTES_MAX) {
        work_start(door->world.work, &visit->work, parse_run, parse_on_done);
        return;
    }
    parse(visit, door->digest);
    run(visit);
}

/* ---- in ---- */

static void parse_run(struct work *work)
{
    struct visit *visit = container_of(work, struct visit, work);
    struct digest *digest = digest_new();

    if (digest == NULL) {
        visit->request.error.type = ERROR_SERVICE_UNAVAILABLE;
        return;
    }
    parse(visit, digest);
    digest_free(digest);
}

/* What is no operation is answered to everybody, as AWS does it. */
static bool is_asked_who(const struct visit *visit)
{
    return visit->door->world.auth != NULL && visit->dispatch.kind == DISPATCH_OPERATION;
}

/* The body of a request that is refused is looked at only for being an object: AWS says that first.
 */
static void parse(struct visit *visit, struct digest *digest)
{
    const struct operation *operation = visit->dispatch.operation;
    bool refused = is_asked_who(visit) &&
                   !auth_verify(&visit->check, &visit->exchange->request, digest);
    bool known = visit->dispatch.kind == DISPATCH_OPERATION && !refused;
    const struct shape *shape = known ? operation->in : &shape_nothing;
    struct request *request = &visit->request;
    struct arena *arena = visit->exchange->request.arena;
    void *in = arena_take(arena, shape->bytes);

    request->in = in;
    if (in == NULL) {
        request->error.type = ERROR_SERVICE_UNAVAILABLE;
        return;
    }
    if (wire_decode(visit->dispatch.encoding, shape, visit->exchange->request.body, arena, in,
                    &request->error) != ERR_OK)
        return;
    if (refused)
        request->error = visit->check.refusal.error;
    if (!known)
        return;
    check(visit, bounds_widest(operation, &visit->most) ? &visit->most : NULL);
    if (!visit->invalid)
        request_prepare(request, digest);
}

static void check(struct visit *visit, const struct validate_most *most)
{
    struct request *request = &visit->request;

    request->error = (struct wire_error){ .type = ERROR_TYPE_NONE };
    visit->checked = true;
    visit->invalid = validate_up_to(request->operation->in, request->in, most, request->arena,
                                    &request->error) != ERR_OK;
}

static void parse_on_done(struct work *work)
{
    run(container_of(work, struct visit, work));
}

static void run(struct visit *visit)
{
    if (is_asked_who(visit)) {
        auth_end(visit->door->world.auth, &visit->check, &visit->exchange->request);
        ensure(visit->check.proved || visit->request.error.type != ERROR_TYPE_NONE);
    }
    if (!visit->checked || !bounds_narrow(&visit->request, visit->invalid, &visit->most)) {
        start(visit);
    } else if (visit->exchange->request.body.len > API_LOOP_BYTES_MAX) {
        work_start(visit->door->world.work, &visit->work, recheck_run, recheck_on_done);
    } else {
        recheck_run(&visit->work);
        start(visit);
    }
}

/* With the maximum of the request's stream. */
static void recheck_run(struct work *work)
{
    struct visit *visit = container_of(work, struct visit, work);

    check(visit, &visit->most);
}

static void recheck_on_done(struct work *work)
{
    start(container_of(work, struct visit, work));
}

static void start(struct visit *visit)
{
    if (visit->dispatch.kind == DISPATCH_OPERATION)
        request_start(&visit->request, run_on_done);
    else
        reply_otherwise(visit);
}

/* ---- out ---- */

static void run_on_done(struct request *request)
{
    struct visit *visit = container_of(request, struct visit, request);

    if (request->subscription != NULL) {
        request_fini(request);
        count(visit, 200);
        event_feed_begin(visit->exchange, visit->door->world.random, request->subscription);
        return;
    }
    if (request->error.type == ERROR_TYPE_NONE && request->reply_bytes > API_LOOP_BYTES_MAX) {
        if (!http_exchange_reserve(visit->exchange, request->reply_bytes)) {
            refuse(visit);
            return;
        }
        work_start(visit->door->world.work, &visit->work, encode_run, encode_on_done);
        return;
    }
    encode_run(&visit->work);
    encode_on_done(&visit->work);
}

/* To what is no operation. */
static void reply_otherwise(struct visit *visit)
{
    struct wire_error error = { .type = ERROR_TYPE_NONE };
    const struct reply *reply =
        reply_of_dispatch(&visit->dispatch, visit->request.error.type, &error.type);

    if (reply != NULL) {
        finish(visit, reply);
        return;
    }
    encode_error(visit, &error);
    finish_encoded(visit, error.type);
}

/* All large replies that are being made have a maximum together. */
static void refuse(struct visit *visit)
{
    struct wire_error too_much = {
        .type = ERROR_SERVICE_UNAVAILABLE,
        .message = slice_text("Too many large replies are being made at once "
                              "(replies-bytes-max). Try again later.")
    };

    request_fini(&visit->request);
    encode_error(visit, &too_much);
    finish_encoded(visit, too_much.type);
}

static void encode_run(struct work *work)
{
    struct visit *visit = container_of(work, struct visit, work);
    struct request *request = &visit->request;
    const struct shape *out = request->operation->out;
    struct writer writer;

    request_compose(request);
    if (request->error.type == ERROR_TYPE_NONE && out != &shape_nothing) {
        writer_init(&writer, REPLY_BYTES_MAX);
        if (wire_encode(visit->dispatch.encoding, out, request->out, &writer) == ERR_OK)
            visit->body = writer_take(&writer);
        if (visit->body == NULL)
            request->error = (struct wire_error){ .type = ERROR_INTERNAL_FAILURE };
        writer_fini(&writer);
    }
    if (request->error.type != ERROR_TYPE_NONE)
        encode_error(visit, &request->error);
}

/* Without memory for it the status says enough. */
static void encode_error(struct visit *visit, const struct wire_error *error)
{
    struct writer writer;

    writer_init(&writer, REPLY_BYTES_MAX);
    if (wire_encode_error(visit->dispatch.encoding, error, &writer) == ERR_OK)
        visit->body = writer_take(&writer);
    writer_fini(&writer);
}

static void encode_on_done(struct work *work)
{
    struct visit *visit = container_of(work, struct visit, work);
    enum error_type error = visit->request.error.type;

    request_fini(&visit->request);
    finish_encoded(visit, error);
}

static void finish_encoded(struct visit *visit, enum error_type error)
{
    struct reply reply = { .status = error == ERROR_TYPE_NONE ? 200 : error_type_status(error),
                           .content_type = encoding_content_type(visit->dispatch.encoding),
                           .body = visit->body };

    finish(visit, &reply);
}

static void finish(struct visit *visit, const struct reply *reply)
{
    struct buf *body = visit->body;

    count(visit, reply->status);
    reply_send(visit->exchange, visit->door->world.random, reply); /* the visit is gone */
    buf_unref(body);
}

/* ---- counting ---- */

#define REQUESTS_NAME "braid_http_requests_total"
#define REQUESTS_HELP "Requests of clients, by operation and outcome."
#define SECONDS_NAME "braid_http_request_seconds"
#define SECONDS_HELP "From a whole request to its reply, by operation."

static void tally_register(struct tally *tally, struct metrics *metrics,
                           const char *const labels[4])
{
    tally->done = metrics_counter(metrics, REQUESTS_NAME, REQUESTS_HELP, labels[0]);
    tally->refused = metrics_counter(metrics, REQUESTS_NAME, REQUESTS_HELP, labels[1]);
    tally->failed = metrics_counter(metrics, REQUESTS_NAME, REQUESTS_HELP, labels[2]);
    tally->seconds = metrics_seconds(metrics, SECONDS_NAME, SECONDS_HELP, labels[3]);
}

#define LABELS(wire_name)                                                                          \
    {                                                                                              \
        "operation=\"" wire_name "\",outcome=\"ok\"",                                              \
            "operation=\"" wire_name "\",outcome=\"client_error\"",                                \
            "operation=\"" wire_name "\",outcome=\"server_error\"",                                \
            "operation=\"" wire_name "\""                                                          \
    }

static void tallies_register(struct door *door)
{
    static const char *const labels[OPERATION_COUNT][4] = {
#define OPERATION(name, wire_name, in, out, class) LABELS(wire_name),
#include "wire/operations.def"
    };
    static const char *const others[4] = LABELS("none");

    for (uint32_t i = 0; i < OPERATION_COUNT; i++)
        tally_register(&door->tallies[i], door->world.metrics, labels[i]);
    tally_register(&door->others, door->world.metrics, others);
}

static void count(const struct visit *visit, int status)
{
    struct door *door = visit->door;
    const struct tally *tally = &door->others;
    uint64_t ns = clock_mono_ns(door->world.clock) - visit->started_ns;

    if (visit->dispatch.kind == DISPATCH_OPERATION)
        tally = &door->tallies[visit->dispatch.operation - operation_at(0)];
    counter_add(status < 400 ? tally->done : status < 500 ? tally->refused : tally->failed, 1);
    histogram_record(tally->seconds, ns / 1000);
}

#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/calls.h"
#include "api/fault.h"
#include "api/handler.h"
#include "api/name.h"
#include "api/sentence.h"
#include "base/ensure.h"

/* What an operation does besides handling: prepare, compose. */
#define STEPS_create_stream NULL, NULL
#define STEPS_delete_stream NULL, NULL
#define STEPS_list_streams NULL, NULL
#define STEPS_describe_stream NULL, NULL
#define STEPS_describe_stream_summary NULL, NULL
#define STEPS_list_shards NULL, NULL
#define STEPS_split_shard NULL, NULL
#define STEPS_merge_shards NULL, NULL
#define STEPS_update_shard_count NULL, NULL
#define STEPS_put_record put_record_prepare, NULL
#define STEPS_put_records put_records_prepare, NULL
#define STEPS_get_shard_iterator NULL, NULL
#define STEPS_get_records NULL, get_records_compose
#define STEPS_increase_stream_retention_period NULL, NULL
#define STEPS_decrease_stream_retention_period NULL, NULL
#define STEPS_register_stream_consumer NULL, NULL
#define STEPS_deregister_stream_consumer NULL, NULL
#define STEPS_describe_stream_consumer NULL, NULL
#define STEPS_list_stream_consumers NULL, NULL
#define STEPS_add_tags_to_stream NULL, NULL
#define STEPS_remove_tags_from_stream NULL, NULL
#define STEPS_list_tags_for_stream NULL, NULL
#define STEPS_tag_resource NULL, NULL
#define STEPS_untag_resource NULL, NULL
#define STEPS_list_tags_for_resource NULL, NULL
#define STEPS_put_resource_policy NULL, NULL
#define STEPS_get_resource_policy NULL, NULL
#define STEPS_delete_resource_policy NULL, NULL
#define STEPS_enable_enhanced_monitoring NULL, NULL
#define STEPS_disable_enhanced_monitoring NULL, NULL
#define STEPS_start_stream_encryption NULL, NULL
#define STEPS_stop_stream_encryption NULL, NULL
#define STEPS_update_stream_mode NULL, NULL
#define STEPS_update_max_record_size NULL, NULL
#define STEPS_update_stream_warm_throughput NULL, NULL
#define STEPS_update_stream_record_distribution_strategy NULL, NULL
#define STEPS_describe_limits NULL, NULL
#define STEPS_describe_account_settings NULL, NULL
#define STEPS_update_account_settings NULL, NULL
#define STEPS_subscribe_to_shard NULL, NULL

static const struct operation operations[] = {
#define OPERATION(name, wire_name, in, out, class)                                                 \
    { (wire_name), &shape_##in, &shape_##out, name##_handle, STEPS_##name },
#include "wire/operations.def"
};

static const char starting[] = "This node is starting and does not know all streams yet.";

static void subscriptions_on_closed(void *ctx);
static void run_handler(struct request *request);
static void on_refreshed(struct catalog_refresh *refresh, enum err err);
static void finish(struct request *request);
static void finish_on_defer(struct defer *defer);
static void set_error(struct request *request, enum error_type type, const char *text);

const struct operation *operation_at(uint32_t number)
{
    ensure(number < OPERATION_COUNT);
    return &operations[number];
}

const struct operation *operation_find(struct slice name)
{
    for (uint32_t i = 0; i < OPERATION_COUNT; i++)
        if (slice_equal(name, slice_text(operations[i].name)))
            return &operations[i];
    return NULL;
}

enum err api_open(struct api **ret, const struct api_world *world)
{
    struct api *api = calloc(1, sizeof(*api));

    if (api == NULL)
        return ERR_NO_MEMORY;
    api->world = *world;
    api->digest = digest_new();
    if (api->digest == NULL || subscriptions_open(api, world->metrics) != ERR_OK) {
        digest_free(api->digest);
        free(api);
        return ERR_NO_MEMORY;
    }
    *ret = api;
    return ERR_OK;
}

void api_close(struct api *api, api_closed_cb cb, void *ctx)
{
    api->on_closed = cb;
    api->closed_ctx = ctx;
    subscriptions_close(api, subscriptions_on_closed);
}

static void subscriptions_on_closed(void *ctx)
{
    struct api *api = ctx;
    api_closed_cb cb = api->on_closed;
    void *closed_ctx = api->closed_ctx;

    digest_free(api->digest);
    recents_fini(&api->rates);
    free(api);
    cb(closed_ctx);
}

/* ---- a request's way ---- */

void request_prepare(struct request *request, struct digest *digest)
{
    if (request->operation->prepare != NULL)
        request->operation->prepare(request, digest);
}

void request_start(struct request *request, request_cb done)
{
    const struct model *model = request_model(request);

    request->done = done;
    request->account = model_account(model);
    request->region = model_region(model);
    request->now_ms = clock_wall_ms(request->api->world.clock);
    if (request->error.type != ERROR_TYPE_NONE)
        finish(request);
    else if (!model_founded(model))
        request_fail(request, ERROR_SERVICE_UNAVAILABLE, "This node belongs to no cluster yet.");
    else if (request->operation == operation_at(OPERATION_list_streams) &&
             !request_caught_up(request))
        request_fail(request, ERROR_SERVICE_UNAVAILABLE, "%s", starting);
    else if (calls_allow(request))
        run_handler(request);
}

static void run_handler(struct request *request)
{
    request->handling = true;
    request->operation->handle(request);
    request->handling = false;
}

/* A stream that another node created a moment ago is not known here yet: before the handler's
 * answer that there is none, this node makes sure that it knows what the leader knows. */
static bool is_worth_a_refresh(const struct request *request, enum error_type type)
{
    return request->handling && !request->refreshed &&
           (type == ERROR_RESOURCE_NOT_FOUND || type == ERROR_RESOURCE_IN_USE);
}

static void on_refreshed(struct catalog_refresh *refresh, enum err err)
{
    struct request *request = container_of(refresh, struct request, refresh);

    if (err == ERR_OK) {
        request->error = (struct wire_error){ .type = ERROR_TYPE_NONE };
        run_handler(request);
        return;
    }
    request_fail(request, ERROR_SERVICE_UNAVAILABLE,
                 "The catalogue has no leader within reach: whether it exists cannot be said now.");
}

bool request_fresh(struct request *request)
{
    if (request->refreshed)
        return true;
    request->refreshed = true;
    catalog_refresh(control_catalog(request->api->world.control), &request->refresh,
                    API_REFRESH_MS, on_refreshed);
    return false;
}

void request_again(struct request *request)
{
    run_handler(request);
}

void request_compose(struct request *request)
{
    if (request->error.type == ERROR_TYPE_NONE && request->operation->compose != NULL)
        request->operation->compose(request);
}

void request_fini(struct request *request)
{
    if (request->release != NULL)
        request->release(request);
    request->release = NULL;
}

static void finish(struct request *request)
{
    defer_run(request->api->world.clock, &request->defer, finish_on_defer);
}

static void finish_on_defer(struct defer *defer)
{
    struct request *request = container_of(defer, struct request, defer);
    request->done(request);
}

/* ---- for the handlers ---- */

const struct model *request_model(const struct request *request)
{
    return catalog_model(control_catalog(request->api->world.control));
}

bool request_caught_up(const struct request *request)
{
    struct api *api = request->api;
    struct reason why;

    if (!api->caught_up)
        api->caught_up = control_ready(api->world.control, &why);
    return api->caught_up;
}

struct slice request_secret(const struct request *request)
{
    return slice_of(model_secret(request_model(request)), MODEL_SECRET_BYTES);
}

struct change_stamp request_stamp(struct request *request)
{
    struct api *api = request->api;

    return (struct change_stamp){ .proposed_ms = request->now_ms,
                                  .proposer = api->world.node,
                                  .token = random_id(api->world.random) };
}

void *request_take(struct request *request, size_t bytes)
{
    void *memory = arena_take(request->arena, bytes);

    if (memory == NULL)
        request_fail_err(request, ERR_NO_MEMORY, NULL);
    return memory;
}

struct slice request_text(struct request *request, const char *format, ...)
{
    char text[REASON_BYTES_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const char *copy = arena_text(request->arena, slice_text(text));
    return copy == NULL ? slice_of(NULL, 0) : slice_text(copy);
}

void request_reply(struct request *request, void *out)
{
    request->out = out;
    finish(request);
}

void request_fail(struct request *request, enum error_type type, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES_MAX];
    va_list args;

    va_start(args, format);
    sentence_print(text, sizeof(text), format, args);
    va_end(args);
    if (type == ERROR_RESOURCE_NOT_FOUND && !request_caught_up(request)) {
        set_error(request, ERROR_SERVICE_UNAVAILABLE, starting);
    } else if (is_worth_a_refresh(request, type)) {
        request->refreshed = true;
        catalog_refresh(control_catalog(request->api->world.control), &request->refresh,
                        API_REFRESH_MS, on_refreshed);
        return;
    } else {
        set_error(request, type, text);
    }
    finish(request);
}

void request_fail_err(struct request *request, enum err err, const struct reason *reason)
{
    bool has_reason = reason != NULL && reason->text[0] != 0;

    set_error(request, fault_type(err), has_reason ? reason->text : fault_text(err));
    finish(request);
}

void request_set_error(struct request *request, enum error_type type, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES_MAX];
    va_list args;

    va_start(args, format);
    sentence_print(text, sizeof(text), format, args);
    va_end(args);
    set_error(request, type, text);
}

void request_set_err(struct request *request, enum err err)
{
    set_error(request, fault_type(err), fault_text(err));
}

/* Without memory for the text the type must do. */
static void set_error(struct request *request, enum error_type type, const char *text)
{
    const char *copy = arena_text(request->arena, slice_text(text));

    request->error.type = type;
    request->error.message = copy == NULL ? slice_of(NULL, 0) : slice_text(copy);
}

bool request_stream_name(struct request *request, const struct slice *name, const struct slice *arn,
                         struct slice *ret)
{
    struct slice in_arn = { .len = 0 };

    if (arn != NULL && !stream_arn_parse(*arn, &in_arn)) {
        request_fail(request, ERROR_INVALID_ARGUMENT, "StreamARN is not the ARN of a stream.");
        return false;
    }
    if (name != NULL && arn != NULL && !slice_equal(*name, in_arn)) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "StreamName and StreamARN name different streams.");
        return false;
    }
    if (name == NULL && arn == NULL) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Either StreamName or StreamARN should be provided.");
        return false;
    }
    *ret = name != NULL ? *name : in_arn;
    return true;
}

const struct model_stream *request_stream(struct request *request, struct slice name)
{
    const struct model_stream *stream = model_stream_by_name(request_model(request), name);

    if (stream == NULL)
        request_fail_stream(request, name);
    return stream;
}

bool request_stream_created(struct request *request, const struct model_stream *stream,
                            int64_t created_ms)
{
    if (created_ms >= 0 && (uint64_t)created_ms / 1000 == stream->created_ms / 1000)
        return true;
    request_fail_stream(request, slice_text(stream->name));
    return false;
}

void request_fail_stream(struct request *request, struct slice name)
{
    request_fail(request, ERROR_RESOURCE_NOT_FOUND, "Stream %.*s under account %s not found.",
                 (int)name.len, (const char *)name.data, request->account);
}

void request_fail_state(struct request *request, const struct model_stream *stream)
{
    static const char *const names[] = { "?", "CREATING", "ACTIVE", "UPDATING", "DELETING" };

    request_fail(request, ERROR_RESOURCE_IN_USE,
                 "Stream %s under account %s not ACTIVE, instead in state %s", stream->name,
                 request->account, names[stream->status]);
}

void request_fail_rate(struct request *request, uint32_t shard, struct slice stream)
{
    char name[SHARD_NAME_BYTES];

    request_fail(request, ERROR_THROUGHPUT_EXCEEDED,
                 "Rate exceeded for shard %s in stream %.*s under account %s.",
                 shard_name_print(shard, name), (int)stream.len, (const char *)stream.data,
                 request->account);
}

void request_fail_full(struct request *request)
{
    request_fail(request, ERROR_SERVICE_UNAVAILABLE,
                 "This node has too many requests under way. Nothing was done.");
}

void request_fail_dry_run(struct request *request)
{
    request_fail(request, ERROR_DRY_RUN,
                 "Request would have succeeded, but DryRun flag is set.");
}

void request_fail_shard(struct request *request, struct slice stream, struct slice shard)
{
    request_fail(request, ERROR_RESOURCE_NOT_FOUND,
                 "Shard %.*s in stream %.*s under account %s does not exist", (int)shard.len,
                 (const char *)shard.data, (int)stream.len, (const char *)stream.data,
                 request->account);
}

void request_fail_no_shard(struct request *request, struct slice stream, struct slice shard)
{
    request_fail(request, ERROR_RESOURCE_NOT_FOUND,
                 "Could not find shard %.*s in stream %.*s under account %s.", (int)shard.len,
                 (const char *)shard.data, (int)stream.len, (const char *)stream.data,
                 request->account);
}

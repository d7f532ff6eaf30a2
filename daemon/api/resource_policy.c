/* PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy: kept and given back; who may do
 * what does not follow from them. */
#include "api/resource.h"
#include "base/limits.h"
#include "wire/encoding.h"

static bool is_object(struct request *request, struct slice text)
{
    struct nothing nothing;
    struct wire_error error;

    return wire_decode(&encoding_json, &shape_nothing, text, request->arena, &nothing, &error) ==
           ERR_OK;
}

void put_resource_policy_handle(struct request *request)
{
    const struct put_resource_policy_in *in = request->in;
    struct setting *setting = resource_begin(request, &in->resource_arn);
    char *policy;

    if (setting == NULL)
        return;
    if (in->policy.len > POLICY_BYTES_MAX || !is_object(request, in->policy)) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Policy is not a JSON object of at most %u bytes.", POLICY_BYTES_MAX);
        return;
    }
    policy = request_take(request, in->policy.len + 1);
    if (policy == NULL)
        return;
    memcpy(policy, in->policy.data, in->policy.len);
    setting_set_policy(setting, policy);
    setting_propose(setting, NULL);
}

void get_resource_policy_handle(struct request *request)
{
    const struct resource_in *in = request->in;
    struct get_resource_policy_out *out;
    struct resource resource;
    struct slice text;

    if (!resource_look(request, &in->resource_arn, &resource))
        return;
    out = request_take(request, sizeof(*out));
    if (out == NULL)
        return;
    const char *copy = arena_text(request->arena, slice_text(resource.policy == NULL
                                                                 ? "{}" : resource.policy));
    if (copy == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    text = slice_text(copy);
    wire_set(out, policy, text);
    request_reply(request, out);
}

void delete_resource_policy_handle(struct request *request)
{
    const struct resource_in *in = request->in;
    struct setting *setting = resource_begin(request, &in->resource_arn);

    if (setting == NULL)
        return;
    if (setting_policy(setting) == NULL) {
        request_fail(request, ERROR_RESOURCE_NOT_FOUND,
                     "No resource policy found for resource ARN %.*s.", (int)in->resource_arn.len,
                     (const char *)in->resource_arn.data);
        return;
    }
    setting_set_policy(setting, NULL);
    setting_propose(setting, NULL);
}

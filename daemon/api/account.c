/* DescribeLimits, DescribeAccountSettings and UpdateAccountSettings. */
#include "api/account.h"

#include "base/limits.h"
#include "catalog/change_account.h"

#define DAY_MS UINT64_C(86400000)

struct committing {
    struct request *request;
    uint32_t tries;
    struct account_settings_out out;
    struct catalog_change change;
};

static void describe(uint64_t now_ms, const struct model_commitment *commitment,
                     struct account_settings_out *out);
static void propose_on_applied(struct catalog_change *change, enum err err);

/* ---- limits ---- */

/* What nothing limits, the catalogue does. */
static uint32_t shards_most(const struct request *request)
{
    return limit_up_to(control_limit(request->api->world.control, LIMIT_SHARDS), SHARDS_MAX);
}

static uint32_t on_demand_most(const struct request *request)
{
    return limit_up_to(control_limit(request->api->world.control, LIMIT_ON_DEMAND_STREAMS),
                       CATALOG_STREAMS_MAX);
}

static uint32_t on_demand_count(const struct model *model)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < model_stream_count(model); i++)
        count += model_stream_at(model, i)->mode == STREAM_ON_DEMAND;
    return count;
}

bool account_check_shards(struct request *request, uint32_t more)
{
    uint32_t total = model_open_total(request_model(request)), most = shards_most(request);

    if (more <= most && total <= most - more)
        return true;
    request_fail(request, ERROR_LIMIT_EXCEEDED,
                 "This request would exceed the shard limit for the account %s in %s. Current "
                 "shard count for the account: %u. Limit: %u. Number of additional shards that "
                 "would have resulted from this request: %u. Refer to the AWS Service Limits "
                 "page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) "
                 "for current limits and how to request higher limits.",
                 request->account, request->region, total, most, more);
    return false;
}

bool account_check_mode(struct request *request, enum stream_mode mode)
{
    uint32_t most = on_demand_most(request);

    if (mode != STREAM_ON_DEMAND || on_demand_count(request_model(request)) < most)
        return true;
    request_fail(request, ERROR_LIMIT_EXCEEDED,
                 "This request would exceed the limit of streams in ON_DEMAND mode for the account "
                 "%s in %s, which is %u.", request->account, request->region, most);
    return false;
}

void describe_limits_handle(struct request *request)
{
    const struct model *model = request_model(request);
    struct describe_limits_out *out = request_take(request, sizeof(*out));

    if (out == NULL || !request_fresh(request))
        return;
    wire_set(out, shard_limit, (int32_t)shards_most(request));
    wire_set(out, open_shard_count, (int32_t)model_open_total(model));
    wire_set(out, on_demand_stream_count, (int32_t)on_demand_count(model));
    wire_set(out, on_demand_stream_count_limit, (int32_t)on_demand_most(request));
    request_reply(request, out);
}

/* ---- the commitment ---- */

static bool is_on(const struct model_commitment *commitment, uint64_t now_ms)
{
    return commitment->started_ms != 0 &&
           (commitment->ended_ms == 0 || commitment->ended_ms > now_ms);
}

bool account_check_warm(struct request *request, enum stream_mode mode, uint32_t mibps)
{
    if (mibps == 0)
        return true;
    if (mode != STREAM_ON_DEMAND) {
        request_fail(request, ERROR_VALIDATION,
                     "WarmThroughputMiBps can only be set of a stream in ON_DEMAND mode.");
        return false;
    }
    if (mibps > WARM_MIBPS_MAX) {
        request_fail(request, ERROR_VALIDATION,
                     "WarmThroughputMiBps must be at most %u; %u were asked for.", WARM_MIBPS_MAX,
                     mibps);
        return false;
    }
    if (!is_on(model_commitment(request_model(request)), request->now_ms)) {
        request_fail(request, ERROR_VALIDATION,
                     "WarmThroughputMiBps needs MinimumThroughputBillingCommitment, which is not "
                     "ENABLED for account %s.", request->account);
        return false;
    }
    return true;
}

void describe_account_settings_handle(struct request *request)
{
    struct account_settings_out *out = request_take(request, sizeof(*out));

    if (out == NULL || !request_fresh(request))
        return;
    describe(request->now_ms, model_commitment(request_model(request)), out);
    request_reply(request, out);
}

static int status_of(const struct model_commitment *commitment, uint64_t now_ms)
{
    if (!is_on(commitment, now_ms))
        return WIRE_COMMITTED_DISABLED;
    return commitment->ended_ms == 0 ? WIRE_COMMITTED_ENABLED
                                     : WIRE_COMMITTED_ENABLED_UNTIL_EARLIEST_ALLOWED_END;
}

static void describe(uint64_t now_ms, const struct model_commitment *commitment,
                     struct account_settings_out *out)
{
    struct commitment_out *shown = &out->commitment;
    bool on = is_on(commitment, now_ms);

    out->has_commitment = true;
    wire_set(shown, status, choice_of(status_of(commitment, now_ms)));
    if (commitment->started_ms != 0)
        wire_set(shown, started_at_ms, (int64_t)commitment->started_ms);
    if (on)
        wire_set(shown, earliest_allowed_end_at_ms, (int64_t)(commitment->started_ms + DAY_MS));
    else if (commitment->ended_ms != 0)
        wire_set(shown, ended_at_ms, (int64_t)commitment->ended_ms);
}

/* It lasts for a day at least; who wants it again before its end has never ended it. */
static struct model_commitment next_of(const struct model_commitment *commitment, bool wanted,
                                       uint64_t now_ms)
{
    struct model_commitment next = *commitment;
    bool on = is_on(commitment, now_ms);

    if (wanted && !on)
        next.started_ms = now_ms;
    if (wanted)
        next.ended_ms = 0;
    else if (on && next.ended_ms == 0)
        next.ended_ms = next.started_ms + DAY_MS > now_ms ? next.started_ms + DAY_MS : now_ms;
    return next;
}

void update_account_settings_handle(struct request *request)
{
    const struct update_account_settings_in *in = request->in;
    struct committing *committing = request->state;

    if (!request_fresh(request))
        return;
    if (committing == NULL)
        committing = request_take(request, sizeof(*committing));
    if (committing == NULL)
        return;
    request->state = committing;
    committing->request = request;
    struct model_commitment next =
        next_of(model_commitment(request_model(request)),
                in->commitment.status.value == WIRE_COMMITMENT_ENABLED, request->now_ms);
    committing->out = (struct account_settings_out){ .has_commitment = false };
    describe(request->now_ms, &next, &committing->out);
    AUTO_UNREF struct buf *change = change_set_account(request_stamp(request), &next);
    if (change == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    committing->change = (struct catalog_change){ .cb = NULL };
    catalog_change(control_catalog(request->api->world.control), &committing->change,
                   buf_slice(change), API_CHANGE_TIMEOUT_MS, propose_on_applied);
}

static void propose_on_applied(struct catalog_change *change, enum err err)
{
    struct committing *committing = container_of(change, struct committing, change);
    struct request *request = committing->request;

    if (err == ERR_OK)
        request_reply(request, &committing->out);
    else if (err == ERR_EXPIRED && ++committing->tries < SETTING_TRIES_MAX)
        request_again(request);
    else if (err == ERR_EXPIRED)
        request_fail(request, ERROR_LIMIT_EXCEEDED, "Rate exceeded for account %s.",
                     request->account);
    else if (err == ERR_VERSION)
        request_fail(request, ERROR_INVALID_ARGUMENT, "%s", change->reason.text);
    else
        request_fail_err(request, err, &change->reason);
}

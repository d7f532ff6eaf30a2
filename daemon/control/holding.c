#include "control/holding.h"

#include <string.h>

#include "base/bytes.h"
#include "catalog/version.h"
#include "control/control_private.h"

static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void refuse(void *ctx, const struct net_message *message, struct net_incoming *incoming);

void holding_open(struct control *control)
{
    net_handle(control->world.net, NET_HOLDING, NULL, on_ask, control);
}

void holding_close(struct control *control)
{
    net_handle(control->world.net, NET_HOLDING, NULL, refuse, NULL);
}

static void refuse(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    net_answer(incoming, ERR_CLOSED, NULL, 0);
}

/* Its model alone is a copy too: it is what is known committed. */
static bool of_catalog(const struct control *control, struct holding *ret)
{
    const struct log_state *state = log_state(control->log, CATALOG_GROUP);
    struct catalog_copy copy;

    if (!catalog_copy(control->catalog, &copy))
        return false;
    *ret = (struct holding){ .epoch = copy.epoch,
                             .member_count = copy.member_count,
                             .first = state == NULL ? copy.last + 1 : state->first,
                             .last = copy.last,
                             .last_term = copy.last_term,
                             .last_time_ms = copy.last_time_ms,
                             .applied = copy.committed,
                             .records = model_stream_count(catalog_model(control->catalog)),
                             .open = state != NULL,
                             .leads = copy.leads,
                             .same_kept = copy.same_kept,
                             .hears = copy.hears };
    memcpy(ret->members, copy.members, sizeof(ret->members));
    catalog_look_behind(control->catalog);
    return true;
}

bool holding_own(const struct control *control, uint64_t group, struct holding *ret)
{
    if (group == CATALOG_GROUP)
        return of_catalog(control, ret);

    const struct log_state *state = log_state(control->log, group);
    const struct shard *shard = host_find(control, group);

    if (state == NULL)
        return false;
    *ret = (struct holding){ .epoch = state->epoch,
                             .member_count = state->member_count,
                             .first = state->first,
                             .last = state->last,
                             .last_term = state->last_term,
                             .last_time_ms = state->last_time_ms,
                             .applied = state->applied };
    memcpy(ret->members, state->members, sizeof(ret->members));
    if (shard == NULL)
        return true;
    struct shard_status status = shard_status(shard);
    ret->open = true;
    ret->leads = status.replica.lease;
    ret->hears = status.replica.hears;
    ret->records = status.records;
    if (status.replica.applied > ret->applied)
        ret->applied = status.replica.applied;
    return true;
}

static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct control *control = ctx;
    struct reader reader = reader_of(message->bytes);
    uint64_t group = reader_u64(&reader);
    struct holding holding;

    if (!bootstrap_is_ours(control, message->from) || !reader_done(&reader)) {
        net_answer(incoming, ERR_INVALID, NULL, 0);
        return;
    }
    if (!holding_own(control, group, &holding)) {
        net_answer(incoming, ERR_NOT_FOUND, NULL, 0);
        return;
    }
    if (!version_allows(catalog_model(control->catalog), VERSION_HEARS))
        holding.hears = 0; /* an older build cannot read it */
    AUTO_UNREF struct buf *bytes = holding_encode(&holding);
    net_answer(incoming, bytes == NULL ? ERR_NO_MEMORY : ERR_OK, &bytes, bytes == NULL ? 0 : 1);
}

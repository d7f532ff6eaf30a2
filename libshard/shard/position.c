#include "shard/position.h"

#include "shard/gaps.h"
#include "shard/shard_private.h"

static void locate_by_time(struct shard *shard, struct locate *req);

struct position position_visible(const struct shard *shard, struct position position)
{
    if (position.index < shard->retention.horizon)
        return (struct position){ .index = shard->retention.horizon };
    return position;
}

struct position position_tip(const struct shard *shard)
{
    return (struct position){ .index = shard->applied + 1 };
}

static void finish(struct locate *req, enum err err)
{
    struct shard *shard = req->shard;

    if (err == ERR_OK)
        req->position = gaps_position_out(&shard->options.gaps,
                                          position_visible(shard, req->position));
    list_remove(&req->link);
    req->cb(req, err);
    shard_settle(shard);
}

static void finish_deferred(struct defer *defer)
{
    struct locate *req = container_of(defer, struct locate, defer);

    finish(req, req->err);
}

static void answer(struct locate *req, enum err err)
{
    req->err = err;
    defer_run(req->shard->world.clock, &req->defer, finish_deferred);
}

/* What comes after the newest entry here may be on other members already: only a leader within its
 * lease knows that there is nothing.  Behind the END of one that rests there is nothing either. */
static enum err locate_tip(struct locate *req)
{
    if (!shard_rests(req->shard) && !replica_has_lease(req->shard->replica))
        return ERR_NOT_LEADER;
    req->position = position_tip(req->shard);
    return ERR_OK;
}

static struct position position_of(const struct shard *shard, struct seqno seqno)
{
    return gaps_position_in(&shard->options.gaps, (struct position){ seqno.index, seqno.ordinal });
}

void shard_locate(struct shard *shard, struct locate *req, locate_cb cb)
{
    req->shard = shard;
    req->cb = cb;
    list_append(&shard->requests, &req->link);
    if (shard->closing) {
        answer(req, shard_end_err(shard));
        return;
    }

    switch (req->type) {
    case LOCATE_TRIM_HORIZON:
        req->position = (struct position){ .index = shard->retention.horizon };
        answer(req, ERR_OK);
        return;
    case LOCATE_LATEST:
        answer(req, locate_tip(req));
        return;
    case LOCATE_AT_SEQUENCE_NUMBER:
        req->position = position_of(shard, req->seqno);
        answer(req, ERR_OK);
        return;
    case LOCATE_AFTER_SEQUENCE_NUMBER:
        req->position = position_of(shard, seqno_next(req->seqno));
        answer(req, ERR_OK);
        return;
    case LOCATE_AT_TIMESTAMP:
        locate_by_time(shard, req);
        return;
    }
    answer(req, ERR_INVALID); /* a number from a peer that is no type */
}

static void locate_on_seek(struct log_seek *seek, enum err err)
{
    struct locate *req = container_of(seek, struct locate, seek);
    struct shard *shard = req->shard;

    if (shard->closing) {
        finish(req, shard_end_err(shard));
    } else if (err == ERR_TRIMMED) {
        /* Retention overtook the search: the oldest entry now is younger than what was sought. */
        retention_catch_up(shard);
        req->position = (struct position){ .index = shard->retention.horizon };
        finish(req, ERR_OK);
    } else if (err == ERR_OK && seek->index > seek->last) {
        finish(req, locate_tip(req));
    } else {
        req->position = (struct position){ .index = seek->index };
        finish(req, err);
    }
}

static void locate_by_time(struct shard *shard, struct locate *req)
{
    uint64_t oldest_ms = retention_cutoff_ms(&shard->retention, req->hidden_ms);
    uint64_t time_ms = req->time_ms > oldest_ms ? req->time_ms : oldest_ms;
    uint64_t horizon = shard->retention.horizon;

    if (horizon > shard->image.newest_index || time_ms > shard->image.newest_time_ms) {
        answer(req, locate_tip(req));
        return;
    }
    req->seek = (struct log_seek){
        .group = shard->options.group,
        .first = horizon,
        .last = shard->image.newest_index,
        .time_ms = time_ms,
    };
    log_seek(shard->world.log, &req->seek, locate_on_seek);
}

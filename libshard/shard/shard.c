#include "shard/shard.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "shard/gaps.h"
#include "shard/shard_private.h"
#include "shard/watch.h"

static void on_role(void *ctx, enum replica_role role, uint64_t leader)
{
    struct shard *shard = ctx;

    shard->role = role;
    shard->leader = leader;
    watch_wake(shard);
    shard->on_role(shard->ctx, shard, role, leader);
}

/* What a majority has stored as a SEAL and no node can read is a fault of ours, not of a disk: its
 * checksum was right. */
static void tell_sealed(struct shard *shard, const struct buf *payload)
{
    struct seal seal;

    ensure(payload != NULL && seal_decode(&seal, buf_slice(payload)));
    shard->on_sealed(shard->ctx, shard, &shard->seal_head, &seal);
}

static void on_seal_read(struct log_read *read, enum err err);

static void seal_read(struct shard *shard)
{
    shard->seal_read = (struct log_read){ .group = shard->seal_head.group,
                                          .first = shard->seal_head.index,
                                          .last = shard->seal_head.index,
                                          .bytes_max = ENTRY_BYTES_MAX };
    shard->seal_reading = true;
    log_read(shard->world.log, &shard->seal_read, on_seal_read);
}

static void seal_on_timer(struct timer *timer)
{
    seal_read(container_of(timer, struct shard, seal_again));
}

static void on_seal_read(struct log_read *read, enum err err)
{
    struct shard *shard = container_of(read, struct shard, seal_read);

    shard->seal_reading = false;
    if (err == ERR_OK && !shard->closing)
        tell_sealed(shard, read->entries[0].payload);
    log_read_fini(read);
    /* Unreadable: it may be repaired, and the others may need this member to go on. */
    if (err != ERR_OK && !shard->closing)
        timer_start(shard->world.clock, &shard->seal_again, SEAL_AGAIN_MS, seal_on_timer);
    shard_settle(shard);
}

static void on_sealed(void *ctx, const struct entry_head *head, struct buf *payload)
{
    struct shard *shard = ctx;

    apply_entry(shard, head, payload);
    shard->over = true;
    shard->seal_head = *head;
    if (payload != NULL) {
        tell_sealed(shard, payload);
        return;
    }
    seal_read(shard);
}

static const struct replica_events events = {
    .applied = apply_entry,
    .role = on_role,
    .sealed = on_sealed,
    .image = apply_image,
};

/* Takes over what the log knows of the group; replica_open() says it when that is nothing. */
static enum err load(struct shard *shard, struct reason *reason)
{
    const struct log_state *state = log_state(shard->world.log, shard->options.group);

    if (state == NULL) {
        reason_set(reason, "this node has no START of the group");
        return ERR_NOT_FOUND;
    }
    /* Where the epoch starts counts as applied: its image says what lies below. */
    shard->applied = state->applied > state->start_index ? state->applied : state->start_index;
    retention_init(&shard->retention, shard->options.retention_ms, state->first);
    return apply_image_read(&shard->image, slice_of(state->image, state->image_bytes), reason);
}

enum err shard_open(struct shard **ret, const struct shard_options *options,
                    const struct shard_world *world, shard_role_cb role, shard_sealed_cb sealed,
                    void *ctx, struct reason *reason)
{
    struct shard *shard = calloc(1, sizeof(*shard));

    if (shard == NULL) {
        reason_set(reason, "open shard %llu: no memory", (unsigned long long)options->group);
        return ERR_NO_MEMORY;
    }
    shard->options = *options;
    shard->options.putq.gaps = &shard->options.gaps;
    shard->world = *world;
    shard->on_role = role;
    shard->on_sealed = sealed;
    shard->ctx = ctx;
    list_init(&shard->requests);
    list_init(&shard->watch);
    tail_init(&shard->tail, options->tail_bytes_max, world->tail_bytes_left);
    quota_init(&shard->quota, options->limits, clock_mono_ms(world->clock));

    enum err err = load(shard, reason);
    if (err == ERR_OK && options->rests)
        err = rest_load(shard, reason);
    else if (err == ERR_OK)
        err = replica_open(&shard->replica, world->roster, options->group, options->preferred,
                           options->eager, &events, shard, reason);
    if (err != ERR_OK) {
        reason_wrap(reason, "open shard %llu", (unsigned long long)options->group);
        free(shard);
        return err;
    }
    putq_init(&shard->putq, shard->replica, shard->options.putq);
    if (options->rests)
        putq_close(&shard->putq, ERR_CLOSED); /* nothing was put yet */
    *ret = shard;
    return ERR_OK;
}

/* ---- the end ---- */

static void on_replica_closed(void *ctx)
{
    struct shard *shard = ctx;

    shard->replica = NULL;
    shard_settle(shard);
}

enum err shard_end_err(const struct shard *shard)
{
    return shard->over ? ERR_NOT_LEADER : ERR_CLOSED;
}

/* Whoever opens the group next does not go back to an older mark. */
static void hint_applied(const struct shard *shard)
{
    struct replica_status status = replica_status(shard->replica);
    const struct log_state *state = log_state(shard->world.log, shard->options.group);
    unsigned char image[IMAGE_BYTES_MAX];

    if (shard->over || status.applied <= state->applied || MUTANT(mark_not_kept))
        return; /* the next epoch's START says it, or nothing happened since */
    uint32_t bytes = shard_image(shard, image);
    log_applied(shard->world.log, shard->options.group, status.applied, status.applied_term,
                status.applied_time_ms, slice_of(image, bytes));
}

/* In a turn of its own, because it runs the callbacks of the puts that wait. */
static void close_deferred(struct defer *defer)
{
    struct shard *shard = container_of(defer, struct shard, close_defer);

    if (shard->replica == NULL) {
        shard_settle(shard);
        return;
    }
    hint_applied(shard);
    watch_end(shard, shard_end_err(shard));
    putq_close(&shard->putq, shard_end_err(shard));
    replica_close(shard->replica, on_replica_closed, shard);
}

void shard_close(struct shard *shard, void (*closed)(void *ctx), void *ctx)
{
    ensure(!shard->closing);
    shard->closing = true;
    timer_stop(&shard->seal_again);
    shard->closed = closed;
    shard->closed_ctx = ctx;
    defer_run(shard->world.clock, &shard->close_defer, close_deferred);
}

void shard_settle(struct shard *shard)
{
    if (!shard->closing || shard->replica != NULL || defer_waits(&shard->close_defer))
        return;
    if (!list_empty(&shard->requests) || shard->retention.busy || shard->seal_reading)
        return;

    void (*closed)(void *ctx) = shard->closed;
    void *ctx = shard->closed_ctx;
    tail_fini(&shard->tail);
    free(shard);
    closed(ctx);
}

/* ---- puts ---- */

enum err shard_put(struct shard *shard, struct put *put, bool *throttled)
{
    uint64_t now_ms = clock_mono_ms(shard->world.clock);

    *throttled = false;
    if (shard->closing)
        return shard_end_err(shard);
    if (shard->image.end_index != 0 &&
        (shard->image.end_index != shard->applied || !MUTANT(end_takes_more)))
        return ERR_CLOSED;
    if (!quota_put_allows(&shard->quota, now_ms, put->records.len, put->record_count)) {
        shard->put_throttled++;
        *throttled = true;
        return ERR_BUSY;
    }

    enum err err = putq_submit(&shard->putq, put);
    if (err != ERR_OK)
        return err;
    quota_put_take(&shard->quota, put->records.len, put->record_count);
    shard->put_calls++;
    shard->put_records += put->record_count;
    shard->put_bytes += put->records.len;
    return ERR_OK;
}

void shard_set_limits(struct shard *shard, struct quota_limits limits)
{
    quota_set(&shard->quota, limits, clock_mono_ms(shard->world.clock));
}

void shard_set_preferred(struct shard *shard, uint64_t preferred)
{
    shard->options.preferred = preferred;
    if (shard->replica != NULL)
        replica_prefer(shard->replica, preferred);
}

/* ---- the end of an epoch ---- */

void shard_seal(struct shard *shard, const struct seal *seal)
{
    AUTO_UNREF struct buf *bytes = seal_encode(seal);

    if (bytes != NULL && !shard->closing && !shard->over)
        putq_seal(&shard->putq, bytes);
}

/* ---- the end of the shard ---- */

void shard_end(struct shard *shard)
{
    if (!shard->closing && !shard->over && shard->image.end_index == 0)
        putq_end(&shard->putq);
}

bool shard_ended(const struct shard *shard, struct shard_ending *ret)
{
    const struct shard_image *image = &shard->image;

    if (image->end_index == 0)
        return false;
    /* A reader that comes to it by a gap's places is behind its last record all the same. */
    ret->place = image->newest_index == 0 ? 0
                                          : gaps_out(&shard->options.gaps, image->newest_index) + 1;
    ret->time_ms = image->end_time_ms;
    return true;
}

bool shard_rests(const struct shard *shard)
{
    return shard->options.rests;
}

uint32_t shard_image(const struct shard *shard, unsigned char bytes[IMAGE_BYTES_MAX])
{
    return apply_image((void *)(uintptr_t)shard, bytes); /* which only reads it */
}

/* ---- figures ---- */

struct shard_status shard_status(const struct shard *shard)
{
    struct shard_status status = {
        .records = shard->image.records,
        .bytes = shard->image.bytes,
        .newest_time_ms = shard->image.newest_time_ms,
        .horizon = shard->retention.horizon,
        .put_calls = shard->put_calls,
        .put_records = shard->put_records,
        .put_bytes = shard->put_bytes,
        .put_throttled = shard->put_throttled,
        .read_calls = shard->read_calls,
        .read_records = shard->read_records,
        .read_bytes = shard->read_bytes,
        .read_throttled = shard->read_throttled,
        .read_behind_ms = shard->read_behind_ms,
    };

    if (shard->replica != NULL)
        status.replica = replica_status(shard->replica);
    else if (shard->options.rests)
        status.replica = rest_status(shard);
    return status;
}

bool shard_is_behind(const struct shard *shard, uint64_t node)
{
    return shard->replica != NULL && replica_is_behind(shard->replica, node);
}

uint64_t shard_group(const struct shard *shard)
{
    return shard->options.group;
}

struct seqno_shard shard_name(const struct shard *shard)
{
    return shard->options.name;
}

bool shard_leads(const struct shard *shard)
{
    return shard->role == REPLICA_LEADER;
}

uint64_t shard_leader(const struct shard *shard)
{
    return shard->leader;
}

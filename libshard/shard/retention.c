/* retention.c - one round of shard_retain():
 *
 *   1. drop what was below the horizon a grace ago
 *   2. the entry at the horizon is young enough, or there is none: done
 *   3. search the first entry that is: the new horizon
 *   4. learn its time, so that the next rounds end at 2 without a search
 */
#include "shard/retention.h"

#include "base/ensure.h"
#include "shard/shard_private.h"

static void on_seek(struct log_seek *seek, enum err err);

void retention_init(struct retention *retention, uint64_t retention_ms, uint64_t first)
{
    ensure(retention_ms > 0);
    *retention = (struct retention){ .retention_ms = retention_ms, .horizon = first };
}

uint64_t retention_cutoff_ms(const struct retention *retention, uint64_t now_ms)
{
    return now_ms > retention->retention_ms ? now_ms - retention->retention_ms : 0;
}

static void move_horizon(struct shard *shard, uint64_t index)
{
    struct retention *retention = &shard->retention;

    if (index <= retention->horizon)
        return;
    retention->horizon = index;
    retention->horizon_time_ms = 0;
    tail_drop_below(&shard->tail, index);
}

void retention_catch_up(struct shard *shard)
{
    const struct log_state *state = log_state(shard->world.log, shard->options.group);

    if (state != NULL)
        move_horizon(shard, state->first);
}

void shard_set_retention(struct shard *shard, uint64_t retention_ms)
{
    ensure(retention_ms > 0);
    shard->retention.retention_ms = retention_ms;
}

/* Each horizon waits for a grace before the log hears of it.  One at a time is enough: what follows
 * meanwhile goes with the next. */
static bool drop(struct shard *shard, uint64_t now_ms, uint64_t whole)
{
    struct retention *retention = &shard->retention;
    const struct log_state *state = log_state(shard->world.log, shard->options.group);
    bool waits = false;

    if (state == NULL)
        return false;
    if (retention->drop_to != 0 && now_ms >= retention->drop_due_ms) {
        /* What a restart would apply again must stay until the log knows that it is applied. */
        uint64_t kept = state->applied < whole ? state->applied + 1 : whole + 1;
        /* Who has no more is sent what follows, and by its term what it follows on. */
        if (kept == whole + 1 && whole < state->last && !shard->options.rests)
            kept = whole;
        uint64_t first = retention->drop_to < kept ? retention->drop_to : kept;
        waits = retention->drop_to > whole + 1;
        if (first > state->first)
            log_trim(shard->world.log, shard->options.group, first);
        if (first + 1 >= retention->drop_to) /* all, or all but the entry before */
            retention->drop_to = 0;
    }
    if (retention->drop_to == 0 && state->first < retention->horizon) {
        retention->drop_to = retention->horizon;
        retention->drop_due_ms = now_ms + RETENTION_GRACE_MS;
    }
    return waits;
}

/* Step 4, from memory if possible.  ERR_NOT_FOUND: it is on the disk. */
static enum err learn_time(struct shard *shard)
{
    struct retention *retention = &shard->retention;
    struct entry_head head;
    enum err err =
        log_head(shard->world.log, shard->options.group, retention->horizon, &head);

    if (err == ERR_OK)
        retention->horizon_time_ms = head.time_ms;
    return err;
}

static void look_for_horizon(struct shard *shard, uint64_t cutoff_ms)
{
    struct retention *retention = &shard->retention;

    if (retention->busy || retention->horizon > shard->applied)
        return;
    if (retention->horizon_time_ms == 0 && learn_time(shard) == ERR_TRIMMED)
        retention_catch_up(shard);
    if (retention->horizon > shard->applied || retention->horizon_time_ms >= cutoff_ms)
        return;

    retention->busy = true;
    retention->seek = (struct log_seek){
        .group = shard->options.group,
        .first = retention->horizon,
        .last = shard->applied,
        .time_ms = cutoff_ms,
    };
    log_seek(shard->world.log, &retention->seek, on_seek);
}

bool shard_retain(struct shard *shard, uint64_t now_ms, uint64_t whole)
{
    if (shard->closing)
        return false;
    tail_rest(&shard->tail);
    bool waits = drop(shard, now_ms, whole);
    look_for_horizon(shard, retention_cutoff_ms(&shard->retention, now_ms));
    return waits;
}

static void on_read(struct log_read *read, enum err err)
{
    struct shard *shard = container_of(read, struct shard, retention.read);
    struct retention *retention = &shard->retention;

    if (err == ERR_OK && read->count > 0 && read->entries[0].head.index == retention->horizon)
        retention->horizon_time_ms = read->entries[0].head.time_ms;
    log_read_fini(read);
    retention->busy = false;
    shard_settle(shard);
}

static void on_seek(struct log_seek *seek, enum err err)
{
    struct shard *shard = container_of(seek, struct shard, retention.seek);
    struct retention *retention = &shard->retention;

    if (err == ERR_OK)
        move_horizon(shard, seek->index);
    else if (err == ERR_TRIMMED)
        retention_catch_up(shard);

    /* On any other error the next round tries again. */
    bool unknown = err == ERR_OK && !shard->closing && retention->horizon <= shard->applied &&
                   learn_time(shard) == ERR_NOT_FOUND;
    if (!unknown) {
        retention->busy = false;
        shard_settle(shard);
        return;
    }
    retention->read = (struct log_read){
        .group = shard->options.group,
        .first = retention->horizon,
        .last = retention->horizon,
        .heads_only = true,
    };
    log_read(shard->world.log, &retention->read, on_read);
}

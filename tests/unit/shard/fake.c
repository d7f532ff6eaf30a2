#include "fake.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "shard/command.h"

/* ---- clock ---- */

uint64_t clock_mono_ms(struct clock *clock)
{
    return clock->mono_ms;
}

void defer_run(struct clock *clock, struct defer *defer, defer_cb cb)
{
    if (defer_waits(defer))
        return;
    defer->cb = cb;
    list_append(&clock->defers, &defer->link);
}

uint64_t clock_wall_ms(struct clock *clock)
{
    return clock->wall_ms;
}

void defer_cancel(struct defer *defer)
{
    if (defer_waits(defer))
        list_remove(&defer->link);
}

/* The shard has one timer. */
void timer_start(struct clock *clock, struct timer *timer, uint64_t after_ms, timer_cb cb)
{
    ensure(clock->timer == NULL || clock->timer == timer);
    timer->cb = cb;
    timer->clock = clock;
    clock->timer = timer;
    clock->timer_ms = clock->mono_ms + after_ms;
}

void timer_stop(struct timer *timer)
{
    if (timer->clock != NULL)
        timer->clock->timer = NULL;
    timer->clock = NULL;
}

void fake_defers(struct fake *fake)
{
    for (struct list_node *node; (node = list_pop(&fake->clock.defers)) != NULL;) {
        struct defer *defer = container_of(node, struct defer, link);
        defer->cb(defer);
    }
}

/* ---- log ---- */

static const struct log_read_entry *entry_at(const struct log *log, uint64_t index)
{
    return &log->entries[index - log->state.start_index - 1];
}

const struct log_state *log_state(const struct log *log, uint64_t group)
{
    return group == log->state.group ? &log->state : NULL;
}

void log_applied(struct log *log, uint64_t group, uint64_t index, uint64_t term, uint64_t time_ms,
                 struct slice image)
{
    ensure(group == log->state.group && index >= log->state.applied);
    log->state.applied = index;
    log->state.applied_term = term;
    log->state.applied_time_ms = time_ms;
    log->state.image_bytes = (uint32_t)image.len;
    memcpy(log->state.image, image.data, image.len);
}

enum err log_head(const struct log *log, uint64_t group, uint64_t index, struct entry_head *ret)
{
    ensure(group == FAKE_GROUP);
    if (index < log->state.first)
        return ERR_TRIMMED;
    if (index > log->state.last || !log->heads_in_memory)
        return ERR_NOT_FOUND;
    *ret = entry_at(log, index)->head;
    return ERR_OK;
}

void log_trim(struct log *log, uint64_t group, uint64_t first)
{
    ensure(group == FAKE_GROUP);
    ensure(first >= log->state.first && first <= log->state.applied + 1);
    log->state.first = first;
    log->trims_total++;
}

void log_read(struct log *log, struct log_read *req, log_read_cb cb)
{
    ensure(req->group == FAKE_GROUP && req->first <= req->last);
    ensure(log->read_count < FAKE_ASKED_MAX);
    req->cb = cb;
    log->reads[log->read_count++] = req;
    log->reads_total++;
    log->last_asked = req->last;
}

void log_read_fini(struct log_read *req)
{
    for (uint32_t at = 0; at < req->count; at++)
        buf_unref(req->entries[at].payload);
    free(req->entries);
    req->entries = NULL;
    req->count = 0;
}

void log_seek(struct log *log, struct log_seek *req, log_seek_cb cb)
{
    ensure(req->group == FAKE_GROUP && req->first <= req->last);
    ensure(log->seek_count < FAKE_ASKED_MAX);
    req->cb = cb;
    log->seeks[log->seek_count++] = req;
    log->seeks_total++;
}

static enum err range_err(const struct log *log, uint64_t first)
{
    if (log->err != ERR_OK)
        return log->err;
    if (first < log->state.first)
        return ERR_TRIMMED;
    return first > log->state.last ? ERR_NOT_FOUND : ERR_OK;
}

static void answer_read(struct log *log, struct log_read *req)
{
    enum err err = range_err(log, req->first);
    size_t bytes = 0;
    uint64_t records = 0;

    if (err == ERR_OK && req->first == log->damaged && !req->heads_only)
        err = ERR_CORRUPT;

    if (err == ERR_OK) {
        req->entries = calloc(LOG_READ_ENTRIES_MAX, sizeof(*req->entries));
        ensure(req->entries != NULL);
        for (uint64_t index = req->first; index <= req->last && index <= log->state.last; index++) {
            const struct log_read_entry *entry = entry_at(log, index);
            bytes += entry->head.length;
            if (req->count == LOG_READ_ENTRIES_MAX ||
                (index == log->damaged && !req->heads_only) ||
                (req->count > 0 && !req->heads_only && bytes > req->bytes_max) ||
                (req->records_max > 0 && records >= req->records_max))
                break;
            if (entry->head.time_ms >= req->since_ms)
                records += entry->head.records;
            req->entries[req->count++] = (struct log_read_entry){
                .head = entry->head,
                .payload = req->heads_only ? NULL : buf_ref(entry->payload),
            };
        }
    }
    log->last_given = req->count;
    req->cb(req, err);
}

static void answer_seek(struct log *log, struct log_seek *req)
{
    enum err err = range_err(log, req->first);

    if (err == ERR_OK) {
        req->index = req->first;
        while (req->index <= req->last && entry_at(log, req->index)->head.time_ms < req->time_ms)
            req->index++;
    }
    req->cb(req, err);
}

void fake_turn(struct fake *fake)
{
    struct log *log = &fake->log;

    do {
        fake_defers(fake);
        struct log_read *reads[FAKE_ASKED_MAX];
        struct log_seek *seeks[FAKE_ASKED_MAX];
        uint32_t read_count = log->read_count, seek_count = log->seek_count;
        memcpy(reads, log->reads, sizeof(reads));
        memcpy(seeks, log->seeks, sizeof(seeks));
        log->read_count = log->seek_count = 0;
        for (uint32_t at = 0; at < read_count; at++)
            answer_read(log, reads[at]);
        for (uint32_t at = 0; at < seek_count; at++)
            answer_seek(log, seeks[at]);
    } while (!list_empty(&fake->clock.defers) || log->read_count > 0 || log->seek_count > 0);
}

/* ---- replica ---- */

enum err replica_open(struct replica **ret, struct roster *roster, uint64_t group,
                      uint64_t preferred, bool eager, const struct replica_events *events,
                      void *ctx, struct reason *reason)
{
    struct replica *replica = roster->replica;

    if (replica->refuse != ERR_OK)
        return replica->refuse;
    replica->events = events;
    replica->ctx = ctx;
    *ret = replica;
    return ERR_OK;
}

void replica_close(struct replica *replica, void (*closed)(void *ctx), void *ctx)
{
    replica->closed = closed;
    replica->closed_ctx = ctx;
}

void replica_prefer(struct replica *replica, uint64_t preferred)
{
    replica->preferred = preferred;
}

enum err replica_propose(struct replica *replica, struct proposal *proposal, enum entry_type type,
                         struct buf *payload, uint16_t records, proposal_cb cb)
{
    ensure(type == ENTRY_RECORDS || type == ENTRY_SEAL);
    if (replica->refuse != ERR_OK)
        return replica->refuse;
    ensure(replica->proposal == NULL);
    proposal->cb = cb;
    replica->proposal = proposal;
    replica->payload = buf_ref(payload);
    replica->records = records;
    replica->proposals_total++;
    replica->type = type;
    return ERR_OK;
}

struct replica_status replica_status(const struct replica *replica)
{
    return (struct replica_status){ .group = FAKE_GROUP,
                                    .role = replica->role,
                                    .applied_time_ms = replica->applied_time_ms };
}

bool replica_is_behind(const struct replica *replica, uint64_t node)
{
    return false;
}

bool replica_has_lease(const struct replica *replica)
{
    return replica->lease;
}

uint64_t replica_heard_ms(const struct replica *replica)
{
    return replica->heard_ms;
}

/* ---- the test's own ---- */

void fake_init(struct fake *fake)
{
    memset(fake, 0, sizeof(*fake));
    fake->clock.mono_ms = 5000;
    fake->clock.wall_ms = 1000000000;
    list_init(&fake->clock.defers);
    fake->log.state = (struct log_state){
        .group = FAKE_GROUP, .start_index = 1, .start_term = 1, .first = 2, .last = 1, .applied = 1
    };
    fake->log.heads_in_memory = true;
    fake->replica.role = REPLICA_LEADER;
    fake->replica.lease = true;
    fake->roster.replica = &fake->replica;
}

void fake_fini(struct fake *fake)
{
    for (uint32_t at = 0; at < fake->log.count; at++)
        buf_unref(fake->log.entries[at].payload);
    buf_unref(fake->replica.payload);
}

void fake_apply(struct fake *fake, enum entry_type type, struct buf *payload, uint16_t records,
                bool in_memory)
{
    struct log *log = &fake->log;
    struct entry_head head = {
        .group = FAKE_GROUP,
        .index = log->state.last + 1,
        .term = 2,
        .time_ms = fake->clock.wall_ms,
        .length = payload == NULL ? 0 : (uint32_t)payload->len,
        .records = records,
        .type = (uint8_t)type,
    };

    ensure(log->count < FAKE_ENTRIES_MAX);
    log->entries[log->count++] =
        (struct log_read_entry){ .head = head, .payload = buf_ref(payload) };
    log->state.last = log->state.applied = head.index;
    fake->replica.applied_time_ms = head.time_ms;
    fake->replica.events->applied(fake->replica.ctx, &head, in_memory ? payload : NULL);
}

void fake_apply_records(struct fake *fake, uint16_t count, size_t data_bytes, bool in_memory)
{
    unsigned char *data = calloc(1, data_bytes + 1);
    struct record record = { .key = slice_text("k"), .data = slice_of(data, data_bytes) };
    struct buf *payload = buf_new(count * command_record_bytes(&record));

    ensure(data != NULL && payload != NULL);
    unsigned char *to = payload->data;
    for (uint16_t at = 0; at < count; at++) {
        if (data_bytes > 0)
            data[0] = (unsigned char)at;
        to = command_encode_record(to, &record);
    }
    fake_apply(fake, ENTRY_RECORDS, payload, count, in_memory);
    buf_unref(payload);
    free(data);
}

static struct proposal *land(struct replica *replica, struct buf **payload)
{
    struct proposal *proposal = replica->proposal;

    ensure(proposal != NULL);
    *payload = replica->payload;
    replica->proposal = NULL;
    replica->payload = NULL;
    return proposal;
}

void fake_commit(struct fake *fake)
{
    struct buf *payload;
    struct proposal *proposal = land(&fake->replica, &payload);

    if (fake->replica.events != NULL)
        fake_apply(fake, ENTRY_RECORDS, payload, fake->replica.records, true);
    else
        fake->log.state.last++;
    buf_unref(payload);
    proposal->index = fake->log.state.last;
    proposal->time_ms = fake->clock.wall_ms;
    proposal->cb(proposal, ERR_OK, proposal->index);
}

void fake_depose(struct fake *fake)
{
    struct buf *payload;
    struct proposal *proposal = land(&fake->replica, &payload);

    buf_unref(payload);
    fake->replica.refuse = ERR_NOT_LEADER;
    proposal->cb(proposal, ERR_UNKNOWN, 0);
}

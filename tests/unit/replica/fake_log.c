/* fake_log.c - log.h in memory, with a disk that is written later. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

#define WRITE_MS 1u

static struct fake_group *group_of(const struct log *log, uint64_t group)
{
    struct log *writable = &log->node->log;

    for (uint32_t k = 0; k < FAKE_GROUPS_MAX; k++)
        if (writable->groups[k].state.group == group)
            return &writable->groups[k];
    return NULL;
}

static uint64_t gather(struct log *log)
{
    log->gathered = true;
    return log->turn;
}

const struct log_state *log_state(const struct log *log, uint64_t group)
{
    struct fake_group *found = group_of(log, group);

    return found == NULL ? NULL : &found->state;
}

static void group_entry(struct fake_group *group, const struct entry_head *head,
                        struct buf *payload)
{
    assert_int_equal(head->index, group->state.last + 1);
    assert_true(head->index < FAKE_ENTRIES_MAX);
    group->heads[head->index] = *head;
    group->payloads[head->index] = buf_ref(payload);
    group->state.last = head->index;
    group->state.last_term = head->term;
    group->state.last_time_ms = head->time_ms;
}

static void group_cut(struct fake_group *group, uint64_t from)
{
    for (uint64_t k = from; k <= group->state.last; k++) {
        buf_unref(group->payloads[k]);
        group->payloads[k] = NULL;
    }
    group->state.last = from - 1;
    group->state.last_term = group->heads[from - 1].term;
    group->state.last_time_ms = group->heads[from - 1].time_ms;
}

static void group_write(struct fake_group *group, const struct fake_write *write)
{
    switch (write->kind) {
    case WRITE_ENTRY:
        group_entry(group, &write->head, write->payload);
        break;
    case WRITE_CUT:
        group_cut(group, write->index);
        break;
    case WRITE_HARD:
        group->state.term = write->term;
        group->state.vote = write->vote;
        break;
    case WRITE_APPLIED:
        group->state.applied = write->index;
        group->state.applied_term = write->term;
        break;
    }
}

/* Changes what is in memory now, and the disk when its turn is durable. */
static uint64_t log_write(struct log *log, const struct fake_write *write)
{
    struct fake_write *queued = malloc(sizeof(*queued));

    *queued = *write;
    queued->turn = log->turn;
    list_append(&log->writes, &queued->link);
    group_write(group_of(log, write->group), write);
    return gather(log);
}

/* The first write that waits reaches the disk, or is lost. */
static void write_end(struct log *log, bool written)
{
    struct fake_write *write = container_of(list_pop(&log->writes), struct fake_write, link);

    if (written)
        group_write(&log->disk[write->group], write);
    buf_unref(write->payload);
    free(write);
}

uint64_t log_entry(struct log *log, const struct entry_head *head, struct buf *payload)
{
    struct fake_write write = { .group = head->group, .kind = WRITE_ENTRY, .head = *head };

    assert_int_equal(payload == NULL ? 0 : payload->len, head->length);
    assert_true(entry_matches(head, payload == NULL ? slice_of(NULL, 0) : buf_slice(payload)));
    if (payload != NULL)
        write.payload = buf_copy(buf_slice(payload));
    return log_write(log, &write);
}

uint64_t log_truncate(struct log *log, uint64_t group, uint64_t from)
{
    return log_write(log, &(struct fake_write){ .group = group, .kind = WRITE_CUT, .index = from });
}

uint64_t log_hard(struct log *log, uint64_t group, uint64_t term, uint64_t vote)
{
    return log_write(log, &(struct fake_write){
                              .group = group, .kind = WRITE_HARD, .term = term, .vote = vote });
}

uint64_t log_turn(const struct log *log)
{
    return log->turn;
}

uint64_t log_durable(const struct log *log)
{
    return log->durable;
}

struct log_recovery log_recovery(const struct log *log)
{
    return (struct log_recovery){ .last_turn = log->found, .whole_turn = log->found };
}

size_t log_pending_bytes(const struct log *log)
{
    return 0;
}

bool log_has_reserve(const struct log *log, size_t bytes)
{
    return true;
}

bool log_has_room(const struct log *log, size_t bytes)
{
    return !log->full && (log->room_bytes == 0 || bytes <= log->room_bytes);
}

void log_applied(struct log *log, uint64_t group, uint64_t index, uint64_t term, uint64_t time_ms,
                 struct slice image)
{
    struct fake_group *found = group_of(log, group);

    assert_true(index > found->state.applied);
    assert_int_equal(found->heads[index].term, term);
    found->state.applied_time_ms = time_ms;
    log_write(log, &(struct fake_write){
                       .group = group, .kind = WRITE_APPLIED, .index = index, .term = term });
}

void log_trim(struct log *log, uint64_t group, uint64_t first)
{
    struct fake_group *found = group_of(log, group);

    assert_true(first <= found->state.applied + 1);
    found->state.first = first;
}

enum err log_head(const struct log *log, uint64_t group, uint64_t index, struct entry_head *ret)
{
    const struct fake_group *found = group_of(log, group);

    if (index < found->state.first)
        return ERR_TRIMMED;
    /* As if all but the newest lay in full segments. */
    if (index + 10 < found->state.last || index > found->state.last)
        return ERR_NOT_FOUND;
    *ret = found->heads[index];
    return ERR_OK;
}

enum err log_heads_now(struct log *log, uint64_t group, uint64_t first, uint64_t last,
                       struct entry_head *heads, struct reason *reason)
{
    const struct fake_group *found = group_of(log, group);

    for (uint64_t k = first; k <= last; k++)
        heads[k - first] = found->heads[k];
    return ERR_OK;
}

struct reading {
    struct timer timer;
    struct log *log;
    struct log_read *req;
};

static void reading_done(struct timer *timer)
{
    struct reading *reading = container_of(timer, struct reading, timer);
    struct log_read *req = reading->req;
    const struct fake_group *group = group_of(reading->log, req->group);
    size_t bytes = 0;

    assert_true(req->first >= group->state.first && req->first <= group->state.last);
    req->entries = calloc(req->last - req->first + 1, sizeof(*req->entries));
    req->count = 0;
    for (uint64_t k = req->first; k <= req->last && k <= group->state.last; k++) {
        bytes += group->heads[k].length;
        if (req->count > 0 && bytes > req->bytes_max)
            break;
        req->entries[req->count++] =
            (struct log_read_entry){ group->heads[k], buf_ref(group->payloads[k]) };
    }
    reading->log->reads++;
    reading->log->reading--;
    free(reading);
    req->cb(req, ERR_OK);
}

void log_read(struct log *log, struct log_read *req, log_read_cb cb)
{
    struct reading *reading = calloc(1, sizeof(*reading));

    req->cb = cb;
    reading->log = log;
    reading->req = req;
    if (++log->reading > log->reading_most)
        log->reading_most = log->reading;
    timer_start(&log->node->clock, &reading->timer, 1 + log->reads_take_ms, reading_done);
}

void log_read_fini(struct log_read *req)
{
    for (uint32_t k = 0; k < req->count; k++)
        buf_unref(req->entries[k].payload);
    free(req->entries);
    req->entries = NULL;
    req->count = 0;
}

/* One write in flight; what gathers meanwhile is the next. */
void fake_log_step(struct log *log)
{
    uint64_t now = log->node->fake->now_ms;

    if (log->stalled)
        return;
    if (log->write_done_ms != 0 && log->write_done_ms <= now) {
        log->write_done_ms = 0;
        log->durable = log->write_turn;
        while (!list_empty(&log->writes) &&
               container_of(list_first(&log->writes), struct fake_write, link)->turn <=
                   log->durable)
            write_end(log, true);
        if (log->node->roster != NULL)
            roster_durable(log->node->roster, log->durable);
    }
    if (log->write_done_ms == 0 && log->gathered) {
        log->write_turn = log->turn++;
        log->gathered = false;
        log->write_done_ms = now + WRITE_MS;
    }
}

static void group_free(struct fake_group *group)
{
    for (uint64_t k = 0; group->payloads != NULL && k < FAKE_ENTRIES_MAX; k++)
        buf_unref(group->payloads[k]);
    free(group->payloads);
    free(group->heads);
    *group = (struct fake_group){ .heads = NULL };
}

static void group_copy(struct fake_group *to, const struct fake_group *from)
{
    to->state = from->state;
    to->heads = calloc(FAKE_ENTRIES_MAX, sizeof(*to->heads));
    to->payloads = calloc(FAKE_ENTRIES_MAX, sizeof(*to->payloads));
    memcpy(to->heads, from->heads, (from->state.last + 1) * sizeof(*to->heads));
    for (uint64_t k = 0; k <= from->state.last; k++)
        to->payloads[k] = buf_ref(from->payloads[k]);
}

void fake_log_fini(struct log *log)
{
    while (!list_empty(&log->writes))
        write_end(log, false);
    for (uint32_t k = 0; k < FAKE_GROUPS_MAX; k++) {
        group_free(&log->groups[k]);
        group_free(&log->disk[k]);
    }
}

void fake_log_power_off(struct log *log, uint64_t kept)
{
    while (!list_empty(&log->writes)) {
        write_end(log, kept > 0);
        kept -= kept > 0;
    }
    log->gathered = log->stalled = false;
    log->write_done_ms = 0;
    log->durable = log->turn++;
    for (uint32_t k = 0; k < FAKE_GROUPS_MAX; k++) {
        if (log->disk[k].state.group == 0)
            continue;
        group_free(&log->groups[k]);
        group_copy(&log->groups[k], &log->disk[k]);
    }
}

void fake_start(struct fake_node *node, uint64_t group, uint32_t members)
{
    struct fake_group *made = &node->log.groups[group];

    made->state = (struct log_state){ .group = group,
                                      .epoch = 1,
                                      .member_count = members,
                                      .start_index = 1,
                                      .start_term = 1,
                                      .first = 2,
                                      .last = 1,
                                      .last_term = 1 };
    for (uint32_t k = 0; k < members; k++)
        made->state.members[k] = k + 1;
    made->heads = calloc(FAKE_ENTRIES_MAX, sizeof(*made->heads));
    made->payloads = calloc(FAKE_ENTRIES_MAX, sizeof(*made->payloads));
    made->heads[1].term = 1;
    group_copy(&node->log.disk[group], made);
}

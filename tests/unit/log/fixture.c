#include "fixture.h"

#include "base/ensure.h"

#define FIRST_TIME_MS 1700000000000ull

static void on_durable(void *ctx, uint64_t turn)
{
    struct node *node = ctx;

    ensure(turn > node->durable);
    node->durable = turn;
}

static void on_failed(void *ctx, const struct reason *reason)
{
    struct node *node = ctx;

    ensure(!node->failed);
    node->failed = true;
    node->reason = *reason;
}

static void on_spoiled(void *ctx, const struct reason *reason)
{
    struct node *node = ctx;

    on_failed(ctx, reason);
    node->spoiled = true;
}

void node_clear(struct node *node)
{
    memset(node, 0, sizeof(*node));
    node->id = NODE_ID;
    node->segment_bytes = MIB;
    node->now_ms = FIRST_TIME_MS;
    random_init(&node->random, 42);
}

static void on_damaged(void *ctx, const struct log_damage *damage, const struct reason *why)
{
    struct node *node = ctx;

    node->damage = *damage;
    node->damage_why = *why;
    node->damages++;
}

struct log_options node_options(struct node *node)
{
    node->durable = 0;
    node->failed = node->spoiled = node->closed = false;
    return (struct log_options){
        .node = node->id,
        .segment_bytes = node->segment_bytes,
        .segments_ahead = 2,
        .log_bytes_max = node->bytes_max,
        .on_durable = on_durable,
        .on_failed = on_failed,
        .on_spoiled = on_spoiled,
        .on_damaged = on_damaged,
        .ctx = node,
    };
}

void node_open(struct node *node)
{
    if (node_try_open(node) != ERR_OK)
        fail_msg("%s", node->reason.text);
}

void node_reopen(struct node *node)
{
    node_close(node);
    node_open(node);
}

void node_wait(struct node *node, uint64_t turn)
{
    while (node->durable < turn)
        node_turn(node);
}

void node_wait_all(struct node *node)
{
    while (log_pending_bytes(node->log) > 0 || node->durable + 1 < log_turn(node->log))
        node_turn(node);
}

static bool count_row(void *ctx, struct slice key, struct slice value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)ctx;
    return true;
}

void node_wait_filed(struct node *node)
{
    struct slice all = slice_of(NULL, 0);

    node_wait_all(node);
    for (;;) {
        uint64_t rows = 0;
        assert_int_equal(
            table_scan(node->table, TABLE_SEGMENT, all, all, count_row, &rows, &node->reason),
            ERR_OK);
        struct log_figures figures = log_figures(node->log);
        if (rows == figures.segments_full && figures.segments_unfiled == 0) /* it has heard of it */
            return;
        node_turn(node);
    }
}

static struct model_group *group_of(struct node *node, uint64_t group)
{
    assert_true(group > 0 && group < GROUPS);
    return &node->groups[group];
}

static uint64_t start_at(struct node *node, uint64_t group, uint64_t term)
{
    const struct model_group *model = &node->groups[group];
    struct log_state start = {
        .group = group,
        .epoch = model->epoch,
        .member_count = 3,
        .members = { NODE_ID, 8, 9 },
        .start_index = model->applied,
        .start_term = term,
        .term = model->term,
        .vote = model->vote,
        .last_time_ms = model->count > 0 ? model->entries[model->count - 1].time_ms : 0,
        .image_bytes = 4,
        .image = { 'i', 'm', 'g', (unsigned char)group },
    };

    return node->log == NULL ? 0 : log_start(node->log, &start);
}

uint64_t node_start(struct node *node, uint64_t group)
{
    struct model_group *model = group_of(node, group);

    *model =
        (struct model_group){ .exists = true, .epoch = 1, .start = 1, .term = 1, .first = 2 };
    model->applied = 1;
    return start_at(node, group, 1);
}

uint64_t node_start_again(struct node *node, uint64_t group, uint64_t at)
{
    struct model_group *model = group_of(node, group);
    uint64_t term = at == model->start ? 1 : model->entries[at - model->start - 1].term;

    assert_true(model->exists && (at == model->start || at >= model->applied));
    model->epoch++;
    model->count = (uint32_t)(at - model->start);
    model->applied = at;
    if (model->first > at + 1)
        model->first = at + 1;
    return start_at(node, group, term);
}

struct buf *model_payload(uint64_t group, uint64_t index, const struct model_entry *entry)
{
    uint64_t seed = group * 1000003 + index * 8191 + entry->term * 31 + 1;

    if (entry->length == 0)
        return NULL;
    struct buf *payload = buf_new(entry->length);
    for (uint32_t i = 0; i < entry->length; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        payload->data[i] = (unsigned char)(seed >> 56);
    }
    return payload;
}

uint64_t model_last(const struct node *node, uint64_t group)
{
    return node->groups[group].start + node->groups[group].count;
}

struct entry_head model_head(const struct node *node, uint64_t group, uint64_t index)
{
    const struct model_group *model = &node->groups[group];
    const struct model_entry *entry = &model->entries[index - model->start - 1];
    struct entry_head head = {
        .group = group,
        .index = index,
        .term = entry->term,
        .time_ms = entry->time_ms,
        .epoch = entry->epoch,
        .length = entry->length,
        .records = entry->length > 0 ? 1 : 0,
        .type = entry->length > 0 ? ENTRY_RECORDS : ENTRY_BARRIER,
    };
    AUTO_UNREF struct buf *payload = model_payload(group, index, entry);

    head.crc = entry_crc(&head, payload == NULL ? slice_of(NULL, 0) : buf_slice(payload));
    return head;
}

uint64_t node_append(struct node *node, uint64_t group, uint32_t length)
{
    struct model_group *model = group_of(node, group);

    assert_true(model->exists && model->count < ENTRIES_MAX);
    node->now_ms += 10;
    model->entries[model->count++] = (struct model_entry){
        .term = model->term, .time_ms = node->now_ms, .epoch = model->epoch, .length = length
    };
    if (node->log == NULL)
        return 0;

    uint64_t index = model_last(node, group);
    struct entry_head head = model_head(node, group, index);
    AUTO_UNREF struct buf *payload = model_payload(group, index, &model->entries[model->count - 1]);
    return log_entry(node->log, &head, payload);
}

void node_fill(struct node *node, uint64_t group, unsigned count, uint32_t length)
{
    for (unsigned i = 0; i < count; i++) {
        node_append(node, group, length);
        node_wait_all(node);
    }
}

uint64_t node_truncate(struct node *node, uint64_t group, uint64_t from)
{
    struct model_group *model = group_of(node, group);

    if (from <= model_last(node, group))
        model->count = (uint32_t)(from - model->start - 1);
    return node->log == NULL ? 0 : log_truncate(node->log, group, from);
}

uint64_t node_hard(struct node *node, uint64_t group, uint64_t term, uint64_t vote)
{
    struct model_group *model = group_of(node, group);

    model->term = term;
    model->vote = vote;
    return node->log == NULL ? 0 : log_hard(node->log, group, term, vote);
}

void node_apply(struct node *node, uint64_t group, uint64_t index)
{
    struct model_group *model = group_of(node, group);
    model->applied = index;
    if (node->log == NULL)
        return;
    struct entry_head head = model_head(node, group, index);
    log_applied(node->log, group, index, head.term, head.time_ms, slice_text("applied"));
}

void node_trim(struct node *node, uint64_t group, uint64_t first)
{
    group_of(node, group)->first = first;
    if (node->log != NULL)
        log_trim(node->log, group, first);
}

void node_forget(struct node *node, uint64_t group)
{
    group_of(node, group)->exists = false;
    if (node->log != NULL)
        log_forget(node->log, group);
}

static uint64_t between(struct random *random, uint64_t low, uint64_t high)
{
    return low + random_below(random, high - low + 1);
}

static void random_append(struct node *node, struct random *random, uint64_t group)
{
    static const uint32_t lengths[] = { 1, 300, 3000, 20000, 120000 };
    uint32_t max = lengths[random_below(random, 40) == 0 ? 4 : random_below(random, 4)];

    node_append(node, group, random_below(random, 20) == 0 ? 0 : (uint32_t)between(random, 1, max));
}

void node_random_op(struct node *node, struct random *random)
{
    uint64_t group = between(random, 1, random_below(random, 3) == 0 ? GROUPS - 1 : 6);
    struct model_group *model = &node->groups[group];
    uint64_t choice = random_below(random, 1000);
    uint64_t floor, last;

    if (!model->exists) {
        node_start(node, group);
        return;
    }
    last = model_last(node, group);
    floor = model->applied > model->start ? model->applied : model->start;
    if (choice < 2 || model->count == ENTRIES_MAX)
        node_forget(node, group);
    else if (choice < 40 && floor < last) {
        node_hard(node, group, model->term + 1, between(random, 0, 3));
        node_truncate(node, group, between(random, floor + 1, last));
    } else if (choice < 80)
        node_hard(node, group, model->term + 1, between(random, 0, 3));
    else if (choice < 180 && floor < last)
        node_apply(node, group, between(random, floor + 1, last));
    else if (choice < 220 && model->applied > model->start)
        node_trim(node, group, between(random, model->first, model->applied + 1));
    else if (choice < 224)
        node_start_again(node, group, choice == 220 ? model->start : between(random, floor, last));
    else
        random_append(node, random, group);
}

bool node_matches(const struct node *node)
{
    for (uint64_t group = 1; group < GROUPS; group++) {
        const struct model_group *model = &node->groups[group];
        const struct log_state *state = log_state(node->log, group);
        if ((state != NULL) != model->exists)
            return false;
        if (state == NULL)
            continue;
        if (state->epoch != model->epoch || state->term != model->term ||
            state->vote != model->vote ||
            state->last != model_last(node, group))
            return false;
        if (model->count > 0 &&
            (state->last_term != model->entries[model->count - 1].term ||
             state->last_time_ms != model->entries[model->count - 1].time_ms))
            return false;
    }
    return true;
}

void node_take_hints(struct node *node)
{
    for (uint64_t group = 1; group < GROUPS; group++) {
        struct model_group *model = &node->groups[group];
        const struct log_state *state = log_state(node->log, group);
        if (state == NULL)
            continue;
        assert_true(state->applied >= state->start_index && state->applied <= state->last);
        assert_true(state->first <= state->applied + 1);
        model->first = state->first;
        model->applied = state->applied;
    }
}

struct waiting {
    enum err err;
    bool done;
};

static struct waiting waiting;

static void on_read(struct log_read *req, enum err err)
{
    (void)req;
    waiting = (struct waiting){ err, true };
}

enum err node_read(struct node *node, struct log_read *req)
{
    waiting.done = false;
    log_read(node->log, req, on_read);
    assert_false(waiting.done); /* never from inside the call */
    while (!waiting.done)
        node_turn(node);
    return waiting.err;
}

static void check_entry(struct node *node, uint64_t group, const struct log_read_entry *entry)
{
    struct entry_head expected = model_head(node, group, entry->head.index);
    const struct model_group *model = &node->groups[group];
    unsigned char a[ENTRY_HEAD_BYTES], b[ENTRY_HEAD_BYTES];

    entry_head_encode(&expected, a);
    entry_head_encode(&entry->head, b);
    assert_memory_equal(a, b, sizeof(a));
    AUTO_UNREF struct buf *payload = model_payload(
        group, expected.index, &model->entries[expected.index - model->start - 1]);
    if (payload == NULL) {
        assert_null(entry->payload);
        return;
    }
    assert_non_null(entry->payload);
    assert_int_equal(entry->payload->len, payload->len);
    assert_memory_equal(entry->payload->data, payload->data, payload->len);
}

static void check_entries(struct node *node, uint64_t group)
{
    const struct model_group *model = &node->groups[group];
    uint64_t last = model_last(node, group);

    for (uint64_t next = model->first; next <= last;) {
        struct log_read req = {
            .group = group, .first = next, .last = last, .bytes_max = 300 * 1024
        };
        enum err err = node_read(node, &req);
        if (err != ERR_OK)
            fail_msg("group %lu entry %lu: %s: %s", (unsigned long)group, (unsigned long)next,
                     err_name(err), req.reason.text);
        assert_true(req.count > 0);
        for (uint32_t i = 0; i < req.count; i++) {
            assert_int_equal(req.entries[i].head.index, next);
            check_entry(node, group, &req.entries[i]);
            next++;
        }
        log_read_fini(&req);
    }
}

void node_check(struct node *node)
{
    uint64_t known = 0;

    for (uint64_t group = 1; group < GROUPS; group++) {
        const struct model_group *model = &node->groups[group];
        const struct log_state *state = log_state(node->log, group);
        if (!model->exists) {
            assert_null(state);
            continue;
        }
        assert_non_null(state);
        assert_ptr_equal(log_state_next(node->log, known), state);
        known = group;
        assert_int_equal(state->epoch, model->epoch);
        assert_int_equal(state->member_count, 3);
        assert_int_equal(state->members[2], 9);
        assert_int_equal(state->term, model->term);
        assert_int_equal(state->vote, model->vote);
        assert_int_equal(state->last, model_last(node, group));
        if (model->count > 0) {
            assert_int_equal(state->last_term, model->entries[model->count - 1].term);
            assert_int_equal(state->last_time_ms, model->entries[model->count - 1].time_ms);
        }
        check_entries(node, group);
    }
    assert_null(log_state_next(node->log, known));
}

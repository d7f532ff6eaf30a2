/* What a member of the newest epoch, or one that has left with its SEAL, answers to those who are
 * behind. */
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "control/epoch_message.h"
#include "control/succession.h"

/* A pull on its way through the log. */
struct pulled {
    struct list_node link; /* in succession.pulls_waiting */
    struct log_read read;
    struct net_incoming *incoming;
    struct control *control;
    bool at_once; /* without its turn, and besides those that have theirs */
};

static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void on_pull(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void pulls_read(struct control *control);
static void on_read(struct log_read *read, enum err err);
static void refuse_all(void *ctx, const struct net_message *message,
                       struct net_incoming *incoming);

void epoch_serve_open(struct control *control)
{
    list_init(&control->succession.pulls_waiting);
    pace_init(&control->succession.pace);
    net_handle(control->world.net, NET_EPOCH_ASK, NULL, on_ask, control);
    net_handle(control->world.net, NET_EPOCH_PULL, NULL, on_pull, control);
}

void epoch_serve_close(struct control *control)
{
    timer_stop(&control->succession.pace_timer);
    net_handle(control->world.net, NET_EPOCH_ASK, NULL, refuse_all, NULL);
    net_handle(control->world.net, NET_EPOCH_PULL, NULL, refuse_all, NULL);
    for (struct list_node *node; (node = list_pop(&control->succession.pulls_waiting)) != NULL;) {
        struct pulled *pulled = container_of(node, struct pulled, link);
        net_answer(pulled->incoming, ERR_CLOSED, NULL, 0);
        control->succession.pulls--;
        free(pulled);
    }
}

static void refuse_all(void *ctx, const struct net_message *message,
                       struct net_incoming *incoming)
{
    net_answer(incoming, ERR_CLOSED, NULL, 0);
}

static bool has_left(const struct log_state *state, uint64_t node)
{
    for (uint32_t i = 0; i < state->member_count; i++)
        if (state->members[i] == node)
            return false;
    return state->member_count > 0;
}

bool epoch_serves_left(const struct control *control, uint64_t group)
{
    const struct log_state *state = log_state(control->log, group);

    return state != NULL && has_left(state, control->options.node) &&
           log_started(control->log, group) && !host_has(control, group) &&
           !MUTANT(left_at_once);
}

/* A shard that is open here in an epoch that goes on.  NULL otherwise. */
static const struct shard *member_of(const struct control *control, uint64_t group,
                                     struct replica_status *status)
{
    const struct shard *shard = host_find(control, group);

    if (shard == NULL)
        return NULL;
    *status = shard_status(shard).replica;
    return status->over || status->group != group ? NULL : shard;
}

/* As it was when this node left. */
static bool answer_fill_left(const struct control *control, uint64_t group,
                             struct epoch_answer *answer)
{
    const struct log_state *state = log_state(control->log, group);

    *answer = (struct epoch_answer){
        .epoch = state->epoch,
        .member_count = state->member_count,
        .first = state->first,
        .applied = state->applied,
        .applied_term = state->applied_term,
        .applied_time_ms = state->applied_time_ms,
        .image_bytes = state->image_bytes,
    };
    memcpy(answer->members, state->members, sizeof(answer->members));
    memcpy(answer->image, state->image, sizeof(answer->image));
    return answer->first <= answer->applied + 1;
}

static bool answer_fill(const struct control *control, uint64_t group,
                        struct epoch_answer *answer)
{
    if (epoch_serves_left(control, group))
        return answer_fill_left(control, group, answer);

    const struct log_state *state = log_state(control->log, group);
    struct replica_status status;
    const struct shard *shard = member_of(control, group, &status);

    /* Who acts on an epoch gives up the one before: that it has begun must not be lost any more. */
    if (shard == NULL || state == NULL || state->epoch != status.epoch ||
        (!log_started(control->log, group) && !MUTANT(joined_by_hearsay)))
        return false;
    *answer = (struct epoch_answer){
        .epoch = status.epoch,
        .member_count = state->member_count,
        .first = state->first,
        .applied = status.applied,
        .applied_term = status.applied_term,
        .applied_time_ms = status.applied_time_ms,
    };
    epoch_answer_base(answer, state);
    memcpy(answer->members, state->members, sizeof(answer->members));
    answer->image_bytes = shard_image(shard, answer->image);
    return answer->first <= answer->applied + 1;
}

static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct control *control = ctx;
    struct epoch_word word;
    struct epoch_answer answer;

    if (!bootstrap_is_ours(control, message->from) || !epoch_word_decode(&word, message->bytes)) {
        net_answer(incoming, ERR_INVALID, NULL, 0);
        return;
    }
    if (!answer_fill(control, word.group, &answer)) {
        net_answer(incoming, ERR_NOT_FOUND, NULL, 0);
        return;
    }
    AUTO_UNREF struct buf *bytes = epoch_answer_encode(&answer);
    net_answer(incoming, bytes == NULL ? ERR_NO_MEMORY : ERR_OK, &bytes, bytes == NULL ? 0 : 1);
}

/* Whether it is of the last few entries of the group, and writers may wait for it. */
static bool is_tail(const struct epoch_pull *pull, uint64_t applied)
{
    return pull->writers_wait && applied - pull->first < FILL_TAIL_ENTRIES;
}

/* How far this node can give; ERR_NOT_FOUND when it has nothing of what is asked for. */
static enum err applied_here(const struct control *control, const struct epoch_pull *pull,
                             uint64_t *ret)
{
    struct replica_status status;

    if (epoch_serves_left(control, pull->group))
        status.applied = log_state(control->log, pull->group)->applied;
    else if (member_of(control, pull->group, &status) == NULL)
        return ERR_NOT_FOUND;
    *ret = status.applied;
    return pull->first > status.applied ? ERR_NOT_FOUND : ERR_OK;
}

static void begin(struct pulled *pulled, bool tail)
{
    struct succession *succession = &pulled->control->succession;

    succession->pulls++;
    pulled->at_once = tail && succession->pulls_at_once < PULLS_AT_ONCE_MAX;
    if (pulled->at_once) {
        succession->pulls_at_once++;
        pulled->read.shared = false;
        log_read(pulled->control->log, &pulled->read, on_read);
        return;
    }
    if (tail)
        list_prepend(&succession->pulls_waiting, &pulled->link);
    else
        list_append(&succession->pulls_waiting, &pulled->link);
    pulls_read(pulled->control);
}

static void on_pull(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct control *control = ctx;
    struct epoch_pull pull;
    uint64_t applied = 0;

    if (!bootstrap_is_ours(control, message->from) || !epoch_pull_decode(&pull, message->bytes)) {
        net_answer(incoming, ERR_INVALID, NULL, 0);
        return;
    }
    enum err err = applied_here(control, &pull, &applied);
    bool tail = err == ERR_OK && is_tail(&pull, applied);
    struct pulled *pulled = NULL;
    if (err == ERR_OK &&
        control->succession.pulls < PULLS_MAX + (tail ? PULLS_AT_ONCE_MAX : 0))
        pulled = calloc(1, sizeof(*pulled));
    if (pulled == NULL) {
        net_answer(incoming, err == ERR_OK ? ERR_BUSY : err, NULL, 0);
        return;
    }
    pulled->control = control;
    pulled->incoming = incoming;
    pulled->read = (struct log_read){ .group = pull.group,
                                      .first = pull.first,
                                      .last = pull.last < applied ? pull.last : applied,
                                      .bytes_max = pull.bytes,
                                      .shared = true };
    begin(pulled, tail);
}

void epoch_serve_look(struct control *control)
{
    struct log_figures log = log_figures(control->log);
    struct roster_figures roster = roster_figures(control->roster);

    pace_look(&control->succession.pace, clock_mono_ns(control->world.clock),
              roster.applied_entries, log.write_count, log.write_ns_sum);
}

static void pace_on_timer(struct timer *timer)
{
    pulls_read(container_of(timer, struct control, succession.pace_timer));
}

static void read_after(struct control *control, uint64_t wait_ns)
{
    timer_start(control->world.clock, &control->succession.pace_timer,
                (wait_ns + 999999u) / 1000000u, pace_on_timer);
}

/* Whether one more may be read now; else the timer comes back, or the end of one that is read. */
static bool may_read(struct control *control)
{
    struct succession *succession = &control->succession;
    uint64_t now_ns = clock_mono_ns(control->world.clock);

    if (succession->pulls_read >= PULLS_READ_MAX ||
        succession->pulls_read_bytes >= PULLS_READ_BYTES_MAX ||
        list_empty(&succession->pulls_waiting))
        return false;
    if (!pace_has_clients(&succession->pace, now_ns))
        return true;
    uint64_t wait_ns = pace_wait_ns(&succession->pace, now_ns);
    if (wait_ns > 0 && succession->pulls_read == 0)
        read_after(control, wait_ns);
    return wait_ns == 0 && succession->pulls_read == 0;
}

/* A few at once, because each read holds its answer's memory; with clients one. */
static void pulls_read(struct control *control)
{
    struct succession *succession = &control->succession;

    /* Nothing waits any more when this node stops: there is no roster then. */
    if (list_empty(&succession->pulls_waiting))
        return;
    epoch_serve_look(control);
    while (may_read(control)) {
        struct pulled *pulled =
            container_of(list_pop(&succession->pulls_waiting), struct pulled, link);
        uint64_t now_ns = clock_mono_ns(control->world.clock);
        succession->pulls_read++;
        succession->pulls_read_bytes += pulled->read.bytes_max;
        pulled->read.background = pace_has_clients(&succession->pace, now_ns);
        pace_begin(&succession->pace, now_ns);
        log_read(control->log, &pulled->read, on_read);
    }
}

/* Returns the bytes of the entries that it gave. */
static uint64_t answer_pull(const struct pulled *pulled, enum err err)
{
    const struct log_read *read = &pulled->read;
    struct buf *parts[LOG_READ_ENTRIES_MAX + 1];
    uint64_t given = 0;
    uint32_t count = 0;
    AUTO_UNREF struct buf *heads = NULL;

    if (err == ERR_OK) {
        heads = epoch_entries_encode(read->entries, read->count);
        err = heads == NULL ? ERR_NO_MEMORY : ERR_OK;
    }
    if (err == ERR_OK) {
        parts[count++] = heads;
        for (uint32_t i = 0; i < read->count; i++) {
            given += read->entries[i].head.length;
            if (read->entries[i].payload != NULL)
                parts[count++] = read->entries[i].payload;
        }
    }
    net_answer(pulled->incoming, err, parts, count);
    return given;
}

static void on_read(struct log_read *read, enum err err)
{
    struct pulled *pulled = container_of(read, struct pulled, read);
    struct control *control = pulled->control;
    uint64_t now_ns = clock_mono_ns(control->world.clock);
    uint64_t given = answer_pull(pulled, err);
    bool at_once = pulled->at_once;

    control->succession.pulls--;
    control->succession.pulls_at_once -= at_once;
    if (!at_once) {
        control->succession.pulls_read--;
        control->succession.pulls_read_bytes -= read->bytes_max;
        pace_end(&control->succession.pace, now_ns, given);
    }
    log_read_fini(read);
    free(pulled);
    if (at_once)
        return;
    if (list_empty(&control->succession.pulls_waiting))
        return; /* also when this node stops: the timer would outlive what it belongs to */
    /* What came out of memory took no turn of the loop: clients get in between. */
    if (pace_has_clients(&control->succession.pace, now_ns))
        read_after(control, 0);
    else
        pulls_read(control);
}

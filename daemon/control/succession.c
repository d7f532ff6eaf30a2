#include "control/succession.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "control/epoch_message.h"
#include "replica/seal.h"

#define WAIT_MS_FIRST 10u
#define WORD_EVERY_MS 100u

enum comer_phase {
    COMER_WAITS,  /* for its turn, or for the next try */
    COMER_ASKS,
    COMER_CLOSES, /* the shard of the earlier epoch */
    COMER_PULLS
};

/* A group of this node that lacks the newest epoch. */
struct comer {
    struct control *control;
    uint64_t group;
    uint32_t epoch; /* known to exist, or wanted */
    enum comer_phase phase;
    uint64_t from;  /* whom to ask first; 0 = a member of the row */
    uint32_t turn;  /* which member next */
    uint32_t wait_ms;
    struct net_call call;
    bool calling;
    struct timer timer;
    /* answered */
    uint64_t source;
    struct epoch_answer answer;
    uint64_t next;   /* first entry that is lacking */
    uint64_t filled_bytes;
};

static void on_word(void *ctx, const struct net_message *message);
static void on_word_closed(void *ctx, const struct net_message *message);
static struct comer *comer_find(const struct control *control, uint64_t group);
static void comer_free(struct comer *comer);
static void comer_later(struct comer *comer);
static void comer_on_timer(struct timer *timer);
static void ask(struct comer *comer);
static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf);
static void adopt(struct comer *comer);
static void fill_begin(struct comer *comer);
static void pull(struct comer *comer);
static void on_entries(struct net_call *call, enum err err, enum err remote, struct slice answer,
                       struct buf *answer_buf);
static void fill_end(struct comer *comer);

void succession_open(struct control *control)
{
    net_handle(control->world.net, NET_EPOCH, on_word, NULL, control);
    epoch_serve_open(control);
}

void succession_close(struct control *control)
{
    struct succession *succession = &control->succession;

    net_handle(control->world.net, NET_EPOCH, on_word_closed, NULL, NULL);
    epoch_serve_close(control);
    while (succession->count > 0)
        comer_free(succession->comers[succession->count - 1]);
    free(succession->comers);
    succession->comers = NULL;
    succession->room = 0;
}

/* ---- who must come in ---- */

static struct comer *comer_find(const struct control *control, uint64_t group)
{
    for (uint32_t i = 0; i < control->succession.count; i++)
        if (control->succession.comers[i]->group == group)
            return control->succession.comers[i];
    return NULL;
}

static bool comer_add(struct succession *succession, struct comer *comer)
{
    if (succession->count == succession->room) {
        uint32_t room = succession->room == 0 ? 16 : succession->room * 2;
        struct comer **comers = realloc(succession->comers, room * sizeof(struct comer *));
        if (comers == NULL)
            return false;
        succession->comers = comers;
        succession->room = room;
    }
    succession->comers[succession->count++] = comer;
    return true;
}

static void comer_free(struct comer *comer)
{
    struct succession *succession = &comer->control->succession;

    if (comer->calling)
        net_call_cancel(comer->control->world.net, &comer->call);
    if (comer->phase != COMER_WAITS)
        succession->active--;
    timer_stop(&comer->timer);
    for (uint32_t i = 0; i < succession->count; i++) {
        if (succession->comers[i] == comer) {
            succession->comers[i] = succession->comers[--succession->count];
            break;
        }
    }
    free(comer);
}

void succession_want(struct control *control, uint64_t group, uint32_t epoch, uint64_t from)
{
    struct comer *comer = comer_find(control, group);

    if (control->closing)
        return;
    if (comer != NULL) {
        if (epoch > comer->epoch)
            comer->epoch = epoch;
        if (from != 0)
            comer->from = from;
        return;
    }
    comer = calloc(1, sizeof(*comer));
    if (comer == NULL)
        return; /* whoever said it says it again */
    *comer = (struct comer){ .control = control,
                             .group = group,
                             .epoch = epoch,
                             .from = from,
                             .wait_ms = WAIT_MS_FIRST };
    if (!comer_add(&control->succession, comer)) {
        free(comer);
        return;
    }
    timer_start(control->world.clock, &comer->timer, 0, comer_on_timer);
}

bool succession_holds(const struct control *control, uint64_t group)
{
    const struct comer *comer = comer_find(control, group);

    return comer != NULL && (comer->phase == COMER_CLOSES || comer->phase == COMER_PULLS);
}

/* Tries again after a pause that grows. */
static void comer_later(struct comer *comer)
{
    if (comer->phase != COMER_WAITS)
        comer->control->succession.active--;
    comer->phase = COMER_WAITS;
    timer_start(comer->control->world.clock, &comer->timer, comer->wait_ms, comer_on_timer);
    comer->wait_ms =
        comer->wait_ms * 2 < CONTROL_RETRY_MS ? comer->wait_ms * 2 : CONTROL_RETRY_MS;
}

static void comer_on_timer(struct timer *timer)
{
    struct comer *comer = container_of(timer, struct comer, timer);

    if (comer->phase == COMER_PULLS)
        pull(comer);
    else if (comer->control->succession.active >= FILLS_MAX)
        timer_start(comer->control->world.clock, timer, FILL_WAIT_MS, comer_on_timer);
    else
        ask(comer);
}

/* ---- asking ---- */

/* The one that knows more, else the row's members in turn.  0: nobody is up. */
static uint64_t whom_to_ask(struct comer *comer)
{
    const struct control *control = comer->control;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), comer->group, NULL);
    uint64_t from = comer->from;

    comer->from = 0;
    if (from != 0 && net_is_up(control->world.net, from))
        return from;
    for (uint32_t i = 0; row != NULL && i < row->member_count; i++) {
        uint64_t node = row->members[comer->turn++ % row->member_count];
        if (node != control->options.node && net_is_up(control->world.net, node))
            return node;
    }
    return 0;
}

/* Nothing is wanted of a group whose stream is gone. */
static bool is_wanted(const struct comer *comer)
{
    const struct model_stream *stream = NULL;

    return model_shard_by_group(catalog_model(comer->control->catalog), comer->group, &stream) !=
               NULL &&
           stream->status != STREAM_DELETING;
}

static void ask(struct comer *comer)
{
    struct control *control = comer->control;
    struct epoch_word word = { .group = comer->group, .epoch = comer->epoch };

    if (!is_wanted(comer)) {
        comer_free(comer);
        return;
    }
    comer->source = whom_to_ask(comer);
    AUTO_UNREF struct buf *bytes = comer->source != 0 ? epoch_word_encode(&word) : NULL;
    if (bytes == NULL) {
        comer_later(comer);
        return;
    }
    if (comer->phase == COMER_WAITS)
        control->succession.active++;
    comer->phase = COMER_ASKS;
    comer->calling = true;
    net_call(control->world.net, &comer->call, comer->source, NET_EPOCH_ASK, &bytes, 1,
             FILL_CALL_MS, on_answer);
}

/* Whether the answer is of an epoch that this node has no vote in yet. */
static bool is_newer(const struct comer *comer)
{
    const struct log_state *state = log_state(comer->control->log, comer->group);

    if (state == NULL)
        return true;
    if (state->member_count == 0)
        return comer->answer.epoch >= state->epoch;
    return comer->answer.epoch > state->epoch;
}

static bool answer_has(const struct epoch_answer *answer, uint64_t node)
{
    for (uint32_t i = 0; i < answer->member_count; i++)
        if (answer->members[i] == node)
            return true;
    return false;
}

static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf)
{
    struct comer *comer = container_of(call, struct comer, call);
    struct control *control = comer->control;
    const struct log_state *state = log_state(control->log, comer->group);

    comer->calling = false;
    if (err != ERR_OK || remote != ERR_OK || !epoch_answer_decode(&comer->answer, answer)) {
        comer_later(comer);
    } else if (!is_newer(comer)) {
        if (state->epoch >= comer->epoch && state->member_count > 0)
            comer_free(comer); /* it is there already */
        else
            comer_later(comer); /* the one that was asked is behind too */
    } else if (state == NULL && !answer_has(&comer->answer, control->options.node)) {
        comer_later(comer); /* named by the catalogue, not yet by the group */
    } else if (host_find(control, comer->group) != NULL) {
        comer->phase = COMER_CLOSES;
        host_end(control, comer->group);
    } else if (host_has(control, comer->group)) {
        comer->phase = COMER_CLOSES; /* it is closing anyway */
    } else {
        adopt(comer);
    }
}

void succession_closed(struct control *control, uint64_t group)
{
    struct comer *comer = comer_find(control, group);

    if (comer == NULL || comer->phase != COMER_CLOSES)
        return;
    if (is_newer(comer))
        adopt(comer);
    else
        comer_free(comer); /* the SEAL was faster */
}

/* ---- filling up ---- */

static struct log_state start_of(const struct comer *comer, uint64_t index, uint64_t term,
                                 uint64_t time_ms)
{
    return (struct log_state){ .group = comer->group,
                               .epoch = comer->answer.epoch,
                               .start_index = index,
                               .start_term = term,
                               .term = term,
                               .last_time_ms = time_ms };
}

/* No shard of the group is open here.  What this node promised in earlier epochs is void, because a
 * later one exists; what it has applied is everybody's. */
static void adopt(struct comer *comer)
{
    struct control *control = comer->control;
    const struct log_state *state = log_state(control->log, comer->group);
    const struct epoch_answer *answer = &comer->answer;

    comer->phase = COMER_PULLS;
    if (!answer_has(answer, control->options.node)) {
        struct log_state start =
            start_of(comer, state->applied, state->applied_term, state->applied_time_ms);
        start.member_count = answer->member_count;
        memcpy(start.members, answer->members, sizeof(start.members));
        start.image_bytes = state->image_bytes;
        memcpy(start.image, state->image, sizeof(start.image));
        log_start(control->log, &start);
        note_event(control->world.note, NOTE_INFO, "group.left",
                   "group=%" PRIu64 " epoch=%" PRIu32, comer->group, answer->epoch);
        comer_free(comer);
        host_kick(control);
        return;
    }
    fill_begin(comer);
}

/* From what is applied here on; from the other's first entry on when this node has nothing, or
 * when retention has taken what comes next. */
static void fill_begin(struct comer *comer)
{
    struct control *control = comer->control;
    const struct log_state *state = log_state(control->log, comer->group);
    const struct epoch_answer *answer = &comer->answer;
    bool filling = state != NULL && state->member_count == 0 && state->epoch == answer->epoch &&
                   state->last + 1 >= answer->first && state->last <= answer->applied;

    if (!filling) {
        struct log_state start =
            start_of(comer, answer->first - 1, answer->base_term == 0 ? 1 : answer->base_term,
                     answer->base_time_ms);
        if (state != NULL && state->applied + 1 >= answer->first &&
            state->applied <= answer->applied)
            start = start_of(comer, state->applied, state->applied_term, state->applied_time_ms);
        log_start(control->log, &start);
        state = log_state(control->log, comer->group);
    }
    comer->next = state->last + 1;
    pull(comer);
}

static void pull(struct comer *comer)
{
    struct control *control = comer->control;
    struct epoch_pull wanted = { comer->group, comer->next, comer->answer.applied };

    if (comer->next > comer->answer.applied) {
        fill_end(comer);
        return;
    }
    if (log_pending_bytes(control->log) > FILL_PENDING_BYTES_MAX ||
        !log_has_room(control->log, ENTRY_HEAD_BYTES)) {
        timer_start(control->world.clock, &comer->timer, FILL_WAIT_MS, comer_on_timer);
        return;
    }
    AUTO_UNREF struct buf *bytes = epoch_pull_encode(&wanted);
    if (bytes == NULL || !net_is_up(control->world.net, comer->source)) {
        comer_later(comer);
        return;
    }
    comer->calling = true;
    net_call(control->world.net, &comer->call, comer->source, NET_EPOCH_PULL, &bytes, 1,
             FILL_CALL_MS, on_entries);
}

/* Takes what is good; false when it was nothing. */
static bool take(struct comer *comer, struct slice bytes, struct buf *buf)
{
    struct log *log = comer->control->log;
    struct epoch_entries entries;
    struct entry_head head;
    struct slice payload;
    uint64_t before = comer->next;

    if (!epoch_entries_decode(&entries, bytes))
        return false;
    while (comer->next <= comer->answer.applied &&
           epoch_entries_next(&entries, comer->group, comer->next, &head, &payload)) {
        AUTO_UNREF struct buf *part = payload.len > 0 ? buf_part(buf, payload) : NULL;
        if ((payload.len > 0 && part == NULL) ||
            !log_has_room(log, ENTRY_HEAD_BYTES + payload.len))
            break; /* the rest is asked for again */
        log_entry(log, &head, part);
        log_applied(log, comer->group, head.index, head.term, head.time_ms, slice_of(NULL, 0));
        comer->filled_bytes += head.length;
        comer->next++;
    }
    return comer->next > before;
}

static void on_entries(struct net_call *call, enum err err, enum err remote, struct slice answer,
                       struct buf *answer_buf)
{
    struct comer *comer = container_of(call, struct comer, call);

    comer->calling = false;
    if (err == ERR_OK && remote == ERR_OK && take(comer, answer, answer_buf)) {
        comer->wait_ms = WAIT_MS_FIRST;
        pull(comer);
    } else {
        comer_later(comer); /* asks anew: retention may have moved, or the other has gone */
    }
}

/* All of it is here: the epoch can begin. */
static void fill_end(struct comer *comer)
{
    struct control *control = comer->control;
    const struct log_state *state = log_state(control->log, comer->group);
    const struct epoch_answer *answer = &comer->answer;

    if (state->last != answer->applied ||
        (state->last_term != answer->applied_term && state->last >= answer->first)) {
        note_event(control->world.note, NOTE_ERROR, "group.not_the_same",
                   "group=%" PRIu64 " from=%016" PRIx64 " index=%" PRIu64
                   " why=\"its last entry is not the one that the other said\"",
                   comer->group, comer->source, answer->applied);
        comer_later(comer);
        return;
    }
    struct log_state start =
        start_of(comer, answer->applied, answer->applied_term, answer->applied_time_ms);
    start.member_count = answer->member_count;
    memcpy(start.members, answer->members, sizeof(start.members));
    start.image_bytes = answer->image_bytes;
    memcpy(start.image, answer->image, sizeof(start.image));
    log_start(control->log, &start);
    note_event(control->world.note, NOTE_INFO, "group.joined",
               "group=%" PRIu64 " epoch=%" PRIu32 " at=%" PRIu64 " fetched_bytes=%" PRIu64,
               comer->group, answer->epoch, answer->applied, comer->filled_bytes);
    comer_free(comer);
    host_kick(control);
}

/* ---- the end and the beginning ---- */

static void tell(struct control *control, uint64_t node, uint64_t group, uint32_t epoch)
{
    struct epoch_word word = { .group = group, .epoch = epoch };
    AUTO_UNREF struct buf *bytes = epoch_word_encode(&word);

    if (bytes != NULL && node != control->options.node)
        net_send(control->world.net, node, NET_LANE_BULK, NET_EPOCH, &bytes, 1);
}

void succession_begin(struct control *control, const struct shard *shard,
                      const struct entry_head *head, const struct seal *seal)
{
    struct log_state start = { .group = head->group,
                               .epoch = seal->epoch,
                               .member_count = seal->member_count,
                               .start_index = head->index,
                               .start_term = head->term,
                               .term = head->term,
                               .last_time_ms = head->time_ms };

    memcpy(start.members, seal->members, sizeof(start.members));
    start.image_bytes = shard_image(shard, start.image);
    log_start(control->log, &start);
    note_event(control->world.note, NOTE_INFO, "group.sealed",
               "group=%" PRIu64 " epoch=%" PRIu32 " at=%" PRIu64, head->group, seal->epoch,
               head->index);
    for (uint32_t i = 0; i < seal->member_count; i++)
        tell(control, seal->members[i], head->group, seal->epoch);
}

/* ---- hearing of others ---- */

static void on_word(void *ctx, const struct net_message *message)
{
    struct control *control = ctx;
    struct epoch_word word;

    if (!bootstrap_is_ours(control, message->from) || !epoch_word_decode(&word, message->bytes))
        return;
    const struct log_state *state = log_state(control->log, word.group);
    if (state != NULL && state->epoch < word.epoch)
        succession_want(control, word.group, word.epoch, message->from);
}

/* This node is on its way out. */
static void on_word_closed(void *ctx, const struct net_message *message)
{
}

/* One word to a node about a group in a while. */
static bool is_due(struct control *control, uint64_t group, uint64_t node)
{
    struct epoch_told *told =
        &control->succession.told[(group * 31 + node) % EPOCH_WORDS_MAX];
    uint64_t now_ms = control_now_ms(control);

    if (told->group == group && told->node == node && now_ms < told->again_ms)
        return false;
    *told = (struct epoch_told){ group, node, now_ms + WORD_EVERY_MS };
    return true;
}

void succession_stranger(void *ctx, uint64_t group, uint32_t epoch, uint64_t from,
                         const struct replica *replica)
{
    struct control *control = ctx;

    if (replica == NULL || control->closing || group == CATALOG_GROUP)
        return;
    uint32_t own = replica_status(replica).epoch;
    if (own < epoch)
        succession_want(control, group, epoch, from);
    else if (own > epoch && is_due(control, group, from))
        tell(control, from, group, own);
}

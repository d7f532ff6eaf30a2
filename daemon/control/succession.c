#include "control/succession.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "control/comer.h"
#include "control/placed.h"
#include "control/sealing.h"
#include "replica/seal.h"

#define WORD_EVERY_MS 100u

static void on_word(void *ctx, const struct net_message *message);
static void on_word_closed(void *ctx, const struct net_message *message);
static struct comer *comer_find(const struct control *control, uint64_t group);
static void ask(struct comer *comer);
static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf);

void succession_open(struct control *control)
{
    net_handle(control->world.net, NET_EPOCH, on_word, NULL, control);
    epoch_serve_open(control);
    filling_open(control);
}

void succession_close(struct control *control)
{
    struct succession *succession = &control->succession;

    net_handle(control->world.net, NET_EPOCH, on_word_closed, NULL, NULL);
    epoch_serve_close(control);
    filling_close(control);
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

/* One that waits for it takes the place of one that is through. */
static void place_free(struct control *control)
{
    struct succession *succession = &control->succession;

    ensure(succession->active > 0);
    succession->active--;
    for (uint32_t i = 0; i < succession->count; i++) {
        struct comer *comer = succession->comers[i];
        if (!comer->queued)
            continue;
        comer->queued = false;
        timer_start(control->world.clock, &comer->timer, 0, comer_on_timer);
        return;
    }
}

void comer_free(struct comer *comer)
{
    struct succession *succession = &comer->control->succession;

    if (comer->calling)
        net_call_cancel(comer->control->world.net, &comer->call);
    filling_answered(comer, 0);
    comer->queued = false;
    if (comer->phase != COMER_WAITS)
        place_free(comer->control);
    timer_stop(&comer->timer);
    for (uint32_t i = 0; i < succession->count; i++) {
        if (succession->comers[i] == comer) {
            succession->comers[i] = succession->comers[--succession->count];
            break;
        }
    }
    free(comer);
}

/* Who waits asks at once when another member says that it has begun; as often as there are members,
 * for each word that comes with an ordinary message says no more. */
static void hear(struct comer *comer, uint32_t epoch, uint64_t from)
{
    if (epoch > comer->epoch) {
        comer->epoch = epoch;
        comer->woken = 0;
    }
    if (from == 0)
        return;
    bool is_news = from != comer->from && comer->woken < GROUP_MEMBERS_MAX;
    comer->from = from;
    if (!is_news || comer->phase > COMER_ASKS)
        return;
    comer->woken++;
    comer->wait_ms = COMER_WAIT_MS_FIRST;
    if (comer->phase == COMER_WAITS && !comer->queued)
        timer_start(comer->control->world.clock, &comer->timer, 0, comer_on_timer);
}

void succession_want(struct control *control, uint64_t group, uint32_t epoch, uint64_t from)
{
    struct comer *comer = comer_find(control, group);

    if (control->closing)
        return;
    if (comer != NULL) {
        hear(comer, epoch, from);
        return;
    }
    comer = calloc(1, sizeof(*comer));
    if (comer == NULL)
        return; /* whoever said it says it again */
    *comer = (struct comer){ .control = control,
                             .group = group,
                             .epoch = epoch,
                             .from = from,
                             .wait_ms = COMER_WAIT_MS_FIRST };
    if (!comer_add(&control->succession, comer)) {
        free(comer);
        return;
    }
    timer_start(control->world.clock, &comer->timer, 0, comer_on_timer);
}

bool succession_holds(const struct control *control, uint64_t group)
{
    const struct comer *comer = comer_find(control, group);

    return comer != NULL && comer->phase >= COMER_CLOSES;
}

bool comer_is_live(const struct comer *comer)
{
    return (comer->live || host_find(comer->control, comer->group) != NULL) && !MUTANT(tail_waits);
}

/* Tries again after a pause that grows. */
void comer_later(struct comer *comer)
{
    filling_answered(comer, 0);
    if (comer->phase != COMER_WAITS)
        place_free(comer->control);
    if (comer->phase == COMER_PULLS && comer->gave &&
        !giver_is_stuck(comer->control, comer->source))
        comer->from = comer->source;
    comer->gave = false;
    comer->phase = COMER_WAITS;
    timer_start(comer->control->world.clock, &comer->timer, comer->wait_ms, comer_on_timer);
    comer->wait_ms =
        comer->wait_ms * 2 < CONTROL_RETRY_MS ? comer->wait_ms * 2 : CONTROL_RETRY_MS;
}

void comer_on_timer(struct timer *timer)
{
    struct comer *comer = container_of(timer, struct comer, timer);

    uint32_t more = comer_is_live(comer) ? FILLS_LIVE_MAX : 0;

    if (comer->control->succession.active >= FILLS_MAX + more)
        comer->queued = true;
    else
        ask(comer);
}

/* ---- asking ---- */

/* Nothing is wanted of a group whose stream is gone, nor where the copy here is put aside. */
static bool is_wanted(const struct comer *comer)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(comer->control->catalog), comer->group, &stream);

    return row != NULL && stream->status != STREAM_DELETING &&
           !placed_aside(comer->control, row);
}

static void ask(struct comer *comer)
{
    struct control *control = comer->control;
    struct epoch_word word = { .group = comer->group, .epoch = comer->epoch };

    if (!is_wanted(comer)) {
        comer_free(comer);
        return;
    }
    comer->source = giver_choose(comer);
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

/* Another node's word is not enough: no epoch is entered, and none left, without the catalogue. */
static bool row_allows(const struct comer *comer)
{
    const struct control *control = comer->control;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), comer->group, NULL);

    if (row == NULL || comer->answer.epoch > row->epoch)
        return false;
    bool named = model_shard_has(row, control->options.node);
    bool has = epoch_answer_has(&comer->answer, control->options.node);
    if (log_state(control->log, comer->group) == NULL)
        return named && has;
    return has || !named; /* that one may be needed to end it */
}

/* Whether this node is one that leaves, and too early: until most of those who go on have begun,
 * what was acknowledged may be on its disk and on one other, and the end of its epoch may need it.
 */
static bool must_stay(struct comer *comer)
{
    const struct epoch_answer *answer = &comer->answer;

    if (epoch_answer_has(answer, comer->control->options.node) || MUTANT(left_at_once)) {
        comer->begun_count = 0;
        return false;
    }
    if (comer->begun_epoch != answer->epoch)
        comer->begun_count = 0;
    comer->begun_epoch = answer->epoch;
    if (epoch_answer_has(answer, comer->source) && !giver_has_begun(comer, comer->source) &&
        comer->begun_count < GROUP_MEMBERS_MAX)
        comer->begun[comer->begun_count++] = comer->source;
    return comer->begun_count <= answer->member_count / 2;
}

static void come_in(struct comer *comer)
{
    struct control *control = comer->control;

    comer->live |= host_has(control, comer->group);
    if (host_find(control, comer->group) != NULL) {
        comer->phase = COMER_CLOSES;
        host_end(control, comer->group);
    } else if (host_has(control, comer->group)) {
        comer->phase = COMER_CLOSES; /* it is closing anyway */
    } else {
        fill_adopt(comer);
    }
}

static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf)
{
    struct comer *comer = container_of(call, struct comer, call);
    struct control *control = comer->control;
    const struct log_state *state = log_state(control->log, comer->group);

    comer->calling = false;
    bool answered =
        err == ERR_OK && remote == ERR_OK && epoch_answer_decode(&comer->answer, answer);
    if (!is_wanted(comer) && !MUTANT(aside_leaves)) {
        comer_free(comer); /* the catalogue's word of a rescue came while the other was asked */
        return;
    }
    if (answered && state != NULL && !host_has(control, comer->group) && !MUTANT(full_comer_waits))
        fill_let_go(comer);
    if (!answered) {
        comer_later(comer);
    } else if (!is_newer(comer)) {
        if (state != NULL && state->epoch >= comer->epoch && state->member_count > 0)
            comer_free(comer); /* it is there already */
        else
            comer_later(comer); /* the one that was asked is behind too */
    } else if (!row_allows(comer)) {
        comer_later(comer); /* one of the two is behind the other */
    } else if (must_stay(comer) || giver_awaits_common(comer)) {
        comer_later(comer);
    } else {
        comer->giver = comer->source;
        come_in(comer);
    }
}

void succession_closed(struct control *control, uint64_t group)
{
    struct comer *comer = comer_find(control, group);

    if (comer == NULL || comer->phase != COMER_CLOSES)
        return;
    if (is_newer(comer) && is_wanted(comer))
        fill_adopt(comer);
    else
        comer_free(comer); /* the SEAL was faster, or the stream is being deleted */
}

void succession_drop(struct control *control, uint64_t group)
{
    struct comer *comer = comer_find(control, group);

    if (comer != NULL)
        comer_free(comer);
}

/* ---- the end and the beginning ---- */

void succession_tell(struct control *control, uint64_t node, uint64_t group, uint32_t epoch)
{
    struct epoch_word word = { .group = group, .epoch = epoch };
    AUTO_UNREF struct buf *bytes = epoch_word_encode(&word);

    if (bytes != NULL && node != control->options.node)
        net_send(control->world.net, node, NET_LANE_BULK, NET_EPOCH, &bytes, 1);
}

bool succession_begin(struct control *control, const struct shard *shard,
                      const struct entry_head *head, const struct seal *seal)
{
    struct log_state start = { .group = head->group,
                               .epoch = seal->epoch,
                               .member_count = seal->member_count,
                               .start_index = head->index - (MUTANT(start_below_seal) ? 2 : 0),
                               .start_term = head->term,
                               .term = head->term,
                               .last_time_ms = head->time_ms };

    memcpy(start.members, seal->members, sizeof(start.members));
    bool elects = sealing_vote(control, shard, seal, &start);
    if (!MUTANT(image_left_out))
        start.image_bytes = shard_image(shard, start.image);
    log_start(control->log, &start);
    note_event(control->world.note, NOTE_INFO, "group.sealed",
               "group=%" PRIu64 " epoch=%" PRIu32 " at=%" PRIu64, head->group, seal->epoch,
               head->index);
    for (uint32_t i = 0; i < seal->member_count; i++)
        succession_tell(control, seal->members[i], head->group, seal->epoch);
    return elects;
}

/* ---- hearing of others ---- */

static void on_word(void *ctx, const struct net_message *message)
{
    struct control *control = ctx;
    struct epoch_word word;

    if (!bootstrap_is_ours(control, message->from) || !epoch_word_decode(&word, message->bytes))
        return;
    if (word.group == CATALOG_GROUP) {
        catalog_told(control->catalog, word.epoch, message->from);
        return;
    }
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

/* The catalogue's model is a whole copy, on those too that have no part in the group any more: who
 * is behind asks for it when it hears of the epoch.  A member that left may have it alone. */
static uint32_t epoch_of_model(const struct control *control)
{
    return MUTANT(voter_left_mute) ? 0 : model_catalog(catalog_model(control->catalog))->epoch;
}

/* Its members run no Raft, and tell who speaks of an older epoch all the same: one that left while
 * it was down asks for votes until it hears that it is over. */
static bool is_resting(const struct control *control, uint64_t group)
{
    const struct shard *shard = host_find(control, group);

    return shard != NULL && shard_rests(shard);
}

void succession_stranger(void *ctx, uint64_t group, uint32_t epoch, uint64_t from,
                         const struct replica *replica)
{
    struct control *control = ctx;
    const struct log_state *state = log_state(control->log, group);

    if (control->closing || (replica == NULL && group != CATALOG_GROUP &&
                             !epoch_serves_left(control, group) && !is_resting(control, group)))
        return;
    uint32_t own = state != NULL ? state->epoch : 0;
    if (replica != NULL)
        own = replica_status(replica).epoch;
    if (group == CATALOG_GROUP && own < epoch_of_model(control))
        own = epoch_of_model(control);
    if (own < epoch && group != CATALOG_GROUP)
        succession_want(control, group, epoch, from);
    else if (own < epoch && bootstrap_is_ours(control, from)) /* else it is another cluster's */
        catalog_told(control->catalog, epoch, from);
    else if (own > epoch && is_due(control, group, from))
        succession_tell(control, from, group, own);
}

#include <inttypes.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "control/comer.h"
#include "control/moved.h"
#include "control/placed.h"

/* From the answer to the epoch: compares what this node has, and fetches what it lacks.
 *
 *     fill_adopt -> compare ... -> fill_begin -> fill_on, fill_ask ... -> ask_further -> fill_end
 *
 * Then the shard can be opened.
 *
 * What goes wrong on the way ends in comer_later(), which asks anew. */

static void look_for_haste(struct comer *comer);
static void ask_for(struct comer *comer, uint64_t last, uint32_t bytes_max, net_call_cb cb);
static void fill_on(struct comer *comer);
static void compare_begin(struct comer *comer);
static void on_compared(struct net_call *call, enum err err, enum err remote, struct slice answer,
                        struct buf *answer_buf);
static void fill_begin(struct comer *comer);
static void on_entries(struct net_call *call, enum err err, enum err remote, struct slice answer,
                       struct buf *answer_buf);
static void ask_further(struct comer *comer);
static void fill_end(struct comer *comer);

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

void fill_let_go(struct comer *comer)
{
    struct log *log = comer->control->log;
    const struct log_state *state = log_state(log, comer->group);
    uint64_t first = comer->answer.first;

    if (first > state->applied + 1)
        first = state->applied + 1; /* more goes when the epoch begins: fill_start() */
    if (first > state->first)
        log_trim(log, comer->group, first);
}

/* No shard of the group is open here.  What this node promised in earlier epochs is void, because a
 * later one exists.  Its entries are not: they may be half of a majority. */
void fill_adopt(struct comer *comer)
{
    struct control *control = comer->control;
    const struct log_state *state = log_state(control->log, comer->group);
    const struct epoch_answer *answer = &comer->answer;

    if (!epoch_answer_has(answer, control->options.node)) {
        /* What is above may never have been committed, and a START says that all below it was: the
         * node may come in again later.  Without members, as the copy is not a whole one: it is
         * given to nobody (epoch_serves_left). */
        struct log_state start =
            start_of(comer, state->applied, state->applied_term, state->applied_time_ms);
        start.image_bytes = state->image_bytes;
        memcpy(start.image, state->image, sizeof(start.image));
        log_start(control->log, &start);
        note_event(control->world.note, NOTE_INFO, "group.left",
                   "group=%" PRIu64 " epoch=%" PRIu32, comer->group, answer->epoch);
        comer->phase = COMER_PULLS;
        comer_free(comer);
        host_kick(control);
        return;
    }
    if (state != NULL && placed_in(state, control->options.node))
        comer->urgent = true; /* it was away: nobody had its place */
    look_for_haste(comer);
    compare_begin(comer);
}

static bool is_up(void *ctx, uint64_t node)
{
    return control_health(ctx, node) == NODE_UP;
}

/* What was no mere move once stays so: who was given up as dead may be back, with an old copy. */
static void look_for_haste(struct comer *comer)
{
    struct control *control = comer->control;
    const struct model *model = catalog_model(control->catalog);
    const struct model_shard *row = model_shard_by_group(model, comer->group, NULL);

    comer->urgent |= row == NULL ||
                     !moved_only(model, row, control->options.node, is_up, control);
}

/* ---- comparing ---- */

/* It was let go (copies.c): who comes in again needs all that the other has. */
static bool is_released(const struct log_state *state, const struct epoch_answer *answer)
{
    return state->first > state->last && answer->first < state->first &&
           !MUTANT(released_counts);
}

static bool is_filling(const struct log_state *state, const struct epoch_answer *answer)
{
    return state != NULL && !is_released(state, answer) && state->member_count == 0 &&
           state->epoch == answer->epoch && state->last + 1 >= answer->first &&
           state->last <= answer->applied;
}

/* What this node has above its last applied entry may be committed: it acknowledged it, and has not
 * heard.  What the other has applied is the truth; where both have the same entry all before it is
 * the same.  So the last common one tells, and only when it differs they are walked through. */
static void compare_begin(struct comer *comer)
{
    const struct log_state *state = log_state(comer->control->log, comer->group);
    const struct epoch_answer *answer = &comer->answer;
    uint64_t last = 0;

    comer->phase = COMER_COMPARES;
    comer->kept = 0;
    if (state != NULL && !is_filling(state, answer))
        last = state->last < answer->applied ? state->last : answer->applied;
    if (state == NULL || last <= state->applied || last < answer->first ||
        MUTANT(fill_not_compared) || MUTANT(own_tail_kept)) {
        comer->kept = MUTANT(own_tail_kept) && last >= answer->first ? last : 0;
        fill_begin(comer);
        return;
    }
    comer->next = last;
    ask_for(comer, last, FILL_COMPARE_BYTES, on_compared);
}

/* The other's entries from `next` on, as many as one answer has. */
static void ask_for(struct comer *comer, uint64_t last, uint32_t bytes_max, net_call_cb cb)
{
    struct control *control = comer->control;
    struct epoch_pull wanted = { comer->group, comer->next, last, bytes_max,
                                 filling_lacks_little(comer) };
    AUTO_UNREF struct buf *bytes = epoch_pull_encode(&wanted);

    if (bytes == NULL || !net_is_up(control->world.net, comer->source)) {
        comer_later(comer);
        return;
    }
    comer->calling = true;
    net_call(control->world.net, &comer->call, comer->source, NET_EPOCH_PULL, &bytes, 1,
             FILL_CALL_MS, cb);
}

/* Goes over entries that are here too.  False at the first that is another one. */
static bool walk(struct comer *comer, struct epoch_entries *entries)
{
    const struct log_state *state = log_state(comer->control->log, comer->group);
    struct entry_head head, own;
    struct slice payload;

    while (comer->next <= state->last && comer->next <= comer->answer.applied &&
           epoch_entries_next(entries, comer->group, comer->next, &head, &payload)) {
        /* Above `applied`: they are in memory. */
        ensure(log_head(comer->control->log, comer->group, comer->next, &own) == ERR_OK);
        if (own.epoch != head.epoch || own.term != head.term || own.crc != head.crc)
            return false;
        comer->kept = comer->next++;
    }
    return true;
}

static void on_compared(struct net_call *call, enum err err, enum err remote, struct slice answer,
                        struct buf *answer_buf)
{
    struct comer *comer = container_of(call, struct comer, call);
    const struct log_state *state = log_state(comer->control->log, comer->group);
    uint64_t first = comer->next;
    uint64_t low = state->applied + 1 > comer->answer.first ? state->applied + 1
                                                             : comer->answer.first;
    uint64_t high = state->last < comer->answer.applied ? state->last : comer->answer.applied;
    struct epoch_entries entries;

    comer->calling = false;
    if (err == ERR_OK)
        filling_took(comer, answer.len);
    if (err != ERR_OK || remote != ERR_OK || !epoch_entries_decode(&entries, answer)) {
        comer_later(comer);
        return;
    }
    bool same = walk(comer, &entries);
    if (same && comer->next == first) {
        comer_later(comer); /* nothing usable came */
    } else if (same && comer->next <= high) {
        ask_for(comer, high, FILL_COMPARE_BYTES, on_compared);
    } else if (!same && first == high && comer->kept == 0 && low < high) {
        comer->next = low;
        ask_for(comer, high - 1, FILL_COMPARE_BYTES, on_compared);
    } else {
        fill_begin(comer);
    }
}

/* ---- filling up ---- */

/* Behind what is known to be the group's; before the other's first entry when this node has
 * nothing, or when retention has taken what comes next. */
static struct log_state fill_start(const struct comer *comer, const struct log_state *state)
{
    const struct epoch_answer *answer = &comer->answer;
    struct entry_head head;

    if (comer->kept > 0) {
        ensure(log_head(comer->control->log, comer->group, comer->kept, &head) == ERR_OK);
        return start_of(comer, comer->kept, head.term, head.time_ms);
    }
    if (state != NULL && !is_released(state, answer) && state->applied + 1 >= answer->first &&
        state->applied <= answer->applied)
        return start_of(comer, state->applied, state->applied_term, state->applied_time_ms);
    return start_of(comer, answer->first - 1, answer->base_term == 0 ? 1 : answer->base_term,
                    answer->base_time_ms);
}

static void fill_begin(struct comer *comer)
{
    struct control *control = comer->control;
    const struct log_state *state = log_state(control->log, comer->group);

    comer->phase = COMER_PULLS;
    if (!is_filling(state, &comer->answer)) {
        struct log_state start = fill_start(comer, state);
        if (MUTANT(half_filled_counts)) {
            start.member_count = comer->answer.member_count;
            memcpy(start.members, comer->answer.members, sizeof(start.members));
        }
        log_start(control->log, &start);
        state = log_state(control->log, comer->group);
    }
    comer->next = state->last + 1;
    comer->round_ms = control_now_ms(control);
    comer->last_round_ms = 0;
    filling_came(comer);
    fill_on(comer);
}

/* The epoch that it comes into may be over: then the next one is asked for. */
static bool has_ended(const struct comer *comer)
{
    const struct model_shard *row =
        model_shard_by_group(catalog_model(comer->control->catalog), comer->group, NULL);

    return row == NULL || row->epoch > comer->answer.epoch || comer->epoch > comer->answer.epoch;
}

/* Whether much was put while the limit of moves held it up.  Only while each round takes half as
 * long as the last one, so that all of them take no longer than the first: it shall count at last.
 * What is urgent counts as soon as it can, whatever it still lacks. */
static bool is_far_behind(const struct comer *comer)
{
    uint64_t took_ms = control_now_ms(comer->control) - comer->round_ms;

    return !comer->urgent && !comer->live && comer->control->options.move_bytes_per_s != 0 &&
           took_ms > FILL_ROUND_MS && !MUTANT(fed_beyond_limit) && !has_ended(comer) &&
           (comer->last_round_ms == 0 || took_ms <= comer->last_round_ms / 2);
}

static void fill_on(struct comer *comer)
{
    struct control *control = comer->control;

    look_for_haste(comer);
    if (comer->next + MUTANT(fill_one_short) <= comer->answer.applied)
        comer->next_ms = log_state(control->log, comer->group)->last_time_ms;
    else if (is_far_behind(comer))
        ask_further(comer);
    else
        fill_end(comer);
    filling_kick(control);
}

void fill_ask(struct comer *comer)
{
    ask_for(comer, comer->answer.applied, comer->asked_bytes, on_entries);
}

/* Takes what is good and has room; false when it was nothing. */
static bool take(struct comer *comer, struct slice bytes, struct buf *buf)
{
    struct log *log = comer->control->log;
    struct epoch_entries entries;
    struct entry_head head;
    struct slice payload;
    uint64_t before = comer->next;

    if (!epoch_entries_decode(&entries, bytes))
        return false;
    comer->entry_bytes = 0;
    while (comer->next <= comer->answer.applied &&
           epoch_entries_next(&entries, comer->group, comer->next, &head, &payload)) {
        if (head.epoch > comer->answer.epoch || head.term > comer->answer.applied_term ||
            head.term < log_state(log, comer->group)->last_term)
            break; /* no history has it */
        if (comer->entry_bytes < head.length)
            comer->entry_bytes = head.length; /* of one that finds no room too: filling_kick() */
        AUTO_UNREF struct buf *part = payload.len > 0 ? buf_part(buf, payload) : NULL;
        if ((payload.len > 0 && part == NULL) ||
            !log_has_room(log, ENTRY_HEAD_BYTES + payload.len))
            break; /* the rest is asked for again */
        log_fill(log, &head, part);
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
    filling_answered(comer, err == ERR_OK ? answer.len : 0);
    if (err == ERR_OK && remote == ERR_OK && take(comer, answer, answer_buf)) {
        comer->wait_ms = COMER_WAIT_MS_FIRST;
        comer->common_asked = 0;
        comer->gave = true;
        fill_on(comer);
    } else {
        if (err == ERR_TIMEOUT)
            giver_failed(comer->control, comer->source);
        comer_later(comer); /* asks anew: retention may have moved, or the other has gone */
    }
}

/* Who gave, or a member when that one has left: it applies no more.  0: none is up. */
static uint64_t further_giver(const struct comer *comer)
{
    const struct control *control = comer->control;
    const struct epoch_answer *answer = &comer->answer;

    if (epoch_answer_has(answer, comer->source) && net_is_up(control->world.net, comer->source) &&
        !giver_is_stuck(control, comer->source))
        return comer->source;
    for (uint32_t i = 0; i < answer->member_count; i++)
        if (answer->members[i] != control->options.node &&
            net_is_up(control->world.net, answer->members[i]) &&
            !giver_is_stuck(control, answer->members[i]))
            return answer->members[i];
    return 0;
}

/* It has applied more of the same epoch by now.  Whatever else it says, and also when it says
 * nothing, what was said before is true. */
static void on_further(struct net_call *call, enum err err, enum err remote, struct slice answer,
                       struct buf *answer_buf)
{
    struct comer *comer = container_of(call, struct comer, call);
    struct control *control = comer->control;
    struct epoch_answer further;

    comer->calling = false;
    if (err == ERR_OK && remote == ERR_OK && epoch_answer_decode(&further, answer) &&
        further.epoch == comer->answer.epoch && further.applied > comer->answer.applied) {
        comer->answer = further;
        comer->source = comer->giver = comer->asked_further;
        fill_on(comer);
    } else {
        fill_end(comer);
        filling_kick(control);
    }
}

static void ask_further(struct comer *comer)
{
    struct control *control = comer->control;
    struct epoch_word word = { .group = comer->group, .epoch = comer->answer.epoch };
    uint64_t node = further_giver(comer);
    AUTO_UNREF struct buf *bytes = node != 0 ? epoch_word_encode(&word) : NULL;

    if (bytes == NULL) {
        fill_end(comer);
        return;
    }
    comer->asked_further = node;
    comer->last_round_ms = control_now_ms(control) - comer->round_ms;
    comer->round_ms += comer->last_round_ms;
    comer->calling = true;
    net_call(control->world.net, &comer->call, node, NET_EPOCH_ASK, &bytes, 1, FILL_CALL_MS,
             on_further);
}

/* All of it is here: the epoch can begin. */
static void fill_end(struct comer *comer)
{
    struct control *control = comer->control;
    const struct log_state *state = log_state(control->log, comer->group);
    const struct epoch_answer *answer = &comer->answer;

    if ((state->last != answer->applied && !MUTANT(fill_one_short)) ||
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
               "group=%" PRIu64 " epoch=%" PRIu32 " from=%016" PRIx64 " at=%" PRIu64
               " fetched_bytes=%" PRIu64 " move=%s",
               comer->group, answer->epoch, comer->source, answer->applied, comer->filled_bytes,
               comer->urgent ? "no" : "yes");
    comer_free(comer);
    host_kick(control);
}

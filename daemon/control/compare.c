/* Compares this node's replicas with those of the other members, by the heads of their entries: a
 * head names its payload's length and checksum, and each copy is checked against those by the
 * search for damage (log/scrub.h).
 *
 *  1. step()        the next CONTROL_COMPARE_ENTRIES_MAX entries of one group and one other member;
 *                   or its next member, the next group, the end of the pass
 *  2. on_read()     their heads here; the member is asked for a digest of its own (NET_COMPARE)
 *  3. on_answer()   other digests: it is asked for the heads; other heads are said and counted
 *
 * Only what both have applied is compared, in the same epoch: what was taken by retention, or is
 * not applied yet, is no difference.  Nothing is mended: docs/flows/repair.md says why. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/compare_message.h"
#include "control/control_private.h"

#define HEAD_TEXT_MAX 160u

static void on_timer(struct timer *timer);
static void step(struct control *control);
static void on_read(struct log_read *read, enum err err);
static void ask(struct control *control, bool heads);
static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf);

void compare_open(struct control *control)
{
    uint64_t period_ms = control->options.compare_period_ms;

    net_handle(control->world.net, NET_COMPARE, NULL, compare_on_ask, control);
    if (period_ms > 0)
        timer_start(control->world.clock, &control->compare.timer,
                    period_ms < SCRUB_FIRST_MS ? period_ms : SCRUB_FIRST_MS, on_timer);
}

void compare_close(struct control *control)
{
    struct compare *compare = &control->compare;

    net_handle(control->world.net, NET_COMPARE, NULL, compare_on_ask_closed, NULL);
    timer_stop(&compare->timer);
    if (compare->asking)
        net_call_cancel(control->world.net, &compare->call);
    if (compare->asking)
        log_read_fini(&compare->read);
    compare->asking = false; /* the log waits for a read */
}

/* ---- a pass ---- */

static void wait_for(struct control *control, uint64_t bytes)
{
    uint64_t cost = bytes < CONTROL_COMPARE_COST_BYTES ? CONTROL_COMPARE_COST_BYTES : bytes;

    if (!control->closing)
        timer_start(control->world.clock, &control->compare.timer,
                    cost * 1000 / control->options.scrub_bytes_per_s + 1, on_timer);
}

static void begin(struct control *control)
{
    struct compare *compare = &control->compare;

    compare->running = true;
    compare->begun_ms = control_now_ms(control);
    compare->group = 0;
    compare->member = GROUP_MEMBERS_MAX; /* the first group comes next */
    compare->said = 0;
    compare->pass = (struct control_compares){ .passes = 0 };
}

static void finish(struct control *control)
{
    struct compare *compare = &control->compare;
    uint64_t took_ms = control_now_ms(control) - compare->begun_ms;
    uint64_t period_ms = control->options.compare_period_ms;

    compare->running = false;
    compare->figures.passes++;
    note_event(control->world.note, compare->pass.differences > 0 ? NOTE_ERROR : NOTE_DEBUG,
               "log.compared",
               "pass=%" PRIu64 " entries=%" PRIu64 " differences=%" PRIu64 " unanswered=%" PRIu64
               " took_ms=%" PRIu64,
               compare->figures.passes, compare->pass.entries, compare->pass.differences,
               compare->pass.unanswered, took_ms);
    timer_start(control->world.clock, &compare->timer,
                took_ms < period_ms ? period_ms - took_ms : 1, on_timer);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, compare.timer);
    struct compare *compare = &control->compare;

    if (!compare->running)
        begin(control);
    if (log_pending_bytes(control->log) > 0 && compare->yields < SCRUB_YIELDS_MAX) {
        compare->yields++;
        timer_start(control->world.clock, timer, SCRUB_YIELD_MS, on_timer);
        return;
    }
    compare->yields = 0;
    step(control);
}

/* The next member of this group, or the first one of the next group; NULL: the pass is over. */
static const struct log_state *next_member(struct control *control)
{
    struct compare *compare = &control->compare;
    const struct log_state *state = log_state(control->log, compare->group);

    compare->member++;
    while (state == NULL || compare->member >= state->member_count) {
        state = log_state_next(control->log, compare->group);
        if (state == NULL)
            return NULL;
        compare->group = state->group;
        compare->member = 0;
    }
    compare->node = state->members[compare->member];
    compare->epoch = state->epoch;
    compare->next = state->first;
    return state;
}

static void step(struct control *control)
{
    struct compare *compare = &control->compare;
    const struct log_state *state = log_state(control->log, compare->group);

    if (state != NULL && compare->next < state->first)
        compare->next = state->first; /* trimmed meanwhile */
    if (state == NULL || state->epoch != compare->epoch ||
        compare->member >= state->member_count || compare->next > state->applied) {
        state = next_member(control);
        if (state == NULL) {
            finish(control);
            return;
        }
    }
    if (compare->node == control->options.node || !net_is_up(control->world.net, compare->node) ||
        compare->next > state->applied) {
        compare->next = UINT64_MAX;
        wait_for(control, 0);
        return;
    }
    uint64_t last = compare->next + CONTROL_COMPARE_ENTRIES_MAX - 1;
    compare->read = (struct log_read){ .group = compare->group,
                                       .first = compare->next,
                                       .last = last < state->applied ? last : state->applied,
                                       .heads_only = true,
                                       .background = true };
    log_read(control->log, &compare->read, on_read);
}

/* ---- a stretch ---- */

/* On with what stands behind `last`. */
static void stretch_end(struct control *control, uint64_t last)
{
    struct compare *compare = &control->compare;
    uint64_t bytes = compare->read.disk_bytes + (uint64_t)compare->read.count * ENTRY_HEAD_BYTES;

    log_read_fini(&compare->read);
    compare->next = last + 1;
    wait_for(control, bytes);
}

static void on_read(struct log_read *read, enum err err)
{
    struct control *control = container_of(read, struct control, compare.read);

    if (control->closing)
        log_read_fini(read);
    else if (err == ERR_OK)
        ask(control, false);
    else if (err == ERR_TRIMMED)
        stretch_end(control, read->first - 1); /* step() looks where it begins now */
    else
        stretch_end(control, read->first); /* its row is damaged: said and counted by the log */
}

/* With another member, or later: it is down, busy, in another epoch, or of an older Braid. */
static void unanswered(struct control *control)
{
    struct compare *compare = &control->compare;

    compare->figures.unanswered++;
    compare->pass.unanswered++;
    stretch_end(control, UINT64_MAX - 1);
}

static void ask(struct control *control, bool heads)
{
    struct compare *compare = &control->compare;
    unsigned char text[COMPARE_ASK_BYTES];

    compare->ask = (struct compare_ask){ .group = compare->group,
                                         .first = compare->read.first,
                                         .last = compare->read.first + compare->read.count - 1,
                                         .epoch = compare->epoch,
                                         .heads = heads };
    compare_ask_write(&compare->ask, text);
    AUTO_UNREF struct buf *bytes = buf_copy(slice_of(text, sizeof(text)));
    if (bytes == NULL) {
        unanswered(control);
        return;
    }
    compare->asking = true;
    net_call(control->world.net, &compare->call, compare->node, NET_COMPARE, &bytes, 1,
             CONTROL_COMPARE_ASK_MS, on_answer);
}

static const char *head_text(const struct entry_head *head, char ret[HEAD_TEXT_MAX])
{
    (void)snprintf(ret, HEAD_TEXT_MAX,
                   "epoch %" PRIu32 " term %" PRIu64 " time_ms %" PRIu64 " type %u records %u "
                   "bytes %" PRIu32 " crc %08" PRIx32,
                   head->epoch, head->term, head->time_ms, (unsigned)head->type,
                   (unsigned)head->records, head->length, head->crc);
    return ret;
}

static void say(struct control *control, const struct entry_head *mine,
                const struct entry_head *theirs)
{
    struct compare *compare = &control->compare;

    compare->figures.differences++;
    compare->pass.differences++;
    if (control->options.on_difference != NULL)
        control->options.on_difference(control->options.ctx, mine, theirs, compare->node);
    char here[HEAD_TEXT_MAX], there[HEAD_TEXT_MAX];
    if (compare->said == CONTROL_COMPARE_NOTES_MAX)
        return;
    compare->said++;
    note_event(control->world.note, NOTE_ERROR, "log.replicas_differ",
               "group=%" PRIu64 " index=%" PRIu64 " node=%016" PRIx64 " here=\"%s\" there=\"%s\" "
               "text=\"two members have applied different entries; nothing is changed\" "
               "do=\"find the odd one of the members (the one that differs from all others), keep "
               "its data, and make it anew; docs/flows/repair.md\"",
               mine->group, mine->index, compare->node, head_text(mine, here),
               head_text(theirs, there));
}

static void compare_heads(struct control *control, const struct compare_answer *answer)
{
    struct compare *compare = &control->compare;
    uint64_t skip = answer->first - compare->read.first;
    unsigned char mine[ENTRY_HEAD_BYTES];

    for (uint64_t i = 0; i * ENTRY_HEAD_BYTES < answer->heads.len; i++) {
        const struct entry_head *here = &compare->read.entries[skip + i].head;
        const unsigned char *bytes = answer->heads.data + i * ENTRY_HEAD_BYTES;
        struct entry_head there;
        entry_head_encode(here, mine);
        if (memcmp(mine, bytes, sizeof(mine)) == 0)
            continue;
        if (!entry_head_decode(&there, bytes))
            there = (struct entry_head){ .group = here->group, .index = here->index };
        say(control, here, &there);
    }
}

static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice bytes,
                      struct buf *answer_buf)
{
    struct control *control = container_of(call, struct control, compare.call);
    struct compare *compare = &control->compare;
    const struct log_state *state = log_state(control->log, compare->group);
    struct compare_answer answer;

    compare->asking = false;
    if (err != ERR_OK || remote != ERR_OK || state == NULL || state->epoch != compare->epoch ||
        compare_answer_read(&answer, &compare->ask, bytes) != ERR_OK) {
        unanswered(control);
        return;
    }
    if (answer.last < answer.first) { /* it has less applied, or begins further on */
        stretch_end(control, answer.first > compare->ask.last ? answer.first - 1 : UINT64_MAX - 1);
        return;
    }
    uint64_t skip = answer.first - compare->ask.first;
    uint32_t count = (uint32_t)(answer.last - answer.first + 1);
    if (!compare->ask.heads &&
        compare_digest(compare->read.entries + skip, count) != answer.digest) {
        ask(control, true);
        return;
    }
    if (compare->ask.heads)
        compare_heads(control, &answer);
    compare->figures.entries += count;
    compare->pass.entries += count;
    stretch_end(control, answer.last);
}

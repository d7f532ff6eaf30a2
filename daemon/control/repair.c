/* Fetches damaged entries from the other members of their groups and has them written again.
 *
 *  1. on_timer()     the next damaged entry that the log knows of, round and round
 *  2. ask_next()     one member after the other: NET_ENTRY, the entry's whole head
 *  3. on_answer()    what fits the head's length and checksum goes to log_mend()
 *  4. on_mended()    said and counted; then a pause, and the next one
 *
 * What nobody could give is asked for again with each round, because a member that is down comes
 * back.  The answering side reads its own copy, which the log checks, and answers only when it has
 * this very head.  Bytes: docs/formats/peer-calls.md. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "control/control_private.h"

#define ASK_VERSION 1u
#define ASK_HEAD_AT 4u
#define ASK_BYTES (ASK_HEAD_AT + ENTRY_HEAD_BYTES)

/* An entry that another node asked for. */
struct repair_served {
    struct control *control;
    struct net_incoming *incoming;
    struct entry_head head;
    struct log_read read;
};

static void on_timer(struct timer *timer);
static void ask_next(struct control *control);
static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf);
static void on_mended(struct log_mend *mend, enum err err);
static void give_up(struct control *control, const char *why);
static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void on_ask_closed(void *ctx, const struct net_message *message,
                          struct net_incoming *incoming);
static void served_on_read(struct log_read *read, enum err err);

void repair_open(struct control *control)
{
    net_handle(control->world.net, NET_ENTRY, NULL, on_ask, control);
}

void repair_close(struct control *control)
{
    struct repair *repair = &control->repair;

    net_handle(control->world.net, NET_ENTRY, NULL, on_ask_closed, NULL);
    timer_stop(&repair->timer);
    if (repair->asking)
        net_call_cancel(control->world.net, &repair->call);
    repair->asking = false; /* the log waits for one that it writes */
}

void repair_wake(struct control *control)
{
    struct repair *repair = &control->repair;

    /* In the middle of a round its pace counts; the entry's turn comes with it, or the next. */
    if (control->closing || repair->soon || repair->head.group != 0)
        return;
    repair->soon = true;
    timer_start(control->world.clock, &repair->timer, CONTROL_REPAIR_SOON_MS, on_timer);
}

/* ---- asking ---- */

/* Only what has a place can be written there, and only another member can have it. */
static bool is_worth_asking(const struct control *control, const struct log_damage *damage)
{
    return damage->segment != 0 && !damage_is_alone(control, damage->head.group);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, repair.timer);
    struct repair *repair = &control->repair;
    const struct log_damage *damage = NULL;
    uint64_t group = repair->head.group, index = repair->head.index;

    repair->soon = false;
    while ((damage = log_damaged_next(control->log, group, index)) != NULL &&
           !is_worth_asking(control, damage)) {
        group = damage->head.group;
        index = damage->head.index;
    }
    if (damage == NULL) { /* the end of a round */
        repair->head = (struct entry_head){ .group = 0 };
        if (log_damaged_next(control->log, 0, 0) != NULL)
            timer_start(control->world.clock, timer, CONTROL_REPAIR_AGAIN_MS, on_timer);
        return;
    }
    repair->head = damage->head;
    repair->asked = 0;
    ask_next(control);
}

/* The next member that can be reached; 0 when all were asked. */
static uint64_t next_member(struct control *control)
{
    struct repair *repair = &control->repair;
    const struct log_state *state = log_state(control->log, repair->head.group);
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), repair->head.group, NULL);
    const uint64_t *members = state == NULL ? NULL : state->members;
    uint32_t count = state == NULL ? 0 : state->member_count;

    if (state != NULL && count == 0 && row != NULL) { /* it left, or comes in */
        members = row->members;
        count = row->member_count;
    }
    while (repair->asked < count) {
        uint64_t node = members[repair->asked++];
        if (node != control->options.node && net_is_up(control->world.net, node))
            return node;
    }
    return 0;
}

static void ask_next(struct control *control)
{
    struct repair *repair = &control->repair;
    unsigned char ask[ASK_BYTES] = { ASK_VERSION };

    repair->node = next_member(control);
    if (repair->node == 0) {
        give_up(control, "no other member that can be reached gave it");
        return;
    }
    allowance_owe(&control->allowance, control_now_ms(control), repair->head.length);
    entry_head_encode(&repair->head, ask + ASK_HEAD_AT);
    AUTO_UNREF struct buf *bytes = buf_copy(slice_of(ask, sizeof(ask)));
    if (bytes == NULL) {
        give_up(control, "no memory");
        return;
    }
    repair->asking = true;
    net_call(control->world.net, &repair->call, repair->node, NET_ENTRY, &bytes, 1,
             CONTROL_REPAIR_ASK_MS, on_answer);
}

static void on_answer(struct net_call *call, enum err err, enum err remote, struct slice answer,
                      struct buf *answer_buf)
{
    struct control *control = container_of(call, struct control, repair.call);
    struct repair *repair = &control->repair;

    repair->asking = false;
    if (err != ERR_OK || remote != ERR_OK || !entry_matches(&repair->head, answer)) {
        ask_next(control);
        return;
    }
    repair->payload = buf_part(answer_buf, answer);
    if (repair->payload == NULL) {
        give_up(control, "no memory");
        return;
    }
    repair->mend = (struct log_mend){ .head = repair->head, .payload = repair->payload };
    log_mend(control->log, &repair->mend, on_mended);
}

/* ---- what it came to ---- */

/* As long as its own pace demands, and at least until what it took is paid: what fills take in the
 * meantime does not make it wait longer. */
static void pause_for(struct control *control, uint64_t bytes)
{
    uint64_t ms = bytes * 1000 / CONTROL_REPAIR_BYTES_PER_S + 1;
    uint64_t owed_ms = allowance_wait_ms(&control->allowance, control_now_ms(control));

    if (!control->closing)
        timer_start(control->world.clock, &control->repair.timer, owed_ms > ms ? owed_ms : ms,
                    on_timer);
}

static void on_mended(struct log_mend *mend, enum err err)
{
    struct control *control = container_of(mend, struct control, repair.mend);
    struct repair *repair = &control->repair;

    buf_unref(repair->payload);
    repair->payload = NULL;
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        give_up(control, mend->reason.text);
        return;
    }
    if (err == ERR_OK && mend->wrote)
        note_event(control->world.note, NOTE_WARN, "log.entry_repaired",
                   "group=%" PRIu64 " index=%" PRIu64 " bytes=%" PRIu32 " from=%016" PRIx64
                   " where=%s text=\"a damaged entry was fetched from another replica and is whole "
                   "again\"",
                   mend->head.group, mend->head.index, mend->head.length, repair->node,
                   mend->aside ? "elsewhere" : "in_its_place");
    pause_for(control, mend->head.length);
}

/* Goes on with the next one; this one's turn comes again with the next round. */
static void give_up(struct control *control, const char *why)
{
    struct repair *repair = &control->repair;
    uint64_t now_ms = control_now_ms(control);

    repair->figures.failed++;
    if (!control->closing &&
        (repair->noted_ms == 0 || now_ms - repair->noted_ms >= CONTROL_REPAIR_NOTE_MS)) {
        repair->noted_ms = now_ms;
        note_event(control->world.note, NOTE_WARN, "log.entry_not_repaired",
                   "group=%" PRIu64 " index=%" PRIu64 " why=%s failed=%" PRIu64
                   " text=\"it is tried again every %u s; start the other members of the group, "
                   "and look at this disk's health\"",
                   repair->head.group, repair->head.index, NOTE_QUOTED(why),
                   repair->figures.failed, CONTROL_REPAIR_AGAIN_MS / 1000);
    }
    pause_for(control, 0);
}

/* ---- answering ---- */

static void on_ask_closed(void *ctx, const struct net_message *message,
                          struct net_incoming *incoming)
{
    net_answer(incoming, ERR_CLOSED, NULL, 0);
}

static enum err ask_read(struct slice bytes, struct entry_head *head)
{
    if (bytes.len != ASK_BYTES)
        return ERR_CORRUPT;
    if (bytes.data[0] != ASK_VERSION)
        return ERR_VERSION;
    return entry_head_decode(head, bytes.data + ASK_HEAD_AT) && head->length > 0 ? ERR_OK
                                                                                 : ERR_CORRUPT;
}

static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct control *control = ctx;
    struct entry_head head;
    enum err err = ask_read(message->bytes, &head);

    if (err == ERR_OK && control->repair.served == CONTROL_REPAIR_SERVED_MAX)
        err = ERR_BUSY;
    if (err != ERR_OK) {
        net_answer(incoming, err, NULL, 0);
        return;
    }
    struct repair_served *served = calloc(1, sizeof(*served));
    if (served == NULL) {
        net_answer(incoming, ERR_NO_MEMORY, NULL, 0);
        return;
    }
    served->control = control;
    served->incoming = incoming;
    served->head = head;
    served->read = (struct log_read){
        .group = head.group, .first = head.index, .last = head.index, .background = true
    };
    control->repair.served++;
    log_read(control->log, &served->read, served_on_read);
}

static void served_on_read(struct log_read *read, enum err err)
{
    struct repair_served *served = container_of(read, struct repair_served, read);
    unsigned char asked[ENTRY_HEAD_BYTES], found[ENTRY_HEAD_BYTES];

    if (err == ERR_OK) {
        entry_head_encode(&served->head, asked);
        entry_head_encode(&read->entries[0].head, found);
        err = memcmp(asked, found, sizeof(asked)) == 0 ? ERR_OK : ERR_NOT_FOUND;
    }
    net_answer(served->incoming, err, err == ERR_OK ? &read->entries[0].payload : NULL,
               err == ERR_OK ? 1 : 0);
    served->control->repair.served--;
    log_read_fini(read);
    free(served);
}

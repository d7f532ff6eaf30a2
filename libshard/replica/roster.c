#include "replica/roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "replica/election.h"
#include "replica/fence.h"
#include "replica/replica_private.h"

/* So long a start waits for what others heard: a link comes up within half a second. */
#define TRUST_TIMEOUTS 2u

static void tick(struct timer *timer);
static void work(struct defer *defer);
static void on_frame(void *ctx, const struct net_message *message);
static void on_net(void *ctx, enum net_event event, const struct net_peer *peer);

enum err roster_open(struct roster **ret, const struct roster_options *options,
                     const struct roster_world *world)
{
    struct roster *roster = calloc(1, sizeof(*roster));

    ensure(options->node != 0 && options->on_forgotten != NULL);
    ensure(options->tick_ms > 0 && options->tick_ms * 2 <= options->heartbeat_ms);
    ensure(options->heartbeat_ms < options->election_timeout_ms);
    if (roster == NULL)
        return ERR_NO_MEMORY;
    roster->options = *options;
    roster->world = *world;
    witness_init(&roster->witness, options->boot, log_recovery(world->log).whole_turn);
    roster->opened_ms = clock_mono_ms(world->clock);
    roster->trusted = roster->witness.found == 0;
    outbox_init(&roster->outbox, world->net, world->clock, &roster->witness);
    roster->outbox.speaks = roster->trusted;
    payload_store_init(&roster->payloads, options->payload_cache_bytes);
    list_init(&roster->appends);
    list_init(&roster->ready);
    list_init(&roster->closing);
    list_init(&roster->hurried);
    list_init(&roster->feeds.waiting);
    net_handle(world->net, NET_RAFT, on_frame, NULL, roster);
    net_listen(world->net, on_net, roster);
    timer_start(world->clock, &roster->ticker, options->tick_ms, tick);
    *ret = roster;
    return ERR_OK;
}

void roster_close(struct roster *roster)
{
    ensure(roster->row_count == 0 && list_empty(&roster->closing));
    net_forget(roster->world.net, roster);
    timer_stop(&roster->ticker);
    timer_stop(&roster->hurry);
    defer_cancel(&roster->work);
    outbox_fini(&roster->outbox);
    payload_store_fini(&roster->payloads);
    free(roster->sent);
    free(roster->rows);
    free(roster);
}

void roster_retire(struct roster *roster)
{
    roster->retired = true;
}

void roster_ail(struct roster *roster, bool ails)
{
    roster->ails = ails;
}

/* ---- finding ---- */

/* Place of the first replica whose group is at or above `group`. */
static size_t place_of(const struct roster *roster, uint64_t group)
{
    size_t low = 0, high = roster->row_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (roster->rows[middle].group < group)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct replica *roster_find(const struct roster *roster, uint64_t group)
{
    size_t at = place_of(roster, group);

    return at < roster->row_count && roster->rows[at].group == group ? roster->rows[at].replica
                                                                     : NULL;
}

struct replica *roster_next(const struct roster *roster, uint64_t after)
{
    size_t at = after == UINT64_MAX ? roster->row_count : place_of(roster, after + 1);

    return at < roster->row_count ? roster->rows[at].replica : NULL;
}

struct replica *roster_at(const struct roster *roster, size_t place)
{
    return place < roster->row_count ? roster->rows[place].replica : NULL;
}

uint64_t roster_changes(const struct roster *roster)
{
    return roster->changes;
}

uint64_t roster_changed(const struct roster *roster, uint64_t change)
{
    ensure(change <= roster->changes && roster->changes - change < ROSTER_CHANGES_KEPT);
    return roster->changed[change % ROSTER_CHANGES_KEPT];
}

void roster_note_change(struct roster *roster, uint64_t group)
{
    roster->changed[++roster->changes % ROSTER_CHANGES_KEPT] = group;
}

enum err roster_insert(struct roster *roster, struct replica *replica)
{
    size_t at = place_of(roster, replica->group);

    if (roster->row_count == roster->row_room) {
        size_t room = roster->row_room == 0 ? 16 : roster->row_room * 2;
        struct roster_row *rows = realloc(roster->rows, room * sizeof(struct roster_row));
        if (rows == NULL)
            return ERR_NO_MEMORY;
        roster->rows = rows;
        roster->row_room = room;
    }
    memmove(&roster->rows[at + 1], &roster->rows[at],
            (roster->row_count - at) * sizeof(struct roster_row));
    roster->rows[at] = (struct roster_row){ .group = replica->group, .replica = replica };
    roster->row_count++;
    roster_note_change(roster, replica->group);
    return ERR_OK;
}

void roster_remove(struct roster *roster, struct replica *replica)
{
    size_t at = place_of(roster, replica->group);

    ensure(at < roster->row_count && roster->rows[at].replica == replica);
    roster->row_count--;
    roster_note_change(roster, replica->group);
    memmove(&roster->rows[at], &roster->rows[at + 1],
            (roster->row_count - at) * sizeof(struct roster_row));
}

/* ---- time ---- */

/* One timer for all: nothing in here calls an owner, so the array stands still. */
static void tick(struct timer *timer)
{
    struct roster *roster = container_of(timer, struct roster, ticker);

    timer_start(roster->world.clock, &roster->ticker, roster->options.tick_ms, tick);
    if (clock_mono_ms(roster->world.clock) - roster->opened_ms >=
            TRUST_TIMEOUTS * (uint64_t)roster->options.election_timeout_ms &&
        !roster->trusted) {
        roster->trusted = true;
        outbox_speak(&roster->outbox);
    }
    for (size_t k = 0; k < roster->row_count; k++)
        replica_tick(roster->rows[k].replica);
}

/* ---- the disk ---- */

void roster_durable(struct roster *roster, uint64_t turn)
{
    witness_durable(&roster->witness, turn);
    for (struct list_node *node; (node = list_first(&roster->appends)) != NULL;) {
        struct append *append = container_of(node, struct append, link);
        struct replica *replica = append->replica;

        if (append->turn > turn + MUTANT(append_done_early))
            break;
        io_log_complete(append);
        replica_settle(replica);
        if (replica->barrier_durable)
            io_net_release(replica);
        if (list_empty(&replica->appends))
            io_net_pump(replica);
    }
    outbox_durable(&roster->outbox, turn);
}

/* ---- the end of a turn ---- */

void roster_add_work(struct roster *roster)
{
    defer_run(roster->world.clock, &roster->work, work);
}

/* F8.  What libraft sent during the turn. */
static void complete_sent(struct roster *roster)
{
    /* By number, because the callbacks may send again. */
    for (size_t k = 0; k < roster->sent_count; k++) {
        struct sent sent = roster->sent[k];

        if (sent.replica == NULL)
            continue; /* closed meanwhile */
        roster->sent[k].replica = NULL;
        sent.cb(sent.req, sent.status);
        replica_settle(sent.replica);
    }
    roster->sent_count = 0;
}

static void work(struct defer *defer)
{
    struct roster *roster = container_of(defer, struct roster, work);
    struct list closing;

    complete_sent(roster);
    for (struct list_node *node; (node = list_pop(&roster->ready)) != NULL;)
        replica_turn(container_of(node, struct replica, ready));

    /* Those that still wait for a read come again when it is done. */
    list_take(&closing, &roster->closing);
    for (struct list_node *node; (node = list_pop(&closing)) != NULL;) {
        struct replica *replica = container_of(node, struct replica, closing_link);
        list_append(&roster->closing, node);
        while (!list_empty(&replica->lost))
            replica_finish(replica);
        replica_finish(replica);
    }
}

/* ---- the net ---- */

/* The letter in which one message is kept, checked as far as it can be without the group's state.
 * NULL when it is to be dropped; `*cut` when nothing behind it in the frame can be read. */
static struct letter *letter_read(struct envelope_reader *reader, const struct envelope *envelope,
                                  struct slice heads, const struct net_message *message, bool *cut)
{
    struct letter *letter =
        malloc(sizeof(*letter) + envelope->entries * sizeof(struct letter_entry));
    bool good = letter != NULL;
    struct letter_entry dropped = { .payload = { .len = 0 } };

    *cut = false;
    if (letter != NULL)
        *letter = (struct letter){ .from = message->from, .envelope = *envelope,
                                   .bytes = sizeof(*letter) };
    for (uint32_t k = 0; k < envelope->entries && !*cut; k++) {
        struct letter_entry *entry = letter == NULL ? &dropped : &letter->entries[k];

        if (!envelope_entry(reader, envelope, k, heads.data + (size_t)k * ENTRY_HEAD_BYTES,
                            &entry->head, &entry->payload, cut))
            good = false;
        else if (letter != NULL)
            letter->bytes += sizeof(*entry) + entry->head.length;
    }
    if (good && envelope->entries > 0)
        letter->frame = buf_ref(message->buf);
    if (!good)
        free(letter);
    return good ? letter : NULL;
}

/* S8.  What waits to be sent is not sent, and nothing that comes is read. */
static void forget(struct roster *roster, uint64_t from, uint64_t turn)
{
    struct reason reason;

    reason_set(&reason,
               "node %016llx heard that turn %llu of this log was durable, but the log ended at "
               "turn %llu when it was opened: damaged, or an old copy; what this node promised is "
               "forgotten; " REASON_KEEP_DATA,
               (unsigned long long)from, (unsigned long long)turn,
               (unsigned long long)roster->witness.found);
    roster->forgotten = roster->outbox.mute = true;
    timer_stop(&roster->ticker);
    timer_stop(&roster->hurry);
    roster->options.on_forgotten(roster->options.ctx, &reason);
}

/* Whether those who may have heard more of this log than is left of it have spoken.  Until then a
 * vote or a success could contradict one that is forgotten. */
static bool is_trusted(const struct roster *roster, const struct replica *replica)
{
    if (roster->trusted || !FENCE(S8))
        return true;
    for (uint32_t k = 0; k < replica->member_count; k++) {
        uint64_t node = replica->members[k].node;
        if (k != replica->self && !witness_met(&roster->witness, node) &&
            !net_is_gone(roster->world.net, node))
            return false;
    }
    return true;
}

/* What the frame says of both logs. */
static void hear(struct roster *roster, uint64_t from, const struct envelope_frame *frame)
{
    uint64_t forgot = witness_forgot(&roster->witness, frame);

    witness_hear(&roster->witness, from, &frame->said);
    if (forgot != 0 && FENCE(S8))
        forget(roster, from, forgot);
}

uint64_t roster_heard(const struct roster *roster, uint64_t node)
{
    struct envelope_frame frame = { .envelopes = 0 };

    witness_say(&roster->witness, node, &frame);
    return frame.heard[0].turn;
}

static void on_frame(void *ctx, const struct net_message *message)
{
    struct roster *roster = ctx;
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;
    bool cut = false;

    if (roster->forgotten || !envelope_reader_init(&reader, message->bytes)) {
        roster->figures.dropped_messages++;
        return;
    }
    hear(roster, message->from, &reader.frame);
    if (roster->forgotten)
        return;
    while (!cut && envelope_next(&reader, &envelope, &heads)) {
        struct letter *letter = letter_read(&reader, &envelope, heads, message, &cut);
        struct replica *replica = letter == NULL ? NULL : roster_find(roster, envelope.group);

        roster->figures.messages_received++;
        if (letter == NULL)
            note_event(roster->world.note, NOTE_WARN, "replica.message_damaged",
                       "group=%llu from=%016llx", (unsigned long long)envelope.group,
                       (unsigned long long)message->from);
        bool stranger = letter != NULL && (replica == NULL || (replica->epoch != envelope.epoch &&
                                                               !MUTANT(other_epochs_heard)));
        if (replica == NULL || stranger || !is_trusted(roster, replica)) {
            roster->figures.dropped_messages++;
            if (letter != NULL)
                letter_free(letter);
            if (stranger && roster->options.on_stranger != NULL)
                roster->options.on_stranger(roster->options.ctx, envelope.group, envelope.epoch,
                                            message->from, replica);
            continue;
        }
        io_net_receive(replica, letter);
    }
    if (cut || reader.left > 0)
        roster->figures.dropped_messages += reader.left;
}

static void on_net(void *ctx, enum net_event event, const struct net_peer *peer)
{
    struct roster *roster = ctx;

    if (event == NET_UP)
        outbox_greet(&roster->outbox, peer->node);
    /* A link that broke says nothing about the process behind it, which may hold a lease. */
    if (event != NET_GONE || roster->forgotten)
        return;
    for (size_t k = 0; k < roster->row_count; k++)
        election_gone(roster->rows[k].replica, peer->node);
}

struct roster_figures roster_figures(const struct roster *roster)
{
    struct roster_figures figures = roster->figures;

    figures.replicas = roster->row_count;
    figures.messages_sent = roster->outbox.messages;
    figures.frames_sent = roster->outbox.frames;
    figures.messages_parked = roster->outbox.parked_count;
    figures.dropped_messages += roster->outbox.dropped;
    return figures;
}

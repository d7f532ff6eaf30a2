/* io_net.c - raft_io towards the peers: send and receive. */
#include "replica/replica_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "replica/election.h"
#include "replica/feed.h"
#include "replica/fence.h"
#include "replica/transfer.h"

static void complete_later(struct replica *replica, struct raft_io_send *req, raft_io_send_cb cb,
                           int status);
static void send_envelope(struct replica *replica, struct member *member,
                          const struct envelope *envelope, const struct outbox_entry *entries);

static struct envelope envelope_of(const struct replica *replica, enum envelope_type type,
                                   uint64_t term)
{
    return (struct envelope){
        .group = replica->group, .epoch = replica->epoch, .type = (uint8_t)type, .term = term
    };
}

/* ---- sending ---- */

static void send_vote(struct replica *replica, struct member *member,
                      const struct raft_request_vote *vote)
{
    struct envelope envelope = envelope_of(replica, ENVELOPE_VOTE, vote->term);

    envelope.flags = vote->pre_vote ? ENVELOPE_PRE_VOTE : 0;
    envelope.vote.last_index = vote->last_log_index;
    envelope.vote.last_term = vote->last_log_term;
    send_envelope(replica, member, &envelope, NULL);
}

static void send_voted(struct replica *replica, struct member *member,
                       const struct raft_request_vote_result *result)
{
    struct envelope envelope =
        envelope_of(replica, ENVELOPE_VOTED, fence_vote_term(replica, result));

    if (result->vote_granted)
        envelope.flags |= ENVELOPE_GRANTED;
    if (result->pre_vote == raft_tribool_true)
        envelope.flags |= ENVELOPE_PRE_VOTE;
    send_envelope(replica, member, &envelope, NULL);
}

static void send_appended(struct replica *replica, struct member *member,
                          const struct raft_append_entries_result *result)
{
    struct envelope envelope = envelope_of(replica, ENVELOPE_APPENDED, result->term);

    if (fence_stale(replica, result->term))
        return;
    envelope.appended.rejected = result->rejected;
    envelope.appended.last_index = result->last_log_index;
    if (result->rejected == 0) {
        if (replica->reading != NULL && result->term == replica->term)
            fence_verified(replica, result->term, replica->reading_end);
        envelope.appended.last_index =
            fence_report(replica, result->term, result->last_log_index);
    }
    if (replica->stamp_term == result->term && replica->stamp_from == member->node)
        envelope.stamp = replica->stamp;
    send_envelope(replica, member, &envelope, NULL);
}

/* How many of the entries can go out now: payloads in memory, no more than a burst of bytes. */
static uint32_t sendable(const struct replica *replica, const struct member *member,
                         const struct raft_append_entries *append, struct outbox_entry *entries)
{
    const struct roster *roster = replica->roster;
    size_t bytes = 0;
    uint32_t count = 0;

    if (outbox_queued(&roster->outbox, member->peer) > RAFT_PEER_BYTES_MAX)
        return 0;
    for (; count < append->n_entries; count++) {
        const struct raft_buffer *buf = &append->entries[count].buf;
        struct entry_head head;

        ensure(buf->len == ENTRY_HEAD_BYTES && entry_head_decode(&head, buf->base));
        if (!payload_ready(&roster->payloads, &head))
            break;
        if (count > 0 && bytes + head.length > RAFT_BURST_BYTES_MAX)
            break;
        bytes += head.length;
        entries[count] =
            (struct outbox_entry){ buf->base, payload_get(&roster->payloads, &head) };
    }
    return count;
}

/* F6.  While it probes, libraft sends its whole tail with each heartbeat, and the tail grows by
 * what is put meanwhile.  A member that is being filled answers nothing for as long as that takes.
 * So the tail goes out once; what follows are empty messages, until one of them is answered. */
static bool is_repetition(const struct member *member, uint64_t prev, uint64_t end)
{
    return FENCE(F6) && member->probe_end != 0 && member->probe_prev == prev &&
           end >= member->probe_end;
}

/* What libraft wants to send, as far as it can go.  What cannot is fed from the log; in its place
 * goes an empty message with the same previous entry, so that the follower hears of its leader and
 * libraft of the follower. */
static int send_append(struct replica *replica, struct member *member,
                       const struct raft_append_entries *append)
{
    uint64_t prev = append->prev_log_index, wanted = append->n_entries;
    struct outbox_entry *entries = NULL;
    uint32_t count = 0;
    bool again = is_repetition(member, prev, prev + wanted);

    if (wanted > 0 && !again) {
        entries = malloc(wanted * sizeof(*entries));
        if (entries != NULL)
            count = sendable(replica, member, append, entries);
    }
    if (!again && count < wanted) {
        if (member->feed != NULL)
            count = 0;
        feed_wake(replica, member, prev + count + 1);
    } else if (!again && prev <= member->match) {
        feed_end(member); /* libraft reaches it again */
    }
    if (count > 0) {
        member->probe_prev = prev;
        member->probe_end = prev + count;
    }
    io_net_append(replica, member, prev, append->prev_log_term, entries, count);
    free(entries);
    return 0;
}

void io_net_append(struct replica *replica, struct member *member, uint64_t prev_index,
                   uint64_t prev_term, const struct outbox_entry *entries, uint32_t count)
{
    uint32_t done = 0;

    do {
        struct envelope envelope = envelope_of(replica, ENVELOPE_APPEND, replica->term);
        size_t bytes = 0;
        uint32_t n = 0;

        for (; done + n < count && n < ENVELOPE_ENTRIES_MAX; n++) {
            const struct buf *payload = entries[done + n].payload;
            size_t len = payload == NULL ? 0 : payload->len;
            if (n > 0 && bytes + len > RAFT_APPEND_BYTES_MAX)
                break;
            bytes += len;
        }
        envelope.entries = (uint16_t)n;
        envelope.stamp = replica_now_ms(replica);
        envelope.append.prev_index = prev_index;
        envelope.append.prev_term = prev_term;
        envelope.append.commit = fence_commit(replica->committed, prev_index + n);
        send_envelope(replica, member, &envelope, entries == NULL ? NULL : entries + done);
        done += n;
        prev_index += n;
        if (n > 0) {
            struct entry_head head;
            ensure(entry_head_decode(&head, entries[done - 1].head));
            prev_term = head.term;
        }
    } while (done < count);
}

/* F18 at the other end turns the epoch's start into what the follower has applied, so this is
 * accepted by whoever is in the epoch, and the answer says how far it is. */
void io_net_beat(struct replica *replica, struct member *member)
{
    uint64_t now = replica_now_ms(replica);

    if (member->beat_ms != 0 && now - member->beat_ms < replica->roster->options.heartbeat_ms)
        return;
    member->beat_ms = now;
    io_net_append(replica, member, replica->start_index, replica->start_term, NULL, 0);
}

void io_net_word(struct replica *replica, struct member *member, enum envelope_type type,
                 uint64_t stamp)
{
    struct envelope envelope = envelope_of(replica, type, replica->term);

    envelope.stamp = stamp;
    send_envelope(replica, member, &envelope, NULL);
}

static void send_envelope(struct replica *replica, struct member *member,
                          const struct envelope *envelope, const struct outbox_entry *entries)
{
    struct roster *roster = replica->roster;

    if (envelope->type == ENVELOPE_APPEND && transfer_is_quiet(replica))
        return;
    outbox_send(&roster->outbox, member->peer, envelope, entries,
                fence_turn(replica, envelope->type), log_durable(roster->world.log));
}

/* F17.  Never an error: for a result libraft 0.15 frees the entries twice.  A message that cannot
 * go is dropped and libraft hears of it later, which sends it back to probing. */
static int io_send(struct raft_io *io, struct raft_io_send *req,
                   const struct raft_message *message, raft_io_send_cb cb)
{
    struct replica *replica = io->impl;
    struct member *member = NULL;
    bool down;

    if (message->type == RAFT_IO_REQUEST_VOTE)
        election_asked(replica, &message->request_vote);
    if (message->server_id != 0 && message->server_address != NULL)
        member = replica_member(replica, message->server_id);
    down = member == NULL || member->peer == NULL ||
           !net_is_up(replica->roster->world.net, member->node);
    if (down && !FENCE(F17))
        return RAFT_NOCONNECTION;
    if (!down) {
        switch (message->type) {
        case RAFT_IO_APPEND_ENTRIES:
            send_append(replica, member, &message->append_entries);
            break;
        case RAFT_IO_APPEND_ENTRIES_RESULT:
            send_appended(replica, member, &message->append_entries_result);
            break;
        case RAFT_IO_REQUEST_VOTE:
            /* To libraft it was sent: it gives up a leader that is gone, and votes for others. */
            if (!replica->roster->retired && !replica->muted)
                send_vote(replica, member, &message->request_vote);
            break;
        case RAFT_IO_REQUEST_VOTE_RESULT:
            send_voted(replica, member, &message->request_vote_result);
            break;
        default:
            break; /* no snapshots, no transfers */
        }
    }
    if (cb != NULL)
        complete_later(replica, req, cb, down ? RAFT_NOCONNECTION : 0);
    return 0;
}

/* F8.  libraft touches its request after send() returned. */
static void complete_later(struct replica *replica, struct raft_io_send *req, raft_io_send_cb cb,
                           int status)
{
    struct roster *roster = replica->roster;

    if (!FENCE(F8)) {
        cb(req, status);
        return;
    }
    if (roster->sent_count == roster->sent_room) {
        size_t room = roster->sent_room == 0 ? 64 : roster->sent_room * 2;
        struct sent *sent = realloc(roster->sent, room * sizeof(*sent));
        /* Without this note libraft would wait for ever, and nothing can be told to it here. */
        ensure(sent != NULL);
        roster->sent = sent;
        roster->sent_room = room;
    }
    roster->sent[roster->sent_count++] = (struct sent){ replica, req, cb, status };
    roster_add_work(roster);
}

void io_net_cancel(struct replica *replica)
{
    struct roster *roster = replica->roster;

    for (size_t k = 0; k < roster->sent_count; k++) {
        struct sent *sent = &roster->sent[k];
        if (sent->replica == replica) {
            sent->replica = NULL;
            sent->cb(sent->req, RAFT_CANCELED);
        }
    }
}

/* F14.  A snapshot would race with what the follower has; its entries are all in our log. libraft
 * does not say whom it means: all that are known to be behind. */
static int io_snapshot_get(struct raft_io *io, struct raft_io_snapshot_get *req,
                           raft_io_snapshot_get_cb cb)
{
    struct replica *replica = io->impl;

    if (!FENCE(F14))
        return RAFT_BUSY;
    for (uint32_t k = 0; k < replica->member_count; k++) {
        struct member *member = &replica->members[k];
        uint64_t next = member->match > 0 ? member->match + 1 : member->hint;

        if (k == replica->self || (member->match > 0 && member->match >= replica->committed))
            continue;
        /* Also when its hint says that it is not behind: libraft, which walked down to its first
         * index, does not come up again without a success. */
        io_net_beat(replica, member);
        if (next > 0)
            feed_wake(replica, member, next);
    }
    return RAFT_BUSY;
}

static raft_time io_time(struct raft_io *io)
{
    const struct replica *replica = io->impl;

    return replica_now_ms(replica) + replica->time_shift_ms;
}

static int io_random(struct raft_io *io, int min, int max)
{
    return election_timeout(io->impl, min, max);
}

static int io_async_work(struct raft_io *io, struct raft_io_async_work *req,
                         raft_io_async_work_cb cb)
{
    return RAFT_INVALID;
}

void io_net_init(struct replica *replica)
{
    struct raft_io *io = &replica->io;

    io->send = io_send;
    io->snapshot_get = io_snapshot_get;
    io->time = io_time;
    io->random = io_random;
    io->async_work = io_async_work;
}

/* ---- receiving ---- */

static void receive_append(struct replica *replica, const struct letter *letter,
                           struct raft_message *message)
{
    const struct envelope *envelope = &letter->envelope;
    struct raft_append_entries *append = &message->append_entries;

    message->type = RAFT_IO_APPEND_ENTRIES;
    *append = (struct raft_append_entries){
        .term = envelope->term,
        .prev_log_index = envelope->append.prev_index,
        .prev_log_term = envelope->append.prev_term,
        .leader_commit = envelope->append.commit,
        .n_entries = envelope->entries,
    };
    uint32_t skip = fence_skip(replica, letter, append);
    uint32_t room = fence_room(replica, letter, skip);
    if (append->n_entries > room) {
        append->n_entries = room;
        replica->roster->figures.refused_entries++;
    }
    replica->reading_end = append->prev_log_index + append->n_entries;
    append->leader_commit = fence_commit(append->leader_commit, replica->reading_end);
    if (!letter_entries(letter, skip, append))
        return; /* as if it had been lost */
    if (envelope->term >= replica->term &&
        (envelope->term != replica->stamp_term || envelope->stamp > replica->stamp)) {
        replica->stamp = envelope->stamp;
        replica->stamp_term = envelope->term;
        replica->stamp_from = letter->from;
    }
    replica->reading = letter;
    replica->recv(&replica->io, message);
    replica->reading = NULL;

    /* Accepted: libraft's timer starts anew, and never waits less than the timeout. */
    if (envelope->term == replica->term && raft_state(&replica->raft) == RAFT_FOLLOWER) {
        replica->heard_ms = replica_now_ms(replica);
        replica->calm_until_ms = replica->heard_ms + replica->roster->options.election_timeout_ms;
    }
}

/* A leader's notes about a follower that answered. */
static void note_answer(struct replica *replica, struct member *member,
                        const struct envelope *envelope)
{
    if (!replica->leading || envelope->term != replica->lead_term)
        return;
    if (envelope->stamp >= replica->lead_since_ms && envelope->stamp <= replica_now_ms(replica) &&
        envelope->stamp > member->heard_ms) {
        member->heard_ms = envelope->stamp;
        if (envelope->stamp > replica->heard_ms)
            replica->heard_ms = envelope->stamp;
    }
    member->probe_end = 0;
    if (envelope->appended.rejected > 0) {
        uint64_t behind = envelope->appended.last_index + 1;
        uint64_t rejected = envelope->appended.rejected;
        member->hint = rejected < behind ? rejected : behind;
    } else if (envelope->appended.last_index > member->match) {
        const struct log_state *state = log_state(replica->roster->world.log, replica->group);
        member->match = envelope->appended.last_index;
        if (member->match > state->last)
            member->match = state->last;
    }
}

static void receive_appended(struct replica *replica, struct member *member,
                             const struct letter *letter, struct raft_message *message)
{
    const struct envelope *envelope = &letter->envelope;

    note_answer(replica, member, envelope);
    if (fence_holds(replica, envelope)) {
        if (!member->held || envelope->appended.last_index > member->held_index)
            member->held_index = envelope->appended.last_index;
        member->held = true;
    } else {
        message->type = RAFT_IO_APPEND_ENTRIES_RESULT;
        message->append_entries_result = (struct raft_append_entries_result){
            .term = envelope->term,
            .rejected = envelope->appended.rejected,
            .last_log_index = envelope->appended.last_index,
        };
        replica->recv(&replica->io, message);
    }
    feed_answered(replica, member, envelope);
}

static void receive(struct replica *replica, struct member *member, const struct letter *letter)
{
    const struct envelope *envelope = &letter->envelope;
    struct raft_message message = { .server_id = member->node, .server_address = member->address };

    switch ((enum envelope_type)envelope->type) {
    case ENVELOPE_APPEND:
        receive_append(replica, letter, &message);
        break;
    case ENVELOPE_APPENDED:
        receive_appended(replica, member, letter, &message);
        break;
    case ENVELOPE_VOTE:
        message.type = RAFT_IO_REQUEST_VOTE;
        message.request_vote = (struct raft_request_vote){
            .term = envelope->term,
            .candidate_id = member->node,
            .last_log_index = envelope->vote.last_index,
            .last_log_term = envelope->vote.last_term,
            .pre_vote = (envelope->flags & ENVELOPE_PRE_VOTE) != 0,
        };
        replica->recv(&replica->io, &message);
        break;
    case ENVELOPE_VOTED:
        election_voted(replica, member, envelope);
        message.type = RAFT_IO_REQUEST_VOTE_RESULT;
        message.request_vote_result = (struct raft_request_vote_result){
            .term = envelope->term,
            .vote_granted = (envelope->flags & ENVELOPE_GRANTED) != 0,
            .pre_vote = TO_RAFT_TRIBOOL((envelope->flags & ENVELOPE_PRE_VOTE) != 0),
        };
        replica->recv(&replica->io, &message);
        break;
    case ENVELOPE_ELECT:
    case ENVELOPE_LET_GO:
        transfer_hear(replica, letter);
        break;
    }
    replica_settle(replica);
}

/* Gives it to libraft, and keeps it if it came early. */
static void deliver(struct replica *replica, struct letter *letter)
{
    receive(replica, replica_member(replica, letter->from), letter);
    if (fence_comes_early(replica, letter) &&
        (replica->early == NULL ||
         replica->early->envelope.append.commit <= letter->envelope.append.commit)) {
        letter_free(replica->early);
        replica->early = letter;
    } else {
        letter_free(letter);
    }
}

static bool waits_behind(const struct replica *replica, uint64_t from)
{
    for (struct list_node *node = list_first(&replica->inbox); node != NULL;
         node = list_next(&replica->inbox, node))
        if (container_of(node, struct letter, link)->from == from)
            return true;
    return false;
}

void io_net_receive(struct replica *replica, struct letter *letter)
{
    struct member *member = replica_member(replica, letter->from);

    if (member == NULL || member->peer == NULL || replica->broken || replica->closing ||
        replica->over) {
        replica->roster->figures.dropped_messages++;
        letter_free(letter);
        return;
    }
    if (letter->envelope.type == ENVELOPE_VOTE && election_holds_vote(replica, letter))
        return;
    if (!waits_behind(replica, letter->from) && !fence_blocks(replica, letter)) {
        deliver(replica, letter);
        return;
    }
    if (replica->inbox_bytes > 0 && replica->inbox_bytes + letter->bytes > RAFT_INBOX_BYTES_MAX) {
        replica->roster->figures.dropped_messages++;
        letter_free(letter);
        return;
    }
    replica->inbox_bytes += letter->bytes;
    list_append(&replica->inbox, &letter->link);
    if (replica->put != NULL)
        replica_wake(replica);
}

/* The first message, in the order of arrival, that may pass: none passes another one of the same
 * sender. */
static struct letter *pump_next(struct replica *replica)
{
    uint32_t waiting = 0;

    for (struct list_node *node = list_first(&replica->inbox); node != NULL;
         node = list_next(&replica->inbox, node)) {
        struct letter *letter = container_of(node, struct letter, link);
        struct member *member = replica_member(replica, letter->from);
        uint32_t bit = 1u << (member - replica->members);

        if ((waiting & bit) == 0 && !fence_blocks(replica, letter))
            return letter;
        waiting |= bit;
    }
    return NULL;
}

/* F22.  Once more.  It says nothing new of the leader: but for the end of the epoch it must not
 * keep a member from asking for votes that has heard nothing for an election timeout. */
static void deliver_early(struct replica *replica)
{
    struct letter *early = replica->early;
    uint64_t heard_ms = replica->heard_ms;
    bool in_time = replica_now_ms(replica) < replica->calm_until_ms ||
                   (replica->seal_index != 0 &&
                    early->envelope.append.commit >= replica->seal_index);

    replica->early = NULL;
    if (!replica->broken && !replica->closing && early->envelope.term == replica->term && in_time)
        receive(replica, replica_member(replica, early->from), early);
    replica->heard_ms = heard_ms;
    letter_free(early);
}

void io_net_pump(struct replica *replica)
{
    if (replica->early != NULL && list_empty(&replica->appends) &&
        !fence_blocks(replica, replica->early))
        deliver_early(replica);
    for (struct letter *letter;
         !replica->broken && !replica->closing && (letter = pump_next(replica)) != NULL;) {
        list_remove(&letter->link);
        replica->inbox_bytes -= letter->bytes;
        deliver(replica, letter);
    }
}

void io_net_release(struct replica *replica)
{
    for (uint32_t k = 0; k < replica->member_count; k++) {
        struct member *member = &replica->members[k];
        struct raft_message message = { .type = RAFT_IO_APPEND_ENTRIES_RESULT,
                                        .server_id = member->node,
                                        .server_address = member->address };

        if (!member->held || !replica->leading || replica->broken)
            continue;
        member->held = false;
        message.append_entries_result = (struct raft_append_entries_result){
            .term = replica->lead_term, .last_log_index = member->held_index
        };
        replica->recv(&replica->io, &message);
        replica_settle(replica);
    }
}

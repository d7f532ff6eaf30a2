#include "replica/feed.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "replica/fence.h"
#include "replica/transfer.h"

/* What one feed reads lies apart, and what lies between is read too.  Of what was put a moment ago
 * that is a few MiB for a message of 100 KiB; and who comes in at that moment lacks it in all
 * groups, while writers write to that disk.  So of the feeds that read what is not filed yet only
 * FEEDS_READ_MAX of a node do at once, FEED_READ_BYTES_MAX at a time each, and the others wait for
 * their turn.  What is older was missed by one that was away, and is read as fast as it takes
 * it. */

/* One message that was not answered yet. */
struct fed {
    uint64_t prev, end;
};

struct feed {
    struct replica *replica;
    struct member *member; /* NULL once the feed has ended while it was reading */
    struct log_read read;
    struct list_node link; /* in the roster's list, while it waits for its turn to read */
    uint64_t next;         /* first entry that was not sent */
    uint64_t prev_term;    /* of the entry before; 0 = unknown */
    uint64_t tried;        /* what was sent from there is on its way or was refused; 0 = nothing */
    struct fed sent[FEED_MESSAGES_MAX];
    uint32_t sent_count;
    uint64_t moved_ms; /* when a message was sent or accepted last */
    bool waiting, reading, read_prev;
    bool in_turn; /* it reads in its turn, and others wait for that */
};

static void pump(struct feed *feed);
static void read_done(struct log_read *read, enum err err);

/* Entries above were appended since the replica was opened and are not applied: their payloads are
 * in memory, and libraft sends them. */
static uint64_t limit_of(const struct replica *replica)
{
    return replica->committed > replica->loaded_last ? replica->committed : replica->loaded_last;
}

/* The first entry of this epoch that the log may have.  A leader that was filled up (its START lies
 * behind the epoch's own) has the ones before its START too, and a follower may lack them. */
static uint64_t floor_of(const struct replica *replica)
{
    const struct log_state *state = log_state(replica->roster->world.log, replica->group);

    return state->first <= replica->start_index ? state->first + 1 : replica->start_index + 1;
}

/* The lowest entry of which this log can prove what comes before.  A follower's mark of what it has
 * applied is seconds old: it may be lower. */
static uint64_t lowest_of(const struct replica *replica)
{
    const struct log_state *state = log_state(replica->roster->world.log, replica->group);

    if (state->first <= replica->start_index + 1)
        return floor_of(replica);
    bool known = state->first > state->last || replica->committed + 1 == state->first ||
                 state->applied + 1 == state->first;

    return known ? state->first : state->first + 1;
}

void feed_wake(struct replica *replica, struct member *member, uint64_t next)
{
    if (!FENCE(F14) || !replica->leading || member->feed != NULL)
        return;
    if (member->match > 0)
        next = member->match + 1;
    if (next < floor_of(replica))
        next = floor_of(replica);
    if (next > limit_of(replica) && next >= lowest_of(replica))
        return;

    struct feed *feed = calloc(1, sizeof(*feed));
    if (feed == NULL)
        return; /* libraft asks again with its next heartbeat */
    feed->replica = replica;
    feed->member = member;
    feed->next = next;
    feed->moved_ms = replica_now_ms(replica);
    member->feed = feed;
    pump(feed);
}

void feed_end(struct member *member)
{
    struct feed *feed = member->feed;

    if (feed == NULL)
        return;
    member->feed = NULL;
    feed->member = NULL;
    if (feed->waiting)
        list_remove(&feed->link);
    if (!feed->reading)
        free(feed);
}

static void restart(struct feed *feed, uint64_t next)
{
    const struct replica *replica = feed->replica;

    if (feed->member->match >= next)
        next = feed->member->match + 1;
    feed->next = (next > floor_of(replica) ? next : floor_of(replica)) + MUTANT(feed_skips_entry);
    feed->prev_term = 0;
    feed->sent_count = 0;
}

void feed_answered(struct replica *replica, struct member *member, const struct envelope *envelope)
{
    struct feed *feed = member->feed;
    uint32_t left = 0;

    if (feed == NULL || envelope->term != replica->lead_term)
        return;
    if (envelope->appended.rejected > 0) {
        /* libraft's own messages are refused while the follower is fed; ours tell something. */
        for (uint32_t k = 0; k < feed->sent_count; k++)
            if (feed->sent[k].prev == envelope->appended.rejected) {
                restart(feed, member->match > 0 ? member->match + 1 : member->hint);
                break;
            }
    } else {
        for (uint32_t k = 0; k < feed->sent_count; k++)
            if (feed->sent[k].end > member->match)
                feed->sent[left++] = feed->sent[k];
        if (left < feed->sent_count)
            feed->moved_ms = replica_now_ms(replica);
        feed->sent_count = left;
        /* In the middle of a message: its log had no room for the rest (F21). */
        if (member->match >= feed->next || (left > 0 && member->match > feed->sent[0].prev))
            restart(feed, member->match + 1);
    }
    if (member->match >= limit_of(replica))
        feed_end(member);
    else
        pump(feed);
}

void feed_tick(struct replica *replica, struct member *member)
{
    struct feed *feed = member->feed;

    if (feed == NULL)
        return;
    uint64_t now = replica_now_ms(replica), timeout = replica->roster->options.election_timeout_ms;
    if (feed->waiting || feed->reading || now - feed->moved_ms < timeout) {
        pump(feed);
        return;
    }
    /* What was lost is sent again to one that answers libraft's messages: who is being filled
     * answers none, for as long as that takes. */
    if (now - member->heard_ms >= timeout)
        return;
    feed->moved_ms = now;
    feed->tried = 0;
    restart(feed, feed->member->match > 0 ? feed->member->match + 1
                  : feed->sent_count > 0  ? feed->sent[0].prev + 1
                                          : feed->next);
    pump(feed);
}

/* The term of the entry before `next`, when it is known without a read. */
static uint64_t term_before(const struct feed *feed)
{
    const struct replica *replica = feed->replica;
    const struct log_state *state = log_state(replica->roster->world.log, replica->group);
    struct entry_head head;

    if (feed->prev_term != 0)
        return feed->prev_term;
    if (feed->next - 1 == replica->start_index)
        return replica->start_term;
    if (feed->next - 1 == replica->committed)
        return replica->committed_term;
    if (feed->next - 1 == state->applied)
        return state->applied_term;
    if (log_head(replica->roster->world.log, replica->group, feed->next - 1, &head) == ERR_OK)
        return head.term;
    return 0;
}

/* Retention has removed what the follower lacks: it needs a new epoch, not a message. */
static void say_refused(struct feed *feed, uint64_t first)
{
    struct replica *replica = feed->replica;
    struct member *member = feed->member;
    uint64_t now_ms = replica_now_ms(replica);

    if (member->refused_ms != 0 && now_ms - member->refused_ms < FEED_NOTE_MS)
        return;
    member->refused_ms = now_ms;
    note_event(replica->roster->world.note, NOTE_WARN, "replica.behind_retention",
               "group=%llu member=%016llx lacks=%llu", (unsigned long long)replica->group,
               (unsigned long long)member->node, (unsigned long long)first);
    if (replica->roster->options.on_behind != NULL)
        replica->roster->options.on_behind(replica->roster->options.ctx, replica->group,
                                           replica->epoch, member->node);
}

/* What comes before `next` is gone here.  The follower may have it: then it takes what is sent from
 * the lowest place on, and if there is nothing, an empty message.  False: the feed has ended. */
static bool lift(struct feed *feed)
{
    struct replica *replica = feed->replica;
    uint64_t lowest = lowest_of(replica);

    if (feed->next >= lowest)
        return true;
    if (feed->tried == lowest) {
        say_refused(feed, feed->next);
        feed_end(feed->member);
        return false;
    }
    feed->next = feed->tried = lowest;
    feed->prev_term = 0;
    feed->sent_count = 0;
    uint64_t term = lowest > limit_of(replica) ? term_before(feed) : 0;
    if (term != 0) {
        io_net_append(replica, feed->member, lowest - 1, term, NULL, 0);
        feed->sent[feed->sent_count++] = (struct fed){ lowest - 1, lowest - 1 };
        feed->moved_ms = replica_now_ms(replica);
    }
    return true;
}

/* Whether it can send more now.  If not, an answer or the next tick tries again, or it has ended.
 */
static bool can_send(struct feed *feed)
{
    const struct roster *roster = feed->replica->roster;

    if (feed->sent_count >= FEED_MESSAGES_MAX || !lift(feed))
        return false;
    if (feed->next > limit_of(feed->replica)) {
        if (feed->sent_count == 0)
            feed_end(feed->member); /* nothing to send, nothing to wait for */
        return false;
    }
    return net_is_up(roster->world.net, feed->member->node) &&
           outbox_queued(&roster->outbox, feed->member->peer) <= RAFT_PEER_BYTES_MAX;
}

/* What it reads next is not filed yet: it may be in the segment that is written to. */
static bool reads_recent(const struct feed *feed)
{
    const struct replica *replica = feed->replica;
    struct entry_head head;

    return log_head(replica->roster->world.log, replica->group, feed->next, &head) == ERR_OK;
}

/* Much may have happened since it came to wait. */
static void read_next(struct feed *feed, bool in_turn)
{
    struct replica *replica = feed->replica;
    struct roster *roster = replica->roster;
    uint64_t last = limit_of(replica);

    if (!can_send(feed))
        return;
    feed->prev_term = term_before(feed);
    feed->read_prev = feed->prev_term == 0;
    uint64_t first = feed->read_prev ? feed->next - 1 : feed->next;
    if (first < log_state(roster->world.log, replica->group)->first) {
        say_refused(feed, first);
        feed_end(feed->member);
        return;
    }
    feed->read = (struct log_read){ .group = replica->group,
                                    .first = first,
                                    .last = last,
                                    .bytes_max = RAFT_APPEND_BYTES_MAX,
                                    .at_once_bytes = in_turn ? FEED_READ_BYTES_MAX : 0 };
    if (last - first >= ENVELOPE_ENTRIES_MAX)
        feed->read.last = first + ENVELOPE_ENTRIES_MAX - 1;
    feed->reading = true;
    feed->in_turn = in_turn;
    replica->reads++;
    roster->feeds.reading += in_turn;
    log_read(roster->world.log, &feed->read, read_done);
}

static void read_others(struct roster *roster)
{
    struct list_node *node;

    while (roster->feeds.reading < FEEDS_READ_MAX + MUTANT(feeds_at_once) * UINT16_MAX &&
           (node = list_pop(&roster->feeds.waiting)) != NULL) {
        struct feed *feed = container_of(node, struct feed, link);
        feed->waiting = false;
        read_next(feed, true);
    }
}

/* Whoever is to lead is waited for by writers. */
static bool is_heir(const struct feed *feed)
{
    const struct transfer *transfer = &feed->replica->transfer;

    return transfer_under_way(feed->replica) && transfer->target == feed->member->node;
}

static void pump(struct feed *feed)
{
    struct roster *roster = feed->replica->roster;

    if (feed->waiting || feed->reading || !can_send(feed))
        return;
    if (!reads_recent(feed)) {
        read_next(feed, false);
        return;
    }
    feed->waiting = true;
    if (is_heir(feed))
        list_prepend(&roster->feeds.waiting, &feed->link);
    else
        list_append(&roster->feeds.waiting, &feed->link);
    read_others(roster);
}

/* Sends what was read as one message. */
static void send(struct feed *feed)
{
    struct replica *replica = feed->replica;
    unsigned char heads[ENVELOPE_ENTRIES_MAX][ENTRY_HEAD_BYTES];
    struct outbox_entry entries[ENVELOPE_ENTRIES_MAX];
    const struct log_read_entry *read = feed->read.entries;
    uint32_t count = feed->read.count;

    ensure(count > 0 && count <= ENVELOPE_ENTRIES_MAX);
    if (feed->read_prev) {
        feed->prev_term = read[0].head.term;
        read++;
        count--;
        if (count == 0)
            return; /* the next read begins behind it */
    }
    for (uint32_t k = 0; k < count; k++) {
        ensure(read[k].head.index == feed->next + k && read[k].head.epoch <= replica->epoch);
        entry_head_encode(&read[k].head, heads[k]);
        entries[k] = (struct outbox_entry){ heads[k], read[k].payload };
        replica->roster->figures.fed_bytes += read[k].head.length;
    }
    replica->roster->figures.fed_entries += count;
    io_net_append(replica, feed->member, feed->next - 1, feed->prev_term, entries, count);
    feed->sent[feed->sent_count++] = (struct fed){ feed->next - 1, feed->next + count - 1 };
    feed->prev_term = read[count - 1].head.term;
    feed->next += count;
    feed->moved_ms = replica_now_ms(replica);
}

/* False: it has ended. */
static bool take(struct feed *feed, enum err err)
{
    struct log_read *read = &feed->read;
    uint64_t wanted = feed->read_prev ? feed->next - 1 : feed->next;

    if (feed->member == NULL) { /* it ended meanwhile */
        log_read_fini(read);
        if (feed->replica->closing)
            roster_add_work(feed->replica->roster);
        free(feed);
        return false;
    }
    /* A restart may have moved `next` while the old place was being read. */
    bool usable =
        err == ERR_OK && read->first == wanted && (feed->read_prev || feed->prev_term != 0);
    if (usable)
        send(feed);
    log_read_fini(read);
    if (err != ERR_OK)
        feed_end(feed->member); /* libraft's next try wakes it again */
    return err == ERR_OK;
}

static void read_done(struct log_read *read, enum err err)
{
    struct feed *feed = container_of(read, struct feed, read);
    struct roster *roster = feed->replica->roster;

    feed->reading = false;
    feed->replica->reads--;
    roster->feeds.reading -= feed->in_turn;
    if (take(feed, err))
        pump(feed); /* behind those that wait */
    read_others(roster);
}

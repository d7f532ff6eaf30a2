/* io_log.c - raft_io towards the log: load, append, truncate, term, vote. */
#include "replica/replica_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "replica/fence.h"

#define SNAPSHOT_BYTES 8u /* libraft wants some content; nobody reads it */

static int io_load(struct raft_io *io, raft_term *term, raft_id *voted_for,
                   struct raft_snapshot **snapshot, raft_index *start_index,
                   struct raft_entry *entries[], size_t *n_entries);

static struct log *log_of(const struct replica *replica)
{
    return replica->roster->world.log;
}

static struct raft_snapshot *snapshot_new(const struct replica *replica)
{
    struct raft_snapshot *snapshot = raft_calloc(1, sizeof(*snapshot));

    if (snapshot == NULL)
        return NULL;
    raft_configuration_init(&snapshot->configuration);
    snapshot->index = replica->committed;
    snapshot->term = replica->committed_term;
    snapshot->configuration_index = replica->start_index;
    snapshot->bufs = raft_calloc(1, sizeof(*snapshot->bufs));
    if (snapshot->bufs == NULL)
        goto failed;
    snapshot->n_bufs = 1;
    snapshot->bufs[0].base = raft_calloc(1, SNAPSHOT_BYTES);
    snapshot->bufs[0].len = SNAPSHOT_BYTES;
    if (snapshot->bufs[0].base == NULL)
        goto failed;
    for (uint32_t k = 0; k < replica->member_count; k++) {
        const struct member *member = &replica->members[k];
        if (raft_configuration_add(&snapshot->configuration, member->node, member->address,
                                   RAFT_VOTER) != 0)
            goto failed;
    }
    return snapshot;

failed:
    if (snapshot->bufs != NULL)
        raft_free(snapshot->bufs[0].base);
    raft_free(snapshot->bufs);
    raft_configuration_close(&snapshot->configuration);
    raft_free(snapshot);
    return NULL;
}

static void entries_free(struct raft_entry *entries, size_t count)
{
    for (size_t k = 0; k < count; k++)
        raft_free(entries[k].buf.base);
    raft_free(entries);
}

/* One allocation per entry and no batch: libraft frees a batch only after a walk over its log. */
static struct raft_entry *entries_new(const struct entry_head *heads, size_t count)
{
    struct raft_entry *entries = raft_calloc(count, sizeof(*entries));

    if (entries == NULL)
        return NULL;
    for (size_t k = 0; k < count; k++) {
        void *bytes = raft_malloc(ENTRY_HEAD_BYTES);
        if (bytes == NULL) {
            entries_free(entries, k);
            return NULL;
        }
        entry_head_encode(&heads[k], bytes);
        entries[k] = (struct raft_entry){
            .term = heads[k].term, .type = RAFT_COMMAND, .buf = { bytes, ENTRY_HEAD_BYTES }
        };
    }
    return entries;
}

/* The heads behind what is known committed. */
static int load_heads(struct replica *replica, uint64_t first, uint64_t last,
                      struct raft_entry **ret)
{
    size_t count = (size_t)(last - first + 1);
    struct entry_head *heads = calloc(count, sizeof(*heads));
    struct reason reason = { .text = "" };

    if (heads == NULL)
        return RAFT_NOMEM;
    enum err err = log_heads_now(log_of(replica), replica->group, first, last, heads, &reason);
    if (err != ERR_OK) {
        snprintf(replica->io.errmsg, sizeof(replica->io.errmsg), "%.200s", reason.text);
        free(heads);
        return err == ERR_NO_MEMORY ? RAFT_NOMEM : err == ERR_CORRUPT ? RAFT_CORRUPT : RAFT_IOERR;
    }
    for (size_t k = 0; k < count; k++) {
        ensure(heads[k].index == first + k && heads[k].group == replica->group);
        if (heads[k].type == ENTRY_SEAL && replica->seal_index == 0)
            replica->seal_index = heads[k].index;
    }
    *ret = entries_new(heads, count);
    free(heads);
    return *ret == NULL ? RAFT_NOMEM : 0;
}

/* libraft always starts from a snapshot, made up here: what is known committed is behind it. */
static int io_load(struct raft_io *io, raft_term *term, raft_id *voted_for,
                   struct raft_snapshot **snapshot, raft_index *start_index,
                   struct raft_entry *entries[], size_t *n_entries)
{
    struct replica *replica = io->impl;
    const struct log_state *state = log_state(log_of(replica), replica->group);
    uint64_t first = replica->committed + 1;

    ensure(state != NULL && state->last >= replica->committed);
    *entries = NULL;
    *n_entries = (size_t)(state->last - replica->committed);
    if (*n_entries > 0) {
        int rv = load_heads(replica, first, state->last, entries);
        if (rv != 0)
            return rv;
    }
    *snapshot = snapshot_new(replica);
    if (*snapshot == NULL) {
        entries_free(*entries, *n_entries);
        return RAFT_NOMEM;
    }
    *term = replica->term;
    *voted_for = replica->vote;
    *start_index = first;
    replica->loaded_last = state->last;
    return 0;
}

static int io_start(struct raft_io *io, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv)
{
    struct replica *replica = io->impl;

    replica->tick = tick;
    replica->recv = recv;
    return 0;
}

static int io_init(struct raft_io *io, raft_id id, const char *address)
{
    return 0;
}

static void io_close(struct raft_io *io, raft_io_close_cb cb)
{
    struct replica *replica = io->impl;

    /* F11.  libraft frees its log in `cb`: whoever still refers to entries must have let go. */
    if (FENCE(F11)) {
        io_log_cancel(replica);
        io_net_cancel(replica);
    }
    cb(io);
}

/* Never used: members change by succession, and a group begins with a START in the log. */
static int io_bootstrap(struct raft_io *io, const struct raft_configuration *conf)
{
    return RAFT_CANTBOOTSTRAP;
}

/* F7.  Term, vote and truncation join the turn's frame and return: no message of this group that
 * promises them leaves before the frame is durable, so nobody relies on what is not. */
static int io_set_term(struct raft_io *io, raft_term term)
{
    struct replica *replica = io->impl;

    ensure(term >= replica->term);
    replica->term = term;
    roster_note_change(replica->roster, replica->group);
    replica->vote = 0;
    if (!MUTANT(term_not_written))
        replica->hard_turn = log_hard(log_of(replica), replica->group, replica->term, 0);
    return 0;
}

static int io_set_vote(struct raft_io *io, raft_id server_id)
{
    struct replica *replica = io->impl;

    if (server_id == replica->vote)
        return 0; /* hard_turn is behind it already */
    replica->vote = server_id;
    if (!MUTANT(vote_not_written))
        replica->hard_turn = log_hard(log_of(replica), replica->group, replica->term, server_id);
    return 0;
}

static int io_truncate(struct raft_io *io, raft_index index)
{
    struct replica *replica = io->impl;
    const struct log_state *state = log_state(log_of(replica), replica->group);

    ensure(index > replica->committed);
    for (uint64_t k = index; k <= state->last; k++)
        payload_drop(&replica->roster->payloads, replica->group, k);
    if (replica->loaded_last >= index)
        replica->loaded_last = index - 1;
    if (replica->seal_index >= index)
        replica->seal_index = 0;
    replica->hard_turn = log_truncate(log_of(replica), replica->group, index);
    return 0;
}

/* The payload of an entry that is being appended: of the proposal or of the message under way. */
static struct buf *payload_of(const struct replica *replica, const struct entry_head *head)
{
    if (head->length == 0)
        return NULL;
    if (replica->offer != NULL)
        return buf_ref(replica->offer);
    ensure(replica->reading != NULL);

    const struct letter *letter = replica->reading;
    uint64_t first = letter->envelope.append.prev_index + 1;
    ensure(head->index >= first && head->index - first < letter->envelope.entries);
    const struct letter_entry *entry = &letter->entries[head->index - first];
    ensure(entry->head.term == head->term && entry->head.crc == head->crc);
    return buf_part(letter->frame, entry->payload);
}

/* Pins the payloads of all entries first, so that running out of memory changes nothing. */
static int pin(struct replica *replica, const struct raft_entry entries[], unsigned n)
{
    struct payload_store *store = &replica->roster->payloads;

    for (unsigned k = 0; k < n; k++) {
        struct entry_head head;

        ensure(entries[k].type == RAFT_COMMAND && entries[k].buf.len == ENTRY_HEAD_BYTES);
        ensure(entry_head_decode(&head, entries[k].buf.base));
        ensure(head.term == entries[k].term);
        AUTO_UNREF struct buf *payload = payload_of(replica, &head);
        if (head.length > 0 && (payload == NULL || payload_pin(store, &head, payload) != ERR_OK))
            return RAFT_NOMEM;
    }
    return 0;
}

static int io_append(struct raft_io *io, struct raft_io_append *req,
                     const struct raft_entry entries[], unsigned n, raft_io_append_cb cb)
{
    struct replica *replica = io->impl;
    struct roster *roster = replica->roster;
    struct append *append = malloc(sizeof(*append));

    if (append == NULL)
        return RAFT_NOMEM;
    if (pin(replica, entries, n) != 0) {
        free(append);
        return RAFT_NOMEM;
    }
    *append = (struct append){ .replica = replica, .req = req, .cb = cb, .term = replica->term };
    append->as_leader = raft_state(&replica->raft) == RAFT_LEADER;
    for (unsigned k = 0; k < n; k++) {
        struct entry_head head;

        ensure(entry_head_decode(&head, entries[k].buf.base));
        if (k == 0)
            append->first = head.index;
        append->last = head.index;
        if (head.type == ENTRY_SEAL && replica->seal_index == 0)
            replica->seal_index = head.index;
        append->turn = log_entry(roster->world.log, &head, payload_get(&roster->payloads, &head));
    }
    replica->claim_turn = append->turn;
    list_append(&roster->appends, &append->link);
    list_append(&replica->appends, &append->own);
    if (replica->reading != NULL)
        fence_verified(replica, replica->term, replica->reading_end);
    return 0;
}

void io_log_complete(struct append *append)
{
    struct replica *replica = append->replica;
    struct append done = *append;

    /* F5.  Always in order and always well: a write that fails ends the process, because libraft
     * 0.15 would go on leading over a log that differs from what it sent. */
    ensure(list_first(&replica->appends) == &append->own);
    list_remove(&append->link);
    list_remove(&append->own);
    free(append);

    replica->completing_term = done.term;
    done.cb(done.req, 0);
    replica->completing_term = 0;
    if (done.as_leader && replica->leading && replica->lead_term == done.term &&
        replica->barrier_index != 0 && done.last >= replica->barrier_index)
        replica->barrier_durable = true;
}

static int io_snapshot_put(struct raft_io *io, unsigned trailing, struct raft_io_snapshot_put *req,
                           const struct raft_snapshot *snapshot, raft_io_snapshot_put_cb cb)
{
    struct replica *replica = io->impl;

    ensure(trailing > 0); /* 0 would be a snapshot from a leader, and nobody sends one */
    replica->put = req;
    replica->put_cb = cb;
    replica_wake(replica);
    return 0;
}

/* Nothing is stored: what is applied is known to the log. */
void io_log_complete_put(struct replica *replica)
{
    struct raft_io_snapshot_put *put = replica->put;

    if (put == NULL)
        return;
    replica->put = NULL;
    replica->put_cb(put, 0);
}

void io_log_cancel(struct replica *replica)
{
    struct raft_io_snapshot_put *put = replica->put;

    /* F15.  With an error libraft 0.15 truncates its log once per append, the second time behind
     * the end: wild memory.  It is UNAVAILABLE by now, and success does nothing. */
    for (struct list_node *node; (node = list_pop(&replica->appends)) != NULL;) {
        struct append *append = container_of(node, struct append, own);
        struct append done = *append;
        list_remove(&append->link);
        free(append);
        done.cb(done.req, FENCE(F15) ? 0 : RAFT_CANCELED);
    }
    replica->put = NULL;
    if (put != NULL)
        replica->put_cb(put, RAFT_CANCELED);
}

void io_log_init(struct replica *replica)
{
    struct raft_io *io = &replica->io;

    io->init = io_init;
    io->close = io_close;
    io->load = io_load;
    io->start = io_start;
    io->bootstrap = io_bootstrap;
    io->recover = io_bootstrap;
    io->set_term = io_set_term;
    io->set_vote = io_set_vote;
    io->append = io_append;
    io->truncate = io_truncate;
    io->snapshot_put = io_snapshot_put;
}

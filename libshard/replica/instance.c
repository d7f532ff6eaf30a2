/* instance.c - one instance of libraft over what the log has: its state machine,
 * its start, its end, and a new one in its place. */
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "replica/fence.h"
#include "replica/replica_private.h"

/* F10.  Only queues: libraft moves its own applied index after this returned. */
static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    struct replica *replica = fsm->data;
    struct payload_store *payloads = &replica->roster->payloads;
    struct applied *applied = malloc(sizeof(*applied));

    *result = NULL;
    if (applied == NULL)
        return RAFT_NOMEM; /* libraft applies it again later */
    *applied = (struct applied){ .payload = NULL };
    ensure(buf->len == ENTRY_HEAD_BYTES && entry_head_decode(&applied->head, buf->base));
    ensure(applied->head.index == replica->committed + 1);
    applied->payload = buf_ref(payload_get(payloads, &applied->head));
    payload_applied(payloads, &applied->head);
    list_append(&replica->committed_queue, &applied->link);
    replica->committed = applied->head.index;
    replica->committed_term = applied->head.term;
    replica->committed_time_ms = applied->head.time_ms;
    replica_wake(replica);
    if (!FENCE(F10))
        replica_turn(replica);
    return 0;
}

/* libraft trims its log by taking snapshots; the state itself is its owner's. */
static int fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n_bufs)
{
    struct raft_buffer *buf = raft_malloc(sizeof(*buf));

    if (buf == NULL)
        return RAFT_NOMEM;
    buf->len = 8;
    buf->base = raft_calloc(1, buf->len);
    if (buf->base == NULL) {
        raft_free(buf);
        return RAFT_NOMEM;
    }
    *bufs = buf;
    *n_bufs = 1;
    return 0;
}

static int fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    raft_free(buf->base);
    return 0;
}

static void stopped(struct raft *raft)
{
}

static enum err err_of(int rv)
{
    return rv == RAFT_NOMEM ? ERR_NO_MEMORY : rv == RAFT_CORRUPT ? ERR_CORRUPT : ERR_IO;
}

/* As many are forgotten at once. */
static unsigned trailing_entries(const struct roster_options *options)
{
    return options->trailing_entries != 0 ? options->trailing_entries : RAFT_TRAILING_ENTRIES;
}

enum err instance_start(struct replica *replica, struct reason *reason)
{
    const struct roster_options *options = &replica->roster->options;
    struct log *log = replica->roster->world.log;
    struct raft *raft = &replica->raft;

    /* What earlier openings appended may still be on its way: with this in the same order behind
     * it, no message leaves before it is durable, and libraft may take it for stored. */
    replica->hard_turn = log_hard(log, replica->group, replica->term, replica->vote);
    if (!FENCE(F16))
        replica->hard_turn = 0;
    replica->claim_turn = replica->hard_turn;
    replica->opened_ms = replica_now_ms(replica);
    memset(raft, 0, sizeof(*raft));
    replica->io = (struct raft_io){ .version = 1, .impl = replica };
    io_log_init(replica);
    io_net_init(replica);
    replica->fsm = (struct raft_fsm){ .version = 1,
                                      .data = replica,
                                      .apply = fsm_apply,
                                      .snapshot = fsm_snapshot,
                                      .restore = fsm_restore };
    int rv = raft_init(raft, &replica->io, &replica->fsm, options->node,
                       replica->members[replica->self].address);
    if (rv != 0) {
        reason_set(reason, "start group %llu: %s", (unsigned long long)replica->group,
                   raft_strerror(rv));
        return err_of(rv);
    }
    raft_set_election_timeout(raft, options->election_timeout_ms);
    raft_set_heartbeat_timeout(raft, options->heartbeat_ms);
    raft_set_snapshot_threshold(raft, trailing_entries(options));
    raft_set_snapshot_trailing(raft, trailing_entries(options));
    raft_set_pre_vote(raft, true);
    rv = raft_start(raft);
    if (rv != 0) {
        reason_set(reason, "start group %llu: %s: %s", (unsigned long long)replica->group,
                   raft_strerror(rv), replica->io.errmsg);
        raft_close(raft, stopped);
        return err_of(rv);
    }
    replica->started = true;
    return ERR_OK;
}

/* Ends the instance: libraft forgets everything, the log keeps it. */
void instance_stop(struct replica *replica)
{
    if (!replica->started)
        return;
    replica->started = false;
    raft_close(&replica->raft, stopped);
    replica_lead_end(replica);
    for (struct list_node *node; (node = list_first(&replica->inbox)) != NULL;)
        letter_free(container_of(node, struct letter, link));
    replica->inbox_bytes = 0;
    letter_free(replica->early);
    replica->early = NULL;
    replica->verified_term = replica->verified_index = 0;
    replica->stamp_term = 0;
    replica->asked.term = 0;
    replica->calm_until_ms = 0;

    /* A payload that no applying will unpin: the log has it. */
    const struct log_state *state = log_state(replica->roster->world.log, replica->group);
    for (uint64_t k = replica->committed + 1; state != NULL && k <= state->last; k++)
        payload_drop(&replica->roster->payloads, replica->group, k);
}

/* F9.  An instance that met an error it cannot handle is UNAVAILABLE and says nothing: a silent
 * zombie.  A new one over the same log goes on where this one stood. */
void instance_restart(struct replica *replica)
{
    struct reason reason = { .text = "" };

    if (replica->started) {
        replica->roster->figures.reopened++;
        note_event(replica->roster->world.note, NOTE_WARN, "replica.reopened", "group=%llu why=%s",
                   (unsigned long long)replica->group, NOTE_QUOTED(raft_errmsg(&replica->raft)));
    }
    instance_stop(replica);
    replica->forgetful = true;
    replica->seal_index = 0;
    if (instance_start(replica, &reason) != ERR_OK)
        return; /* no memory: the next tick tries again */
    replica->broken = false;
    replica_settle(replica);
}

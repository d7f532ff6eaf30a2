#include "shard/putq.h"

#include <string.h>

#include "base/buf.h"
#include "base/ensure.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "shard/gaps.h"

static enum err propose(struct putq *q);
static void propose_seal(struct putq *q, struct list *refused);
static void seal_on_applied(struct proposal *proposal, enum err err, uint64_t index);
static void propose_on_applied(struct proposal *proposal, enum err err, uint64_t index);
static void settle(struct list *puts, enum err err, struct seqno first);
static void waiting_remove(struct put *put);
static void waiting_give_up(struct putq *q, struct list *to);

void putq_init(struct putq *q, struct replica *replica, struct putq_limits limits)
{
    ensure(limits.entry_bytes_max > 0);
    ensure(limits.waiting_bytes_max > 0);

    *q = (struct putq){ .replica = replica, .limits = limits, .state = PUTQ_IDLE };
    list_init(&q->waiting);
    list_init(&q->flying);
}

enum err putq_submit(struct putq *q, struct put *put)
{
    ensure(put->record_count >= 1);

    if (put->records.len > ENTRY_PAYLOAD_MAX || put->record_count > ENTRY_RECORDS_MAX)
        return ERR_TOO_BIG;
    if (q->state == PUTQ_CLOSED)
        return q->closed;
    if (q->state == PUTQ_SEALING)
        return ERR_NOT_LEADER;
    if (q->waiting_count == PUTQ_WAITING_PUTS_MAX)
        return ERR_BUSY;
    if (q->waiting_bytes > 0 &&
        q->waiting_bytes + put->records.len > q->limits.waiting_bytes_max)
        return ERR_BUSY;

    list_append(&q->waiting, &put->link);
    put->waits_in = q;
    q->waiting_bytes += put->records.len;
    q->waiting_count++;
    if (q->state == PUTQ_FLYING)
        return ERR_OK; /* propose_on_applied() takes it along */

    enum err err = propose(q);
    if (err != ERR_OK)
        (void)list_pop(&q->flying); /* this put, and no other, goes back to the caller */
    return err;
}

bool putq_cancel(struct put *put)
{
    if (put->waits_in == NULL)
        return false;
    waiting_remove(put);
    return true;
}

void putq_close(struct putq *q, enum err err)
{
    struct list refused;

    q->state = PUTQ_CLOSED;
    q->closed = err;
    buf_unref(q->seal);
    q->seal = NULL;
    list_init(&refused);
    waiting_give_up(q, &refused);
    settle(&refused, err, (struct seqno){ 0 });
}

void putq_seal(struct putq *q, struct buf *seal)
{
    struct list refused;

    if (q->state == PUTQ_CLOSED || q->state == PUTQ_SEALING)
        return;
    buf_unref(q->seal);
    q->seal = buf_ref(seal);
    if (q->state == PUTQ_FLYING)
        return; /* propose_on_applied() comes to it */
    list_init(&refused);
    propose_seal(q, &refused); /* nothing waits while nothing flies */
}

void putq_end(struct putq *q)
{
    struct list refused;

    if (q->state == PUTQ_CLOSED || q->state == PUTQ_SEALING)
        return;
    q->ends = true;
    if (q->state == PUTQ_FLYING)
        return; /* likewise */
    list_init(&refused);
    propose_seal(q, &refused);
}

/* When it cannot be proposed, the owner finds out by looking again.  A SEAL goes first: the END
 * belongs to the shard, and can be asked for in the next epoch. */
static void propose_seal(struct putq *q, struct list *refused)
{
    AUTO_UNREF struct buf *seal = q->seal;
    enum entry_type type = seal != NULL ? ENTRY_SEAL : ENTRY_END;

    q->seal = NULL;
    q->ends = false;
    if (replica_propose(q->replica, &q->proposal, type, seal, 0, seal_on_applied) != ERR_OK)
        return;
    q->state = PUTQ_SEALING;
    waiting_give_up(q, refused);
}

/* The shard's owner hears of the SEAL, or the END, itself.  Without leadership another leader
 * decides what becomes of it. */
static void seal_on_applied(struct proposal *proposal, enum err err, uint64_t index)
{
    struct putq *q = container_of(proposal, struct putq, proposal);

    if (q->state == PUTQ_SEALING)
        q->state = PUTQ_IDLE;
}

static void waiting_remove(struct put *put)
{
    struct putq *q = put->waits_in;

    ensure(q != NULL);
    list_remove(&put->link);
    put->waits_in = NULL;
    q->waiting_bytes -= put->records.len;
    q->waiting_count--;
}

/* All that waits goes behind what `to` has. */
static void waiting_give_up(struct putq *q, struct list *to)
{
    for (struct list_node *node; (node = list_first(&q->waiting)) != NULL;) {
        waiting_remove(container_of(node, struct put, link));
        list_append(to, node);
    }
}

/* Moves what the next entry holds from `waiting` to `flying`: at least one put. */
static void gather(struct putq *q, size_t *bytes, uint32_t *records)
{
    *bytes = 0;
    *records = 0;
    for (struct list_node *node; (node = list_first(&q->waiting)) != NULL;) {
        struct put *put = container_of(node, struct put, link);
        if (*records > 0 && (*bytes + put->records.len > q->limits.entry_bytes_max ||
                             *records + put->record_count > ENTRY_RECORDS_MAX))
            break;
        *bytes += put->records.len;
        *records += put->record_count;
        waiting_remove(put);
        list_append(&q->flying, node);
    }
}

/* The records of all puts, one behind the other.  NULL when there is no memory. */
static struct buf *payload_of(const struct list *puts, size_t bytes)
{
    struct buf *payload = buf_new(bytes);
    size_t at = 0;

    if (payload == NULL)
        return NULL;
    for (struct list_node *node = list_first(puts); node != NULL; node = list_next(puts, node)) {
        const struct put *put = container_of(node, struct put, link);
        memcpy(payload->data + at, put->records.data, put->records.len);
        at += put->records.len;
    }
    ensure(at == bytes);
    return payload;
}

/* Sends what waits, up to one entry's worth.  On error the puts that it took
 * lie in `flying`; what becomes of them is for the caller to say. */
static enum err propose(struct putq *q)
{
    size_t bytes;
    uint32_t records;

    ensure(q->state == PUTQ_IDLE);
    ensure(list_empty(&q->flying));
    gather(q, &bytes, &records);

    AUTO_UNREF struct buf *payload = payload_of(&q->flying, bytes);
    if (payload == NULL)
        return ERR_NO_MEMORY;
    if (MUTANT(puts_swapped))
        list_append(&q->flying, list_pop(&q->flying));
    enum err err = replica_propose(q->replica, &q->proposal, ENTRY_RECORDS, payload,
                                   (uint16_t)records, propose_on_applied);
    if (err == ERR_OK)
        q->state = PUTQ_FLYING;
    return err;
}

static struct seqno place_of(const struct putq *q, uint64_t index, uint64_t time_ms)
{
    if (q->limits.gaps != NULL)
        index = gaps_out(q->limits.gaps, index);
    return seqno_at(index, 0, time_ms / 1000);
}

static void propose_on_applied(struct proposal *proposal, enum err err, uint64_t index)
{
    struct putq *q = container_of(proposal, struct putq, proposal);
    struct seqno first = { 0 };
    struct list settled, refused;
    enum err refusal = ERR_OK;

    if (MUTANT(lost_acknowledged))
        err = ERR_OK;
    if (err == ERR_OK)
        first = place_of(q, index, proposal->time_ms); /* the next one overwrites it */
    list_take(&settled, &q->flying);
    list_init(&refused);
    if (q->state == PUTQ_FLYING)
        q->state = PUTQ_IDLE;
    if (q->state == PUTQ_IDLE && (q->seal != NULL || q->ends)) {
        propose_seal(q, &refused);
        refusal = ERR_NOT_LEADER;
    }
    if (q->state == PUTQ_IDLE && !list_empty(&q->waiting)) {
        refusal = propose(q);
    }
    if (q->state == PUTQ_IDLE && refusal != ERR_OK) {
        list_take(&refused, &q->flying);
        waiting_give_up(q, &refused);
    }

    /* Last, because a `done` may submit again, or close `q`. */
    settle(&settled, err, first);
    settle(&refused, refusal, (struct seqno){ 0 });
}

/* Empties `puts`, running each `done`.  A record's place in the entry is part
 * of its sequence number, hence the count. */
static void settle(struct list *puts, enum err err, struct seqno first)
{
    for (struct list_node *node; (node = list_pop(puts)) != NULL;) {
        struct put *put = container_of(node, struct put, link);
        struct seqno mine = first;

        if (!MUTANT(numbers_shared))
            first.ordinal += put->record_count; /* before `done`, which may free the put */
        put->done(put, err, mine);
    }
}

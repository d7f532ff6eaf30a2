#include "base/ensure.h"
#include "catalog/answer.h"
#include "catalog/catalog_private.h"

#include <stdlib.h>

/* One node's change, from its arrival until it is answered. */
struct intake_item {
    struct list_node link; /* in intake.waiting */
    struct catalog *catalog;
    struct net_incoming *incoming;
    struct buf *change;
    struct proposal proposal;
    bool committed, applied; /* answered when both */
    bool passed;             /* it will not be applied: an image came in between */
    enum err err;            /* what applying it said */
    struct reason reason;
};

static void on_change(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void on_change_closed(void *ctx, const struct net_message *message,
                             struct net_incoming *incoming);
static void pump(struct catalog *catalog);
static enum err offer(struct intake_item *item);
static void on_settled(struct proposal *proposal, enum err err, uint64_t index);
static void item_done(struct intake_item *item);
static void item_refuse(struct intake_item *item, enum err err);
static void item_free(struct intake_item *item);
static void refuse_all(struct catalog *catalog, enum err err);

void intake_open(struct catalog *catalog)
{
    list_init(&catalog->intake.waiting);
    net_handle(catalog->world.net, NET_CHANGE, NULL, on_change, catalog);
}

void intake_close(struct catalog *catalog)
{
    net_handle(catalog->world.net, NET_CHANGE, NULL, on_change_closed, NULL);
    refuse_all(catalog, ERR_CLOSED);
    /* What is at the replica is settled by it: it closes next. */
    if (catalog->intake.flying != NULL && catalog->intake.flying->committed)
        item_done(catalog->intake.flying);
}

static void on_change_closed(void *ctx, const struct net_message *message,
                             struct net_incoming *incoming)
{
    answer_refuse(incoming, ERR_CLOSED);
}

static void on_change(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct catalog *catalog = ctx;
    struct intake *intake = &catalog->intake;
    struct change_answer answer = { .leader = catalog_leader(catalog) };

    if (catalog->role != REPLICA_LEADER) {
        answer_change(incoming, ERR_NOT_LEADER, &answer);
        return;
    }
    if (message->bytes.len == 0 || message->bytes.len > CATALOG_CHANGE_BYTES_MAX) {
        reason_set(&answer.reason, "a change has 1 to %u bytes", CATALOG_CHANGE_BYTES_MAX);
        answer_change(incoming, ERR_INVALID, &answer);
        return;
    }
    if (intake->waiting_count == CATALOG_INTAKE_MAX ||
        intake->waiting_bytes + message->bytes.len > CATALOG_INTAKE_BYTES_MAX) {
        answer_change(incoming, ERR_BUSY, &answer);
        return;
    }

    struct intake_item *item = calloc(1, sizeof(*item));
    struct buf *change = buf_part(message->buf, message->bytes);
    if (item == NULL || change == NULL) {
        free(item);
        buf_unref(change);
        answer_refuse(incoming, ERR_NO_MEMORY);
        return;
    }
    item->catalog = catalog;
    item->incoming = incoming;
    item->change = change;
    list_append(&intake->waiting, &item->link);
    intake->waiting_count++;
    intake->waiting_bytes += change->len;
    pump(catalog);
}

void intake_changed(struct catalog *catalog)
{
    if (catalog->role != REPLICA_LEADER)
        refuse_all(catalog, ERR_NOT_LEADER);
    pump(catalog);
}

/* The next change is placed only when the one before it is in the model. */
static void pump(struct catalog *catalog)
{
    struct intake *intake = &catalog->intake;

    if (intake->flying == NULL && catalog_leads(catalog) && epoch_propose(catalog))
        return;
    while (intake->flying == NULL && catalog_leads(catalog) && !list_empty(&intake->waiting)) {
        struct intake_item *item = container_of(list_pop(&intake->waiting), struct intake_item,
                                                link);
        intake->waiting_count--;
        intake->waiting_bytes -= item->change->len;
        enum err err = offer(item);
        if (err != ERR_OK)
            item_refuse(item, err);
        else
            intake->flying = item;
    }
}

static enum err offer(struct intake_item *item)
{
    struct catalog *catalog = item->catalog;
    AUTO_UNREF struct buf *placed = NULL;
    enum err err = change_place(buf_slice(item->change), catalog->model, catalog->up,
                                catalog->up_ctx, &placed, &item->reason);

    if (err == ERR_OK && placed->len > CATALOG_CHANGE_BYTES_MAX) {
        reason_set(&item->reason, "the change has more than %u bytes", CATALOG_CHANGE_BYTES_MAX);
        err = ERR_INVALID;
    }
    if (err == ERR_OK)
        err = replica_propose(catalog->replica, &item->proposal, ENTRY_CHANGE, placed, 0,
                              on_settled);
    if (err == ERR_OK)
        catalog->busy++;
    return err;
}

static void on_settled(struct proposal *proposal, enum err err, uint64_t index)
{
    struct intake_item *item = container_of(proposal, struct intake_item, proposal);
    struct catalog *catalog = item->catalog;

    if (err == ERR_OK) {
        item->committed = true;
        if (item->applied || item->passed || catalog->closing)
            item_done(item);
    } else {
        catalog->intake.flying = NULL;
        item_refuse(item, ERR_UNKNOWN);
        catalog_changed(catalog); /* for the next one, outside of the replica's call */
    }
    catalog_idle(catalog);
}

void intake_applied(struct catalog *catalog, uint64_t index, enum err err,
                    const struct reason *reason)
{
    struct intake_item *item = catalog->intake.flying;

    if (item == NULL || item->proposal.index != index)
        return;
    item->applied = true;
    item->err = err;
    item->reason = *reason;
    if (item->committed)
        item_done(item);
}

/* Another model has come in place of the one that the change would have been applied to: maybe it
 * is in there.  What is still at the replica is settled by that. */
void intake_replaced(struct catalog *catalog)
{
    struct intake_item *item = catalog->intake.flying;

    if (item == NULL || item->applied)
        return;
    item->passed = true;
    if (item->committed)
        item_done(item);
}

/* Committed and applied; passed by, or while closing, maybe only committed. */
static void item_done(struct intake_item *item)
{
    struct change_answer answer = { .index = item->proposal.index, .reason = item->reason };

    item->catalog->intake.flying = NULL;
    if (item->applied)
        answer_change(item->incoming, item->err, &answer);
    else
        answer_refuse(item->incoming, ERR_UNKNOWN);
    catalog_changed(item->catalog);
    item_free(item);
}

static void item_refuse(struct intake_item *item, enum err err)
{
    struct change_answer answer = { .leader = catalog_leader(item->catalog),
                                    .reason = item->reason };

    answer_change(item->incoming, err, &answer);
    item_free(item);
}

static void item_free(struct intake_item *item)
{
    buf_unref(item->change);
    free(item);
}

static void refuse_all(struct catalog *catalog, enum err err)
{
    struct intake *intake = &catalog->intake;

    for (struct list_node *node; (node = list_pop(&intake->waiting)) != NULL;)
        item_refuse(container_of(node, struct intake_item, link), err);
    intake->waiting_count = 0;
    intake->waiting_bytes = 0;
}

#include "catalog/answer.h"

#include <stdlib.h>

#include "catalog/row.h"
#include "peer.pb-c.h"

static void send(struct net_incoming *incoming, enum err err, const ProtobufCMessage *message);

void answer_change(struct net_incoming *incoming, enum err err, const struct change_answer *answer)
{
    Braid__Peer__ChangeAnswer row;
    struct reason reason = answer->reason;

    braid__peer__change_answer__init(&row);
    row.index = answer->index;
    row.leader = answer->leader;
    row.reason = reason.text;
    send(incoming, err, &row.base);
}

enum err answer_change_read(struct slice bytes, struct change_answer *ret)
{
    Braid__Peer__ChangeAnswer *row =
        braid__peer__change_answer__unpack(row_allocator, bytes.len, bytes.data);

    if (row == NULL)
        return ERR_CORRUPT;
    *ret = (struct change_answer){ .index = row->index, .leader = row->leader };
    reason_set(&ret->reason, "%s", row->reason);
    braid__peer__change_answer__free_unpacked(row, row_allocator);
    return ERR_OK;
}

struct buf *answer_ask(struct catalog_ask ask)
{
    Braid__Peer__CatalogAsk row;

    braid__peer__catalog_ask__init(&row);
    row.from = ask.from;
    row.how_far = ask.how_far;
    return row_pack(&row.base);
}

enum err answer_ask_read(struct slice bytes, struct catalog_ask *ret)
{
    Braid__Peer__CatalogAsk *row =
        braid__peer__catalog_ask__unpack(row_allocator, bytes.len, bytes.data);

    if (row == NULL)
        return ERR_CORRUPT;
    *ret = (struct catalog_ask){ .from = row->from, .how_far = row->how_far };
    braid__peer__catalog_ask__free_unpacked(row, row_allocator);
    return ERR_OK;
}

enum err answer_applied_read(struct slice bytes, uint64_t *applied)
{
    Braid__Peer__CatalogAnswer *row =
        braid__peer__catalog_answer__unpack(row_allocator, bytes.len, bytes.data);

    if (row == NULL)
        return ERR_CORRUPT;
    *applied = row->applied;
    braid__peer__catalog_answer__free_unpacked(row, row_allocator);
    return ERR_OK;
}

void answer_log(struct net_incoming *incoming, const struct log_read_entry entries[],
                uint32_t count, const struct buf *image, uint64_t applied)
{
    Braid__Peer__CatalogAnswer row;
    ProtobufCBinaryData *heads = model_memory(count, sizeof(*heads));
    ProtobufCBinaryData *changes = model_memory(count, sizeof(*changes));
    unsigned char(*bytes)[ENTRY_HEAD_BYTES] = model_memory(count, sizeof(bytes[0]));

    braid__peer__catalog_answer__init(&row);
    for (uint32_t i = 0; i < count; i++) {
        entry_head_encode(&entries[i].head, bytes[i]);
        heads[i] = (ProtobufCBinaryData){ .data = bytes[i], .len = ENTRY_HEAD_BYTES };
        if (entries[i].payload != NULL)
            changes[i] = (ProtobufCBinaryData){ .data = entries[i].payload->data,
                                                .len = entries[i].payload->len };
    }
    row.n_heads = row.n_changes = count;
    row.heads = heads;
    row.changes = changes;
    row.applied = applied;
    if (image != NULL)
        row.image = (ProtobufCBinaryData){ .data = image->data, .len = image->len };
    send(incoming, ERR_OK, &row.base);
    free(heads);
    free(changes);
    free(bytes);
}

void answer_refuse(struct net_incoming *incoming, enum err err)
{
    net_answer(incoming, err, NULL, 0);
}

static void send(struct net_incoming *incoming, enum err err, const ProtobufCMessage *message)
{
    AUTO_UNREF struct buf *bytes = row_pack(message);

    /* An answer with no bytes is a valid one, with nothing but defaults: say that it is none. */
    if (bytes == NULL)
        net_answer(incoming, err == ERR_OK ? ERR_UNKNOWN : err, NULL, 0);
    else
        net_answer(incoming, err, &bytes, 1);
}

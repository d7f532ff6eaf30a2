/* NET_END: the catalogue's leader asks whoever leads a shard that is split or merged
 *
 *     whether it could end now    ERR_OK within its lease, else ERR_UNAVAILABLE
 *     to end                      ERR_BUSY while the END is on its way: to be asked again;
 *                                 then ERR_OK, with where it has ended
 *
 * Nothing is ended that the model here does not say is being resharded.  Bytes:
 * docs/formats/peer-calls.md.
 */
#include "base/bytes.h"
#include "control/control_private.h"

#define ASK_BYTES 9u
#define ANSWER_BYTES 16u

static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void refuse(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static bool is_parent(const struct model *model, uint64_t group);
static enum err end(struct control *control, uint64_t group, bool ends, struct shard_ending *ret);

void ending_open(struct control *control)
{
    net_handle(control->world.net, NET_END, NULL, on_ask, control);
}

void ending_close(struct control *control)
{
    net_handle(control->world.net, NET_END, NULL, refuse, NULL);
}

static void refuse(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    net_answer(incoming, ERR_CLOSED, NULL, 0);
}

struct buf *ending_ask(uint64_t group, bool ends)
{
    struct buf *bytes = buf_new(ASK_BYTES);

    if (bytes == NULL)
        return NULL;
    put_u64(bytes->data, group);
    bytes->data[8] = ends;
    return bytes;
}

enum err ending_read(struct slice answer, struct shard_ending *ret)
{
    struct reader reader = reader_of(answer);
    struct shard_ending ending = { .place = reader_u64(&reader), .time_ms = reader_u64(&reader) };

    if (!reader_done(&reader))
        return ERR_CORRUPT;
    *ret = ending;
    return ERR_OK;
}

static void on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct control *control = ctx;
    struct reader reader = reader_of(message->bytes);
    uint64_t group = reader_u64(&reader);
    uint8_t ends = reader_u8(&reader);
    struct shard_ending ending = { 0 };

    if (!bootstrap_is_ours(control, message->from) || !reader_done(&reader) || ends > 1) {
        net_answer(incoming, ERR_INVALID, NULL, 0);
        return;
    }
    enum err err = end(control, group, ends == 1, &ending);
    AUTO_UNREF struct buf *bytes = err == ERR_OK ? buf_new(ANSWER_BYTES) : NULL;
    if (bytes == NULL) {
        net_answer(incoming, err == ERR_OK ? ERR_NO_MEMORY : err, NULL, 0);
        return;
    }
    put_u64(bytes->data, ending.place);
    put_u64(bytes->data + 8, ending.time_ms);
    net_answer(incoming, ERR_OK, &bytes, 1);
}

/* Whether a child waits for it. */
static bool is_parent(const struct model *model, uint64_t group)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *shard = model_shard_by_group(model, group, &stream);

    if (shard == NULL || shard->state != SHARD_OPEN || stream->status != STREAM_UPDATING)
        return false;
    for (uint32_t i = stream->shard_count; i-- > 0;) {
        const struct model_shard *child = &stream->shards[i];
        for (uint32_t k = 0; child->state == SHARD_OPENING && k < child->parent_count; k++)
            if (child->parents[k] == shard->number)
                return true;
    }
    return false;
}

static enum err end(struct control *control, uint64_t group, bool ends, struct shard_ending *ret)
{
    struct shard *shard = host_find(control, group);

    if (shard == NULL || !shard_leads(shard))
        return ERR_NOT_LEADER;
    if (shard_ended(shard, ret))
        return ERR_OK;
    if (!is_parent(catalog_model(control->catalog), group))
        return ERR_NOT_FOUND; /* or not yet: the catalogue's leader asks again */
    if (!ends)
        return shard_status(shard).replica.lease ? ERR_OK : ERR_UNAVAILABLE;
    shard_end(shard);
    return ERR_BUSY;
}

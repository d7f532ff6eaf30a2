#include "replica/outbox.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"

struct outbox_peer {
    struct list_node link;
    uint64_t node;
    unsigned char *heads; /* the frame so far, its own head left out */
    size_t heads_len, heads_room;
    struct buf *payloads[RAFT_FRAME_PARTS_MAX];
    uint32_t payload_count, envelopes;
    size_t payload_bytes, parked_bytes;
};

/* A message that waits for the disk. */
struct parked {
    struct list_node link;
    struct outbox_peer *peer;
    uint64_t turn;
    struct envelope envelope;
    struct buf *payloads[ENVELOPE_ENTRIES_MAX];
    size_t bytes;
    unsigned char heads[];
};

static void park(struct outbox *outbox, struct outbox_peer *peer, const struct envelope *envelope,
                 const struct outbox_entry *entries, uint64_t turn);
static void unpark(struct outbox *outbox, struct parked *parked, bool send);
static void enqueue(struct outbox *outbox, struct outbox_peer *peer,
                    const struct envelope *envelope, const struct outbox_entry *entries);
static void flush_peer(struct outbox *outbox, struct outbox_peer *peer);
static void flush(struct defer *defer);

void outbox_init(struct outbox *outbox, struct net *net, struct clock *clock,
                 const struct witness *witness)
{
    *outbox = (struct outbox){ .net = net, .clock = clock, .witness = witness };
    list_init(&outbox->peers);
    list_init(&outbox->parked);
}

void outbox_fini(struct outbox *outbox)
{
    defer_cancel(&outbox->flush);
    for (struct list_node *node; (node = list_first(&outbox->parked)) != NULL;)
        unpark(outbox, container_of(node, struct parked, link), false);
    for (struct list_node *node; (node = list_pop(&outbox->peers)) != NULL;) {
        struct outbox_peer *peer = container_of(node, struct outbox_peer, link);
        for (uint32_t k = 0; k < peer->payload_count; k++)
            buf_unref(peer->payloads[k]);
        free(peer->heads);
        free(peer);
    }
}

struct outbox_peer *outbox_peer(struct outbox *outbox, uint64_t node)
{
    struct outbox_peer *peer;

    for (struct list_node *at = list_first(&outbox->peers); at != NULL;
         at = list_next(&outbox->peers, at)) {
        peer = container_of(at, struct outbox_peer, link);
        if (peer->node == node)
            return peer;
    }
    peer = calloc(1, sizeof(*peer));
    if (peer == NULL)
        return NULL;
    peer->node = node;
    list_append(&outbox->peers, &peer->link);
    return peer;
}

uint64_t outbox_node(const struct outbox_peer *peer)
{
    return peer->node;
}

size_t outbox_queued(const struct outbox *outbox, const struct outbox_peer *peer)
{
    return peer->heads_len + peer->payload_bytes + peer->parked_bytes +
           net_queued(outbox->net, peer->node, NET_LANE_RAFT);
}

void outbox_send(struct outbox *outbox, struct outbox_peer *peer, const struct envelope *envelope,
                 const struct outbox_entry *entries, uint64_t turn, uint64_t durable)
{
    outbox->messages++;
    /* Who only asks whether it might lead promises nothing. */
    if ((envelope->flags & ENVELOPE_PRE_VOTE) == 0)
        outbox->speaks = true;
    if (turn > durable)
        park(outbox, peer, envelope, entries, turn);
    else
        enqueue(outbox, peer, envelope, entries);
}

void outbox_durable(struct outbox *outbox, uint64_t turn)
{
    struct list_node *next;

    /* Messages of one group wait for turns that only rise, so its order is kept, but for requests
     * for votes. */
    for (struct list_node *node = list_first(&outbox->parked); node != NULL; node = next) {
        struct parked *parked = container_of(node, struct parked, link);
        next = list_next(&outbox->parked, node);
        if (parked->turn <= turn)
            unpark(outbox, parked, true);
    }
}

static void park(struct outbox *outbox, struct outbox_peer *peer, const struct envelope *envelope,
                 const struct outbox_entry *entries, uint64_t turn)
{
    size_t heads = (size_t)envelope->entries * ENTRY_HEAD_BYTES;
    size_t bytes = sizeof(struct parked) + heads;

    for (uint32_t k = 0; k < envelope->entries; k++)
        bytes += entries[k].payload == NULL ? 0 : entries[k].payload->len;
    struct parked *parked = NULL;
    if (outbox->parked_bytes + bytes <= RAFT_PARKED_BYTES_MAX)
        parked = malloc(sizeof(*parked) + heads);
    if (parked == NULL) {
        outbox->dropped++;
        return;
    }

    *parked = (struct parked){ .peer = peer, .turn = turn, .envelope = *envelope, .bytes = bytes };
    for (uint32_t k = 0; k < envelope->entries; k++) {
        memcpy(parked->heads + (size_t)k * ENTRY_HEAD_BYTES, entries[k].head, ENTRY_HEAD_BYTES);
        parked->payloads[k] = buf_ref(entries[k].payload);
    }
    list_append(&outbox->parked, &parked->link);
    outbox->parked_bytes += bytes;
    outbox->parked_count++;
    peer->parked_bytes += bytes;
}

static void unpark(struct outbox *outbox, struct parked *parked, bool send)
{
    struct outbox_entry entries[ENVELOPE_ENTRIES_MAX];

    for (uint32_t k = 0; k < parked->envelope.entries; k++)
        entries[k] = (struct outbox_entry){ parked->heads + (size_t)k * ENTRY_HEAD_BYTES,
                                            parked->payloads[k] };
    if (send)
        enqueue(outbox, parked->peer, &parked->envelope, entries);
    for (uint32_t k = 0; k < parked->envelope.entries; k++)
        buf_unref(parked->payloads[k]);
    list_remove(&parked->link);
    outbox->parked_bytes -= parked->bytes;
    outbox->parked_count--;
    parked->peer->parked_bytes -= parked->bytes;
    free(parked);
}

/* Appends to the peer's frame, and sends the frame first when this would make it too large. */
static void enqueue(struct outbox *outbox, struct outbox_peer *peer,
                    const struct envelope *envelope, const struct outbox_entry *entries)
{
    size_t heads = ENVELOPE_BYTES + (size_t)envelope->entries * ENTRY_HEAD_BYTES;
    size_t payload_bytes = 0;

    ensure(envelope->entries <= ENVELOPE_ENTRIES_MAX);
    if (outbox->mute || !net_is_up(outbox->net, peer->node)) {
        outbox->dropped++;
        return;
    }
    for (uint32_t k = 0; k < envelope->entries; k++)
        payload_bytes += entries[k].payload == NULL ? 0 : entries[k].payload->len;
    if (peer->payload_count + envelope->entries > RAFT_FRAME_PARTS_MAX ||
        peer->heads_len + peer->payload_bytes + heads + payload_bytes > RAFT_FRAME_BYTES_MAX)
        flush_peer(outbox, peer);

    if (peer->heads_room - peer->heads_len < heads) {
        size_t room = (peer->heads_len + heads) * 2;
        unsigned char *larger = realloc(peer->heads, room);
        if (larger == NULL) {
            outbox->dropped++;
            return;
        }
        peer->heads = larger;
        peer->heads_room = room;
    }
    envelope_encode(envelope, peer->heads + peer->heads_len);
    peer->heads_len += ENVELOPE_BYTES;
    for (uint32_t k = 0; k < envelope->entries; k++) {
        memcpy(peer->heads + peer->heads_len, entries[k].head, ENTRY_HEAD_BYTES);
        peer->heads_len += ENTRY_HEAD_BYTES;
        if (entries[k].payload != NULL)
            peer->payloads[peer->payload_count++] = buf_ref(entries[k].payload);
    }
    peer->payload_bytes += payload_bytes;
    peer->envelopes++;
    defer_run(outbox->clock, &outbox->flush, flush);
}

static void flush(struct defer *defer)
{
    struct outbox *outbox = container_of(defer, struct outbox, flush);

    for (struct list_node *node = list_first(&outbox->peers); node != NULL;
         node = list_next(&outbox->peers, node))
        flush_peer(outbox, container_of(node, struct outbox_peer, link));
}

static bool send_frame(struct outbox *outbox, const struct outbox_peer *peer)
{
    struct envelope_frame frame = { .envelopes = peer->envelopes,
                                    .head_bytes = (uint32_t)peer->heads_len };
    AUTO_UNREF struct buf *heads = buf_new(ENVELOPE_FRAME_BYTES + peer->heads_len);
    struct buf *parts[1 + RAFT_FRAME_PARTS_MAX];

    if (outbox->mute || heads == NULL)
        return false;
    witness_say(outbox->witness, peer->node, &frame);
    if (!outbox->speaks && !MUTANT(copy_speaks))
        frame.said.turn = 0;
    envelope_frame_encode(heads->data, &frame);
    if (peer->heads_len > 0)
        memcpy(heads->data + ENVELOPE_FRAME_BYTES, peer->heads, peer->heads_len);
    parts[0] = heads;
    for (uint32_t k = 0; k < peer->payload_count; k++)
        parts[k + 1] = peer->payloads[k];
    outbox->frames++;
    return net_send(outbox->net, peer->node, NET_LANE_RAFT, NET_RAFT, parts,
                    1 + peer->payload_count);
}

void outbox_greet(struct outbox *outbox, uint64_t node)
{
    const struct outbox_peer nobody = { .node = node };

    (void)outbox_peer(outbox, node); /* for outbox_speak() */
    /* When it is lost the link is too, and comes up again. */
    (void)send_frame(outbox, &nobody);
}

void outbox_speak(struct outbox *outbox)
{
    outbox->speaks = true;
    for (struct list_node *node = list_first(&outbox->peers); node != NULL;
         node = list_next(&outbox->peers, node)) {
        uint64_t peer = outbox_node(container_of(node, struct outbox_peer, link));
        if (net_is_up(outbox->net, peer))
            outbox_greet(outbox, peer);
    }
}

static void flush_peer(struct outbox *outbox, struct outbox_peer *peer)
{
    if (peer->envelopes == 0)
        return;
    if (!send_frame(outbox, peer))
        outbox->dropped += peer->envelopes;
    for (uint32_t k = 0; k < peer->payload_count; k++)
        buf_unref(peer->payloads[k]);
    peer->payload_count = peer->envelopes = 0;
    peer->heads_len = peer->payload_bytes = 0;
}

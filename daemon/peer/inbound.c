/* Connections that others made: their messages and calls come here, and our
 * answers go back.
 *
 * Order across a reconnect: when a node dials anew, bytes of its former
 * connection may still lie unread in our socket.  The first message on the new
 * one closes the older ones of that node and lane, so that nothing old arrives
 * behind something new.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "peer/peer_private.h"

static void accept_again_on_time(struct timer *timer);
static void accept_one(struct net *net);
static void supersede(struct link *link);
static void take_call(struct link *link, struct frame *frame);
static void take_goodbye(struct link *link);
static void answer_send(struct link *link, uint64_t number, enum err remote,
                        struct buf *const parts[], uint32_t part_count);
static void incoming_free(struct net_incoming *incoming);

void inbound_on_connection(uv_stream_t *listener, int status)
{
    struct net *net = listener->data;

    if (status != 0)
        return; /* out of descriptors, for example; libuv asks again */
    accept_one(net);
}

static void accept_again_on_time(struct timer *timer)
{
    accept_one(container_of(timer, struct net, accept_again));
}

static void accept_one(struct net *net)
{
    struct link *link = link_new(net, NULL);

    if (link == NULL) { /* until it is accepted, libuv reports no other */
        timer_start(net->clock, &net->accept_again, PEER_PAUSE_MS_MAX, accept_again_on_time);
        return;
    }
    list_append(&net->inbound, &link->link_node);
    net->figures.links_in++;
    if (uv_accept((uv_stream_t *)&net->tcp, (uv_stream_t *)&link->tcp) != 0)
        inbound_on_broken(link, "cannot accept");
    else if (net->figures.links_in > PEER_LINKS_IN_MAX)
        inbound_on_broken(link, "too many connections");
    else
        link_begin(link);
}

void inbound_on_greeting(struct link *link, const struct greeting *greeting)
{
    struct net *net = link->net;
    struct peer *peer = peer_find(net, greeting->node);

    note_event(net->note, NOTE_DEBUG, "peer.accepted", "node=%016llx lane=%u address=%.*s",
               (unsigned long long)greeting->node, greeting->lane, (int)greeting->address.len,
               (const char *)greeting->address.data);
    if (!link_greet(link)) {
        inbound_on_broken(link, "no memory");
        return;
    }
    /* Its former process is dead, whatever our own connection to it says: find out now.  The
     * verdict is dial.c's, on its own evidence. */
    if (peer != NULL && peer->dial != NULL && peer->boot != greeting->boot)
        dial_down(peer->dial);
}

void inbound_on_frame(struct link *link, struct frame *frame)
{
    struct net *net = link->net;

    if (!link->spoke) {
        link->spoke = true;
        supersede(link);
    }
    if (frame->header.type == FRAME_CALL) {
        take_call(link, frame);
        return;
    }
    if (frame->header.kind == NET_GOODBYE)
        take_goodbye(link);
    net_deliver(net, NULL, link->node, &frame->header, frame->body);
}

static void supersede(struct link *link)
{
    struct list_node *node = list_first(&link->net->inbound);

    while (node != NULL) {
        struct link *other = container_of(node, struct link, link_node);
        node = list_next(&link->net->inbound, node);
        if (other != link && other->state == LINK_UP && other->node == link->node &&
            other->lane == link->lane && other->order < link->order)
            inbound_on_broken(other, NULL);
    }
}

static void take_goodbye(struct link *link)
{
    struct peer *peer = peer_get(link->net, link->node);

    if (peer != NULL)
        peer->goodbye_boot = link->boot;
    if (peer == NULL || (peer->boot != 0 && peer->boot != link->boot))
        return; /* of a process that has been replaced since */
    peer->boot = link->boot;
    peer_gone(link->net, link->node, "", "said goodbye");
}

static void take_call(struct link *link, struct frame *frame)
{
    struct net *net = link->net;

    if (link->incoming_count >= PEER_INCOMING_MAX) {
        answer_send(link, frame->header.number, ERR_BUSY, NULL, 0);
        return;
    }
    net_deliver(net, link, link->node, &frame->header, frame->body);
}

void inbound_on_broken(struct link *link, const char *why)
{
    struct net *net = link->net;

    if (link->state == LINK_CLOSED)
        return;
    if (link->state != LINK_UP && why != NULL && !net->closing)
        note_event(net->note, NOTE_WARN, "peer.refused", "why=%s", NOTE_QUOTED(why));
    net->figures.links_in--;
    link_close(link);
}

/* ---- answers ---- */

struct net_incoming *incoming_new(struct net *net, struct link *link, uint64_t number)
{
    struct net_incoming *incoming = calloc(1, sizeof(*incoming));

    if (incoming == NULL)
        return NULL;
    incoming->net = net;
    incoming->link = link;
    incoming->local = link == NULL;
    incoming->number = number;
    list_append(&net->incomings, &incoming->in_net);
    if (link != NULL) {
        list_append(&link->incomings, &incoming->in_link);
        link->incoming_count++;
    }
    return incoming;
}

void net_answer(struct net_incoming *incoming, enum err remote, struct buf *const parts[],
                uint32_t part_count)
{
    struct net *net = incoming->net;
    struct outgoing_frame frame = { .type = FRAME_ANSWER,
                                    .err = remote,
                                    .number = incoming->number,
                                    .parts = parts,
                                    .part_count = part_count };

    /* No memory for a local answer: its caller runs into the deadline. */
    if (incoming->local && net != NULL)
        local_queue(net, &frame);
    else if (incoming->link != NULL)
        answer_send(incoming->link, incoming->number, remote, parts, part_count);
    incoming_free(incoming);
}

static void answer_send(struct link *link, uint64_t number, enum err remote,
                        struct buf *const parts[], uint32_t part_count)
{
    struct outgoing_frame frame = { .type = FRAME_ANSWER,
                                    .err = remote,
                                    .number = number,
                                    .parts = parts,
                                    .part_count = part_count };
    size_t bytes = 0;

    for (uint32_t at = 0; at < part_count; at++)
        bytes += parts[at]->len;
    if (bytes > PEER_FRAME_BYTES_MAX)
        frame.err = ERR_TOO_BIG;
    else if (bytes > PEER_SHORT_ANSWER_BYTES_MAX &&
             link->queued_bytes > link->net->options.bulk_queue_bytes_max)
        frame.err = ERR_UNKNOWN;
    /* In place of an answer that cannot go, a short one that can.  It must not say ERR_BUSY, which
     * means that nothing was done: what was asked is done already. */
    if (frame.err != remote)
        frame.part_count = 0;
    link_queue(link, &frame);
}

static void incoming_free(struct net_incoming *incoming)
{
    if (incoming->link != NULL)
        incoming->link->incoming_count--;
    list_remove(&incoming->in_link);
    list_remove(&incoming->in_net);
    free(incoming);
}

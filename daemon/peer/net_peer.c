#include "peer/net_peer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "peer/peer_private.h"

static void options_fill(struct net *net, const struct net_peer_options *options);
static enum err listen_on(struct net *net, struct reason *reason);
static void emit(struct net *net, enum net_event event, const struct net_peer *peer);
static void shut_on_defer(struct defer *defer);
static void listener_close(struct net *net);
static void listener_on_closed(uv_handle_t *handle);
static void handles_on_defer(struct defer *defer);
static void net_free(struct net *net);

/* ---- open ---- */

enum err net_peer_open(struct net **ret, struct uv_loop_s *loop, struct clock *clock,
                       const struct net_peer_options *options, struct reason *reason)
{
    if (options->node == 0 || options->boot == 0) {
        reason_set(reason, "node id and boot number must not be 0");
        return ERR_INVALID;
    }
    if (options->address != NULL && strlen(options->address) >= NET_ADDRESS_MAX) {
        reason_set(reason, "peer address is longer than %u characters", NET_ADDRESS_MAX - 1);
        return ERR_INVALID;
    }
    struct net *net = calloc(1, sizeof(*net));
    if (net == NULL)
        return ERR_NO_MEMORY;
    net->loop = loop;
    net->clock = clock;
    options_fill(net, options);
    list_init(&net->dials);
    list_init(&net->inbound);
    list_init(&net->calls);
    list_init(&net->done);
    list_init(&net->local);
    list_init(&net->incomings);
    net->empty = buf_new(0);
    net->scratch = malloc(PEER_READ_BYTES);
    net->peers = calloc(NET_PEERS_MAX, sizeof(net->peers[0]));
    bool memory = net->empty != NULL && net->scratch != NULL && net->peers != NULL;
    enum err err = memory ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = listen_on(net, reason);
    net->options.host = NULL; /* the caller's; not needed any more */
    if (err == ERR_OK)
        *ret = net;
    else if (net->handles == 0)
        net_free(net);
    return err;
}

static void options_fill(struct net *net, const struct net_peer_options *options)
{
    struct net_peer_options *mine = &net->options;

    *mine = *options;
    net->note = options->note;
    snprintf(net->address, sizeof(net->address), "%s",
             options->address != NULL ? options->address : "");
    mine->address = net->address;
    if (mine->ping_ms == 0)
        mine->ping_ms = PEER_PING_MS;
    if (mine->silence_ms == 0)
        mine->silence_ms = PEER_SILENCE_MS;
    if (mine->greeting_ms == 0)
        mine->greeting_ms = PEER_GREETING_MS;
    if (mine->raft_queue_bytes_max == 0)
        mine->raft_queue_bytes_max = PEER_RAFT_QUEUE_BYTES_MAX;
    if (mine->bulk_queue_bytes_max == 0)
        mine->bulk_queue_bytes_max = PEER_BULK_QUEUE_BYTES_MAX;
}

/* On an error after uv_tcp_init() the handle is closing: its callback frees the net. */
static enum err listen_on(struct net *net, struct reason *reason)
{
    const char *host = net->options.host;
    struct sockaddr_storage place = { 0 };
    int len = sizeof(place);

    if (uv_ip4_addr(host, net->options.port, (struct sockaddr_in *)&place) != 0 &&
        uv_ip6_addr(host, net->options.port, (struct sockaddr_in6 *)&place) != 0) {
        reason_set(reason, "peer address %s: not a numeric IP address", host);
        return ERR_INVALID;
    }
    if (uv_tcp_init(net->loop, &net->tcp) != 0)
        return ERR_NO_MEMORY;
    net->tcp.data = net;
    net->handles++;
    net->listening = true;

    int status = uv_tcp_bind(&net->tcp, (struct sockaddr *)&place, 0);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&net->tcp, PEER_BACKLOG, inbound_on_connection);
    if (status == 0)
        status = uv_tcp_getsockname(&net->tcp, (struct sockaddr *)&place, &len);
    if (status != 0) {
        reason_set(reason, "listen for peers on %s port %u: %s", host, net->options.port,
                   uv_strerror(status));
        net->closing = true;
        listener_close(net);
        return ERR_IO;
    }
    /* Both families have the port in the same place. */
    net->port = ntohs(((struct sockaddr_in *)&place)->sin_port);
    return ERR_OK;
}

uint16_t net_peer_port(const struct net *net)
{
    return net->port;
}

const struct net_peer_figures *net_peer_figures(const struct net *net)
{
    return &net->figures;
}

/* ---- env/net.h ---- */

void net_handle(struct net *net, enum net_kind kind, net_message_cb on_message,
                net_request_cb on_request, void *ctx)
{
    ensure(kind >= 1 && kind <= NET_KIND_MAX);
    ensure((on_message == NULL) != (on_request == NULL));
    net->handlers[kind] =
        (struct handler){ .on_message = on_message, .on_request = on_request, .ctx = ctx };
}

void net_listen(struct net *net, net_event_cb cb, void *ctx)
{
    ensure(net->listener_count < NET_LISTENERS_MAX);
    net->listeners[net->listener_count++] = (struct listener){ .cb = cb, .ctx = ctx };
}

void net_forget(struct net *net, const void *ctx)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < net->listener_count; i++)
        if (net->listeners[i].ctx != ctx)
            net->listeners[kept++] = net->listeners[i];
    net->listener_count = kept;
    for (uint32_t kind = 0; kind <= NET_KIND_MAX; kind++)
        if (net->handlers[kind].ctx == ctx)
            net->handlers[kind] = (struct handler){ .ctx = NULL };
}

void net_hello_set(struct net *net, struct slice hello)
{
    ensure(hello.len <= NET_HELLO_MAX);
    if (hello.len > 0)
        memcpy(net->hello, hello.data, hello.len);
    net->hello_len = hello.len;
}

static struct dial *dial_find(struct net *net, const char *address)
{
    for (struct list_node *node = list_first(&net->dials); node != NULL;
         node = list_next(&net->dials, node)) {
        struct dial *dial = container_of(node, struct dial, link_node);
        if (strcmp(dial->address, address) == 0)
            return dial;
    }
    return NULL;
}

enum err net_dial(struct net *net, const char *address)
{
    struct dial *dial = dial_find(net, address);

    if (dial != NULL) {
        dial->unwanted = false;
        return ERR_OK;
    }
    if (net->dial_count == NET_PEERS_MAX)
        return ERR_BUSY;
    enum err err = dial_new(net, address, &dial);
    if (err != ERR_OK)
        return err;
    list_append(&net->dials, &dial->link_node);
    net->dial_count++;
    return ERR_OK;
}

void net_undial(struct net *net, const char *address)
{
    struct dial *dial = dial_find(net, address);

    if (dial != NULL)
        dial->unwanted = true;
}

static struct link *lane_to(const struct net *net, uint64_t node, enum net_lane lane)
{
    const struct peer *peer = peer_find(net, node);

    return peer != NULL && peer->dial != NULL ? peer->dial->links[lane] : NULL;
}

bool net_is_up(const struct net *net, uint64_t node)
{
    return !net->closing &&
           (node == net->options.node || lane_to(net, node, NET_LANE_RAFT) != NULL);
}

bool net_is_gone(const struct net *net, uint64_t node)
{
    const struct peer *peer = peer_find(net, node);

    return peer != NULL && peer->gone;
}

size_t net_queued(const struct net *net, uint64_t node, enum net_lane lane)
{
    const struct link *link = lane_to(net, node, lane);

    if (node == net->options.node)
        return net->local_bytes;
    return link != NULL ? link->queued_bytes : 0;
}

bool net_send(struct net *net, uint64_t node, enum net_lane lane, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count)
{
    struct outgoing_frame frame = {
        .type = FRAME_MESSAGE, .kind = kind, .parts = parts, .part_count = part_count
    };
    size_t queue_max = lane == NET_LANE_RAFT ? net->options.raft_queue_bytes_max
                                             : net->options.bulk_queue_bytes_max;
    size_t bytes = 0;
    bool sent = false;

    ensure(kind >= 1 && kind <= NET_KIND_MAX && lane < NET_LANES);
    for (uint32_t at = 0; at < part_count; at++)
        bytes += parts[at]->len;
    if (!net->closing && bytes <= PEER_FRAME_BYTES_MAX &&
        net_queued(net, node, lane) + bytes <= queue_max) {
        struct link *link = lane_to(net, node, lane);
        if (node == net->options.node)
            sent = local_queue(net, &frame);
        else
            sent = link != NULL && link_queue(link, &frame);
    }
    if (!sent)
        net->figures.dropped++;
    return sent;
}

void net_deliver(struct net *net, struct link *link, uint64_t from,
                 const struct frame_header *header, struct buf *body)
{
    const struct handler *handler = &net->handlers[header->kind];
    struct buf *buf = body != NULL ? body : net->empty;
    struct net_message message = {
        .from = from, .kind = header->kind, .bytes = buf_slice(buf), .buf = buf
    };

    if (header->type == FRAME_MESSAGE) {
        if (handler->on_message != NULL && !net->closing)
            handler->on_message(handler->ctx, &message);
        return;
    }
    /* Without memory the caller runs into its deadline. */
    struct net_incoming *incoming = incoming_new(net, link, header->number);
    if (incoming == NULL)
        return;
    if (handler->on_request == NULL || net->closing)
        net_answer(incoming, ERR_NOT_FOUND, NULL, 0);
    else
        handler->on_request(handler->ctx, &message, incoming);
}

/* ---- peers ---- */

struct peer *peer_find(const struct net *net, uint64_t node)
{
    for (uint32_t at = 0; at < net->peer_count; at++)
        if (net->peers[at].node == node)
            return &net->peers[at];
    return NULL;
}

struct peer *peer_get(struct net *net, uint64_t node)
{
    struct peer *peer = peer_find(net, node);

    if (peer != NULL)
        return peer;
    if (net->peer_count < NET_PEERS_MAX)
        peer = &net->peers[net->peer_count++];
    else
        for (uint32_t at = 0; peer == NULL && at < NET_PEERS_MAX; at++)
            if (net->peers[at].dial == NULL)
                peer = &net->peers[at]; /* forgotten: replaced nodes never come back */
    if (peer != NULL)
        *peer = (struct peer){ .node = node };
    return peer;
}

void peer_up(struct dial *dial)
{
    struct net *net = dial->net;
    struct peer *peer = peer_get(net, dial->node);

    ensure(peer != NULL); /* there are no more dials than peers, and this one is not up */
    peer->boot = dial->boot;
    if (peer->dial != NULL)
        return; /* a second address of a node that is up: a spare */
    peer->dial = dial;
    peer->gone = false;
    net->figures.peers_up++;
    note_event(net->note, NOTE_INFO, "peer.up", "node=%016llx address=%s",
               (unsigned long long)dial->node, dial->address);

    struct net_peer said = {
        .node = dial->node,
        .boot = dial->boot,
        .address = dial->address,
        .hello = buf_slice(dial->hello),
    };
    emit(net, NET_UP, &said);
}

void peer_lost(struct dial *dial)
{
    struct net *net = dial->net;
    struct peer *peer = peer_find(net, dial->node);

    if (peer == NULL || peer->dial != dial)
        return;
    peer->dial = NULL;
    net->figures.peers_up--;
    net->figures.lost++;
    if (net->closing)
        return;
    note_event(net->note, NOTE_WARN, "peer.lost", "node=%016llx address=%s",
               (unsigned long long)dial->node, dial->address);
    emit(net, NET_LOST,
         &(struct net_peer){ .node = dial->node, .boot = dial->boot, .address = dial->address });

    for (struct list_node *node = list_first(&net->dials); node != NULL && peer->dial == NULL;
         node = list_next(&net->dials, node)) {
        struct dial *spare = container_of(node, struct dial, link_node);
        if (spare->up && spare->node == dial->node && spare->boot == peer->boot)
            peer_up(spare);
    }
}

void peer_gone(struct net *net, uint64_t node, const char *address, const char *why)
{
    struct peer *peer = peer_find(net, node);

    if (peer == NULL || peer->gone || net->closing)
        return;
    peer->gone = true;
    struct net_peer said = { .node = node, .boot = peer->boot, .address = address };
    struct dial *dial = peer->dial;
    if (dial != NULL) {
        peer->dial = NULL; /* before dial_down(): gone says more than lost */
        net->figures.peers_up--;
        said.address = dial->address;
        dial_down(dial);
    }
    note_event(net->note, NOTE_WARN, "peer.gone", "node=%016llx boot=%llu why=%s",
               (unsigned long long)node, (unsigned long long)said.boot, NOTE_QUOTED(why));
    emit(net, NET_GONE, &said);
}

static void emit(struct net *net, enum net_event event, const struct net_peer *peer)
{
    for (uint32_t at = 0; at < net->listener_count && !net->closing; at++)
        net->listeners[at].cb(net->listeners[at].ctx, event, peer);
}

/* ---- the end ---- */

void net_goodbye(struct net *net)
{
    if (net->leaving || net->closing)
        return;
    for (uint32_t at = 0; at < net->peer_count; at++)
        if (net->peers[at].dial != NULL)
            net_send(net, net->peers[at].node, NET_LANE_RAFT, NET_GOODBYE, NULL, 0);
    net->leaving = true;
    listener_close(net);
    for (struct list_node *node = list_first(&net->dials); node != NULL;
         node = list_next(&net->dials, node))
        timer_stop(&container_of(node, struct dial, link_node)->retry);
}

/* The rest happens at the end of the turn: whoever calls this may be a callback of ours, with a
 * link or a dial in its hands. */
void net_peer_close(struct net *net, net_peer_close_cb cb, void *ctx)
{
    ensure(!net->closing);
    net->closing = true;
    net->close_cb = cb;
    net->close_ctx = ctx;
    defer_run(net->clock, &net->shut, shut_on_defer);
}

static void shut_on_defer(struct defer *defer)
{
    struct net *net = container_of(defer, struct net, shut);

    net->handles++; /* holds the net until the end of this function */
    timer_stop(&net->accept_again);
    for (uint32_t at = 0; at < net->peer_count; at++)
        net->peers[at].dial = NULL;
    for (struct list_node *node = list_first(&net->dials); node != NULL;) {
        struct dial *dial = container_of(node, struct dial, link_node);
        node = list_next(&net->dials, node);
        for (unsigned lane = 0; lane < NET_LANES; lane++)
            if (dial->links[lane] != NULL)
                link_flush(dial->links[lane]);
        dial_close(dial);
    }
    for (struct list_node *node; (node = list_first(&net->inbound)) != NULL;) {
        struct link *link = container_of(node, struct link, link_node);
        link_flush(link);
        inbound_on_broken(link, NULL);
    }
    for (struct list_node *node; (node = list_pop(&net->incomings)) != NULL;)
        container_of(node, struct net_incoming, in_net)->net = NULL;
    call_fail_all(net);
    local_fini(net);
    listener_close(net);
    net_handle_ended(net);
}

static void listener_close(struct net *net)
{
    if (!net->listening)
        return;
    net->listening = false;
    uv_close((uv_handle_t *)&net->tcp, listener_on_closed);
}

static void listener_on_closed(uv_handle_t *handle)
{
    net_handle_ended(handle->data);
}

void net_handle_ended(struct net *net)
{
    net_peer_close_cb cb = net->close_cb;
    void *ctx = net->close_ctx;

    ensure(net->handles > 0);
    net->handles--;
    if (net->handles > 0 || !net->closing)
        return;
    if (!list_empty(&net->done)) {
        net->handles++; /* owed callbacks come first: they were deferred before this */
        defer_run(net->clock, &net->shut, handles_on_defer);
        return;
    }
    net_free(net);
    if (cb != NULL)
        cb(ctx);
}

static void handles_on_defer(struct defer *defer)
{
    net_handle_ended(container_of(defer, struct net, shut));
}

static void net_free(struct net *net)
{
    defer_cancel(&net->settle);
    call_fini(net);
    buf_unref(net->empty);
    free(net->scratch);
    free(net->peers);
    free(net);
}

/* Messages and calls to this node itself: delivered at the end of the turn, in
 * order, as if they had come over a link. */
#include <stdlib.h>

#include "peer/peer_private.h"

struct local {
    struct list_node link;
    struct frame_header header;
    struct buf *body; /* NULL when it is empty */
};

static void deliver_on_defer(struct defer *defer);
static struct buf *join(struct buf *const parts[], uint32_t part_count, size_t bytes);
static void local_free(struct local *local);

bool local_queue(struct net *net, const struct outgoing_frame *frame)
{
    size_t bytes = 0;

    for (uint32_t at = 0; at < frame->part_count; at++)
        bytes += frame->parts[at]->len;

    struct local *local = calloc(1, sizeof(*local));
    if (local == NULL)
        return false;
    if (bytes > 0 && (local->body = join(frame->parts, frame->part_count, bytes)) == NULL) {
        free(local);
        return false;
    }
    local->header = (struct frame_header){ .type = frame->type,
                                           .kind = frame->kind,
                                           .err = frame->err,
                                           .number = frame->number,
                                           .body_len = (uint32_t)bytes };
    list_append(&net->local, &local->link);
    net->local_bytes += bytes;
    defer_run(net->clock, &net->deliver, deliver_on_defer);
    return true;
}

/* Handlers want one piece. */
static struct buf *join(struct buf *const parts[], uint32_t part_count, size_t bytes)
{
    if (part_count == 1)
        return buf_ref(parts[0]);

    struct buf *whole = buf_new(bytes);
    size_t at = 0;
    for (uint32_t part = 0; whole != NULL && part < part_count; part++) {
        if (parts[part]->len > 0)
            memcpy(whole->data + at, parts[part]->data, parts[part]->len);
        at += parts[part]->len;
    }
    return whole;
}

static void deliver_on_defer(struct defer *defer)
{
    struct net *net = container_of(defer, struct net, deliver);
    struct list present; /* what handlers send meanwhile waits for the next round */

    list_take(&present, &net->local);
    for (struct list_node *node; (node = list_pop(&present)) != NULL;) {
        struct local *local = container_of(node, struct local, link);
        net->local_bytes -= local->header.body_len;
        if (net->closing)
            ;
        else if (local->header.type == FRAME_ANSWER)
            call_answered(net, NULL, local->header.number, local->header.err,
                          local->body != NULL ? local->body : net->empty);
        else
            net_deliver(net, NULL, net->options.node, &local->header, local->body);
        local_free(local);
    }
}

static void local_free(struct local *local)
{
    buf_unref(local->body);
    free(local);
}

void local_fini(struct net *net)
{
    defer_cancel(&net->deliver);
    for (struct list_node *node; (node = list_pop(&net->local)) != NULL;)
        local_free(container_of(node, struct local, link));
}

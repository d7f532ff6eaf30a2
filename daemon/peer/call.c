/* Calls that wait for an answer.  A call's number is its slot and how often the
 * slot was used: a late answer to a former call finds another number there.
 * `calls` is kept by due time; most calls have the same time-out, so that a new
 * one belongs at the end and no search is needed.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "peer/peer_private.h"

#define SLOT_BITS 20u
#define SLOTS_AT_FIRST 64u

static struct call_slot *slot_take(struct net *net);
static struct call_slot *slot_find(struct net *net, uint64_t number);
static void slot_release(struct net *net, struct call_slot *slot);
static void wait_for_answer(struct net *net, struct net_call *call, uint64_t timeout_ms);
static void owe(struct net *net, struct net_call *call, enum err err);
static void settle_on_defer(struct defer *defer);
static void deadline_on_time(struct timer *timer);
static void deadline_set(struct net *net);

_Static_assert(PEER_CALLS_MAX <= 1u << SLOT_BITS, "a slot's place must fit into the number");

void net_call(struct net *net, struct net_call *call, uint64_t node, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count, uint64_t timeout_ms, net_call_cb cb)
{
    bool local = node == net->options.node;
    struct peer *peer = local ? NULL : peer_find(net, node);
    bool up = peer != NULL && peer->dial != NULL;
    struct link *link = up ? peer->dial->links[NET_LANE_BULK] : NULL;
    struct outgoing_frame frame = {
        .type = FRAME_CALL, .kind = kind, .parts = parts, .part_count = part_count
    };
    size_t bytes = 0;

    *call = (struct net_call){ .cb = cb, .node = node };
    for (uint32_t at = 0; at < part_count; at++)
        bytes += parts[at]->len;
    if (bytes > PEER_FRAME_BYTES_MAX) {
        owe(net, call, ERR_TOO_BIG);
        return;
    }
    struct call_slot *slot = NULL;
    if (!net->closing &&
        (local || (link != NULL && link->queued_bytes < net->options.bulk_queue_bytes_max)))
        slot = slot_take(net);
    if (slot == NULL) {
        owe(net, call, ERR_UNREACHABLE);
        return;
    }
    slot->call = call;
    slot->link = link;
    slot->handed = local;
    call->number = frame.number = slot->number;
    if (local ? !local_queue(net, &frame) : !link_queue(link, &frame)) {
        slot_release(net, slot);
        owe(net, call, ERR_UNREACHABLE);
        return;
    }
    wait_for_answer(net, call, timeout_ms);
}

void net_call_cancel(struct net *net, struct net_call *call)
{
    struct call_slot *slot = slot_find(net, call->number);

    if (slot != NULL && slot->call == call)
        slot_release(net, slot);
    list_remove(&call->link);
    call->number = 0;
    deadline_set(net);
}

void call_handed(struct net *net, uint64_t number)
{
    struct call_slot *slot = slot_find(net, number);

    if (slot != NULL)
        slot->handed = true;
}

void call_answered(struct net *net, const struct link *link, uint64_t number, enum err remote,
                   struct buf *answer)
{
    struct call_slot *slot = slot_find(net, number);

    /* Too late, cancelled, or invented: an answer counts only on the link that was asked. */
    if (slot == NULL || slot->link != link)
        return;

    struct net_call *call = slot->call;
    slot_release(net, slot);
    list_remove(&call->link);
    call->number = 0;
    deadline_set(net);
    call->cb(call, ERR_OK, remote, buf_slice(answer), answer);
}

void call_link_broken(struct net *net, const struct link *link)
{
    for (uint32_t at = 0; link->dial != NULL && at < net->slot_count; at++) {
        struct call_slot *slot = &net->slots[at];
        if (slot->call == NULL || slot->link != link)
            continue;
        struct net_call *call = slot->call;
        enum err err = slot->handed ? ERR_UNKNOWN : ERR_UNREACHABLE;
        slot_release(net, slot);
        list_remove(&call->link);
        owe(net, call, err);
    }
    deadline_set(net);
}

void call_fail_all(struct net *net)
{
    for (uint32_t at = 0; at < net->slot_count; at++) {
        struct call_slot *slot = &net->slots[at];
        if (slot->call == NULL)
            continue;
        struct net_call *call = slot->call;
        slot_release(net, slot);
        list_remove(&call->link);
        owe(net, call, ERR_UNKNOWN);
    }
    timer_stop(&net->deadline);
}

void call_fini(struct net *net)
{
    ensure(list_empty(&net->done) && list_empty(&net->calls));
    free(net->slots);
}

/* ---- slots ---- */

static struct call_slot *slot_take(struct net *net)
{
    if (net->slot_free == 0) {
        uint32_t count = net->slot_count == 0 ? SLOTS_AT_FIRST : 2 * net->slot_count;
        struct call_slot *slots =
            count <= PEER_CALLS_MAX ? realloc(net->slots, count * sizeof(*slots)) : NULL;
        if (slots == NULL)
            return NULL;
        for (uint32_t at = net->slot_count; at < count; at++)
            slots[at] = (struct call_slot){
                .number = 1u << SLOT_BITS | at,
                .next_free = at + 1 < count ? at + 2 : 0,
            };
        net->slot_free = net->slot_count + 1;
        net->slots = slots;
        net->slot_count = count;
    }
    struct call_slot *slot = &net->slots[net->slot_free - 1];
    net->slot_free = slot->next_free;
    net->figures.calls++;
    return slot;
}

static struct call_slot *slot_find(struct net *net, uint64_t number)
{
    uint64_t at = number & ((1u << SLOT_BITS) - 1);

    if (at >= net->slot_count || net->slots[at].number != number || net->slots[at].call == NULL)
        return NULL;
    return &net->slots[at];
}

static void slot_release(struct net *net, struct call_slot *slot)
{
    uint32_t at = (uint32_t)(slot - net->slots);

    *slot = (struct call_slot){
        .number = slot->number + (1u << SLOT_BITS),
        .next_free = net->slot_free,
    };
    net->slot_free = at + 1;
    net->figures.calls--;
}

/* ---- time ---- */

static void wait_for_answer(struct net *net, struct net_call *call, uint64_t timeout_ms)
{
    struct list_node *node = list_last(&net->calls);

    call->due_ns = clock_mono_ns(net->clock) + timeout_ms * 1000000u;
    while (node != NULL && container_of(node, struct net_call, link)->due_ns > call->due_ns)
        node = node->prev == &net->calls.ends ? NULL : node->prev;
    if (node == NULL)
        list_prepend(&net->calls, &call->link);
    else
        list_insert_before(node->next, &call->link);
    deadline_set(net);
}

/* The timer runs for the first call, or is early: then it is set again. */
static void deadline_set(struct net *net)
{
    struct list_node *first = list_first(&net->calls);

    if (first == NULL) {
        timer_stop(&net->deadline);
        return;
    }
    uint64_t due_ns = container_of(first, struct net_call, link)->due_ns;
    uint64_t now_ns = clock_mono_ns(net->clock);
    uint64_t after_ms = due_ns > now_ns ? (due_ns - now_ns + 999999u) / 1000000u : 0;
    if (timer_running(&net->deadline) && net->deadline.due_ns <= due_ns)
        return;
    timer_start(net->clock, &net->deadline, after_ms, deadline_on_time);
}

static void deadline_on_time(struct timer *timer)
{
    struct net *net = container_of(timer, struct net, deadline);
    uint64_t now_ns = clock_mono_ns(net->clock);

    for (struct list_node *node; (node = list_first(&net->calls)) != NULL;) {
        struct net_call *call = container_of(node, struct net_call, link);
        if (call->due_ns > now_ns)
            break;
        slot_release(net, slot_find(net, call->number));
        list_remove(node);
        call->number = 0;
        call->cb(call, ERR_TIMEOUT, ERR_OK, slice_of(NULL, 0), NULL);
    }
    deadline_set(net);
}

/* ---- callbacks that must not run from where the error was found ---- */

static void owe(struct net *net, struct net_call *call, enum err err)
{
    call->number = 0;
    call->err = err;
    list_append(&net->done, &call->link);
    defer_run(net->clock, &net->settle, settle_on_defer);
}

static void settle_on_defer(struct defer *defer)
{
    struct net *net = container_of(defer, struct net, settle);
    struct list owed; /* one that is refused by a callback's own call waits for the next round */

    list_take(&owed, &net->done);
    for (struct list_node *node; (node = list_pop(&owed)) != NULL;) {
        struct net_call *call = container_of(node, struct net_call, link);
        call->cb(call, call->err, ERR_OK, slice_of(NULL, 0), NULL);
    }
}

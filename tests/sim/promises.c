#include "promises.h"

#include "base/ensure.h"
#include "cluster.h"
#include "control/control.h"
#include "forgotten.h"
#include "history.h"
#include "replica/envelope.h"


/* Of one node in one group: the last epoch and term in which it spoke, and what it said there. */
struct promise {
    uint64_t node; /* another one has come in its place: nothing was promised */
    uint64_t term, vote, index;
    uint64_t led_term; /* in which it spoke as a leader last */
    uint32_t led_epoch;
    uint32_t epoch;
};

struct promises {
    struct promise at[SIM_NODES_MAX][SIM_GROUPS_MAX];
};

static struct promise *promise_of(struct world *world, const struct sim_node *node, uint64_t group)
{
    struct cluster *cluster = cluster_of(world);

    if (cluster->promises == NULL)
        cluster->promises = sim_malloc(sizeof(struct promises));
    struct promises *promises = cluster->promises;
    struct promise *promise = &promises->at[node->at][sim_slot(group)];
    if (promise->node != node->id)
        *promise = (struct promise){ .node = node->id };
    return promise;
}

/* What waited for the disk may be of an older term: it counts no more, as the newer one goes on
 * from what was durable then. */
static void promised(struct promise *promise, const struct envelope *envelope, uint64_t vote,
                     uint64_t index)
{
    if (envelope->epoch < promise->epoch ||
        (envelope->epoch == promise->epoch && envelope->term < promise->term))
        return;
    if (envelope->epoch > promise->epoch || envelope->term > promise->term) {
        promise->epoch = envelope->epoch;
        promise->term = envelope->term;
        promise->vote = promise->index = 0;
    }
    if (vote != 0)
        promise->vote = vote;
    if (index > promise->index)
        promise->index = index;
}

/* Each node that speaks as a leader of this term is told to the history, which knows of others. */
static void leads(struct world *world, struct sim_node *node, struct promise *promise,
                  const struct envelope *envelope)
{
    if (promise->led_term == envelope->term && promise->led_epoch == envelope->epoch)
        return;
    promise->led_term = envelope->term;
    promise->led_epoch = envelope->epoch;
    history_leads(cluster_of(world)->history, node, envelope->group, envelope->epoch,
                  envelope->term);
}

static void says(struct world *world, struct sim_node *node, uint64_t to,
                 const struct envelope *envelope)
{
    struct promise *promise = promise_of(world, node, envelope->group);

    if ((envelope->flags & ENVELOPE_PRE_VOTE) != 0)
        return;
    switch (envelope->type) {
    case ENVELOPE_VOTE: /* its own vote may be forgotten, but not the epoch's START */
        if (envelope->epoch > promise->epoch) {
            promise->epoch = envelope->epoch;
            promise->term = promise->vote = promise->index = 0;
        }
        break;
    case ENVELOPE_APPEND: /* it leads, by its own vote too */
        leads(world, node, promise, envelope);
        promised(promise, envelope, node->id, 0);
        break;
    case ENVELOPE_VOTED:
        promised(promise, envelope, (envelope->flags & ENVELOPE_GRANTED) != 0 ? to : 0, 0);
        break;
    case ENVELOPE_APPENDED:
        promised(promise, envelope, 0,
                 envelope->appended.rejected == 0 ? envelope->appended.last_index : 0);
        break;
    default:
        break;
    }
}

void promises_sends(struct world *world, struct sim_node *node, uint64_t to, enum net_kind kind,
                    struct slice bytes)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;

    if (kind != NET_RAFT || !envelope_reader_init(&reader, bytes))
        return;
    while (envelope_next(&reader, &envelope, &heads))
        says(world, node, to, &envelope);
}

static void broken(struct world *world, const struct sim_node *node, const char *what,
                   const struct log_state *state, const struct promise *promise)
{
    world_violation(world, "promise",
                    "node %u group %llu forgot its %s: epoch %u term %llu vote %llx last %llu, but "
                    "it had said epoch %u term %llu vote %llx last %llu",
                    node->at + 1, (unsigned long long)state->group, what, state->epoch,
                    (unsigned long long)state->term, (unsigned long long)state->vote,
                    (unsigned long long)state->last, promise->epoch,
                    (unsigned long long)promise->term, (unsigned long long)promise->vote,
                    (unsigned long long)promise->index);
}

void promises_check(struct world *world, struct sim_node *node)
{
    const struct log *log = control_log(node->control);
    const struct log_state *state;

    if (forgotten_may_forget(world, node))
        return;
    for (uint64_t group = 0; (state = log_state_next(log, group)) != NULL;) {
        group = state->group;
        const struct promise *promise = promise_of(world, node, group);
        if (state->epoch > promise->epoch)
            continue; /* a later epoch voids what was said in this one */
        if (state->epoch < promise->epoch)
            broken(world, node, "epoch", state, promise);
        if (state->term < promise->term)
            broken(world, node, "term", state, promise);
        if (state->term > promise->term)
            continue;
        if (promise->vote != 0 && state->vote != promise->vote)
            broken(world, node, "vote", state, promise);
        if (state->last < promise->index)
            broken(world, node, "entries", state, promise);
    }
}

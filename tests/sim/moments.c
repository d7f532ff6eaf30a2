#include "moments.h"

#include <stdio.h>
#include <string.h>

#include "base/ensure.h"
#include "cluster.h"
#include "control/control.h"
#include "history.h"
#include "log/log.h"
#include "nemesis.h"


/* What was seen of a group in one node's log, in this life of its process. */
struct share {
    uint64_t epoch, member_count, first, last, term, vote;
    uint64_t seen; /* or not; there is no padding */
};

struct moments {
    struct share shares[SIM_NODES_MAX][SIM_GROUPS_MAX];
    uint32_t lives[SIM_NODES_MAX];
    uint64_t counts[MOMENTS];
};

static const char *const names[MOMENTS] = {
    "seal-stored",    "seal-applied",  "start",         "fill-begins", "fill-goes-on",
    "fill-ends",      "truncate",      "vote",          "trim",        "file-made",
    "segment-opened", "segment-filed", "segment-freed", "segment-emptied",
    "image-kept",
};

static struct moments *moments_of(struct world *world)
{
    struct cluster *cluster = cluster_of(world);

    if (cluster->moments == NULL)
        cluster->moments = sim_malloc(sizeof(struct moments));
    return cluster->moments;
}

void moments_note(struct world *world, struct sim_node *node, enum moment moment, uint64_t group)
{
    const struct cluster *cluster = cluster_of(world);

    moments_of(world)->counts[moment]++;
    if (cluster->healing || !node->up || node->doomed ||
        (cluster->options.moments & 1u << moment) == 0 ||
        !world_chance(world, 1, cluster->options.moment_of))
        return;
    world_say(world, node, "struck at %s of group %llu", names[moment], (unsigned long long)group);
    nemesis_on_moment(world, node);
}

static bool ends_in_seal(struct log *log, const struct log_state *state)
{
    struct entry_head head;

    return log_head(log, state->group, state->last, &head) == ERR_OK && head.type == ENTRY_SEAL;
}

/* A START, and what it tells of. */
static enum moment start_of(const struct share *share, const struct log_state *state)
{
    if (state->member_count == 0)
        return MOMENT_FILL_BEGINS;
    if (share->seen && share->member_count == 0 && share->epoch == state->epoch)
        return MOMENT_FILL_ENDS;
    return share->seen && share->member_count > 0 && share->epoch + 1 == state->epoch
               ? MOMENT_SEAL_APPLIED
               : MOMENT_START;
}

static struct share share_of(const struct log_state *state)
{
    return (struct share){ .epoch = state->epoch,
                           .member_count = state->member_count,
                           .first = state->first,
                           .last = state->last,
                           .term = state->term,
                           .vote = state->vote,
                           .seen = true };
}

void moments_look(struct world *world, struct sim_node *node, const struct log_state *state)
{
    struct share *share = &moments_of(world)->shares[node->at][sim_slot(state->group)];
    const struct share before = *share;

    *share = share_of(state);
    if (!before.seen || before.epoch != state->epoch ||
        (before.member_count == 0) != (state->member_count == 0)) {
        moments_note(world, node, start_of(&before, state), state->group);
        return;
    }
    if (before.last > state->last)
        moments_note(world, node, MOMENT_TRUNCATE, state->group);
    if (before.last < state->last && state->member_count == 0)
        moments_note(world, node, MOMENT_FILL_GOES_ON, state->group);
    else if (before.last < state->last && ends_in_seal(control_log(node->control), state))
        moments_note(world, node, MOMENT_SEAL_STORED, state->group);
    if (before.term != state->term || before.vote != state->vote)
        moments_note(world, node, MOMENT_VOTE, state->group);
    if (before.first < state->first && state->member_count > 0)
        moments_note(world, node, MOMENT_TRIM, state->group);
}

/* What it had at its start is no moment. */
void moments_look_begin(struct world *world, struct sim_node *node)
{
    struct moments *moments = moments_of(world);
    struct log *log = control_log(node->control);
    const struct log_state *state;

    if (moments->lives[node->at] == node->life)
        return;
    memset(moments->shares[node->at], 0, sizeof moments->shares[node->at]);
    moments->lives[node->at] = node->life;
    for (size_t i = 0; (state = log_state_at(log, i)) != NULL; i++)
        moments->shares[node->at][sim_slot(state->group)] = share_of(state);
}

void moments_look_for_untold(struct world *world, struct sim_node *node)
{
    const struct log_state *state;

    for (size_t i = 0; (state = log_state_at(control_log(node->control), i)) != NULL; i++) {
        const struct share *share = &moments_of(world)->shares[node->at][sim_slot(state->group)];
        const struct share now = share_of(state);
        ensure(memcmp(&now, share, sizeof now) == 0);
    }
}

uint64_t moments_count(const struct world *world, enum moment moment)
{
    const struct moments *moments = ((const struct cluster *)world->cluster)->moments;

    return moments == NULL ? 0 : moments->counts[moment];
}

void moments_report(const struct world *world)
{
    const struct moments *moments = ((const struct cluster *)world->cluster)->moments;

    printf("  moments:");
    for (unsigned i = 0; moments != NULL && i < MOMENTS; i++)
        if (moments->counts[i] > 0)
            printf(" %s %llu", names[i], (unsigned long long)moments->counts[i]);
    printf("\n");
}

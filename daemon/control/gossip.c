#include <inttypes.h>
#include <stdlib.h>

#include "control/control_private.h"
#include "control/word.h"

/* Ascending lists that are filled from this node's shards. */
struct gossip_lists {
    uint64_t *groups, *terms, *whole, *open, *ended, *hot, *quiet;
    size_t group_count, open_count, ended_count, hot_count, quiet_count, room;
};

static bool lists_fill(struct control *control, struct gossip_lists *lists);
static void lists_add(struct control *control, struct gossip_lists *lists, struct shard *shard);
static void catalog_add(struct control *control, struct gossip_lists *lists);
static void on_leading(void *ctx, const struct net_message *message);
static void on_leading_closed(void *ctx, const struct net_message *message);
static void aim(struct control *control, uint64_t index);
static void floor_set(struct control *control);
static void on_event(void *ctx, enum net_event event, const struct net_peer *peer);
static void on_every(struct timer *timer);
static void on_soon(struct timer *timer);

void gossip_open(struct control *control)
{
    net_handle(control->world.net, NET_LEADING, on_leading, NULL, control);
    net_listen(control->world.net, on_event, control);
    timer_start(control->world.clock, &control->gossip.every, CONTROL_LEADING_EVERY_MS, on_every);
}

void gossip_close(struct control *control)
{
    timer_stop(&control->gossip.every);
    timer_stop(&control->gossip.soon);
    net_forget(control->world.net, control);
    net_handle(control->world.net, NET_LEADING, on_leading_closed, NULL, NULL);
}

/* ---- saying ---- */

void gossip_soon(struct control *control)
{
    if (!control->closing && !timer_running(&control->gossip.soon))
        timer_start(control->world.clock, &control->gossip.soon, CONTROL_LEADING_GATHER_MS,
                    on_soon);
}

static void on_soon(struct timer *timer)
{
    gossip_now(container_of(timer, struct control, gossip.soon));
}

static void on_every(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, gossip.every);

    gossip_now(control);
    timer_start(control->world.clock, timer, CONTROL_LEADING_EVERY_MS, on_every);
}

void gossip_now(struct control *control)
{
    struct gossip_lists lists = { .groups = NULL };
    struct liveness_word word = {
        .wall_ms = clock_wall_ms(control->world.clock),
        .boot = control->options.boot,
        .catalog_index = model_index(catalog_model(control->catalog)),
        .catalog_saved = catalog_begins(control->catalog),
        .catalog_token = model_token(catalog_model(control->catalog)),
        .stopping = control->closing,
        .leaving = control->leaving,
        .full = room_is_full(control),
        .ails = control->ailing.now,
        .write_us = control->ailing.write_us,
        .knows = control->options.knows,
    };

    timer_stop(&control->gossip.soon);
    if (!control->closing && lists_fill(control, &lists)) {
        word.groups = lists.groups;
        word.terms = lists.terms;
        word.whole = lists.whole;
        word.group_count = lists.group_count;
        word.open = lists.open;
        word.open_count = lists.open_count;
        word.ended = lists.ended;
        word.ended_count = lists.ended_count;
        word.hot = lists.hot;
        word.hot_count = lists.hot_count;
        word.quiet = lists.quiet;
        word.quiet_count = lists.quiet_count;
    }

    /* Better silent than with a list that is not whole: who reads it relies on that. */
    bool whole = control->closing || moving_look(control);
    word.moving = control->moving.groups;
    word.moving_count = control->closing ? 0 : control->moving.count;
    AUTO_UNREF struct buf *bytes =
        whole ? word_leading_pack(&word, &control->bootstrap.cluster) : NULL;
    for (uint32_t i = 0; bytes != NULL && i < control->bootstrap.peer_count; i++)
        if (control->bootstrap.peers[i].up)
            net_send(control->world.net, control->bootstrap.peers[i].node, NET_LANE_BULK,
                     NET_LEADING, &bytes, 1);
    free(lists.groups);
    floor_set(control);
    lifecycle_look(control);
}

static bool lists_fill(struct control *control, struct gossip_lists *lists)
{
    lists->room = control->host.count + 1; /* the catalogue's group is one more */
    lists->groups = malloc(7 * lists->room * sizeof(uint64_t));
    if (lists->groups == NULL)
        return false;
    lists->terms = lists->groups + lists->room;
    lists->whole = lists->terms + lists->room;
    lists->open = lists->whole + lists->room;
    lists->ended = lists->open + lists->room;
    lists->hot = lists->ended + lists->room;
    lists->quiet = lists->hot + lists->room;

    catalog_add(control, lists);
    struct shard *shard = NULL;
    for (uint64_t after = 0; (shard = host_next(control, after)) != NULL;) {
        after = shard_group(shard);
        lists_add(control, lists, shard);
    }
    lists->hot_count = scaling_list(control, SCALE_HOT, lists->hot);
    lists->quiet_count = scaling_list(control, SCALE_QUIET, lists->quiet);
    return true;
}

static void catalog_add(struct control *control, struct gossip_lists *lists)
{
    const struct replica *replica = roster_find(control->roster, CATALOG_GROUP);

    if (replica == NULL)
        return;
    struct replica_status status = replica_status(replica);
    if (status.role == REPLICA_FOLLOWER)
        return;
    lists->groups[0] = CATALOG_GROUP;
    lists->terms[0] = status.term;
    lists->whole[0] = status.whole;
    lists->group_count = 1;
}

static void lists_add(struct control *control, struct gossip_lists *lists, struct shard *shard)
{
    const struct model_stream *stream = NULL;
    uint64_t group = shard_group(shard);

    if (shard_leads(shard)) {
        struct replica_status status = shard_status(shard).replica;
        lists->groups[lists->group_count] = group;
        lists->terms[lists->group_count] = status.term;
        lists->whole[lists->group_count++] = status.whole;
    }
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), group, &stream);
    if (row == NULL)
        return;
    if (stream->status == STREAM_CREATING || stream->status == STREAM_DELETING)
        lists->open[lists->open_count++] = group;
    if (rest_has_end(control, row))
        lists->ended[lists->ended_count++] = group;
}

/* ---- hearing ---- */

static bool is_member(const struct identity_cluster *cluster, uint64_t node)
{
    for (uint32_t i = 0; i < cluster->member_count; i++)
        if (cluster->members[i] == node)
            return true;
    return false;
}

static void on_leading(void *ctx, const struct net_message *message)
{
    struct control *control = ctx;
    struct word_leading leading;

    if (word_leading_read(message->bytes, &leading) != ERR_OK)
        return;
    bootstrap_peer_said(control, message->from, &leading.cluster);
    bootstrap_peer_at(control, message->from, leading.word.catalog_index,
                      leading.word.catalog_token);
    if (bootstrap_is_ours(control, message->from)) {
        enum err err = liveness_told(&control->liveness, message->from, control_now_ms(control),
                                     &leading.word);
        if (err != ERR_OK)
            note_event(control->world.note, NOTE_WARN, "peer.word_dropped",
                       "node=%016" PRIx64 " err=%s", message->from, err_name(err));
        uint64_t leader = liveness_leader(&control->liveness, CATALOG_GROUP,
                                          control_now_ms(control));
        if (leader != 0)
            catalog_hint(control->catalog, leader);
        catalog_hint_peer(control->catalog, message->from);
        if (is_member(&leading.cluster, message->from))
            catalog_hint_members(control->catalog, message->from, leading.cluster.members,
                                 leading.cluster.member_count);
        if (err == ERR_OK && leader == message->from)
            aim(control, leading.word.catalog_index);
        floor_set(control);
        lifecycle_look(control);
    }
    word_leading_fini(&leading);
}

static void on_leading_closed(void *ctx, const struct net_message *message)
{
}

/* Ready means: as far as the catalogue's leader was when this node started. */
static void aim(struct control *control, uint64_t index)
{
    if (control->aimed)
        return;
    control->aimed = true;
    control->ready_index = index;
    control_catch_up(control);
}

/* Which changes every member of the catalogue knows applied, even after a power loss: its replica
 * may begin there, and is fed from there. */
static void floor_set(struct control *control)
{
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control->catalog, members);
    uint64_t lowest = catalog_begins(control->catalog);

    if (control->closing || !catalog_is_member(control->catalog))
        return;
    for (uint32_t i = 0; i < count; i++) {
        const struct liveness_word *word = liveness_word_of(&control->liveness, members[i]);
        if (members[i] == control->options.node)
            continue;
        if (word == NULL)
            return; /* one was never heard of: nothing may go */
        if (word->catalog_saved < lowest)
            lowest = word->catalog_saved;
    }
    catalog_set_kept(control->catalog, lowest);
}

static void on_event(void *ctx, enum net_event event, const struct net_peer *peer)
{
    struct control *control = ctx;

    if (control->closing)
        return;
    switch (event) {
    case NET_UP:
        bootstrap_peer_up(control, peer);
        if (bootstrap_is_ours(control, peer->node))
            liveness_up(&control->liveness, peer->node, control_now_ms(control));
        gossip_soon(control); /* it has heard nothing of us yet */
        break;
    case NET_LOST:
        bootstrap_peer_down(control, peer->node);
        break;
    case NET_GONE:
        bootstrap_peer_down(control, peer->node);
        liveness_gone(&control->liveness, peer->node);
        lifecycle_look(control);
        break;
    }
}

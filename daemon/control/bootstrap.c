#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "control/control_private.h"
#include "control/founding.h"
#include "control/succession.h"
#include "control/word.h"

/* Writes the cluster's row on a worker; touches nothing but this there. */
struct bootstrap_job {
    struct work work;
    struct control *control;
    struct table *table;
    struct identity_cluster cluster;
    bool founder;
    enum err err;
    struct reason reason;
    struct reason not_kept; /* the copy of it; "": it is */
};

static enum err hello_say(struct control *control, struct reason *reason);
static enum err join(struct control *control, struct reason *reason);
static struct bootstrap_peer *peer_find(struct control *control, uint64_t node);
static struct bootstrap_peer *peer_take(struct control *control, uint64_t node);
static void foreign_note(struct control *control, struct bootstrap_peer *peer);
static void step(struct control *control);
static bool step_join(struct control *control);
static void step_found(struct control *control);
static bool seed_gather(struct control *control, const char *address, struct founding_seed *seed);
static void adopt(struct control *control, const struct identity_cluster *cluster, bool founder);
static void adopt_run(struct work *work);
static void adopt_done(struct work *work);
static void talk(struct control *control);
static void talk_on_answer(struct net_call *call, enum err err, enum err remote,
                           struct slice answer, struct buf *answer_buf);
static void on_found(void *ctx, const struct net_message *message, struct net_incoming *incoming);
static void on_found_closed(void *ctx, const struct net_message *message,
                            struct net_incoming *incoming);
static void peer_show(struct control *control);
static void on_timer(struct timer *timer);

/* ---- life ---- */

enum err bootstrap_open(struct control *control, struct reason *reason)
{
    struct bootstrap *bootstrap = &control->bootstrap;
    enum err err = identity_cluster_read(control->world.table, &bootstrap->cluster, reason);

    if (err == ERR_OK && bootstrap->cluster.id == 0 && control->options.seed_count == 0) {
        bootstrap->cluster = (struct identity_cluster){ .id = random_id(control->world.random),
                                                        .members = { control->options.node },
                                                        .member_count = 1 };
        err = identity_cluster_write(control->world.table, &bootstrap->cluster, reason);
    }
    if (err == ERR_OK)
        err = hello_say(control, reason);
    if (err == ERR_OK && bootstrap->cluster.id != 0)
        err = join(control, reason);
    if (err != ERR_OK)
        return err;

    if (bootstrap->cluster.id == 0 && !bootstrap_is_seed(control))
        note_event(control->world.note, NOTE_WARN, "cluster.not_a_seed",
                   "peer_address=%s advice=\"this node is none of its seeds, so it can only join a "
                   "cluster that they have founded; if it is one of the first nodes, add its "
                   "peer-advertise to the seeds of all, spelled the same\"",
                   NOTE_QUOTED(control->options.peer_address));
    net_handle(control->world.net, NET_FOUND, NULL, on_found, control);
    for (uint32_t i = 0; i < control->options.seed_count; i++)
        bootstrap_dial(control, control->options.seeds[i]);
    timer_start(control->world.clock, &bootstrap->timer, 0, on_timer);
    return ERR_OK;
}

void bootstrap_close(struct control *control)
{
    struct bootstrap *bootstrap = &control->bootstrap;

    timer_stop(&bootstrap->timer);
    net_handle(control->world.net, NET_FOUND, NULL, on_found_closed, NULL);
    for (uint32_t i = 0; i < bootstrap->peer_count; i++) {
        if (bootstrap->peers[i].talking)
            net_call_cancel(control->world.net, &bootstrap->peers[i].call);
        bootstrap->peers[i].talking = false;
    }
}

bool bootstrap_is_seed(const struct control *control)
{
    const struct control_options *options = &control->options;
    bool found = false;

    for (uint32_t i = 0; i < options->seed_count; i++)
        found |= strcmp(options->seeds[i], options->peer_address) == 0;
    return found;
}

static enum err hello_say(struct control *control, struct reason *reason)
{
    const struct control_options *options = &control->options;
    struct word_hello hello = { .cluster = control->bootstrap.cluster };

    /* control_open() has checked that they fit. */
    strcpy(hello.name, options->name);
    strcpy(hello.az, options->az);
    strcpy(hello.client_address, options->client_address);
    strcpy(hello.peer_address, options->peer_address);
    strcpy(hello.operations_address, options->operations_address);
    hello.seed = bootstrap_is_seed(control);

    AUTO_UNREF struct buf *bytes = word_hello_pack(&hello);
    if (bytes == NULL) {
        reason_set(reason, "greeting: no memory");
        return ERR_NO_MEMORY;
    }
    if (bytes->len > NET_HELLO_MAX) {
        reason_set(reason, "name, AZ and addresses of this node have more than %u bytes together",
                   NET_HELLO_MAX);
        return ERR_INVALID;
    }
    net_hello_set(control->world.net, buf_slice(bytes));
    return ERR_OK;
}

static enum err join(struct control *control, struct reason *reason)
{
    struct bootstrap *bootstrap = &control->bootstrap;

    note_event(control->world.note, NOTE_INFO, "cluster.joined",
               "cluster=%016" PRIx64 " catalog_members=%" PRIu32 " founder=%d",
               bootstrap->cluster.id, bootstrap->cluster.member_count, bootstrap->founder);
    bootstrap->joined = true;
    return catalog_join(control->catalog, bootstrap->cluster.members,
                        bootstrap->cluster.member_count, reason);
}

void bootstrap_dial(struct control *control, const char *address)
{
    if (address[0] == 0 || strcmp(address, control->options.peer_address) == 0)
        return;
    enum err err = net_dial(control->world.net, address);
    if (err != ERR_OK)
        note_event(control->world.note, NOTE_WARN, "peer.not_dialled", "address=%s err=%s",
                   NOTE_QUOTED(address), err_name(err));
}

/* ---- peers ---- */

void bootstrap_peer_up(struct control *control, const struct net_peer *net_peer)
{
    struct word_hello hello;
    struct bootstrap_peer *peer = peer_take(control, net_peer->node);

    if (peer == NULL || word_hello_read(net_peer->hello, &hello) != ERR_OK) {
        note_event(control->world.note, NOTE_WARN, "peer.unintelligible", "node=%016" PRIx64,
                   net_peer->node);
        return;
    }
    peer->boot = net_peer->boot;
    peer->up_ms = control_now_ms(control);
    peer->up = true;
    peer->foreign = false;
    peer->cluster = hello.cluster;
    strcpy(peer->name, hello.name);
    strcpy(peer->az, hello.az);
    strcpy(peer->address, hello.peer_address);
    if (net_peer->address != NULL && strlen(net_peer->address) <= NET_ADDRESS_MAX)
        strcpy(peer->dialled, net_peer->address);
    foreign_note(control, peer);
    bootstrap_dial(control, peer->address);
    step(control);
}

void bootstrap_peer_down(struct control *control, uint64_t node)
{
    struct bootstrap_peer *peer = peer_find(control, node);

    if (peer != NULL)
        peer->up = false;
    control->bootstrap.founding.waiting = false; /* it may have been a seed */
}

void bootstrap_peer_said(struct control *control, uint64_t node,
                         const struct identity_cluster *cluster)
{
    struct bootstrap_peer *peer = peer_find(control, node);

    if (peer == NULL || cluster->id == 0 || cluster->id == peer->cluster.id)
        return;
    peer->cluster = *cluster;
    foreign_note(control, peer);
    step(control);
}

void bootstrap_peer_at(struct control *control, uint64_t node, uint64_t index, uint64_t token)
{
    const struct model *model = catalog_model(control->catalog);
    struct bootstrap_peer *peer = peer_find(control, node);
    uint64_t theirs = index / MODEL_RESCUE_INDEX, own = model_index(model) / MODEL_RESCUE_INDEX;

    if (peer == NULL || !model_founded(model))
        return;
    bool apart = theirs == own && token != model_token(model);
    if (apart && !peer->apart)
        note_event(control->world.note, NOTE_ERROR, "catalog.rescued_apart",
                   "node=%016" PRIx64 " name=%s advice=\"the catalogue was rescued twice, from two "
                   "copies, and this node is of the other one: it is not listened to. Decide for "
                   "one, and start the nodes of the other with empty data directories\"",
                   node, NOTE_QUOTED(peer->name));
    peer->apart = apart;
    if (theirs < own && bootstrap_is_ours(control, node))
        succession_tell(control, node, CATALOG_GROUP, model_catalog(model)->epoch);
}

bool bootstrap_is_ours(const struct control *control, uint64_t node)
{
    const struct bootstrap *bootstrap = &control->bootstrap;

    for (uint32_t i = 0; i < bootstrap->peer_count; i++)
        if (bootstrap->peers[i].node == node)
            return !bootstrap->peers[i].apart &&
                   (bootstrap->peers[i].cluster.id == 0 || bootstrap->cluster.id == 0 ||
                    bootstrap->peers[i].cluster.id == bootstrap->cluster.id);
    return model_node_by_id(catalog_model(control->catalog), node) != NULL;
}

static struct bootstrap_peer *peer_find(struct control *control, uint64_t node)
{
    struct bootstrap *bootstrap = &control->bootstrap;

    for (uint32_t i = 0; i < bootstrap->peer_count; i++)
        if (bootstrap->peers[i].node == node)
            return &bootstrap->peers[i];
    return NULL;
}

/* When all places are taken, one without a link makes room. */
static struct bootstrap_peer *peer_take(struct control *control, uint64_t node)
{
    struct bootstrap *bootstrap = &control->bootstrap;
    struct bootstrap_peer *peer = peer_find(control, node);

    if (peer != NULL)
        return peer;
    if (bootstrap->peer_count < CONTROL_PEERS_MAX)
        peer = &bootstrap->peers[bootstrap->peer_count++];
    for (uint32_t i = 0; i < bootstrap->peer_count && peer == NULL; i++)
        if (!bootstrap->peers[i].up && !bootstrap->peers[i].talking)
            peer = &bootstrap->peers[i];
    if (peer != NULL)
        *peer = (struct bootstrap_peer){ .node = node, .control = control };
    return peer;
}

static void foreign_note(struct control *control, struct bootstrap_peer *peer)
{
    uint64_t own = control->bootstrap.cluster.id;

    if (own == 0 || peer->cluster.id == 0 || peer->cluster.id == own || peer->foreign)
        return;
    peer->foreign = true;
    note_event(control->world.note, NOTE_ERROR, "peer.foreign",
               "node=%016" PRIx64 " name=%s address=%s cluster=%016" PRIx64
               " own_cluster=%016" PRIx64 " advice=\"it belongs to another cluster: check the "
               "seeds of both\"", peer->node, NOTE_QUOTED(peer->name), NOTE_QUOTED(peer->dialled),
               peer->cluster.id, own);
}

/* ---- into a cluster ---- */

static void step(struct control *control)
{
    struct bootstrap *bootstrap = &control->bootstrap;

    if (control->closing || bootstrap->writing)
        return;
    if (!bootstrap->joined && !step_join(control))
        step_found(control);
    talk(control);
}

/* Whoever belongs to a cluster knows better than any rule. */
static bool step_join(struct control *control)
{
    struct bootstrap *bootstrap = &control->bootstrap;
    const struct bootstrap_peer *found = NULL;

    for (uint32_t i = 0; i < bootstrap->peer_count; i++) {
        const struct bootstrap_peer *peer = &bootstrap->peers[i];
        if (!peer->up || peer->cluster.id == 0)
            continue;
        if (found != NULL && found->cluster.id != peer->cluster.id) {
            note_event(control->world.note, NOTE_ERROR, "cluster.ambiguous",
                       "one=%016" PRIx64 " other=%016" PRIx64
                       " advice=\"the seeds belong to two clusters; this node joins neither\"",
                       found->cluster.id, peer->cluster.id);
            return true;
        }
        found = peer;
    }
    if (found != NULL)
        adopt(control, &found->cluster, false);
    return found != NULL;
}

static void step_found(struct control *control)
{
    struct founding_seed seeds[CONTROL_SEEDS_MAX];
    struct identity_cluster cluster = { .id = 0 };

    for (uint32_t i = 0; i < control->options.seed_count; i++)
        if (!seed_gather(control, control->options.seeds[i], &seeds[i]))
            return;
    if (founding_decide(seeds, control->options.seed_count, control->options.node, cluster.members,
                        &cluster.member_count) != FOUNDING_OURS) {
        control->bootstrap.founding.waiting = false;
        return;
    }
    if (!control->bootstrap.founding.waiting && control->options.founding_wait_ms > 0)
        note_event(control->world.note, NOTE_INFO, "cluster.founding",
                   "wait_ms=%" PRIu64 " why=\"all seeds are there and empty; who holds a cluster "
                   "that has lost them calls within this time\"",
                   control->options.founding_wait_ms);
    if (!founding_waited(&control->bootstrap.founding, control_now_ms(control),
                         control->options.founding_wait_ms))
        return;
    cluster.id = random_id(control->world.random);
    adopt(control, &cluster, true);
}

static bool seed_gather(struct control *control, const char *address, struct founding_seed *seed)
{
    struct bootstrap *bootstrap = &control->bootstrap;

    if (strcmp(address, control->options.peer_address) == 0) {
        *seed = (struct founding_seed){ .answered = true,
                                        .node = control->options.node,
                                        .name = control->options.name,
                                        .az = control->options.az };
        return true;
    }
    for (uint32_t i = 0; i < bootstrap->peer_count; i++) {
        const struct bootstrap_peer *peer = &bootstrap->peers[i];
        bool same = strcmp(peer->dialled, address) == 0 || strcmp(peer->address, address) == 0;
        if (!peer->up || !same)
            continue;
        *seed = (struct founding_seed){ .answered = true,
                                        .node = peer->node,
                                        .cluster = peer->cluster.id,
                                        .name = peer->name,
                                        .az = peer->az };
        return true;
    }
    return false;
}

/* Durable first, then acted upon: a founder that dies in between decides the same when it is
 * back, as it finds its own row. */
static void adopt(struct control *control, const struct identity_cluster *cluster, bool founder)
{
    struct bootstrap_job *job = calloc(1, sizeof(*job));

    if (job == NULL)
        return; /* the timer comes again */
    job->control = control;
    job->table = control->world.table;
    job->cluster = *cluster;
    job->founder = founder;
    control->bootstrap.writing = true;
    control->busy++;
    work_start(control->world.work, &job->work, adopt_run, adopt_done);
}

/* Whether a start finds an image that knows of these members.  An older one does not name any: a
 * node that has come in later would take itself for a founder that lost its log. */
static bool members_are_saved(const struct control *control)
{
    return catalog_saved(control->catalog) >=
           model_catalog(catalog_model(control->catalog))->index;
}

/* The catalogue's own group has other members now. */
void bootstrap_members(struct control *control)
{
    struct bootstrap *bootstrap = &control->bootstrap;
    struct identity_cluster cluster = { .id = bootstrap->cluster.id };

    cluster.member_count = catalog_members(control->catalog, cluster.members);
    if (!bootstrap->joined || bootstrap->writing || control->closing ||
        !members_are_saved(control) ||
        (cluster.member_count == bootstrap->cluster.member_count &&
         memcmp(cluster.members, bootstrap->cluster.members,
                cluster.member_count * sizeof(cluster.members[0])) == 0))
        return;
    adopt(control, &cluster, bootstrap->founder);
}

static void adopt_run(struct work *work)
{
    struct bootstrap_job *job = container_of(work, struct bootstrap_job, work);

    const struct control_options *options = &job->control->options;

    job->err = identity_cluster_write(job->table, &job->cluster, &job->reason);
    if (job->err == ERR_OK && options->keep_identity != NULL &&
        options->keep_identity(options->ctx, &job->not_kept) == ERR_OK)
        job->not_kept.text[0] = 0;
}

static void adopt_done(struct work *work)
{
    struct bootstrap_job *job = container_of(work, struct bootstrap_job, work);
    struct control *control = job->control;
    struct bootstrap *bootstrap = &control->bootstrap;
    enum err err = job->err;

    bootstrap->writing = false;
    if (job->not_kept.text[0] != 0)
        note_event(control->world.note, NOTE_WARN, "node.identity_not_copied", "reason=%s",
                   NOTE_QUOTED(job->not_kept.text));
    if (err == ERR_OK && !control->closing) {
        bootstrap->cluster = job->cluster;
        bootstrap->founder = job->founder;
        err = hello_say(control, &job->reason);
        if (err == ERR_OK && !bootstrap->joined)
            err = join(control, &job->reason);
        gossip_now(control);
        step(control);
    }
    if (err == ERR_NO_SPACE && bootstrap->joined) {
        /* Other members of the catalogue: the image has them too, and the timer comes again. */
        note_event(control->world.note, NOTE_WARN, "cluster.not_saved", "reason=%s",
                   NOTE_QUOTED(job->reason.text));
    } else if (err != ERR_OK) {
        reason_wrap(&job->reason, "join the cluster");
        control_fail(control, &job->reason);
    }
    free(job);
    stop_idle(control);
}

/* ---- telling and asking ---- */

static struct buf *foundation_pack(const struct control *control)
{
    struct word_foundation foundation = { .cluster = control->bootstrap.cluster };

    strcpy(foundation.peer_address, control->options.peer_address);
    return word_foundation_pack(&foundation);
}

/* The founder tells every node that belongs to no cluster, and every node those that have lost
 * their disk (guide.c); a node that belongs to none asks, as a greeting is said only when a link
 * comes up.  All are NET_FOUND: a question is an empty one. */
static void talk(struct control *control)
{
    struct bootstrap *bootstrap = &control->bootstrap;
    bool asks = bootstrap->cluster.id == 0;

    if (bootstrap->writing)
        return;
    for (uint32_t i = 0; i < bootstrap->peer_count; i++) {
        struct bootstrap_peer *peer = &bootstrap->peers[i];
        bool waits = peer->cluster.id == 0 && (asks || bootstrap->founder);
        if (!peer->up || peer->talking || (!waits && !guide_is_for(control, peer)))
            continue;
        AUTO_UNREF struct buf *bytes = asks ? NULL : foundation_pack(control);
        if (!asks && bytes == NULL)
            return;
        peer->talking = true;
        peer->asked = asks;
        net_call(control->world.net, &peer->call, peer->node, NET_FOUND, &bytes, asks ? 0 : 1,
                 CONTROL_RETRY_MS, talk_on_answer);
    }
}

static void talk_on_answer(struct net_call *call, enum err err, enum err remote,
                           struct slice answer, struct buf *answer_buf)
{
    struct bootstrap_peer *peer = container_of(call, struct bootstrap_peer, call);
    struct control *control = peer->control;
    struct word_foundation foundation;

    peer->talking = false; /* when it failed, the timer talks again */
    if (err != ERR_OK || remote != ERR_OK)
        return;
    if (!peer->asked)
        peer->cluster = control->bootstrap.cluster;
    else if (word_foundation_read(answer, &foundation) == ERR_OK)
        bootstrap_peer_said(control, peer->node, &foundation.cluster);
}

/* Whether a node that this one reaches belongs to another cluster: of the two it is in none. */
static bool is_contradicted(const struct control *control, const struct identity_cluster *cluster)
{
    const struct bootstrap *bootstrap = &control->bootstrap;

    for (uint32_t i = 0; i < bootstrap->peer_count; i++)
        if (bootstrap->peers[i].up && bootstrap->peers[i].cluster.id != 0 &&
            bootstrap->peers[i].cluster.id != cluster->id)
            return true;
    return false;
}

static void on_found(void *ctx, const struct net_message *message, struct net_incoming *incoming)
{
    struct control *control = ctx;
    struct bootstrap *bootstrap = &control->bootstrap;
    struct word_foundation foundation;

    if (message->bytes.len == 0) {
        AUTO_UNREF struct buf *bytes =
            bootstrap->cluster.id == 0 ? NULL : foundation_pack(control);
        net_answer(incoming, bytes == NULL ? ERR_NOT_FOUND : ERR_OK, &bytes, bytes == NULL ? 0 : 1);
        return;
    }

    enum err err = word_foundation_read(message->bytes, &foundation);
    if (err == ERR_OK && bootstrap->cluster.id != 0)
        err = bootstrap->cluster.id == foundation.cluster.id ? ERR_OK : ERR_EXISTS;
    else if (err == ERR_OK && bootstrap->writing)
        err = ERR_BUSY;
    else if (err == ERR_OK && is_contradicted(control, &foundation.cluster))
        err = ERR_EXISTS;
    else if (err == ERR_OK)
        adopt(control, &foundation.cluster, false);
    if (err == ERR_OK)
        guide_follow(control, foundation.peer_address);
    net_answer(incoming, err, NULL, 0);
}

static void on_found_closed(void *ctx, const struct net_message *message,
                            struct net_incoming *incoming)
{
    net_answer(incoming, ERR_CLOSED, NULL, 0);
}

/* Words come only from those who know where this node is.  One whose row is not in their model
 * hears none, and of the catalogue's members that it knows none may be left: it asks whom it
 * reaches. */
static void peer_show(struct control *control)
{
    struct bootstrap *bootstrap = &control->bootstrap;

    for (uint32_t i = 0; i < bootstrap->peer_count && bootstrap->joined; i++) {
        const struct bootstrap_peer *peer =
            &bootstrap->peers[bootstrap->shown++ % bootstrap->peer_count];
        if (!peer->up || !bootstrap_is_ours(control, peer->node))
            continue;
        catalog_hint_peer(control->catalog, peer->node);
        return;
    }
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, bootstrap.timer);

    step(control);
    peer_show(control);
    bootstrap_members(control);
    enrol_changed(control);
    timer_start(control->world.clock, timer, CONTROL_RETRY_MS, on_timer);
}

#include <inttypes.h>
#include <string.h>

#include "base/mutant.h"
#include "catalog/version.h"
#include "control/control_private.h"
#include "control/renewal.h"
#include "control/renewed.h"

#define HEARD_ELECTIONS 3u /* timeouts that who comes back under a new id listens first */

static void history_look(struct control *control);
static void nodes_dial(struct control *control);
static void gone_undial(struct control *control);
static void replaced_look(struct control *control);
static bool removed_look(struct control *control);
static bool may_enrol(struct control *control);
static bool has_heard(const struct control *control);
static void renewed_say(struct control *control);
static bool is_up(void *ctx, uint64_t node);
static bool is_moving(void *ctx, uint64_t group);
static uint64_t leader_of(void *ctx, uint64_t group);
static struct buf *change_needed(struct control *control);
static bool row_differs(const struct control *control, struct model_node *row);
static uint64_t id_of_name(const struct model *model, const char *name);
static void change_on_done(struct catalog_change *req, enum err err);

/* What the image of the last run says of this node counts: it may have been removed since, or have
 * lost its name, and must not come in again as if it had never been there. */
enum err enrol_open(struct control *control, struct reason *reason)
{
    const struct model *model = catalog_model(control->catalog);
    struct enrol *enrol = &control->enrol;

    enrol->listed = model_node_by_id(model, control->options.node) != NULL;
    enrol->history = model_token(model);
    enrol->opened_ms = control_now_ms(control);
    return enrol->listed ? ERR_OK : renewal_former(control->world.table, &enrol->former, reason);
}

void enrol_close(struct control *control)
{
    if (control->enrol.changing)
        catalog_change_cancel(&control->enrol.change);
    control->enrol.changing = false;
}

void enrol_changed(struct control *control)
{
    const struct bootstrap *bootstrap = &control->bootstrap;
    struct enrol *enrol = &control->enrol;
    const struct model *model = catalog_model(control->catalog);

    if (control->closing || !bootstrap->joined)
        return;
    if (model_founded(model) && model_cluster(model) != bootstrap->cluster.id) {
        struct reason reason = { .text = "" };
        reason_set(&reason, "this node joined cluster %016" PRIx64 ", its catalogue is of %016"
                   PRIx64, bootstrap->cluster.id, model_cluster(model));
        control_fail(control, &reason);
        return;
    }
    history_look(control);
    nodes_dial(control);
    gone_undial(control);
    if (model_founded(model))
        guide_end(control);
    replaced_look(control);
    if (removed_look(control) || enrol->changing || enrol->replaced || !may_enrol(control))
        return;

    AUTO_UNREF struct buf *change = change_needed(control);
    if (change == NULL)
        return;
    enrol->changing = true;
    catalog_change(control->catalog, &enrol->change, buf_slice(change), CONTROL_CHANGE_MS,
                   change_on_done);
}

/* The catalogue was rescued from a copy that may never have had this node's row, nor that another
 * one took its name: nobody removed it. */
static void history_look(struct control *control)
{
    struct enrol *enrol = &control->enrol;
    uint64_t history = model_token(catalog_model(control->catalog));

    if (enrol->history == history)
        return;
    enrol->history = history;
    enrol->listed = enrol->replaced = false;
}

/* Where a replaced node was, the one that came in its place listens, or nobody. */
static bool is_dialled_for(const struct control *control, const struct model_node *node)
{
    return node->id != control->options.node && !node->replaced && node->peer_address[0] != 0;
}

static void nodes_dial(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct enrol *enrol = &control->enrol;

    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        uint32_t at = 0;
        if (!is_dialled_for(control, node))
            continue;
        bootstrap_dial(control, node->peer_address);
        while (at < enrol->dialled_count && strcmp(enrol->dialled[at], node->peer_address) != 0)
            at++;
        if (at < enrol->dialled_count || at == NODE_ROWS_MAX)
            continue;
        strcpy(enrol->dialled[at], node->peer_address);
        enrol->dialled_count++;
    }
}

/* Where no node is any more: not at a seed, by which another one may join. */
static void gone_undial(struct control *control)
{
    const struct control_options *options = &control->options;
    const struct model *model = catalog_model(control->catalog);
    struct enrol *enrol = &control->enrol;

    for (uint32_t at = enrol->dialled_count; at > 0; at--) {
        char *address = enrol->dialled[at - 1];
        bool wanted = false, seed = false;
        for (uint32_t i = 0; i < model_node_count(model); i++) {
            const struct model_node *node = model_node_at(model, i);
            wanted |= is_dialled_for(control, node) && strcmp(node->peer_address, address) == 0;
        }
        for (uint32_t i = 0; i < options->seed_count; i++)
            seed |= strcmp(options->seeds[i], address) == 0;
        if (wanted)
            continue;
        if (!seed)
            net_undial(control->world.net, address);
        if (--enrol->dialled_count > at - 1)
            strcpy(address, enrol->dialled[enrol->dialled_count]);
    }
}

/* Two processes of one name would take the place from each other for ever, and all their shards
 * would change members each time: so the one whose row went does not ask for it again. */
static void replaced_look(struct control *control)
{
    const struct model_node *known =
        model_node_by_id(catalog_model(control->catalog), control->options.node);

    if (control->enrol.replaced || known == NULL || !known->replaced)
        return;
    control->enrol.replaced = true;
    note_event(control->world.note, NOTE_WARN, "node.replaced",
               "name=%s why=\"another node has taken this one's name\"", known->name);
}

/* Its row was there and went: an operator removed it, or nothing is left of it under the name that
 * it has lost.  If it asked for a row again it would be as if nobody had; and what its log knows of
 * groups is of no use to anybody. */
static bool removed_look(struct control *control)
{
    const struct model_node *known =
        model_node_by_id(catalog_model(control->catalog), control->options.node);
    struct reason reason = { .text = "" };

    if (known != NULL)
        control->enrol.listed = true;
    if (control->enrol.listed)
        control->enrol.former.count = 0;
    if (known != NULL || !control->enrol.listed || !model_founded(catalog_model(control->catalog)))
        return false;
    control->enrol.listed = false; /* once */
    if (control->enrol.replaced)
        reason_set(&reason, "another node has taken this one's name and its place in the cluster; "
                   "to add this machine again, start it with an empty data directory and a name of "
                   "its own");
    else
        reason_set(&reason, "this node was removed from its cluster, or another one has taken its "
                   "name, and all of its records are on other nodes; to add this machine again, "
                   "start it with an empty data directory");
    control_remove(control, &reason);
    return true;
}

/* One that has forgotten comes back under its new id when nothing is lost with the old one. */
static bool may_enrol(struct control *control)
{
    struct enrol *enrol = &control->enrol;
    struct renewed_world world = { .name = control->options.name,
                                   .up = is_up,
                                   .moves = is_moving,
                                   .leader = leader_of,
                                   .ctx = control };

    enrol->why.text[0] = 0;
    if (enrol->former.count == 0 || MUTANT(renewed_unasked))
        return true;
    if (!control->caught_up || !has_heard(control))
        return false;
    switch (renewed_decide(catalog_model(control->catalog), &enrol->former, &world, &enrol->why)) {
    case RENEWED_MAY:
        return true;
    case RENEWED_WAITS:
        renewed_say(control);
        return false;
    case RENEWED_GONE:
        break;
    }
    control_remove(control, &enrol->why);
    return false;
}

/* A leader that died as this node came is known to be gone, and one with its old id to be there;
 * and what the others fill is known of the present model. */
static bool has_heard(const struct control *control)
{
    uint64_t open_ms = control_now_ms(control) - control->enrol.opened_ms;

    return open_ms >= HEARD_ELECTIONS * (uint64_t)control->options.election_timeout_ms &&
           moving_known(control, model_index(catalog_model(control->catalog)));
}

static void renewed_say(struct control *control)
{
    struct enrol *enrol = &control->enrol;
    uint64_t now_ms = control_now_ms(control);

    if (enrol->said_ms != 0 && now_ms - enrol->said_ms < CONTROL_RENEWED_SAY_MS)
        return;
    enrol->said_ms = now_ms;
    note_event(control->world.note, NOTE_WARN, "node.waits", "why=%s",
               NOTE_QUOTED(enrol->why.text));
}

static bool is_up(void *ctx, uint64_t node)
{
    return control_health(ctx, node) == NODE_UP;
}

static bool is_moving(void *ctx, uint64_t group)
{
    return moving_has(ctx, group);
}

static uint64_t leader_of(void *ctx, uint64_t group)
{
    return control_leader(ctx, group);
}

/* The founding, by whoever leads the catalogue, then this node's row.  NULL: nothing is missing. */
static struct buf *change_needed(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct model_node row;

    if (!model_founded(model)) {
        struct change_found found = { .cluster = control->bootstrap.cluster.id,
                                      .replication = control->options.replication,
                                      .version = control->options.knows,
                                      .region = control->options.region,
                                      .account = control->options.account };
        if (!catalog_leads(control->catalog))
            return NULL;
        random_secret(control->world.random, found.secret, sizeof(found.secret));
        return change_found(control_stamp(control), &found);
    }
    if (!row_differs(control, &row))
        return NULL;
    if (model_node_by_id(model, row.id) != NULL || !version_allows(model, VERSION_REPLACES))
        return change_set_node(control_stamp(control), &row);
    return change_replace_node(control_stamp(control), &row, id_of_name(model, row.name));
}

/* Whose place a new id takes: as far as is known here, and as it was decided. */
static uint64_t id_of_name(const struct model *model, const char *name)
{
    for (uint32_t i = 0; i < model_node_count(model) && name[0] != 0; i++) {
        const struct model_node *node = model_node_at(model, i);
        if (!node->replaced && strcmp(node->name, name) == 0)
            return node->id;
    }
    return 0;
}

static bool row_differs(const struct control *control, struct model_node *row)
{
    const struct control_options *options = &control->options;
    const struct model_node *known =
        model_node_by_id(catalog_model(control->catalog), options->node);

    *row = (struct model_node){ .id = options->node };
    if (version_allows(catalog_model(control->catalog), VERSION_NODE_KNOWS))
        row->knows = options->knows;
    strcpy(row->name, options->name);
    strcpy(row->az, options->az);
    strcpy(row->client_address, options->client_address);
    strcpy(row->peer_address, options->peer_address);
    strcpy(row->operations_address, options->operations_address);
    return known == NULL || known->knows != row->knows || strcmp(known->name, row->name) != 0 ||
           strcmp(known->az, row->az) != 0 ||
           strcmp(known->client_address, row->client_address) != 0 ||
           strcmp(known->peer_address, row->peer_address) != 0 ||
           strcmp(known->operations_address, row->operations_address) != 0;
}

static void change_on_done(struct catalog_change *req, enum err err)
{
    struct control *control = container_of(req, struct control, enrol.change);

    control->enrol.changing = false;
    if (err == ERR_OK)
        enrol_changed(control); /* the founding is followed by this node's row */
    else if (err != ERR_CLOSED && err != ERR_UNAVAILABLE)
        note_event(control->world.note, NOTE_WARN, "node.not_registered", "err=%s reason=%s",
                   err_name(err), NOTE_QUOTED(req->reason.text));
    /* The timer tries again. */
}

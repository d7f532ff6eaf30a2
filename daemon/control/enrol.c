#include <inttypes.h>
#include <string.h>

#include "control/control_private.h"

static void nodes_dial(struct control *control);
static void replaced_look(struct control *control);
static bool removed_look(struct control *control);
static struct buf *change_needed(struct control *control);
static bool row_differs(const struct control *control, struct model_node *row);
static void change_on_done(struct catalog_change *req, enum err err);

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
        reason_set(&reason, "this node joined cluster %" PRIx64 ", its catalogue is of %" PRIx64,
                   bootstrap->cluster.id, model_cluster(model));
        control_fail(control, &reason);
        return;
    }
    nodes_dial(control);
    replaced_look(control);
    if (removed_look(control) || enrol->changing || enrol->replaced)
        return;

    AUTO_UNREF struct buf *change = change_needed(control);
    if (change == NULL)
        return;
    enrol->changing = true;
    catalog_change(control->catalog, &enrol->change, buf_slice(change), CONTROL_CHANGE_MS,
                   change_on_done);
}

/* Where a replaced node was, the one that came in its place listens, or nobody. */
static void nodes_dial(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);

    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (node->id != control->options.node && !node->replaced)
            bootstrap_dial(control, node->peer_address);
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

/* Its row was there and went: an operator removed it.  If it asked for a row again it would be as
 * if nobody had; and what its log knows of groups is of no use to anybody. */
static bool removed_look(struct control *control)
{
    const struct model_node *known =
        model_node_by_id(catalog_model(control->catalog), control->options.node);
    struct reason reason = { .text = "" };

    if (known != NULL)
        control->enrol.listed = true;
    if (known != NULL || !control->enrol.listed || control->enrol.replaced)
        return false;
    control->enrol.listed = false; /* once */
    reason_set(&reason, "this node was removed from its cluster, and all of its records are on "
               "other nodes; to add this machine again, start it with an empty data directory");
    control_forget(control, &reason);
    return true;
}

/* The founding, by whoever leads the catalogue, then this node's row.  NULL: nothing is missing. */
static struct buf *change_needed(struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    struct model_node row;

    if (!model_founded(model)) {
        struct change_found found = { .cluster = control->bootstrap.cluster.id,
                                      .replication = control->options.replication,
                                      .region = control->options.region,
                                      .account = control->options.account };
        if (!catalog_leads(control->catalog))
            return NULL;
        random_secret(control->world.random, found.secret, sizeof(found.secret));
        return change_found(control_stamp(control), &found);
    }
    return row_differs(control, &row) ? change_set_node(control_stamp(control), &row) : NULL;
}

static bool row_differs(const struct control *control, struct model_node *row)
{
    const struct control_options *options = &control->options;
    const struct model_node *known =
        model_node_by_id(catalog_model(control->catalog), options->node);

    *row = (struct model_node){ .id = options->node };
    strcpy(row->name, options->name);
    strcpy(row->az, options->az);
    strcpy(row->client_address, options->client_address);
    strcpy(row->peer_address, options->peer_address);
    strcpy(row->operations_address, options->operations_address);
    return known == NULL || strcmp(known->name, row->name) != 0 ||
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

#include "base/mutant.h"
#include "catalog/apply_version.h"
#include "catalog/model_private.h"

static enum err raise_check(const struct model *model, const Braid__Catalog__RaiseVersion *raise,
                            struct reason *reason);
static enum err node_check(const struct model_node *node,
                           const Braid__Catalog__RaiseVersion *raise, struct reason *reason);
static uint32_t listed(const Braid__Catalog__RaiseVersion *raise, uint64_t node);

bool version_allows(const struct model *model, uint32_t needed)
{
    return needed <= model->cluster_version || (MUTANT(ungated) && needed <= model->knows);
}

bool version_is_beyond(const struct model *model, struct reason *reason)
{
    bool behind = model->cluster_version > model->knows;

    if (behind)
        reason_set(reason, "the cluster is at version %u, and this braidd knows versions up to %u: "
                   "start a newer braidd; no data is lost", model->cluster_version, model->knows);
    else if (model->strange)
        reason_set(reason, "the catalogue has a change behind entry %llu that this braidd does not "
                   "know (it knows cluster versions up to %u): start a newer braidd; no data is "
                   "lost", (unsigned long long)model->index, model->knows);
    return behind || model->strange;
}

/* ---- the gate ---- */

/* The part at `at` of a repeated field, or the only one; NULL: there is none. */
static const ProtobufCMessage *part_at(const ProtobufCMessage *message,
                                       const ProtobufCFieldDescriptor *field, size_t at)
{
    const char *base = (const char *)message;
    const void *place = base + field->offset;
    const void *quantifier = base + field->quantifier_offset;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return at < *(const size_t *)quantifier
                   ? (*(ProtobufCMessage *const *const *)place)[at]
                   : NULL;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
        *(const uint32_t *)quantifier != field->id)
        return NULL;
    return at == 0 ? *(ProtobufCMessage *const *)place : NULL;
}

/* Anywhere in it.  Which messages are in which is the same for all; none is in itself. */
static bool has_unknown(const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *kind = message->descriptor;

    if (message->n_unknown_fields > 0)
        return true;
    for (unsigned i = 0; i < kind->n_fields; i++) {
        const ProtobufCMessage *part;
        if (kind->fields[i].type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        for (size_t at = 0; (part = part_at(message, &kind->fields[i], at)) != NULL; at++)
            if (has_unknown(part))
                return true;
    }
    return false;
}

uint32_t version_of(const Braid__Catalog__Change *change)
{
    if (has_unknown(&change->base))
        return UINT32_MAX;
    switch (change->of_case) {
    case BRAID__CATALOG__CHANGE__OF_RAISE_VERSION:
        return VERSION_RAISES;
    case BRAID__CATALOG__CHANGE__OF_SET_STREAM:
    case BRAID__CATALOG__CHANGE__OF_SET_ACCOUNT:
        return VERSION_SETTINGS;
    case BRAID__CATALOG__CHANGE__OF_REGISTER_CONSUMER:
    case BRAID__CATALOG__CHANGE__OF_DEREGISTER_CONSUMER:
    case BRAID__CATALOG__CHANGE__OF_SET_CONSUMER:
        return VERSION_CONSUMERS;
    case BRAID__CATALOG__CHANGE__OF_BEGIN_RESHARD:
    case BRAID__CATALOG__CHANGE__OF_COMMIT_RESHARD:
    case BRAID__CATALOG__CHANGE__OF_FORGET_SHARDS:
        return VERSION_RESHARDS;
    case BRAID__CATALOG__CHANGE__OF_SET_BALANCING:
        return VERSION_BALANCING;
    case BRAID__CATALOG__CHANGE__OF_WHOLE_SHARDS:
        return VERSION_WHOLE;
    default:
        return VERSION_FIRST;
    }
}

static bool gated(const struct model *model, uint32_t needed, struct reason *reason)
{
    if (!model->founded || version_allows(model, needed))
        return false;
    reason_set(reason, "this needs cluster version %u, and the cluster is at %u: when all nodes "
               "run the new braidd, 'braid cluster upgrade' raises it", needed,
               model->cluster_version);
    return true;
}

enum err version_check(const struct model *model, const Braid__Catalog__Change *change,
                       struct reason *reason)
{
    uint32_t needed = version_of(change);

    if (needed > model->knows) {
        reason_set(reason, "the node that leads the catalogue runs a braidd that does not know "
                   "this change: start the newer one on all nodes, then try again");
        return ERR_VERSION;
    }
    if (change->of_case == BRAID__CATALOG__CHANGE__OF_SET_NODE && change->set_node->node != NULL &&
        change->set_node->node->knows != 0)
        needed = VERSION_NODE_KNOWS;
    if (change->of_case == BRAID__CATALOG__CHANGE__OF_SET_NODE && change->set_node->exact)
        needed = VERSION_REPLACES;
    if (change->of_case == BRAID__CATALOG__CHANGE__OF_CREATE_STREAM &&
        change->create_stream->stream != NULL && change->create_stream->stream->settings != NULL)
        needed = VERSION_SETTINGS;
    if (change->of_case == BRAID__CATALOG__CHANGE__OF_DELETE_STREAM &&
        change->delete_stream->unless_consumed)
        needed = VERSION_CONSUMERS;
    if (change->of_case == BRAID__CATALOG__CHANGE__OF_RESCUE_SHARD &&
        change->rescue_shard->held != 0)
        needed = VERSION_RESCUE_HELD;
    /* What raises the version brings its own proof that all know it; without it an older node would
     * have to apply it. */
    if (change->of_case == BRAID__CATALOG__CHANGE__OF_RAISE_VERSION)
        return raise_check(model, change->raise_version, reason);
    return gated(model, needed, reason) ? ERR_VERSION : ERR_OK;
}

bool version_holds(const struct model *model, const Braid__Catalog__Change *change,
                   struct reason *reason)
{
    return change->of_case == BRAID__CATALOG__CHANGE__OF_RAISE_VERSION ||
           !gated(model, version_of(change), reason);
}

/* An older build does not see the field: below its version nobody does. */
enum err version_node(const struct model *model, struct model_node *node, struct reason *reason)
{
    uint32_t knows = node->knows == 0 ? VERSION_FIRST : node->knows;

    if (!version_allows(model, VERSION_NODE_KNOWS)) {
        node->knows = 0;
        return ERR_OK;
    }
    if (knows >= model->cluster_version)
        return ERR_OK;
    reason_set(reason, "node %s knows cluster versions up to %u, and the cluster is at %u: start "
               "it with a newer braidd", node->name, knows, model->cluster_version);
    return ERR_VERSION;
}

/* ---- raising ---- */

enum err apply_raise(struct model *model, const Braid__Catalog__RaiseVersion *raise,
                     struct reason *reason)
{
    enum err err = raise_check(model, raise, reason);

    if (err != ERR_OK || raise->version <= model->cluster_version)
        return err;
    model->cluster_version = raise->version;
    for (uint32_t i = 0; i < model->node_count; i++)
        model->nodes[i]->knows = listed(raise, model->nodes[i]->id);
    return ERR_OK;
}

static enum err raise_check(const struct model *model, const Braid__Catalog__RaiseVersion *raise,
                            struct reason *reason)
{
    if (raise->n_nodes != raise->n_knows || raise->n_nodes > NODE_ROWS_MAX) {
        reason_set(reason, "raising the cluster version: the lists are out of range");
        return ERR_INVALID;
    }
    for (uint32_t i = 0; raise->version > model->cluster_version && i < model->node_count; i++) {
        enum err err = node_check(model->nodes[i], raise, reason);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* A replaced one does not come back. */
static enum err node_check(const struct model_node *node,
                           const Braid__Catalog__RaiseVersion *raise, struct reason *reason)
{
    uint32_t knows = listed(raise, node->id);

    if (node->replaced || knows >= raise->version || MUTANT(raised_unasked))
        return ERR_OK;
    if (knows == 0)
        reason_set(reason, "node %s has come in meanwhile: try again", node->name);
    else
        reason_set(reason, "node %s knows cluster versions up to %u, not %u", node->name, knows,
                   raise->version);
    return ERR_BUSY;
}

static uint32_t listed(const Braid__Catalog__RaiseVersion *raise, uint64_t node)
{
    for (size_t i = 0; i < raise->n_nodes; i++)
        if (raise->nodes[i] == node)
            return raise->knows[i];
    return 0;
}

#include "catalog/apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "catalog/apply_consumers.h"
#include "catalog/apply_members.h"
#include "catalog/apply_rescue.h"
#include "catalog/apply_reshard.h"
#include "catalog/apply_settings.h"
#include "catalog/apply_version.h"
#include "catalog/apply_whole.h"
#include "catalog/row.h"

#define CREATED_BEFORE_MS 2000u /* AWS's shards are about two seconds older than the request */

static enum err apply_one(struct model *model, const Braid__Catalog__Change *change,
                          struct reason *reason);
static enum err apply_found(struct model *model, const Braid__Catalog__Found *found,
                            struct reason *reason);
static enum err apply_set_node(struct model *model, const Braid__Catalog__SetNode *set,
                               struct reason *reason);
static bool takes_place(const struct model_node *node, const struct model_node *known);
static enum err place_check(const struct model *model, const struct model_node *node,
                            uint64_t replaces, struct reason *reason);
static enum err node_room_check(const struct model *model, const struct model_node *node,
                                struct reason *reason);
static enum err apply_forget_node(struct model *model, uint64_t id, struct reason *reason);
static bool is_named(const struct model *model, const struct model_node *node,
                     struct reason *reason);
static enum err apply_drain_node(struct model *model, const Braid__Catalog__DrainNode *drain,
                                 struct reason *reason);
static enum err apply_create(struct model *model, const Braid__Catalog__Change *change,
                             struct reason *reason);
static enum err create_allowed(const struct model *model, const Braid__Catalog__Change *change,
                               struct reason *reason);
static enum err members_check(const struct model *model, const struct model_stream *stream,
                              struct reason *reason);
static enum err room_check(const struct model *model, const struct model_stream *stream,
                           struct reason *reason);
static void stream_begin(struct model *model, struct model_stream *stream, uint64_t proposed_ms);
static enum err apply_activate(struct model *model, uint64_t id, struct reason *reason);
static enum err apply_delete(struct model *model, const Braid__Catalog__DeleteStream *row,
                             struct reason *reason);
static enum err apply_forget(struct model *model, uint64_t id, struct reason *reason);

enum err apply_change(struct model *model, uint64_t index, uint64_t term, struct slice bytes,
                      struct reason *reason)
{
    Braid__Catalog__Change *change = NULL;

    ensure(index == model->index + 1);
    if (bytes.len > 0)
        change = braid__catalog__change__unpack(row_allocator, bytes.len, bytes.data);
    if (change != NULL && version_of(change) > model->knows) {
        model->strange = true;
        braid__catalog__change__free_unpacked(change, row_allocator);
        (void)version_is_beyond(model, reason);
        return ERR_VERSION;
    }
    model->index = index;
    model->term = term;
    if (bytes.len == 0)
        return ERR_OK;
    if (change == NULL) {
        reason_set(reason, "not a change");
        return ERR_INVALID;
    }

    enum err err = apply_one(model, change, reason);
    braid__catalog__change__free_unpacked(change, row_allocator);
    return err;
}

void apply_seal(struct model *model, uint64_t index, uint64_t term, const struct seal *seal)
{
    ensure(index == model->index + 1);
    model->index = index;
    model->term = term;
    model->catalog = (struct model_epoch){
        .epoch = seal->epoch, .index = index, .term = term, .member_count = seal->member_count
    };
    memcpy(model->catalog.members, seal->members, sizeof(model->catalog.members));
}

static enum err apply_one(struct model *model, const Braid__Catalog__Change *change,
                          struct reason *reason)
{
    if (change->of_case != BRAID__CATALOG__CHANGE__OF_FOUND && !model->founded) {
        reason_set(reason, "the cluster is not founded yet");
        return ERR_CLOSED;
    }
    if (!version_holds(model, change, reason))
        return ERR_VERSION;

    switch (change->of_case) {
    case BRAID__CATALOG__CHANGE__OF_FOUND:
        return apply_found(model, change->found, reason);
    case BRAID__CATALOG__CHANGE__OF_SET_NODE:
        return apply_set_node(model, change->set_node, reason);
    case BRAID__CATALOG__CHANGE__OF_CREATE_STREAM:
        return apply_create(model, change, reason);
    case BRAID__CATALOG__CHANGE__OF_ACTIVATE_STREAM:
        return apply_activate(model, change->activate_stream->id, reason);
    case BRAID__CATALOG__CHANGE__OF_DELETE_STREAM:
        return apply_delete(model, change->delete_stream, reason);
    case BRAID__CATALOG__CHANGE__OF_FORGET_STREAM:
        return apply_forget(model, change->forget_stream->id, reason);
    case BRAID__CATALOG__CHANGE__OF_SET_MEMBERS:
        return apply_members(model, change->set_members, reason);
    case BRAID__CATALOG__CHANGE__OF_FORGET_NODE:
        return apply_forget_node(model, change->forget_node->id, reason);
    case BRAID__CATALOG__CHANGE__OF_DRAIN_NODE:
        return apply_drain_node(model, change->drain_node, reason);
    case BRAID__CATALOG__CHANGE__OF_RESCUE_SHARD:
        return apply_rescue(model, change->rescue_shard, reason);
    case BRAID__CATALOG__CHANGE__OF_RAISE_VERSION:
        return apply_raise(model, change->raise_version, reason);
    case BRAID__CATALOG__CHANGE__OF_SET_STREAM:
        return apply_set_stream(model, change->set_stream, reason);
    case BRAID__CATALOG__CHANGE__OF_REGISTER_CONSUMER:
        return apply_register_consumer(model, change, reason);
    case BRAID__CATALOG__CHANGE__OF_DEREGISTER_CONSUMER:
        return apply_deregister_consumer(model, change->deregister_consumer, reason);
    case BRAID__CATALOG__CHANGE__OF_SET_CONSUMER:
        return apply_set_consumer(model, change->set_consumer, reason);
    case BRAID__CATALOG__CHANGE__OF_SET_ACCOUNT:
        return apply_set_account(model, change->set_account, reason);
    case BRAID__CATALOG__CHANGE__OF_SET_BALANCING:
        apply_set_balancing(model, change);
        return ERR_OK;
    case BRAID__CATALOG__CHANGE__OF_WHOLE_SHARDS:
        return apply_whole(model, change->whole_shards, reason);
    case BRAID__CATALOG__CHANGE__OF_BEGIN_RESHARD:
    case BRAID__CATALOG__CHANGE__OF_COMMIT_RESHARD:
    case BRAID__CATALOG__CHANGE__OF_FORGET_SHARDS:
        return apply_reshard(model, change, reason);
    case BRAID__CATALOG__CHANGE__OF__NOT_SET:
    default:
        reason_set(reason, "not a change");
        return ERR_INVALID;
    }
}

static enum err apply_found(struct model *model, const Braid__Catalog__Found *found,
                            struct reason *reason)
{
    if (model->founded) {
        reason_set(reason, "the cluster is founded already");
        return ERR_EXISTS;
    }
    if (found->cluster == 0 || found->secret.len != MODEL_SECRET_BYTES || found->replication < 1 ||
        found->replication > GROUP_MEMBERS_MAX || found->cluster_version < VERSION_FIRST ||
        strlen(found->region) > MODEL_NAME_MAX || strlen(found->account) > MODEL_NAME_MAX) {
        reason_set(reason, "founding: a field is out of range");
        return ERR_INVALID;
    }

    model->founded = true;
    model->cluster = found->cluster;
    model->replication = found->replication;
    model->cluster_version = found->cluster_version;
    memcpy(model->secret, found->secret.data, MODEL_SECRET_BYTES);
    strcpy(model->region, found->region);
    strcpy(model->account, found->account);
    return ERR_OK;
}

static enum err apply_set_node(struct model *model, const Braid__Catalog__SetNode *set,
                               struct reason *reason)
{
    struct model_node node;

    if (set->node == NULL) {
        reason_set(reason, "no node in it");
        return ERR_INVALID;
    }

    enum err err = row_node_read(set->node, &node, reason);
    if (err != ERR_OK)
        return err;

    const struct model_node *known = model_node_by_id(model, node.id);
    node.replaced = known != NULL && known->replaced;
    node.draining = known != NULL && known->draining;
    err = version_node(model, &node, reason);
    if (err != ERR_OK)
        return err;
    if (known == NULL) {
        if (set->exact)
            err = place_check(model, &node, set->replaces, reason);
        if (err == ERR_OK)
            err = node_room_check(model, &node, reason);
        if (err != ERR_OK)
            return err;
        for (uint32_t i = 0; i < model->node_count; i++) {
            if (!takes_place(&node, model->nodes[i]))
                continue;
            /* What was wanted of the one that it takes the place of is wanted of it. */
            node.draining |= model->nodes[i]->draining && !model->nodes[i]->replaced;
            model->nodes[i]->replaced = true;
        }
    }
    model_node_set(model, &node);
    return ERR_OK;
}

/* An empty name is nobody's. */
static bool takes_place(const struct model_node *node, const struct model_node *known)
{
    return node->name[0] != 0 && strcmp(node->name, known->name) == 0;
}

/* Who asked knew the name to be that node's.  The answer may have changed on the way. */
static enum err place_check(const struct model *model, const struct model_node *node,
                            uint64_t replaces, struct reason *reason)
{
    const struct model_node *other = NULL;

    for (uint32_t i = 0; i < model->node_count; i++) {
        const struct model_node *known = model->nodes[i];
        if (known->replaced || !takes_place(node, known))
            continue;
        if (known->id == replaces)
            return ERR_OK;
        other = known;
    }
    if (replaces == 0 && other == NULL)
        return ERR_OK;
    if (other != NULL)
        reason_set(reason, "the name %s has gone to node %016llx meanwhile", node->name,
                   (unsigned long long)other->id);
    else
        reason_set(reason, "node %016llx, called %s, was removed meanwhile",
                   (unsigned long long)replaces, node->name);
    return ERR_BUSY;
}

/* One that takes another's place makes no node more: a full cluster may lose a disk. */
static enum err node_room_check(const struct model *model, const struct model_node *node,
                                struct reason *reason)
{
    uint32_t others = 0;

    for (uint32_t i = 0; i < model->node_count; i++)
        others += !model->nodes[i]->replaced && !takes_place(node, model->nodes[i]);
    if (others >= NODES_MAX) {
        reason_set(reason, "a cluster has at most %u nodes", NODES_MAX);
        return ERR_BUSY;
    }
    if (model->node_count == NODE_ROWS_MAX) {
        reason_set(reason, "%u nodes, replaced ones included, and no shard has let go of one yet",
                   NODE_ROWS_MAX);
        return ERR_BUSY;
    }
    return ERR_OK;
}

static enum err apply_forget_node(struct model *model, uint64_t id, struct reason *reason)
{
    const struct model_node *node = model_node_by_id(model, id);

    if (node == NULL) {
        reason_set(reason, "no such node");
        return ERR_NOT_FOUND;
    }
    if (!node->replaced && !node->draining) {
        reason_set(reason, "node %s is neither replaced nor draining", node->name);
        return ERR_CLOSED;
    }
    if (model_catalog_has(model, id)) {
        reason_set(reason, "node %s is a member of the catalogue", node->name);
        return ERR_CLOSED;
    }
    if (is_named(model, node, reason))
        return ERR_CLOSED;
    model_node_remove(model, id);
    return ERR_OK;
}

static bool is_named(const struct model *model, const struct model_node *node,
                     struct reason *reason)
{
    for (uint32_t i = 0; i < model->stream_count; i++) {
        const struct model_stream *stream = model->by_id[i];
        for (uint32_t k = 0; k < stream->shard_count; k++) {
            if (!model_shard_has(&stream->shards[k], node->id))
                continue;
            reason_set(reason, "node %s has a replica of shard %u of stream %s still", node->name,
                       stream->shards[k].number, stream->name);
            return true;
        }
    }
    return false;
}

static enum err apply_drain_node(struct model *model, const Braid__Catalog__DrainNode *drain,
                                 struct reason *reason)
{
    const struct model_node *known = model_node_by_id(model, drain->id);

    if (known == NULL) {
        reason_set(reason, "no such node");
        return ERR_NOT_FOUND;
    }
    if (known->replaced) {
        reason_set(reason, "node %s is replaced: it goes by itself", known->name);
        return ERR_CLOSED;
    }
    struct model_node node = *known;
    node.draining = drain->draining;
    model_node_set(model, &node);
    return ERR_OK;
}

static enum err apply_create(struct model *model, const Braid__Catalog__Change *change,
                             struct reason *reason)
{
    enum err err = create_allowed(model, change, reason);
    if (err != ERR_OK)
        return err;

    const Braid__Catalog__Stream *row = change->create_stream->stream;
    if (model_stream_by_name(model, slice_text(row->name)) != NULL)
        return ERR_OK; /* create_allowed(): the same request, once more */

    struct model_stream *stream = NULL;
    err = row_stream_read(row, &stream, reason);
    if (err != ERR_OK)
        return err;
    err = members_check(model, stream, reason);
    if (err == ERR_OK)
        err = room_check(model, stream, reason);
    if (err != ERR_OK) {
        reason_wrap(reason, "stream %s", stream->name);
        model_stream_free(stream);
        return err;
    }

    if (!version_allows(model, VERSION_SETTINGS)) {
        model_settings_free(stream->settings); /* an older build does not see them */
        stream->settings = NULL;
    }
    stream->token = change->token;
    stream_begin(model, stream, change->proposed_ms);
    model_stream_add(model, stream);
    return ERR_OK;
}

static enum err create_allowed(const struct model *model, const Braid__Catalog__Change *change,
                               struct reason *reason)
{
    const Braid__Catalog__Stream *row = change->create_stream->stream;

    if (row == NULL) {
        reason_set(reason, "no stream in it");
        return ERR_INVALID;
    }

    for (size_t i = 0; i < row->n_shards; i++) {
        if (row->shards[i]->state == BRAID__CATALOG__SHARD_STATE__SHARD_OPEN)
            continue;
        reason_set(reason, "stream %s: a new stream's shards are open", row->name);
        return ERR_INVALID;
    }

    const struct model_stream *same = model_stream_by_name(model, slice_text(row->name));
    if (same != NULL && change->token != 0 && same->token == change->token)
        return ERR_OK;
    if (same != NULL) {
        reason_set(reason, "stream %s exists", row->name);
        return ERR_EXISTS;
    }
    if (model->stream_count >= CATALOG_STREAMS_MAX) {
        reason_set(reason, "a cluster has at most %u streams", CATALOG_STREAMS_MAX);
        return ERR_BUSY;
    }
    if (row->n_shards > CATALOG_SHARDS_MAX - model->group_count) {
        reason_set(reason, "a cluster has at most %u shards, %u are in use", CATALOG_SHARDS_MAX,
                   model->group_count);
        return ERR_BUSY;
    }
    return ERR_OK;
}

static enum err members_check(const struct model *model, const struct model_stream *stream,
                              struct reason *reason)
{
    for (uint32_t i = 0; i < stream->shard_count; i++) {
        const struct model_shard *shard = &stream->shards[i];
        for (uint32_t k = 0; k < shard->member_count; k++) {
            if (model_node_by_id(model, shard->members[k]) == NULL) {
                reason_set(reason, "shard %u: a member is no node of this cluster", shard->number);
                return ERR_INVALID;
            }
        }
        if (shard->member_count == 0) {
            reason_set(reason, "shard %u: no members", shard->number);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

/* The image of all streams must fit one frame to a peer. */
static enum err room_check(const struct model *model, const struct model_stream *stream,
                           struct reason *reason)
{
    uint32_t bytes = model_stream_bytes(stream);

    if (bytes <= CATALOG_BYTES_MAX && model->stream_bytes <= CATALOG_BYTES_MAX - bytes)
        return ERR_OK;
    reason_set(reason, "the catalogue holds %u bytes of streams and %u are in use: delete streams, "
               "or give this one fewer or shorter tags", CATALOG_BYTES_MAX, model->stream_bytes);
    return ERR_BUSY;
}

static void stream_begin(struct model *model, struct model_stream *stream, uint64_t proposed_ms)
{
    uint64_t created_ms = proposed_ms > CREATED_BEFORE_MS ? proposed_ms - CREATED_BEFORE_MS : 0;

    if (created_ms / 1000 >= ROW_CREATED_S_END)
        created_ms = (ROW_CREATED_S_END - 1) * 1000;
    stream->id = model->next_stream++;
    stream->status = STREAM_CREATING;
    stream->target = 0;
    stream->created_ms = created_ms;
    for (uint32_t i = 0; i < stream->shard_count; i++) {
        stream->shards[i].number = i;
        stream->shards[i].group = model->next_group++;
        stream->shards[i].epoch = 1;
        free(stream->shards[i].rescued); /* no proposer says such a thing */
        stream->shards[i].rescued = NULL;
        stream->shards[i].parent_count = 0;
        stream->shards[i].opened_ms = 0;
        stream->shards[i].created_s = created_ms / 1000;
    }
    stream->next_number = stream->shard_count;
    model_consumers_free(stream); /* likewise */
    stream->consumer_floor_s = 0;
}

static enum err apply_activate(struct model *model, uint64_t id, struct reason *reason)
{
    struct model_stream *stream = model_stream_change(model, id);

    if (stream == NULL) {
        reason_set(reason, "no such stream");
        return ERR_NOT_FOUND;
    }
    if (stream->status == STREAM_DELETING) {
        reason_set(reason, "stream %s is being deleted", stream->name);
        return ERR_CLOSED;
    }
    if (stream->status == STREAM_CREATING)
        stream->status = STREAM_ACTIVE; /* a late one finds it so, or UPDATING already */
    return ERR_OK;
}

static enum err apply_delete(struct model *model, const Braid__Catalog__DeleteStream *row,
                             struct reason *reason)
{
    struct model_stream *stream = model_stream_change(model, row->id);
    bool spares = row->unless_consumed && version_allows(model, VERSION_CONSUMERS);

    if (stream == NULL) {
        reason_set(reason, "no such stream");
        return ERR_NOT_FOUND;
    }
    if (stream->status == STREAM_DELETING) {
        reason_set(reason, "stream %s is being deleted already", stream->name);
        return ERR_CLOSED;
    }
    if (spares && stream->consumer_count > 0) {
        reason_set(reason, "stream %s has consumers", stream->name);
        return ERR_BUSY;
    }
    stream->status = STREAM_DELETING;
    return ERR_OK;
}

static enum err apply_forget(struct model *model, uint64_t id, struct reason *reason)
{
    const struct model_stream *stream = model_stream_by_id(model, id);

    if (stream == NULL) {
        reason_set(reason, "no such stream");
        return ERR_NOT_FOUND;
    }
    if (stream->status != STREAM_DELETING) {
        reason_set(reason, "stream %s is not being deleted", stream->name);
        return ERR_INVALID;
    }
    model_stream_remove(model, id);
    return ERR_OK;
}

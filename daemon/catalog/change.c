#include "catalog/change.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "catalog/apply_version.h"
#include "catalog/change_private.h"
#include "catalog/placement.h"
#include "catalog/row_settings.h"

#define CHANGE_ARENA_BYTES_MAX (16u * 1024u * 1024u) /* STREAM_SHARDS_MAX rows in C structs */

static struct model_stream *stream_wanted(const struct change_stream *wanted);
static enum err place(const Braid__Catalog__Change *change, const struct model *model,
                      change_up_fn up, void *ctx, struct reason *reason);
static enum err place_rows(Braid__Catalog__Shard *rows[], size_t count, const struct model *model,
                           change_up_fn up, void *ctx, struct reason *reason);
static uint32_t nodes_gather(const struct model *model, change_up_fn up, void *ctx,
                             struct placement_node nodes[NODES_MAX]);
static struct placement_node *node_find(struct placement_node nodes[], uint32_t count, uint64_t id);
static void members_set(Braid__Catalog__Shard *rows[], size_t count,
                        uint64_t (*members)[GROUP_MEMBERS_MAX], uint32_t replication);

/* ---- making ---- */

struct buf *change_found(struct change_stamp stamp, const struct change_found *found)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_FOUND);
    Braid__Catalog__Found row;
    unsigned char secret[MODEL_SECRET_BYTES];

    braid__catalog__found__init(&row);
    memcpy(secret, found->secret, sizeof(secret));
    row.cluster = found->cluster;
    row.secret = (ProtobufCBinaryData){ .data = secret, .len = sizeof(secret) };
    row.replication = found->replication;
    row.region = row_text(found->region);
    row.account = row_text(found->account);
    row.cluster_version = found->version;
    change.found = &row;
    return row_pack(&change.base);
}

static struct buf *set_node(struct change_stamp stamp, const struct model_node *node, bool exact,
                            uint64_t replaces)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_SET_NODE);
    Braid__Catalog__SetNode set;
    struct arena arena;
    struct buf *buf = NULL;

    braid__catalog__set_node__init(&set);
    arena_init(&arena, CHANGE_ARENA_BYTES_MAX);
    set.node = row_node_write(&arena, node);
    set.exact = exact;
    set.replaces = replaces;
    change.set_node = &set;
    if (set.node != NULL)
        buf = row_pack(&change.base);
    arena_fini(&arena);
    return buf;
}

struct buf *change_set_node(struct change_stamp stamp, const struct model_node *node)
{
    return set_node(stamp, node, false, 0);
}

struct buf *change_replace_node(struct change_stamp stamp, const struct model_node *node,
                                uint64_t replaces)
{
    return set_node(stamp, node, true, replaces);
}

struct buf *change_create_stream(struct change_stamp stamp, const struct change_stream *wanted)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_CREATE_STREAM);
    Braid__Catalog__CreateStream create;
    struct model_stream *stream = stream_wanted(wanted);
    struct arena arena;
    struct buf *buf = NULL;

    braid__catalog__create_stream__init(&create);
    stream->created_ms = stamp.proposed_ms;
    stream->token = stamp.token;
    arena_init(&arena, CHANGE_ARENA_BYTES_MAX);
    create.stream = row_stream_write(&arena, stream);
    change.create_stream = &create;
    if (create.stream != NULL)
        buf = row_pack(&change.base);
    arena_fini(&arena);
    model_stream_free(stream);
    return buf;
}

struct buf *change_activate_stream(struct change_stamp stamp, uint64_t id)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_ACTIVATE_STREAM);
    Braid__Catalog__ActivateStream row;

    braid__catalog__activate_stream__init(&row);
    row.id = id;
    change.activate_stream = &row;
    return row_pack(&change.base);
}

struct buf *change_delete_stream(struct change_stamp stamp, uint64_t id)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_DELETE_STREAM);
    Braid__Catalog__DeleteStream row;

    braid__catalog__delete_stream__init(&row);
    row.id = id;
    change.delete_stream = &row;
    return row_pack(&change.base);
}

struct buf *change_forget_stream(struct change_stamp stamp, uint64_t id)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_FORGET_STREAM);
    Braid__Catalog__ForgetStream row;

    braid__catalog__forget_stream__init(&row);
    row.id = id;
    change.forget_stream = &row;
    return row_pack(&change.base);
}

struct buf *change_rescue_shard(struct change_stamp stamp, const struct change_rescue *rescue)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_RESCUE_SHARD);
    Braid__Catalog__RescueShard row;
    uint64_t aside[NODE_ROWS_MAX];

    ensure(rescue->aside_count <= NODE_ROWS_MAX);
    braid__catalog__rescue_shard__init(&row);
    row.group = rescue->group;
    row.epoch = rescue->epoch;
    row.held = rescue->held;
    row.survivor = rescue->survivor;
    row.index = rescue->index;
    row.term = rescue->term;
    memcpy(aside, rescue->aside, rescue->aside_count * sizeof(aside[0]));
    row.aside = aside;
    row.n_aside = rescue->aside_count;
    change.rescue_shard = &row;
    return row_pack(&change.base);
}

struct buf *change_set_members(struct change_stamp stamp, const struct change_members rows[],
                               uint32_t count)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_SET_MEMBERS);
    Braid__Catalog__SetMembers set;
    Braid__Catalog__Members all[CATALOG_MEMBERS_ROWS_MAX];
    Braid__Catalog__Members *places[CATALOG_MEMBERS_ROWS_MAX];
    uint64_t members[CATALOG_MEMBERS_ROWS_MAX][GROUP_MEMBERS_MAX];

    ensure(count <= CATALOG_MEMBERS_ROWS_MAX);
    braid__catalog__set_members__init(&set);
    for (uint32_t i = 0; i < count; i++) {
        ensure(rows[i].member_count <= GROUP_MEMBERS_MAX);
        memcpy(members[i], rows[i].members, sizeof(members[i]));
        braid__catalog__members__init(&all[i]);
        all[i].group = rows[i].group;
        all[i].epoch = rows[i].epoch;
        all[i].members = members[i];
        all[i].n_members = rows[i].member_count;
        places[i] = &all[i];
    }
    set.rows = places;
    set.n_rows = count;
    change.set_members = &set;
    return row_pack(&change.base);
}

struct buf *change_forget_node(struct change_stamp stamp, uint64_t id)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_FORGET_NODE);
    Braid__Catalog__ForgetNode row;

    braid__catalog__forget_node__init(&row);
    row.id = id;
    change.forget_node = &row;
    return row_pack(&change.base);
}

struct buf *change_drain_node(struct change_stamp stamp, uint64_t id, bool draining)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_DRAIN_NODE);
    Braid__Catalog__DrainNode row;

    braid__catalog__drain_node__init(&row);
    row.id = id;
    row.draining = draining;
    change.drain_node = &row;
    return row_pack(&change.base);
}

struct buf *change_set_balancing(struct change_stamp stamp, bool paused)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_SET_BALANCING);
    Braid__Catalog__SetBalancing row;

    braid__catalog__set_balancing__init(&row);
    row.paused = paused;
    change.set_balancing = &row;
    return row_pack(&change.base);
}

struct buf *change_raise_version(struct change_stamp stamp, const struct change_raise *raise)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_RAISE_VERSION);
    Braid__Catalog__RaiseVersion row;
    uint64_t nodes[NODE_ROWS_MAX];
    uint32_t knows[NODE_ROWS_MAX];

    ensure(raise->node_count <= NODE_ROWS_MAX);
    memcpy(nodes, raise->nodes, raise->node_count * sizeof(nodes[0]));
    memcpy(knows, raise->knows, raise->node_count * sizeof(knows[0]));
    braid__catalog__raise_version__init(&row);
    row.version = raise->version;
    row.n_nodes = row.n_knows = raise->node_count;
    row.nodes = nodes;
    row.knows = knows;
    change.raise_version = &row;
    return row_pack(&change.base);
}

Braid__Catalog__Change stamped(struct change_stamp stamp,
                               Braid__Catalog__Change__OfCase of_case)
{
    Braid__Catalog__Change change;

    braid__catalog__change__init(&change);
    change.proposed_ms = stamp.proposed_ms;
    change.proposer = stamp.proposer;
    change.token = stamp.token;
    change.of_case = of_case;
    return change;
}

/* The rows as the change carries them: no ids, no groups, no members yet.  What is out of range
 * goes along as it is, cut to fit: the reader refuses it. */
static struct model_stream *stream_wanted(const struct change_stream *wanted)
{
    uint32_t shards = wanted->shard_count > STREAM_SHARDS_MAX ? 0 : wanted->shard_count;
    struct model_stream *stream = model_stream_new(shards, wanted->tag_count);

    if (wanted->name.len <= MODEL_NAME_MAX && wanted->name.len > 0)
        memcpy(stream->name, wanted->name.data, wanted->name.len);
    stream->status = STREAM_CREATING;
    stream->mode = wanted->mode;
    stream->retention_hours = wanted->retention_hours;
    stream->record_kib_max = wanted->record_kib_max;
    stream->next_number = shards;
    if (wanted->warm_mibps != 0 || wanted->spreads) {
        stream->settings = model_memory(1, sizeof(*stream->settings));
        stream->settings->warm_mibps = wanted->warm_mibps;
        stream->settings->spreads = wanted->spreads;
    }
    for (uint32_t i = 0; i < shards; i++) {
        stream->shards[i].number = i;
        u128_range(i, shards, &stream->shards[i].hash_first, &stream->shards[i].hash_last);
    }
    for (uint32_t i = 0; i < wanted->tag_count; i++) {
        size_t key = strlen(wanted->tags[i].key) + 1, value = strlen(wanted->tags[i].value) + 1;
        stream->tags[i].key = memcpy(model_memory(1, key), wanted->tags[i].key, key);
        stream->tags[i].value = memcpy(model_memory(1, value), wanted->tags[i].value, value);
    }
    return stream;
}

/* ---- placing ---- */

enum err change_place(struct slice bytes, const struct model *model, change_up_fn up, void *ctx,
                      struct buf **ret, struct reason *reason)
{
    Braid__Catalog__Change *change =
        braid__catalog__change__unpack(row_allocator, bytes.len, bytes.data);
    enum err err = ERR_OK;

    if (change != NULL)
        err = version_check(model, change, reason);
    if (change == NULL ||
        (err == ERR_OK && change->of_case == BRAID__CATALOG__CHANGE__OF__NOT_SET)) {
        reason_set(reason, "not a change");
        err = ERR_INVALID;
    }
    if (err == ERR_OK)
        err = place(change, model, up, ctx, reason);

    if (err == ERR_OK) {
        struct buf *buf = row_pack(&change->base);
        if (buf == NULL)
            err = ERR_NO_MEMORY;
        else
            *ret = buf;
    }
    if (change != NULL)
        braid__catalog__change__free_unpacked(change, row_allocator);
    return err;
}

/* Rows without members, of which the change is the owner; NULL: none. */
static Braid__Catalog__Shard **rows_of(const Braid__Catalog__Change *change, size_t *count)
{
    Braid__Catalog__Shard **rows = NULL;

    *count = 0;
    if (change->of_case == BRAID__CATALOG__CHANGE__OF_CREATE_STREAM &&
        change->create_stream->stream != NULL) {
        const Braid__Catalog__Stream *stream = change->create_stream->stream;
        rows = model_memory(stream->n_shards, sizeof(*rows));
        for (; *count < stream->n_shards; (*count)++)
            rows[*count] = stream->shards[*count];
    } else if (change->of_case == BRAID__CATALOG__CHANGE__OF_BEGIN_RESHARD) {
        const Braid__Catalog__BeginReshard *begin = change->begin_reshard;
        for (size_t i = 0; i < begin->n_steps; i++)
            *count += begin->steps[i]->n_children;
        rows = model_memory(*count, sizeof(*rows));
        *count = 0;
        for (size_t i = 0; i < begin->n_steps; i++)
            for (size_t k = 0; k < begin->steps[i]->n_children; k++)
                rows[(*count)++] = begin->steps[i]->children[k];
    }
    return rows;
}

/* Those that somebody has placed are left to be judged by apply.c. */
static enum err place(const Braid__Catalog__Change *change, const struct model *model,
                      change_up_fn up, void *ctx, struct reason *reason)
{
    size_t count = 0;
    Braid__Catalog__Shard **rows = rows_of(change, &count);
    bool placed = false;
    enum err err = ERR_OK;

    for (size_t i = 0; i < count; i++)
        placed |= rows[i]->n_members > 0;
    if (count > 0 && !placed)
        err = place_rows(rows, count, model, up, ctx, reason);
    free(rows);
    return err;
}

static enum err place_rows(Braid__Catalog__Shard *rows[], size_t count, const struct model *model,
                           change_up_fn up, void *ctx, struct reason *reason)
{
    struct placement_node nodes[NODES_MAX];
    uint32_t replication = model_replication(model);

    if (!model_founded(model)) {
        reason_set(reason, "the cluster is not founded yet");
        return ERR_UNAVAILABLE;
    }
    if (count > STREAM_SHARDS_MAX) {
        reason_set(reason, "%zu shards; a stream has at most %u", count, STREAM_SHARDS_MAX);
        return ERR_INVALID;
    }

    uint32_t node_count = nodes_gather(model, up, ctx, nodes);
    uint64_t(*members)[GROUP_MEMBERS_MAX] = model_memory(count, sizeof(members[0]));
    enum err err = placement_shards(nodes, node_count, replication, (uint32_t)count, members,
                                    reason);
    if (err == ERR_OK)
        members_set(rows, count, members, replication);
    free(members);
    return err;
}

static uint32_t nodes_gather(const struct model *model, change_up_fn up, void *ctx,
                             struct placement_node nodes[NODES_MAX])
{
    const struct model_shard *shard = NULL;
    uint32_t count = 0;

    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (node->replaced)
            continue; /* it does not come back */
        nodes[count++] = (struct placement_node){ .id = node->id,
                                                  .az = node->az,
                                                  .up = !node->draining &&
                                                        (up == NULL || up(ctx, node->id)) };
    }
    for (uint64_t after = 0; (shard = model_shard_next(model, after, NULL)) != NULL;) {
        after = shard->group;
        for (uint32_t i = 0; i < shard->member_count; i++) {
            struct placement_node *node = node_find(nodes, count, shard->members[i]);
            if (node == NULL)
                continue;
            node->replicas++;
            node->preferred += i == 0 && shard->state != SHARD_CLOSED; /* that has no leader */
        }
    }
    return count;
}

static struct placement_node *node_find(struct placement_node nodes[], uint32_t count, uint64_t id)
{
    for (uint32_t i = 0; i < count; i++)
        if (nodes[i].id == id)
            return &nodes[i];
    return NULL;
}

static void members_set(Braid__Catalog__Shard *rows[], size_t count,
                        uint64_t (*members)[GROUP_MEMBERS_MAX], uint32_t replication)
{
    for (size_t i = 0; i < count; i++) {
        Braid__Catalog__Shard *shard = rows[i];
        ensure(shard->n_members == 0);
        shard->members = model_memory(replication, sizeof(shard->members[0]));
        shard->n_members = replication;
        memcpy(shard->members, members[i], replication * sizeof(shard->members[0]));
    }
}

#include "catalog/row_settings.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/keymap.h"
#include "catalog/row_consumers.h"

#define HASH_BYTES 16u

static void *row_alloc(void *ctx, size_t size);
static void row_free(void *ctx, void *memory);
static enum err text_read(char *ret, size_t room, const char *text, const char *what,
                          struct reason *reason);
static enum err name_check(const char *name, struct reason *reason);
static enum err shard_read(const Braid__Catalog__Shard *row, struct model_shard *ret,
                           struct reason *reason);
static enum err rescued_read(const Braid__Catalog__Shard *row, struct model_shard *ret,
                             struct reason *reason);
static enum err shards_read(const Braid__Catalog__Stream *row, struct model_stream *stream,
                            struct reason *reason);
static enum err lineage_read(const Braid__Catalog__Shard *row, struct model_shard *ret,
                             struct reason *reason);
static enum err hashes_check(struct model_stream *stream, struct reason *reason);
static enum err set_read(const Braid__Catalog__Stream *row, struct model_stream *stream,
                         struct reason *reason);
static Braid__Catalog__Shard *shard_write(struct arena *arena, const struct model_shard *shard);
static bool rescued_write(struct arena *arena, const struct model_rescued *rescued,
                          Braid__Catalog__Shard *row);

static ProtobufCAllocator allocator = { .alloc = row_alloc, .free = row_free };
ProtobufCAllocator *const row_allocator = &allocator;

static void *row_alloc(void *ctx, size_t size)
{
    return model_memory(1, size);
}

static void row_free(void *ctx, void *memory)
{
    free(memory);
}

struct buf *row_pack(const ProtobufCMessage *message)
{
    struct buf *buf = buf_new(protobuf_c_message_get_packed_size(message));

    if (buf != NULL)
        protobuf_c_message_pack(message, buf->data);
    return buf;
}

/* ---- reading ---- */

enum err row_node_read(const Braid__Catalog__Node *row, struct model_node *ret,
                       struct reason *reason)
{
    struct model_node node = { .id = row->id,
                               .replaced = row->replaced,
                               .draining = row->draining,
                               .knows = row->knows };
    enum err err = ERR_OK;

    if (row->id == 0) {
        reason_set(reason, "node: id 0");
        return ERR_INVALID;
    }
    if (err == ERR_OK)
        err = text_read(node.name, sizeof(node.name), row->name, "node name", reason);
    if (err == ERR_OK)
        err = text_read(node.az, sizeof(node.az), row->az, "node AZ", reason);
    if (err == ERR_OK)
        err = text_read(node.client_address, sizeof(node.client_address), row->client_address,
                        "client address", reason);
    if (err == ERR_OK)
        err = text_read(node.peer_address, sizeof(node.peer_address), row->peer_address,
                        "peer address", reason);
    if (err == ERR_OK)
        err = text_read(node.operations_address, sizeof(node.operations_address),
                        row->operations_address, "operations address", reason);
    if (err == ERR_OK)
        *ret = node;
    return err;
}

enum err row_stream_read(const Braid__Catalog__Stream *row, struct model_stream **ret,
                         struct reason *reason)
{
    enum err err = name_check(row->name, reason);

    if (err != ERR_OK)
        return err;
    if (row->n_shards < 1 || row->n_shards > STREAM_SHARDS_MAX) {
        reason_set(reason, "stream %s: %zu shards; 1 to %u are possible", row->name, row->n_shards,
                   STREAM_SHARDS_MAX);
        return ERR_INVALID;
    }
    if (row->n_tags > STREAM_TAGS_MAX || (int)row->status < STREAM_CREATING ||
        (int)row->status > STREAM_DELETING || (int)row->mode < STREAM_PROVISIONED ||
        (int)row->mode > STREAM_ON_DEMAND) {
        reason_set(reason, "stream %s: status, mode or number of tags out of range", row->name);
        return ERR_INVALID;
    }

    /* Other parts of every node that has the row count on these. */
    if (row->retention_hours < 1 || row->retention_hours > RETENTION_HOURS_MAX ||
        row->record_kib_max < 1 || row->record_kib_max > RECORD_KIB_MAX) {
        reason_set(reason, "stream %s: retention of %u hours or records of %u KiB; 1 to %u and "
                   "1 to %u are possible", row->name, row->retention_hours, row->record_kib_max,
                   RETENTION_HOURS_MAX, RECORD_KIB_MAX);
        return ERR_INVALID;
    }

    struct model_stream *stream = model_stream_new((uint32_t)row->n_shards, 0);
    stream->id = row->id;
    strcpy(stream->name, row->name);
    stream->status = (enum stream_status)row->status;
    stream->mode = (enum stream_mode)row->mode;
    stream->created_ms = row->created_ms;
    stream->retention_hours = row->retention_hours;
    stream->record_kib_max = row->record_kib_max;
    stream->next_number = row->next_number;
    stream->token = row->token;
    stream->target = row->target;
    err = shards_read(row, stream, reason);
    if (err == ERR_OK)
        err = hashes_check(stream, reason);
    if (err == ERR_OK)
        err = set_read(row, stream, reason);
    if (err == ERR_OK)
        err = row_consumers_read(row, stream, reason);
    if (err == ERR_OK) {
        *ret = stream;
        return ERR_OK;
    }
    reason_wrap(reason, "stream %s", stream->name);
    model_stream_free(stream);
    return err;
}

static enum err text_read(char *ret, size_t room, const char *text, const char *what,
                          struct reason *reason)
{
    size_t len = strlen(text);

    if (len >= room) {
        reason_set(reason, "%s: longer than %zu characters", what, room - 1);
        return ERR_INVALID;
    }
    memcpy(ret, text, len + 1);
    return ERR_OK;
}

bool row_name_legal(const char *name)
{
    size_t len = strlen(name);
    size_t legal = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    return len >= 1 && len <= MODEL_NAME_MAX && legal == len;
}

static enum err name_check(const char *name, struct reason *reason)
{
    if (row_name_legal(name))
        return ERR_OK;
    reason_set(reason, "stream name: 1 to %u letters, digits, '_', '.' or '-'", MODEL_NAME_MAX);
    return ERR_INVALID;
}

static enum err shards_read(const Braid__Catalog__Stream *row, struct model_stream *stream,
                            struct reason *reason)
{
    enum err err = ERR_OK;

    for (size_t i = 0; i < row->n_shards && err == ERR_OK; i++) {
        err = shard_read(row->shards[i], &stream->shards[i], reason);
        if (err == ERR_OK && i > 0 && stream->shards[i].number <= stream->shards[i - 1].number) {
            reason_set(reason, "shard numbers do not ascend");
            err = ERR_INVALID;
        }
    }
    return err;
}

static enum err shard_read(const Braid__Catalog__Shard *row, struct model_shard *ret,
                           struct reason *reason)
{
    if (row->hash_first.len != HASH_BYTES || row->hash_last.len != HASH_BYTES) {
        reason_set(reason, "shard %u: a hash key has %u bytes", row->number, HASH_BYTES);
        return ERR_INVALID;
    }
    if (row->n_members > GROUP_MEMBERS_MAX || row->number > INT32_MAX ||
        row->created_s >= ROW_CREATED_S_END) {
        reason_set(reason, "shard %u: number, count of members or creation out of range",
                   row->number);
        return ERR_INVALID;
    }

    *ret = (struct model_shard){ .group = row->group,
                                 .number = row->number,
                                 .epoch = row->epoch,
                                 .hash_first = u128_get(row->hash_first.data),
                                 .hash_last = u128_get(row->hash_last.data),
                                 .created_s = row->created_s,
                                 .member_count = (uint32_t)row->n_members };
    for (uint32_t i = 0; i < ret->member_count; i++) {
        bool twice = false;
        for (uint32_t k = 0; k < i; k++)
            twice |= row->members[k] == row->members[i];
        if (twice || row->members[i] == 0) {
            reason_set(reason, "shard %u: a member twice, or 0", row->number);
            return ERR_INVALID;
        }
        ret->members[i] = row->members[i];
    }
    enum err err = lineage_read(row, ret, reason);
    return err == ERR_OK ? rescued_read(row, ret, reason) : err;
}

static enum err lineage_read(const Braid__Catalog__Shard *row, struct model_shard *ret,
                             struct reason *reason)
{
    if (row->state < BRAID__CATALOG__SHARD_STATE__SHARD_OPEN ||
        row->state > BRAID__CATALOG__SHARD_STATE__SHARD_CLOSED ||
        row->n_parents > SHARD_PARENTS_MAX) {
        reason_set(reason, "shard %u: state or parents out of range", row->number);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < row->n_parents; i++) {
        if (row->parents[i] >= row->number) {
            reason_set(reason, "shard %u: a parent is not older", row->number);
            return ERR_INVALID;
        }
        ret->parents[i] = row->parents[i];
    }
    ret->parent_count = (uint32_t)row->n_parents;
    ret->state = (enum shard_state)row->state;
    ret->opened_ms = row->opened_ms;
    ret->closed_ms = row->closed_ms;
    ret->end = row->end;
    ret->whole_in = row->whole ? row->epoch : 0;
    ret->rests_in = row->rests ? row->epoch : 0;
    if (row->rests && ret->state != SHARD_CLOSED) {
        reason_set(reason, "shard %u: rests, and is not closed", row->number);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err rescued_read(const Braid__Catalog__Shard *row, struct model_shard *ret,
                             struct reason *reason)
{
    if (row->n_rescues == 0 && row->n_aside == 0 && row->replicas == 0)
        return ERR_OK;
    if (row->n_rescues < 1 || row->n_rescues > RESCUES_MAX || row->n_aside > NODE_ROWS_MAX ||
        row->replicas > GROUP_MEMBERS_MAX) {
        reason_set(reason, "shard %u: what its rescues left is out of range", row->number);
        return ERR_INVALID;
    }
    ret->rescued = model_memory(1, sizeof(*ret->rescued));
    ret->rescued->count = (uint32_t)row->n_rescues;
    for (uint32_t i = 0; i < ret->rescued->count; i++) {
        struct model_rescue *rescue = &ret->rescued->rescues[i];
        *rescue = (struct model_rescue){ .epoch = row->rescues[i]->epoch,
                                         .held = row->rescues[i]->held,
                                         .survivor = row->rescues[i]->survivor,
                                         .index = row->rescues[i]->index,
                                         .term = row->rescues[i]->term };
        uint32_t before = model_rescues_before(ret->rescued, i, rescue->held);
        if (rescue->survivor != 0 &&
            (before == 0 || rescue->index >= ret->rescued->rescues[before - 1].index))
            continue;
        reason_set(reason, "shard %u: its rescues do not ascend", row->number);
        return ERR_INVALID; /* the shard is freed with its stream */
    }
    ret->rescued->aside_count = (uint32_t)row->n_aside;
    for (size_t i = 0; i < row->n_aside; i++)
        ret->rescued->aside[i] = row->aside[i];
    ret->rescued->replicas = row->replicas;
    return ERR_OK;
}

/* The open ones leave no gap from 0 to the largest hash key: every key has a shard. */
static enum err hashes_check(struct model_stream *stream, struct reason *reason)
{
    for (uint32_t i = 0; i < stream->shard_count; i++) {
        const struct model_shard *shard = &stream->shards[i];
        if (u128_compare(shard->hash_last, shard->hash_first) >= 0)
            continue;
        reason_set(reason, "shard %u: its hash keys end before they begin", shard->number);
        return ERR_INVALID;
    }
    if (keymap_make(stream))
        return ERR_OK;
    reason_set(reason, "its open shards do not hold each hash key once");
    return ERR_INVALID;
}

/* What can be set. */
static enum err set_read(const Braid__Catalog__Stream *row, struct model_stream *stream,
                         struct reason *reason)
{
    struct model_tag *tags = NULL;
    enum err err = row_settings_read(row->settings, &stream->settings, reason);

    if (err == ERR_OK)
        err = row_tags_read(row->tags, row->n_tags, &tags, reason);
    if (err != ERR_OK)
        return err;
    free(stream->tags);
    stream->tags = tags;
    stream->tag_count = (uint32_t)row->n_tags;
    return ERR_OK;
}

/* ---- writing ---- */

/* protobuf-c has no const in its structs and never writes to what it packs. */
static char *borrowed(const char *text)
{
    union {
        const char *in;
        char *out;
    } same = { .in = text };

    return same.out;
}

Braid__Catalog__Node *row_node_write(struct arena *arena, const struct model_node *node)
{
    Braid__Catalog__Node *row = arena_take(arena, sizeof(*row));

    if (row == NULL)
        return NULL;
    braid__catalog__node__init(row);
    row->id = node->id;
    row->name = borrowed(node->name);
    row->az = borrowed(node->az);
    row->client_address = borrowed(node->client_address);
    row->peer_address = borrowed(node->peer_address);
    row->operations_address = borrowed(node->operations_address);
    row->replaced = node->replaced;
    row->draining = node->draining;
    row->knows = node->knows;
    return row;
}

Braid__Catalog__Stream *row_stream_write(struct arena *arena, const struct model_stream *stream)
{
    Braid__Catalog__Stream *row = arena_take(arena, sizeof(*row));

    if (row == NULL)
        return NULL;
    braid__catalog__stream__init(row);
    row->id = stream->id;
    row->name = borrowed(stream->name);
    row->status = (Braid__Catalog__StreamStatus)stream->status;
    row->mode = (Braid__Catalog__StreamMode)stream->mode;
    row->created_ms = stream->created_ms;
    row->retention_hours = stream->retention_hours;
    row->record_kib_max = stream->record_kib_max;
    row->next_number = stream->next_number;
    row->token = stream->token;
    row->target = stream->target;

    row->shards = arena_take(arena, (stream->shard_count + 1) * sizeof(row->shards[0]));
    row->tags = row_tags_write(arena, stream->tags, stream->tag_count);
    if (row->shards == NULL || row->tags == NULL ||
        !row_settings_write(arena, stream->settings, &row->settings) ||
        !row_consumers_write(arena, stream, row))
        return NULL;
    row->n_shards = stream->shard_count;
    row->n_tags = stream->tag_count;
    for (uint32_t i = 0; i < stream->shard_count; i++)
        if ((row->shards[i] = shard_write(arena, &stream->shards[i])) == NULL)
            return NULL;
    return row;
}

static Braid__Catalog__Shard *shard_write(struct arena *arena, const struct model_shard *shard)
{
    Braid__Catalog__Shard *row = arena_take(arena, sizeof(*row));
    unsigned char *hashes = arena_raw(arena, 2 * (size_t)HASH_BYTES);
    uint64_t *members = arena_take(arena, sizeof(shard->members));
    uint32_t *parents = arena_take(arena, sizeof(shard->parents));

    if (row == NULL || hashes == NULL || members == NULL || parents == NULL)
        return NULL;
    u128_put(hashes, shard->hash_first);
    u128_put(hashes + HASH_BYTES, shard->hash_last);
    memcpy(members, shard->members, sizeof(shard->members));
    memcpy(parents, shard->parents, sizeof(shard->parents));

    braid__catalog__shard__init(row);
    row->group = shard->group;
    row->number = shard->number;
    row->epoch = shard->epoch;
    row->hash_first = (ProtobufCBinaryData){ .data = hashes, .len = HASH_BYTES };
    row->hash_last = (ProtobufCBinaryData){ .data = hashes + HASH_BYTES, .len = HASH_BYTES };
    row->created_s = shard->created_s;
    row->members = members;
    row->n_members = shard->member_count;
    row->state = (Braid__Catalog__ShardState)shard->state;
    row->parents = parents;
    row->n_parents = shard->parent_count;
    row->opened_ms = shard->opened_ms;
    row->closed_ms = shard->closed_ms;
    row->end = shard->end;
    row->whole = model_shard_whole(shard);
    row->rests = model_shard_rests(shard);
    if (shard->rescued != NULL && !rescued_write(arena, shard->rescued, row))
        return NULL;
    return row;
}

static bool rescued_write(struct arena *arena, const struct model_rescued *rescued,
                          Braid__Catalog__Shard *row)
{
    row->rescues = arena_take(arena, rescued->count * sizeof(row->rescues[0]));
    row->aside = arena_take(arena, (rescued->aside_count + 1) * sizeof(row->aside[0]));
    if (row->rescues == NULL || row->aside == NULL)
        return false;
    for (uint32_t i = 0; i < rescued->count; i++) {
        Braid__Catalog__Rescue *rescue = arena_take(arena, sizeof(*rescue));
        if (rescue == NULL)
            return false;
        braid__catalog__rescue__init(rescue);
        rescue->epoch = rescued->rescues[i].epoch;
        rescue->held = rescued->rescues[i].held;
        rescue->survivor = rescued->rescues[i].survivor;
        rescue->index = rescued->rescues[i].index;
        rescue->term = rescued->rescues[i].term;
        row->rescues[i] = rescue;
    }
    row->n_rescues = rescued->count;
    memcpy(row->aside, rescued->aside, rescued->aside_count * sizeof(row->aside[0]));
    row->n_aside = rescued->aside_count;
    row->replicas = rescued->replicas;
    return true;
}

#include "catalog/model_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "catalog/keymap.h"
#include "catalog/version.h"

#define ROOM_FIRST 16u
#define HISTORIES_LOST 64u /* of a shard, that a rescue of the catalogue passes over */
_Static_assert(HISTORIES_LOST > RESCUES_MAX, "what was lost has used fewer");

/* Rows of proto/catalog.proto with the largest numbers, but for texts. */
#define STREAM_ROW_BYTES 80u

static uint32_t name_place(const struct model *model, struct slice name, bool behind_equal);
static uint32_t id_place(const struct model *model, uint64_t id);
static struct model_node *node_take_out(struct model *model, uint64_t id);
static int name_compare(const char *a, struct slice b);
static void groups_add(struct model *model, struct model_stream *stream);
static void groups_remove(struct model *model, const struct model_stream *stream);

/* ---- the whole ---- */

void *model_memory(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);

    ensure(memory != NULL);
    return memory;
}

struct model *model_new(void)
{
    struct model *model = model_memory(1, sizeof(*model));

    model->index = MODEL_START_INDEX;
    model->term = 1;
    model->next_stream = 1;
    model->next_group = CATALOG_GROUP + 1;
    model->knows = VERSION_KNOWN;
    return model;
}

void model_free(struct model *model)
{
    if (model == NULL)
        return;
    for (uint32_t i = 0; i < model->stream_count; i++)
        model_stream_free(model->by_name[i]);
    for (uint32_t i = 0; i < model->node_count; i++)
        free(model->nodes[i]);
    free(model->by_name);
    free(model->by_id);
    free(model->groups);
    free(model);
}

bool model_founded(const struct model *model)
{
    return model->founded;
}

uint64_t model_index(const struct model *model)
{
    return model->index;
}

uint64_t model_cluster(const struct model *model)
{
    return model->cluster;
}

const unsigned char *model_secret(const struct model *model)
{
    return model->secret;
}

uint32_t model_version(const struct model *model)
{
    return model->cluster_version;
}

uint32_t model_replication(const struct model *model)
{
    return model->replication;
}

const char *model_region(const struct model *model)
{
    return model->region;
}

const char *model_account(const struct model *model)
{
    return model->account;
}

const struct model_commitment *model_commitment(const struct model *model)
{
    return &model->commitment;
}

uint64_t model_balancing_paused_ms(const struct model *model)
{
    return model->balancing_paused_ms;
}

uint64_t model_next_group(const struct model *model)
{
    return model->next_group;
}

/* ---- the catalogue's own group ---- */

const struct model_epoch *model_catalog(const struct model *model)
{
    return &model->catalog;
}

bool model_catalog_has(const struct model *model, uint64_t node)
{
    for (uint32_t i = 0; i < model->catalog.member_count; i++)
        if (model->catalog.members[i] == node)
            return true;
    return false;
}

uint32_t model_resume_count(const struct model *model)
{
    return model->resume_count;
}

const struct model_resume *model_resume_at(const struct model *model, uint32_t at)
{
    ensure(at < model->resume_count);
    return &model->resumes[at];
}

uint64_t model_token(const struct model *model)
{
    return model->resume_count == 0 ? 0 : model->resumes[model->resume_count - 1].token;
}

uint32_t model_voters(const struct model *model)
{
    return model->voters;
}

bool model_group_lost(const struct model *model, uint64_t group)
{
    for (uint32_t i = 0; i < model->resume_count; i++)
        if (group >= model->resumes[i].group_first && group < model->resumes[i].group_end)
            return true;
    return false;
}

/* ---- streams ---- */

const struct model_stream *model_stream_by_name(const struct model *model, struct slice name)
{
    uint32_t at = name_place(model, name, false);

    if (at == model->stream_count || name_compare(model->by_name[at]->name, name) != 0)
        return NULL;
    return model->by_name[at];
}

const struct model_stream *model_stream_by_id(const struct model *model, uint64_t id)
{
    uint32_t at = id_place(model, id);

    if (at == model->stream_count || model->by_id[at]->id != id)
        return NULL;
    return model->by_id[at];
}

uint32_t model_stream_count(const struct model *model)
{
    return model->stream_count;
}

const struct model_stream *model_stream_at(const struct model *model, uint32_t at)
{
    ensure(at < model->stream_count);
    return model->by_name[at];
}

uint32_t model_stream_after(const struct model *model, struct slice name)
{
    return name_place(model, name, true);
}

struct model_stream *model_stream_change(struct model *model, uint64_t id)
{
    uint32_t at = id_place(model, id);

    return at < model->stream_count && model->by_id[at]->id == id ? model->by_id[at] : NULL;
}

struct model_stream *model_stream_new(uint32_t shard_count, uint32_t tag_count)
{
    struct model_stream *stream = model_memory(1, sizeof(*stream));

    stream->shards = model_memory(shard_count, sizeof(stream->shards[0]));
    stream->tags = model_memory(tag_count, sizeof(stream->tags[0]));
    stream->shard_count = shard_count;
    stream->tag_count = tag_count;
    return stream;
}

void model_stream_free(struct model_stream *stream)
{
    if (stream == NULL)
        return;
    for (uint32_t i = 0; i < stream->shard_count; i++)
        free(stream->shards[i].rescued);
    model_tags_free(stream->tags, stream->tag_count);
    model_settings_free(stream->settings);
    model_consumers_free(stream);
    free(stream->shards);
    free(stream->open);
    free(stream);
}

static uint32_t rescued_in(const struct model_stream *stream)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < stream->shard_count; i++)
        count += stream->shards[i].rescued != NULL;
    return count;
}

uint32_t model_stream_bytes(const struct model_stream *stream)
{
    size_t bytes = STREAM_ROW_BYTES + strlen(stream->name) +
                   (size_t)stream->shard_count * SHARD_ROW_BYTES +
                   (size_t)rescued_in(stream) * RESCUED_ROW_BYTES;

    bytes += model_tags_bytes(stream->tags, stream->tag_count);
    bytes += model_settings_bytes(stream->settings);
    for (uint32_t i = 0; i < stream->consumer_count; i++)
        bytes += model_consumer_bytes(&stream->consumers[i]);
    return (uint32_t)bytes; /* STREAM_SHARDS_MAX, STREAM_CONSUMERS_MAX: below 30 MB */
}

void model_stream_add(struct model *model, struct model_stream *stream)
{
    uint32_t count = model->stream_count;
    uint32_t by_name = name_place(model, slice_text(stream->name), false);
    uint32_t by_id = id_place(model, stream->id);
    uint32_t room = model->stream_room;

    ensure(by_name == count || strcmp(model->by_name[by_name]->name, stream->name) != 0);
    ensure(by_id == count || model->by_id[by_id]->id != stream->id);

    model->by_name = model_grown(model->by_name, &room, count + 1, sizeof(model->by_name[0]));
    model->by_id =
        model_grown(model->by_id, &model->stream_room, count + 1, sizeof(model->by_id[0]));
    memmove(&model->by_name[by_name + 1], &model->by_name[by_name],
            (count - by_name) * sizeof(model->by_name[0]));
    memmove(&model->by_id[by_id + 1], &model->by_id[by_id],
            (count - by_id) * sizeof(model->by_id[0]));
    model->by_name[by_name] = stream;
    model->by_id[by_id] = stream;
    model->stream_count++;
    model->stream_bytes += model_stream_bytes(stream);
    model->rescued_count += rescued_in(stream);
    groups_add(model, stream);
    ensure(keymap_make(stream));
}

void model_stream_remove(struct model *model, uint64_t id)
{
    struct model_stream *stream = model_stream_change(model, id);

    ensure(stream != NULL);
    groups_remove(model, stream);
    model->stream_bytes -= model_stream_bytes(stream);
    model->rescued_count -= rescued_in(stream);

    uint32_t by_name = name_place(model, slice_text(stream->name), false);
    uint32_t by_id = id_place(model, id);

    model->stream_count--;
    memmove(&model->by_name[by_name], &model->by_name[by_name + 1],
            (model->stream_count - by_name) * sizeof(model->by_name[0]));
    memmove(&model->by_id[by_id], &model->by_id[by_id + 1],
            (model->stream_count - by_id) * sizeof(model->by_id[0]));
    model_stream_free(stream);
}

/* ---- shards ---- */

bool model_same_history(uint32_t epoch, uint32_t other)
{
    return epoch / MODEL_RESCUE_EPOCHS == other / MODEL_RESCUE_EPOCHS;
}

bool model_shard_aside(const struct model_shard *shard, uint64_t node)
{
    for (uint32_t i = 0; shard->rescued != NULL && i < shard->rescued->aside_count; i++)
        if (shard->rescued->aside[i] == node)
            return true;
    return false;
}

/* Members of the catalogue that are lost may have rescued the shard up to RESCUES_MAX times. */
uint32_t model_rescue_epoch(const struct model *model, uint32_t epoch)
{
    uint32_t history = epoch / MODEL_RESCUE_EPOCHS;
    uint32_t unheard = model->resume_count * HISTORIES_LOST;

    return ((history > unheard ? history : unheard) + 1) * MODEL_RESCUE_EPOCHS;
}

uint32_t model_rescues_before(const struct model_rescued *rescued, uint32_t count, uint32_t held)
{
    while (held != 0 && count > 0 && rescued->rescues[count - 1].epoch > held &&
           !MUTANT(never_begun_counts))
        count--;
    return count;
}

uint32_t model_rescued_count(const struct model *model)
{
    return model->rescued_count;
}

struct model_rescued *model_rescued_of(struct model *model, struct model_shard *shard)
{
    if (shard->rescued == NULL) {
        shard->rescued = model_memory(1, sizeof(*shard->rescued));
        model->stream_bytes += RESCUED_ROW_BYTES;
        model->rescued_count++;
    }
    return shard->rescued;
}

const struct model_shard *model_shard_by_group(const struct model *model, uint64_t group,
                                               const struct model_stream **stream)
{
    uint32_t at = model_group_place(model, group);

    if (at == model->group_count || model->groups[at].group != group)
        return NULL;
    if (stream != NULL)
        *stream = model->groups[at].stream;
    return &model->groups[at].stream->shards[model->groups[at].at];
}

struct model_shard *model_shard_change(struct model *model, uint64_t group)
{
    uint32_t at = model_group_place(model, group);

    if (at == model->group_count || model->groups[at].group != group)
        return NULL;
    return &model->groups[at].stream->shards[model->groups[at].at];
}

const struct model_shard *model_shard_next(const struct model *model, uint64_t after,
                                           const struct model_stream **stream)
{
    uint32_t at = after == UINT64_MAX ? model->group_count : model_group_place(model, after + 1);

    if (at == model->group_count)
        return NULL;
    if (stream != NULL)
        *stream = model->groups[at].stream;
    return &model->groups[at].stream->shards[model->groups[at].at];
}

const struct model_shard *model_shard_by_number(const struct model_stream *stream, uint32_t number)
{
    uint32_t low = 0, high = stream->shard_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (stream->shards[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < stream->shard_count && stream->shards[low].number == number ? &stream->shards[low]
                                                                             : NULL;
}

bool model_shard_has(const struct model_shard *shard, uint64_t node)
{
    for (uint32_t i = 0; i < shard->member_count; i++)
        if (shard->members[i] == node)
            return true;
    return false;
}

uint32_t model_shard_total(const struct model *model)
{
    return model->group_count;
}

uint32_t model_open_total(const struct model *model)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < model_stream_count(model); i++)
        total += model_stream_at(model, i)->open_count;
    return total;
}

/* ---- nodes ---- */

const struct model_node *model_node_by_id(const struct model *model, uint64_t id)
{
    for (uint32_t i = 0; i < model->node_count; i++)
        if (model->nodes[i]->id == id)
            return model->nodes[i];
    return NULL;
}

uint32_t model_node_count(const struct model *model)
{
    return model->node_count;
}

uint32_t model_node_unreplaced(const struct model *model)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < model->node_count; i++)
        count += !model->nodes[i]->replaced;
    return count;
}

const struct model_node *model_node_at(const struct model *model, uint32_t at)
{
    ensure(at < model->node_count);
    return model->nodes[at];
}

void model_node_set(struct model *model, const struct model_node *node)
{
    struct model_node *row = node_take_out(model, node->id);
    uint32_t at = 0;

    if (row == NULL) {
        ensure(model->node_count < NODE_ROWS_MAX);
        row = model_memory(1, sizeof(*row));
    }
    *row = *node;

    for (at = 0; at < model->node_count; at++) {
        int order = strcmp(model->nodes[at]->name, row->name);
        if (order > 0 || (order == 0 && model->nodes[at]->id > row->id))
            break;
    }
    memmove(&model->nodes[at + 1], &model->nodes[at],
            (model->node_count - at) * sizeof(model->nodes[0]));
    model->nodes[at] = row;
    model->node_count++;
}

void model_node_remove(struct model *model, uint64_t id)
{
    struct model_node *row = node_take_out(model, id);

    ensure(row != NULL);
    free(row);
}

static struct model_node *node_take_out(struct model *model, uint64_t id)
{
    uint32_t at = 0;

    while (at < model->node_count && model->nodes[at]->id != id)
        at++;
    if (at == model->node_count)
        return NULL;

    struct model_node *row = model->nodes[at];
    model->node_count--;
    memmove(&model->nodes[at], &model->nodes[at + 1],
            (model->node_count - at) * sizeof(model->nodes[0]));
    return row;
}

/* ---- order ---- */

static int name_compare(const char *a, struct slice b)
{
    size_t len = strlen(a);
    size_t common = len < b.len ? len : b.len;
    int order = common == 0 ? 0 : memcmp(a, b.data, common);

    return order != 0 ? order : (len > b.len) - (len < b.len);
}

/* The first place whose name is >= `name`, or > `name`. */
static uint32_t name_place(const struct model *model, struct slice name, bool behind_equal)
{
    uint32_t low = 0, high = model->stream_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = name_compare(model->by_name[middle]->name, name);
        if (order < 0 || (behind_equal && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t id_place(const struct model *model, uint64_t id)
{
    uint32_t low = 0, high = model->stream_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (model->by_id[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t model_group_place(const struct model *model, uint64_t group)
{
    uint32_t low = 0, high = model->group_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (model->groups[middle].group < group)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *model_grown(void *items, uint32_t *room, uint32_t wanted, size_t size)
{
    if (wanted <= *room)
        return items;

    uint32_t next = *room == 0 ? ROOM_FIRST : *room;
    while (next < wanted)
        next *= 2;
    items = realloc(items, next * size);
    ensure(items != NULL);
    *room = next;
    return items;
}

/* Groups are given out in ascending order: nearly always this appends. */
static void groups_add(struct model *model, struct model_stream *stream)
{
    model->groups = model_grown(model->groups, &model->group_room,
                          model->group_count + stream->shard_count, sizeof(model->groups[0]));
    for (uint32_t i = 0; i < stream->shard_count; i++) {
        uint32_t at = model_group_place(model, stream->shards[i].group);
        ensure(at == model->group_count || model->groups[at].group != stream->shards[i].group);
        memmove(&model->groups[at + 1], &model->groups[at],
                (model->group_count - at) * sizeof(model->groups[0]));
        model->groups[at] = (struct model_group){ .group = stream->shards[i].group,
                                                  .stream = stream,
                                                  .at = i };
        model->group_count++;
    }
}

/* The newest id is the greatest: it goes to the end. */
void model_shard_begin_anew(struct model *model, uint64_t group)
{
    uint32_t at = model_group_place(model, group);

    ensure(at < model->group_count && model->groups[at].group == group);
    struct model_group moved = model->groups[at];
    memmove(&model->groups[at], &model->groups[at + 1],
            (model->group_count - at - 1) * sizeof(model->groups[0]));
    moved.group = model->next_group++;
    model->groups[model->group_count - 1] = moved;
    moved.stream->shards[moved.at].group = moved.group;
    moved.stream->shards[moved.at].epoch = 1;
}

static void groups_remove(struct model *model, const struct model_stream *stream)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < model->group_count; i++)
        if (model->groups[i].stream != stream)
            model->groups[kept++] = model->groups[i];
    model->group_count = kept;
}

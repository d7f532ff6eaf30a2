#include "catalog/model_image.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/row_settings.h"
#include "catalog/version.h"

#define NUMBER_MAX UINT64_C(0x7fffffffffffffff) /* indexes and ids: none comes near */
#define IMAGE_ARENA_BYTES_MAX (64u * 1024u * 1024u) /* CATALOG_SHARDS_MAX rows in C structs */

static enum err cluster_read(const Braid__Catalog__Image *image, struct model *model,
                             struct reason *reason);
static enum err epoch_read(const Braid__Catalog__Epoch *row, struct model *model,
                           struct reason *reason);
static enum err resumes_read(const Braid__Catalog__Image *image, struct model *model,
                             struct reason *reason);
static enum err nodes_read(const Braid__Catalog__Image *image, struct model *model,
                           struct reason *reason);
static enum err streams_read(const Braid__Catalog__Image *image, struct model *model,
                             struct reason *reason);
static enum err stream_fits(const struct model *model, const struct model_stream *stream,
                            struct reason *reason);
static bool rows_write(struct arena *arena, const struct model *model,
                       Braid__Catalog__Image *image);

/* ---- packing ---- */

struct buf *model_image_pack(const struct model *model)
{
    Braid__Catalog__Image image;
    Braid__Catalog__Found cluster;
    Braid__Catalog__Epoch epoch;
    Braid__Catalog__Account account_row;
    struct model_epoch catalog = model->catalog;
    unsigned char secret[MODEL_SECRET_BYTES];
    char region[MODEL_NAME_MAX + 1], account[MODEL_NAME_MAX + 1];
    struct arena arena;
    struct buf *buf = NULL;

    braid__catalog__image__init(&image);
    braid__catalog__found__init(&cluster);
    image.index = model->index;
    image.term = model->term;
    image.time_ms = model->time_ms;
    image.next_stream = model->next_stream;
    image.next_group = model->next_group;
    image.balancing_paused_ms = model->balancing_paused_ms;
    if (model->founded) {
        memcpy(secret, model->secret, sizeof(secret));
        cluster.cluster = model->cluster;
        cluster.secret = (ProtobufCBinaryData){ .data = secret, .len = sizeof(secret) };
        cluster.replication = model->replication;
        cluster.region = strcpy(region, model->region);
        cluster.account = strcpy(account, model->account);
        cluster.cluster_version = model->cluster_version;
        image.cluster = &cluster;
    }

    if (catalog.epoch != 0) {
        braid__catalog__epoch__init(&epoch);
        epoch.epoch = catalog.epoch;
        epoch.index = catalog.index;
        epoch.term = catalog.term;
        epoch.members = catalog.members;
        epoch.n_members = catalog.member_count;
        image.catalog = &epoch;
    }

    if (model->commitment.revision != 0) {
        account_row = row_account_write(&model->commitment);
        image.account = &account_row;
    }

    arena_init(&arena, IMAGE_ARENA_BYTES_MAX);
    if (rows_write(&arena, model, &image))
        buf = row_pack(&image.base);
    arena_fini(&arena);
    return buf;
}

static bool resumes_write(struct arena *arena, const struct model *model,
                          Braid__Catalog__Image *image)
{
    Braid__Catalog__Resume *rows = arena_take(arena, (model->resume_count + 1) * sizeof(rows[0]));

    image->resumes = arena_take(arena, (model->resume_count + 1) * sizeof(image->resumes[0]));
    if (rows == NULL || image->resumes == NULL)
        return false;
    for (uint32_t i = 0; i < model->resume_count; i++) {
        const struct model_resume *resume = &model->resumes[i];
        braid__catalog__resume__init(&rows[i]);
        rows[i].token = resume->token;
        rows[i].survivor = resume->survivor;
        rows[i].epoch = resume->epoch;
        rows[i].index = resume->index;
        rows[i].term = resume->term;
        rows[i].group_first = resume->group_first;
        rows[i].group_end = resume->group_end;
        image->resumes[i] = &rows[i];
    }
    image->n_resumes = model->resume_count;
    image->voters = model->voters;
    return true;
}

static bool rows_write(struct arena *arena, const struct model *model,
                       Braid__Catalog__Image *image)
{
    image->nodes = arena_take(arena, (model->node_count + 1) * sizeof(image->nodes[0]));
    image->streams = arena_take(arena, (model->stream_count + 1) * sizeof(image->streams[0]));
    if (image->nodes == NULL || image->streams == NULL)
        return false;

    if (!resumes_write(arena, model, image))
        return false;
    image->n_nodes = model->node_count;
    image->n_streams = model->stream_count;
    for (uint32_t i = 0; i < model->node_count; i++)
        if ((image->nodes[i] = row_node_write(arena, model->nodes[i])) == NULL)
            return false;
    for (uint32_t i = 0; i < model->stream_count; i++)
        if ((image->streams[i] = row_stream_write(arena, model->by_id[i])) == NULL)
            return false;
    return true;
}

/* ---- unpacking ---- */

enum err model_image_unpack(struct slice bytes, struct model **ret, struct reason *reason)
{
    Braid__Catalog__Image *image =
        braid__catalog__image__unpack(row_allocator, bytes.len, bytes.data);

    if (image == NULL) {
        reason_set(reason, "catalogue's image: cannot be read");
        return ERR_CORRUPT;
    }

    struct model *model = model_new();
    enum err err = cluster_read(image, model, reason);
    if (err == ERR_OK && image->catalog != NULL)
        err = epoch_read(image->catalog, model, reason);
    if (err == ERR_OK)
        err = resumes_read(image, model, reason);
    if (err == ERR_OK)
        err = nodes_read(image, model, reason);
    if (err == ERR_OK)
        err = streams_read(image, model, reason);
    braid__catalog__image__free_unpacked(image, row_allocator);

    if (err == ERR_OK) {
        *ret = model;
        return ERR_OK;
    }
    reason_wrap(reason, "catalogue's image");
    model_free(model);
    return ERR_CORRUPT;
}

static enum err cluster_read(const Braid__Catalog__Image *image, struct model *model,
                             struct reason *reason)
{
    const Braid__Catalog__Found *cluster = image->cluster;

    if (image->index < MODEL_START_INDEX || image->index > NUMBER_MAX ||
        image->next_stream == 0 || image->next_stream > NUMBER_MAX ||
        image->next_group <= CATALOG_GROUP || image->next_group > NUMBER_MAX) {
        reason_set(reason, "counters out of range");
        return ERR_CORRUPT;
    }
    model->index = image->index;
    model->term = image->term;
    model->time_ms = image->time_ms;
    model->balancing_paused_ms = image->balancing_paused_ms;
    if (image->account != NULL)
        model->commitment = row_account_read(image->account);
    model->next_stream = image->next_stream;
    model->next_group = image->next_group;
    if (cluster == NULL)
        return ERR_OK;

    if (cluster->cluster == 0 || cluster->secret.len != MODEL_SECRET_BYTES ||
        cluster->replication < 1 || cluster->replication > GROUP_MEMBERS_MAX ||
        cluster->cluster_version < VERSION_FIRST || strlen(cluster->region) > MODEL_NAME_MAX ||
        strlen(cluster->account) > MODEL_NAME_MAX) {
        reason_set(reason, "cluster: a field is out of range");
        return ERR_CORRUPT;
    }
    model->founded = true;
    model->cluster = cluster->cluster;
    memcpy(model->secret, cluster->secret.data, MODEL_SECRET_BYTES);
    model->replication = cluster->replication;
    model->cluster_version = cluster->cluster_version;
    strcpy(model->region, cluster->region);
    strcpy(model->account, cluster->account);
    return ERR_OK;
}

static enum err epoch_read(const Braid__Catalog__Epoch *row, struct model *model,
                           struct reason *reason)
{
    struct model_epoch *catalog = &model->catalog;
    bool good = row->epoch >= 2 && row->index > MODEL_START_INDEX && row->index <= model->index &&
                row->term <= model->term && row->n_members >= 1 &&
                row->n_members <= GROUP_MEMBERS_MAX;

    for (size_t i = 0; good && i < row->n_members; i++) {
        good = row->members[i] != 0 && !model_catalog_has(model, row->members[i]);
        catalog->members[catalog->member_count++] = row->members[i];
    }
    if (!good) {
        reason_set(reason, "the catalogue's own epoch: a field is out of range");
        return ERR_CORRUPT;
    }
    catalog->epoch = row->epoch;
    catalog->index = row->index;
    catalog->term = row->term;
    return ERR_OK;
}

static enum err resumes_read(const Braid__Catalog__Image *image, struct model *model,
                             struct reason *reason)
{
    bool good = image->n_resumes <= CATALOG_RESCUES_MAX && image->voters <= GROUP_MEMBERS_MAX &&
                (image->n_resumes > 0) == (image->voters > 0);
    uint64_t end = 0;

    for (size_t i = 0; good && i < image->n_resumes; i++) {
        const Braid__Catalog__Resume *row = image->resumes[i];
        good = row->token != 0 && row->survivor != 0 && row->index < model->index &&
               row->group_first >= end && row->group_end >= row->group_first &&
               row->group_end <= model->next_group;
        end = row->group_end;
        model->resumes[i] = (struct model_resume){ .token = row->token,
                                                   .survivor = row->survivor,
                                                   .index = row->index,
                                                   .term = row->term,
                                                   .epoch = row->epoch,
                                                   .group_first = row->group_first,
                                                   .group_end = row->group_end };
    }
    if (!good) {
        reason_set(reason, "the catalogue's rescues: a field is out of range");
        return ERR_CORRUPT;
    }
    model->resume_count = (uint32_t)image->n_resumes;
    model->voters = image->voters;
    return ERR_OK;
}

static enum err nodes_read(const Braid__Catalog__Image *image, struct model *model,
                           struct reason *reason)
{
    if (image->n_nodes > NODE_ROWS_MAX) {
        reason_set(reason, "%zu nodes", image->n_nodes);
        return ERR_CORRUPT;
    }
    for (size_t i = 0; i < image->n_nodes; i++) {
        struct model_node node;
        enum err err = row_node_read(image->nodes[i], &node, reason);
        if (err != ERR_OK)
            return err;
        model_node_set(model, &node);
    }
    if (model_node_unreplaced(model) > NODES_MAX) {
        reason_set(reason, "%u nodes that are not replaced", model_node_unreplaced(model));
        return ERR_CORRUPT;
    }
    return ERR_OK;
}

static enum err streams_read(const Braid__Catalog__Image *image, struct model *model,
                             struct reason *reason)
{
    for (size_t i = 0; i < image->n_streams; i++) {
        struct model_stream *stream = NULL;
        enum err err = row_stream_read(image->streams[i], &stream, reason);
        if (err != ERR_OK)
            return err;
        err = stream_fits(model, stream, reason);
        if (err != ERR_OK) {
            model_stream_free(stream);
            return err;
        }
        model_stream_add(model, stream);
    }
    return ERR_OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

/* No two shards of the stream have one group. */
static bool groups_differ(const struct model_stream *stream)
{
    uint64_t *groups = model_memory(stream->shard_count + 1, sizeof(*groups));
    bool differ = true;

    for (uint32_t i = 0; i < stream->shard_count; i++)
        groups[i] = stream->shards[i].group;
    qsort(groups, stream->shard_count, sizeof(*groups), by_number);
    for (uint32_t i = 1; i < stream->shard_count; i++)
        differ &= groups[i - 1] != groups[i];
    free(groups);
    return differ;
}

/* What model_stream_add() takes for granted. */
static enum err stream_fits(const struct model *model, const struct model_stream *stream,
                            struct reason *reason)
{
    if (model->stream_count >= CATALOG_STREAMS_MAX ||
        stream->shard_count > CATALOG_SHARDS_MAX - model->group_count) {
        reason_set(reason, "more streams or shards than a catalogue has");
        return ERR_CORRUPT;
    }
    if (stream->id == 0 || stream->id >= model->next_stream ||
        model_stream_by_id(model, stream->id) != NULL ||
        model_stream_by_name(model, slice_text(stream->name)) != NULL) {
        reason_set(reason, "stream %s: twice, or its id is out of range", stream->name);
        return ERR_CORRUPT;
    }
    for (uint32_t i = 0; i < stream->shard_count; i++) {
        uint64_t group = stream->shards[i].group;
        if (group <= CATALOG_GROUP || group >= model->next_group ||
            stream->shards[i].member_count == 0 ||
            model_shard_by_group(model, group, NULL) != NULL) {
            reason_set(reason, "stream %s: group %llu: twice, out of range or without members",
                       stream->name, (unsigned long long)group);
            return ERR_CORRUPT;
        }
    }
    if (!groups_differ(stream)) {
        reason_set(reason, "stream %s: two shards have one group", stream->name);
        return ERR_CORRUPT;
    }
    return ERR_OK;
}

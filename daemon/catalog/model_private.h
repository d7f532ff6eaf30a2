/* model_private.h - the model from inside: what apply.c and model_image.c may change.
 *
 * Everything is allocated here and freed by model_free().  Memory that cannot be
 * had while a change is applied ends the process: a node that skipped a change
 * would no longer have the model that the others have.
 */
#ifndef CATALOG_MODEL_PRIVATE_H
#define CATALOG_MODEL_PRIVATE_H

#include <stddef.h>

#include "catalog/model.h"

/* The group's log starts behind (1, 1): a model without a change stands there. */
#define MODEL_START_INDEX UINT64_C(1)

struct model_group {
    uint64_t group;
    struct model_stream *stream;
    uint32_t at; /* in stream->shards */
};

struct model {
    uint64_t index, term, time_ms; /* of the last applied entry */
    bool founded;
    uint64_t cluster;
    unsigned char secret[MODEL_SECRET_BYTES];
    uint32_t replication, cluster_version;
    uint32_t knows; /* this process, of cluster versions; no part of the image, as the next */
    bool strange;   /* the next entry is of a later version than that */
    char region[MODEL_NAME_MAX + 1];
    char account[MODEL_NAME_MAX + 1];
    struct model_commitment commitment;
    uint64_t balancing_paused_ms; /* since then; 0: it is not */
    uint64_t next_stream, next_group;
    struct model_epoch catalog;
    struct model_resume resumes[CATALOG_RESCUES_MAX];
    uint32_t resume_count, voters;

    struct model_stream **by_name;
    struct model_stream **by_id; /* the same ones */
    uint32_t stream_count, stream_room;
    uint32_t stream_bytes; /* model_stream_bytes() of all */
    uint32_t rescued_count; /* shards with `rescued` */
    struct model_group *groups; /* ascending */
    uint32_t group_count, group_room;
    struct model_node *nodes[NODE_ROWS_MAX]; /* by name, id */
    uint32_t node_count;
};

/* calloc() that never fails. */
void *model_memory(size_t count, size_t size);

struct model *model_new(void);
void model_free(struct model *model);

/* A stream with room for its shards and tags, all zero; goes to model_stream_add() or is freed. */
struct model_stream *model_stream_new(uint32_t shard_count, uint32_t tag_count);
void model_stream_free(struct model_stream *stream);

/* A copy, with texts of its own; NULL of NULL. */
struct model_settings *model_settings_copy(const struct model_settings *settings);
void model_settings_free(struct model_settings *settings);

/* What they add to the image at most; 0 of NULL. */
uint32_t model_settings_bytes(const struct model_settings *settings);

struct model_tag *model_tags_copy(const struct model_tag *tags, uint32_t count);
void model_tags_free(struct model_tag *tags, uint32_t count);
/* What they add to the image at most. */
uint32_t model_tags_bytes(const struct model_tag *tags, uint32_t count);

/* What the stream adds to the image at most, whatever its numbers are: the same on every node. */
uint32_t model_stream_bytes(const struct model_stream *stream);

/* Takes the stream over.  Its name, its id and its groups are new to the model. */
void model_stream_add(struct model *model, struct model_stream *stream);

/* Frees it. */
void model_stream_remove(struct model *model, uint64_t id);

struct model_stream *model_stream_change(struct model *model, uint64_t id);
struct model_shard *model_shard_change(struct model *model, uint64_t group);

/* Of a shard of the model; empty when it was never rescued.  Takes of CATALOG_BYTES_MAX. */
struct model_rescued *model_rescued_of(struct model *model, struct model_shard *shard);
#define SHARD_ROW_BYTES 160u /* of the image at most, but for its rescues */
#define RESCUED_ROW_BYTES (RESCUES_MAX * 40u + NODE_ROWS_MAX * 9u + 8u) /* of the image, at most */

/* The stream has room for it, and none of its name or id.  Takes of CATALOG_BYTES_MAX, and tags and
 * policy for its own. */
void model_consumer_add(struct model *model, struct model_stream *stream,
                        const struct model_consumer *consumer);
/* The stream has it. */
void model_consumer_remove(struct model *model, struct model_stream *stream, uint64_t id);
/* What a consumer adds to the image at most. */
uint32_t model_consumer_bytes(const struct model_consumer *consumer);
/* Its tags and its policy go. */
void model_consumer_fini(struct model_consumer *consumer);
/* All of a stream go; what they take of CATALOG_BYTES_MAX is the caller's. */
void model_consumers_free(struct model_stream *stream);
/* Makes room for so many. */
void model_consumers_room(struct model_stream *stream, uint32_t count);

/* The first place whose group is >= `group`. */
uint32_t model_group_place(const struct model *model, uint64_t group);

/* realloc() that never fails, to room for `wanted` or more. */
void *model_grown(void *items, uint32_t *room, uint32_t wanted, size_t size);

/* Adds `count` zeroed shards behind the others, with new groups and numbers, in epoch 1; returns
 * the first one.  Pointers to shards of the stream are not valid any more. */
struct model_shard *model_shards_add(struct model *model, struct model_stream *stream,
                                     uint32_t count);

/* The shard's row goes. */
void model_shard_remove(struct model *model, struct model_stream *stream, uint32_t at);

/* The shard of `group`, which the model has, gets a group that never was. */
void model_shard_begin_anew(struct model *model, uint64_t group);

/* Adds the row or replaces the one of the same id; the model has room for it. */
void model_node_set(struct model *model, const struct model_node *node);

/* Frees it. */
void model_node_remove(struct model *model, uint64_t id);

#endif

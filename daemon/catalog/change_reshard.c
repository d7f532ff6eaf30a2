#include "catalog/change_reshard.h"

#include <string.h>

#include "base/ensure.h"
#include "catalog/change_private.h"

#define ARENA_BYTES_MAX (16u * 1024u * 1024u) /* STREAM_SHARDS_MAX rows in C structs */
#define HASH_BYTES 16u

static Braid__Catalog__ReshardStep *step_write(struct arena *arena,
                                               const struct model_stream *stream,
                                               const struct reshard_step *step);
static Braid__Catalog__Shard *child_write(struct arena *arena, struct u128 first,
                                          struct u128 last);

struct buf *change_begin_reshard(struct change_stamp stamp, const struct model_stream *stream,
                                 const struct reshard_step steps[], uint32_t count,
                                 uint32_t target, bool counted)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_BEGIN_RESHARD);
    Braid__Catalog__BeginReshard row;
    struct arena arena;
    struct buf *buf = NULL;

    braid__catalog__begin_reshard__init(&row);
    row.stream = stream->id;
    row.target = target;
    row.counted = counted;
    arena_init(&arena, ARENA_BYTES_MAX);
    row.steps = arena_take(&arena, (count + 1) * sizeof(row.steps[0]));
    bool whole = row.steps != NULL;
    for (uint32_t i = 0; i < count && whole; i++)
        whole = (row.steps[i] = step_write(&arena, stream, &steps[i])) != NULL;
    row.n_steps = count;
    change.begin_reshard = &row;
    if (whole)
        buf = row_pack(&change.base);
    arena_fini(&arena);
    return buf;
}

static Braid__Catalog__ReshardStep *step_write(struct arena *arena,
                                               const struct model_stream *stream,
                                               const struct reshard_step *step)
{
    const struct model_shard *first = model_shard_by_number(stream, step->parents[0]);
    const struct model_shard *last =
        model_shard_by_number(stream, step->parents[step->parent_count - 1]);
    bool splits = step->parent_count == 1;
    struct u128 middle = { .v = step->middle.v - 1 };
    Braid__Catalog__ReshardStep *row = arena_take(arena, sizeof(*row));

    ensure(first != NULL && last != NULL);
    if (row == NULL)
        return NULL;
    braid__catalog__reshard_step__init(row);
    row->parents = arena_take(arena, sizeof(step->parents));
    row->children = arena_take(arena, 2 * sizeof(row->children[0]));
    if (row->parents == NULL || row->children == NULL)
        return NULL;
    memcpy(row->parents, step->parents, sizeof(step->parents));
    row->n_parents = step->parent_count;
    row->children[0] =
        child_write(arena, first->hash_first, splits ? middle : last->hash_last);
    row->n_children = splits ? 2 : 1;
    if (splits)
        row->children[1] = child_write(arena, step->middle, last->hash_last);
    return row->children[0] == NULL || row->children[row->n_children - 1] == NULL ? NULL : row;
}

static Braid__Catalog__Shard *child_write(struct arena *arena, struct u128 first, struct u128 last)
{
    Braid__Catalog__Shard *row = arena_take(arena, sizeof(*row));
    unsigned char *hashes = arena_raw(arena, 2 * (size_t)HASH_BYTES);

    if (row == NULL || hashes == NULL)
        return NULL;
    braid__catalog__shard__init(row);
    u128_put(hashes, first);
    u128_put(hashes + HASH_BYTES, last);
    row->hash_first = (ProtobufCBinaryData){ .data = hashes, .len = HASH_BYTES };
    row->hash_last = (ProtobufCBinaryData){ .data = hashes + HASH_BYTES, .len = HASH_BYTES };
    return row;
}

struct buf *change_commit_reshard(struct change_stamp stamp, uint64_t stream,
                                  const struct reshard_end ends[], uint32_t count)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_COMMIT_RESHARD);
    Braid__Catalog__CommitReshard row;
    Braid__Catalog__EndedShard all[CATALOG_ENDS_MAX];
    Braid__Catalog__EndedShard *places[CATALOG_ENDS_MAX];

    ensure(count <= CATALOG_ENDS_MAX);
    braid__catalog__commit_reshard__init(&row);
    for (uint32_t i = 0; i < count; i++) {
        braid__catalog__ended_shard__init(&all[i]);
        all[i].number = ends[i].number;
        all[i].end = ends[i].end;
        all[i].time_ms = ends[i].time_ms;
        places[i] = &all[i];
    }
    row.stream = stream;
    row.ended = places;
    row.n_ended = count;
    change.commit_reshard = &row;
    return row_pack(&change.base);
}

struct buf *change_forget_shards(struct change_stamp stamp, uint64_t stream,
                                 const uint32_t numbers[], uint32_t count)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_FORGET_SHARDS);
    Braid__Catalog__ForgetShards row;
    uint32_t all[CATALOG_ENDS_MAX];

    ensure(count <= CATALOG_ENDS_MAX);
    memcpy(all, numbers, count * sizeof(all[0]));
    braid__catalog__forget_shards__init(&row);
    row.stream = stream;
    row.numbers = all;
    row.n_numbers = count;
    change.forget_shards = &row;
    return row_pack(&change.base);
}

#include "api/ending.h"

#include "api/name.h"

static bool is_child(const struct model_shard *child, const struct model_shard *shard)
{
    for (uint32_t i = 0; i < child->parent_count; i++)
        if (child->parents[i] == shard->number)
            return true;
    return false;
}

static struct slice text_in(struct arena *arena, const char *text, bool *ok)
{
    const char *copy = arena_text(arena, slice_text(text));

    *ok = *ok && copy != NULL;
    return copy == NULL ? slice_of(NULL, 0) : slice_text(copy);
}

static bool child_set(const struct model_shard *child, struct arena *arena,
                      struct child_shard_out *ret)
{
    char name[SHARD_NAME_BYTES], key[U128_TEXT_BYTES];
    struct slice *parents = arena_take(arena, SHARD_PARENTS_MAX * sizeof(*parents));
    bool ok = parents != NULL;

    if (!ok)
        return false;
    wire_set(ret, shard_id, text_in(arena, shard_name_print(child->number, name), &ok));
    for (uint32_t i = 0; i < child->parent_count; i++)
        parents[i] = text_in(arena, shard_name_print(child->parents[i], name), &ok);
    wire_set(ret, parent_shards,
             (struct shard_id_list){ .items = parents, .count = child->parent_count });
    wire_set(&ret->hash_key_range, starting_hash_key,
             text_in(arena, u128_print(child->hash_first, key), &ok));
    wire_set(&ret->hash_key_range, ending_hash_key,
             text_in(arena, u128_print(child->hash_last, key), &ok));
    ret->has_hash_key_range = true;
    return ok;
}

bool ending_reached(const struct model_shard *shard, struct position next)
{
    return shard->state == SHARD_CLOSED && next.index >= shard->end;
}

bool ending_children(const struct model_stream *stream, const struct model_shard *shard,
                     struct arena *arena, struct child_shard_out_list *ret)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < stream->shard_count; i++)
        count += is_child(&stream->shards[i], shard);
    struct child_shard_out *items = arena_take(arena, count * sizeof(*items) + 1);
    if (items == NULL)
        return false;
    count = 0;
    for (uint32_t i = 0; i < stream->shard_count; i++)
        if (is_child(&stream->shards[i], shard) &&
            !child_set(&stream->shards[i], arena, &items[count++]))
            return false;
    *ret = (struct child_shard_out_list){ .items = items, .count = count };
    return true;
}

#include "api/record_list.h"

#include "shard/command.h"

static enum err part_compose(struct arena *arena, struct seqno_shard name,
                             const struct read_part *part, bool encrypted,
                             struct record_out *items)
{
    struct command_walk walk = command_walk_start(part->records);

    for (uint32_t i = 0; i < part->count; i++) {
        struct record_out *item = &items[i];
        struct record record;
        char *text = arena_raw(arena, SEQNO_TEXT_MAX);
        enum err err = text == NULL ? ERR_NO_MEMORY : command_walk_next(&walk, &record);

        if (err != ERR_OK)
            return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
        seqno_print(name, seqno_at(part->index, part->first_ordinal + i, part->time_ms / 1000),
                    text);
        wire_set(item, sequence_number, slice_text(text));
        wire_set(item, approximate_arrival_timestamp_ms, (int64_t)part->time_ms);
        wire_set(item, data, record.data);
        wire_set(item, partition_key, record.key);
        if (encrypted)
            wire_set(item, encryption_type, choice_of(WIRE_ENCRYPTION_KMS));
    }
    return ERR_OK;
}

enum err record_list_compose(struct arena *arena, struct seqno_shard name,
                             const struct read_part parts[], uint32_t part_count, uint32_t count,
                             bool encrypted, struct record_out_list *ret)
{
    struct record_out *items = arena_take(arena, ((size_t)count + 1) * sizeof(*items));
    uint32_t done = 0;

    if (items == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < part_count; i++) {
        enum err err = part_compose(arena, name, &parts[i], encrypted, items + done);
        if (err != ERR_OK)
            return err;
        done += parts[i].count;
    }
    *ret = (struct record_out_list){ .items = items, .count = count };
    return ERR_OK;
}

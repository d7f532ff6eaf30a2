#include "catalog/change_settings.h"

#include "catalog/change_account.h"
#include "catalog/change_private.h"
#include "catalog/row_settings.h"

#define SET_ARENA_BYTES_MAX (64u * 1024u) /* rows of the tags; texts are borrowed */

struct change_settings change_settings_of(const struct model_stream *stream)
{
    return (struct change_settings){ .stream = stream->id,
                                     .retention_hours = stream->retention_hours,
                                     .record_kib_max = stream->record_kib_max,
                                     .mode = stream->mode,
                                     .tags = stream->tags,
                                     .tag_count = stream->tag_count,
                                     .settings = *model_settings(stream) };
}

struct buf *change_set_stream(struct change_stamp stamp, const struct change_settings *wanted)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_SET_STREAM);
    Braid__Catalog__SetStream set;
    struct arena arena;
    struct buf *buf = NULL;

    braid__catalog__set_stream__init(&set);
    change.set_stream = &set;
    set.id = wanted->stream;
    set.revision = wanted->settings.revision;
    set.retention_hours = wanted->retention_hours;
    set.record_kib_max = wanted->record_kib_max;
    set.mode = (Braid__Catalog__StreamMode)wanted->mode;

    arena_init(&arena, SET_ARENA_BYTES_MAX);
    set.tags = row_tags_write(&arena, wanted->tags, wanted->tag_count);
    set.n_tags = wanted->tag_count;
    if (set.tags != NULL && row_settings_write(&arena, &wanted->settings, &set.settings))
        buf = row_pack(&change.base);
    arena_fini(&arena);
    return buf;
}

struct buf *change_set_account(struct change_stamp stamp,
                               const struct model_commitment *commitment)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_SET_ACCOUNT);
    Braid__Catalog__SetAccount set;
    Braid__Catalog__Account row = row_account_write(commitment);

    braid__catalog__set_account__init(&set);
    change.set_account = &set;
    set.account = &row;
    return row_pack(&change.base);
}

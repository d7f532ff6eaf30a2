#include "catalog/change_consumers.h"

#include "catalog/change_private.h"
#include "catalog/row_settings.h"

#define TAGS_ARENA_BYTES_MAX (64u * 1024u) /* rows of the tags; texts are borrowed */

struct buf *change_register_consumer(struct change_stamp stamp, uint64_t stream, const char *name,
                                     const struct model_tag *tags, uint32_t tag_count,
                                     uint32_t most)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_REGISTER_CONSUMER);
    Braid__Catalog__RegisterConsumer row;
    struct buf *buf = NULL;
    struct arena arena;

    braid__catalog__register_consumer__init(&row);
    row.stream = stream;
    row.name = row_text(name);
    row.most = most;
    change.register_consumer = &row;
    arena_init(&arena, TAGS_ARENA_BYTES_MAX);
    row.tags = row_tags_write(&arena, tags, tag_count);
    row.n_tags = tag_count;
    if (row.tags != NULL)
        buf = row_pack(&change.base);
    arena_fini(&arena);
    return buf;
}

struct change_consumer change_consumer_of(const struct model_stream *stream,
                                          const struct model_consumer *consumer)
{
    return (struct change_consumer){ .stream = stream->id,
                                     .id = consumer->id,
                                     .revision = consumer->revision,
                                     .tags = consumer->tags,
                                     .tag_count = consumer->tag_count,
                                     .policy = consumer->policy };
}

struct buf *change_set_consumer(struct change_stamp stamp, const struct change_consumer *wanted)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_SET_CONSUMER);
    Braid__Catalog__SetConsumer row;
    struct buf *buf = NULL;
    struct arena arena;

    braid__catalog__set_consumer__init(&row);
    row.stream = wanted->stream;
    row.id = wanted->id;
    row.revision = wanted->revision;
    row.policy = row_text(wanted->policy);
    change.set_consumer = &row;
    arena_init(&arena, TAGS_ARENA_BYTES_MAX);
    row.tags = row_tags_write(&arena, wanted->tags, wanted->tag_count);
    row.n_tags = wanted->tag_count;
    if (row.tags != NULL)
        buf = row_pack(&change.base);
    arena_fini(&arena);
    return buf;
}

struct buf *change_deregister_consumer(struct change_stamp stamp, uint64_t stream, uint64_t id)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_DEREGISTER_CONSUMER);
    Braid__Catalog__DeregisterConsumer row;

    braid__catalog__deregister_consumer__init(&row);
    row.stream = stream;
    row.id = id;
    change.deregister_consumer = &row;
    return row_pack(&change.base);
}

struct buf *change_delete_unconsumed(struct change_stamp stamp, uint64_t stream)
{
    Braid__Catalog__Change change = stamped(stamp, BRAID__CATALOG__CHANGE__OF_DELETE_STREAM);
    Braid__Catalog__DeleteStream row;

    braid__catalog__delete_stream__init(&row);
    row.id = stream;
    row.unless_consumed = true;
    change.delete_stream = &row;
    return row_pack(&change.base);
}

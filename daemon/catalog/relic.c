/* What a node had of a history that a rescue of the catalogue ended: kept, said, never used.
 *
 * Its model goes into the tables in the batch that has the first image of the new history, under a
 * key of its own (docs/formats/catalogue.md). */
#include "catalog/catalog_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/model_image.h"
#include "catalog/resume.h"
#include "table/keys.h"

#define KEYS_BEGIN (UINT64_C(1) << 63) /* of groups there are fewer */
#define NAMES_SAID 3u

static void on_tail(struct tail *tail, enum err err, const struct reason *reason);

/* Streams that nobody knows any more. */
static uint32_t lost_streams(const struct model *old, const struct model *next,
                             struct reason *names)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < model_stream_count(old); i++) {
        const struct model_stream *stream = model_stream_at(old, i);
        if (stream->status == STREAM_DELETING || model_stream_by_id(next, stream->id) != NULL)
            continue;
        size_t len = strlen(names->text);
        if (count++ < NAMES_SAID)
            snprintf(names->text + len, sizeof(names->text) - len, "%s%s", len == 0 ? "" : " ",
                     stream->name);
    }
    return count;
}

bool relic_take(struct catalog *catalog, const struct model *next)
{
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);
    struct model *old = catalog->model;
    bool in_log = tail_extends(catalog, old);
    uint64_t last = in_log ? state->last : old->index;
    uint64_t term = in_log ? state->last_term : old->term;

    if (catalog->rescue != NULL || catalog->relic_job != NULL || !resume_lacks(next, last, term))
        return false;
    catalog->relic_job = model_memory(1, sizeof(*catalog->relic_job));
    *catalog->relic_job =
        (struct tail){ .catalog = catalog, .model = old, .last = last, .done = on_tail };
    return true;
}

void relic_begin(struct catalog *catalog)
{
    if (catalog->relic_job != NULL)
        tail_apply(catalog->relic_job);
}

/* What could not be read is not in it. */
static void on_tail(struct tail *tail, enum err err, const struct reason *reason)
{
    struct catalog *catalog = tail->catalog;
    const struct model *old = tail->model;
    struct reason names = { .text = "" };
    uint32_t lost = lost_streams(old, catalog->model, &names);

    note_event(catalog->world.note, NOTE_WARN, "catalog.rescued_aside",
               "index=%" PRIu64 " of=%" PRIu64 " now=%" PRIu64 " streams_lost=%" PRIu32
               " names=%s why=\"the catalogue was rescued from another node's copy; this one is "
               "kept, not used\"",
               old->index, tail->last, catalog->model->index, lost, NOTE_QUOTED(names.text));
    buf_unref(catalog->relic);
    catalog->relic = model_image_pack(old);
    catalog->relic_key = KEYS_BEGIN + old->index / MODEL_RESCUE_INDEX;
    catalog->relic_job = NULL;
    model_free(tail->model);
    free(tail);
    catalog_changed(catalog);
}

struct buf *relic_put(struct catalog *catalog, struct table_batch *batch)
{
    struct key key = key_image(catalog->relic_key);

    if (catalog->relic == NULL)
        return NULL;
    table_batch_put(batch, TABLE_IMAGE, key_slice(&key), buf_slice(catalog->relic));
    return buf_ref(catalog->relic);
}

void relic_written(struct catalog *catalog, const struct buf *relic)
{
    if (relic == NULL || relic != catalog->relic)
        return; /* another one came meanwhile */
    buf_unref(catalog->relic);
    catalog->relic = NULL;
}

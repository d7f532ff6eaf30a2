/* What this node's log has behind the model, agreed on or not: whether any of it changes how long a
 * stream's records are kept.  Where logs are full nobody may ever agree on it, and retention must
 * know that much (control/retain.c).
 *
 * Changes must be read for that, so what was read is for the next who asks: while nothing can be
 * agreed on the log stays as it is. */
#include "catalog/catalog_private.h"

#include "catalog.pb-c.h"
#include "catalog/apply_version.h"
#include "catalog/row.h"

static void read_on(struct catalog *catalog);
static void on_read(struct log_read *read, enum err err);

/* Whether the stream's records are kept as the model says.  One that is gone comes never again. */
static bool is_same(const struct model *model, const Braid__Catalog__SetStream *set)
{
    const struct model_stream *stream = model_stream_by_id(model, set->id);

    return stream == NULL ? set->id < model->next_stream
                          : stream->retention_hours == set->retention_hours;
}

/* One kind of change alone says how long records are kept.  Behind a SEAL it goes on in other logs;
 * what this build does not know may be anything. */
static bool keeps_retention(const struct model *model, const struct log_read_entry *entry)
{
    if (entry->head.type != ENTRY_CHANGE || entry->payload == NULL)
        return entry->head.type == ENTRY_BARRIER;

    struct slice bytes = buf_slice(entry->payload);
    Braid__Catalog__Change *change =
        braid__catalog__change__unpack(row_allocator, bytes.len, bytes.data);
    if (change == NULL)
        return false;
    bool keeps = version_of(change) <= model->knows && /* it has no field that is not known here */
                 change->of_case != BRAID__CATALOG__CHANGE__OF__NOT_SET &&
                 (change->of_case != BRAID__CATALOG__CHANGE__OF_SET_STREAM ||
                  is_same(model, change->set_stream));
    braid__catalog__change__free_unpacked(change, row_allocator);
    return keeps;
}

/* Epoch, index and term of the last entry say what all before it are; two epochs may use one index
 * and term. */
static bool is_of(const struct behind *behind, const struct log_state *state)
{
    return behind->epoch == state->epoch && behind->last == state->last &&
           behind->last_term == state->last_term;
}

/* When the model has come further, what changes retention may be in it. */
static bool is_known(const struct catalog *catalog, const struct log_state *state)
{
    const struct behind *behind = &catalog->behind;
    uint64_t first = catalog->model->index + 1;

    return !behind->reading && is_of(behind, state) &&
           (behind->first == first || (behind->keeps && behind->first < first));
}

bool behind_keeps_retention(const struct catalog *catalog)
{
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);

    if (state == NULL || state->member_count == 0)
        return false;
    if (state->last <= catalog->model->index || tail_differs(catalog, catalog->model))
        return true; /* nothing is behind it */
    return tail_extends(catalog, catalog->model) && is_known(catalog, state) &&
           catalog->behind.keeps;
}

void catalog_look_behind(struct catalog *catalog)
{
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);
    uint64_t index = catalog->model->index;

    if (catalog->closing || catalog->behind.reading || !tail_extends(catalog, catalog->model) ||
        state->last == index || is_known(catalog, state))
        return;
    catalog->behind = (struct behind){ .first = index + 1,
                                       .next = index + 1,
                                       .epoch = state->epoch,
                                       .last = state->last,
                                       .last_term = state->last_term,
                                       .reading = true };
    catalog->busy++;
    read_on(catalog);
}

static void read_on(struct catalog *catalog)
{
    struct behind *behind = &catalog->behind;

    behind->read = (struct log_read){ .group = CATALOG_GROUP,
                                      .first = behind->next,
                                      .last = behind->last,
                                      .bytes_max = CATALOG_READ_BYTES_MAX };
    log_read(catalog->world.log, &behind->read, on_read);
}

static void end(struct catalog *catalog, bool read)
{
    struct behind *behind = &catalog->behind;

    behind->reading = false;
    if (!read)
        behind->last = 0; /* nothing is known: whoever asks next has it read again */
    catalog_idle(catalog);
}

static void on_read(struct log_read *read, enum err err)
{
    struct catalog *catalog = container_of(read, struct catalog, behind.read);
    struct behind *behind = &catalog->behind;
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);
    uint64_t before = behind->next;
    bool keeps = true;
    /* Else the rest may be another leader's. */
    bool same = state != NULL && is_of(behind, state);

    for (uint32_t i = 0; i < read->count && keeps; i++) {
        keeps = keeps_retention(catalog->model, &read->entries[i]);
        behind->next += read->entries[i].head.index == behind->next;
    }
    log_read_fini(read);
    if (!same) {
        end(catalog, false);
    } else if (!keeps || (err == ERR_OK && behind->next > behind->last)) {
        behind->keeps = keeps;
        end(catalog, true);
    } else if (err == ERR_OK && behind->next > before && !catalog->closing) {
        read_on(catalog);
    } else {
        end(catalog, false);
    }
}

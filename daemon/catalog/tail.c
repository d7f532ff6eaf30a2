/* Applies to a model, which is not the node's own one, what this node's log has behind it: as if
 * all of it had been committed. */
#include "catalog/catalog_private.h"

#include "base/ensure.h"
#include "catalog/apply.h"

static void read_on(struct tail *tail);
static void on_read(struct log_read *read, enum err err);

/* Of the entry that the model's last change was; false: it is not there, or not in memory. */
static bool term_of(const struct catalog *catalog, const struct model *model, uint64_t *term)
{
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);
    struct entry_head head;

    if (state == NULL || state->member_count == 0 || model->index > state->last)
        return false;
    if (model->index == state->start_index)
        *term = state->start_term;
    else if (model->index == state->applied) /* once it is filed it need not be in memory */
        *term = state->applied_term;
    else if (model->index + 1 >= state->first &&
             log_head(catalog->world.log, CATALOG_GROUP, model->index, &head) == ERR_OK)
        *term = head.term;
    else
        return false;
    return true;
}

bool tail_extends(const struct catalog *catalog, const struct model *model)
{
    uint64_t term;

    return term_of(catalog, model, &term) && term == model->term;
}

bool tail_differs(const struct catalog *catalog, const struct model *model)
{
    uint64_t term;

    return term_of(catalog, model, &term) && term != model->term;
}

void tail_apply(struct tail *tail)
{
    tail->catalog->busy++;
    read_on(tail);
}

static void end(struct tail *tail, enum err err, const struct reason *reason)
{
    struct catalog *catalog = tail->catalog;

    tail->done(tail, err, reason); /* may free it */
    catalog_idle(catalog);
}

static void read_on(struct tail *tail)
{
    struct reason none = { .text = "" };

    if (tail->model->index >= tail->last) {
        end(tail, ERR_OK, &none);
        return;
    }
    tail->read = (struct log_read){ .group = CATALOG_GROUP,
                                    .first = tail->model->index + 1,
                                    .last = tail->last,
                                    .bytes_max = CATALOG_READ_BYTES_MAX };
    log_read(tail->catalog->world.log, &tail->read, on_read);
}

static void apply_one(struct model *model, const struct log_read_entry *entry)
{
    struct slice payload =
        entry->payload != NULL ? buf_slice(entry->payload) : slice_of(NULL, 0);
    struct reason refused = { .text = "" };
    struct seal seal;

    model->time_ms = entry->head.time_ms;
    if (entry->head.type == ENTRY_SEAL && seal_decode(&seal, payload))
        apply_seal(model, entry->head.index, entry->head.term, &seal);
    else if (apply_change(model, entry->head.index, entry->head.term,
                          entry->head.type == ENTRY_CHANGE ? payload : slice_of(NULL, 0),
                          &refused) != ERR_OK)
        return; /* as it was when it was proposed */
}

static void on_read(struct log_read *read, enum err err)
{
    struct tail *tail = container_of(read, struct tail, read);
    uint64_t before = tail->model->index;

    for (uint32_t i = 0; i < read->count; i++)
        if (read->entries[i].head.index == tail->model->index + 1)
            apply_one(tail->model, &read->entries[i]);
    struct reason reason = read->reason;
    log_read_fini(read);
    if (err == ERR_OK && tail->model->index > before && !tail->catalog->closing) {
        read_on(tail);
        return;
    }
    reason_wrap(&reason, "read the catalogue's log");
    end(tail, err == ERR_OK ? ERR_CLOSED : err, &reason);
}

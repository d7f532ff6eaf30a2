#include "catalog/apply_settings.h"

#include <stdlib.h>

#include "base/mutant.h"
#include "catalog/row_settings.h"

static enum err set_check(const struct model_stream *stream, const Braid__Catalog__SetStream *set,
                          struct reason *reason);
static enum err room_check(const struct model *model, const struct model_stream *stream,
                           const struct model_stream *next, struct reason *reason);

enum err apply_set_stream(struct model *model, const Braid__Catalog__SetStream *set,
                          struct reason *reason)
{
    struct model_stream *stream = model_stream_change(model, set->id);
    struct model_stream next;
    enum err err = set_check(stream, set, reason);

    if (err != ERR_OK)
        return err;
    next = *stream;
    next.retention_hours = set->retention_hours;
    next.record_kib_max = set->record_kib_max;
    next.mode = (enum stream_mode)set->mode;
    err = row_settings_read(set->settings, &next.settings, reason);
    if (err != ERR_OK)
        return err;
    err = row_tags_read(set->tags, set->n_tags, &next.tags, reason);
    if (err != ERR_OK) {
        model_settings_free(next.settings);
        return err;
    }
    next.tag_count = (uint32_t)set->n_tags;
    next.settings->revision = set->revision + 1;
    err = room_check(model, stream, &next, reason);

    struct model_stream gone = err == ERR_OK ? *stream : next;
    if (err == ERR_OK) {
        model->stream_bytes -= model_stream_bytes(stream);
        model->stream_bytes += model_stream_bytes(&next);
        *stream = next;
    }
    model_tags_free(gone.tags, gone.tag_count);
    model_settings_free(gone.settings);
    return err;
}

static enum err set_check(const struct model_stream *stream, const Braid__Catalog__SetStream *set,
                          struct reason *reason)
{
    if (stream == NULL) {
        reason_set(reason, "no such stream");
        return ERR_NOT_FOUND;
    }
    if (stream->status != STREAM_ACTIVE) {
        reason_set(reason, "stream %s is not ACTIVE", stream->name);
        return ERR_CLOSED;
    }
    if (set->revision != model_settings(stream)->revision && !MUTANT(set_blindly)) {
        reason_set(reason, "stream %s was set by somebody else meanwhile", stream->name);
        return ERR_EXPIRED;
    }
    if (set->settings == NULL || set->retention_hours < 1 ||
        set->retention_hours > RETENTION_HOURS_MAX || set->record_kib_max < 1 ||
        set->record_kib_max > RECORD_KIB_MAX || (int)set->mode < STREAM_PROVISIONED ||
        (int)set->mode > STREAM_ON_DEMAND) {
        reason_set(reason, "stream %s: what it shall be set to is out of range", stream->name);
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* What is taken away always fits. */
static enum err room_check(const struct model *model, const struct model_stream *stream,
                           const struct model_stream *next, struct reason *reason)
{
    uint32_t before = model_stream_bytes(stream), after = model_stream_bytes(next);

    if (after <= before || model->stream_bytes - before <= CATALOG_BYTES_MAX - after)
        return ERR_OK;
    reason_set(reason, "the catalogue holds %u bytes of streams and %u are in use: delete streams, "
               "or give this one fewer or shorter tags, or a shorter policy", CATALOG_BYTES_MAX,
               model->stream_bytes);
    return ERR_BUSY;
}

enum err apply_set_account(struct model *model, const Braid__Catalog__SetAccount *set,
                           struct reason *reason)
{
    if (set->account == NULL) {
        reason_set(reason, "no account in it");
        return ERR_INVALID;
    }
    if (set->account->revision != model->commitment.revision) {
        reason_set(reason, "the account was set by somebody else meanwhile");
        return ERR_EXPIRED;
    }
    model->commitment = row_account_read(set->account);
    model->commitment.revision++;
    return ERR_OK;
}

void apply_set_balancing(struct model *model, const Braid__Catalog__Change *change)
{
    uint64_t now_ms = change->proposed_ms == 0 ? 1 : change->proposed_ms;

    if (!change->set_balancing->paused)
        model->balancing_paused_ms = 0;
    else if (model->balancing_paused_ms == 0)
        model->balancing_paused_ms = now_ms;
}

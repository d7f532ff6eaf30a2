#include "catalog/row_settings.h"

#include <stdlib.h>
#include <string.h>

static char *text_take(const char *text, size_t room)
{
    size_t len = strlen(text);

    return len == 0 || len > room ? NULL : memcpy(model_memory(1, len + 1), text, len + 1);
}

char *row_text(const char *text)
{
    union {
        const char *in;
        char *out;
    } same = { .in = text == NULL ? "" : text };

    return same.out;
}

/* ---- reading ---- */

static bool times_read(const uint64_t *ms, size_t count, struct model_times *ret)
{
    if (count > ENCRYPTIONS_MAX)
        return false;
    if (count > 0)
        memcpy(ret->ms, ms, count * sizeof(ms[0]));
    ret->count = (uint32_t)count;
    return true;
}

static bool limits_read(const uint32_t *limits, size_t count, struct model_settings *ret)
{
    if (count > LIMIT_STREAM_COUNT)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t most = limit_row((enum limit)i)->most;
        if (limits[i] > most && limits[i] != LIMIT_UNLIMITED)
            return false;
        ret->limits[i] = limits[i];
    }
    return true;
}

enum err row_settings_read(const Braid__Catalog__Settings *row, struct model_settings **ret,
                           struct reason *reason)
{
    *ret = NULL;
    if (row == NULL)
        return ERR_OK;

    struct model_settings *settings = model_memory(1, sizeof(*settings));
    bool good = row->monitoring < 1u << METRIC_COUNT && strlen(row->key_id) <= KEY_ID_BYTES_MAX &&
                strlen(row->policy) <= POLICY_BYTES_MAX && row->warm_mibps <= INT32_MAX;

    settings->revision = row->revision;
    settings->monitoring = row->monitoring;
    settings->key_id = text_take(row->key_id, KEY_ID_BYTES_MAX);
    settings->warm_mibps = row->warm_mibps;
    settings->spreads = row->spreads;
    settings->policy = row_policy_read(row->policy);
    good &= times_read(row->switched_ms, row->n_switched_ms, &settings->switched);
    good &= times_read(row->encrypted_ms, row->n_encrypted_ms, &settings->encrypted);
    good &= times_read(row->decrypted_ms, row->n_decrypted_ms, &settings->decrypted);
    good &= times_read(row->resharded_ms, row->n_resharded_ms, &settings->resharded);
    good &= limits_read(row->limits, row->n_limits, settings);
    if (good) {
        *ret = settings;
        return ERR_OK;
    }
    reason_set(reason, "one of its settings is out of range");
    model_settings_free(settings);
    return ERR_INVALID;
}

char *row_policy_read(const char *policy)
{
    return text_take(policy, POLICY_BYTES_MAX);
}

enum err row_tags_read(Braid__Catalog__Tag *const rows[], size_t count, struct model_tag **ret,
                       struct reason *reason)
{
    struct model_tag *tags;

    if (count > STREAM_TAGS_MAX) {
        reason_set(reason, "%zu tags, %u are possible", count, STREAM_TAGS_MAX);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < count; i++) {
        if (strlen(rows[i]->key) > TAG_KEY_BYTES_MAX ||
            strlen(rows[i]->value) > TAG_VALUE_BYTES_MAX) {
            reason_set(reason, "tag %zu: key or value too long", i);
            return ERR_INVALID;
        }
    }
    tags = model_memory(count, sizeof(*tags));
    for (size_t i = 0; i < count; i++) {
        size_t key = strlen(rows[i]->key) + 1, value = strlen(rows[i]->value) + 1;
        tags[i].key = memcpy(model_memory(1, key), rows[i]->key, key);
        tags[i].value = memcpy(model_memory(1, value), rows[i]->value, value);
    }
    *ret = tags;
    return ERR_OK;
}

/* ---- writing ---- */

/* False: there is no room. */
static bool times_write(struct arena *arena, const struct model_times *times, uint64_t **ms,
                        size_t *count)
{
    *ms = arena_take(arena, sizeof(times->ms));
    if (*ms == NULL)
        return false;
    memcpy(*ms, times->ms, sizeof(times->ms));
    *count = times->count;
    return true;
}

bool row_settings_write(struct arena *arena, const struct model_settings *settings,
                        Braid__Catalog__Settings **ret)
{
    Braid__Catalog__Settings *row;

    *ret = NULL;
    if (settings == NULL)
        return true;
    row = arena_take(arena, sizeof(*row));
    if (row == NULL)
        return false;
    braid__catalog__settings__init(row);
    row->revision = settings->revision;
    row->monitoring = settings->monitoring;
    row->key_id = row_text(settings->key_id);
    row->warm_mibps = settings->warm_mibps;
    row->spreads = settings->spreads;
    row->policy = row_text(settings->policy);
    row->n_limits = model_limits_count(settings);
    row->limits = arena_take(arena, sizeof(settings->limits));
    if (row->limits == NULL)
        return false;
    memcpy(row->limits, settings->limits, sizeof(settings->limits));
    *ret = row;
    return times_write(arena, &settings->switched, &row->switched_ms, &row->n_switched_ms) &&
           times_write(arena, &settings->encrypted, &row->encrypted_ms, &row->n_encrypted_ms) &&
           times_write(arena, &settings->decrypted, &row->decrypted_ms, &row->n_decrypted_ms) &&
           times_write(arena, &settings->resharded, &row->resharded_ms, &row->n_resharded_ms);
}

Braid__Catalog__Tag **row_tags_write(struct arena *arena, const struct model_tag *tags,
                                     uint32_t count)
{
    Braid__Catalog__Tag **places = arena_take(arena, ((size_t)count + 1) * sizeof(places[0]));
    Braid__Catalog__Tag *rows = arena_take(arena, ((size_t)count + 1) * sizeof(rows[0]));

    if (places == NULL || rows == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        braid__catalog__tag__init(&rows[i]);
        rows[i].key = row_text(tags[i].key);
        rows[i].value = row_text(tags[i].value);
        places[i] = &rows[i];
    }
    return places;
}

/* ---- the account ---- */

struct model_commitment row_account_read(const Braid__Catalog__Account *row)
{
    return (struct model_commitment){ .revision = row->revision,
                                      .started_ms = row->started_ms,
                                      .ended_ms = row->ended_ms };
}

Braid__Catalog__Account row_account_write(const struct model_commitment *commitment)
{
    Braid__Catalog__Account row;

    braid__catalog__account__init(&row);
    row.revision = commitment->revision;
    row.started_ms = commitment->started_ms;
    row.ended_ms = commitment->ended_ms;
    return row;
}

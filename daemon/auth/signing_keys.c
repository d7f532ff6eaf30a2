#include "auth/signing_keys.h"

#include "auth/secret_memory.h"
#include "base/ensure.h"
#include "base/limits.h"

struct row {
    uint8_t key_id_len, region_len; /* key_id_len 0: the place is free */
    char key_id[CREDENTIAL_KEY_CHARS_MAX];
    char day[SIGV4_DAY_CHARS];
    char region[AUTH_REGION_CHARS_MAX];
    unsigned char key[SIGV4_KEY_BYTES];
};

struct signing_keys {
    struct row rows[AUTH_SIGNING_KEYS_MAX];
};

struct signing_keys *signing_keys_new(void)
{
    return secret_memory_new(sizeof(struct signing_keys));
}

void signing_keys_free(struct signing_keys *keys)
{
    secret_memory_free(keys, sizeof(*keys));
}

static uint64_t place(struct slice key_id, const struct sigv4_scope *scope)
{
    uint64_t hash = xxh3(key_id.data, key_id.len, 0);

    hash = xxh3(scope->day.data, scope->day.len, hash);
    return xxh3(scope->region.data, scope->region.len, hash) % AUTH_SIGNING_KEYS_MAX;
}

bool signing_keys_find(const struct signing_keys *keys, struct slice key_id,
                       const struct sigv4_scope *scope, unsigned char ret[SIGV4_KEY_BYTES])
{
    const struct row *row = &keys->rows[place(key_id, scope)];

    if (row->key_id_len == 0 || !slice_equal(slice_of(row->key_id, row->key_id_len), key_id) ||
        !slice_equal(slice_of(row->day, sizeof(row->day)), scope->day) ||
        !slice_equal(slice_of(row->region, row->region_len), scope->region))
        return false;
    memcpy(ret, row->key, SIGV4_KEY_BYTES);
    return true;
}

void signing_keys_put(struct signing_keys *keys, struct slice key_id,
                      const struct sigv4_scope *scope, const unsigned char key[SIGV4_KEY_BYTES])
{
    struct row *row = &keys->rows[place(key_id, scope)];

    ensure(key_id.len > 0 && key_id.len <= sizeof(row->key_id) &&
           scope->day.len == sizeof(row->day) && scope->region.len > 0 &&
           scope->region.len <= sizeof(row->region));
    row->key_id_len = (uint8_t)key_id.len;
    row->region_len = (uint8_t)scope->region.len;
    memcpy(row->key_id, key_id.data, key_id.len);
    memcpy(row->day, scope->day.data, scope->day.len);
    memcpy(row->region, scope->region.data, scope->region.len);
    memcpy(row->key, key, SIGV4_KEY_BYTES);
}

void signing_keys_clear(struct signing_keys *keys)
{
    explicit_bzero(keys, sizeof(*keys));
}

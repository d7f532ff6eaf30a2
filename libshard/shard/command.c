#include "shard/command.h"

#include "base/bytes.h"
#include "base/ensure.h"
#include "base/limits.h"

#define HEAD_BYTES 8u
#define LENGTH_BYTES 4u /* the field that says how many bytes are behind it */
#define HASH_KEY_BYTES 16u
#define KEY_BYTES_MAX (4u * PARTITION_KEY_CHARS_MAX) /* UTF-8 */

size_t command_record_bytes(const struct record *record)
{
    return HEAD_BYTES + record->key.len + record->hash_key.len + record->data.len;
}

static unsigned char *append(unsigned char *to, struct slice bytes)
{
    if (bytes.len > 0)
        memcpy(to, bytes.data, bytes.len);
    return to + bytes.len;
}

unsigned char *command_encode_record(unsigned char *to, const struct record *record)
{
    size_t bytes = command_record_bytes(record);

    ensure(record->key.len >= 1 && record->key.len <= KEY_BYTES_MAX);
    ensure(record->hash_key.len == 0 || record->hash_key.len == HASH_KEY_BYTES);
    ensure(bytes <= ENTRY_PAYLOAD_MAX);

    put_u32(to, (uint32_t)(bytes - LENGTH_BYTES));
    put_u16(to + 4, (uint16_t)record->key.len);
    to[6] = (unsigned char)record->hash_key.len;
    to[7] = 0;
    to = append(to + HEAD_BYTES, record->key);
    to = append(to, record->hash_key);
    return append(to, record->data);
}

enum err command_walk_next(struct command_walk *walk, struct record *record)
{
    if (walk->rest.len == 0)
        return ERR_NOT_FOUND;

    struct reader all = { .rest = walk->rest };
    struct reader one = { .rest = reader_bytes(&all, reader_u32(&all)) };
    uint16_t key_bytes = reader_u16(&one);
    uint8_t hash_key_bytes = reader_u8(&one);
    uint8_t zero = reader_u8(&one);
    struct slice key = reader_bytes(&one, key_bytes);
    struct slice hash_key = reader_bytes(&one, hash_key_bytes);

    if (all.bad || one.bad || zero != 0)
        return ERR_CORRUPT;
    if (key_bytes < 1 || key_bytes > KEY_BYTES_MAX)
        return ERR_CORRUPT;
    if (hash_key_bytes != 0 && hash_key_bytes != HASH_KEY_BYTES)
        return ERR_CORRUPT;

    *record = (struct record){ .key = key, .hash_key = hash_key, .data = one.rest };
    walk->rest = all.rest;
    return ERR_OK;
}

bool command_valid(struct slice payload, uint32_t count)
{
    struct command_walk walk = command_walk_start(payload);
    struct record record;
    uint32_t found = 0;
    enum err err;

    while ((err = command_walk_next(&walk, &record)) == ERR_OK)
        found++;
    return err == ERR_NOT_FOUND && found == count;
}

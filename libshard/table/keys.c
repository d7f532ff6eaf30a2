#include "table/keys.h"

#include "base/bytes.h"

#define NUMBER_KEY_BYTES 8u
#define INDEX_KEY_BYTES 16u
#define STATE_KEY_BYTES 9u

static struct key key_of_number(uint64_t number)
{
    struct key key = { .len = NUMBER_KEY_BYTES };

    put_u64(key.bytes, number);
    return key;
}

struct key key_segment(uint64_t number)
{
    return key_of_number(number);
}

struct key key_index(uint64_t group, uint64_t first)
{
    struct key key = { .len = INDEX_KEY_BYTES };

    put_u64(key.bytes, group);
    put_u64(key.bytes + 8, first);
    return key;
}

struct key key_state(uint64_t group, enum key_state kind)
{
    struct key key = { .len = STATE_KEY_BYTES };

    put_u64(key.bytes, group);
    key.bytes[8] = (unsigned char)kind;
    return key;
}

struct key key_image(uint64_t group)
{
    return key_of_number(group);
}

bool key_segment_read(struct slice key, uint64_t *number)
{
    if (key.len != NUMBER_KEY_BYTES)
        return false;
    *number = get_u64(key.data);
    return true;
}

bool key_index_read(struct slice key, uint64_t *group, uint64_t *first)
{
    if (key.len != INDEX_KEY_BYTES)
        return false;
    *group = get_u64(key.data);
    *first = get_u64(key.data + 8);
    return true;
}

bool key_state_read(struct slice key, uint64_t *group, enum key_state *kind)
{
    if (key.len != STATE_KEY_BYTES || key.data[8] > KEY_STATE_HINT)
        return false;
    *group = get_u64(key.data);
    *kind = (enum key_state)key.data[8];
    return true;
}

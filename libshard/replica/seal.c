#include "replica/seal.h"

#include "base/bytes.h"
#include "base/ensure.h"

#define SEAL_FORMAT 1u
#define SEAL_HEAD_BYTES 6u

struct buf *seal_encode(const struct seal *seal)
{
    struct buf *buf = buf_new(SEAL_HEAD_BYTES + 8u * seal->member_count);

    ensure(seal->member_count >= 1 && seal->member_count <= GROUP_MEMBERS_MAX);
    if (buf == NULL)
        return NULL;
    buf->data[0] = SEAL_FORMAT;
    buf->data[1] = (unsigned char)seal->member_count;
    put_u32(buf->data + 2, seal->epoch);
    for (uint32_t i = 0; i < seal->member_count; i++)
        put_u64(buf->data + SEAL_HEAD_BYTES + 8u * i, seal->members[i]);
    return buf;
}

bool seal_decode(struct seal *seal, struct slice bytes)
{
    struct reader reader = reader_of(bytes);
    struct seal read = { 0 };
    uint8_t format = reader_u8(&reader);

    read.member_count = reader_u8(&reader);
    read.epoch = reader_u32(&reader);
    if (format != SEAL_FORMAT || read.epoch < 2 || read.member_count < 1 ||
        read.member_count > GROUP_MEMBERS_MAX)
        return false;
    for (uint32_t i = 0; i < read.member_count; i++) {
        uint64_t node = reader_u64(&reader);
        if (node == 0 || seal_has(&read, node))
            return false;
        read.members[i] = node;
    }
    if (!reader_done(&reader))
        return false;
    *seal = read;
    return true;
}

bool seal_has(const struct seal *seal, uint64_t node)
{
    for (uint32_t i = 0; i < seal->member_count; i++)
        if (seal->members[i] == node)
            return true;
    return false;
}

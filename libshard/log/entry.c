#include "log/entry.h"

#include "base/bytes.h"
#include "base/digest.h"
#include "base/limits.h"

enum { CRC_AT = 40 };

void entry_head_encode(const struct entry_head *head, unsigned char bytes[ENTRY_HEAD_BYTES])
{
    put_u64(bytes, head->group);
    put_u64(bytes + 8, head->index);
    put_u64(bytes + 16, head->term);
    put_u64(bytes + 24, head->time_ms);
    put_u32(bytes + 32, head->epoch);
    put_u32(bytes + 36, head->length);
    put_u32(bytes + CRC_AT, head->crc);
    put_u16(bytes + 44, head->records);
    bytes[46] = head->type;
    bytes[47] = head->flags;
}

bool entry_head_decode(struct entry_head *head, const unsigned char bytes[ENTRY_HEAD_BYTES])
{
    struct entry_head read = {
        .group = get_u64(bytes),
        .index = get_u64(bytes + 8),
        .term = get_u64(bytes + 16),
        .time_ms = get_u64(bytes + 24),
        .epoch = get_u32(bytes + 32),
        .length = get_u32(bytes + 36),
        .crc = get_u32(bytes + CRC_AT),
        .records = get_u16(bytes + 44),
        .type = bytes[46],
        .flags = bytes[47],
    };

    if (read.type < ENTRY_BARRIER || read.type > ENTRY_END || read.flags != 0)
        return false;
    if (read.records > ENTRY_RECORDS_MAX || read.length > ENTRY_PAYLOAD_MAX)
        return false;
    *head = read;
    return true;
}

uint32_t entry_crc(const struct entry_head *head, struct slice payload)
{
    unsigned char bytes[ENTRY_HEAD_BYTES];

    entry_head_encode(head, bytes);
    put_u32(bytes + CRC_AT, 0);
    return crc32c(crc32c(0, bytes, sizeof(bytes)), payload.data, payload.len);
}

bool entry_matches(const struct entry_head *head, struct slice payload)
{
    return head->length == payload.len && head->crc == entry_crc(head, payload);
}

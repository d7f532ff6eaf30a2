#include "control/holding.h"

#include "base/bytes.h"

#define FORMAT 1u
#define HEAD_BYTES 56u
#define OPEN 1u
#define LEADS 2u
#define HEARS 4u
#define SAME_KEPT 8u /* nobody who does not know it minds it */

struct buf *holding_encode(const struct holding *holding)
{
    uint32_t ids = holding->member_count + (holding->hears != 0);
    struct buf *buf = buf_new(HEAD_BYTES + 8u * ids);

    if (buf == NULL)
        return NULL;
    unsigned char *at = buf->data;
    at[0] = FORMAT;
    at[1] = (unsigned char)holding->member_count;
    at[2] = (unsigned char)((holding->open ? OPEN : 0) | (holding->leads ? LEADS : 0) |
                            (holding->hears != 0 ? HEARS : 0) |
                            (holding->same_kept ? SAME_KEPT : 0));
    at[3] = 0;
    put_u32(at + 4, holding->epoch);
    put_u64(at + 8, holding->first);
    put_u64(at + 16, holding->last);
    put_u64(at + 24, holding->last_term);
    put_u64(at + 32, holding->last_time_ms);
    put_u64(at + 40, holding->applied);
    put_u64(at + 48, holding->records);
    for (uint32_t i = 0; i < holding->member_count; i++)
        put_u64(at + HEAD_BYTES + 8 * (size_t)i, holding->members[i]);
    if (holding->hears != 0)
        put_u64(at + HEAD_BYTES + 8 * (size_t)holding->member_count, holding->hears);
    return buf;
}

bool holding_decode(struct holding *holding, struct slice bytes)
{
    struct reader reader = reader_of(bytes);
    struct holding read = { 0 };
    uint8_t format = reader_u8(&reader);

    read.member_count = reader_u8(&reader);
    uint8_t flags = reader_u8(&reader);
    uint8_t zero = reader_u8(&reader);
    read.open = (flags & OPEN) != 0;
    read.leads = (flags & LEADS) != 0;
    read.same_kept = (flags & SAME_KEPT) != 0;
    read.epoch = reader_u32(&reader);
    read.first = reader_u64(&reader);
    read.last = reader_u64(&reader);
    read.last_term = reader_u64(&reader);
    read.last_time_ms = reader_u64(&reader);
    read.applied = reader_u64(&reader);
    read.records = reader_u64(&reader);
    if (format != FORMAT || zero != 0 || read.member_count > GROUP_MEMBERS_MAX)
        return false;
    for (uint32_t i = 0; i < read.member_count; i++)
        read.members[i] = reader_u64(&reader);
    if ((flags & HEARS) != 0)
        read.hears = reader_u64(&reader);
    if (!reader_done(&reader) || read.epoch == 0 || read.applied > read.last)
        return false;
    *holding = read;
    return true;
}

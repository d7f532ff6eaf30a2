#include "control/compare_message.h"

#include "base/bytes.h"
#include "base/digest.h"
#include "base/ensure.h"

#define VERSION 1u
#define ANSWER_HEAD_BYTES 24u

/* 0 version 1, 1 whether heads are asked for 1, zeros 2; 4 epoch 4; 8 group 8; 16 first 8; 24 last
 * 8; 32 crc32c of what is before 4 */
void compare_ask_write(const struct compare_ask *ask, unsigned char bytes[COMPARE_ASK_BYTES])
{
    memset(bytes, 0, COMPARE_ASK_BYTES);
    bytes[0] = VERSION;
    bytes[1] = ask->heads;
    put_u32(bytes + 4, ask->epoch);
    put_u64(bytes + 8, ask->group);
    put_u64(bytes + 16, ask->first);
    put_u64(bytes + 24, ask->last);
    put_u32(bytes + 32, crc32c(0, bytes, 32));
}

enum err compare_ask_read(struct compare_ask *ask, struct slice bytes)
{
    if (bytes.len != COMPARE_ASK_BYTES || get_u32(bytes.data + 32) != crc32c(0, bytes.data, 32))
        return ERR_CORRUPT;
    if (bytes.data[0] != VERSION)
        return ERR_VERSION;
    *ask = (struct compare_ask){ .group = get_u64(bytes.data + 8),
                                 .first = get_u64(bytes.data + 16),
                                 .last = get_u64(bytes.data + 24),
                                 .epoch = get_u32(bytes.data + 4),
                                 .heads = bytes.data[1] != 0 };
    return ask->group != 0 && ask->first != 0 && ask->first <= ask->last &&
                   ask->last - ask->first < CONTROL_COMPARE_ENTRIES_MAX
               ? ERR_OK
               : ERR_CORRUPT;
}

uint64_t compare_digest(const struct log_read_entry entries[], uint32_t count)
{
    unsigned char head[ENTRY_HEAD_BYTES];
    uint64_t digest = count;

    for (uint32_t i = 0; i < count; i++) {
        entry_head_encode(&entries[i].head, head);
        digest = xxh3(head, sizeof(head), digest);
    }
    return digest;
}

/* 0 first 8; 8 last 8; 16 digest 8; 24 heads */
struct buf *compare_answer_pack(const struct log_read_entry entries[], uint32_t count,
                                uint64_t first, bool heads)
{
    struct buf *buf = buf_new(ANSWER_HEAD_BYTES + (heads ? (size_t)count * ENTRY_HEAD_BYTES : 0));

    if (buf == NULL)
        return NULL;
    put_u64(buf->data, first);
    put_u64(buf->data + 8, first + count - 1);
    put_u64(buf->data + 16, compare_digest(entries, count));
    for (uint32_t i = 0; heads && i < count; i++)
        entry_head_encode(&entries[i].head,
                          buf->data + ANSWER_HEAD_BYTES + (size_t)i * ENTRY_HEAD_BYTES);
    return buf;
}

enum err compare_answer_read(struct compare_answer *answer, const struct compare_ask *ask,
                             struct slice bytes)
{
    if (bytes.len < ANSWER_HEAD_BYTES)
        return ERR_CORRUPT;
    *answer = (struct compare_answer){
        .first = get_u64(bytes.data),
        .last = get_u64(bytes.data + 8),
        .digest = get_u64(bytes.data + 16),
        .heads = slice_of(bytes.data + ANSWER_HEAD_BYTES, bytes.len - ANSWER_HEAD_BYTES),
    };
    if (answer->first == 0)
        return ERR_CORRUPT;
    if (answer->last == answer->first - 1)
        return answer->heads.len == 0 ? ERR_OK : ERR_CORRUPT;
    if (answer->first < ask->first || answer->last < answer->first || answer->last > ask->last)
        return ERR_CORRUPT;
    uint64_t count = answer->last - answer->first + 1;
    return answer->heads.len == (ask->heads ? count * ENTRY_HEAD_BYTES : 0) ? ERR_OK
                                                                            : ERR_CORRUPT;
}

#include "control/epoch_message.h"

#include <string.h>

#include "base/bytes.h"
#include "base/ensure.h"

#define FORMAT 1u
#define ANSWER_HEAD_BYTES 60u
#define PULL_WRITERS_WAIT (1u << 24) /* the flag, above the bytes */
#define NUMBER_MAX (UINT64_MAX >> 2) /* sums of them are made without a look */

struct buf *epoch_word_encode(const struct epoch_word *word)
{
    struct buf *buf = buf_new(12);

    if (buf == NULL)
        return NULL;
    put_u64(buf->data, word->group);
    put_u32(buf->data + 8, word->epoch);
    return buf;
}

bool epoch_word_decode(struct epoch_word *word, struct slice bytes)
{
    struct reader reader = reader_of(bytes);

    word->group = reader_u64(&reader);
    word->epoch = reader_u32(&reader);
    return reader_done(&reader) && word->group > 0 && word->group <= NUMBER_MAX;
}

struct buf *epoch_answer_encode(const struct epoch_answer *answer)
{
    struct buf *buf = buf_new(ANSWER_HEAD_BYTES + 8u * answer->member_count + answer->image_bytes);

    ensure(answer->member_count <= GROUP_MEMBERS_MAX && answer->image_bytes <= IMAGE_BYTES_MAX);
    if (buf == NULL)
        return NULL;
    unsigned char *at = buf->data;
    at[0] = FORMAT;
    at[1] = (unsigned char)answer->member_count;
    put_u16(at + 2, 0);
    put_u32(at + 4, answer->epoch);
    put_u64(at + 8, answer->first);
    put_u64(at + 16, answer->applied);
    put_u64(at + 24, answer->applied_term);
    put_u64(at + 32, answer->applied_time_ms);
    put_u64(at + 40, answer->base_term);
    put_u64(at + 48, answer->base_time_ms);
    put_u32(at + 56, answer->image_bytes);
    at += ANSWER_HEAD_BYTES;
    for (uint32_t i = 0; i < answer->member_count; i++, at += 8)
        put_u64(at, answer->members[i]);
    memcpy(at, answer->image, answer->image_bytes);
    return buf;
}

static bool read_members(struct reader *reader, struct epoch_answer *answer)
{
    for (uint32_t i = 0; i < answer->member_count; i++) {
        answer->members[i] = reader_u64(reader);
        for (uint32_t k = 0; k < i; k++)
            if (answer->members[k] == answer->members[i])
                return false;
        if (answer->members[i] == 0)
            return false;
    }
    return true;
}

bool epoch_answer_decode(struct epoch_answer *answer, struct slice bytes)
{
    struct reader reader = reader_of(bytes);
    struct epoch_answer read = { 0 };
    uint8_t format = reader_u8(&reader);

    read.member_count = reader_u8(&reader);
    uint16_t zero = reader_u16(&reader);
    read.epoch = reader_u32(&reader);
    read.first = reader_u64(&reader);
    read.applied = reader_u64(&reader);
    read.applied_term = reader_u64(&reader);
    read.applied_time_ms = reader_u64(&reader);
    read.base_term = reader_u64(&reader);
    read.base_time_ms = reader_u64(&reader);
    read.image_bytes = reader_u32(&reader);
    if (format != FORMAT || zero != 0 || read.member_count < 1 ||
        read.member_count > GROUP_MEMBERS_MAX || read.image_bytes > IMAGE_BYTES_MAX)
        return false;
    if (read.epoch < 1 || read.first < 2 || read.applied > NUMBER_MAX ||
        read.first > read.applied + 1 || read.applied_term < 1 || read.applied_term > NUMBER_MAX)
        return false;
    if (!read_members(&reader, &read))
        return false;
    struct slice image = reader_bytes(&reader, read.image_bytes);
    if (!reader_done(&reader))
        return false;
    if (image.len > 0)
        memcpy(read.image, image.data, image.len);
    *answer = read;
    return true;
}

void epoch_answer_base(struct epoch_answer *answer, const struct log_state *state)
{
    if (state->first == state->applied + 1) {
        answer->base_term = state->applied_term;
        answer->base_time_ms = state->applied_time_ms;
    } else if (state->first == state->start_index + 1) {
        answer->base_term = state->start_term;
    }
}

bool epoch_answer_has(const struct epoch_answer *answer, uint64_t node)
{
    for (uint32_t i = 0; i < answer->member_count; i++)
        if (answer->members[i] == node)
            return true;
    return false;
}

struct buf *epoch_pull_encode(const struct epoch_pull *pull)
{
    struct buf *buf = buf_new(28);

    if (buf == NULL)
        return NULL;
    put_u64(buf->data, pull->group);
    put_u64(buf->data + 8, pull->first);
    put_u64(buf->data + 16, pull->last);
    put_u32(buf->data + 24, (pull->writers_wait ? PULL_WRITERS_WAIT : 0) | pull->bytes);
    return buf;
}

bool epoch_pull_decode(struct epoch_pull *pull, struct slice bytes)
{
    struct reader reader = reader_of(bytes);

    pull->group = reader_u64(&reader);
    pull->first = reader_u64(&reader);
    pull->last = reader_u64(&reader);
    uint32_t rest = reader_u32(&reader);
    pull->writers_wait = (rest & PULL_WRITERS_WAIT) != 0;
    pull->bytes = rest & ~PULL_WRITERS_WAIT;
    return reader_done(&reader) && pull->group > 0 && pull->group <= NUMBER_MAX &&
           pull->first >= 2 && pull->first <= pull->last && pull->last <= NUMBER_MAX &&
           pull->bytes <= FILL_BYTES_MAX;
}

struct buf *epoch_entries_encode(const struct log_read_entry *entries, uint32_t count)
{
    struct buf *buf = buf_new(4 + (size_t)count * ENTRY_HEAD_BYTES);

    if (buf == NULL)
        return NULL;
    put_u32(buf->data, count);
    for (uint32_t i = 0; i < count; i++)
        entry_head_encode(&entries[i].head, buf->data + 4 + (size_t)i * ENTRY_HEAD_BYTES);
    return buf;
}

bool epoch_entries_decode(struct epoch_entries *entries, struct slice bytes)
{
    struct reader reader = reader_of(bytes);
    uint32_t count = reader_u32(&reader);

    if (reader.bad || count > LOG_READ_ENTRIES_MAX)
        return false;
    struct slice heads = reader_bytes(&reader, (size_t)count * ENTRY_HEAD_BYTES);
    if (reader.bad)
        return false;
    *entries = (struct epoch_entries){
        .heads = reader_of(heads), .payloads = reader, .count = count
    };
    return true;
}

bool epoch_entries_next(struct epoch_entries *entries, uint64_t group, uint64_t index,
                        struct entry_head *head, struct slice *payload)
{
    if (entries->count == 0)
        return false;
    uint32_t left = entries->count - 1;
    entries->count = 0; /* behind one that is refused nothing is taken */
    struct slice bytes = reader_bytes(&entries->heads, ENTRY_HEAD_BYTES);
    if (entries->heads.bad || !entry_head_decode(head, bytes.data))
        return false;
    *payload = reader_bytes(&entries->payloads, head->length);
    if (entries->payloads.bad || head->group != group || head->index != index ||
        !entry_matches(head, *payload))
        return false;
    entries->count = left;
    return true;
}

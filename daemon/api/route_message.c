#include "api/route_message.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "shard/command.h"

#define FLAG_LEADER_ONLY 1u
#define FLAG_THROTTLED 1u
#define FLAG_WATCHES 2u
#define FLAG_RENEWS 1u

static unsigned char *put_head(unsigned char *at, uint8_t flags, uint8_t kind);
static enum err read_head(struct reader *reader, uint8_t *flags, uint8_t *kind);
static enum err read_parts(struct reader *reader, uint32_t records_max, struct read_answer *answer);

void put_ask_encode(const struct put_ask *ask, unsigned char bytes[PUT_ASK_BYTES])
{
    unsigned char *at = put_head(bytes, 0, 0);

    put_u32(at, ask->record_count);
    put_u64(at + 4, ask->group);
}

enum err put_ask_decode(struct slice bytes, struct put_ask *ask)
{
    struct reader reader = reader_of(bytes);
    struct put_ask found;
    uint8_t flags, kind;
    enum err err = read_head(&reader, &flags, &kind);

    if (err != ERR_OK)
        return err;
    found.record_count = reader_u32(&reader);
    found.group = reader_u64(&reader);
    found.records = reader.rest;
    if (reader.bad || found.record_count == 0 || found.record_count > ENTRY_RECORDS_MAX)
        return ERR_INVALID;
    if (found.records.len > (found.record_count == 1 ? ENTRY_PAYLOAD_MAX : ENTRY_BYTES_MAX))
        return ERR_TOO_BIG;
    if (!command_valid(found.records, found.record_count))
        return ERR_INVALID;
    *ask = found;
    return ERR_OK;
}

void put_answer_encode(struct seqno first, unsigned char bytes[PUT_ANSWER_BYTES])
{
    put_u64(bytes, first.index);
    put_u32(bytes + 8, first.ordinal);
    put_u64(bytes + 12, first.time_s);
}

enum err put_answer_decode(struct slice bytes, struct seqno *first)
{
    struct reader reader = reader_of(bytes);
    struct seqno found = { .index = reader_u64(&reader) };

    found.ordinal = reader_u32(&reader);
    found.time_s = reader_u64(&reader);
    if (!reader_done(&reader) || found.ordinal >= ENTRY_RECORDS_MAX ||
        found.index > SEQNO_ENTRY_MAX)
        return ERR_CORRUPT;
    *first = found;
    return ERR_OK;
}

void locate_ask_encode(const struct locate_ask *ask, unsigned char bytes[LOCATE_ASK_BYTES])
{
    unsigned char *at = put_head(bytes, ask->leader_only ? FLAG_LEADER_ONLY : 0,
                                 (uint8_t)ask->type);

    put_u64(at, ask->group);
    put_u64(at + 8, ask->seqno.index);
    put_u32(at + 16, ask->seqno.ordinal);
    put_u64(at + 20, ask->seqno.time_s);
    put_u64(at + 28, ask->time_ms);
    put_u32(at + 36, 0);
}

enum err locate_ask_decode(struct slice bytes, struct locate_ask *ask)
{
    struct reader reader = reader_of(bytes);
    struct locate_ask found = { .group = 0 };
    uint8_t flags, type;
    enum err err = read_head(&reader, &flags, &type);

    if (err != ERR_OK)
        return err;
    found.leader_only = (flags & FLAG_LEADER_ONLY) != 0;
    found.group = reader_u64(&reader);
    found.seqno.index = reader_u64(&reader);
    found.seqno.ordinal = reader_u32(&reader);
    found.seqno.time_s = reader_u64(&reader);
    found.time_ms = reader_u64(&reader);
    (void)reader_u32(&reader);
    if (!reader_done(&reader) || found.seqno.ordinal >= ENTRY_RECORDS_MAX ||
        found.seqno.index > SEQNO_ENTRY_MAX)
        return ERR_INVALID;
    if (type < LOCATE_TRIM_HORIZON || type > LOCATE_AT_TIMESTAMP)
        return ERR_INVALID;
    found.type = (enum locate_type)type;
    *ask = found;
    return ERR_OK;
}

void locate_answer_encode(struct position position, unsigned char bytes[LOCATE_ANSWER_BYTES])
{
    put_u64(bytes, position.index);
    put_u32(bytes + 8, position.ordinal);
}

enum err locate_answer_decode(struct slice bytes, struct position *position)
{
    struct reader reader = reader_of(bytes);
    struct position found = { .index = reader_u64(&reader) };

    found.ordinal = reader_u32(&reader);
    if (!reader_done(&reader) || found.index > SEQNO_ENTRY_MAX)
        return ERR_CORRUPT;
    *position = found;
    return ERR_OK;
}

void read_ask_encode(const struct read_ask *ask, unsigned char bytes[READ_ASK_BYTES])
{
    uint8_t flags = (ask->leader_only ? FLAG_LEADER_ONLY : 0) | (ask->watches ? FLAG_WATCHES : 0);
    unsigned char *at = put_head(bytes, flags, 0);

    put_u64(at, ask->group);
    put_u64(at + 8, ask->from.index);
    put_u32(at + 16, ask->from.ordinal);
    put_u32(at + 20, ask->records_max);
    put_u64(at + 24, ask->bytes_max);
}

enum err read_ask_decode(struct slice bytes, struct read_ask *ask)
{
    struct reader reader = reader_of(bytes);
    struct read_ask found = { .group = 0 };
    uint8_t flags, kind;
    enum err err = read_head(&reader, &flags, &kind);

    if (err != ERR_OK)
        return err;
    found.leader_only = (flags & FLAG_LEADER_ONLY) != 0;
    found.watches = (flags & FLAG_WATCHES) != 0;
    found.group = reader_u64(&reader);
    found.from.index = reader_u64(&reader);
    found.from.ordinal = reader_u32(&reader);
    found.records_max = reader_u32(&reader);
    found.bytes_max = reader_u64(&reader);
    if (!reader_done(&reader) || found.from.index > SEQNO_ENTRY_MAX || found.records_max == 0 ||
        found.records_max > GET_RECORDS_MAX || found.bytes_max > GET_BYTES_MAX)
        return ERR_INVALID;
    *ask = found;
    return ERR_OK;
}

struct buf *read_answer_encode(const struct read_answer *answer)
{
    struct buf *buf =
        buf_new(READ_ANSWER_HEAD_BYTES + (size_t)answer->part_count * READ_ANSWER_PART_BYTES);

    if (buf == NULL)
        return NULL;
    put_u32(buf->data, answer->part_count);
    put_u32(buf->data + 4, answer->record_count);
    put_u64(buf->data + 8, answer->next.index);
    put_u32(buf->data + 16, answer->next.ordinal);
    put_u64(buf->data + 20, answer->behind_ms);
    for (uint32_t i = 0; i < answer->part_count; i++) {
        const struct read_part *part = &answer->parts[i];
        unsigned char *at = buf->data + READ_ANSWER_HEAD_BYTES + (size_t)i * READ_ANSWER_PART_BYTES;

        put_u64(at, part->index);
        put_u64(at + 8, part->time_ms);
        put_u32(at + 16, part->first_ordinal);
        put_u32(at + 20, part->count);
        put_u32(at + 24, (uint32_t)part->records.len);
    }
    return buf;
}

enum err read_answer_decode(struct slice bytes, uint32_t records_max, struct read_answer *answer)
{
    struct reader reader = reader_of(bytes);
    struct read_answer found = { .part_count = reader_u32(&reader) };

    found.record_count = reader_u32(&reader);
    found.next.index = reader_u64(&reader);
    found.next.ordinal = reader_u32(&reader);
    found.behind_ms = reader_u64(&reader);
    if (reader.bad || found.part_count > READ_PARTS_MAX || found.record_count > records_max)
        return ERR_CORRUPT;

    found.parts = calloc(found.part_count > 0 ? found.part_count : 1, sizeof(*found.parts));
    if (found.parts == NULL)
        return ERR_NO_MEMORY;
    enum err err = read_parts(&reader, records_max, &found);
    if (err != ERR_OK) {
        free(found.parts);
        return err;
    }
    *answer = found;
    return ERR_OK;
}

void grant_ask_encode(const struct grant_ask *ask, unsigned char bytes[GRANT_ASK_BYTES])
{
    unsigned char *at = put_head(bytes, ask->renews ? FLAG_RENEWS : 0, 0);

    put_u64(at, ask->group);
    put_u64(at + 8, ask->consumer);
    put_u64(at + 16, ask->token);
    put_u32(at + 24, ask->age_ms);
}

enum err grant_ask_decode(struct slice bytes, struct grant_ask *ask)
{
    struct reader reader = reader_of(bytes);
    struct grant_ask found = { .group = 0 };
    uint8_t flags, kind;
    enum err err = read_head(&reader, &flags, &kind);

    if (err != ERR_OK)
        return err;
    found.renews = (flags & FLAG_RENEWS) != 0;
    found.group = reader_u64(&reader);
    found.consumer = reader_u64(&reader);
    found.token = reader_u64(&reader);
    found.age_ms = reader_u32(&reader);
    if (!reader_done(&reader) || found.token == 0)
        return ERR_INVALID;
    *ask = found;
    return ERR_OK;
}

struct buf *refusal_encode(const struct refusal *refusal)
{
    size_t len = strlen(refusal->reason.text);
    struct buf *buf = buf_new(REFUSAL_HEAD_BYTES + len);

    if (buf == NULL)
        return NULL;
    unsigned char *at = put_head(buf->data, refusal->throttled ? FLAG_THROTTLED : 0, 0);
    put_u64(at, refusal->leader);
    memcpy(at + 8, refusal->reason.text, len);
    return buf;
}

struct refusal refusal_decode(struct slice bytes)
{
    struct reader reader = reader_of(bytes);
    struct refusal refusal = { .leader = 0 };
    uint8_t flags, kind;

    if (read_head(&reader, &flags, &kind) != ERR_OK)
        return refusal;
    uint64_t leader = reader_u64(&reader);
    if (reader.bad)
        return refusal;
    refusal.leader = leader;
    refusal.throttled = (flags & FLAG_THROTTLED) != 0;
    reason_set(&refusal.reason, "%.*s", (int)(reader.rest.len < REASON_BYTES_MAX
                                                  ? reader.rest.len : REASON_BYTES_MAX),
               reader.rest.len == 0 ? "" : (const char *)reader.rest.data);
    return refusal;
}

/* Every message but the answers that are read on success begins alike. */
static unsigned char *put_head(unsigned char *at, uint8_t flags, uint8_t kind)
{
    at[0] = ROUTE_MESSAGE_VERSION;
    at[1] = flags;
    at[2] = kind;
    at[3] = 0;
    return at + 4;
}

static enum err read_head(struct reader *reader, uint8_t *flags, uint8_t *kind)
{
    uint8_t version = reader_u8(reader);

    *flags = reader_u8(reader);
    *kind = reader_u8(reader);
    (void)reader_u8(reader);
    if (reader->bad)
        return ERR_INVALID;
    return version == ROUTE_MESSAGE_VERSION ? ERR_OK : ERR_VERSION;
}

static enum err read_parts(struct reader *reader, uint32_t records_max, struct read_answer *answer)
{
    uint32_t records = 0;
    struct reader table =
        reader_of(reader_bytes(reader, (size_t)answer->part_count * READ_ANSWER_PART_BYTES));

    if (reader->bad)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < answer->part_count; i++) {
        struct read_part *part = &answer->parts[i];

        part->index = reader_u64(&table);
        part->time_ms = reader_u64(&table);
        part->first_ordinal = reader_u32(&table);
        part->count = reader_u32(&table);
        part->records = reader_bytes(reader, reader_u32(&table));
        if (reader->bad || part->index > SEQNO_ENTRY_MAX || part->count == 0 ||
            part->count > ENTRY_RECORDS_MAX || part->first_ordinal >= ENTRY_RECORDS_MAX ||
            part->count > ENTRY_RECORDS_MAX - part->first_ordinal)
            return ERR_CORRUPT;
        if (!command_valid(part->records, part->count))
            return ERR_CORRUPT;
        records += part->count;
    }
    if (!reader_done(reader) || records != answer->record_count || records > records_max)
        return ERR_CORRUPT;
    return ERR_OK;
}

#include "replica/envelope.h"

static bool known(const struct envelope *envelope);

void envelope_frame_encode(unsigned char bytes[ENVELOPE_FRAME_BYTES], uint32_t envelopes,
                           uint32_t head_bytes)
{
    put_u16(bytes, ENVELOPE_FORMAT);
    put_u16(bytes + 2, 0);
    put_u32(bytes + 4, envelopes);
    put_u32(bytes + 8, head_bytes);
    put_u32(bytes + 12, 0);
}

void envelope_encode(const struct envelope *envelope, unsigned char bytes[ENVELOPE_BYTES])
{
    uint64_t numbers[3] = { 0, 0, 0 };

    switch ((enum envelope_type)envelope->type) {
    case ENVELOPE_APPEND:
        numbers[0] = envelope->append.prev_index;
        numbers[1] = envelope->append.prev_term;
        numbers[2] = envelope->append.commit;
        break;
    case ENVELOPE_APPENDED:
        numbers[0] = envelope->appended.rejected;
        numbers[1] = envelope->appended.last_index;
        break;
    case ENVELOPE_VOTE:
        numbers[0] = envelope->vote.last_index;
        numbers[1] = envelope->vote.last_term;
        break;
    case ENVELOPE_VOTED:
        break;
    }
    put_u64(bytes, envelope->group);
    put_u64(bytes + 8, envelope->term);
    put_u32(bytes + 16, envelope->epoch);
    bytes[20] = envelope->type;
    bytes[21] = envelope->flags;
    put_u16(bytes + 22, envelope->entries);
    put_u64(bytes + 24, envelope->stamp);
    for (unsigned k = 0; k < 3; k++)
        put_u64(bytes + 32 + 8 * k, numbers[k]);
}

bool envelope_reader_init(struct envelope_reader *reader, struct slice frame)
{
    struct reader bytes = reader_of(frame);
    uint16_t format = reader_u16(&bytes);
    uint16_t zero = reader_u16(&bytes);
    uint32_t envelopes = reader_u32(&bytes);
    uint32_t head_bytes = reader_u32(&bytes);
    uint32_t zeros = reader_u32(&bytes);
    struct slice heads = reader_bytes(&bytes, head_bytes);

    if (bytes.bad || format != ENVELOPE_FORMAT || zero != 0 || zeros != 0)
        return false;
    *reader = (struct envelope_reader){
        .heads = reader_of(heads), .payloads = bytes, .left = envelopes
    };
    return true;
}

bool envelope_next(struct envelope_reader *reader, struct envelope *ret, struct slice *heads)
{
    struct reader *in = &reader->heads;
    struct envelope envelope = { 0 };
    uint64_t numbers[3];

    if (reader->left == 0)
        return false;
    envelope.group = reader_u64(in);
    envelope.term = reader_u64(in);
    envelope.epoch = reader_u32(in);
    envelope.type = reader_u8(in);
    envelope.flags = reader_u8(in);
    envelope.entries = reader_u16(in);
    envelope.stamp = reader_u64(in);
    for (unsigned k = 0; k < 3; k++)
        numbers[k] = reader_u64(in);

    switch (envelope.type) {
    case ENVELOPE_APPEND:
        envelope.append.prev_index = numbers[0];
        envelope.append.prev_term = numbers[1];
        envelope.append.commit = numbers[2];
        break;
    case ENVELOPE_APPENDED:
        envelope.appended.rejected = numbers[0];
        envelope.appended.last_index = numbers[1];
        break;
    default:
        envelope.vote.last_index = numbers[0];
        envelope.vote.last_term = numbers[1];
        break;
    }

    struct slice entries = reader_bytes(in, (size_t)envelope.entries * ENTRY_HEAD_BYTES);
    if (in->bad || !known(&envelope))
        return false;
    reader->left--;
    *ret = envelope;
    *heads = entries;
    return true;
}

/* Whether any node could have sent this: numbers from which a sum may be made are kept far from
 * their ends, so that nobody behind has to think of overflow. */
static bool known(const struct envelope *envelope)
{
    const uint64_t number_max = UINT64_MAX >> 2;
    uint8_t flags = 0;

    if (envelope->type < ENVELOPE_APPEND || envelope->type > ENVELOPE_VOTED)
        return false;
    if (envelope->term > number_max || envelope->append.prev_index > number_max ||
        envelope->append.prev_term > number_max || envelope->append.commit > number_max)
        return false;
    if (envelope->type == ENVELOPE_VOTE)
        flags = ENVELOPE_PRE_VOTE;
    if (envelope->type == ENVELOPE_VOTED)
        flags = ENVELOPE_PRE_VOTE | ENVELOPE_GRANTED;
    if ((envelope->flags & ~flags) != 0)
        return false;
    if (envelope->type != ENVELOPE_APPEND)
        return envelope->entries == 0;
    return envelope->entries <= ENVELOPE_ENTRIES_MAX && envelope->append.prev_index > 0;
}

bool envelope_entry(struct envelope_reader *reader, const struct envelope *envelope, uint32_t at,
                    const unsigned char *bytes, struct entry_head *head, struct slice *payload,
                    bool *cut)
{
    struct entry_head decoded;

    *cut = true; /* without the length the place of all further payloads is unknown */
    if (!entry_head_decode(&decoded, bytes))
        return false;
    struct slice data = reader_bytes(&reader->payloads, decoded.length);
    if (reader->payloads.bad)
        return false;

    *cut = false;
    if (decoded.group != envelope->group || decoded.epoch != envelope->epoch)
        return false;
    if (decoded.index != envelope->append.prev_index + 1 + at)
        return false;
    if (decoded.term == 0 || decoded.term > envelope->term ||
        decoded.term < envelope->append.prev_term)
        return false;
    if (!entry_matches(&decoded, data))
        return false;
    *head = decoded;
    *payload = data;
    return true;
}

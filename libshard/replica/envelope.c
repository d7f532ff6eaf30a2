#include "replica/envelope.h"

static bool known(const struct envelope *envelope);

/* From a number a sum may be made: they are kept far from their ends, so that nobody behind has to
 * think of overflow. */
#define NUMBER_MAX (UINT64_MAX >> 2)

static void put_word(unsigned char *bytes, const struct envelope_word *word)
{
    put_u64(bytes, word->boot);
    put_u64(bytes + 8, word->turn);
}

void envelope_frame_encode(unsigned char bytes[ENVELOPE_FRAME_BYTES],
                           const struct envelope_frame *frame)
{
    put_u16(bytes, ENVELOPE_FORMAT);
    put_u16(bytes + 2, 0);
    put_u32(bytes + 4, frame->envelopes);
    put_u32(bytes + 8, frame->head_bytes);
    put_u32(bytes + 12, 0);
    put_word(bytes + 16, &frame->said);
    for (unsigned k = 0; k < ENVELOPE_HEARD; k++)
        put_word(bytes + 32 + 16 * k, &frame->heard[k]);
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
    case ENVELOPE_ELECT:
    case ENVELOPE_LET_GO:
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

/* False when no node says so: a word has both or nothing. */
static bool read_word(struct reader *bytes, struct envelope_word *word)
{
    word->boot = reader_u64(bytes);
    word->turn = reader_u64(bytes);
    return word->turn <= NUMBER_MAX && (word->turn == 0 || word->boot != 0);
}

bool envelope_reader_init(struct envelope_reader *reader, struct slice frame)
{
    struct reader bytes = reader_of(frame);
    struct envelope_frame read = { 0 };
    uint16_t format = reader_u16(&bytes);
    uint16_t zero = reader_u16(&bytes);
    read.envelopes = reader_u32(&bytes);
    read.head_bytes = reader_u32(&bytes);
    uint32_t zeros = reader_u32(&bytes);
    bool known_words = read_word(&bytes, &read.said);

    for (unsigned k = 0; k < ENVELOPE_HEARD; k++)
        known_words = read_word(&bytes, &read.heard[k]) && known_words;
    struct slice heads = reader_bytes(&bytes, read.head_bytes);
    if (bytes.bad || format != ENVELOPE_FORMAT || zero != 0 || zeros != 0 || !known_words)
        return false;
    *reader = (struct envelope_reader){
        .frame = read, .heads = reader_of(heads), .payloads = bytes, .left = read.envelopes
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

/* Whether any node could have sent this. */
static bool known(const struct envelope *envelope)
{
    uint8_t flags = 0;

    if ((envelope->type < ENVELOPE_APPEND || envelope->type > ENVELOPE_VOTED) &&
        envelope->type != ENVELOPE_ELECT && envelope->type != ENVELOPE_LET_GO)
        return false;
    if (envelope->term > NUMBER_MAX || envelope->append.prev_index > NUMBER_MAX ||
        envelope->append.prev_term > NUMBER_MAX || envelope->append.commit > NUMBER_MAX)
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

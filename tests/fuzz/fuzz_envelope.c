/* Any bytes as a frame of raft messages from a peer.
 *
 * What must hold, whatever comes:
 *
 *   - reading ends, and gives no bytes from outside the frame;
 *   - an entry that is given is what its head names;
 *   - a frame's head encodes to the bytes that it was;
 *   - a message that is given encodes to bytes that read as the same message.
 */
#include <stdint.h>
#include <string.h>

#include "base/ensure.h"
#include "replica/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const struct envelope_frame *head, struct slice frame)
{
    unsigned char bytes[ENVELOPE_FRAME_BYTES];

    envelope_frame_encode(bytes, head);
    ensure(memcmp(bytes, frame.data, sizeof(bytes)) == 0);
    ensure(head->said.turn == 0 || head->said.boot != 0);
}

static void check_round_trip(const struct envelope *envelope)
{
    unsigned char bytes[ENVELOPE_FRAME_BYTES + ENVELOPE_BYTES], again[ENVELOPE_BYTES];
    struct envelope bare = *envelope, back;
    struct envelope_reader reader;
    struct slice heads;

    bare.entries = 0;
    struct envelope_frame frame = { .envelopes = 1, .head_bytes = ENVELOPE_BYTES };
    envelope_frame_encode(bytes, &frame);
    envelope_encode(&bare, bytes + ENVELOPE_FRAME_BYTES);
    ensure(envelope_reader_init(&reader, slice_of(bytes, sizeof(bytes))));
    ensure(envelope_next(&reader, &back, &heads));
    ensure(heads.len == 0 && reader.left == 0);
    envelope_encode(&back, again);
    ensure(memcmp(again, bytes + ENVELOPE_FRAME_BYTES, sizeof(again)) == 0);
}

static void check_entry(const struct envelope *envelope, const struct entry_head *head,
                        struct slice payload, struct slice frame)
{
    ensure(head->group == envelope->group && head->epoch == envelope->epoch);
    ensure(head->term <= envelope->term && head->index > envelope->append.prev_index);
    ensure(payload.len == head->length && entry_matches(head, payload));
    ensure(payload.len == 0 ||
           (payload.data >= frame.data && payload.data + payload.len <= frame.data + frame.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice frame = slice_of(data, size), heads;
    struct envelope_reader reader;
    struct envelope envelope;
    bool cut = false;

    if (!envelope_reader_init(&reader, frame))
        return 0;
    check_head(&reader.frame, frame);
    while (!cut && envelope_next(&reader, &envelope, &heads)) {
        check_round_trip(&envelope);
        for (uint32_t k = 0; k < envelope.entries && !cut; k++) {
            struct entry_head head;
            struct slice payload;

            if (envelope_entry(&reader, &envelope, k, heads.data + (size_t)k * ENTRY_HEAD_BYTES,
                               &head, &payload, &cut))
                check_entry(&envelope, &head, payload, frame);
        }
    }
    return 0;
}

#include "fake.h"

#include <stdlib.h>
#include <string.h>

#include "replica/envelope.h"

#define GROUP 9u
#define FRAME_MAX 4096u

struct frame {
    unsigned char bytes[FRAME_MAX];
    size_t len;
};

/* A frame with a vote, and an append of two entries of 5 and 0 bytes behind (6, term 2). */
static struct frame frame_make(void)
{
    struct frame frame = { .len = ENVELOPE_FRAME_BYTES };
    struct envelope vote = {
        .group = GROUP, .term = 4, .epoch = 2, .type = ENVELOPE_VOTE, .flags = ENVELOPE_PRE_VOTE
    };
    struct envelope append = { .group = GROUP, .term = 3, .epoch = 2, .type = ENVELOPE_APPEND,
                               .entries = 2, .stamp = 77 };

    vote.vote.last_index = 6;
    vote.vote.last_term = 2;
    envelope_encode(&vote, frame.bytes + frame.len);
    frame.len += ENVELOPE_BYTES;
    append.append.prev_index = 6;
    append.append.prev_term = 2;
    append.append.commit = 5;
    envelope_encode(&append, frame.bytes + frame.len);
    frame.len += ENVELOPE_BYTES;
    for (uint64_t k = 0; k < 2; k++) {
        struct entry_head head = { .group = GROUP, .index = 7 + k, .term = 3, .time_ms = 1000,
                                   .epoch = 2, .length = k == 0 ? 5 : 0,
                                   .records = k == 0 ? 1 : 0,
                                   .type = k == 0 ? ENTRY_RECORDS : ENTRY_BARRIER };
        head.crc = entry_crc(&head, slice_of("hello", head.length));
        entry_head_encode(&head, frame.bytes + frame.len);
        frame.len += ENTRY_HEAD_BYTES;
    }
    struct envelope_frame head = { .envelopes = 2,
                                   .head_bytes = (uint32_t)(frame.len - ENVELOPE_FRAME_BYTES),
                                   .said = { 5, 60 },
                                   .heard = { { 7, 80 }, { 6, 70 } } };
    envelope_frame_encode(frame.bytes, &head);
    memcpy(frame.bytes + frame.len, "hello", 5);
    frame.len += 5;
    return frame;
}

/* Reads all of a frame; how many messages and entries were good. */
static void walk(struct slice bytes, uint32_t *messages, uint32_t *entries)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;
    bool cut = false;

    *messages = *entries = 0;
    if (!envelope_reader_init(&reader, bytes))
        return;
    while (!cut && envelope_next(&reader, &envelope, &heads)) {
        ++*messages;
        assert_int_equal(heads.len, (size_t)envelope.entries * ENTRY_HEAD_BYTES);
        for (uint32_t k = 0; k < envelope.entries && !cut; k++) {
            struct entry_head head;
            struct slice payload;
            if (envelope_entry(&reader, &envelope, k, heads.data + (size_t)k * ENTRY_HEAD_BYTES,
                               &head, &payload, &cut)) {
                ++*entries;
                if (payload.len > 0) {
                    assert_true(payload.data >= bytes.data);
                    assert_true(payload.data + payload.len <= bytes.data + bytes.len);
                }
            }
        }
    }
}

static void what_is_written_is_read(void **state)
{
    struct frame frame = frame_make();
    struct envelope_reader reader;
    struct envelope envelope;
    struct entry_head head;
    struct slice heads, payload;
    bool cut;

    assert_true(envelope_reader_init(&reader, slice_of(frame.bytes, frame.len)));
    assert_int_equal(reader.frame.said.boot, 5);
    assert_int_equal(reader.frame.said.turn, 60);
    for (uint64_t k = 0; k < ENVELOPE_HEARD; k++) {
        assert_int_equal(reader.frame.heard[k].boot, 7 - k);
        assert_int_equal(reader.frame.heard[k].turn, 80 - 10 * k);
    }
    assert_true(envelope_next(&reader, &envelope, &heads));
    assert_int_equal(envelope.type, ENVELOPE_VOTE);
    assert_int_equal(envelope.flags, ENVELOPE_PRE_VOTE);
    assert_int_equal(envelope.vote.last_index, 6);
    assert_int_equal(envelope.vote.last_term, 2);
    assert_true(envelope_next(&reader, &envelope, &heads));
    assert_int_equal(envelope.group, GROUP);
    assert_int_equal(envelope.term, 3);
    assert_int_equal(envelope.epoch, 2);
    assert_int_equal(envelope.stamp, 77);
    assert_int_equal(envelope.append.prev_index, 6);
    assert_int_equal(envelope.append.prev_term, 2);
    assert_int_equal(envelope.append.commit, 5);
    assert_true(envelope_entry(&reader, &envelope, 0, heads.data, &head, &payload, &cut));
    assert_int_equal(head.index, 7);
    assert_memory_equal(payload.data, "hello", 5);
    assert_true(envelope_entry(&reader, &envelope, 1, heads.data + ENTRY_HEAD_BYTES, &head,
                               &payload, &cut));
    assert_int_equal(payload.len, 0);
    assert_false(envelope_next(&reader, &envelope, &heads));
    assert_int_equal(reader.left, 0);
}

static void a_frame_that_ends_early_gives_only_what_is_whole(void **state)
{
    struct frame frame = frame_make();
    uint32_t messages, entries;

    for (size_t len = 0; len < frame.len; len++) {
        unsigned char *copy = malloc(len == 0 ? 1 : len);
        memcpy(copy, frame.bytes, len);
        walk(slice_of(copy, len), &messages, &entries);
        assert_true(entries < 2);
        free(copy);
    }
    walk(slice_of(frame.bytes, frame.len), &messages, &entries);
    assert_int_equal(messages, 2);
    assert_int_equal(entries, 2);
}

static void each_changed_byte_of_an_entry_is_noticed(void **state)
{
    struct frame frame = frame_make();
    uint32_t messages, entries;
    size_t heads = ENVELOPE_FRAME_BYTES + 2 * ENVELOPE_BYTES;

    for (size_t at = heads; at < frame.len; at++) {
        frame.bytes[at] ^= 0x40;
        walk(slice_of(frame.bytes, frame.len), &messages, &entries);
        assert_true(entries < 2);
        frame.bytes[at] ^= 0x40;
    }
}

static void any_changed_byte_does_no_harm(void **state)
{
    struct frame frame = frame_make();
    uint32_t messages, entries;

    for (size_t at = 0; at < frame.len; at++)
        for (unsigned value = 0; value < 256; value++) {
            unsigned char was = frame.bytes[at];
            frame.bytes[at] = (unsigned char)value;
            walk(slice_of(frame.bytes, frame.len), &messages, &entries);
            frame.bytes[at] = was;
        }
}

/* A hostile frame of one message, to a running replica. */
static void attack(struct fake *fake, uint64_t from, const struct envelope *envelope)
{
    struct fake_node *node = fake_node(fake, 1);
    AUTO_UNREF struct buf *buf = buf_new(ENVELOPE_FRAME_BYTES + ENVELOPE_BYTES);
    struct net_message message = { from, NET_RAFT, buf_slice(buf), buf };

    struct envelope_frame frame = { .envelopes = 1, .head_bytes = ENVELOPE_BYTES };
    envelope_frame_encode(buf->data, &frame);
    envelope_encode(envelope, buf->data + ENVELOPE_FRAME_BYTES);
    node->net.on_raft(node->net.ctx, &message);
    turn_settle(&node->clock.turn);
}

static void messages_of_other_epochs_groups_and_nodes_are_dropped(void **state)
{
    struct fake *fake = fake_new(4);
    struct envelope envelope = { .group = GROUP, .term = 50, .epoch = 1, .type = ENVELOPE_APPEND };

    envelope.append.prev_index = envelope.append.prev_term = 1;
    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    uint64_t term = replica_status(leader->replica).term;
    uint64_t dropped = roster_figures(fake_node(fake, 1)->roster).dropped_messages;

    envelope.epoch = 2;
    attack(fake, 2, &envelope);
    envelope.epoch = 1;
    envelope.group = GROUP + 1;
    attack(fake, 2, &envelope);
    envelope.group = GROUP;
    attack(fake, 4, &envelope);
    attack(fake, 1, &envelope);
    assert_int_equal(roster_figures(fake_node(fake, 1)->roster).dropped_messages, dropped + 4);
    assert_int_equal(replica_status(leader->replica).term, term);

    attack(fake, 2, &envelope); /* the same, from a member and of this epoch, is believed */
    assert_int_equal(replica_status(leader->replica).term, 50);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_frame_that_ends_early_gives_only_what_is_whole),
        cmocka_unit_test(each_changed_byte_of_an_entry_is_noticed),
        cmocka_unit_test(any_changed_byte_does_no_harm),
        cmocka_unit_test(messages_of_other_epochs_groups_and_nodes_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

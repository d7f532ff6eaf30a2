/* Followers that libraft by itself leaves waiting. */
#include "fake.h"

#include <string.h>

#include "replica/envelope.h"
#include "replica/replica_private.h"

#define GROUP 3u

/* As if node 3 had said so to node 1. */
static void forge_refusal(struct fake *fake, uint64_t rejected, uint64_t last)
{
    const struct fake_owner *leader = fake_owner(fake, 1, GROUP);
    struct envelope_frame frame = { .envelopes = 1, .head_bytes = ENVELOPE_BYTES };
    struct envelope envelope = { .group = GROUP,
                                 .epoch = leader->replica->epoch,
                                 .type = ENVELOPE_APPENDED,
                                 .term = leader->replica->term,
                                 .appended = { .rejected = rejected, .last_index = last } };
    AUTO_UNREF struct buf *bytes = buf_new(ENVELOPE_FRAME_BYTES + ENVELOPE_BYTES);
    struct net_message message = { 3, NET_RAFT, buf_slice(bytes), bytes };

    envelope_frame_encode(bytes->data, &frame);
    envelope_encode(&envelope, bytes->data + ENVELOPE_FRAME_BYTES);
    struct fake_node *node = fake_node(fake, 1);
    node->net.on_raft(node->net.ctx, &message);
    turn_settle(&node->clock.turn);
}

/* Simulator, seed 2162 of its day: libraft had walked down to its first index, where it asks for a
 * snapshot and comes up again by a success only.  The follower's last refusal named an entry that
 * the leader had not committed, so that it had nothing to be fed: nobody sent it anything any more.
 */
static void who_seems_not_to_be_behind_is_lifted_too(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    fake_cut_off(fake, 3, true);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    const struct replica *replica = leader->replica;
    assert_int_equal(leader->node->id, 1);
    uint64_t index = fake_put(fake, leader, 100);
    struct member *third = replica_member(leader->replica, 3);
    assert_int_equal(third->match, 0);

    forge_refusal(fake, replica->barrier_index - 1, 0);
    forge_refusal(fake, index + 2, index + 5);
    assert_true(third->hint > replica->committed);
    fake_cut_off(fake, 3, false);
    fake_run(fake, 3 * FAKE_BEAT); /* before it would stand itself, which helps here */
    assert_int_equal(fake_owner(fake, 3, GROUP)->applied, leader->applied);
    fake_free(fake);
}

/* Each reads a few MiB for a message of 100 KiB, and writers write to that disk too. */
static void few_feeds_read_at_once(void **state)
{
    struct fake *fake = fake_new(3);
    struct log *log = &fake_node(fake, 1)->log;
    enum { GROUPS = 12, PUTS = 8 }; /* all of them in segments that are not full */

    for (uint64_t group = 1; group <= GROUPS; group++) {
        fake_group(fake, group, 3, 1);
        fake_leader(fake, group);
    }
    fake_cut_off(fake, 3, true);
    for (uint64_t group = 1; group <= GROUPS; group++)
        for (unsigned i = 0; i < PUTS; i++)
            fake_put(fake, fake_owner(fake, 1, group), 100);
    log->reads_take_ms = 5;
    log->reading_most = 0;
    fake_cut_off(fake, 3, false);
    fake_run(fake, 6 * FAKE_BEAT);

    assert_in_range(log->reading_most, 1, FEEDS_READ_MAX);
    for (uint64_t group = 1; group <= GROUPS; group++)
        assert_int_equal(fake_owner(fake, 3, group)->applied, fake_owner(fake, 1, group)->applied);
    fake_free(fake);
}

static void ignore_settled(struct proposal *proposal, enum err err, uint64_t index)
{
    assert_int_equal(err, ERR_OK);
}

/* Nodes act on changes of the catalogue: none waits for the next heartbeat. */
static void that_a_change_is_committed_is_said_at_once(void **state)
{
    struct fake *fake = fake_new(3);
    AUTO_UNREF struct buf *payload = buf_new(10);

    memset(payload->data, 1, payload->len);
    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_run(fake, 2 * FAKE_BEAT);
    for (unsigned i = 0; i < 5; i++) {
        struct proposal change;
        assert_int_equal(
            replica_propose(leader->replica, &change, ENTRY_CHANGE, payload, 0, ignore_settled),
            ERR_OK);
        while (leader->applied < change.index)
            fake_run(fake, 1);
        fake_run(fake, FAKE_BEAT / 5);
        for (uint64_t k = 1; k <= 3; k++)
            assert_int_equal(fake_owner(fake, k, GROUP)->applied, change.index);
    }
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_seems_not_to_be_behind_is_lifted_too),
        cmocka_unit_test(few_feeds_read_at_once),
        cmocka_unit_test(that_a_change_is_committed_is_said_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

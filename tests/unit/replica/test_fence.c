/* The fences that others hide: what a disk that is slow completes late, and what libraft does with
 * more than one entry under way.  In whole clusters another rule catches the same mistake, so that
 * none of these is missed there; here each is seen alone.
 *
 * Built with -Dfence_off=F1, F2, F4, F13, F19 or F22 a test fails. */
#include "fake.h"

#include <string.h>

#include "replica/fence.h"

#define GROUP 3u
#define STALL_MS (6 * FAKE_T)

static uint64_t term_of(struct fake *fake, uint64_t node)
{
    return replica_status(fake_owner(fake, node, GROUP)->replica).term;
}

/* A leader and a follower with an entry on the way to its disk, which is stalled. */
static struct fake *stalled_follower(uint64_t *leader, uint64_t *follower)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leads = fake_leader(fake, GROUP);
    fake_put(fake, leads, 100);
    fake_run(fake, 200);
    *leader = leads->node->id;
    *follower = *leader % 3 + 1;
    fake_node(fake, *follower)->log.stalled = true;
    fake_put(fake, leads, 100);
    return fake;
}

static void goes_on(struct fake *fake, uint64_t node)
{
    fake_node(fake, node)->log.stalled = false;
    for (uint64_t k = 1; k <= 3; k++)
        fake_cut_off(fake, k, false);
    fake_run(fake, 4 * FAKE_T);
    uint64_t index = fake_put(fake, fake_leader(fake, GROUP), 10);
    fake_run(fake, 500);
    for (uint64_t k = 1; k <= 3; k++)
        assert_true(fake_owner(fake, k, GROUP)->applied >= index);
    fake_free(fake);
}

/* F1: as a candidate it would count what is not durable as its own. */
static void a_follower_does_not_stand_while_its_disk_is_at_work(void **state)
{
    uint64_t leader, follower;
    struct fake *fake = stalled_follower(&leader, &follower);

    fake_cut_off(fake, follower, true);
    uint64_t roles = fake_owner(fake, follower, GROUP)->roles;
    for (unsigned ms = 0; ms < STALL_MS; ms++) {
        fake_run(fake, 1);
        const struct fake_owner *owner = fake_owner(fake, follower, GROUP);
        assert_int_equal(raft_state(&owner->replica->raft), RAFT_FOLLOWER);
    }
    assert_int_equal(fake_owner(fake, follower, GROUP)->roles, roles);
    goes_on(fake, follower);
}

/* F1: the completion of the append would answer whoever leads then. */
static void no_other_term_passes_an_append_under_way(void **state)
{
    uint64_t leader, follower;
    struct fake *fake = stalled_follower(&leader, &follower);
    uint64_t term = term_of(fake, follower);

    fake_cut_off(fake, leader, true); /* the third one asks for its vote */
    for (unsigned ms = 0; ms < STALL_MS; ms++) {
        fake_run(fake, 1);
        assert_int_equal(term_of(fake, follower), term);
    }
    goes_on(fake, follower);
}

/* F13: F1 for what it appended while it led. */
static void a_leader_hears_of_a_higher_term_when_its_own_entries_are_durable(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    uint64_t node = leader->node->id;
    fake_put(fake, leader, 100);
    fake_run(fake, 200);
    uint64_t term = term_of(fake, node);
    fake_cut_off(fake, node, true);
    fake_node(fake, node)->log.stalled = true;
    assert_int_equal(fake_propose(leader, 100), ERR_OK);
    fake_run(fake, STALL_MS); /* the others have a leader, of a higher term */
    fake_cut_off(fake, node, false);
    for (unsigned ms = 0; ms < STALL_MS; ms++) {
        fake_run(fake, 1);
        assert_int_equal(term_of(fake, node), term);
    }
    fake_node(fake, node)->log.stalled = false;
    fake_run(fake, 500);
    assert_true(term_of(fake, node) > term);
    goes_on(fake, node);
}

/* F2: F1 lets no term pass, so that no completion is ever of an older one: by itself it says so. */
static void the_result_of_an_older_terms_append_is_stale(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct replica *replica = fake_leader(fake, GROUP)->replica;
    assert_false(fence_stale(replica, replica->term));
    replica->completing_term = replica->term - 1;
    assert_true(fence_stale(replica, replica->term));
    replica->completing_term = replica->term;
    assert_false(fence_stale(replica, replica->term));
    replica->completing_term = 0;
    fake_free(fake);
}

/* F19: ours ends within the turn that began it, so that no message can meet it. */
static void nothing_is_delivered_while_libraft_takes_a_snapshot(void **state)
{
    struct raft_io_snapshot_put put;
    struct letter letter = { .envelope = { .type = ENVELOPE_APPEND } };
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    struct replica *replica = fake_owner(fake, leader->node->id % 3 + 1, GROUP)->replica;
    fake_run(fake, 200);
    letter.from = leader->node->id;
    letter.envelope.term = replica->term;
    assert_false(fence_blocks(replica, &letter));
    replica->put = &put;
    assert_true(fence_blocks(replica, &letter));
    replica->put = NULL;
    fake_free(fake);
}

/* F4: libraft tests for commitment at its newest durable entry only. */
static void a_second_entry_waits_for_the_first(void **state)
{
    struct fake *fake = fake_new(3);
    struct proposal second;
    AUTO_UNREF struct buf *payload = buf_new(10);

    memset(payload->data, 1, payload->len);
    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_int_equal(fake_propose(leader, 10), ERR_OK);
    assert_int_equal(
        replica_propose(leader->replica, &second, ENTRY_RECORDS, payload, 1, NULL), ERR_BUSY);
    fake_free(fake);
}

/* F15: with an error libraft 0.15 truncates once per append, the second time behind the end. */
static void a_follower_closes_with_two_appends_under_way(void **state)
{
    uint64_t leader, follower;
    struct fake *fake = stalled_follower(&leader, &follower);

    for (unsigned i = 0; i < 4; i++) {
        fake_put(fake, fake_owner(fake, leader, GROUP), 100);
        fake_run(fake, 10);
    }
    const struct list *appends = &fake_owner(fake, follower, GROUP)->replica->appends;
    assert_true(!list_empty(appends) &&
                list_next(appends, list_first(appends)) != NULL);
    fake_kill(fake, follower);
    fake_node(fake, follower)->log.stalled = false;
    fake_restart(fake, follower, 1);
    goes_on(fake, follower);
}

/* F22: it is the slowest disk, and hears nothing more of its leader. */
static void what_is_said_of_entries_is_heard_when_they_are_stored(void **state)
{
    uint64_t leader, follower;
    struct fake *fake = stalled_follower(&leader, &follower);
    uint64_t index = fake_owner(fake, leader, GROUP)->applied;

    fake_run(fake, 3 * FAKE_BEAT); /* it hears that the entry is committed */
    assert_true(fake_owner(fake, follower, GROUP)->applied < index);
    fake_cut_off(fake, follower, true);
    fake_node(fake, follower)->log.stalled = false;
    fake_run(fake, FAKE_BEAT);
    assert_int_equal(fake_owner(fake, follower, GROUP)->applied, index);
    goes_on(fake, follower);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_does_not_stand_while_its_disk_is_at_work),
        cmocka_unit_test(no_other_term_passes_an_append_under_way),
        cmocka_unit_test(a_leader_hears_of_a_higher_term_when_its_own_entries_are_durable),
        cmocka_unit_test(the_result_of_an_older_terms_append_is_stale),
        cmocka_unit_test(nothing_is_delivered_while_libraft_takes_a_snapshot),
        cmocka_unit_test(a_second_entry_waits_for_the_first),
        cmocka_unit_test(a_follower_closes_with_two_appends_under_way),
        cmocka_unit_test(what_is_said_of_entries_is_heard_when_they_are_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

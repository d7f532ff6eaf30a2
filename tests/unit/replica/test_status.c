#include "fake.h"

#include "replica/envelope.h"
#include "replica/replica_private.h"

/* What a leader says of the others. */

#define GROUP 3u

/* Node 3 has no room: nothing with entries gets there. */
static bool has_no_room(struct fake *fake, const struct fake_message *message)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;

    if (message->to != 3 || !envelope_reader_init(&reader, buf_slice(message->buf)))
        return true;
    while (envelope_next(&reader, &envelope, &heads))
        if (envelope.type == ENVELOPE_APPEND && envelope.entries > 0)
            return false;
    return true;
}

static void what_a_majority_has_is_what_those_that_answer_have(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    uint64_t all = fake_put(fake, leader, 10);
    fake_run(fake, 300);
    fake->filter = has_no_room;
    uint64_t two = fake_put(fake, leader, 10);
    fake_run(fake, 100);
    assert_int_equal(replica_status(leader->replica).whole, all);
    assert_int_equal(replica_status(leader->replica).shared, two);

    fake_kill(fake, 2);
    fake_run(fake, 2 * FAKE_T);
    struct replica_status status = replica_status(leader->replica);
    assert_int_equal(status.role, REPLICA_LEADER); /* node 3 answers, and elects nobody */
    assert_int_equal(status.applied, two);
    assert_int_equal(status.shared, all);
    assert_int_equal(replica_status(fake_owner(fake, 3, GROUP)->replica).shared, all);

    /* Nor when nobody answers any more, and it steps down. */
    fake_cut(fake, 1, 3, true);
    fake_run(fake, 4 * FAKE_T);
    status = replica_status(leader->replica);
    assert_int_equal(status.leader, 0);
    assert_true(status.shared <= all);

    fake_cut(fake, 1, 3, false);
    fake->filter = NULL;
    leader = fake_leader(fake, GROUP);
    fake_run(fake, 2 * FAKE_T);
    assert_true(replica_status(leader->replica).shared > two);
    fake_free(fake);
}

static void of_five_three_are_a_majority(void **state)
{
    struct fake *fake = fake_new(5);

    fake_group(fake, GROUP, 5, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    uint64_t all = fake_put(fake, leader, 10);
    fake_run(fake, 300);
    fake->filter = has_no_room;
    fake_kill(fake, 4);
    uint64_t three = fake_put(fake, leader, 10);
    fake_run(fake, 2 * FAKE_T);
    assert_int_equal(replica_status(leader->replica).shared, three); /* of 1, 2 and 5 */
    fake_kill(fake, 5);
    fake_run(fake, 2 * FAKE_T);
    assert_int_equal(replica_status(leader->replica).shared, all);
    fake_free(fake);
}

static void a_member_that_answers_and_lacks_entries_is_behind(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_put(fake, leader, 10);
    fake_run(fake, 300);
    fake_node(fake, 3)->log.stalled = true;
    for (unsigned i = 0; i < SEAL_BEHIND_MAX; i++)
        fake_put(fake, leader, 10);
    assert_false(replica_is_behind(leader->replica, 3)); /* not by more than that */
    fake_put(fake, leader, 10);
    fake_run(fake, 2 * FAKE_T); /* its answers wait for nothing */
    assert_true(replica_is_behind(leader->replica, 3));
    assert_false(replica_is_behind(leader->replica, 1)); /* the leader itself */
    assert_false(replica_is_behind(leader->replica, 2));
    assert_false(replica_is_behind(leader->replica, 4)); /* no member */
    assert_false(replica_is_behind(fake_owner(fake, 2, GROUP)->replica, 3)); /* leads nothing */

    fake_cut_off(fake, 3, true);
    fake_run(fake, FAKE_T);
    assert_false(replica_is_behind(leader->replica, 3)); /* away: another matter */
    fake_cut_off(fake, 3, false);
    fake_node(fake, 3)->log.stalled = false;
    fake_run(fake, 2 * FAKE_T);
    assert_false(replica_is_behind(leader->replica, 3));
    fake_free(fake);
}

/* It may have what the leader before had sent on its way to its disk. */
static void a_member_is_behind_until_a_new_leader_has_heard_it(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    for (unsigned i = 0; i < 2 * SEAL_BEHIND_MAX; i++)
        fake_put(fake, leader, 10);
    fake_run(fake, 300);
    assert_int_equal(replica_transfer(leader->replica, 2), ERR_OK);
    const struct replica *next = fake_owner(fake, 2, GROUP)->replica;
    for (unsigned ms = 0; !next->leading; ms++) {
        assert_true(ms < FAKE_T);
        fake_run(fake, 1);
    }
    assert_true(replica_is_behind(next, 3));
    fake_run(fake, 2 * FAKE_BEAT);
    assert_false(replica_is_behind(next, 3));
    fake_free(fake);
}

/* Simulator, drain-pause, seed 470 of its day: an epoch ended a moment after it had come in. */
static void a_member_that_comes_in_is_behind_until_it_is_heard(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t node = 1; node <= 2; node++) {
        fake_start(fake_node(fake, node), GROUP, 3);
        fake_open(fake_node(fake, node), GROUP, 1, false);
    }
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_run(fake, 2 * FAKE_T);
    assert_true(replica_is_behind(leader->replica, 3));
    fake_start(fake_node(fake, 3), GROUP, 3);
    fake_open(fake_node(fake, 3), GROUP, 1, false);
    fake_run(fake, 3 * FAKE_BEAT);
    assert_false(replica_is_behind(leader->replica, 3));
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_majority_has_is_what_those_that_answer_have),
        cmocka_unit_test(of_five_three_are_a_majority),
        cmocka_unit_test(a_member_that_answers_and_lacks_entries_is_behind),
        cmocka_unit_test(a_member_is_behind_until_a_new_leader_has_heard_it),
        cmocka_unit_test(a_member_that_comes_in_is_behind_until_it_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

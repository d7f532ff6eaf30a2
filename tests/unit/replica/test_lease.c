#include "fake.h"

#include "replica/envelope.h"

/* What a member promised a leader, and has forgotten since it was opened anew. */

#define GROUP 3u

static void a_follower_that_forgot_its_promise_lets_votes_wait(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *old = fake_leader(fake, GROUP);
    fake_run(fake, 300);
    /* Node 3 lost its leader and asks; node 2 has just been opened anew. */
    fake_cut(fake, 1, 3, true);
    fake_run(fake, 2 * FAKE_T - 150);
    fake_kill(fake, 2);
    fake_restart(fake, 2, 1);
    fake_cut(fake, 1, 2, true);
    for (uint32_t ms = 0; ms < 4 * FAKE_T; ms++) {
        fake_run(fake, 1);
        bool other = fake_owner(fake, 2, GROUP)->role != REPLICA_FOLLOWER ||
                     fake_owner(fake, 3, GROUP)->role != REPLICA_FOLLOWER;
        assert_false(other && replica_has_lease(old->replica));
    }
    assert_int_not_equal(fake_leader(fake, GROUP)->node->id, 1);
    fake_free(fake);
}

/* Node 2 came into an epoch that goes on already: its log begins behind the leader's barrier. */
static void fill(struct fake *fake, const struct fake_owner *leader)
{
    struct fake_node *node = fake_node(fake, 2);
    struct replica_status status = replica_status(leader->replica);

    fake_start(node, GROUP, 3);
    struct log_state *state = &node->log.groups[GROUP].state;
    state->epoch = 2;
    state->term = status.term;
    state->start_index = state->applied = state->last = status.applied;
    state->start_term = state->applied_term = state->last_term = status.applied_term;
    state->first = state->last + 1;
    node->log.disk[GROUP].state = *state;
    fake_open(node, GROUP, 1, false);
}

/* Node 1 says to node 2 how far it heard its log, and nothing of the group. */
static bool is_mute(struct fake *fake, const struct fake_message *message)
{
    struct envelope_reader reader;

    return message->from != 1 || message->to != 2 ||
           (envelope_reader_init(&reader, buf_slice(message->buf)) && reader.left == 0);
}

/* `ms` behind the moment in which node 3 lost its leader node 2 is opened anew. */
static void forget_after(uint32_t ms)
{
    struct fake *fake = fake_new(3);

    for (uint64_t node = 1; node <= 3; node += 2) {
        fake_start(fake_node(fake, node), GROUP, 3);
        fake_node(fake, node)->log.groups[GROUP].state.epoch = 2;
        fake_open(fake_node(fake, node), GROUP, 1, false);
    }
    struct fake_owner *old = fake_leader(fake, GROUP);
    assert_int_equal(old->node->id, 1);
    fake_put(fake, old, 10);
    fill(fake, old);
    fake_run(fake, 2 * FAKE_T);
    assert_int_equal(fake_leader(fake, GROUP)->node->id, 1);
    uint64_t last = replica_status(old->replica).last;
    fake_cut(fake, 1, 3, true);
    fake_run(fake, ms);
    assert_int_equal(replica_status(fake_owner(fake, 2, GROUP)->replica).last, last);
    assert_true(replica_has_lease(old->replica)); /* by node 2 alone */
    fake_kill(fake, 2);
    fake->filter = is_mute;
    fake_restart(fake, 2, 1);
    for (uint32_t k = 0; k < 4 * FAKE_T; k++) {
        fake_run(fake, 1);
        bool other = fake_owner(fake, 2, GROUP)->role != REPLICA_FOLLOWER ||
                     fake_owner(fake, 3, GROUP)->role != REPLICA_FOLLOWER;
        assert_false(other && replica_has_lease(old->replica));
    }
    assert_int_not_equal(fake_leader(fake, GROUP)->node->id, 1);
    fake_free(fake);
}

static void a_filled_member_that_forgot_its_promise_lets_votes_wait(void **state)
{
    for (uint32_t ms = FAKE_T; ms < 3 * FAKE_T; ms += FAKE_T / 10)
        forget_after(ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_that_forgot_its_promise_lets_votes_wait),
        cmocka_unit_test(a_filled_member_that_forgot_its_promise_lets_votes_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

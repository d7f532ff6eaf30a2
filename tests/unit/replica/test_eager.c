/* Groups that need not wait for a timeout. */
#include "fake.h"

#include "replica/envelope.h"

#define GROUP 3u
#define FIRST_TERM 2u /* of an epoch that starts behind an entry of term 1 */

static uint64_t term_of(const struct fake_owner *owner)
{
    return replica_status(owner->replica).term;
}

/* Notes in the context whether somebody asked whether it may ask. */
static bool see_pre_votes(struct fake *fake, const struct fake_message *message)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;
    bool *seen = fake->filter_ctx;

    assert_true(envelope_reader_init(&reader, buf_slice(message->buf)));
    while (envelope_next(&reader, &envelope, &heads))
        *seen |= envelope.type == ENVELOPE_VOTE && (envelope.flags & ENVELOPE_PRE_VOTE) != 0;
    return true;
}

static void an_eager_group_elects_at_once(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t node = 1; node <= 3; node++) {
        fake_start(fake_node(fake, node), GROUP, 3);
        fake_open(fake_node(fake, node), GROUP, 1, node == 1);
        fake_run(fake, 5);
    }
    uint64_t start = fake->now_ms;
    assert_int_equal(fake_leader(fake, GROUP)->node->id, 1);
    assert_true(fake->now_ms - start < 100);
    fake_free(fake);
}

/* As long as others could have a leader that they wait for. */
static void an_eager_group_goes_on_asking_while_its_members_open(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t k = 1; k <= 3; k++)
        fake_start(fake_node(fake, k), GROUP, 3);
    fake_open(fake_node(fake, 1), GROUP, 2, true);
    fake_run(fake, FAKE_T * 9 / 10);
    fake_open(fake_node(fake, 2), GROUP, 2, false);
    fake_run(fake, FAKE_T / 5);
    assert_int_equal(fake_owner(fake, 1, GROUP)->role, REPLICA_LEADER);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM);
    fake_free(fake);
}

static void an_eager_member_does_not_ask_whether_it_may_ask(void **state)
{
    struct fake *fake = fake_new(3);
    bool seen = false;

    fake->filter = see_pre_votes;
    fake->filter_ctx = &seen;
    for (uint64_t k = 3; k >= 1; k--) {
        fake_start(fake_node(fake, k), GROUP, 3);
        fake_open(fake_node(fake, k), GROUP, 1, k == 1);
    }
    assert_int_equal(fake_leader(fake, GROUP)->node->id, 1);
    assert_false(seen);
    fake_free(fake);
}

/* Whoever opens meanwhile, or has to write its vote first, answers the same request. */
static void an_eager_member_asks_again_in_the_same_term(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t k = 1; k <= 3; k++)
        fake_start(fake_node(fake, k), GROUP, 3);
    fake_open(fake_node(fake, 1), GROUP, 1, true);
    fake_run(fake, 50);
    fake_open(fake_node(fake, 2), GROUP, 1, false);
    fake_node(fake, 2)->log.stalled = true;
    fake_run(fake, 100);
    assert_int_equal(fake_owner(fake, 1, GROUP)->role, REPLICA_FOLLOWER);
    fake_node(fake, 2)->log.stalled = false;
    fake_run(fake, 10);
    assert_int_equal(fake_owner(fake, 1, GROUP)->role, REPLICA_LEADER);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM);
    fake_free(fake);
}

/* Nothing of an epoch leaves before its START is on the disk, and what waits does not pile up. */
static void who_asks_at_once_has_its_start_on_its_disk(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t k = 1; k <= 2; k++)
        fake_start(fake_node(fake, k), GROUP, 3);
    fake_open(fake_node(fake, 2), GROUP, 1, false);
    fake_run(fake, 10);
    fake_node(fake, 1)->log.stalled = true;
    fake_open(fake_node(fake, 1), GROUP, 1, true);
    fake_run(fake, FAKE_T * 9 / 10);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM);
    assert_int_equal(roster_figures(fake_node(fake, 1)->roster).messages_parked, 2);
    assert_int_equal(term_of(fake_owner(fake, 2, GROUP)), FIRST_TERM - 1);
    fake_node(fake, 1)->log.stalled = false;
    fake_run(fake, 3 * FAKE_BEAT);
    assert_int_equal(fake_owner(fake, 1, GROUP)->role, REPLICA_LEADER);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM);
    fake_free(fake);
}

static void a_vote_that_came_with_the_start_is_not_written_again(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t k = 1; k <= 2; k++)
        fake_start(fake_node(fake, k), GROUP, 3);
    fake_node(fake, 2)->log.groups[GROUP].state.term = FIRST_TERM;
    fake_node(fake, 2)->log.groups[GROUP].state.vote = 1;
    fake_open(fake_node(fake, 2), GROUP, 1, false);
    fake_run(fake, 10);
    fake_node(fake, 2)->log.stalled = true; /* no write reaches its disk any more */
    fake_open(fake_node(fake, 1), GROUP, 1, true);
    fake_run(fake, 10);
    assert_int_equal(fake_owner(fake, 1, GROUP)->role, REPLICA_ELECTED);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM);
    fake_free(fake);
}

/* Node 2 gave its vote of the first term to another one.  A request of the next term at once would
 * be in the way of that one. */
static void an_eager_member_that_is_refused_waits_as_all_do(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t k = 1; k <= 2; k++)
        fake_start(fake_node(fake, k), GROUP, 3);
    fake_node(fake, 2)->log.groups[GROUP].state.term = FIRST_TERM;
    fake_node(fake, 2)->log.groups[GROUP].state.vote = 3;
    fake_open(fake_node(fake, 2), GROUP, 1, false);
    fake_open(fake_node(fake, 1), GROUP, 1, true);
    fake_run(fake, FAKE_T * 9 / 10);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM);
    assert_int_equal(fake_leader(fake, GROUP)->node->id, 1);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM + 1);
    fake_free(fake);
}

static char others_are_down[] = "others are down";

/* Others would have to outdo its term when they elect. */
static void who_is_alone_does_not_raise_its_term(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t k = 1; k <= 3; k++)
        fake_start(fake_node(fake, k), GROUP, 3);
    fake_kill(fake, 3);
    if (*state != NULL)
        fake_kill(fake, 2);
    fake_open(fake_node(fake, 1), GROUP, 1, true);
    fake_run(fake, 10 * FAKE_T);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM);
    if (*state != NULL)
        fake_restart(fake, 2, 1);
    else
        fake_open(fake_node(fake, 2), GROUP, 1, false);
    fake_run(fake, 3 * FAKE_BEAT);
    assert_int_equal(fake_owner(fake, 1, GROUP)->role, REPLICA_LEADER);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM);
    fake_free(fake);
}

/* Counts in the context the requests for votes to node 2. */
static bool count_votes(struct fake *fake, const struct fake_message *message)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;
    uint32_t *votes = fake->filter_ctx;

    assert_true(envelope_reader_init(&reader, buf_slice(message->buf)));
    while (envelope_next(&reader, &envelope, &heads))
        *votes += envelope.type == ENVELOPE_VOTE && message->to == 2;
    return true;
}

/* It would give up its own election again and again. */
static void who_has_granted_its_vote_is_not_asked_again(void **state)
{
    struct fake *fake = fake_new(5);
    uint32_t votes = 0;

    for (uint64_t k = 1; k <= 2; k++)
        fake_start(fake_node(fake, k), GROUP, 5);
    fake_open(fake_node(fake, 2), GROUP, 1, false);
    fake_open(fake_node(fake, 1), GROUP, 1, true);
    fake_run(fake, 10);
    fake->filter = count_votes;
    fake->filter_ctx = &votes;
    fake_run(fake, FAKE_T);
    assert_int_equal(votes, 0);
    fake_free(fake);
}

static void who_leaves_asks_nobody(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t k = 1; k <= 2; k++)
        fake_start(fake_node(fake, k), GROUP, 3);
    roster_retire(fake_node(fake, 1)->roster);
    fake_open(fake_node(fake, 2), GROUP, 2, false);
    fake_open(fake_node(fake, 1), GROUP, 1, true);
    fake_run(fake, FAKE_T / 2);
    assert_int_equal(term_of(fake_owner(fake, 1, GROUP)), FIRST_TERM - 1);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_eager_group_elects_at_once),
        cmocka_unit_test(an_eager_group_goes_on_asking_while_its_members_open),
        cmocka_unit_test(an_eager_member_does_not_ask_whether_it_may_ask),
        cmocka_unit_test(an_eager_member_asks_again_in_the_same_term),
        cmocka_unit_test(an_eager_member_that_is_refused_waits_as_all_do),
        cmocka_unit_test(who_is_alone_does_not_raise_its_term),
        cmocka_unit_test_prestate(who_is_alone_does_not_raise_its_term, others_are_down),
        cmocka_unit_test(who_has_granted_its_vote_is_not_asked_again),
        cmocka_unit_test(who_leaves_asks_nobody),
        cmocka_unit_test(who_asks_at_once_has_its_start_on_its_disk),
        cmocka_unit_test(a_vote_that_came_with_the_start_is_not_written_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fake.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "replica/envelope.h"

#define GROUP 3u
#define HELD_MAX 8u
#define LARGE 3000u /* two of them are more than what is kept of payloads that are applied */

/* Words of a hand-over, taken from the net. */
struct held {
    struct fake_message *messages[HELD_MAX];
    uint32_t count;
};

static bool has_word(const struct fake_message *message)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;

    if (!envelope_reader_init(&reader, buf_slice(message->buf)))
        return false;
    while (envelope_next(&reader, &envelope, &heads))
        if (envelope.type == ENVELOPE_ELECT || envelope.type == ENVELOPE_LET_GO)
            return true;
    return false;
}

static bool hold_words(struct fake *fake, const struct fake_message *message)
{
    struct held *held = fake->filter_ctx;

    if (!has_word(message))
        return true;
    assert_true(held->count < HELD_MAX);
    struct fake_message *copy = calloc(1, sizeof(*copy));
    copy->from = message->from;
    copy->to = message->to;
    copy->buf = buf_ref(message->buf);
    held->messages[held->count++] = copy;
    return false;
}

static void let_words_go(struct fake *fake, struct held *held)
{
    fake->filter = NULL;
    for (uint32_t k = 0; k < held->count; k++)
        list_append(&fake->messages, &held->messages[k]->link);
    held->count = 0;
}

static uint64_t term_of(const struct fake_owner *owner)
{
    return replica_status(owner->replica).term;
}

/* Writers would wait for all of it. */
static void a_member_that_is_fed_from_the_log_is_not_chosen(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_int_equal(leader->node->id, 1);
    fake_put(fake, leader, LARGE);
    fake_kill(fake, 3);
    for (uint32_t k = 0; k < TRANSFER_BEHIND_MAX / 2; k++)
        fake_put(fake, leader, LARGE);
    fake_node(fake, 1)->log.reads_take_ms = FAKE_T;
    fake_restart(fake, 3, 1);
    fake_run(fake, FAKE_T / 2);
    assert_true(replica_status(fake_owner(fake, 3, GROUP)->replica).last <
                replica_status(leader->replica).last);
    assert_int_equal(replica_transfer(leader->replica, 3), ERR_UNAVAILABLE);
    fake_run(fake, 2 * FAKE_T);
    assert_int_equal(replica_transfer(leader->replica, 3), ERR_OK);
    fake_run(fake, 60);
    assert_int_equal(fake_owner(fake, 3, GROUP)->role, REPLICA_LEADER);
    fake_free(fake);
}

/* Loses what has entries and goes to node 3. */
static bool lose_entries(struct fake *fake, const struct fake_message *message)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;

    assert_true(envelope_reader_init(&reader, buf_slice(message->buf)));
    while (message->to == 3 && envelope_next(&reader, &envelope, &heads))
        if (envelope.entries > 0)
            return false;
    return true;
}

/* libraft sends it again with a heartbeat only. */
static void what_the_chosen_member_lacks_is_sent_at_once(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_int_equal(leader->node->id, 1);
    fake_put(fake, leader, 100);
    fake_run(fake, 2 * FAKE_BEAT);
    fake->filter = lose_entries;
    fake_put(fake, leader, 100);
    fake->filter = NULL;
    assert_int_equal(replica_transfer(leader->replica, 3), ERR_OK);
    fake_run(fake, FAKE_BEAT / 2);
    assert_int_equal(fake_owner(fake, 3, GROUP)->role, REPLICA_LEADER);
    fake_free(fake);
}

/* What it may have promised and forgotten was promised to the leader that hands over. */
static void a_member_that_was_opened_a_moment_ago_lets_go_as_well(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_int_equal(leader->node->id, 1);
    fake_put(fake, leader, 100);
    fake_kill(fake, 2);
    fake_restart(fake, 2, 1);
    fake_run(fake, 2 * FAKE_BEAT);
    assert_int_equal(replica_transfer(leader->replica, 3), ERR_OK);
    fake_run(fake, 60);
    assert_int_equal(fake_owner(fake, 3, GROUP)->role, REPLICA_LEADER);
    fake_free(fake);
}

static void the_chosen_member_leads_in_well_under_an_election_timeout(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_int_equal(leader->node->id, 1);
    for (uint64_t target = 3; target >= 1; target--) {
        uint64_t index = fake_put(fake, leader, 100);
        fake_run(fake, FAKE_BEAT);
        uint64_t term = term_of(leader);
        assert_int_equal(replica_transfer(leader->replica, target), ERR_OK);
        fake_run(fake, 60);
        leader = fake_owner(fake, target, GROUP);
        assert_int_equal(leader->role, REPLICA_LEADER);
        assert_int_equal(term_of(leader), term + 1);
        assert_true(leader->applied > index);
    }
    assert_int_equal(roster_figures(fake_node(fake, 1)->roster).transfers, 1);
    assert_int_equal(roster_figures(fake_node(fake, 3)->roster).transfers, 1);
    fake_free(fake);
}

/* From the word to elect on, node 3 writes nothing.  Counts in the context its AppendEntries. */
static bool hang_the_chosen_one(struct fake *fake, const struct fake_message *message)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;
    uint32_t *appends = fake->filter_ctx;

    if (message->to == 3 && has_word(message))
        fake_node(fake, 3)->log.stalled = true;
    assert_true(envelope_reader_init(&reader, buf_slice(message->buf)));
    while (message->from == 3 && envelope_next(&reader, &envelope, &heads))
        *appends += envelope.type == ENVELOPE_APPEND;
    return true;
}

/* An entry was put, and whoever leads hands over to node 3, which hangs as soon as it hears. */
struct hung {
    struct fake *fake;
    struct fake_owner *leader;
    uint64_t term, index; /* of the leader; the entry */
    uint32_t appends;     /* of node 3 */
};

static void hand_over_to_hung(struct hung *hung, bool ails)
{
    struct fake *fake = hung->fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    hung->leader = fake_leader(fake, GROUP);
    hung->index = fake_put(fake, hung->leader, 100);
    fake_run(fake, FAKE_BEAT);
    hung->term = term_of(hung->leader);
    roster_ail(fake_node(fake, 3)->roster, ails);
    fake->filter = hang_the_chosen_one;
    fake->filter_ctx = &hung->appends;
    assert_int_equal(replica_transfer(hung->leader->replica, 3), ERR_OK);
    fake_run(fake, 50);
}

/* Both votes are written side by side (a leader votes for nobody else); but who leads by its own
 * vote says nothing before that is on the disk. */
static void another_one_votes_while_the_chosen_one_writes_its_vote(void **state)
{
    struct hung hung = { .appends = 0 };

    hand_over_to_hung(&hung, false);
    struct fake *fake = hung.fake;
    const struct fake_owner *chosen = fake_owner(fake, 3, GROUP);
    assert_int_equal(fake_node(fake, 2)->log.disk[GROUP].state.term, hung.term + 1);
    assert_int_equal(fake_node(fake, 2)->log.disk[GROUP].state.vote, 3);
    assert_int_equal(chosen->role, REPLICA_ELECTED);
    assert_int_equal(hung.appends, 0);
    fake->filter = NULL;
    fake_node(fake, 3)->log.stalled = false;
    fake_run(fake, 20);
    assert_int_equal(chosen->role, REPLICA_LEADER);
    assert_int_equal(term_of(chosen), hung.term + 1);
    fake_free(fake);
}

/* Who knows that its disk is slow lets the leader lead on meanwhile. */
static void a_member_that_ails_asks_when_it_has_written_its_vote(void **state)
{
    struct hung hung = { .appends = 0 };

    hand_over_to_hung(&hung, true);
    fake_run(hung.fake, TRANSFER_QUIET_MS);
    assert_int_equal(hung.leader->role, REPLICA_LEADER);
    assert_int_equal(term_of(hung.leader), hung.term);
    hung.fake->filter = NULL;
    fake_free(hung.fake);
}

/* The leader is dead, and the disk of the next one hangs for longer than others wait. */
static void who_is_elected_leads_as_soon_as_its_vote_is_written(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_put(fake, leader, 100);
    fake_run(fake, FAKE_BEAT);
    uint64_t term = term_of(leader), next = 2;
    fake_kill(fake, leader->node->id);
    fake_node(fake, next)->log.stalled = true;
    fake_run(fake, 3 * FAKE_T);
    assert_int_equal(fake_owner(fake, next, GROUP)->role, REPLICA_ELECTED);
    fake_node(fake, next)->log.stalled = false;
    fake_run(fake, FAKE_BEAT / 2);
    assert_int_equal(fake_owner(fake, next, GROUP)->role, REPLICA_LEADER);
    assert_int_equal(term_of(fake_owner(fake, next, GROUP)), term + 1);
    fake_free(fake);
}

/* Its own vote is forgotten: it asks for the same term again, or another one is voted for. */
static void a_chosen_member_that_forgets_its_own_vote_does_no_harm(void **state)
{
    struct hung hung = { .appends = 0 };

    hand_over_to_hung(&hung, false);
    struct fake *fake = hung.fake;
    fake->filter = NULL;
    fake_power_off(fake, 3, 0);
    fake_node(fake, 3)->log.stalled = false;
    fake_restart(fake, 3, 1);
    assert_int_equal(term_of(fake_owner(fake, 3, GROUP)), hung.term);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_true(term_of(leader) > hung.term);
    assert_true(fake_put(fake, leader, 100) > hung.index);
    fake_free(fake);
}

static void what_is_in_flight_is_settled_first_and_nothing_new_is_taken(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_run(fake, FAKE_BEAT);
    assert_int_equal(fake_propose(leader, 100), ERR_OK);
    assert_int_equal(replica_transfer(leader->replica, 2), ERR_OK);
    assert_int_equal(replica_transfer(leader->replica, 2), ERR_BUSY);
    assert_int_equal(fake_propose(leader, 100), ERR_NOT_LEADER);
    fake_run(fake, 80);
    assert_true(leader->settled);
    assert_int_equal(leader->settled_err, ERR_OK);
    const struct fake_owner *next = fake_owner(fake, 2, GROUP);
    assert_int_equal(next->role, REPLICA_LEADER);
    assert_int_equal(next->heads[leader->settled_index].records, 1);
    fake_free(fake);
}

static void a_hand_over_that_cannot_be_is_refused(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_run(fake, FAKE_BEAT);
    assert_int_equal(replica_transfer(leader->replica, 1), ERR_NOT_FOUND);
    assert_int_equal(replica_transfer(leader->replica, 9), ERR_NOT_FOUND);
    assert_int_equal(replica_transfer(fake_owner(fake, 2, GROUP)->replica, 1), ERR_NOT_LEADER);
    fake_kill(fake, 3);
    fake_run(fake, 10);
    assert_int_equal(replica_transfer(leader->replica, 3), ERR_UNAVAILABLE);
    assert_int_equal(replica_transfer(leader->replica, 2), ERR_UNAVAILABLE); /* no majority */
    assert_int_equal(leader->role, REPLICA_LEADER);
    fake_free(fake);
}

/* Simulator, drain-pause, seed 243 of its day: writers waited twice for an election that could not
 * come about. */
static void nothing_is_handed_over_while_too_few_can_vote(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t node = 1; node <= 2; node++) {
        fake_start(fake_node(fake, node), GROUP, 3);
        fake_open(fake_node(fake, node), GROUP, 1, false);
    }
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_put(fake, leader, 100);
    fake_run(fake, FAKE_BEAT);
    assert_int_equal(replica_transfer(leader->replica, 2), ERR_UNAVAILABLE);
    assert_int_equal(leader->role, REPLICA_LEADER);
    fake_start(fake_node(fake, 3), GROUP, 3); /* it has come in */
    fake_open(fake_node(fake, 3), GROUP, 1, false);
    fake_run(fake, 3 * FAKE_BEAT);
    assert_int_equal(replica_transfer(leader->replica, 2), ERR_OK);
    fake_run(fake, 60);
    assert_int_equal(fake_owner(fake, 2, GROUP)->role, REPLICA_LEADER);
    fake_free(fake);
}

/* There are enough others; the target itself is up, and comes in yet. */
static void nothing_is_handed_to_one_that_cannot_vote(void **state)
{
    struct fake *fake = fake_new(5);

    for (uint64_t node = 1; node <= 4; node++) {
        fake_start(fake_node(fake, node), GROUP, 5);
        fake_open(fake_node(fake, node), GROUP, 1, false);
    }
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_int_equal(leader->node->id, 1);
    fake_run(fake, FAKE_BEAT);
    assert_int_equal(replica_transfer(leader->replica, 5), ERR_UNAVAILABLE);
    assert_int_equal(replica_transfer(leader->replica, 4), ERR_OK);
    fake_run(fake, 60);
    assert_int_equal(fake_owner(fake, 4, GROUP)->role, REPLICA_LEADER);
    fake_free(fake);
}

/* It gets what it lacks in large pieces, and writers would wait for all of them. */
static void a_member_that_is_fed_from_the_log_is_no_target(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_kill(fake, 3);
    for (uint32_t k = 0; k < TRANSFER_BEHIND_MAX / 2; k++)
        fake_put(fake, leader, 100);
    fake_kill(fake, 1);
    fake_kill(fake, 2);
    fake_restart(fake, 1, 1);
    fake_restart(fake, 2, 1);
    leader = fake_leader(fake, GROUP); /* its log's entries are not in memory */
    leader->node->log.reads_take_ms = 1000;
    fake_restart(fake, 3, 1);
    fake_run(fake, 900);
    assert_true(fake_owner(fake, 3, GROUP)->applied < leader->applied);
    assert_int_equal(replica_transfer(leader->replica, 3), ERR_UNAVAILABLE);
    assert_int_equal(leader->role, REPLICA_LEADER);
    leader->node->log.reads_take_ms = 0;
    fake_run(fake, 3000);
    assert_int_equal(replica_transfer(leader->replica, 3), ERR_OK);
    fake_free(fake);
}

static void a_target_whose_disk_hangs_is_waited_for_and_then_led_on(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_run(fake, FAKE_BEAT);
    fake_node(fake, 2)->log.stalled = true;
    uint64_t term = term_of(leader);
    fake_put(fake, leader, 100);
    assert_int_equal(replica_transfer(leader->replica, 2), ERR_OK);
    fake_run(fake, 10);
    assert_int_equal(leader->role, REPLICA_ELECTED);
    fake_run(fake, TRANSFER_DRAIN_MS + 10);
    assert_int_equal(leader->role, REPLICA_LEADER);
    fake_put(fake, leader, 100);
    assert_int_equal(term_of(leader), term);
    assert_int_equal(roster_figures(fake_node(fake, 1)->roster).transfers_failed, 1);
    fake_free(fake);
}

/* To node 2; the words are held. */
static struct fake *handing_over_unheard(struct held *held, struct fake_owner **leader)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    *leader = fake_leader(fake, GROUP);
    fake_run(fake, FAKE_BEAT);
    fake->filter = hold_words;
    fake->filter_ctx = held;
    assert_int_equal(replica_transfer((*leader)->replica, 2), ERR_OK);
    return fake;
}

static void words_that_come_too_late_break_no_lease(void **state)
{
    struct held held = { .count = 0 };
    struct fake_owner *leader;
    struct fake *fake = handing_over_unheard(&held, &leader);
    uint64_t term = term_of(leader);

    fake_run(fake, 20);
    assert_int_equal(held.count, 2);
    assert_false(replica_has_lease(leader->replica));
    fake_run(fake, TRANSFER_QUIET_MS + 2 * FAKE_BEAT);
    assert_int_equal(leader->role, REPLICA_LEADER);
    assert_true(replica_has_lease(leader->replica));

    let_words_go(fake, &held);
    fake_run(fake, FAKE_T);
    assert_int_equal(leader->role, REPLICA_LEADER);
    assert_int_equal(term_of(leader), term);
    fake_free(fake);
}

/* Others have given it up, and may be about to elect: what it took now could end unknown. */
static void who_leads_on_takes_nothing_before_a_majority_has_answered(void **state)
{
    struct held held = { .count = 0 };
    struct fake_owner *leader;
    struct fake *fake = handing_over_unheard(&held, &leader);
    uint64_t term = term_of(leader);

    fake_run(fake, TRANSFER_QUIET_MS / 2);
    fake_cut_off(fake, 1, true);
    fake_run(fake, TRANSFER_QUIET_MS);
    assert_int_equal(leader->role, REPLICA_ELECTED);
    assert_int_equal(fake_propose(leader, 10), ERR_NOT_LEADER);
    fake_cut_off(fake, 1, false);
    fake_run(fake, 2 * FAKE_BEAT);
    assert_int_equal(leader->role, REPLICA_LEADER);
    assert_int_equal(term_of(leader), term);
    fake_put(fake, leader, 10);
    assert_int_equal(roster_figures(fake_node(fake, 1)->roster).transfers_failed, 1);
    let_words_go(fake, &held);
    fake_free(fake);
}

static void who_retires_hands_over_and_is_not_elected_again(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *first = fake_leader(fake, GROUP);
    fake_run(fake, FAKE_BEAT);
    roster_retire(fake_node(fake, 1)->roster);
    fake_put(fake, first, 100); /* it leads on */
    assert_int_equal(replica_transfer(first->replica, 2), ERR_OK);
    assert_true(replica_transferring(first->replica));
    fake_run(fake, 60);
    assert_false(replica_transferring(first->replica));
    assert_int_equal(fake_owner(fake, 2, GROUP)->role, REPLICA_LEADER);

    /* Nobody takes it from whom it chose, although it is the preferred member; */
    struct fake_owner *second = fake_owner(fake, 2, GROUP);
    fake_put(fake, second, 100);
    assert_int_equal(replica_transfer(second->replica, 1), ERR_OK);
    fake_run(fake, 10 * FAKE_T);
    assert_int_equal(first->role, REPLICA_FOLLOWER);
    assert_int_equal(roster_figures(fake_node(fake, 1)->roster).elections, 1);

    /* and its vote is what another one is elected with. */
    struct fake_owner *leader = fake_leader(fake, GROUP);
    uint64_t gone = leader->node->id;
    fake_kill(fake, gone);
    fake_run(fake, 3 * FAKE_T);
    assert_int_equal(fake_owner(fake, 5 - gone, GROUP)->role, REPLICA_LEADER);
    assert_int_equal(roster_figures(fake_node(fake, 1)->roster).elections, 1);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_that_is_fed_from_the_log_is_not_chosen),
        cmocka_unit_test(what_the_chosen_member_lacks_is_sent_at_once),
        cmocka_unit_test(a_member_that_was_opened_a_moment_ago_lets_go_as_well),
        cmocka_unit_test(the_chosen_member_leads_in_well_under_an_election_timeout),
        cmocka_unit_test(another_one_votes_while_the_chosen_one_writes_its_vote),
        cmocka_unit_test(a_chosen_member_that_forgets_its_own_vote_does_no_harm),
        cmocka_unit_test(a_member_that_ails_asks_when_it_has_written_its_vote),
        cmocka_unit_test(who_is_elected_leads_as_soon_as_its_vote_is_written),
        cmocka_unit_test(what_is_in_flight_is_settled_first_and_nothing_new_is_taken),
        cmocka_unit_test(a_hand_over_that_cannot_be_is_refused),
        cmocka_unit_test(nothing_is_handed_over_while_too_few_can_vote),
        cmocka_unit_test(nothing_is_handed_to_one_that_cannot_vote),
        cmocka_unit_test(a_member_that_is_fed_from_the_log_is_no_target),
        cmocka_unit_test(a_target_whose_disk_hangs_is_waited_for_and_then_led_on),
        cmocka_unit_test(words_that_come_too_late_break_no_lease),
        cmocka_unit_test(who_leads_on_takes_nothing_before_a_majority_has_answered),
        cmocka_unit_test(who_retires_hands_over_and_is_not_elected_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

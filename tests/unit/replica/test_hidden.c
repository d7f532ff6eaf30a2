/* Rules of replica/fence.h that other rules hide: in whole clusters nobody sees that one of them is
 * left out, because another one catches what comes of it.  Here are the schedules in which that
 * other one is left out too.  Each holds with the rule and without those that hide it, and fails
 * without either (meson.build plays both):
 *
 *     F1, F13   hidden by F7
 *     F2        hidden by F1 and F12
 *     F15       hidden by F4
 *     F4        hidden by whoever proposes, who waits for one entry before the next; not here
 *
 *     RULES_OFF=no_F7,no_F1 test-replica-hidden-off F1      must fail
 */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "replica/envelope.h"
#include "replica/replica_private.h"

#define GROUP 3u
#define STALL_MS (6 * FAKE_T)
#define TERMS_MAX 64u
#define STREAM_MS 2000u

/* ---- who voted for whom, as others heard it ---- */

struct votes {
    uint64_t of[FAKE_NODES_MAX + 1][TERMS_MAX]; /* by node and term */
    uint64_t twice; /* the node that voted for two in one term; 0: none */
    uint64_t dumb;  /* the node whose requests are lost; 0: none */
};

static void note_vote(struct votes *votes, uint64_t node, uint64_t term, uint64_t candidate)
{
    assert_true(term < TERMS_MAX);
    if (votes->of[node][term] != 0 && votes->of[node][term] != candidate)
        votes->twice = node;
    votes->of[node][term] = candidate;
}

static bool note_votes(struct fake *fake, const struct fake_message *message)
{
    struct votes *votes = fake->filter_ctx;
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;
    bool asks = false;

    assert_true(envelope_reader_init(&reader, buf_slice(message->buf)));
    while (envelope_next(&reader, &envelope, &heads)) {
        bool grants = envelope.type == ENVELOPE_VOTED && (envelope.flags & ENVELOPE_GRANTED) != 0;
        asks |= envelope.type == ENVELOPE_VOTE;
        if ((envelope.flags & ENVELOPE_PRE_VOTE) != 0)
            continue;
        if (envelope.type == ENVELOPE_VOTE && message->from != votes->dumb)
            note_vote(votes, message->from, envelope.term, message->from);
        else if (grants)
            note_vote(votes, message->from, envelope.term, message->to);
    }
    return !asks || message->from != votes->dumb;
}

/* ---- schedules ---- */

/* Three nodes, all whole; node 1 leads. */
static struct fake *quiet_group(struct votes *votes)
{
    struct fake *fake = fake_new(3);

    fake->filter = votes != NULL ? note_votes : NULL;
    fake->filter_ctx = votes;
    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_int_equal(leader->node->id, 1);
    fake_put(fake, leader, 100);
    fake_run(fake, 200);
    return fake;
}

static void goes_on(struct fake *fake)
{
    for (uint64_t k = 1; k <= 3; k++) {
        fake_node(fake, k)->log.stalled = false;
        fake_cut_off(fake, k, false);
    }
    fake_run(fake, 4 * FAKE_T);
    uint64_t index = fake_put(fake, fake_leader(fake, GROUP), 10);
    fake_run(fake, 500);
    for (uint64_t k = 1; k <= 3; k++)
        assert_true(fake_owner(fake, k, GROUP)->applied >= index);
}

/* Node 2 has an entry on the way to its disk, which hangs.  If it stands then, or votes, that is as
 * little on its disk: after a loss of power it votes again in that term. */
static void F1(void **state)
{
    struct votes votes = { .twice = 0 };
    struct fake *fake = quiet_group(&votes);

    fake_node(fake, 2)->log.stalled = true;
    fake_put(fake, fake_owner(fake, 1, GROUP), 100);
    fake_cut_off(fake, 1, true);
    fake_run(fake, STALL_MS); /* 2 and 3 are left */
    fake_power_off(fake, 2, 0);
    fake_cut_off(fake, 3, true);
    fake_cut(fake, 1, 2, false);
    fake_restart(fake, 2, 1);
    fake_run(fake, 8 * FAKE_T); /* 1 and 2 are */
    assert_int_equal(votes.twice, 0);
    goes_on(fake);
    fake_free(fake);
}

/* Likewise the entry of a leader that has stepped down. */
static void F13(void **state)
{
    struct votes votes = { .twice = 0 };
    struct fake *fake = quiet_group(&votes);

    fake_cut_off(fake, 1, true);
    fake_cut(fake, 2, 3, true);
    fake_node(fake, 1)->log.stalled = true;
    assert_int_equal(fake_propose(fake_owner(fake, 1, GROUP), 100), ERR_OK);
    fake_run(fake, 3 * FAKE_T);
    fake_cut(fake, 1, 3, false);
    fake_run(fake, STALL_MS);
    fake_power_off(fake, 1, 0);
    fake_cut(fake, 1, 3, true);
    fake_cut(fake, 1, 2, false);
    votes.dumb = 1; /* it cannot but vote for 2 */
    fake_restart(fake, 1, 1);
    fake_run(fake, 8 * FAKE_T);
    assert_int_equal(votes.twice, 0);
    votes.dumb = 0;
    goes_on(fake);
    fake_free(fake);
}

/* No entries for node 2, only that there is a leader. */
static bool beats_only(struct fake *fake, const struct fake_message *message)
{
    struct envelope_reader reader;
    struct envelope envelope;
    struct slice heads;

    assert_true(envelope_reader_init(&reader, buf_slice(message->buf)));
    while (envelope_next(&reader, &envelope, &heads))
        if (message->to == 2 && envelope.type == ENVELOPE_APPEND && envelope.entries > 0)
            return false;
    return true;
}

/* Runs until node 1 or 3 has just been elected; nobody has heard of it yet. */
static uint64_t elected(struct fake *fake)
{
    for (uint32_t ms = 0; ms < 20 * FAKE_T; ms++) {
        fake_run(fake, 1);
        for (uint64_t node = 1; node <= 3; node += 2)
            if (raft_state(&fake_owner(fake, node, GROUP)->replica->raft) == RAFT_LEADER)
                return node;
    }
    fail_msg("nobody was elected");
    return 0;
}

/* Entry n of node 1 is on its way to the disks of 1 and 2, both of which hang.  Node 1 loses it
 * with its power, and one of 1 and 3 has another entry n in the next term, alone.  Node 2 hears who
 * leads, then its disk goes on: that it has n now is nothing to the present leader. */
static void F2(void **state)
{
    struct fake *fake = quiet_group(NULL);
    uint64_t n = replica_status(fake_owner(fake, 1, GROUP)->replica).last + 1;

    fake_node(fake, 1)->log.stalled = fake_node(fake, 2)->log.stalled = true;
    fake_cut(fake, 1, 3, true);
    assert_int_equal(fake_propose(fake_owner(fake, 1, GROUP), 100), ERR_OK);
    fake_run(fake, 3);
    assert_int_equal(replica_status(fake_owner(fake, 2, GROUP)->replica).last, n);
    fake_cut_off(fake, 2, true);
    fake_power_off(fake, 1, 0);
    fake_restart(fake, 1, 1);
    fake_cut(fake, 1, 3, false);
    uint64_t leader = elected(fake);
    fake_cut(fake, 1, 3, true);
    fake_cut(fake, leader, 2, false);
    fake->filter = beats_only;
    fake_run(fake, 2);
    assert_int_equal(replica_status(fake_owner(fake, 2, GROUP)->replica).last, n);
    fake_node(fake, 2)->log.stalled = false;
    fake_run(fake, 10);
    if (fake_owner(fake, leader, GROUP)->applied >= n)
        fail_msg("entry %llu counts as committed, and only its leader has it",
                 (unsigned long long)n);
    fake_free(fake);
}

static void forget(struct proposal *proposal, enum err err, uint64_t index)
{
    assert_int_equal(err, ERR_UNKNOWN);
}

/* With an error libraft 0.15 truncates once per append, the second time behind the end. */
static void F15(void **state)
{
    struct fake *fake = quiet_group(NULL);
    struct fake_owner *leader = fake_owner(fake, 1, GROUP);
    struct proposal second = { .index = 0 };
    AUTO_UNREF struct buf *payload = buf_new(10);

    memset(payload->data, 1, payload->len);
    fake_node(fake, 1)->log.stalled = true;
    assert_int_equal(fake_propose(leader, 10), ERR_OK);
    assert_int_equal(
        replica_propose(leader->replica, &second, ENTRY_RECORDS, payload, 1, forget),
        MUTANT(no_F4) ? ERR_OK : ERR_BUSY);
    fake_kill(fake, 1);
    fake_node(fake, 1)->log.stalled = false;
    fake_restart(fake, 1, 1);
    goes_on(fake);
    fake_free(fake);
}

static void count_settled(struct proposal *proposal, enum err err, uint64_t index)
{
    assert_int_equal(err, ERR_OK);
}

/* An entry each millisecond, which takes longer than that to be on two disks: libraft 0.15 tests
 * for commitment at the leader's newest durable entry only, and that one no follower has yet. */
static void F4(void **state)
{
    struct fake *fake = quiet_group(NULL);
    struct fake_owner *leader = fake_owner(fake, 1, GROUP);
    struct proposal *proposals = calloc(STREAM_MS, sizeof(*proposals));
    AUTO_UNREF struct buf *payload = buf_new(10);
    uint64_t before = leader->applied;

    assert_non_null(proposals);
    memset(payload->data, 1, payload->len);
    for (uint32_t ms = 0; ms < STREAM_MS; ms++) {
        enum err err = replica_propose(leader->replica, &proposals[ms], ENTRY_RECORDS, payload, 1,
                                       count_settled);
        assert_true(err == ERR_OK || err == ERR_BUSY);
        fake_run(fake, 1);
    }
    uint64_t meanwhile = leader->applied - before;
    goes_on(fake);
    fake_free(fake);
    free(proposals);
    assert_true(meanwhile >= STREAM_MS / 100);
}

/* What is behind a SEAL is void, so its owner must hear at once that the next epoch is to take it.
 * F4 refuses it too, as long as the SEAL is on its way. */
static void E2(void **state)
{
    struct fake *fake = quiet_group(NULL);
    struct fake_owner *leader = fake_owner(fake, 1, GROUP);
    struct proposal seal = { .index = 0 }, behind = { .index = 0 };
    AUTO_UNREF struct buf *payload = buf_new(10);

    memset(payload->data, 1, payload->len);
    fake_node(fake, 1)->log.stalled = true;
    assert_int_equal(
        replica_propose(leader->replica, &seal, ENTRY_SEAL, payload, 0, count_settled), ERR_OK);
    if (replica_propose(leader->replica, &behind, ENTRY_RECORDS, payload, 1, count_settled) ==
        ERR_OK)
        fail_msg("an entry was taken behind the SEAL, where it is void");
    fake_node(fake, 1)->log.stalled = false;
    fake_run(fake, 100);
    assert_int_equal(
        replica_propose(leader->replica, &behind, ENTRY_RECORDS, payload, 1, count_settled),
        ERR_NOT_LEADER);
    fake_free(fake);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(F1),
        cmocka_unit_test(F2),
        cmocka_unit_test(F4),
        cmocka_unit_test(F13),
        cmocka_unit_test(F15),
        cmocka_unit_test(E2),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

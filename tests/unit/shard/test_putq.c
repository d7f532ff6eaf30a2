#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "fake.h"
#include "shard/putq.h"

struct fixture {
    struct fake fake;
    struct putq q;
};

/* A put that remembers how it ended. */
struct probe {
    struct put put;
    unsigned char bytes[64];
    int done_count;
    enum err err;
    struct seqno first;
    struct probe *submit_next; /* inside its own `done` */
    struct putq *q;
    enum err next_err;
};

static void probe_done(struct put *put, enum err err, struct seqno first)
{
    struct probe *probe = container_of(put, struct probe, put);

    probe->done_count++;
    probe->err = err;
    probe->first = first;
    if (probe->submit_next != NULL)
        probe->next_err = putq_submit(probe->q, &probe->submit_next->put);
}

static void probe_init(struct probe *probe, size_t bytes, uint32_t records)
{
    *probe = (struct probe){ .put = { .record_count = records, .done = probe_done } };
    memset(probe->bytes, 'x', sizeof(probe->bytes));
    probe->put.records = slice_of(probe->bytes, bytes);
}

static int setup(void **state)
{
    static struct fixture fixture;

    fake_init(&fixture.fake);
    putq_init(&fixture.q, &fixture.fake.replica,
              (struct putq_limits){ .entry_bytes_max = 100, .waiting_bytes_max = 200 });
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    fake_fini(&fixture->fake);
    return 0;
}

static void a_put_leaves_at_once_when_nothing_flies(void **state)
{
    struct fixture *f = *state;
    struct probe probe;

    probe_init(&probe, 10, 1);
    assert_int_equal(putq_submit(&f->q, &probe.put), ERR_OK);
    assert_int_equal(f->fake.replica.proposals_total, 1);
    assert_int_equal(probe.done_count, 0);
    fake_commit(&f->fake);
    assert_int_equal(probe.done_count, 1);
    assert_int_equal(probe.err, ERR_OK);
    assert_int_equal(probe.first.index, 2);
    assert_int_equal(probe.first.ordinal, 0);
    assert_int_equal(probe.first.time_s, 1000000);
    assert_int_equal(f->q.state, PUTQ_IDLE);
}

static void puts_that_wait_leave_together_and_number_their_records_in_order(void **state)
{
    struct fixture *f = *state;
    struct probe probes[4];

    for (int at = 0; at < 4; at++) {
        probe_init(&probes[at], 10, (uint32_t)at + 1);
        assert_int_equal(putq_submit(&f->q, &probes[at].put), ERR_OK);
    }
    assert_int_equal(f->fake.replica.proposals_total, 1);
    fake_commit(&f->fake);
    assert_int_equal(f->fake.replica.proposals_total, 2);
    assert_int_equal(f->fake.replica.records, 2 + 3 + 4);
    assert_int_equal(f->fake.replica.payload->len, 30);
    assert_int_equal(probes[1].done_count, 0);
    fake_commit(&f->fake);
    for (int at = 1; at < 4; at++) {
        assert_int_equal(probes[at].done_count, 1);
        assert_int_equal(probes[at].err, ERR_OK);
        assert_int_equal(probes[at].first.index, 3);
    }
    assert_int_equal(probes[1].first.ordinal, 0);
    assert_int_equal(probes[2].first.ordinal, 2);
    assert_int_equal(probes[3].first.ordinal, 5);
}

static void an_entry_is_cut_by_bytes(void **state)
{
    struct fixture *f = *state;
    struct probe probes[4];

    for (int at = 0; at < 4; at++) {
        probe_init(&probes[at], 50, 1);
        assert_int_equal(putq_submit(&f->q, &probes[at].put), ERR_OK);
    }
    fake_commit(&f->fake);
    assert_int_equal(f->fake.replica.payload->len, 100);
    fake_commit(&f->fake);
    assert_int_equal(f->fake.replica.payload->len, 50);
    fake_commit(&f->fake);
    assert_int_equal(probes[3].done_count, 1);
    assert_int_equal(f->q.waiting_bytes, 0);
}

static void an_entry_is_cut_by_records(void **state)
{
    struct fixture *f = *state;
    struct probe probes[4];

    for (int at = 0; at < 4; at++) {
        probe_init(&probes[at], 1, at == 0 ? 1 : 256);
        assert_int_equal(putq_submit(&f->q, &probes[at].put), ERR_OK);
    }
    fake_commit(&f->fake);
    assert_int_equal(f->fake.replica.records, ENTRY_RECORDS_MAX);
    fake_commit(&f->fake);
    assert_int_equal(f->fake.replica.records, 256);
    fake_commit(&f->fake);
    assert_int_equal(probes[2].first.ordinal, 256);
    assert_int_equal(probes[3].first.ordinal, 0);
}

static void a_put_larger_than_an_entry_stands_alone(void **state)
{
    struct fixture *f = *state;
    static unsigned char large[150];
    struct probe before, big, after;

    probe_init(&before, 10, 1);
    probe_init(&big, 0, 1);
    probe_init(&after, 10, 1);
    big.put.records = slice_of(large, sizeof(large));
    assert_int_equal(putq_submit(&f->q, &before.put), ERR_OK);
    assert_int_equal(putq_submit(&f->q, &big.put), ERR_OK);
    assert_int_equal(putq_submit(&f->q, &after.put), ERR_OK);
    fake_commit(&f->fake);
    assert_int_equal(f->fake.replica.payload->len, 150);
    fake_commit(&f->fake);
    assert_int_equal(f->fake.replica.payload->len, 10);
    fake_commit(&f->fake);
    assert_int_equal(after.err, ERR_OK);
}

static void more_than_may_wait_is_refused_and_stays_with_the_caller(void **state)
{
    struct fixture *f = *state;
    struct probe flying, waiting[4], refused;

    probe_init(&flying, 10, 1);
    assert_int_equal(putq_submit(&f->q, &flying.put), ERR_OK);
    for (int at = 0; at < 4; at++) {
        probe_init(&waiting[at], 50, 1);
        assert_int_equal(putq_submit(&f->q, &waiting[at].put), ERR_OK);
    }
    probe_init(&refused, 1, 1);
    assert_int_equal(putq_submit(&f->q, &refused.put), ERR_BUSY);
    assert_false(list_linked(&refused.put.link));
    while (f->q.state == PUTQ_FLYING)
        fake_commit(&f->fake);
    assert_int_equal(refused.done_count, 0);
    assert_int_equal(waiting[3].done_count, 1);
}

static void more_puts_than_the_maximum_do_not_wait_however_small(void **state)
{
    struct fixture *f = *state;
    struct probe *probes = calloc(PUTQ_WAITING_PUTS_MAX + 2, sizeof(*probes));

    assert_non_null(probes);
    for (uint32_t at = 0; at < PUTQ_WAITING_PUTS_MAX + 2; at++) {
        probe_init(&probes[at], 0, 1);
        assert_int_equal(putq_submit(&f->q, &probes[at].put),
                         at < PUTQ_WAITING_PUTS_MAX + 1 ? ERR_OK : ERR_BUSY);
    }
    while (f->q.state == PUTQ_FLYING)
        fake_commit(&f->fake);
    assert_int_equal(f->q.waiting_count, 0);
    assert_int_equal(probes[PUTQ_WAITING_PUTS_MAX].done_count, 1);
    assert_int_equal(probes[PUTQ_WAITING_PUTS_MAX + 1].done_count, 0);
    free(probes);
}

static void a_put_that_waits_can_be_taken_back_and_one_that_flies_cannot(void **state)
{
    struct fixture *f = *state;
    struct probe flying, back, waiting;

    probe_init(&flying, 10, 1);
    probe_init(&back, 20, 5);
    probe_init(&waiting, 30, 1);
    assert_int_equal(putq_submit(&f->q, &flying.put), ERR_OK);
    assert_int_equal(putq_submit(&f->q, &back.put), ERR_OK);
    assert_int_equal(putq_submit(&f->q, &waiting.put), ERR_OK);
    assert_false(putq_cancel(&flying.put));
    assert_true(putq_cancel(&back.put));
    assert_false(putq_cancel(&back.put));
    assert_int_equal(f->q.waiting_bytes, 30);
    assert_int_equal(f->q.waiting_count, 1);
    fake_commit(&f->fake);
    assert_int_equal(f->fake.replica.payload->len, 30);
    assert_int_equal(f->fake.replica.records, 1);
    assert_false(putq_cancel(&waiting.put));
    fake_commit(&f->fake);
    assert_int_equal(back.done_count, 0);
    assert_int_equal(waiting.err, ERR_OK);
    assert_int_equal(waiting.first.ordinal, 0);
}

static void what_a_refusal_settles_cannot_be_taken_back(void **state)
{
    struct fixture *f = *state;
    struct probe flying, waiting;

    probe_init(&flying, 10, 1);
    probe_init(&waiting, 10, 1);
    assert_int_equal(putq_submit(&f->q, &flying.put), ERR_OK);
    assert_int_equal(putq_submit(&f->q, &waiting.put), ERR_OK);
    putq_close(&f->q, ERR_CLOSED);
    assert_int_equal(waiting.err, ERR_CLOSED);
    assert_false(putq_cancel(&waiting.put));
    assert_int_equal(f->q.waiting_count, 0);
    fake_commit(&f->fake);
}

static void one_put_may_wait_however_large_it_is(void **state)
{
    struct fixture *f = *state;
    static unsigned char large[1000];
    struct probe flying, big;

    probe_init(&flying, 10, 1);
    probe_init(&big, 0, 1);
    big.put.records = slice_of(large, sizeof(large));
    assert_int_equal(putq_submit(&f->q, &flying.put), ERR_OK);
    assert_int_equal(putq_submit(&f->q, &big.put), ERR_OK);
    fake_commit(&f->fake);
    fake_commit(&f->fake);
    assert_int_equal(big.err, ERR_OK);
}

static void what_no_entry_can_hold_is_refused(void **state)
{
    struct fixture *f = *state;
    struct probe probe;

    probe_init(&probe, 10, ENTRY_RECORDS_MAX + 1);
    assert_int_equal(putq_submit(&f->q, &probe.put), ERR_TOO_BIG);
    probe_init(&probe, ENTRY_PAYLOAD_MAX + 1, 1);
    assert_int_equal(putq_submit(&f->q, &probe.put), ERR_TOO_BIG);
}

static void a_refused_proposal_gives_the_put_back(void **state)
{
    struct fixture *f = *state;
    struct probe probe;

    probe_init(&probe, 10, 1);
    f->fake.replica.refuse = ERR_NOT_LEADER;
    assert_int_equal(putq_submit(&f->q, &probe.put), ERR_NOT_LEADER);
    assert_false(list_linked(&probe.put.link));
    assert_int_equal(f->q.waiting_bytes, 0);
    f->fake.replica.refuse = ERR_OK;
    assert_int_equal(putq_submit(&f->q, &probe.put), ERR_OK);
    fake_commit(&f->fake);
    assert_int_equal(probe.done_count, 1);
}

static void lost_leadership_settles_all_each_with_its_own_truth(void **state)
{
    struct fixture *f = *state;
    struct probe flying, waiting[3];

    probe_init(&flying, 10, 1);
    assert_int_equal(putq_submit(&f->q, &flying.put), ERR_OK);
    for (int at = 0; at < 3; at++) {
        probe_init(&waiting[at], 60, 1);
        assert_int_equal(putq_submit(&f->q, &waiting[at].put), ERR_OK);
    }
    fake_depose(&f->fake);
    assert_int_equal(flying.done_count, 1);
    assert_int_equal(flying.err, ERR_UNKNOWN);
    for (int at = 0; at < 3; at++) {
        assert_int_equal(waiting[at].done_count, 1);
        assert_int_equal(waiting[at].err, ERR_NOT_LEADER);
    }
    assert_int_equal(f->q.waiting_bytes, 0);
    assert_int_equal(f->q.state, PUTQ_IDLE);
}

static void a_busy_replica_settles_what_waits_with_busy(void **state)
{
    struct fixture *f = *state;
    struct probe flying, waiting;

    probe_init(&flying, 10, 1);
    probe_init(&waiting, 10, 1);
    assert_int_equal(putq_submit(&f->q, &flying.put), ERR_OK);
    assert_int_equal(putq_submit(&f->q, &waiting.put), ERR_OK);
    f->fake.replica.refuse = ERR_BUSY;
    fake_commit(&f->fake);
    assert_int_equal(flying.err, ERR_OK);
    assert_int_equal(waiting.done_count, 1);
    assert_int_equal(waiting.err, ERR_BUSY);
}

static void done_may_submit_again(void **state)
{
    struct fixture *f = *state;
    struct probe first, second;

    probe_init(&first, 10, 1);
    probe_init(&second, 10, 1);
    first.submit_next = &second;
    first.q = &f->q;
    assert_int_equal(putq_submit(&f->q, &first.put), ERR_OK);
    fake_commit(&f->fake);
    assert_int_equal(first.next_err, ERR_OK);
    assert_int_equal(second.done_count, 0);
    fake_commit(&f->fake);
    assert_int_equal(second.err, ERR_OK);
    assert_int_equal(second.first.index, 3);
}

static void closing_fails_what_waits_and_leaves_what_flies_to_the_replica(void **state)
{
    struct fixture *f = *state;
    struct probe flying, waiting, late;

    probe_init(&flying, 10, 1);
    probe_init(&waiting, 10, 1);
    probe_init(&late, 10, 1);
    assert_int_equal(putq_submit(&f->q, &flying.put), ERR_OK);
    assert_int_equal(putq_submit(&f->q, &waiting.put), ERR_OK);
    putq_close(&f->q, ERR_CLOSED);
    assert_int_equal(waiting.err, ERR_CLOSED);
    assert_int_equal(flying.done_count, 0);
    assert_int_equal(putq_submit(&f->q, &late.put), ERR_CLOSED);
    fake_commit(&f->fake);
    assert_int_equal(flying.done_count, 1);
    assert_int_equal(flying.err, ERR_OK);
    assert_int_equal(waiting.done_count, 1);
    assert_int_equal(f->fake.replica.proposals_total, 1);
}

static void seal(struct fixture *f)
{
    struct buf *bytes = buf_copy(slice_text("the end"));

    assert_non_null(bytes);
    putq_seal(&f->q, bytes);
    buf_unref(bytes);
}

static void a_seal_goes_before_the_puts_that_wait_and_they_are_refused(void **state)
{
    struct fixture *f = *state;
    struct probe flying, waiting, late;

    probe_init(&flying, 10, 1);
    probe_init(&waiting, 10, 1);
    probe_init(&late, 10, 1);
    assert_int_equal(putq_submit(&f->q, &flying.put), ERR_OK);
    assert_int_equal(putq_submit(&f->q, &waiting.put), ERR_OK);
    seal(f);
    assert_int_equal(f->fake.replica.type, ENTRY_RECORDS); /* one at a time */
    fake_commit(&f->fake);
    assert_int_equal(flying.err, ERR_OK);
    assert_int_equal(f->fake.replica.type, ENTRY_SEAL);
    assert_int_equal(f->fake.replica.proposals_total, 2);
    assert_int_equal(waiting.done_count, 1);
    assert_int_equal(waiting.err, ERR_NOT_LEADER);
    assert_int_equal(putq_submit(&f->q, &late.put), ERR_NOT_LEADER);
    seal(f); /* again: it is under way */
    assert_int_equal(f->fake.replica.proposals_total, 2);
    fake_commit(&f->fake);
    assert_int_equal(f->fake.replica.proposals_total, 2);
}

static void a_seal_leaves_at_once_when_nothing_flies(void **state)
{
    struct fixture *f = *state;

    seal(f);
    assert_int_equal(f->fake.replica.type, ENTRY_SEAL);
    assert_int_equal(f->fake.replica.payload->len, strlen("the end"));
    putq_close(&f->q, ERR_NOT_LEADER);
    fake_commit(&f->fake);
}

static void a_seal_that_is_refused_leaves_the_puts_alone(void **state)
{
    struct fixture *f = *state;
    struct probe put, late;

    f->fake.replica.refuse = ERR_NO_SPACE;
    seal(f);
    f->fake.replica.refuse = ERR_OK;
    probe_init(&put, 10, 1);
    assert_int_equal(putq_submit(&f->q, &put.put), ERR_OK);
    fake_commit(&f->fake);
    assert_int_equal(put.err, ERR_OK);
    putq_close(&f->q, ERR_NOT_LEADER);
    probe_init(&late, 10, 1);
    assert_int_equal(putq_submit(&f->q, &late.put), ERR_NOT_LEADER);
}

static void a_seal_without_leadership_is_another_leaders_matter(void **state)
{
    struct fixture *f = *state;
    struct probe put;

    seal(f);
    fake_depose(&f->fake);
    f->fake.replica.refuse = ERR_OK; /* it leads again */
    probe_init(&put, 10, 1);
    assert_int_equal(putq_submit(&f->q, &put.put), ERR_OK);
    fake_commit(&f->fake);
    assert_int_equal(put.err, ERR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_put_leaves_at_once_when_nothing_flies),
        TEST(puts_that_wait_leave_together_and_number_their_records_in_order),
        TEST(an_entry_is_cut_by_bytes),
        TEST(an_entry_is_cut_by_records),
        TEST(a_put_larger_than_an_entry_stands_alone),
        TEST(more_than_may_wait_is_refused_and_stays_with_the_caller),
        TEST(more_puts_than_the_maximum_do_not_wait_however_small),
        TEST(a_put_that_waits_can_be_taken_back_and_one_that_flies_cannot),
        TEST(what_a_refusal_settles_cannot_be_taken_back),
        TEST(one_put_may_wait_however_large_it_is),
        TEST(what_no_entry_can_hold_is_refused),
        TEST(a_refused_proposal_gives_the_put_back),
        TEST(lost_leadership_settles_all_each_with_its_own_truth),
        TEST(a_busy_replica_settles_what_waits_with_busy),
        TEST(done_may_submit_again),
        TEST(closing_fails_what_waits_and_leaves_what_flies_to_the_replica),
        TEST(a_seal_goes_before_the_puts_that_wait_and_they_are_refused),
        TEST(a_seal_leaves_at_once_when_nothing_flies),
        TEST(a_seal_that_is_refused_leaves_the_puts_alone),
        TEST(a_seal_without_leadership_is_another_leaders_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

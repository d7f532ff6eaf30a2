#include "fixture.h"

#include "shard/command.h"
#include "shard/shard_private.h"

#define ALL GET_RECORDS_MAX, GET_BYTES_MAX

static void an_empty_shard_gives_an_empty_answer_at_the_tip(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 0);
    assert_int_equal(r.req.part_count, 0);
    assert_position(r.req.next, 2, 0);
    assert_int_equal(r.req.behind_ms, 0);
    shard_read_fini(&r.req);
}

static void records_come_from_the_tail_without_the_log(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 3, 10, true);
    fake_apply_records(&f->fake, 2, 20, true);
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 5);
    assert_int_equal(r.req.record_bytes, 3 * 11 + 2 * 21);
    assert_int_equal(r.req.part_count, 2);
    assert_int_equal(r.req.parts[0].index, 2);
    assert_int_equal(r.req.parts[0].count, 3);
    assert_int_equal(r.req.parts[1].index, 3);
    assert_int_equal(r.req.parts[1].first_ordinal, 0);
    assert_int_equal(r.req.parts[1].time_ms, f->fake.clock.wall_ms);
    assert_true(command_valid(r.req.parts[0].records, 3));
    assert_true(command_valid(r.req.parts[1].records, 2));
    assert_position(r.req.next, 4, 0);
    assert_int_equal(r.req.behind_ms, 0);
    assert_int_equal(f->fake.log.reads_total, 0);
    shard_read_fini(&r.req);
}

static void records_come_from_the_log_when_memory_has_none(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 3, 10, false);
    fake_apply_records(&f->fake, 2, 20, false);
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 5);
    assert_true(command_valid(r.req.parts[1].records, 2));
    assert_position(r.req.next, 4, 0);
    assert_int_equal(f->fake.log.reads_total, 1);
    shard_read_fini(&r.req);
}

static void an_answer_goes_on_from_the_log_into_the_tail(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 1, 10, false);
    fake_apply_records(&f->fake, 1, 10, false);
    fake_apply_records(&f->fake, 1, 10, true);
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 3);
    assert_int_equal(f->fake.log.reads_total, 1);
    assert_int_equal(f->fake.log.last_asked, 3); /* what is in the tail is not read twice */
    assert_int_equal(r.req.behind_ms, 0);
    shard_read_fini(&r.req);
}

/* Reads everything in answers of `records_max` and `bytes_max`; the data's first byte is the
 * record's ordinal. */
static void read_all(struct fixture *f, uint32_t records_max, size_t bytes_max, uint32_t total)
{
    struct position from = at(0, 0);
    uint64_t index = 0;
    uint32_t found = 0, expected_ordinal = 0;

    for (;;) {
        struct reading r;
        assert_int_equal(read_now(f, &r, from, records_max, bytes_max), ERR_OK);
        assert_true(r.req.record_count <= records_max);
        assert_true(r.req.record_count <= 1 || r.req.record_bytes <= bytes_max);
        for (uint32_t p = 0; p < r.req.part_count; p++) {
            const struct read_part *part = &r.req.parts[p];
            struct command_walk walk = command_walk_start(part->records);
            struct record record;
            if (part->index != index)
                expected_ordinal = 0;
            assert_true(part->index >= index);
            index = part->index;
            assert_int_equal(part->first_ordinal, expected_ordinal);
            while (command_walk_next(&walk, &record) == ERR_OK)
                assert_int_equal(record.data.data[0], expected_ordinal++);
            assert_int_equal(expected_ordinal, part->first_ordinal + part->count);
        }
        found += r.req.record_count;
        from = r.req.next;
        bool tip = r.req.behind_ms == 0;
        assert_true(tip || r.req.record_count > 0);
        shard_read_fini(&r.req);
        if (tip)
            break;
    }
    assert_int_equal(found, total);
}

static void every_size_of_answer_gives_every_record_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    uint32_t total = 0;

    fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, true);
    for (uint16_t entry = 0; entry < 40; entry++) {
        uint16_t count = (uint16_t)(1 + entry * 7 % 20);
        fake_apply_records(&f->fake, count, 1 + entry % 5 * 30u, entry >= 20);
        total += count;
        if (entry % 9 == 0)
            fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, true);
    }
    f->fake.clock.wall_ms += 5;
    read_all(f, 10000, 1000000, total);
    read_all(f, 1, 1000000, total);
    read_all(f, 7, 1000000, total);
    read_all(f, 10000, 1, total);
    read_all(f, 10000, 500, total);
    read_all(f, 3, 100, total);
}

static void one_record_is_given_however_little_room_there_is(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 2, 1000, true);
    assert_int_equal(read_now(f, &r, at(2, 0), 10, 5), ERR_OK);
    assert_int_equal(r.req.record_count, 1);
    assert_position(r.req.next, 2, 1);
    shard_read_fini(&r.req);
}

static void a_limit_of_one_does_not_read_ten_mib(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    for (int entry = 0; entry < 100; entry++)
        fake_apply_records(&f->fake, 1, 10, false);
    assert_int_equal(read_now(f, &r, at(2, 0), 1, GET_BYTES_MAX), ERR_OK);
    assert_int_equal(r.req.record_count, 1);
    assert_true(f->fake.log.last_asked < 30);
    shard_read_fini(&r.req);
}

static void no_more_entries_are_read_than_the_answer_takes(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    for (int entry = 0; entry < 20; entry++)
        fake_apply_records(&f->fake, 10, 10, false);
    assert_int_equal(read_now(f, &r, at(2, 3), 17, GET_BYTES_MAX), ERR_OK);
    assert_int_equal(r.req.record_count, 17);
    assert_position(r.req.next, 4, 0);
    assert_int_equal(f->fake.log.last_given, 2);
    shard_read_fini(&r.req);
}

static void entries_that_are_too_old_are_passed_in_one_look(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    for (int entry = 0; entry < 10; entry++)
        fake_apply_records(&f->fake, 10, 10, false);
    f->fake.clock.wall_ms += RETENTION_MS + 1;
    fake_apply_records(&f->fake, 10, 10, false);
    assert_int_equal(read_now(f, &r, at(2, 0), 5, GET_BYTES_MAX), ERR_OK);
    assert_int_equal(r.req.record_count, 5);
    assert_position(r.req.next, 12, 5);
    assert_int_equal(f->fake.log.reads_total, 1);
    shard_read_fini(&r.req);
}

static void barriers_at_the_tip_are_passed_without_the_log(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 1, 10, false);
    for (int entry = 0; entry < 50; entry++)
        fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, false);
    assert_int_equal(read_now(f, &r, at(3, 0), ALL), ERR_OK);
    assert_position(r.req.next, 53, 0);
    assert_int_equal(r.req.behind_ms, 0);
    assert_int_equal(f->fake.log.reads_total, 0);
    shard_read_fini(&r.req);
}

static void barriers_in_between_do_not_make_an_answer_empty(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    f->tail_bytes_left = 0; /* all of it is in the log */
    for (int entry = 0; entry < 60; entry++)
        fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, false);
    fake_apply_records(&f->fake, 1, 10, false);
    assert_int_equal(read_now(f, &r, at(2, 0), 1, 100), ERR_OK);
    assert_int_equal(r.req.record_count, 1);
    assert_position(r.req.next, 63, 0);
    assert_in_range(f->fake.log.reads_total, 2, READ_TRIES_MAX);
    shard_read_fini(&r.req);
    f->tail_bytes_left = TAIL_BYTES;
}

static void looks_into_the_log_are_bounded_and_make_progress(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    f->tail_bytes_left = 0;
    for (int entry = 0; entry < 1000; entry++)
        fake_apply(&f->fake, ENTRY_BARRIER, NULL, 0, false);
    fake_apply_records(&f->fake, 1, 10, false);
    assert_int_equal(read_now(f, &r, at(2, 0), 1, 100), ERR_OK);
    assert_int_equal(r.req.record_count, 0);
    assert_int_equal(f->fake.log.reads_total, READ_TRIES_MAX);
    assert_true(r.req.next.index > 100);
    assert_true(r.req.behind_ms > 0);
    shard_read_fini(&r.req);
    f->tail_bytes_left = TAIL_BYTES;
}

static void behind_is_the_age_of_the_next_unread_record(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 2, 10, true);
    f->fake.clock.wall_ms += 1000;
    fake_apply_records(&f->fake, 1, 10, true);
    assert_int_equal(read_now(f, &r, at(2, 0), 1, 1000), ERR_OK);
    assert_int_equal(r.req.behind_ms, 1000);
    shard_read_fini(&r.req);
    assert_int_equal(read_now(f, &r, at(2, 0), 2, 1000), ERR_OK);
    assert_int_equal(r.req.behind_ms, 1); /* put this millisecond: not the tip all the same */
    shard_read_fini(&r.req);
    f->fake.clock.wall_ms += 300;
    assert_int_equal(read_now(f, &r, at(2, 0), 2, 1000), ERR_OK);
    assert_int_equal(r.req.behind_ms, 300);
    shard_read_fini(&r.req);
    assert_int_equal(read_now(f, &r, at(2, 0), 3, 1000), ERR_OK);
    assert_int_equal(r.req.behind_ms, 0);
    shard_read_fini(&r.req);
}

static void only_a_leader_within_its_lease_says_that_nothing_is_behind(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 1, 10, true);
    f->fake.replica.lease = false;
    f->fake.replica.heard_ms = f->fake.clock.mono_ms;
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 1);
    assert_int_equal(r.req.behind_ms, 1);
    shard_read_fini(&r.req);
    f->fake.clock.mono_ms += 700;
    assert_int_equal(read_now(f, &r, at(3, 0), ALL), ERR_OK);
    assert_int_equal(r.req.behind_ms, 700);
    shard_read_fini(&r.req);
    f->fake.replica.lease = true;
    assert_int_equal(read_now(f, &r, at(3, 0), ALL), ERR_OK);
    assert_int_equal(r.req.behind_ms, 0);
    shard_read_fini(&r.req);
}

static void who_never_heard_of_a_leader_may_lack_what_came_since_its_newest_entry(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    f->fake.replica.lease = false;
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.behind_ms, 1);
    shard_read_fini(&r.req);
    fake_apply_records(&f->fake, 1, 10, true);
    f->fake.clock.wall_ms += 5000;
    assert_int_equal(read_now(f, &r, at(3, 0), ALL), ERR_OK);
    assert_int_equal(r.req.behind_ms, 5000);
    shard_read_fini(&r.req);
}

static void behind_needs_no_read_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    f->fake.log.heads_in_memory = false;
    fake_apply_records(&f->fake, 1, 10, false);
    f->fake.clock.wall_ms += 1000;
    fake_apply_records(&f->fake, 1, 10, false);
    assert_int_equal(read_now(f, &r, at(2, 0), 1, 1000), ERR_OK);
    assert_int_equal(r.req.behind_ms, 1000); /* of the last record given */
    assert_int_equal(f->fake.log.reads_total, 1);
    shard_read_fini(&r.req);
}

static void a_position_behind_the_last_record_of_an_entry_goes_on_with_the_next(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 2, 10, true);
    assert_int_equal(read_now(f, &r, at(2, 2), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 0);
    assert_position(r.req.next, 3, 0);
    assert_int_equal(r.req.behind_ms, 0);
    shard_read_fini(&r.req);
    fake_apply_records(&f->fake, 2, 10, true);
    assert_int_equal(read_now(f, &r, at(2, 2), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 2);
    assert_int_equal(r.req.parts[0].index, 3);
    shard_read_fini(&r.req);
}

static void a_position_beyond_the_tip_stays(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 2, 10, true);
    assert_int_equal(read_now(f, &r, at(9, 4), ALL), ERR_OK);
    assert_position(r.req.next, 9, 4);
    assert_int_equal(r.req.record_count, 0);
    shard_read_fini(&r.req);
    assert_int_equal(read_now(f, &r, at(UINT64_MAX, UINT32_MAX), ALL), ERR_OK);
    assert_position(r.req.next, UINT64_MAX, UINT32_MAX);
    shard_read_fini(&r.req);
}

static void a_request_from_a_stranger_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 2, 10, true);
    assert_int_equal(read_now(f, &r, at(0, 77), UINT32_MAX, SIZE_MAX), ERR_OK);
    assert_int_equal(r.req.records_max, GET_RECORDS_MAX);
    assert_int_equal(r.req.bytes_max, GET_BYTES_MAX);
    assert_int_equal(r.req.record_count, 2);
    shard_read_fini(&r.req);
    assert_int_equal(read_now(f, &r, at(2, 0), 0, 0), ERR_OK);
    assert_int_equal(r.req.record_count, 1);
    shard_read_fini(&r.req);
}

static void an_answer_has_a_maximum_of_parts(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    for (uint32_t entry = 0; entry < READ_PARTS_MAX + 10; entry++)
        fake_apply_records(&f->fake, 1, 1, true);
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.part_count, READ_PARTS_MAX);
    assert_position(r.req.next, 2 + READ_PARTS_MAX, 0);
    assert_true(r.req.behind_ms > 0);
    shard_read_fini(&r.req);
}

static void an_answer_outlives_the_tail_it_came_from(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 2, 10, true);
    reading_start(f, &r, at(2, 0), ALL);
    fixture_close(f);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.err, ERR_OK);
    assert_true(command_valid(r.req.parts[0].records, 2));
    shard_read_fini(&r.req);
}

static void damage_is_said_when_nothing_lies_before_it(void **state)
{
    struct fixture *f = *state;
    struct buf *bad = buf_copy(slice_text("this is no row of records"));
    struct reading r;

    fake_apply_records(&f->fake, 2, 10, true);
    fake_apply(&f->fake, ENTRY_RECORDS, bad, 2, true);
    buf_unref(bad);
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 2);
    assert_position(r.req.next, 3, 0);
    shard_read_fini(&r.req);
    assert_int_equal(read_now(f, &r, at(3, 0), ALL), ERR_CORRUPT);
    assert_string_equal(r.req.reason.text, "entry 3: is no row of records");
    shard_read_fini(&r.req);
}

static void errors_of_the_log_reach_the_reader(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    fake_apply_records(&f->fake, 2, 10, false);
    f->fake.log.err = ERR_IO;
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_IO);
    shard_read_fini(&r.req);
    f->fake.log.err = ERR_CORRUPT;
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_CORRUPT);
    shard_read_fini(&r.req);
    f->fake.log.err = ERR_OK;
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 2);
    shard_read_fini(&r.req);
}

static void behind_the_last_record_of_a_damaged_entry_a_reader_goes_on(void **state)
{
    struct fixture *f = *state;
    struct reading r;

    for (unsigned i = 0; i < 3; i++)
        fake_apply_records(&f->fake, 2, 10, false);
    f->fake.log.damaged = 3;
    assert_int_equal(read_now(f, &r, at(2, 0), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 2); /* those before it */
    assert_int_equal(r.req.next.index, 3);
    shard_read_fini(&r.req);
    assert_int_equal(read_now(f, &r, at(3, 0), ALL), ERR_CORRUPT);
    shard_read_fini(&r.req);
    assert_int_equal(read_now(f, &r, at(3, 1), ALL), ERR_CORRUPT);
    shard_read_fini(&r.req);
    assert_int_equal(read_now(f, &r, at(3, 2), ALL), ERR_OK);
    assert_int_equal(r.req.record_count, 2);
    assert_int_equal(r.req.parts[0].index, 4);
    shard_read_fini(&r.req);
}

static void reads_that_wait_for_the_log_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct reading r[SHARD_READS_MAX + 1];

    fake_apply_records(&f->fake, 2, 10, false);
    for (uint32_t n = 0; n <= SHARD_READS_MAX; n++)
        reading_start(f, &r[n], at(2, 0), ALL);
    fake_turn(&f->fake);
    for (uint32_t n = 0; n <= SHARD_READS_MAX; n++) {
        assert_int_equal(r[n].count, 1);
        assert_int_equal(r[n].err, n < SHARD_READS_MAX ? ERR_OK : ERR_UNAVAILABLE);
        shard_read_fini(&r[n].req);
    }
    assert_int_equal(read_now(f, &r[0], at(2, 0), ALL), ERR_OK);
    shard_read_fini(&r[0].req);
}

static void closing_answers_reads_that_wait_for_the_log(void **state)
{
    struct fixture *f = *state;
    struct reading waiting, late;

    fake_apply_records(&f->fake, 2, 10, false);
    reading_start(f, &waiting, at(2, 0), ALL);
    shard_close(f->shard, fixture_on_closed, f);
    reading_start(f, &late, at(2, 0), ALL);
    fake_defers(&f->fake);
    f->fake.replica.closed(f->fake.replica.closed_ctx);
    assert_int_equal(late.err, ERR_CLOSED);
    assert_int_equal(waiting.count, 0);
    assert_int_equal(f->closed_count, 0); /* the log still writes into the request */
    fake_turn(&f->fake);
    assert_int_equal(waiting.count, 1);
    assert_int_equal(waiting.err, ERR_CLOSED);
    assert_int_equal(late.count, 1);
    assert_int_equal(f->closed_count, 1);
    shard_read_fini(&waiting.req);
    shard_read_fini(&late.req);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_shard_gives_an_empty_answer_at_the_tip),
        TEST(records_come_from_the_tail_without_the_log),
        TEST(records_come_from_the_log_when_memory_has_none),
        TEST(an_answer_goes_on_from_the_log_into_the_tail),
        TEST(every_size_of_answer_gives_every_record_once_and_in_order),
        TEST(one_record_is_given_however_little_room_there_is),
        TEST(a_limit_of_one_does_not_read_ten_mib),
        TEST(no_more_entries_are_read_than_the_answer_takes),
        TEST(entries_that_are_too_old_are_passed_in_one_look),
        TEST(barriers_at_the_tip_are_passed_without_the_log),
        TEST(barriers_in_between_do_not_make_an_answer_empty),
        TEST(looks_into_the_log_are_bounded_and_make_progress),
        TEST(behind_is_the_age_of_the_next_unread_record),
        TEST(only_a_leader_within_its_lease_says_that_nothing_is_behind),
        TEST(who_never_heard_of_a_leader_may_lack_what_came_since_its_newest_entry),
        TEST(behind_needs_no_read_of_its_own),
        TEST(a_position_behind_the_last_record_of_an_entry_goes_on_with_the_next),
        TEST(a_position_beyond_the_tip_stays),
        TEST(a_request_from_a_stranger_is_bounded),
        TEST(an_answer_has_a_maximum_of_parts),
        TEST(an_answer_outlives_the_tail_it_came_from),
        TEST(damage_is_said_when_nothing_lies_before_it),
        TEST(errors_of_the_log_reach_the_reader),
        TEST(behind_the_last_record_of_a_damaged_entry_a_reader_goes_on),
        TEST(reads_that_wait_for_the_log_are_bounded),
        TEST(closing_answers_reads_that_wait_for_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fixture.h"

/* Full segments: into the table, read from there, cut, trimmed, used again. */

static struct node node;

static int set_up(void **state)
{
    (void)state;
    node_init(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

static void trimmed_segments_are_used_again_and_nothing_comes_back(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    node_append(&node, 2, 10);
    node_apply(&node, 2, 2);
    node_trim(&node, 2, 3);
    for (unsigned round = 0; round < 12; round++) {
        node_fill(&node, 1, 10, 90000);
        node_apply(&node, 1, model_last(&node, 1));
        node_trim(&node, 1, model_last(&node, 1) - 2);
        node_wait_filed(&node);
        for (unsigned i = 0; i < 200 && log_figures(node.log).segments_full > 1; i++)
            node_turn(&node);
    }
    /* 11 MB went through a few 1 MiB files. */
    assert_in_range(log_figures(node.log).bytes_total, 3 * MIB, 6 * MIB);
    node_check(&node);
    log_save(node.log); /* even when it has to wait for a job that is under way */
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->first, node.groups[1].first);
    node_check(&node);
    struct log_read req = { .group = 1, .first = 2, .last = 100, .bytes_max = MIB };
    assert_int_equal(node_read(&node, &req), ERR_TRIMMED);
}

static void one_living_entry_keeps_its_segment(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    node_append(&node, 2, 777);
    node_apply(&node, 2, 2);
    node_fill(&node, 1, 30, 90000);
    node_apply(&node, 1, model_last(&node, 1));
    node_trim(&node, 1, model_last(&node, 1));
    node_wait_filed(&node);
    for (unsigned i = 0; i < 300; i++)
        node_turn(&node);
    assert_int_equal(log_figures(node.log).segments_full, 1);
    node_check(&node);
    node_forget(&node, 2);
    while (log_figures(node.log).segments_full > 0)
        node_turn(&node);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void a_truncate_cuts_entries_of_filed_segments(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    node_fill(&node, 1, 30, 90000);
    node_apply(&node, 1, 5);
    node_wait_filed(&node);
    node_hard(&node, 1, 9, 8);
    node_truncate(&node, 1, 8);
    node_check(&node);
    node_append(&node, 1, 500);
    node_append(&node, 1, 700);
    node_wait_all(&node);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
    node_fill(&node, 2, 25, 90000); /* until the segment of the truncate is filed too */
    node_wait_filed(&node);
    node_apply(&node, 1, model_last(&node, 1));
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

/* What is left of a filed run is applied, once the rest is taken back: it does not outlive its
 * segment. */
static void what_a_truncate_leaves_applied_and_is_trimmed_then_frees_its_segments(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 30, 90000);
    node_wait_filed(&node);
    uint64_t applied = model_last(&node, 1) - 9; /* in the middle of a segment's */
    node_apply(&node, 1, applied);
    node_truncate(&node, 1, applied + 1);
    node_wait_all(&node);
    node_trim(&node, 1, applied + 1);
    uint64_t full = log_figures(node.log).segments_full;
    for (unsigned i = 0; i < 200 && log_figures(node.log).segments_full > 0; i++)
        node_turn(&node);
    assert_true(full >= 2);
    assert_int_equal(log_figures(node.log).segments_full, 0);
    node_fill(&node, 1, 30, 90000); /* into the same files */
    node_wait_filed(&node);
    node_check(&node);
    node_reopen(&node);
    node_take_hints(&node);
    node_check(&node);
}

static void a_truncate_is_replayed_over_filed_entries_that_are_not_in_memory(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    node_fill(&node, 1, 5, 1000);
    node_fill(&node, 2, 12, 90000);
    node_wait_filed(&node);
    node_truncate(&node, 1, 4);
    node_wait_all(&node);
    node_check(&node);
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->last, 3);
    node_check(&node);
}

/* Entries 2 .. 11 are filed, taken back from 7 on in the segment behind, which is not, and trimmed
 * up to what was appended since: their rows are gone when a start replays the truncate. */
static void trim_what_was_taken_back(unsigned appended_since)
{
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    node_fill(&node, 1, 10, 100);
    node_fill(&node, 2, 11, 90000);
    node_wait_filed(&node);
    node_truncate(&node, 1, 7);
    for (unsigned i = 0; i < appended_since; i++)
        node_append(&node, 1, 100);
    node_wait_all(&node);
    for (uint64_t group = 1; group <= 2; group++) {
        node_apply(&node, group, model_last(&node, group));
        node_trim(&node, group, model_last(&node, group) + 1);
    }
    while (log_figures(node.log).segments_full > 0)
        node_turn(&node);
    node_reopen(&node);
    node_check(&node);
}

static void a_truncate_is_replayed_when_what_is_before_it_was_trimmed(void **state)
{
    (void)state;
    trim_what_was_taken_back(3);
}

static void a_truncate_may_be_the_last_word_of_what_was_trimmed(void **state)
{
    (void)state;
    trim_what_was_taken_back(0);
    assert_int_equal(log_state(node.log, 1)->last, 6);
    assert_true(log_state(node.log, 1)->last_term > 0);
    node_append(&node, 1, 100);
    node_wait_all(&node);
    node_reopen(&node);
    node_check(&node);
}

/* As above, but forgotten: no hint speaks of the group any more when a start meets the truncate. */
static void a_truncate_is_replayed_when_its_group_was_forgotten_behind_it(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    node_fill(&node, 1, 10, 100);
    node_fill(&node, 2, 11, 90000);
    node_wait_filed(&node);
    node_truncate(&node, 1, 7);
    node_append(&node, 1, 100);
    node_wait_all(&node);
    node_forget(&node, 1);
    node_apply(&node, 2, model_last(&node, 2));
    node_trim(&node, 2, model_last(&node, 2) + 1);
    node_wait_all(&node);
    while (log_figures(node.log).segments_full > 0)
        node_turn(&node);
    node_reopen(&node);
    assert_null(log_state(node.log, 1));
    node_check(&node);
}

static void reads_cross_the_border_between_table_and_memory(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 25, 90000);
    node_apply(&node, 1, model_last(&node, 1));
    node_wait_filed(&node);
    struct entry_head head;
    assert_int_equal(log_head(node.log, 1, 2, &head), ERR_NOT_FOUND); /* filed */
    assert_int_equal(log_head(node.log, 1, model_last(&node, 1), &head), ERR_OK);

    struct log_read req = { .group = 1, .first = 2, .last = 1000, .bytes_max = 100 * MIB };
    assert_int_equal(node_read(&node, &req), ERR_OK);
    assert_int_equal(req.count, 25);
    log_read_fini(&req);
    req.bytes_max = 200000; /* two fit */
    assert_int_equal(node_read(&node, &req), ERR_OK);
    assert_int_equal(req.count, 2);
    log_read_fini(&req);
    req.bytes_max = 1; /* one is always given */
    assert_int_equal(node_read(&node, &req), ERR_OK);
    assert_int_equal(req.count, 1);
    log_read_fini(&req);
    req.bytes_max = 100 * MIB;
    req.records_max = 3; /* each entry has one */
    assert_int_equal(node_read(&node, &req), ERR_OK);
    assert_int_equal(req.count, 3);
    log_read_fini(&req);
    req.since_ms = model_head(&node, 1, 10).time_ms; /* older ones do not count */
    assert_int_equal(node_read(&node, &req), ERR_OK);
    assert_int_equal(req.entries[req.count - 1].head.index, 12);
    log_read_fini(&req);
    req.records_max = req.since_ms = 0;
    req.bytes_max = 1;
    req.heads_only = true;
    req.first = 20;
    assert_int_equal(node_read(&node, &req), ERR_OK);
    assert_int_equal(req.count, 7);
    assert_null(req.entries[0].payload);
    log_read_fini(&req);
    req.first = model_last(&node, 1) + 1;
    assert_int_equal(node_read(&node, &req), ERR_NOT_FOUND);

    struct entry_head heads[25];
    struct reason reason;
    assert_int_equal(log_heads_now(node.log, 1, 2, 26, heads, &reason), ERR_OK);
    for (uint64_t index = 2; index <= 26; index++)
        assert_int_equal(heads[index - 2].time_ms, model_head(&node, 1, index).time_ms);
}

struct seeking {
    struct log_seek req;
    enum err err;
    bool done;
};

static void on_seek(struct log_seek *req, enum err err)
{
    struct seeking *seeking = container_of(req, struct seeking, req);

    seeking->err = err;
    seeking->done = true;
}

static uint64_t seek(uint64_t first, uint64_t last, uint64_t time_ms)
{
    struct seeking seeking = {
        .req = { .group = 1, .first = first, .last = last, .time_ms = time_ms }
    };

    log_seek(node.log, &seeking.req, on_seek);
    assert_false(seeking.done);
    while (!seeking.done)
        node_turn(&node);
    assert_int_equal(seeking.err, ERR_OK);
    return seeking.req.index;
}

static void seeking_by_time_finds_the_first_that_is_not_older(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 60, 40000);
    node_apply(&node, 1, model_last(&node, 1));
    node_wait_filed(&node);
    uint64_t last = model_last(&node, 1);
    for (uint64_t index = 2; index <= last; index++) {
        uint64_t time_ms = model_head(&node, 1, index).time_ms;
        assert_int_equal(seek(2, last, time_ms), index);
        assert_int_equal(seek(2, last, time_ms - 3), index);
        assert_int_equal(seek(2, last, time_ms + 1), index + 1);
        assert_int_equal(seek(index, index, 0), index);
    }
    assert_int_equal(seek(2, last, UINT64_MAX), last + 1);
    assert_int_equal(seek(2, 10, UINT64_MAX), 11);
}

static void without_a_free_segment_there_is_no_room_until_something_is_trimmed(void **state)
{
    uint64_t turn;

    (void)state;
    node.bytes_max = 4 * MIB;
    node_open(&node);
    node_start(&node, 1);
    /* No room is final only when the last file that may be made is there. */
    while (log_has_room(node.log, 90000) || log_figures(node.log).bytes_total < node.bytes_max) {
        if (!log_has_room(node.log, 90000)) {
            node_turn(&node);
            continue;
        }
        node_append(&node, 1, 90000);
        node_wait_all(&node);
    }
    /* The reserve still takes what cannot be refused. */
    assert_int_equal(log_figures(node.log).segments_free, 1);
    assert_int_equal(log_figures(node.log).bytes_total, 4 * MIB);
    turn = node_hard(&node, 1, 4, 0);
    node_wait(&node, turn);
    node_check(&node);

    node_apply(&node, 1, model_last(&node, 1));
    node_trim(&node, 1, model_last(&node, 1));
    while (!log_has_room(node.log, 90000))
        node_turn(&node);
    node_fill(&node, 1, 20, 90000);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void what_is_appended_without_any_free_segment_waits_for_one(void **state)
{
    uint64_t turn = 0;

    (void)state;
    node.bytes_max = 4 * MIB;
    node_open(&node);
    node_start(&node, 1);
    for (unsigned i = 0; i < 60; i++) /* nobody asks log_has_room() */
        turn = node_append(&node, 1, 90000);
    for (unsigned i = 0; i < 100; i++)
        node_turn(&node);
    assert_true(node.durable < turn);
    assert_true(log_pending_bytes(node.log) > 0);
    node_check(&node); /* the rest from memory */
    node_close(&node); /* does not wait for what cannot come */
    node.bytes_max = 0;
    node_open(&node);
    assert_in_range(log_state(node.log, 1)->last, 30, 50);
    node.groups[1].count = (uint32_t)(log_state(node.log, 1)->last - node.groups[1].start);
    node_check(&node);
}

static void a_stop_does_not_wait_for_a_frame_that_still_gathers_without_a_file(void **state)
{
    (void)state;
    node.bytes_max = 4 * MIB;
    node_open(&node);
    node_start(&node, 1);
    for (unsigned i = 0; i < 60; i++)
        node_append(&node, 1, 90000);
    for (unsigned i = 0; i < 100; i++)
        node_turn(&node);
    node_append(&node, 1, 90000);
    node_close(&node); /* in the same turn */
    node_open(&node);
    node.groups[1].count = (uint32_t)(log_state(node.log, 1)->last - node.groups[1].start);
    node_check(&node);
}

/* As replicas do: entries that hold records stop at the reserve, the catalogue's do not. */
static void a_group_can_be_forgotten_in_a_full_log_and_its_segments_are_used_again(void **state)
{
    unsigned changes = 0;

    (void)state;
    node.bytes_max = 4 * MIB;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    /* The last file is made meanwhile, as fast as the disk is. */
    while (log_has_room(node.log, 90000) || log_figures(node.log).bytes_total < 4 * MIB) {
        uint64_t room = log_room(node.log);
        if (room < MIB / 2) /* of the last segment: what is said to fit fits */
            assert_int_equal(room >= 90000, log_has_room(node.log, 90000));
        if (log_has_room(node.log, 90000))
            node_append(&node, 1, 90000);
        node_wait_all(&node);
        node_turn(&node);
    }
    assert_true(log_room(node.log) < 90000);
    for (; log_has_reserve(node.log, 3000); changes++) {
        node_append(&node, 2, 3000);
        node_wait_all(&node);
        if (log_figures(node.log).segments_free == 0)
            assert_false(log_has_room(node.log, 1)); /* the tail is the reserve */
    }
    assert_true(changes > 100);
    assert_int_equal(log_figures(node.log).segments_free, 0);
    for (uint64_t term = 2; term < 34; term++) /* what is left is for terms and votes */
        node_wait(&node, node_hard(&node, 2, term, 0));
    node_forget(&node, 1);
    node_wait_all(&node);
    while (!log_has_room(node.log, 90000))
        node_turn(&node);
    node_fill(&node, 2, 20, 90000);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void files_that_are_too_small_for_an_entry_are_read_but_not_used_again(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 30, 90000); /* three files of 1 MiB, and some free ones */
    node_close(&node);
    node.segment_bytes = 4 * MIB;
    node_open(&node);
    assert_true(log_has_room(node.log, 3 * MIB) || log_figures(node.log).segments_free < 2);
    node_fill(&node, 1, 4, 3 * MIB);
    node_check(&node);
    node_apply(&node, 1, model_last(&node, 1));
    node_trim(&node, 1, model_last(&node, 1));
    node_fill(&node, 1, 4, 3 * MIB);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void states_that_were_saved_survive_with_what_was_applied(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 10, 100);
    node_apply(&node, 1, 9);
    node_trim(&node, 1, 5);
    log_save(node.log);
    node_reopen(&node);
    const struct log_state *found = log_state(node.log, 1);
    assert_int_equal(found->applied, 9);
    assert_int_equal(found->applied_time_ms, model_head(&node, 1, 9).time_ms);
    assert_int_equal(found->first, 5);
    assert_int_equal(found->image_bytes, 7);
    assert_memory_equal(found->image, "applied", 7);
    node_check(&node);
}

static void a_group_that_was_forgotten_and_made_again_is_new(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 14, 90000);
    node_apply(&node, 1, 14);
    node_trim(&node, 1, 10);
    log_save(node.log);
    node_wait_filed(&node);
    node_forget(&node, 1);
    node_start(&node, 1);
    node_fill(&node, 1, 3, 50);
    node_check(&node);
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->applied, 1);
    assert_int_equal(log_state(node.log, 1)->first, 2);
    node_check(&node);
    node_fill(&node, 1, 14, 90000);
    node_wait_filed(&node);
    node_reopen(&node);
    node_check(&node);
}

static void an_epoch_that_starts_keeps_what_lies_below_it(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 10, 100);
    node_apply(&node, 1, 8);
    struct log_state start = *log_state(node.log, 1);
    start.epoch = 2;
    start.start_index = 8;
    start.start_term = 1;
    start.term = 3;
    start.vote = 9;
    uint64_t turn = log_start(node.log, &start);
    node_wait(&node, turn);
    for (unsigned i = 0; i < 2; i++) {
        const struct log_state *found = log_state(node.log, 1);
        assert_int_equal(found->epoch, 2);
        assert_int_equal(found->first, 2);
        assert_int_equal(found->last, 8);
        assert_int_equal(found->last_time_ms, model_head(&node, 1, 8).time_ms);
        assert_int_equal(found->term, 3);
        assert_int_equal(found->vote, 9);
        struct log_read req = { .group = 1, .first = 2, .last = 20, .bytes_max = MIB };
        assert_int_equal(node_read(&node, &req), ERR_OK);
        assert_int_equal(req.count, 7);
        log_read_fini(&req);
        node_reopen(&node);
    }
}

/* Simulator, lost-disk seed 15: a restart replays the START over an entry only the table has. */
static void an_epoch_that_starts_behind_a_filed_entry_keeps_it_over_a_restart(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    node_fill(&node, 1, 5, 1000);
    node_fill(&node, 2, 12, 90000);
    node_wait_filed(&node);
    node_apply(&node, 1, 4);
    struct log_state start = *log_state(node.log, 1);
    start.epoch = 2;
    start.start_index = 4;
    start.start_term = 1;
    node_wait(&node, log_start(node.log, &start));
    for (unsigned i = 0; i < 2; i++) {
        const struct log_state *found = log_state(node.log, 1);
        assert_int_equal(found->epoch, 2);
        assert_int_equal(found->first, 2);
        assert_int_equal(found->last, 4);
        assert_int_equal(found->last_time_ms, model_head(&node, 1, 4).time_ms);
        node_reopen(&node);
    }
}

static void an_epoch_that_starts_behind_a_gap_hides_what_lies_below_it(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    node_fill(&node, 1, 10, 100);
    struct log_state start = *log_state(node.log, 1);
    start.epoch = 2;
    start.start_index = 50;
    start.start_term = 4;
    start.last_time_ms = 123456;
    node_wait(&node, log_start(node.log, &start));
    for (unsigned i = 0; i < 2; i++) {
        const struct log_state *found = log_state(node.log, 1);
        assert_int_equal(found->first, 51);
        assert_int_equal(found->last, 50);
        assert_int_equal(found->last_term, 4);
        assert_int_equal(found->last_time_ms, 123456);
        struct log_read req = { .group = 1, .first = 5, .last = 5, .bytes_max = MIB };
        assert_int_equal(node_read(&node, &req), ERR_TRIMMED);
        node_reopen(&node);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(trimmed_segments_are_used_again_and_nothing_comes_back),
        TEST(one_living_entry_keeps_its_segment),
        TEST(a_truncate_cuts_entries_of_filed_segments),
        TEST(what_a_truncate_leaves_applied_and_is_trimmed_then_frees_its_segments),
        TEST(a_truncate_is_replayed_over_filed_entries_that_are_not_in_memory),
        TEST(a_truncate_is_replayed_when_what_is_before_it_was_trimmed),
        TEST(a_truncate_is_replayed_when_its_group_was_forgotten_behind_it),
        TEST(a_truncate_may_be_the_last_word_of_what_was_trimmed),
        TEST(reads_cross_the_border_between_table_and_memory),
        TEST(seeking_by_time_finds_the_first_that_is_not_older),
        TEST(without_a_free_segment_there_is_no_room_until_something_is_trimmed),
        TEST(what_is_appended_without_any_free_segment_waits_for_one),
        TEST(a_stop_does_not_wait_for_a_frame_that_still_gathers_without_a_file),
        TEST(a_group_can_be_forgotten_in_a_full_log_and_its_segments_are_used_again),
        TEST(files_that_are_too_small_for_an_entry_are_read_but_not_used_again),
        TEST(states_that_were_saved_survive_with_what_was_applied),
        TEST(a_group_that_was_forgotten_and_made_again_is_new),
        TEST(an_epoch_that_starts_keeps_what_lies_below_it),
        TEST(an_epoch_that_starts_behind_a_filed_entry_keeps_it_over_a_restart),
        TEST(an_epoch_that_starts_behind_a_gap_hides_what_lies_below_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

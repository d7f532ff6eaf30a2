#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/rows.h"
#include "log/segment.h"
#include "table/keys.h"

/* Records that are kept for long beside records that are soon gone, in a log that is much too small
 * for all that is written: segments are emptied, and nothing that lives is lost. */

#define LONG 1u
#define SHORT 2u
#define LONG_EVERY 8u
#define LONG_BYTES 4000u
#define SHORT_BYTES 16000u
#define SHORT_KEPT 20u
#define OPS 2400u
#define WAITS_MAX 60000u

static struct node node;

static void small_log(void)
{
    node_init(&node);
    node.segment_bytes = 256 * 1024;
    node.bytes_max = 4 * MIB;
}

/* The next operation follows from the model alone. */
static void mixed_op(struct node *of)
{
    struct model_group *longs = &of->groups[LONG], *shorts = &of->groups[SHORT];
    bool is_long = (longs->count + shorts->count) % LONG_EVERY == 0;
    uint64_t group = is_long ? LONG : SHORT;

    node_append(of, group, is_long ? LONG_BYTES : SHORT_BYTES);
    uint64_t last = model_last(of, group);
    node_apply(of, group, last);
    if (!is_long && last > SHORT_KEPT + 2)
        node_trim(of, SHORT, last - SHORT_KEPT);
}

static void wait_for_room(size_t bytes)
{
    for (unsigned waits = 0; !log_has_room(node.log, bytes); waits++) {
        if (waits == WAITS_MAX)
            fail_msg("no room for ever: %u of %u written", node.groups[SHORT].count, OPS);
        node_turn(&node);
    }
}

static void begin(void)
{
    node_start(&node, LONG);
    node_start(&node, SHORT);
}

static void run(uint32_t ops)
{
    for (uint32_t op = 0; op < ops; op++) {
        wait_for_room(SHORT_BYTES);
        mixed_op(&node);
        if (op % 4 == 0)
            node_turn(&node);
    }
    node_wait_all(&node);
}

static void both_live_side_by_side_in_a_log_that_is_too_small_without(void **state)
{
    (void)state;
    small_log();
    node_open(&node);
    begin();
    run(OPS);
    struct log_figures figures = log_figures(node.log);
    uint64_t long_bytes = (uint64_t)node.groups[LONG].count * LONG_BYTES;
    assert_true(figures.bytes_payload > 7 * node.bytes_max);
    assert_true(figures.bytes_total <= node.bytes_max);
    assert_true(figures.segments_emptied > 0);
    /* Twice, and what had not been taken out yet when it was moved. */
    assert_true(figures.bytes_aside < 2 * long_bytes);
    print_message("payloads %llu KiB in a log of %llu KiB; %llu segments emptied, %llu KiB written "
                  "aside: all %.2f times, the long ones %.2f times\n",
                  (unsigned long long)figures.bytes_payload / 1024,
                  (unsigned long long)figures.bytes_total / 1024,
                  (unsigned long long)figures.segments_emptied,
                  (unsigned long long)figures.bytes_aside / 1024,
                  (double)(figures.bytes_payload + figures.bytes_aside) /
                      (double)figures.bytes_payload,
                  (double)(long_bytes + figures.bytes_aside) / (double)long_bytes);
    node_check(&node);
    node_reopen(&node);
    node_take_hints(&node);
    node_check(&node);
    node_close(&node);
    node_fini(&node);
}

static void what_lives_is_not_emptied_and_puts_are_refused(void **state)
{
    (void)state;
    small_log();
    node_open(&node);
    begin();
    for (unsigned idle = 0; idle < 300; idle++) { /* files are made meanwhile */
        for (; log_has_room(node.log, SHORT_BYTES); idle = 0) {
            node_append(&node, LONG, SHORT_BYTES);
            node_apply(&node, LONG, model_last(&node, LONG));
            node_wait_all(&node);
        }
        node_turn(&node);
    }
    assert_false(log_has_room(node.log, SHORT_BYTES));
    assert_int_equal(log_figures(node.log).segments_emptied, 0);
    node_check(&node);
    node_trim(&node, LONG, model_last(&node, LONG) / 4 * 3);
    wait_for_room(SHORT_BYTES);
    node_check(&node);
    node_close(&node);
    node_fini(&node);
}

/* ---- damage ---- */

static void a_damaged_entry_is_told_and_its_segment_is_left_until_it_is_whole(void **state)
{
    char path[160];
    unsigned char byte;
    uint64_t index = 2;

    (void)state;
    small_log();
    node_open(&node);
    begin();
    run(20); /* the first segment */
    struct log_read read = { .group = LONG, .first = index, .last = index, .bytes_max = MIB };
    assert_int_equal(node_read(&node, &read), ERR_OK);
    struct buf *payload = buf_ref(read.entries[0].payload);
    log_read_fini(&read);
    assert_true(node_segment_path(&node, 1, path));
    uint64_t at = 4096;
    for (;; at++) { /* where its payload begins */
        unsigned char bytes[64];
        file_read(path, at, bytes, sizeof(bytes));
        if (memcmp(bytes, payload->data, sizeof(bytes)) == 0)
            break;
    }
    file_xor(path, at + 100, 1);
    for (unsigned i = 0; i < 30 && node.damages == 0; i++)
        run(100);
    run(400);
    assert_int_equal(node.damage.head.group, LONG);
    assert_int_equal(node.damage.head.index, index);
    assert_int_equal(node.damage.segment, 1);
    assert_true(strstr(node.damage_why.text, "checksum") != NULL);
    assert_true(log_figures(node.log).empties_failed > 0);
    assert_true(log_figures(node.log).segments_emptied > 0); /* others */
    file_read(path, at + 100, &byte, 1);
    assert_int_equal(byte, payload->data[100] ^ 1); /* its file is not used again */
    file_xor(path, at + 100, 1);
    buf_unref(payload);
    node_check(&node);
    node_close(&node);
    node_fini(&node);
}

/* ---- other things meanwhile ---- */

static void groups_come_and_go_while_segments_are_emptied(void **state)
{
    uint64_t emptied = 0;

    (void)state;
    small_log();
    node_open(&node);
    begin();
    for (unsigned round = 0; round < 15; round++) {
        node_start(&node, 3);
        for (unsigned i = 0; i < 10; i++) {
            wait_for_room(SHORT_BYTES);
            node_append(&node, 3, 5000);
            if (i % 3 == 2) /* not applied: taken back, and written anew */
                node_truncate(&node, 3, model_last(&node, 3));
            run(6);
        }
        if (node.groups[3].count > 2)
            node_apply(&node, 3, model_last(&node, 3) - 1);
        run(10);
        if (round % 3 == 2) {
            node_check(&node);
            emptied += log_figures(node.log).segments_emptied;
            node_reopen(&node);
            node_take_hints(&node);
        }
        node_check(&node);
        node_forget(&node, 3);
    }
    assert_true(emptied > 0);
    node_check(&node);
    node_close(&node);
    node_fini(&node);
}

struct listing {
    uint64_t group, most; /* runs of the group in one segment that was written aside */
};

/* No row of a segment lists an entry twice. */
static bool look_at_row(void *ctx, struct slice key, struct slice value)
{
    struct listing *listing = ctx;
    struct segment_row row = { 0 };
    uint64_t number = 0, runs = 0;

    assert_true(key_segment_read(key, &number));
    assert_int_equal(segment_row_read(value, &row), ERR_OK);
    for (uint32_t i = 0; i < row.extent_count; i++) {
        const struct extent *left = &row.extents[i];
        runs += left->group == listing->group;
        for (uint32_t j = 0; j < i; j++) {
            const struct extent *right = &row.extents[j];
            if (left->group == right->group && left->first <= right->last &&
                right->first <= left->last)
                fail_msg("segment %lx lists %lu..%lu and %lu..%lu of group %lu",
                         (unsigned long)number, (unsigned long)right->first,
                         (unsigned long)right->last, (unsigned long)left->first,
                         (unsigned long)left->last, (unsigned long)left->group);
        }
    }
    if (segment_is_aside(number) && runs > listing->most)
        listing->most = runs;
    segment_row_fini(&row);
    return true;
}

static void look_at_rows(struct listing *listing)
{
    struct slice all = slice_of(NULL, 0);

    assert_int_equal(table_scan(node.table, TABLE_SEGMENT, all, all, look_at_row, listing,
                                &node.reason),
                     ERR_OK);
}

/* Moved, taken back, filled again and moved behind what was moved before. */
static void an_entry_that_is_filled_again_is_listed_once_where_it_lies(void **state)
{
    struct listing listing = { .group = 3 };

    (void)state;
    small_log();
    node_open(&node);
    begin();
    node_start(&node, 3);
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < 6 + round; i++) {
            wait_for_room(SHORT_BYTES);
            node_append(&node, 3, 3000);
            if (i == 3)
                run(20); /* the rest lies in another segment */
        }
        node_apply(&node, 3, model_last(&node, 3));
        for (unsigned i = 0; i < 20; i++) {
            run(20);
            look_at_rows(&listing);
        }
        node_check(&node);
        if (round < 7)
            node_start_again(&node, 3, node.groups[3].start);
    }
    assert_true(listing.most > 0);
    node_reopen(&node);
    node_take_hints(&node);
    node_check(&node);
    node_close(&node);
    node_fini(&node);
}

static bool list_twice(void *ctx, struct slice key, struct slice value)
{
    struct table_batch *batch = ctx;
    struct segment_row row = { 0 };
    struct writer writer;

    assert_int_equal(segment_row_read(value, &row), ERR_OK);
    size_t bytes = row.extent_count * sizeof(*row.extents);
    row.extents = realloc(row.extents, 2 * bytes);
    assert_non_null(row.extents);
    memcpy(row.extents + row.extent_count, row.extents, bytes);
    row.extent_count *= 2;
    writer_init(&writer, MIB);
    segment_row_write(&writer, &row);
    table_batch_put(batch, TABLE_SEGMENT, key, writer_slice(&writer));
    writer_fini(&writer);
    segment_row_fini(&row);
    return true;
}

/* Rows that were written before that was so. */
static void what_is_listed_twice_is_moved_once(void **state)
{
    struct slice all = slice_of(NULL, 0);
    struct table_batch *batch = table_batch_new();

    (void)state;
    small_log();
    node_open(&node);
    begin();
    node_fill(&node, LONG, 25, 3000); /* a third of a segment */
    node_fill(&node, SHORT, 20, SHORT_BYTES);
    node_apply(&node, LONG, model_last(&node, LONG));
    node_apply(&node, SHORT, model_last(&node, SHORT));
    node_wait_filed(&node);
    assert_int_equal(table_scan(node.table, TABLE_SEGMENT, all, all, list_twice, batch,
                                &node.reason),
                     ERR_OK);
    assert_int_equal(table_write(node.table, batch, true, &node.reason), ERR_OK);
    table_batch_free(batch);
    node_trim(&node, SHORT, model_last(&node, SHORT));
    for (unsigned waits = 0; log_figures(node.log).segments_emptied == 0; waits++) {
        assert_true(waits < WAITS_MAX);
        if (log_has_room(node.log, SHORT_BYTES)) {
            node_append(&node, SHORT, SHORT_BYTES);
            node_apply(&node, SHORT, model_last(&node, SHORT));
        }
        node_turn(&node);
    }
    assert_in_range(log_figures(node.log).bytes_aside, 25 * 3000, 25 * 3000 + SHORT_BYTES);
    node_check(&node);
    node_reopen(&node);
    node_take_hints(&node);
    node_check(&node);
    node_close(&node);
    node_fini(&node);
}

/* ---- kill -9 ---- */

static void child(int out)
{
    uint64_t said = 0;

    node_open(&node);
    for (;;) {
        wait_for_room(SHORT_BYTES);
        mixed_op(&node);
        node_turn(&node);
        uint64_t emptied = log_figures(node.log).segments_emptied;
        if (emptied > said && write(out, &emptied, sizeof(emptied)) != sizeof(emptied))
            _exit(1);
        said = emptied;
        if (node.groups[SHORT].count > ENTRIES_MAX - 10)
            _exit(0);
    }
}

static uint64_t run_and_kill(unsigned after_us)
{
    int pipe_ends[2];
    uint64_t emptied = 0, most = 0;

    assert_int_equal(pipe(pipe_ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pipe_ends[0]);
        child(pipe_ends[1]);
    }
    close(pipe_ends[1]);
    if (read(pipe_ends[0], &most, sizeof(most)) != sizeof(most))
        fail_msg("the child emptied nothing");
    usleep(after_us);
    kill(pid, SIGKILL);
    while (read(pipe_ends[0], &emptied, sizeof(emptied)) == sizeof(emptied))
        most = emptied;
    close(pipe_ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return most;
}

static void a_kill_while_segments_are_emptied_loses_nothing(void **state)
{
    struct random random;

    (void)state;
    small_log();
    random_init(&random, 11);
    node_open(&node);
    begin();
    run(400);
    node_close(&node);
    for (unsigned round = 0; round < 6; round++) {
        random_init(&node.random, round + 100); /* lives of segments differ from run to run */
        run_and_kill((unsigned)random_below(&random, 20000));
        node_open(&node);
        struct log *log = node.log;
        for (unsigned op = 0; !node_matches(&node); op++) {
            if (op > 4000 || node.groups[SHORT].count > ENTRIES_MAX - 10)
                fail_msg("round %u: no moment of the history matches", round);
            node.log = NULL; /* the model alone */
            mixed_op(&node);
            node.log = log;
        }
        node_take_hints(&node);
        node_check(&node);
        node_close(&node);
    }
    node_fini(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_live_side_by_side_in_a_log_that_is_too_small_without),
        cmocka_unit_test(what_lives_is_not_emptied_and_puts_are_refused),
        cmocka_unit_test(a_damaged_entry_is_told_and_its_segment_is_left_until_it_is_whole),
        cmocka_unit_test(groups_come_and_go_while_segments_are_emptied),
        cmocka_unit_test(an_entry_that_is_filled_again_is_listed_once_where_it_lies),
        cmocka_unit_test(what_is_listed_twice_is_moved_once),
        cmocka_unit_test(a_kill_while_segments_are_emptied_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

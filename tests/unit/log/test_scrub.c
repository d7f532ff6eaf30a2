#include "fixture.h"

#include "log/scrub.h"
#include "table/keys.h"

/* Every entry is read, at a bounded rate, and damage is found without a reader. */

#define LENGTH 90000u
#define COUNT 30u /* of group 1: three segments of 1 MiB */

static struct node node;
static struct scrub *scrub;
static struct scrub_pass passed; /* the last pass that ended */
static unsigned passes;
static bool closed;

static int set_up(void **state)
{
    (void)state;
    passes = 0;
    closed = false;
    node_init(&node);
    node_open(&node);
    for (uint64_t group = 1; group <= 3; group++)
        node_start(&node, group);
    for (unsigned i = 0; i < COUNT; i++) {
        node_append(&node, 1, LENGTH);
        node_append(&node, 2, 100);
        node_wait_all(&node);
    }
    for (uint64_t group = 1; group <= 2; group++)
        node_apply(&node, group, model_last(&node, group));
    node_wait_filed(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

static void on_pass(void *ctx, const struct scrub_pass *pass)
{
    (void)ctx;
    passed = *pass;
    passes++;
}

static void on_closed(void *ctx)
{
    (void)ctx;
    closed = true;
}

static void start(uint64_t bytes_per_s)
{
    struct scrub_options options = { .period_ms = 20,
                                     .bytes_per_s = bytes_per_s,
                                     .on_pass = on_pass };
    struct scrub_world world = { .log = node.log, .clock = node.clock, .random = &node.random };

    assert_int_equal(scrub_open(&scrub, &options, &world), ERR_OK);
}

/* The pass that begins now or later, from its beginning to its end. */
static void await_whole_pass(void)
{
    unsigned seen = passes;

    while (passes < seen + 2)
        node_turn(&node);
}

static void stop(void)
{
    scrub_close(scrub, on_closed, NULL);
    assert_false(closed);
    while (!closed)
        node_turn(&node);
}

/* Where the payload of an entry lies: its bytes are nowhere else. */
static uint64_t place_of(uint64_t group, uint64_t index, char path[160])
{
    const struct model_group *of = &node.groups[group];
    AUTO_UNREF struct buf *payload =
        model_payload(group, index, &of->entries[index - of->start - 1]);
    static unsigned char bytes[MIB];

    for (uint64_t number = 1; node_segment_path(&node, number, path); number++) {
        file_read(path, 0, bytes, sizeof(bytes));
        const unsigned char *at = memmem(bytes, sizeof(bytes), payload->data, payload->len);
        if (at != NULL)
            return (uint64_t)(at - bytes);
    }
    fail_msg("entry %llu is nowhere", (unsigned long long)index);
    return 0;
}

static void flip(uint64_t group, uint64_t index)
{
    char path[160];
    uint64_t at = place_of(group, index, path);

    file_xor(path, at + 3, 0x10);
}

static void a_pass_reads_every_entry_of_every_group(void **state)
{
    (void)state;
    start(SCRUB_BYTES_PER_S_MAX);
    await_whole_pass();
    assert_int_equal(passed.entries, 2 * COUNT);
    assert_int_equal(passed.damaged, 0);
    assert_true(passed.bytes >= COUNT * LENGTH);
    assert_int_equal(node.damages, 0);
    await_whole_pass();
    assert_int_equal(passed.entries, 2 * COUNT);
    struct scrub_figures figures = scrub_figures(scrub);
    assert_true(figures.passes >= 4);
    assert_int_equal(figures.entries, figures.passes * 2 * COUNT);
    stop();
}

/* After a restart they are in files. */
static void rows_of_the_tables_are_read(void **state)
{
    (void)state;
    log_save(node.log);
    node_reopen(&node);
    start(SCRUB_BYTES_PER_S_MAX);
    await_whole_pass();
    assert_true(passed.rows > 3 * 2); /* states and hints; runs and segments besides */
    assert_int_equal(passed.damaged, 0);
    assert_string_equal(passed.rows_why.text, "");
    uint64_t rows = passed.rows;
    await_whole_pass();
    assert_int_equal(passed.rows, rows);
    stop();
}

static void damage_is_found_without_a_reader_and_only_there(void **state)
{
    (void)state;
    flip(1, 2); /* the first one of a read, one in the middle, two in a row, the last one */
    flip(1, 11);
    flip(1, 20);
    flip(1, 21);
    flip(1, COUNT + 1);
    flip(2, 8);
    start(SCRUB_BYTES_PER_S_MAX);
    await_whole_pass();
    assert_int_equal(passed.damaged, 6);
    assert_int_equal(passed.entries, 2 * COUNT - 6);
    assert_int_equal(log_figures(node.log).damaged_entries, 6);
    static const uint64_t expected[6][2] = { { 1, 2 },  { 1, 11 },        { 1, 20 },
                                             { 1, 21 }, { 1, COUNT + 1 }, { 2, 8 } };
    const struct log_damage *damage = NULL;
    uint64_t group = 0, index = 0;
    for (unsigned i = 0; i < 6; i++, group = damage->head.group, index = damage->head.index) {
        damage = log_damaged_next(node.log, group, index);
        assert_non_null(damage);
        assert_int_equal(damage->head.group, expected[i][0]);
        assert_int_equal(damage->head.index, expected[i][1]);
    }
    assert_null(log_damaged_next(node.log, group, index));
    stop();
}

static void missing_index_rows_are_found_and_the_pass_goes_on(void **state)
{
    struct table_batch *batch = table_batch_new();
    struct key key = key_index(1, 2); /* the first segment's entries of group 1 */

    (void)state;
    table_batch_delete(batch, TABLE_INDEX, key_slice(&key));
    assert_int_equal(table_write(node.table, batch, true, &node.reason), ERR_OK);
    table_batch_free(batch);
    start(SCRUB_BYTES_PER_S_MAX);
    await_whole_pass();
    assert_in_range(passed.damaged, 5, 15);
    assert_int_equal(passed.entries, 2 * COUNT - passed.damaged);
    stop();
}

static void a_pass_takes_as_long_as_its_rate_asks_for(void **state)
{
    (void)state;
    start(16 * MIB);
    await_whole_pass();
    assert_true(passed.took_ms >= passed.bytes * 1000 / (16 * MIB));
    stop();
}

static void entries_that_are_trimmed_meanwhile_are_no_damage(void **state)
{
    (void)state;
    start(SCRUB_BYTES_PER_S_MAX);
    for (uint64_t first = 3; first < COUNT; first += 3) {
        node_trim(&node, 1, first);
        for (unsigned i = 0; i < 4; i++)
            node_turn(&node);
    }
    node_forget(&node, 2);
    await_whole_pass();
    assert_int_equal(passed.damaged, 0);
    assert_int_equal(passed.entries, model_last(&node, 1) - node.groups[1].first + 1);
    assert_int_equal(node.damages, 0);
    stop();
}

static void one_can_stop_at_any_step(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 40; turns++) {
        start(SCRUB_BYTES_PER_S_MAX);
        for (unsigned i = 0; i < turns; i++)
            node_turn(&node);
        closed = false;
        stop();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_pass_reads_every_entry_of_every_group),
        TEST(rows_of_the_tables_are_read),
        TEST(damage_is_found_without_a_reader_and_only_there),
        TEST(missing_index_rows_are_found_and_the_pass_goes_on),
        TEST(a_pass_takes_as_long_as_its_rate_asks_for),
        TEST(entries_that_are_trimmed_meanwhile_are_no_damage),
        TEST(one_can_stop_at_any_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

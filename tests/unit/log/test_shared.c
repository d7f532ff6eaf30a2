#include "fixture.h"

#include "log/log_private.h"

/* Shared reads: many groups side by side, out of blocks of filed segments. */

#define READ_GROUPS 12u
#define LENGTH 123457u /* some lie in two blocks */
#define ROUNDS 16u
#define SEGMENT_BYTES (5u * MIB) /* two blocks and a half */
/* More groups than have room for rows ahead, in segments that have a few entries of each. */
#define CROWD (LOG_ROWS_CACHED_MAX / 2)
#define CROWD_LENGTH 500u
#define CROWD_ROUNDS 16u

struct group_reader {
    struct log_read read;
    bool done;
    enum err err;
};

static struct node node;

static int set_up(void **state)
{
    (void)state;
    node_init(&node);
    node.segment_bytes = SEGMENT_BYTES;
    node_open(&node);
    for (uint64_t group = 1; group <= READ_GROUPS; group++)
        node_start(&node, group);
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (uint64_t group = 1; group <= READ_GROUPS; group++)
            node_append(&node, group, LENGTH + (uint32_t)group * 100 + i);
        node_wait_all(&node);
    }
    for (uint64_t group = 1; group <= READ_GROUPS; group++)
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

static void on_read(struct log_read *read, enum err err)
{
    struct group_reader *reader = container_of(read, struct group_reader, read);

    reader->err = err;
    reader->done = true;
}

static void check(const struct log_read *read)
{
    for (uint32_t i = 0; i < read->count; i++) {
        const struct entry_head *head = &read->entries[i].head;
        const struct model_group *model = &node.groups[head->group];
        AUTO_UNREF struct buf *payload = model_payload(
            head->group, head->index, &model->entries[head->index - model->start - 1]);
        assert_int_equal(head->index, read->first + i);
        assert_int_equal(read->entries[i].payload->len, payload->len);
        assert_memory_equal(read->entries[i].payload->data, payload->data, payload->len);
    }
}

/* All groups at once; returns what was read from the disk for it. */
static uint64_t read_all(struct group_reader *readers, bool shared)
{
    uint64_t before = log_figures(node.log).read_bytes;

    for (unsigned i = 0; i < READ_GROUPS; i++) {
        readers[i] = (struct group_reader){
            .read = { .group = i + 1, .first = node.groups[i + 1].start + 1,
                      .last = model_last(&node, i + 1), .bytes_max = 64 * MIB, .shared = shared }
        };
        log_read(node.log, &readers[i].read, on_read);
    }
    for (unsigned i = 0; i < READ_GROUPS; i++)
        while (!readers[i].done)
            node_turn(&node);
    return log_figures(node.log).read_bytes - before;
}

static void drop_all(struct group_reader *readers)
{
    for (unsigned i = 0; i < READ_GROUPS; i++)
        log_read_fini(&readers[i].read);
}

static void groups_that_are_read_side_by_side_read_the_disk_once(void **state)
{
    struct group_reader readers[READ_GROUPS];
    uint64_t bytes = read_all(readers, true);
    uint64_t written = (uint64_t)READ_GROUPS * ROUNDS * LENGTH;

    (void)state;
    for (unsigned i = 0; i < READ_GROUPS; i++) {
        assert_int_equal(readers[i].err, ERR_OK);
        assert_int_equal(readers[i].read.count, ROUNDS);
        check(&readers[i].read);
    }
    drop_all(readers);
    /* What is not filed is read entry by entry, and once more in blocks at most. */
    assert_in_range(bytes, 1, written + 2 * SEGMENT_BYTES);
    /* Kept for a moment: the filed ones are not read again. */
    assert_in_range(read_all(readers, true), 0, 2 * SEGMENT_BYTES);
    drop_all(readers);
}

static void nothing_is_kept_when_nobody_reads(void **state)
{
    struct group_reader readers[READ_GROUPS];
    uint64_t bytes = read_all(readers, true);

    (void)state;
    drop_all(readers);
    for (uint64_t began = clock_mono_ms(node.clock); clock_mono_ms(node.clock) - began < 4500;)
        node_turn(&node);
    assert_int_equal(read_all(readers, true), bytes);
    drop_all(readers);
}

/* As when nobody has read for a while. */
static void pass_idle(struct blocks *blocks)
{
    while (blocks->reading > 0) /* ahead */
        node_turn(&node);
    blocks->used = false;
    blocks->idle.cb(&blocks->idle);
}

/* Payloads are parts of blocks: those stay for them, and are not used for other bytes meanwhile.
 * They count as long as that, also when nobody reads, or what is in them has changed. */
static void what_is_lent_stays_and_counts(void **state)
{
    struct group_reader readers[READ_GROUPS], again[READ_GROUPS];
    struct blocks *blocks = &node.log->blocks;

    (void)state;
    read_all(readers, true);
    uint32_t lent = blocks->count;
    assert_in_range(lent, 2, LOG_BLOCKS_MAX);
    pass_idle(blocks);
    assert_in_range(blocks->count, 2, lent); /* what was only read ahead has gone */
    lent = blocks->count;
    shelf_drop(node.log, segment_find(node.log, 1));
    assert_int_equal(blocks->count, lent);
    read_all(again, true);
    assert_true(blocks->count > lent);
    drop_all(again);
    for (unsigned i = 0; i < READ_GROUPS; i++)
        check(&readers[i].read);
    drop_all(readers);
    pass_idle(blocks);
    assert_int_equal(blocks->count, 0);
}

static void read_one(struct log_read *read)
{
    assert_int_equal(node_read(&node, read), ERR_OK);
    assert_int_equal(read->count, 1);
    check(read);
}

/* Of a block whose turn has come the memory is not taken for one that is read ahead, also when all
 * others are lent. */
static void a_block_that_is_found_stays_while_more_is_read_ahead(void **state)
{
    struct blocks *blocks = &node.log->blocks;
    uint64_t index = node.groups[1].start;
    struct log_read in_first = {
        .group = 1, .first = index + 1, .last = index + 1, .bytes_max = MIB, .shared = true
    };
    struct log_read in_second = {
        .group = 1, .first = index + 3, .last = index + 3, .bytes_max = MIB, .shared = true
    };

    (void)state;
    /* Others read so many blocks that the second is read ahead, and not the third. */
    blocks->reading = LOG_BLOCKS_READ_MAX - 1;
    read_one(&in_first);
    while (blocks->reading > LOG_BLOCKS_READ_MAX - 1)
        node_turn(&node);
    assert_int_equal(blocks->count, 2);
    /* And hold so many that there are enough. */
    blocks->reading = 0;
    blocks->count = LOG_BLOCKS_MAX;
    read_one(&in_second);
    while (blocks->reading > 0)
        node_turn(&node);
    assert_int_equal(blocks->count, LOG_BLOCKS_MAX + 1);
    blocks->count = 3;
    log_read_fini(&in_first);
    log_read_fini(&in_second);
}

/* The first entry of group 3 whose bytes are in the first segment. */
static uint64_t place_of(uint64_t index, char path[160])
{
    AUTO_UNREF struct buf *payload =
        model_payload(3, index, &node.groups[3].entries[index - node.groups[3].start - 1]);
    static unsigned char bytes[SEGMENT_BYTES];

    assert_true(node_segment_path(&node, 1, path));
    file_read(path, 0, bytes, sizeof(bytes));
    const unsigned char *at = memmem(bytes, sizeof(bytes), payload->data, payload->len);
    assert_non_null(at);
    return (uint64_t)(at - bytes);
}

static void a_damaged_entry_is_found_and_those_before_it_are_given(void **state)
{
    struct group_reader readers[READ_GROUPS];
    uint64_t index = node.groups[3].start + 2;
    char path[160];
    uint64_t at = place_of(index, path);

    (void)state;
    file_xor(path, at + 77, 0x10);
    read_all(readers, true);
    for (unsigned i = 0; i < READ_GROUPS; i++) {
        assert_int_equal(readers[i].err, ERR_OK);
        assert_int_equal(readers[i].read.count, i == 2 ? 1 : ROUNDS);
        check(&readers[i].read);
    }
    drop_all(readers);
    assert_int_equal(node.damages, 1);
    assert_int_equal(node.damage.head.index, index);

    struct log_read one = {
        .group = 3, .first = index, .last = index, .bytes_max = MIB, .shared = true
    };
    assert_int_equal(node_read(&node, &one), ERR_CORRUPT);
    log_read_fini(&one);
    /* Whole again, whatever blocks were kept of it. */
    file_xor(path, at + 77, 0x10);
    assert_int_equal(node_read(&node, &one), ERR_OK);
    check(&one);
    log_read_fini(&one);
    assert_null(log_damaged_next(node.log, 0, 0));
}

/* One entry after the other; how often the tables were asked. */
static uint64_t lookups_of(uint64_t group, bool shared)
{
    uint64_t before = log_figures(node.log).lookups;

    for (uint64_t index = node.groups[group].start + 1; index <= model_last(&node, group);
         index++) {
        struct log_read one = {
            .group = group, .first = index, .last = index, .bytes_max = MIB, .shared = shared
        };
        assert_int_equal(node_read(&node, &one), ERR_OK);
        assert_int_equal(one.count, 1);
        check(&one);
        log_read_fini(&one);
    }
    return log_figures(node.log).lookups - before;
}

static void index_rows_come_with_those_behind_them(void **state)
{
    (void)state;
    uint64_t rows = lookups_of(1, false);

    assert_true(rows > 2);
    assert_int_equal(lookups_of(2, true), (rows + LOG_ROWS_AHEAD) / (LOG_ROWS_AHEAD + 1));
}

static uint64_t write_crowd(uint64_t index)
{
    AUTO_UNREF struct buf *payload = buf_new(CROWD_LENGTH);

    memset(payload->data, (int)index, CROWD_LENGTH);
    for (uint64_t group = 1; group <= CROWD; group++) {
        struct entry_head head = { .group = group, .index = index, .term = 1, .time_ms = index,
                                   .epoch = 1, .length = CROWD_LENGTH, .records = 1,
                                   .type = ENTRY_RECORDS };
        head.crc = entry_crc(&head, buf_slice(payload));
        log_entry(node.log, &head, payload);
    }
    return log_turn(node.log);
}

static int set_up_crowd(void **state)
{
    (void)state;
    node_init(&node);
    node_open(&node);
    for (uint64_t group = 1; group <= CROWD; group++) {
        struct log_state start = {
            .group = group, .epoch = 1, .member_count = 1, .members = { NODE_ID }, .term = 1
        };
        log_start(node.log, &start);
    }
    for (uint64_t index = 1; index <= CROWD_ROUNDS; index++)
        node_wait(&node, write_crowd(index));
    for (uint64_t group = 1; group <= CROWD; group++)
        log_applied(node.log, group, CROWD_ROUNDS, 1, CROWD_ROUNDS, slice_text("applied"));
    node_wait_filed(&node);
    return 0;
}

/* Each group's next entry, in turns; how often the tables were asked. */
static uint64_t lookups_side_by_side(bool shared)
{
    uint64_t before = log_figures(node.log).lookups;

    for (uint64_t at = 0; at < (uint64_t)CROWD * CROWD_ROUNDS; at++) {
        struct log_read one = {
            .group = 1 + at % CROWD, .first = 1 + at / CROWD, .last = 1 + at / CROWD,
            .bytes_max = MIB, .shared = shared
        };
        assert_int_equal(node_read(&node, &one), ERR_OK);
        assert_int_equal(one.count, 1);
        log_read_fini(&one);
    }
    uint64_t lookups = log_figures(node.log).lookups - before;
    assert_int_equal(node.log->cache.groups, CROWD);
    for (uint64_t group = 1; group <= CROWD; group++)
        cache_drop(node.log, group, 0);
    assert_int_equal(node.log->cache.groups, 0);
    return lookups;
}

/* For which there would not be room: those that are in use stay. */
static void rows_do_not_come_ahead_where_many_groups_are_read(void **state)
{
    uint64_t rows = lookups_side_by_side(false);

    (void)state;
    assert_true(rows > 2 * CROWD);
    assert_in_range(lookups_side_by_side(true), 1, rows);
}

static void a_log_that_closes_waits_for_them(void **state)
{
    struct group_reader readers[READ_GROUPS];

    (void)state;
    for (unsigned i = 0; i < READ_GROUPS; i++) {
        readers[i] = (struct group_reader){
            .read = { .group = i + 1, .first = node.groups[i + 1].start + 1,
                      .last = model_last(&node, i + 1), .bytes_max = 64 * MIB, .shared = true }
        };
        log_read(node.log, &readers[i].read, on_read);
    }
    node_close(&node);
    for (unsigned i = 0; i < READ_GROUPS; i++) {
        assert_true(readers[i].done);
        assert_int_equal(readers[i].err, ERR_OK);
        check(&readers[i].read);
    }
    drop_all(readers);
    node_open(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(groups_that_are_read_side_by_side_read_the_disk_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_kept_when_nobody_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_lent_stays_and_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_block_that_is_found_stays_while_more_is_read_ahead,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_entry_is_found_and_those_before_it_are_given,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(index_rows_come_with_those_behind_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rows_do_not_come_ahead_where_many_groups_are_read,
                                        set_up_crowd, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_closes_waits_for_them, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

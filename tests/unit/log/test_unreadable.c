#include "fixture.h"

#include "log/scrub.h"
#include "log/segment.h"

/* A disk that cannot read some blocks any more, until they are written again. */

#define LENGTH 90000u
#define COUNT 12u

static struct node node;

/* The linker leads the log's calls through here (-Wl,--wrap). */
static struct {
    bool armed;
    uint64_t block; /* that cannot be read; of whatever file */
    struct defer defer;
    struct disk_io *io;
    unsigned writes;
    unsigned failed_reads;
    unsigned failed_now; /* reads at a start */
} bad;

void __real_disk_read(struct disk_file *file, struct disk_io *req, uint64_t offset, void *bytes,
                      size_t len, disk_io_cb cb);
void __wrap_disk_read(struct disk_file *file, struct disk_io *req, uint64_t offset, void *bytes,
                      size_t len, disk_io_cb cb);
enum err __real_disk_read_now(struct disk_file *file, uint64_t offset, void *bytes, size_t len,
                              struct reason *reason);
enum err __wrap_disk_read_now(struct disk_file *file, uint64_t offset, void *bytes, size_t len,
                              struct reason *reason);
void __real_disk_write(struct disk_file *file, struct disk_io *req, uint64_t offset,
                       const void *bytes, size_t len, disk_io_cb cb);
void __wrap_disk_write(struct disk_file *file, struct disk_io *req, uint64_t offset,
                       const void *bytes, size_t len, disk_io_cb cb);

static void fail_read(struct defer *defer)
{
    (void)defer;
    reason_set(&bad.io->reason, "made up");
    bad.io->cb(bad.io, ERR_IO);
}

void __wrap_disk_read(struct disk_file *file, struct disk_io *req, uint64_t offset, void *bytes,
                      size_t len, disk_io_cb cb)
{
    if (!bad.armed || offset > bad.block || offset + len <= bad.block) {
        __real_disk_read(file, req, offset, bytes, len, cb);
        return;
    }
    req->cb = cb;
    bad.io = req;
    bad.failed_reads++;
    defer_run(node.clock, &bad.defer, fail_read);
}

enum err __wrap_disk_read_now(struct disk_file *file, uint64_t offset, void *bytes, size_t len,
                              struct reason *reason)
{
    if (!bad.armed || offset > bad.block || offset + len <= bad.block)
        return __real_disk_read_now(file, offset, bytes, len, reason);
    bad.failed_now++;
    reason_set(reason, "made up");
    return ERR_IO;
}

void __wrap_disk_write(struct disk_file *file, struct disk_io *req, uint64_t offset,
                       const void *bytes, size_t len, disk_io_cb cb)
{
    bad.writes++;
    if (bad.armed && offset <= bad.block && offset + len > bad.block)
        bad.armed = false; /* the disk has put another block in its place */
    __real_disk_write(file, req, offset, bytes, len, cb);
}

/* The head's reserve and one besides: the last one is still being made when a segment was begun a
 * moment ago, and until then there is no room elsewhere. */
static void wait_for_files(void)
{
    while (log_figures(node.log).segments_free < 2)
        node_turn(&node);
}

static int set_up(void **state)
{
    (void)state;
    memset(&bad, 0, sizeof(bad));
    node_init(&node);
    node_open(&node);
    node_start(&node, 1);
    for (unsigned i = 0; i < COUNT; i++) {
        node_append(&node, 1, LENGTH);
        node_wait_all(&node);
    }
    node_apply(&node, 1, model_last(&node, 1));
    node_wait_filed(&node);
    wait_for_files();
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
    *(struct scrub_pass *)ctx = *pass;
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

static struct scrub_pass search(void)
{
    struct scrub_pass passed = { 0 };
    struct scrub_options options = { .period_ms = 10,
                                     .bytes_per_s = SCRUB_BYTES_PER_S_MAX,
                                     .on_pass = on_pass,
                                     .ctx = &passed };
    struct scrub_world world = { .log = node.log, .clock = node.clock, .random = &node.random };
    struct scrub *scrub;
    bool closed = false;

    assert_int_equal(scrub_open(&scrub, &options, &world), ERR_OK);
    while (passed.number == 0)
        node_turn(&node);
    scrub_close(scrub, on_closed, &closed);
    while (!closed)
        node_turn(&node);
    return passed;
}

struct mending {
    struct log_mend req;
    enum err err;
    bool done;
};

static void on_mend(struct log_mend *req, enum err err)
{
    struct mending *mending = container_of(req, struct mending, req);

    mending->err = err;
    mending->done = true;
}

static enum err mend(uint64_t index)
{
    AUTO_UNREF struct buf *payload =
        model_payload(1, index, &node.groups[1].entries[index - node.groups[1].start - 1]);
    struct mending mending = { .req = { .head = model_head(&node, 1, index),
                                        .payload = payload } };

    log_mend(node.log, &mending.req, on_mend);
    while (!mending.done)
        node_turn(&node);
    return mending.err;
}

/* Block `number` of the 23 that the frame of entry 4 has, as each entry's has; START is in the
 * first one. */
static uint64_t block_of_4(unsigned number)
{
    return SEGMENT_HEAD_BYTES + ((4 - 2) * 23 + (uint64_t)number) * DISK_ALIGN;
}

static void blocks_inside_of_a_payload_are_written_again(void **state)
{
    (void)state;
    bad.block = block_of_4(9);
    bad.armed = true;
    struct scrub_pass passed = search();
    assert_int_equal(passed.damaged, 1);
    assert_int_equal(passed.entries, COUNT - 1);
    const struct log_damage *damage = log_damaged_next(node.log, 0, 0);
    assert_non_null(damage);
    assert_int_equal(damage->head.index, 4);
    assert_null(log_damaged_next(node.log, 1, 4));
    assert_non_null(strstr(node.damage_why.text, "the disk cannot read it"));
    assert_int_equal(mend(4), ERR_OK);
    assert_false(bad.armed);
    assert_int_equal(log_figures(node.log).mended_entries, 1);
    assert_int_equal(search().damaged, 0);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

/* As block_of_4(), of another entry of the first segment. */
static uint64_t block_of(uint64_t index, unsigned number)
{
    return block_of_4(number) + (index - 4) * 23 * DISK_ALIGN;
}

static void a_block_that_holds_more_than_the_payload_is_not_made_up(void **state)
{
    static const unsigned edges[] = { 0, 22 };
    uint64_t last = model_last(&node, 1); /* the only one of the second segment, not full yet */

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        bad.block = block_of(2, edges[i]); /* in both segments */
        bad.armed = true;
        assert_int_equal(search().damaged, 2);
        unsigned writes = bad.writes;
        assert_int_equal(mend(last), ERR_BUSY);
        assert_int_equal(bad.writes, writes);
        assert_int_equal(log_figures(node.log).damaged_entries, 2);
        bad.armed = false; /* the disk has thought better of it */
        assert_int_equal(search().damaged, 0);
        assert_int_equal(log_figures(node.log).damaged_entries, 0);
    }
    node_check(&node);
}

/* What was applied is a hint, which may be lost. */
static void reopen(void)
{
    node_reopen(&node);
    node_apply(&node, 1, model_last(&node, 1));
}

static void an_entry_whose_first_or_last_block_is_bad_is_written_elsewhere(void **state)
{
    static const unsigned edges[] = { 0, 22 };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t index = 6 + i;
        bad.block = block_of(index, edges[i]);
        bad.armed = true;
        assert_int_equal(search().damaged, 1);
        assert_int_equal(mend(index), ERR_OK);
        assert_true(bad.armed); /* nobody wrote there */
        assert_int_equal(log_figures(node.log).moved_entries, 1);
        assert_int_equal(log_figures(node.log).damaged_entries, 0);
        assert_int_equal(search().damaged, 0);
        node_check(&node);
        reopen();
        node_check(&node);
    }
}

/* Wherever the entry stands in its row; what nothing lives in any more is free. */
static void a_segment_whose_entries_are_all_elsewhere_is_free(void **state)
{
    static const unsigned order[] = { 3, 12, 4, 5, 11, 8, 7, 9, 10, 6, 2 };
    unsigned count = sizeof(order) / sizeof(order[0]);

    (void)state;
    for (unsigned i = 0; i < count; i++) {
        bad.block = block_of(order[i], i % 2 == 0 ? 0 : 22);
        bad.armed = true;
        assert_true(search().damaged > 0);
        assert_int_equal(log_figures(node.log).segments_full, i == 0 ? 1 : 2);
        assert_int_equal(mend(order[i]), ERR_OK);
        bad.armed = false;
        node_check(&node);
    }
    assert_int_equal(log_figures(node.log).moved_entries, count);
    assert_int_equal(log_figures(node.log).segments_full, 1); /* where they are */
    node_reopen(&node);
    node_check(&node);
    assert_int_equal(log_figures(node.log).segments_full, 1);
}

static void a_close_in_between_leaves_it_as_it_was(void **state)
{
    AUTO_UNREF struct buf *payload = model_payload(1, 6, &node.groups[1].entries[4]);

    (void)state;
    for (unsigned turns = 0; turns < 12; turns++) {
        struct mending mending = { .req = { .head = model_head(&node, 1, 6),
                                            .payload = payload } };
        wait_for_files();
        bad.block = block_of(6, 0);
        bad.armed = true;
        log_mend(node.log, &mending.req, on_mend);
        for (unsigned i = 0; i < turns; i++)
            node_turn(&node);
        reopen();
        assert_true(mending.done);
        assert_true(mending.err == ERR_CLOSED || mending.err == ERR_OK);
        bad.armed = false;
        node_check(&node);
    }
}

/* Reads what is there from `first` to the end.  ERR_OK with as many as come before a bad one. */
static enum err read_from(uint64_t group, uint64_t first, uint32_t *count)
{
    struct log_read req = {
        .group = group, .first = first, .last = model_last(&node, group), .bytes_max = 64 * MIB
    };
    enum err err = node_read(&node, &req);

    *count = req.count;
    log_read_fini(&req);
    return err;
}

static void the_entries_before_an_unreadable_one_are_given(void **state)
{
    uint32_t count = 0;

    (void)state;
    bad.block = block_of_4(9);
    bad.armed = true;
    assert_int_equal(read_from(1, 2, &count), ERR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(node.damages, 1);
    assert_int_equal(node.damage.head.index, 4);
    assert_int_equal(read_from(1, 4, &count), ERR_IO);
    assert_int_equal(read_from(1, 5, &count), ERR_OK);
    assert_int_equal(count, model_last(&node, 1) - 4);
}

/* Simulator, mixed-retention, seed 60037: the block was of another group's entry. */
static void a_bad_block_between_entries_is_none_of_theirs(void **state)
{
    uint32_t count = 0;
    uint64_t first = 0;

    (void)state;
    node_start(&node, 2);
    first = model_last(&node, 2) + 1;
    for (unsigned i = 0; i < 2; i++) {
        node_append(&node, 2, 5000);
        node_wait_all(&node);
        node_append(&node, 1, 20000); /* a frame of its own: five blocks between those of 2 */
        node_wait_all(&node);
    }
    const struct tail_place tail = node_tail(&node);
    bad.block = tail.frame - 3 * DISK_ALIGN - 2 * DISK_ALIGN; /* in the middle of the first one */
    bad.armed = true;
    assert_int_equal(read_from(2, first, &count), ERR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(node.damages, 0);
    assert_int_equal(bad.failed_reads, 1);
    assert_int_equal(read_from(1, model_last(&node, 1) - 1, &count), ERR_IO);
}

/* Simulator, disk-errors, seed 90007: the node could not start any more. */
static void a_start_does_not_need_the_payloads_of_an_open_segment(void **state)
{
    (void)state;
    node_append(&node, 1, LENGTH); /* the one before is in the same segment and is not the last */
    node_wait_all(&node);
    bad.block = block_of_4(9) - (4 - 2) * 23 * DISK_ALIGN; /* of the first frame */
    bad.armed = true;
    node_reopen(&node);
    assert_true(bad.failed_now > 0 && bad.failed_now < 3); /* a disk takes seconds to fail */
    bad.armed = false;
    node_check(&node);
}

static void a_start_needs_the_heads_of_frames(void **state)
{
    (void)state;
    node_append(&node, 1, LENGTH);
    node_wait_all(&node);
    node_close(&node);
    bad.block = block_of_4(23) - (4 - 2) * 23 * DISK_ALIGN; /* of the second frame, its first */
    bad.armed = true;
    assert_int_equal(node_try_open(&node), ERR_IO);
    bad.armed = false;
    node_open(&node);
    node_check(&node);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(blocks_inside_of_a_payload_are_written_again),
        TEST(a_block_that_holds_more_than_the_payload_is_not_made_up),
        TEST(an_entry_whose_first_or_last_block_is_bad_is_written_elsewhere),
        TEST(a_segment_whose_entries_are_all_elsewhere_is_free),
        TEST(a_close_in_between_leaves_it_as_it_was),
        TEST(the_entries_before_an_unreadable_one_are_given),
        TEST(a_bad_block_between_entries_is_none_of_theirs),
        TEST(a_start_does_not_need_the_payloads_of_an_open_segment),
        TEST(a_start_needs_the_heads_of_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

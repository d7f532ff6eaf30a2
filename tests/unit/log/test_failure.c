#include "fixture.h"

/* A disk that fails, is full, or takes its time. */

static struct node node;

/* The linker leads the log's calls through here (-Wl,--wrap). */
static struct {
    bool write, create;
    bool table; /* read by workers; the next one too */
    enum err table_err;
    struct defer write_defer, create_defer;
    struct disk_io *io;
    struct disk_create *creating, held_create;
    enum err create_err;
    unsigned creates;
    uint64_t create_held_at; /* a log of so many bytes waits for its next file */
    bool hold;      /* writes wait for let_go() */
    bool has_begun; /* all that is held */
    enum disk_blocks blocks; /* of the file that was made last */
    struct disk_io *held[2];
    unsigned held_count, withdrawn;
} fault;

void __real_disk_write(struct disk_file *file, struct disk_io *req, uint64_t offset,
                       const void *bytes, size_t len, disk_io_cb cb);
void __wrap_disk_write(struct disk_file *file, struct disk_io *req, uint64_t offset,
                       const void *bytes, size_t len, disk_io_cb cb);
void __real_disk_create_start(struct disk *disk, struct disk_create *req, const char *name,
                              uint64_t size, enum disk_blocks blocks, disk_create_cb cb);
void __wrap_disk_create_start(struct disk *disk, struct disk_create *req, const char *name,
                              uint64_t size, enum disk_blocks blocks, disk_create_cb cb);

static void fail_write(struct defer *defer)
{
    (void)defer;
    reason_set(&fault.io->reason, "made up");
    fault.io->cb(fault.io, ERR_IO);
}

void __wrap_disk_write(struct disk_file *file, struct disk_io *req, uint64_t offset,
                       const void *bytes, size_t len, disk_io_cb cb)
{
    if (fault.hold) {
        assert_true(fault.held_count < 2);
        *req = (struct disk_io){
            .file = file, .offset = offset, .bytes = (void *)(uintptr_t)bytes, .len = len, .cb = cb
        };
        fault.held[fault.held_count++] = req;
        return;
    }
    if (!fault.write) {
        __real_disk_write(file, req, offset, bytes, len, cb);
        return;
    }
    req->cb = cb;
    fault.io = req;
    defer_run(node.clock, &fault.write_defer, fail_write);
}

bool __real_disk_withdraw(struct disk_io *req);
bool __wrap_disk_withdraw(struct disk_io *req);

bool __wrap_disk_withdraw(struct disk_io *req)
{
    if (!fault.hold)
        return __real_disk_withdraw(req);
    if (fault.has_begun || fault.held_count < 2 || fault.held[1] != req)
        return false;
    fault.held_count--;
    fault.withdrawn++;
    return true;
}

static void let_go(void)
{
    fault.hold = false;
    for (unsigned i = 0; i < fault.held_count; i++) {
        struct disk_io *req = fault.held[i];
        __real_disk_write(req->file, req, req->offset, req->bytes, req->len, req->cb);
    }
    fault.held_count = 0;
}

static void fail_create(struct defer *defer)
{
    (void)defer;
    if (fault.create_err == ERR_IO)
        reason_set(&fault.creating->reason, "create segment: Input/output error");
    fault.creating->cb(fault.creating, fault.create_err, NULL);
}

void __wrap_disk_create_start(struct disk *disk, struct disk_create *req, const char *name,
                              uint64_t size, enum disk_blocks blocks, disk_create_cb cb)
{
    fault.creates++;
    fault.blocks = blocks;
    if (fault.create_held_at != 0 && log_figures(node.log).bytes_total == fault.create_held_at) {
        assert_null(fault.creating);
        fault.creating = req;
        fault.held_create =
            (struct disk_create){ .disk = disk, .size = size, .blocks = blocks, .cb = cb };
        snprintf(fault.held_create.name, sizeof(fault.held_create.name), "%s", name);
        return;
    }
    if (!fault.create) {
        __real_disk_create_start(disk, req, name, size, blocks, cb);
        return;
    }
    req->cb = cb;
    fault.creating = req;
    defer_run(node.clock, &fault.create_defer, fail_create);
}

enum err __real_table_write(struct table *table, const struct table_batch *batch, bool sync,
                            struct reason *reason);
enum err __wrap_table_write(struct table *table, const struct table_batch *batch, bool sync,
                            struct reason *reason);

enum err __wrap_table_write(struct table *table, const struct table_batch *batch, bool sync,
                            struct reason *reason)
{
    if (!__atomic_load_n(&fault.table, __ATOMIC_RELAXED))
        return __real_table_write(table, batch, sync, reason);
    reason_set(reason, "made up");
    return fault.table_err;
}

static void tables_are_full(bool full)
{
    fault.table_err = ERR_NO_SPACE;
    __atomic_store_n(&fault.table, full, __ATOMIC_RELAXED);
}

static int set_up(void **state)
{
    (void)state;
    memset(&fault, 0, sizeof(fault));
    node_init(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

static void a_failed_write_is_said_once_and_nothing_is_durable_any_more(void **state)
{
    (void)state;
    node_open(&node);
    node_wait(&node, node_start(&node, 1));
    uint64_t durable = node.durable;
    fault.write = true;
    node_append(&node, 1, 100);
    while (!node.failed)
        uv_run(&node.loop, UV_RUN_ONCE);
    assert_non_null(strstr(node.reason.text, "made up"));
    fault.write = false;
    node_append(&node, 1, 100);
    for (unsigned i = 0; i < 10; i++)
        uv_run(&node.loop, UV_RUN_ONCE);
    assert_int_equal(log_durable(node.log), durable);
    assert_false(log_has_room(node.log, 1));
    node.failed = false; /* was looked at; a second time would stop the test */

    node.groups[1].count = 0;
    node_reopen(&node);
    node_check(&node);
}

static void a_full_disk_is_tried_again_later_and_stops_nothing(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    fault.create = true;
    fault.create_err = ERR_NO_SPACE;
    while (log_has_room(node.log, 50000)) {
        node_append(&node, 1, 50000);
        node_wait_all(&node);
    }
    assert_int_equal(fault.creates, 1); /* it pauses, it does not insist */
    assert_int_equal(log_figures(node.log).creates_failed, 1);
    node_wait(&node, node_hard(&node, 1, 5, 7));
    node_check(&node);
    fault.create = false;
    while (!log_has_room(node.log, 50000)) /* a second later */
        node_turn(&node);
    node_append(&node, 1, 50000);
    node_wait_all(&node);
    node_check(&node);
}

static void a_file_that_cannot_be_written_ends_the_node(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    fault.create = true;
    fault.create_err = ERR_IO;
    for (unsigned i = 0; i < 1000 && !node.failed; i++) {
        node_append(&node, 1, 50000);
        uv_run(&node.loop, UV_RUN_ONCE);
    }
    assert_true(node.failed);
    assert_non_null(strstr(node.reason.text, "create segment: Input/output error"));
    assert_int_equal(fault.creates, 1);
    node.failed = false; /* was looked at */
    fault.create = false;
    node.groups[1].count = 0;
    node_reopen(&node);
}

/* Frame after frame, until this many files have been made. */
static void fill_segments(unsigned count, size_t bytes)
{
    unsigned creates = fault.creates;

    while (fault.creates < creates + count) {
        node_append(&node, 1, bytes);
        node_wait_all(&node);
    }
}

static void files_are_reserved_while_frames_are_large(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    fill_segments(1, 50000);
    assert_int_equal(fault.blocks, DISK_WRITTEN);
    fill_segments(2, LOG_RESERVE_FRAME_BYTES);
    assert_int_equal(fault.blocks, DISK_RESERVED);
    fill_segments(2, 50000);
    assert_int_equal(fault.blocks, DISK_WRITTEN);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

/* A node that is filled, and started anew meanwhile, goes on as it was. */
static void a_start_knows_by_what_it_reads_whether_frames_are_large(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    fill_segments(3, LOG_RESERVE_FRAME_BYTES);
    node_wait_filed(&node);
    for (unsigned i = 0; i < 4; i++) {
        node_append(&node, 1, LOG_RESERVE_FRAME_BYTES);
        node_wait_all(&node);
    }
    node_reopen(&node);
    fill_segments(1, LOG_RESERVE_FRAME_BYTES);
    assert_int_equal(fault.blocks, DISK_RESERVED);
    fill_segments(2, 50000);
    node_reopen(&node);
    fill_segments(1, 50000);
    assert_int_equal(fault.blocks, DISK_WRITTEN);
    node_check(&node);
}

static void full_tables_put_filing_off_and_nothing_else(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    tables_are_full(true);
    for (unsigned i = 0; i < 40; i++) {
        node_append(&node, 1, 90000);
        node_wait_all(&node);
    }
    node_apply(&node, 1, 20);
    log_save(node.log);
    while (log_figures(node.log).jobs_put_off < 2)
        node_turn(&node);
    node_check(&node);
    node_reopen(&node); /* a stop and a start need no room either */
    node_check(&node);

    node_apply(&node, 1, 20);
    log_save(node.log);
    while (log_figures(node.log).jobs_put_off == 0)
        node_turn(&node);
    tables_are_full(false);
    node_wait_filed(&node);
    node_check(&node);
    log_save(node.log);
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->applied, 20);
    node_check(&node);
}

/* Started again it would end again, and again: the sentence must say what helps. */
static void damaged_tables_end_the_node_and_say_what_to_do(void **state)
{
    (void)state;
    node_open(&node);
    node_wait(&node, node_start(&node, 1));
    fault.table_err = ERR_CORRUPT;
    __atomic_store_n(&fault.table, true, __ATOMIC_RELAXED);
    log_save(node.log);
    for (unsigned i = 0; i < 1000 && !node.failed; i++) {
        node_append(&node, 1, 50000);
        uv_run(&node.loop, UV_RUN_ONCE);
    }
    assert_true(node.spoiled);
    assert_non_null(strstr(node.reason.text, "made up; " REASON_KEEP_DATA));
    tables_are_full(false);
    node.failed = false; /* was looked at */
    node.groups[1].count = 0;
    node_reopen(&node);
}

static void full_tables_put_off_that_a_segment_becomes_free(void **state)
{
    (void)state;
    node_open(&node);
    node_start(&node, 1);
    for (unsigned i = 0; i < 40; i++) {
        node_append(&node, 1, 90000);
        node_wait_all(&node);
    }
    node_apply(&node, 1, model_last(&node, 1));
    node_wait_filed(&node);
    uint64_t full = log_figures(node.log).segments_full;
    assert_true(full > 2);
    tables_are_full(true);
    node_trim(&node, 1, model_last(&node, 1));
    while (log_figures(node.log).jobs_put_off == 0)
        node_turn(&node);
    assert_int_equal(log_figures(node.log).segments_full, full);
    tables_are_full(false);
    while (log_figures(node.log).segments_full > 1)
        node_turn(&node);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void append_and_turn(uint32_t length)
{
    node_append(&node, 1, length);
    for (unsigned i = 0; i < 10; i++)
        uv_run(&node.loop, UV_RUN_NOWAIT);
}

static void open_and_hold(void)
{
    node_open(&node);
    node_wait(&node, node_start(&node, 1));
    fault.hold = true;
}

static void a_small_frame_that_has_not_begun_is_taken_back_for_more(void **state)
{
    (void)state;
    open_and_hold();
    uint64_t frames = log_figures(node.log).frames;
    append_and_turn(100);
    assert_int_equal(fault.held_count, 1);
    append_and_turn(200);
    assert_int_equal(fault.held_count, 2);
    assert_int_equal(fault.held[1]->len, DISK_ALIGN);
    append_and_turn(5000);
    assert_int_equal(fault.withdrawn, 1);
    assert_int_equal(fault.held_count, 2);
    assert_int_equal(fault.held[1]->len, 2 * DISK_ALIGN);
    append_and_turn(30000); /* too much to be built again and again: it gathers */
    assert_int_equal(fault.withdrawn, 2);
    assert_int_equal(fault.held_count, 1);
    append_and_turn(40000); /* large */
    assert_int_equal(fault.held_count, 2);
    append_and_turn(10); /* the large one is left alone */
    assert_int_equal(fault.withdrawn, 2);
    let_go();
    node_wait_all(&node);
    assert_int_equal(log_figures(node.log).frames, frames + 3);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void a_frame_that_has_begun_is_not_taken_back(void **state)
{
    (void)state;
    open_and_hold();
    fault.has_begun = true;
    uint64_t frames = log_figures(node.log).frames;
    append_and_turn(100);
    append_and_turn(200);
    append_and_turn(300);
    append_and_turn(400);
    assert_int_equal(fault.held_count, 2);
    let_go();
    node_wait_all(&node);
    assert_int_equal(log_figures(node.log).frames, frames + 3);
    node_check(&node);
    node_reopen(&node);
    node_check(&node);
}

static void append_while_there_is_room(void)
{
    for (unsigned idle = 0; idle < 300; idle++) { /* files are made meanwhile */
        for (; log_has_room(node.log, 16000); idle = 0) {
            bool is_kept = model_last(&node, 2) % 8 == 0;
            uint64_t group = is_kept && model_last(&node, 1) < model_last(&node, 2) / 8 ? 1 : 2;
            node_append(&node, group, group == 1 ? 4000 : 16000);
            node_wait_all(&node);
            node_apply(&node, group, model_last(&node, group));
        }
        node_turn(&node);
    }
}

/* Nothing else happens that would begin it: what comes waits for room. */
static void the_last_file_that_is_made_begins_emptying(void **state)
{
    (void)state;
    node.segment_bytes = 256 * 1024;
    node.bytes_max = 4 * MIB;
    fault.create_held_at = node.bytes_max - node.segment_bytes;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    append_while_there_is_room();
    node_wait_filed(&node);
    node_trim(&node, 2, model_last(&node, 2));
    for (unsigned i = 0; i < 500; i++) /* each takes a ms or more */
        node_turn(&node);
    assert_false(log_has_room(node.log, 16000));
    struct disk_create *late = &fault.held_create;
    assert_non_null(fault.creating);
    assert_int_equal(log_figures(node.log).segments_emptied, 0);
    __real_disk_create_start(late->disk, fault.creating, late->name, late->size, late->blocks,
                             late->cb);
    for (unsigned waits = 0; !log_has_room(node.log, 16000); waits++) {
        assert_true(waits < 5000);
        node_turn(&node);
    }
    assert_true(log_figures(node.log).segments_emptied > 0);
    node_check(&node);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_failed_write_is_said_once_and_nothing_is_durable_any_more),
        TEST(a_full_disk_is_tried_again_later_and_stops_nothing),
        TEST(a_file_that_cannot_be_written_ends_the_node),
        TEST(damaged_tables_end_the_node_and_say_what_to_do),
        TEST(files_are_reserved_while_frames_are_large),
        TEST(a_start_knows_by_what_it_reads_whether_frames_are_large),
        TEST(full_tables_put_filing_off_and_nothing_else),
        TEST(full_tables_put_off_that_a_segment_becomes_free),
        TEST(a_small_frame_that_has_not_begun_is_taken_back_for_more),
        TEST(a_frame_that_has_begun_is_not_taken_back),
        TEST(the_last_file_that_is_made_begins_emptying),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* How large a frame may become that nobody waits for: what a disk's writes say of it, and frames of
 * a log that keep to it. */
#include "fixture.h"

#include "log/log_private.h"

#define KIB UINT64_C(1024)
#define MS UINT64_C(1000000)

/* A disk on which each write takes `fixed_ns`, and each MiB of it `mib_ns` besides. */
static uint64_t frame_bytes_of(uint64_t fixed_ns, uint64_t mib_ns)
{
    struct write_cost cost = { 0 };

    for (unsigned i = 0; i < 32; i++) {
        cost_wrote(&cost, 4 * KIB, fixed_ns + mib_ns * 4 * KIB / MIB);
        uint64_t bytes = cost_frame_bytes(&cost);
        cost_wrote(&cost, bytes, fixed_ns + mib_ns * bytes / MIB);
    }
    return cost_frame_bytes(&cost);
}

static void what_was_never_measured_gets_the_least(void **state)
{
    struct write_cost cost = { 0 };

    (void)state;
    assert_int_equal(cost_frame_bytes(&cost), FRAME_BYTES_MIN);
    cost_wrote(&cost, 4 * KIB, MS);
    assert_int_equal(cost_frame_bytes(&cost), FRAME_BYTES_MIN);
}

static void bytes_take_as_long_as_a_small_write(void **state)
{
    (void)state;
    /* A disk that turns: 8 ms and 7 ms a MiB. */
    assert_in_range(frame_bytes_of(8 * MS, 7 * MS), MIB, MIB * 5 / 4);
    /* Solid ones, fast and slow: the least takes longer than a small write. */
    assert_int_equal(frame_bytes_of(MS / 5, MS), FRAME_BYTES_MIN);
    assert_int_equal(frame_bytes_of(MS, 8 * MS), FRAME_BYTES_MIN);
    /* One across a network. */
    assert_in_range(frame_bytes_of(3 * MS, MS), MIB * 5 / 2, MIB * 7 / 2);
    assert_int_equal(frame_bytes_of(30 * MS, MS), FRAME_BYTES_MAX);
}

static void a_write_that_hung_is_forgotten(void **state)
{
    struct write_cost cost = { 0 };

    (void)state;
    cost_wrote(&cost, MIB, UINT64_MAX);
    assert_int_equal(cost_frame_bytes(&cost), FRAME_BYTES_MIN);
    cost_wrote(&cost, KIB, UINT64_MAX);
    for (unsigned i = 0; i < 200; i++) {
        cost_wrote(&cost, KIB, 8 * MS);
        cost_wrote(&cost, MIB, 15 * MS);
    }
    assert_in_range(cost_frame_bytes(&cost), MIB * 9 / 10, MIB * 5 / 4);
}

/* Seen: writes of 250 ms on a disk where others take a quarter of one. */
static void one_slow_write_makes_no_larger_frames(void **state)
{
    struct write_cost cost = { 0 };

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        cost_wrote(&cost, KIB, i % 25 == 0 ? 250 * MS : MS / 4);
        cost_wrote(&cost, MIB, MS);
        assert_int_equal(cost_frame_bytes(&cost), FRAME_BYTES_MIN);
    }
}

static struct node node;

static int set_up(void **state)
{
    (void)state;
    node_init(&node);
    node_open(&node);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

typedef uint64_t (*append_fn)(struct log *log, const struct entry_head *head, struct buf *payload);

/* Entries of 128 KiB of group 1, in one turn. */
static void fill(unsigned count, append_fn append)
{
    AUTO_UNREF struct buf *payload = buf_new(128 * KIB);

    assert_non_null(payload);
    memset(payload->data, 'x', payload->len);
    for (unsigned i = 0; i < count; i++) {
        const struct log_state *last = log_state(node.log, 1);
        struct entry_head head = {
            .group = 1,
            .index = last->last + 1,
            .term = 1,
            .epoch = last->epoch,
            .time_ms = last->last_time_ms + 1,
            .length = (uint32_t)payload->len,
            .records = 1,
            .type = ENTRY_RECORDS,
        };
        head.crc = entry_crc(&head, buf_slice(payload));
        append(node.log, &head, payload);
    }
}

/* Nothing large was written before: so it is the least that each frame has. */
static void what_nobody_waits_for_leaves_in_small_frames(void **state)
{
    (void)state;
    node_start(&node, 1);
    node_wait_all(&node);
    uint64_t frames = log_figures(node.log).frames;
    fill(16, log_fill);
    node_wait_all(&node);
    /* Three of 128 KiB: a fourth would not fit beside the heads of the others. */
    assert_in_range(log_figures(node.log).frames - frames, 6, 8);

    frames = log_figures(node.log).frames;
    fill(16, log_entry);
    node_wait_all(&node);
    assert_in_range(log_figures(node.log).frames - frames, 1, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_never_measured_gets_the_least),
        cmocka_unit_test(bytes_take_as_long_as_a_small_write),
        cmocka_unit_test(a_write_that_hung_is_forgotten),
        cmocka_unit_test(one_slow_write_makes_no_larger_frames),
        cmocka_unit_test_setup_teardown(what_nobody_waits_for_leaves_in_small_frames, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fixture.h"

#include "log/rows.h"
#include "table/keys.h"

/* What was trimmed and saved stays so, whatever is filed behind: rows below it may be gone. */

static struct node node;

/* The linker leads the workers' writes through here (-Wl,--wrap).  Synced ones that have room. */
static unsigned synced_room;

enum err __real_table_write(struct table *table, const struct table_batch *batch, bool sync,
                            struct reason *reason);
enum err __wrap_table_write(struct table *table, const struct table_batch *batch, bool sync,
                            struct reason *reason);

enum err __wrap_table_write(struct table *table, const struct table_batch *batch, bool sync,
                            struct reason *reason)
{
    if (!sync || __atomic_load_n(&synced_room, __ATOMIC_RELAXED) > 0) {
        if (sync)
            __atomic_fetch_sub(&synced_room, 1, __ATOMIC_RELAXED);
        return __real_table_write(table, batch, sync, reason);
    }
    reason_set(reason, "made up");
    return ERR_NO_SPACE;
}

static void room_for(unsigned writes)
{
    __atomic_store_n(&synced_room, writes, __ATOMIC_RELAXED);
}

static int set_up(void **state)
{
    (void)state;
    node_init(&node);
    room_for(UINT32_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_fini(&node);
    return 0;
}

/* What the tables say that was trimmed. */
static uint64_t saved_first(uint64_t group)
{
    struct key key = key_state(group, KEY_STATE_HINT);
    AUTO_UNREF struct buf *value = NULL;
    struct reason reason;
    struct hint hint;

    enum err err = table_get(node.table, TABLE_STATE, key_slice(&key), &value, &reason);
    if (err == ERR_NOT_FOUND)
        return 0;
    assert_int_equal(err, ERR_OK);
    assert_int_equal(hint_read(group, buf_slice(value), &hint), ERR_OK);
    return hint.first;
}

static void append_wait(uint64_t group, unsigned count, uint32_t length)
{
    for (unsigned i = 0; i < count; i++)
        node_wait(&node, node_append(&node, group, length));
}

/* A log of four files.  The last of them has a START that let go of all that group 1 had, and
 * cannot be filed: there is no file for the next. */
static void begin_anew_in_a_full_log(void)
{
    node.bytes_max = 4 * MIB;
    node_open(&node);
    node_start(&node, 1);
    node_start(&node, 2);
    append_wait(1, 10, 100);
    node_apply(&node, 1, 9);
    while (log_figures(node.log).segments_full < 3)
        append_wait(2, 1, 90000);
    node_start_again(&node, 1, 1);
    append_wait(1, 5, 100);
    while (log_figures(node.log).segments_full < 4)
        node_append(&node, 2, 90000);
    while (log_figures(node.log).segments_unfiled > 1)
        node_turn(&node);
}

static void trim_and_save(void)
{
    node_apply(&node, 1, 5);
    node_trim(&node, 1, 4);
    log_save(node.log);
    while (saved_first(1) != 4)
        node_turn(&node);
}

/* The second segment's file; in the first is what group 1 had. */
static void free_a_file(void)
{
    node_apply(&node, 2, 24);
    node_trim(&node, 2, 24);
}

static void check_trimmed(uint64_t applied)
{
    node_wait_filed(&node);
    assert_int_equal(saved_first(1), 4);
    node_reopen(&node);
    assert_int_equal(log_state(node.log, 1)->first, 4);
    assert_int_equal(log_state(node.log, 1)->applied, applied);
}

static void a_trim_stays_when_an_older_start_is_filed(void **state)
{
    (void)state;
    begin_anew_in_a_full_log();
    trim_and_save();
    free_a_file();
    check_trimmed(5);
}

static void also_when_the_node_began_anew_meanwhile(void **state)
{
    (void)state;
    begin_anew_in_a_full_log();
    trim_and_save();
    room_for(1); /* for the file that is freed */
    free_a_file();
    while (log_figures(node.log).jobs_put_off == 0)
        node_turn(&node);
    room_for(0);
    node_close(&node);
    room_for(UINT32_MAX);
    node_open(&node);
    assert_int_equal(log_state(node.log, 1)->first, 4);
    check_trimmed(5);
}

/* Of the third epoch a crash may take back all: nothing of it is saved when the second is filed. */
static void also_when_a_start_behind_it_is_not_durable(void **state)
{
    (void)state;
    begin_anew_in_a_full_log();
    trim_and_save();
    node_start_again(&node, 1, 6);
    free_a_file();
    while (log_figures(node.log).segments_unfiled > 0) {
        node_turn(&node);
        assert_in_range(saved_first(1), 4, 7);
    }
    check_trimmed(6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_trim_stays_when_an_older_start_is_filed),
        TEST(also_when_the_node_began_anew_meanwhile),
        TEST(also_when_a_start_behind_it_is_not_durable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

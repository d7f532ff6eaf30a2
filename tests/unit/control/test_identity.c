#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/control.h"
#include "control/identity.h"
#include "fake_table.h"

static const struct identity_cluster cluster = { .id = 77,
                                                 .members = { 5, 6, 7 },
                                                 .member_count = 3 };

static enum err identity(struct table *table, uint64_t next, uint64_t *node)
{
    struct random random = { .state = { next } };
    struct reason reason = { .text = "" };
    enum err err = control_identity(table, &random, node, &reason);

    assert_true(err == ERR_OK || reason.text[0] != 0);
    return err;
}

static void an_id_is_made_once_and_durable(void **state)
{
    struct table table = { .count = 0 };
    uint64_t first = 0, second = 0;

    assert_int_equal(identity(&table, 41, &first), ERR_OK);
    assert_int_equal(first, 42);
    assert_true(fake_table_row(&table, "id")->synced);
    assert_int_equal(identity(&table, 99, &second), ERR_OK);
    assert_int_equal(second, 42);
}

static void a_directory_of_a_newer_version_is_refused(void **state)
{
    struct table table = { .count = 0 };
    uint64_t node = 0;

    assert_int_equal(identity(&table, 41, &node), ERR_OK);
    fake_table_row(&table, "format")->value[3]++;
    assert_int_equal(identity(&table, 41, &node), ERR_VERSION);
}

static void a_directory_that_forgot_is_refused_for_ever(void **state)
{
    struct table table = { .count = 0 };
    struct reason why = { "turn 7 is gone; give it a new data directory" }, reason = { "" };
    struct random random = { .state = { 41 } };
    uint64_t node = 0;

    assert_int_equal(identity(&table, 41, &node), ERR_OK);
    assert_int_equal(identity_forgotten_write(&table, &why, &reason), ERR_OK);
    assert_true(fake_table_row(&table, "forgotten")->synced);
    for (int start = 0; start < 2; start++) {
        assert_int_equal(control_identity(&table, &random, &node, &reason), ERR_CORRUPT);
        assert_string_equal(reason.text, why.text);
    }
}

static void a_damaged_identity_is_not_replaced(void **state)
{
    struct table table = { .count = 0 };
    uint64_t node = 0;

    assert_int_equal(identity(&table, 41, &node), ERR_OK);
    fake_table_row(&table, "id")->len = 7;
    assert_int_equal(identity(&table, 41, &node), ERR_CORRUPT);
    fake_table_row(&table, "format")->len = 1;
    assert_int_equal(identity(&table, 41, &node), ERR_CORRUPT);
}

static void an_id_that_cannot_be_written_is_not_used(void **state)
{
    struct table table = { .fails = ERR_IO };
    uint64_t node = 0;

    assert_int_equal(identity(&table, 41, &node), ERR_IO);
    assert_int_equal(node, 0);
}

static void a_new_node_belongs_to_no_cluster(void **state)
{
    struct table table = { .count = 0 };
    struct identity_cluster read = { .id = 9 };

    assert_int_equal(identity_cluster_read(&table, &read, NULL), ERR_OK);
    assert_int_equal(read.id, 0);
}

static void the_cluster_is_remembered_and_durable(void **state)
{
    struct table table = { .count = 0 };
    struct identity_cluster read = { .id = 0 };

    assert_int_equal(identity_cluster_write(&table, &cluster, NULL), ERR_OK);
    assert_true(fake_table_row(&table, "cluster")->synced);
    assert_int_equal(identity_cluster_read(&table, &read, NULL), ERR_OK);
    assert_memory_equal(&read, &cluster, sizeof(read));
}

static void a_damaged_cluster_row_is_an_error(void **state)
{
    struct table table = { .count = 0 };
    struct identity_cluster read = { .id = 0 };

    assert_int_equal(identity_cluster_write(&table, &cluster, NULL), ERR_OK);
    struct fake_row *row = fake_table_row(&table, "cluster");
    for (size_t len = 0; len < 64; len++) {
        bool whole = len % 8 == 0 && len >= 16 && len <= 32;
        row->len = len;
        assert_int_equal(identity_cluster_read(&table, &read, NULL), whole ? ERR_OK : ERR_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_made_once_and_durable),
        cmocka_unit_test(a_directory_of_a_newer_version_is_refused),
        cmocka_unit_test(a_directory_that_forgot_is_refused_for_ever),
        cmocka_unit_test(a_damaged_identity_is_not_replaced),
        cmocka_unit_test(an_id_that_cannot_be_written_is_not_used),
        cmocka_unit_test(a_new_node_belongs_to_no_cluster),
        cmocka_unit_test(the_cluster_is_remembered_and_durable),
        cmocka_unit_test(a_damaged_cluster_row_is_an_error),
    };

    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}

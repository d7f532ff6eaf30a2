#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/control.h"
#include "control/renewal.h"
#include "fake_table.h"

#define NOW_MS UINT64_C(1700000000000)

static const struct identity_cluster cluster = { .id = 77,
                                                 .members = { 42, 6, 7 },
                                                 .member_count = 3 };

/* A node that has been somewhere: its id is 42. */
static struct table used(const struct identity_cluster *belongs)
{
    struct table table = { .count = 0 };
    struct random random = { .state = { 41 } };
    struct reason why = { "turn 7 is gone" }, reason = { "" };
    uint64_t node = 0;

    assert_int_equal(control_identity(&table, &random, &node, &reason), ERR_OK);
    assert_int_equal(node, 42);
    if (belongs != NULL)
        assert_int_equal(identity_cluster_write(&table, belongs, &reason), ERR_OK);
    assert_int_equal(identity_forgotten_write(&table, &why, &reason), ERR_OK);
    return table;
}

static enum err plan(struct table *table, uint64_t now_ms, struct renewal *renewal)
{
    struct reason reason = { "" };
    struct renewal_node node;
    enum err err = renewal_look(table, &node, &reason);

    if (err == ERR_OK)
        err = renewal_plan(&node, now_ms, renewal, &reason);
    assert_true((err == ERR_OK) == (reason.text[0] == 0));
    return err;
}

static void it_goes_on_in_its_cluster_under_a_new_id(void **state)
{
    struct table old = used(&cluster), fresh = { .count = 0 };
    struct identity_cluster read = { .id = 0 };
    struct random random = { .state = { 99 } };
    struct renewal renewal;
    struct reason reason = { "" };
    struct renewal_former former;
    uint64_t node = 0;

    assert_int_equal(plan(&old, NOW_MS, &renewal), ERR_OK);
    assert_int_equal(renewal_write(&fresh, &renewal, &reason), ERR_OK);
    assert_true(fake_table_row(&fresh, "cluster")->synced);
    assert_int_equal(identity_cluster_read(&fresh, &read, &reason), ERR_OK);
    assert_memory_equal(&read, &cluster, sizeof(read));
    assert_int_equal(control_identity(&fresh, &random, &node, &reason), ERR_OK);
    assert_int_equal(node, 100);
    assert_int_equal(renewal_former(&fresh, &former, &reason), ERR_OK);
    assert_int_equal(former.count, 1);
    assert_int_equal(former.ids[0], 42);

    /* It forgets again, before anybody has seen its new id: the old one is not forgotten. */
    assert_int_equal(plan(&fresh, NOW_MS + 1, &renewal), ERR_OK);
    assert_int_equal(renewal.former.count, 2);
    assert_int_equal(renewal.former.ids[0], 42);
    assert_int_equal(renewal.former.ids[1], 100);
}

static void nothing_was_renewed_at_first(void **state)
{
    struct table table = used(&cluster);
    struct reason reason = { "" };
    struct renewal_former former;

    assert_int_equal(renewal_former(&table, &former, &reason), ERR_OK);
    assert_int_equal(former.count, 0);
}

static void so_often_and_no_more_until_a_day_is_over(void **state)
{
    struct table table = used(&cluster);
    struct reason reason = { "" };
    struct renewal renewal;

    for (uint32_t i = 0; i < RENEWALS_MAX; i++) {
        assert_int_equal(plan(&table, NOW_MS + i, &renewal), ERR_OK);
        assert_int_equal(renewal_write(&table, &renewal, &reason), ERR_OK);
    }
    assert_int_equal(plan(&table, NOW_MS + RENEWALS_MS - 1, &renewal), ERR_BUSY);
    assert_int_equal(plan(&table, NOW_MS - RENEWALS_MS, &renewal), ERR_BUSY); /* set back */
    assert_int_equal(plan(&table, NOW_MS + RENEWALS_MS, &renewal), ERR_OK);
    assert_int_equal(renewal.former.count, RENEWALS_MAX + 1);
    for (uint32_t i = 1; i <= 2 * RENEWALS_KEPT; i++) { /* the oldest ones go */
        assert_int_equal(renewal_write(&table, &renewal, &reason), ERR_OK);
        assert_int_equal(plan(&table, NOW_MS + i * UINT64_C(2) * RENEWALS_MS, &renewal), ERR_OK);
        assert_true(renewal.former.count <= RENEWALS_KEPT);
        assert_int_equal(renewal.former.times_ms[renewal.former.count - 1],
                         NOW_MS + i * UINT64_C(2) * RENEWALS_MS);
    }
}

static void nobody_could_give_it_back(void **state)
{
    const struct identity_cluster alone = { .id = 77, .members = { 42 }, .member_count = 1 };
    const struct identity_cluster two = { .id = 77, .members = { 42, 6 }, .member_count = 2 };
    const struct identity_cluster others = { .id = 77, .members = { 6 }, .member_count = 1 };
    const struct {
        const struct identity_cluster *cluster;
        enum err err;
    } cases[] = {
        { NULL, ERR_CLOSED }, { &alone, ERR_CLOSED }, { &two, ERR_CLOSED }, { &others, ERR_OK }
    };
    struct renewal renewal;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct table table = used(cases[i].cluster);
        assert_int_equal(plan(&table, NOW_MS, &renewal), cases[i].err);
    }
}

static void who_was_removed_does_not_come_back(void **state)
{
    struct table table = used(&cluster);
    struct reason why = { "removed" }, reason = { "" };
    struct random random = { .state = { 1 } };
    struct renewal renewal;
    uint64_t node;

    assert_int_equal(identity_removed_write(&table, &why, &reason), ERR_OK);
    assert_true(fake_table_row(&table, "removed")->synced);
    assert_int_equal(control_identity(&table, &random, &node, &reason), ERR_CORRUPT);
    assert_string_equal(reason.text, why.text);
    assert_int_equal(plan(&table, NOW_MS, &renewal), ERR_CLOSED);
}

static void damaged_rows_renew_nothing(void **state)
{
    struct table table = used(&cluster);
    struct renewal renewal;
    struct reason reason = { "" };
    struct renewal_former former;

    assert_int_equal(plan(&table, NOW_MS, &renewal), ERR_OK);
    assert_int_equal(renewal_write(&table, &renewal, &reason), ERR_OK);
    for (size_t len = 0; len < 160; len++) {
        bool whole = len % 16 == 0 && len >= 16 && len <= 16 * RENEWALS_KEPT;
        fake_table_row(&table, "renewed")->len = len;
        memset(fake_table_row(&table, "renewed")->value, 1, 160);
        assert_int_equal(renewal_former(&table, &former, &reason), whole ? ERR_OK : ERR_CORRUPT);
    }
    fake_table_row(&table, "renewed")->len = 16;
    fake_table_row(&table, "id")->len = 7;
    reason.text[0] = 0;
    assert_int_equal(plan(&table, NOW_MS, &renewal), ERR_CORRUPT);
}

/* A file beside the tables: a disk that loses them may have damaged it too. */
static void what_a_node_is_survives_as_bytes(void **state)
{
    struct table table = used(&cluster);
    struct reason reason = { "" };
    struct renewal_node node, read = { .id = 0 };
    struct renewal renewal;

    assert_int_equal(plan(&table, NOW_MS, &renewal), ERR_OK);
    assert_int_equal(renewal_write(&table, &renewal, &reason), ERR_OK);
    assert_int_equal(renewal_look(&table, &node, &reason), ERR_OK);
    node.removed = true;
    AUTO_UNREF struct buf *bytes = renewal_encode(&node);
    assert_non_null(bytes);
    assert_true(renewal_decode(buf_slice(bytes), &read));
    assert_int_equal(read.id, 42);
    assert_true(read.removed);
    assert_memory_equal(&read.cluster, &cluster, sizeof(cluster));
    assert_int_equal(read.former.count, 1);
    assert_int_equal(read.former.ids[0], 42);
    assert_int_equal(read.former.times_ms[0], NOW_MS);

    for (size_t len = 0; len < bytes->len; len++)
        assert_false(renewal_decode(slice_of(bytes->data, len), &read));
    for (size_t bit = 0; bit < 8 * bytes->len; bit++) {
        bytes->data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_false(renewal_decode(buf_slice(bytes), &read));
        bytes->data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_in_its_cluster_under_a_new_id),
        cmocka_unit_test(nothing_was_renewed_at_first),
        cmocka_unit_test(so_often_and_no_more_until_a_day_is_over),
        cmocka_unit_test(nobody_could_give_it_back),
        cmocka_unit_test(who_was_removed_does_not_come_back),
        cmocka_unit_test(damaged_rows_renew_nothing),
        cmocka_unit_test(what_a_node_is_survives_as_bytes),
    };

    return cmocka_run_group_tests_name("renewal", tests, NULL, NULL);
}

#include "unit.h"

#include <string.h>

#include "base/limits.h"
#include "shard/tail.h"

#define BYTES_MAX 10000u

/* Adds an entry of `bytes` bytes, all of them the low byte of the index. */
static void add(struct tail *tail, uint64_t index, uint32_t bytes)
{
    struct entry_head head = { .index = index, .length = bytes, .type = ENTRY_RECORDS };
    struct buf *payload = bytes == 0 ? NULL : buf_new(bytes);

    if (payload != NULL)
        memset(payload->data, (int)(index & 0xff), bytes);
    tail_add(tail, &head, payload);
    buf_unref(payload);
}

static void the_newest_entries_are_found_by_index(void **state)
{
    size_t left = 1000000;
    struct tail tail;

    tail_init(&tail, BYTES_MAX, &left);
    assert_null(tail_find(&tail, 2));
    assert_int_equal(tail_first(&tail), 0);
    for (uint64_t index = 2; index < 30; index++)
        add(&tail, index, 10);
    assert_int_equal(tail_first(&tail), 2);
    for (uint64_t index = 2; index < 30; index++) {
        const struct tail_entry *entry = tail_find(&tail, index);
        assert_non_null(entry);
        assert_int_equal(entry->head.index, index);
        assert_int_equal(entry->payload->data[9], index);
    }
    assert_null(tail_find(&tail, 1));
    assert_null(tail_find(&tail, 30));
    assert_null(tail_find(&tail, UINT64_MAX));
    tail_fini(&tail);
    assert_int_equal(left, 1000000);
}

static void the_oldest_go_when_its_own_budget_is_spent(void **state)
{
    size_t left = 1000000;
    struct tail tail;

    tail_init(&tail, BYTES_MAX, &left);
    for (uint64_t index = 2; index < 200; index++) {
        add(&tail, index, 1000);
        assert_true(tail.bytes <= BYTES_MAX);
        assert_int_equal(left, 1000000 - tail.bytes);
        assert_non_null(tail_find(&tail, index));
    }
    assert_in_range(tail_first(&tail), 190, 192);
    tail_fini(&tail);
    assert_int_equal(left, 1000000);
}

static void the_budget_of_the_node_is_never_overdrawn(void **state)
{
    size_t left = 5000;
    struct tail a, b;

    tail_init(&a, BYTES_MAX, &left);
    tail_init(&b, BYTES_MAX, &left);
    for (uint64_t index = 2; index < 50; index++)
        add(&a, index, 1000);
    assert_true(left < 1500);
    add(&b, 2, 2000); /* no room, and nothing of its own to give up */
    assert_null(tail_find(&b, 2));
    assert_non_null(tail_find(&a, 49));
    tail_fini(&a);
    tail_fini(&b);
    assert_int_equal(left, 5000);
}

static void an_idle_tail_makes_room_when_the_node_is_short(void **state)
{
    size_t left = 12000;
    struct tail tail;

    tail_init(&tail, BYTES_MAX, &left);
    add(&tail, 2, 3000);
    tail_rest(&tail);
    assert_non_null(tail_find(&tail, 2)); /* was added since the last rest, is found since now */
    tail_rest(&tail);
    assert_int_equal(tail_first(&tail), 2);
    tail_rest(&tail);
    assert_int_equal(tail_first(&tail), 0);
    assert_int_equal(left, 12000);
    tail_fini(&tail);
}

static void an_idle_tail_stays_when_there_is_plenty(void **state)
{
    size_t left = 1000000;
    struct tail tail;

    tail_init(&tail, BYTES_MAX, &left);
    add(&tail, 2, 3000);
    for (int round = 0; round < 5; round++)
        tail_rest(&tail);
    assert_int_equal(tail_first(&tail), 2);
    tail_fini(&tail);
}

static void an_entry_without_its_payload_leaves_no_gap(void **state)
{
    size_t left = 1000000;
    struct tail tail;
    struct entry_head head = { .index = 4, .length = 10, .type = ENTRY_RECORDS };

    tail_init(&tail, BYTES_MAX, &left);
    add(&tail, 2, 10);
    add(&tail, 3, 10);
    tail_add(&tail, &head, NULL);
    assert_int_equal(tail_first(&tail), 0);
    add(&tail, 5, 10);
    assert_int_equal(tail_first(&tail), 5);
    add(&tail, 8, 10);
    assert_int_equal(tail_first(&tail), 8);
    tail_fini(&tail);
    assert_int_equal(left, 1000000);
}

static void barriers_are_entries_too(void **state)
{
    size_t left = 1000000;
    struct tail tail;

    tail_init(&tail, BYTES_MAX, &left);
    add(&tail, 2, 10);
    add(&tail, 3, 0);
    add(&tail, 4, 10);
    assert_int_equal(tail_first(&tail), 2);
    assert_null(tail_find(&tail, 3)->payload);
    tail_fini(&tail);
}

static void an_entry_over_the_budget_is_not_kept(void **state)
{
    size_t left = 1000000;
    struct tail tail;

    tail_init(&tail, BYTES_MAX, &left);
    add(&tail, 2, 10);
    add(&tail, 3, BYTES_MAX + 1);
    assert_int_equal(tail_first(&tail), 0);
    add(&tail, 4, 10);
    assert_int_equal(tail_first(&tail), 4);
    tail_fini(&tail);
    assert_int_equal(left, 1000000);
}

static void what_retention_passed_is_dropped(void **state)
{
    size_t left = 1000000;
    struct tail tail;

    tail_init(&tail, BYTES_MAX, &left);
    for (uint64_t index = 2; index < 12; index++)
        add(&tail, index, 10);
    tail_drop_below(&tail, 7);
    assert_int_equal(tail_first(&tail), 7);
    tail_drop_below(&tail, 3);
    assert_int_equal(tail_first(&tail), 7);
    tail_drop_below(&tail, 100);
    assert_int_equal(tail_first(&tail), 0);
    assert_int_equal(left, 1000000);
    tail_fini(&tail);
}

static void a_small_part_does_not_hold_a_large_whole(void **state)
{
    size_t left = 1000000;
    struct tail tail;
    struct buf *whole = buf_new(100000);
    struct buf *small = buf_part(whole, slice_of(whole->data + 5, 10));
    struct buf *most = buf_part(whole, slice_of(whole->data, 60000));
    struct entry_head head = { .index = 2, .length = 10, .type = ENTRY_RECORDS };

    memset(whole->data, 'w', whole->len);
    tail_init(&tail, 200000, &left);
    tail_add(&tail, &head, small);
    head = (struct entry_head){ .index = 3, .length = 60000, .type = ENTRY_RECORDS };
    tail_add(&tail, &head, most);
    assert_null(tail_find(&tail, 2)->payload->whole);
    assert_memory_equal(tail_find(&tail, 2)->payload->data, "wwwwwwwwww", 10);
    assert_ptr_equal(tail_find(&tail, 3)->payload, most);
    buf_unref(small);
    buf_unref(most);
    buf_unref(whole);
    tail_fini(&tail);
}

static void the_number_of_entries_is_bounded(void **state)
{
    size_t left = 10000000;
    struct tail tail;

    tail_init(&tail, left, &left);
    for (uint64_t index = 2; index < 3 * TAIL_ENTRIES_MAX; index++)
        add(&tail, index, 1);
    assert_int_equal(tail.count, TAIL_ENTRIES_MAX);
    assert_int_equal(tail_first(&tail), 2 * TAIL_ENTRIES_MAX);
    assert_non_null(tail_find(&tail, 3 * TAIL_ENTRIES_MAX - 1));
    tail_fini(&tail);
    assert_int_equal(left, 10000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_entries_are_found_by_index),
        cmocka_unit_test(the_oldest_go_when_its_own_budget_is_spent),
        cmocka_unit_test(the_budget_of_the_node_is_never_overdrawn),
        cmocka_unit_test(an_idle_tail_makes_room_when_the_node_is_short),
        cmocka_unit_test(an_idle_tail_stays_when_there_is_plenty),
        cmocka_unit_test(an_entry_without_its_payload_leaves_no_gap),
        cmocka_unit_test(barriers_are_entries_too),
        cmocka_unit_test(an_entry_over_the_budget_is_not_kept),
        cmocka_unit_test(what_retention_passed_is_dropped),
        cmocka_unit_test(a_small_part_does_not_hold_a_large_whole),
        cmocka_unit_test(the_number_of_entries_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

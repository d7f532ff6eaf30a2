#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"

static void a_buf_lives_as_long_as_its_last_reference(void **state)
{
    struct buf *buf = buf_copy(slice_text("payload"));

    assert_ptr_equal(buf_ref(buf), buf);
    buf_unref(buf);
    assert_true(slice_equal(buf_slice(buf), slice_text("payload")));
    buf_unref(buf);
    buf_unref(NULL);
    assert_null(buf_ref(NULL));
}

static void a_part_keeps_its_whole_alive(void **state)
{
    struct buf *whole = buf_copy(slice_text("one record, two record"));
    struct buf *part = buf_part(whole, slice_of(whole->data + 12, 10));
    struct buf *part_of_part = buf_part(part, slice_of(part->data + 4, 6));

    assert_int_equal(whole->refs, 3);
    buf_unref(whole);
    buf_unref(part);
    assert_true(slice_equal(buf_slice(part_of_part), slice_text("record")));
    buf_unref(part_of_part);
}

static void an_empty_buf_and_an_empty_part_are_legal(void **state)
{
    AUTO_UNREF struct buf *empty = buf_new(0);
    AUTO_UNREF struct buf *part = buf_part(empty, slice_of(NULL, 0));

    assert_int_equal(buf_slice(part).len, 0);
    assert_null(buf_new(SIZE_MAX));
}

static void an_arena_gives_zeroed_aligned_memory(void **state)
{
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *bytes = arena_take(&arena, size);

        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(bytes[i], 0);
        memset(bytes, 0xff, size);
    }
    arena_fini(&arena);
}

static void an_arena_stops_at_its_maximum(void **state)
{
    struct arena arena;
    size_t taken = 0;

    arena_init(&arena, 10000);
    assert_null(arena_take(&arena, 10001));
    while (arena_take(&arena, 100) != NULL)
        taken += 100;
    assert_in_range(taken, 8000, 10000);
    assert_in_range(arena.bytes, taken, 10000);
    assert_null(arena_take(&arena, SIZE_MAX));
    arena_fini(&arena);
}

static void a_large_piece_leaves_the_small_block_in_use(void **state)
{
    struct arena arena;

    arena_init(&arena, 4 << 20);
    unsigned char *first = arena_raw(&arena, 16);
    assert_non_null(arena_raw(&arena, 1 << 20));
    unsigned char *second = arena_raw(&arena, 16);
    assert_ptr_equal(second, first + 16);
    arena_fini(&arena);
}

static void an_arena_copies_and_prints_text(void **state)
{
    struct arena arena;

    arena_init(&arena, 1 << 16);
    assert_string_equal(arena_text(&arena, slice_of("shardId", 5)), "shard");
    assert_string_equal(arena_text(&arena, slice_of(NULL, 0)), "");
    assert_string_equal(arena_printf(&arena, "shardId-%012d", 7), "shardId-000000000007");
    arena_fini(&arena);
}

struct item {
    int number;
    struct list_node link;
};

static void a_list_keeps_order_and_lets_go_of_any_member(void **state)
{
    struct item items[4] = { { 0 }, { 1 }, { 2 }, { 3 } };
    struct list list, other;

    list_init(&list);
    list_init(&other);
    for (int i = 1; i < 4; i++)
        list_append(&list, &items[i].link);
    list_prepend(&list, &items[0].link);
    list_remove(&items[2].link);
    list_remove(&items[2].link);
    assert_false(list_linked(&items[2].link));
    list_append(&other, &items[2].link);
    list_join(&list, &other);
    assert_true(list_empty(&other));

    static const int order[] = { 0, 1, 3, 2 };
    for (int i = 0; i < 4; i++)
        assert_int_equal(container_of(list_pop(&list), struct item, link)->number, order[i]);
    assert_null(list_pop(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buf_lives_as_long_as_its_last_reference),
        cmocka_unit_test(a_part_keeps_its_whole_alive),
        cmocka_unit_test(an_empty_buf_and_an_empty_part_are_legal),
        cmocka_unit_test(an_arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(an_arena_stops_at_its_maximum),
        cmocka_unit_test(a_large_piece_leaves_the_small_block_in_use),
        cmocka_unit_test(an_arena_copies_and_prints_text),
        cmocka_unit_test(a_list_keeps_order_and_lets_go_of_any_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fake.h"

#include "replica/payload.h"

static struct buf *bytes_of(size_t len)
{
    struct buf *buf = buf_new(len);

    memset(buf->data, (int)len, len);
    return buf;
}

static struct entry_head head_of(uint64_t index, uint64_t term, uint32_t length)
{
    return (struct entry_head){
        .group = 5, .index = index, .term = term, .epoch = 1, .length = length, .crc = length
    };
}

static void pin(struct payload_store *store, const struct entry_head *head)
{
    AUTO_UNREF struct buf *buf = bytes_of(head->length);

    assert_int_equal(payload_pin(store, head, buf), ERR_OK);
}

static void a_pinned_payload_stays_whatever_the_cache_holds(void **state)
{
    struct payload_store store;

    payload_store_init(&store, 0);
    for (uint64_t k = 1; k <= 500; k++) {
        struct entry_head head = head_of(k, 1, 100);
        pin(&store, &head);
    }
    for (uint64_t k = 1; k <= 500; k++) {
        struct entry_head head = head_of(k, 1, 100);
        assert_true(payload_ready(&store, &head));
        payload_applied(&store, &head);
        assert_false(payload_ready(&store, &head));
    }
    assert_int_equal(store.count, 0);
    assert_int_equal(store.pinned_bytes, 0);
    payload_store_fini(&store);
}

static void applied_payloads_leave_in_the_order_of_applying(void **state)
{
    struct payload_store store;

    payload_store_init(&store, 250);
    for (uint64_t k = 1; k <= 4; k++) {
        struct entry_head head = head_of(k, 1, 100);
        pin(&store, &head);
        payload_applied(&store, &head);
    }
    assert_int_equal(store.cached_bytes, 200);
    struct entry_head second = head_of(2, 1, 100), third = head_of(3, 1, 100);
    assert_null(payload_get(&store, &second));
    assert_non_null(payload_get(&store, &third));
    payload_store_fini(&store);
}

static void an_entry_of_another_term_is_not_found(void **state)
{
    struct payload_store store;
    struct entry_head old = head_of(7, 1, 10), new = head_of(7, 2, 20);

    payload_store_init(&store, 1000);
    pin(&store, &old);
    assert_null(payload_get(&store, &new));
    pin(&store, &new);
    assert_null(payload_get(&store, &old));
    assert_int_equal(payload_get(&store, &new)->len, 20);
    payload_drop(&store, 5, 7);
    assert_null(payload_get(&store, &new));
    payload_store_fini(&store);
}

static void an_entry_without_payload_is_always_ready(void **state)
{
    struct payload_store store;
    struct entry_head head = head_of(7, 1, 0);

    payload_store_init(&store, 0);
    assert_int_equal(payload_pin(&store, &head, NULL), ERR_OK);
    assert_true(payload_ready(&store, &head));
    assert_null(payload_get(&store, &head));
    payload_store_fini(&store);
}

static void a_small_part_of_a_large_frame_is_not_cached(void **state)
{
    struct payload_store store;
    struct entry_head head = head_of(7, 1, 10);
    AUTO_UNREF struct buf *frame = bytes_of(1000);
    AUTO_UNREF struct buf *part = buf_part(frame, slice_of(frame->data + 5, 10));

    payload_store_init(&store, 100);
    assert_int_equal(payload_pin(&store, &head, part), ERR_OK);
    payload_applied(&store, &head);
    assert_null(payload_get(&store, &head));
    payload_store_fini(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pinned_payload_stays_whatever_the_cache_holds),
        cmocka_unit_test(applied_payloads_leave_in_the_order_of_applying),
        cmocka_unit_test(an_entry_of_another_term_is_not_found),
        cmocka_unit_test(an_entry_without_payload_is_always_ready),
        cmocka_unit_test(a_small_part_of_a_large_frame_is_not_cached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

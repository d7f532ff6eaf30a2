#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch.h"

static struct batch *new_batch(void)
{
    struct batch *batch = malloc(sizeof(*batch));

    assert_non_null(batch);
    batch_init(batch, "s");
    return batch;
}

static void drop(struct batch *batch)
{
    batch_fini(batch);
    free(batch);
}

static void add(struct batch *batch, const char *key, const char *data)
{
    assert_int_equal(batch_add(batch, slice_text(key), slice_text(data)), ERR_OK);
}

static void settle(struct batch *batch, const char *text, enum err expected,
                   struct batch_result *result)
{
    json_t *answer = json_loads(text, 0, NULL);

    assert_non_null(answer);
    assert_int_equal(batch_settle(batch, answer, result), expected);
    json_decref(answer);
}

static void a_request_is_json_with_base64(void **state)
{
    struct batch *batch = new_batch();

    add(batch, "a\"b\\c\n", "hello");
    add(batch, "k", "");
    struct buf *text = batch_request(batch);
    static const char expected[] =
        "{\"StreamName\":\"s\",\"Records\":["
        "{\"Data\":\"aGVsbG8=\",\"PartitionKey\":\"a\\\"b\\\\c\\u000a\"},"
        "{\"Data\":\"\",\"PartitionKey\":\"k\"}]}";
    assert_int_equal(text->len, sizeof(expected) - 1);
    assert_memory_equal(text->data, expected, text->len);
    buf_unref(text);
    drop(batch);
}

static void a_batch_holds_500_records(void **state)
{
    struct batch *batch = new_batch();

    for (int i = 0; i < 500; i++) {
        assert_true(batch_fits(batch, 2));
        add(batch, "k", "x");
    }
    assert_false(batch_fits(batch, 1));
    drop(batch);
}

static void a_batch_holds_five_mebibytes_or_one_larger_record(void **state)
{
    struct batch *batch = new_batch();

    assert_true(batch_fits(batch, 9u * 1024 * 1024));
    add(batch, "k", "x");
    assert_true(batch_fits(batch, BATCH_BYTES_MAX - 2));
    assert_false(batch_fits(batch, BATCH_BYTES_MAX - 1));
    drop(batch);
}

static void refused_records_stay_in_their_order(void **state)
{
    struct batch *batch = new_batch();
    struct batch_result result;

    add(batch, "k", "one");
    add(batch, "l", "two");
    add(batch, "k", "three");
    settle(batch,
           "{\"Records\": [{\"ErrorCode\": \"InternalFailure\", \"ErrorMessage\": \"why\"}, "
           "{\"ShardId\": \"s\", \"SequenceNumber\": \"1\"}, {\"ErrorCode\": \"Other\"}]}",
           ERR_OK, &result);
    assert_int_equal(result.stored, 1);
    assert_int_equal(result.stored_bytes, 3);
    assert_string_equal(result.refusal.text, "InternalFailure: why");
    assert_int_equal(batch->count, 2);
    assert_int_equal(batch->bytes, 4 + 6);
    assert_memory_equal(batch->records[0].bytes, "kone", 4);
    assert_memory_equal(batch->records[1].bytes, "kthree", 6);
    drop(batch);
}

static void an_answer_that_does_not_fit_changes_nothing(void **state)
{
    struct batch *batch = new_batch();
    struct batch_result result;

    add(batch, "k", "one");
    settle(batch, "{\"Records\": []}", ERR_CORRUPT, &result);
    settle(batch, "{}", ERR_CORRUPT, &result);
    assert_int_equal(batch_settle(batch, NULL, &result), ERR_CORRUPT);
    assert_int_equal(batch->count, 1);
    drop(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_json_with_base64),
        cmocka_unit_test(a_batch_holds_500_records),
        cmocka_unit_test(a_batch_holds_five_mebibytes_or_one_larger_record),
        cmocka_unit_test(refused_records_stay_in_their_order),
        cmocka_unit_test(an_answer_that_does_not_fit_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tail_format.h"

static void expect_lines(const char *record, enum err err, const char *data, const char *json)
{
    json_t *tree = json_loads(record, 0, NULL);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(tree);
    assert_int_equal(tail_format_data(tree, out), err);
    fflush(out);
    assert_string_equal(text, data);
    rewind(out);
    assert_int_equal(tail_format_json(tree, "shard", out), err);
    fclose(out);
    assert_string_equal(text, json);
    free(text);
    json_decref(tree);
}

static void a_record_is_its_data_or_an_object(void **state)
{
    expect_lines("{\"Data\": \"aGk=\", \"PartitionKey\": \"k\", \"SequenceNumber\": \"1\", "
                 "\"ApproximateArrivalTimestamp\": 1795255236.91}",
                 ERR_OK, "hi\n",
                 "{\"ShardId\":\"shard\",\"SequenceNumber\":\"1\",\"PartitionKey\":\"k\","
                 "\"ApproximateArrivalTimestamp\":1795255236.91,\"Data\":\"hi\"}\n");
}

static void data_that_is_no_text_stays_base64(void **state)
{
    expect_lines("{\"Data\": \"/w==\", \"PartitionKey\": \"k\", \"SequenceNumber\": \"1\", "
                 "\"ApproximateArrivalTimestamp\": 1}",
                 ERR_OK, "\xff\n",
                 "{\"ShardId\":\"shard\",\"SequenceNumber\":\"1\",\"PartitionKey\":\"k\","
                 "\"ApproximateArrivalTimestamp\":1,\"DataBase64\":\"/w==\"}\n");
}

static void what_is_no_record_is_corrupt(void **state)
{
    expect_lines("{\"Data\": \"a\"}", ERR_CORRUPT, "", "");
    expect_lines("{\"Data\": 7}", ERR_CORRUPT, "", "");
    expect_lines("{}", ERR_CORRUPT, "", "");
}

static void expect_since(const char *text, enum err err, uint64_t expected_ms)
{
    uint64_t ms = 0;

    assert_int_equal(tail_format_since(text, 1000000000, &ms), err);
    assert_int_equal(ms, expected_ms);
}

static void a_moment_is_a_time_or_so_long_ago(void **state)
{
    expect_since("1767225600.5", ERR_OK, 1767225600500);
    expect_since("0", ERR_OK, 0);
    expect_since("1.5s", ERR_OK, 1000000000 - 1500);
    expect_since("10m", ERR_OK, 1000000000 - 600000);
    expect_since("2h", ERR_OK, 1000000000 - 7200000);
    expect_since("1d", ERR_OK, 1000000000 - 86400000);
}

static void what_is_no_moment_is_refused(void **state)
{
    static const char *const wrong[] = { "", "x", "-1", "1x", "1mm", "nan", "inf", "1e300", "99d" };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_since(wrong[i], ERR_INVALID, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_its_data_or_an_object),
        cmocka_unit_test(data_that_is_no_text_stays_base64),
        cmocka_unit_test(what_is_no_record_is_corrupt),
        cmocka_unit_test(a_moment_is_a_time_or_so_long_ago),
        cmocka_unit_test(what_is_no_moment_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

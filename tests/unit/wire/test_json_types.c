/* The table of wrong types: what AWS answers for each member type and each JSON type. */
#include "wire_test.h"

#define BOOLEAN "class java.lang.Boolean"
#define STRING "class java.lang.String"
#define NUMBER "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
#define LIST_FOUND "Start of list found where not expected"
#define OBJECT_FOUND "Start of structure or map found where not expected."

static void assert_wrong_type(struct world *w, const struct shape *shape, const char *member,
                              const char *value, const char *message)
{
    char *body = arena_printf(&w->arena, "{\"%s\":%s}", member, value);
    assert_refused(w, shape, body, ERROR_SERIALIZATION, message);
}

static void a_string_takes_nothing_else(void **state)
{
    const struct shape *shape = &shape_list_streams_in;

    assert_wrong_type(*state, shape, "NextToken", "true",
                      BOOLEAN " can not be converted to an String");
    assert_wrong_type(*state, shape, "NextToken", "1", NUMBER " can not be converted to an String");
    assert_wrong_type(*state, shape, "NextToken", "1.5",
                      NUMBER " can not be converted to an String");
    assert_wrong_type(*state, shape, "NextToken", "[]", LIST_FOUND);
    assert_wrong_type(*state, shape, "NextToken", "{}", OBJECT_FOUND);
}

static void a_choice_is_a_string(void **state)
{
    const struct shape *shape = &shape_get_shard_iterator_in;

    assert_wrong_type(*state, shape, "ShardIteratorType", "false",
                      BOOLEAN " can not be converted to an String");
    assert_wrong_type(*state, shape, "ShardIteratorType", "[\"LATEST\"]", LIST_FOUND);
}

static void an_integer_takes_only_numbers(void **state)
{
    const struct shape *shape = &shape_list_streams_in;

    assert_wrong_type(*state, shape, "Limit", "true",
                      BOOLEAN " can not be converted to an Integer");
    assert_wrong_type(*state, shape, "Limit", "\"1\"",
                      STRING " can not be converted to an Integer");
    assert_wrong_type(*state, shape, "Limit", "[1]", LIST_FOUND);
    assert_wrong_type(*state, shape, "Limit", "{}", OBJECT_FOUND);
}

static void a_long_takes_only_numbers(void **state)
{
    const struct shape *shape = &shape_get_records_out;

    assert_wrong_type(*state, shape, "MillisBehindLatest", "true",
                      BOOLEAN " can not be converted to an Long");
    assert_wrong_type(*state, shape, "MillisBehindLatest", "\"1\"",
                      STRING " can not be converted to an Long");
}

static void a_boolean_takes_six_words_and_no_numbers(void **state)
{
    const struct shape *shape = &shape_put_record_in;

    assert_wrong_type(*state, shape, "DryRun", "1", NUMBER " can not be converted to an Boolean");
    assert_wrong_type(*state, shape, "DryRun", "\"maybe\"",
                      "'MAYBE' can not be converted to an Boolean");
    assert_wrong_type(*state, shape, "DryRun", "\"\"", "'' can not be converted to an Boolean");
    assert_wrong_type(*state, shape, "DryRun", "[]", LIST_FOUND);
    assert_wrong_type(*state, shape, "DryRun", "{}", OBJECT_FOUND);
}

static void a_blob_takes_only_strict_base64(void **state)
{
    const struct shape *shape = &shape_put_record_in;

    assert_wrong_type(*state, shape, "Data", "true", BOOLEAN " can not be converted to a Blob");
    assert_wrong_type(*state, shape, "Data", "1", NUMBER " can not be converted to a Blob");
    assert_wrong_type(*state, shape, "Data", "[]", LIST_FOUND);
    assert_wrong_type(*state, shape, "Data", "{}", OBJECT_FOUND);
    assert_wrong_type(*state, shape, "Data", "\"AAA\"",
                      "'AAA' can not be converted to a Blob: Base64 encoded length is expected a "
                      "multiple of 4 bytes but found: 3");
    assert_wrong_type(*state, shape, "Data", "\"AA;A\"",
                      "'AA;A' can not be converted to a Blob: Invalid Base64 character: ';'");
    assert_wrong_type(*state, shape, "Data", "\"A=AA\"",
                      "'A=AA' can not be converted to a Blob: Invalid Base64 character: '='");
    assert_wrong_type(*state, shape, "Data", "\"AA\xc3\xa9\"",
                      "'AA\xc3\xa9' can not be converted to a Blob: Invalid Base64 character: "
                      "'\xc3\xa9'");
    assert_wrong_type(*state, shape, "Data", "\"AAB=\"",
                      "'AAB=' can not be converted to a Blob: Invalid last non-pad Base64 "
                      "character dectected");
    assert_wrong_type(*state, shape, "Data", "\"AB==\"",
                      "'AB==' can not be converted to a Blob: Invalid last non-pad Base64 "
                      "character dectected");
}

static void a_timestamp_takes_only_numbers(void **state)
{
    const struct shape *shape = &shape_get_shard_iterator_in;

    assert_wrong_type(*state, shape, "Timestamp", "true",
                      BOOLEAN " can not be converted to milliseconds since epoch");
    assert_wrong_type(*state, shape, "Timestamp", "\"2026-11-21T00:00:00Z\"",
                      STRING " can not be converted to milliseconds since epoch");
    assert_wrong_type(*state, shape, "Timestamp", "[]", LIST_FOUND);
    assert_wrong_type(*state, shape, "Timestamp", "{}", OBJECT_FOUND);
}

static void a_list_takes_only_lists(void **state)
{
    const struct shape *shape = &shape_put_records_in;

    assert_wrong_type(*state, shape, "Records", "true", "Expected list or null");
    assert_wrong_type(*state, shape, "Records", "1", "Expected list or null");
    assert_wrong_type(*state, shape, "Records", "\"a\"", "Expected list or null");
    assert_wrong_type(*state, shape, "Records", "{}", OBJECT_FOUND);
}

static void a_map_takes_only_objects(void **state)
{
    const struct shape *shape = &shape_create_stream_in;

    assert_wrong_type(*state, shape, "Tags", "true", "Expected map or null");
    assert_wrong_type(*state, shape, "Tags", "1", "Expected map or null");
    assert_wrong_type(*state, shape, "Tags", "\"a\"", "Expected map or null");
    assert_wrong_type(*state, shape, "Tags", "[]", LIST_FOUND);
    assert_wrong_type(*state, shape, "Tags", "{\"a\":1}",
                      NUMBER " can not be converted to an String");
}

static void a_structure_takes_only_objects(void **state)
{
    const struct shape *shape = &shape_create_stream_in;

    assert_wrong_type(*state, shape, "StreamModeDetails", "true", "Expected null");
    assert_wrong_type(*state, shape, "StreamModeDetails", "1", "Expected null");
    assert_wrong_type(*state, shape, "StreamModeDetails", "\"a\"", "Expected null");
    assert_wrong_type(*state, shape, "StreamModeDetails", "[]", LIST_FOUND);
}

static void types_are_checked_inside_lists_too(void **state)
{
    const struct shape *shape = &shape_put_records_in;

    assert_wrong_type(*state, shape, "Records", "[1]", "Expected null");
    assert_wrong_type(*state, shape, "Records", "[[]]", LIST_FOUND);
    assert_wrong_type(*state, shape, "Records", "[{\"Data\":\"AAAA\"},{\"PartitionKey\":{}}]",
                      OBJECT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_string_takes_nothing_else),
        world_test(a_choice_is_a_string),
        world_test(an_integer_takes_only_numbers),
        world_test(a_long_takes_only_numbers),
        world_test(a_boolean_takes_six_words_and_no_numbers),
        world_test(a_blob_takes_only_strict_base64),
        world_test(a_timestamp_takes_only_numbers),
        world_test(a_list_takes_only_lists),
        world_test(a_map_takes_only_objects),
        world_test(a_structure_takes_only_objects),
        world_test(types_are_checked_inside_lists_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

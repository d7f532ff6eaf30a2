#include "wire_test.h"

#include "base/limits.h"

#define ONE "1 validation error detected: "
#define NAME_PATTERN "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"

static void assert_invalid(struct world *w, const struct shape *shape, const char *body,
                           const char *message)
{
    assert_refused(w, shape, body, ERROR_VALIDATION, message);
}

static void assert_valid(struct world *w, const struct shape *shape, const char *body)
{
    void *in = arena_take(&w->arena, shape->bytes);

    assert_int_equal(decode(w, shape, body, in), ERR_OK);
    assert_int_equal(validate(shape, in, &w->arena, &w->error), ERR_OK);
}

/* `count` times `c`, in the arena. */
static char *run_of(struct world *w, char c, size_t count)
{
    char *text = arena_take(&w->arena, count + 1);

    memset(text, c, count);
    return text;
}

static void valid_requests_pass(void **state)
{
    assert_valid(
        *state, &shape_create_stream_in,
        "{\"StreamName\":\"a.b-c_D9\",\"ShardCount\":1,\"Tags\":{\"k\":\"\"},"
        "\"StreamModeDetails\":{\"StreamMode\":\"ON_DEMAND\"},\"MaxRecordSizeInKiB\":1024}");
    assert_valid(*state, &shape_delete_stream_in, "{}");
    assert_valid(*state, &shape_put_records_in, "{\"Records\":[{\"Data\":\"\"}]}");
    assert_valid(*state, &shape_get_shard_iterator_in,
                 "{\"ShardId\":\"shardId-0\",\"ShardIteratorType\":\"LATEST\"}");
    assert_valid(*state, &shape_list_shards_in,
                 "{\"ShardFilter\":{\"Type\":\"AT_LATEST\"},\"MaxResults\":10000}");
}

static void a_missing_member_must_not_be_null(void **state)
{
    assert_invalid(*state, &shape_create_stream_in, "{}",
                   ONE "Value null at 'streamName' failed to satisfy constraint: Member must not "
                       "be null");
    assert_invalid(*state, &shape_get_shard_iterator_in, "{\"ShardId\":null}",
                   "2 validation errors detected: Value null at 'shardId' failed to satisfy "
                   "constraint: Member must not be null; Value null at 'shardIteratorType' failed "
                   "to satisfy constraint: Member must not be null");
}

static void a_missing_member_of_a_structure_has_its_path(void **state)
{
    assert_invalid(*state, &shape_create_stream_in,
                   "{\"StreamName\":\"s\",\"StreamModeDetails\":{}}",
                   ONE "Value null at 'streamModeDetails.streamMode' failed to satisfy "
                       "constraint: Member must not be null");
}

static void a_place_in_a_list_counts_from_one(void **state)
{
    assert_invalid(*state, &shape_put_records_in,
                   "{\"Records\":[{\"Data\":\"AA==\"},{\"PartitionKey\":\"a\"}]}",
                   ONE "Value null at 'records.2.member.data' failed to satisfy constraint: "
                       "Member must not be null");
    assert_invalid(*state, &shape_put_records_in, "{\"Records\":[null]}",
                   ONE "Value null at 'records.1.member.data' failed to satisfy constraint: "
                       "Member must not be null");
}

static void an_empty_name_breaks_pattern_and_length(void **state)
{
    assert_invalid(*state, &shape_create_stream_in, "{\"StreamName\":\"\"}",
                   "2 validation errors detected: Value '' at 'streamName' failed to satisfy "
                   "constraint: " NAME_PATTERN "; Value '' at 'streamName' failed to satisfy "
                   "constraint: Member must have length greater than or equal to 1");
}

static void a_long_name_is_quoted_whole(void **state)
{
    struct world *w = *state;
    char *name = run_of(w, 'a', 129);

    assert_invalid(w, &shape_create_stream_in,
                   arena_printf(&w->arena, "{\"StreamName\":\"%s\"}", name),
                   arena_printf(&w->arena,
                                ONE "Value '%s' at 'streamName' failed to satisfy constraint: "
                                    "Member must have length less than or equal to 128",
                                name));
    assert_valid(w, &shape_create_stream_in,
                 arena_printf(&w->arena, "{\"StreamName\":\"%s\"}", name + 1));
}

static void numbers_have_a_least_and_a_greatest_value(void **state)
{
    assert_invalid(*state, &shape_list_streams_in, "{\"Limit\":0}",
                   ONE "Value '0' at 'limit' failed to satisfy constraint: Member must have value "
                       "greater than or equal to 1");
    assert_invalid(*state, &shape_get_records_in, "{\"ShardIterator\":\"a\",\"Limit\":10001}",
                   ONE "Value '10001' at 'limit' failed to satisfy constraint: Member must have "
                       "value less than or equal to 10000");
    assert_invalid(*state, &shape_get_records_out, "{\"Records\":[],\"MillisBehindLatest\":-1}",
                   ONE "Value '-1' at 'millisBehindLatest' failed to satisfy constraint: Member "
                       "must have value greater than or equal to 0");
}

static void each_pattern_is_printed_as_in_the_model(void **state)
{
    assert_invalid(*state, &shape_delete_stream_in, "{\"StreamARN\":\"arn\"}",
                   ONE "Value 'arn' at 'streamARN' failed to satisfy constraint: Member must "
                       "satisfy regular expression pattern: "
                       "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+");
    assert_invalid(*state, &shape_delete_stream_in, "{\"StreamId\":\"x\"}",
                   ONE "Value 'x' at 'streamId' failed to satisfy constraint: Member must satisfy "
                       "regular expression pattern: [a-z0-9]{20}-[a-z0-9]{3}");
    assert_invalid(*state, &shape_put_record_in, "{\"Data\":\"\",\"ExplicitHashKey\":\"01\"}",
                   ONE "Value '01' at 'explicitHashKey' failed to satisfy constraint: Member must "
                       "satisfy regular expression pattern: 0|([1-9]\\d{0,38})");
    assert_invalid(*state, &shape_put_record_in,
                   "{\"Data\":\"\",\"SequenceNumberForOrdering\":\"x\"}",
                   ONE "Value 'x' at 'sequenceNumberForOrdering' failed to satisfy constraint: "
                       "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,128})");
    assert_invalid(*state, &shape_list_shards_in, "{\"ExclusiveStartShardId\":\"a b\"}",
                   ONE "Value 'a b' at 'exclusiveStartShardId' failed to satisfy constraint: "
                       NAME_PATTERN);
}

static void an_unknown_choice_gets_the_set(void **state)
{
    assert_invalid(*state, &shape_get_shard_iterator_in,
                   "{\"ShardId\":\"s\",\"ShardIteratorType\":\"latest\"}",
                   ONE "Value 'latest' at 'shardIteratorType' failed to satisfy constraint: Member "
                       "must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, "
                       "AT_SEQUENCE_NUMBER, TRIM_HORIZON]");
    assert_invalid(*state, &shape_list_shards_in, "{\"ShardFilter\":{\"Type\":\"\"}}",
                   ONE "Value '' at 'shardFilter.type' failed to satisfy constraint: Member must "
                       "satisfy enum value set: [AFTER_SHARD_ID, AT_TRIM_HORIZON, "
                       "FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, FROM_TIMESTAMP]");
}

static void a_blob_prints_as_a_java_buffer(void **state)
{
    struct world *w = *state;
    struct put_record_in in = { 0 };
    unsigned char *bytes = arena_take(&w->arena, 10485761);

    wire_set(&in, data, slice_of(bytes, 10485761));
    assert_int_equal(validate(&shape_put_record_in, &in, &w->arena, &w->error), ERR_INVALID);
    assert_slice_text(w->error.message,
                      ONE "Value 'java.nio.HeapByteBuffer[pos=0 lim=10485761 cap=10485761]' at "
                          "'data' failed to satisfy constraint: Member must have length less than "
                          "or equal to 10485760");
    in.data.len--;
    assert_int_equal(validate(&shape_put_record_in, &in, &w->arena, &w->error), ERR_OK);
}

static void an_empty_list_is_too_short(void **state)
{
    assert_invalid(*state, &shape_put_records_in, "{\"Records\":[]}",
                   ONE "Value '[]' at 'records' failed to satisfy constraint: Member must have "
                       "length greater than or equal to 1");
}

static void a_long_list_is_quoted_with_its_java_names(void **state)
{
    struct world *w = *state;
    struct put_records_entry *items = arena_take(&w->arena, 501 * sizeof(*items));
    struct put_records_in in = { 0 };

    for (int i = 0; i < 501; i++)
        wire_set(&items[i], data, slice_text(""));
    wire_set(&in, records, (struct put_records_entry_list){ .items = items, .count = 501 });
    assert_int_equal(validate(&shape_put_records_in, &in, &w->arena, &w->error), ERR_INVALID);

    const char *head = ONE "Value '[com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@";
    const char *tail = "]' at 'records' failed to satisfy constraint: Member must have length less "
                       "than or equal to 500";
    struct slice message = w->error.message;
    assert_memory_equal(message.data, head, strlen(head));
    assert_memory_equal(message.data + message.len - strlen(tail), tail, strlen(tail));
    in.records.count = 500;
    assert_int_equal(validate(&shape_put_records_in, &in, &w->arena, &w->error), ERR_OK);
}

static void a_maximum_that_is_given_counts_instead_of_the_models(void **state)
{
    struct world *w = *state;
    struct put_records_entry *items = arena_take(&w->arena, 501 * sizeof(*items));
    struct put_records_in in = { 0 };
    struct validate_most most = { &shape_put_records_entry_list, 501 };

    for (int i = 0; i < 501; i++) {
        wire_set(&items[i], data, slice_text(""));
        wire_set(&items[i], partition_key, slice_text("k"));
    }
    wire_set(&in, records, (struct put_records_entry_list){ .items = items, .count = 501 });
    assert_int_equal(validate_up_to(&shape_put_records_in, &in, &most, &w->arena, &w->error),
                     ERR_OK);
    in.records.count = 3;
    most.max = 2;
    assert_int_equal(validate_up_to(&shape_put_records_in, &in, &most, &w->arena, &w->error),
                     ERR_INVALID);
    const char *tail = "]' at 'records' failed to satisfy constraint: Member must have length less "
                       "than or equal to 2";
    struct slice message = w->error.message;
    assert_memory_equal(message.data, ONE, strlen(ONE));
    assert_memory_equal(message.data + message.len - strlen(tail), tail, strlen(tail));

    wire_set(&items[2], partition_key, slice_text("")); /* all faults are said, in their order */
    assert_int_equal(validate_up_to(&shape_put_records_in, &in, &most, &w->arena, &w->error),
                     ERR_INVALID);
    message = w->error.message;
    assert_memory_equal(message.data, "2 validation errors detected: ", 30);
    assert_non_null(memmem(message.data, message.len, tail, strlen(tail)));
    most.shape = &shape_page_limit; /* of another shape it says nothing */
    wire_set(&items[2], partition_key, slice_text("k"));
    assert_int_equal(validate_up_to(&shape_put_records_in, &in, &most, &w->arena, &w->error),
                     ERR_OK);
}

static void a_map_is_judged_as_a_whole(void **state)
{
    struct world *w = *state;
    char *key = run_of(w, 'k', 129), *value = run_of(w, 'v', 257);

    assert_invalid(w, &shape_create_stream_in, "{\"StreamName\":\"s\",\"Tags\":{}}",
                   ONE "Value '{}' at 'tags' failed to satisfy constraint: Member must have "
                       "length greater than or equal to 1");
    assert_invalid(
        w, &shape_create_stream_in,
        arena_printf(&w->arena, "{\"StreamName\":\"s\",\"Tags\":{\"a\":\"b\",\"%s\":\"\"}}", key),
        arena_printf(&w->arena,
                     ONE "Value '{a=b, %s=}' at 'tags' failed to satisfy constraint: "
                         "Map keys must satisfy constraint: [Member must have length "
                         "less than or equal to 128, Member must have length greater "
                         "than or equal to 1]",
                     key));
    assert_invalid(w, &shape_create_stream_in,
                   arena_printf(&w->arena, "{\"StreamName\":\"s\",\"Tags\":{\"a\":\"%s\"}}", value),
                   arena_printf(&w->arena,
                                ONE "Value '{a=%s}' at 'tags' failed to satisfy constraint: Map "
                                    "value must satisfy constraint: [Member must have length less "
                                    "than or equal to 256, Member must have length greater than or "
                                    "equal to 0]",
                                value));
}

static void texts_in_a_list_are_judged_as_a_whole(void **state)
{
    struct world *w = *state;
    struct slice names[2] = { slice_text("a"), slice_text("") };
    struct list_streams_out out = { 0 };

    wire_set(&out, stream_names, (struct stream_name_list){ .items = names, .count = 2 });
    wire_set(&out, has_more_streams, false);
    assert_int_equal(validate(&shape_list_streams_out, &out, &w->arena, &w->error), ERR_INVALID);
    assert_slice_text(w->error.message,
                      ONE "Value '[a, ]' at 'streamNames' failed to satisfy constraint: Member "
                          "must satisfy constraint: [Member must have length less than or equal to "
                          "128, Member must have length greater than or equal to 1]");
}

static void lengths_count_characters_not_bytes(void **state)
{
    struct world *w = *state;
    char key[256 * 2 + 1] = { 0 };

    for (int i = 0; i < 256; i++)
        memcpy(key + i * 2, "\xc3\xa9", 2);
    assert_valid(w, &shape_put_record_in,
                 arena_printf(&w->arena, "{\"Data\":\"\",\"PartitionKey\":\"%s\"}", key));
    assert_invalid(w, &shape_put_record_in,
                   arena_printf(&w->arena, "{\"Data\":\"\",\"PartitionKey\":\"%sx\"}", key),
                   arena_printf(&w->arena,
                                ONE "Value '%sx' at 'partitionKey' failed to satisfy constraint: "
                                    "Member must have length less than or equal to 256",
                                key));
}

static void an_empty_partition_key_is_too_short(void **state)
{
    assert_invalid(*state, &shape_put_records_in,
                   "{\"Records\":[{\"Data\":\"AA==\",\"PartitionKey\":\"\"}]}",
                   ONE "Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: "
                       "Member must have length greater than or equal to 1");
}

static void no_more_than_ten_items_are_reported(void **state)
{
    struct world *w = *state;
    struct put_records_in in;

    assert_int_equal(
        decode(w, &shape_put_records_in,
               "{\"Records\":[{},{},{},{},{},{},{},{},{},{},{},{}],\"StreamName\":\"\"}", &in),
        ERR_OK);
    assert_int_equal(validate(&shape_put_records_in, &in, &w->arena, &w->error), ERR_INVALID);
    const char *head = "10 validation errors detected: Value null at 'records.1.member.data'";
    const char *tail = "Value null at 'records.10.member.data' failed to satisfy constraint: "
                       "Member must not be null";
    struct slice message = w->error.message;
    assert_memory_equal(message.data, head, strlen(head));
    assert_memory_equal(message.data + message.len - strlen(tail), tail, strlen(tail));
}

static void an_enormous_value_is_quoted_in_part(void **state)
{
    struct world *w = *state;
    char *name = run_of(w, '!', 5000000);

    struct create_stream_in in = { 0 };
    wire_set(&in, stream_name, slice_text(name));
    assert_int_equal(validate(&shape_create_stream_in, &in, &w->arena, &w->error), ERR_INVALID);
    assert_true(w->error.message.len > 2 * ERROR_VALUE_BYTES_MAX);
    assert_true(w->error.message.len < 2 * ERROR_VALUE_BYTES_MAX + 1000);
}

static void an_arena_without_room_for_the_message_is_an_internal_failure(void **state)
{
    struct world *w = *state;
    struct create_stream_in in = { 0 };
    struct arena small;

    arena_init(&small, 16);
    assert_int_equal(validate(&shape_create_stream_in, &in, &small, &w->error), ERR_NO_MEMORY);
    assert_int_equal(w->error.type, ERROR_INTERNAL_FAILURE);
    assert_int_equal(w->error.message.len, 0);
    arena_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(valid_requests_pass),
        world_test(a_missing_member_must_not_be_null),
        world_test(a_missing_member_of_a_structure_has_its_path),
        world_test(a_place_in_a_list_counts_from_one),
        world_test(an_empty_name_breaks_pattern_and_length),
        world_test(a_long_name_is_quoted_whole),
        world_test(numbers_have_a_least_and_a_greatest_value),
        world_test(each_pattern_is_printed_as_in_the_model),
        world_test(an_unknown_choice_gets_the_set),
        world_test(a_blob_prints_as_a_java_buffer),
        world_test(an_empty_list_is_too_short),
        world_test(a_long_list_is_quoted_with_its_java_names),
        world_test(a_maximum_that_is_given_counts_instead_of_the_models),
        world_test(a_map_is_judged_as_a_whole),
        world_test(texts_in_a_list_are_judged_as_a_whole),
        world_test(lengths_count_characters_not_bytes),
        world_test(an_empty_partition_key_is_too_short),
        world_test(no_more_than_ten_items_are_reported),
        world_test(an_enormous_value_is_quoted_in_part),
        world_test(an_arena_without_room_for_the_message_is_an_internal_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

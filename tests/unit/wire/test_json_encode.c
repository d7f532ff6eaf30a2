#include "wire_test.h"

static void a_reply_carries_exactly_the_members_that_are_set(void **state)
{
    struct world *w = *state;
    struct put_record_out out = { 0 };

    assert_string_equal(encoded(w, &shape_put_record_out, &out), "{}");
    wire_set(&out, shard_id, slice_text("shardId-000000000000"));
    wire_set(&out, sequence_number,
             slice_text("49646437577108476416916876405825929425585429676275269634"));
    assert_string_equal(encoded(w, &shape_put_record_out, &out),
                        "{\"ShardId\":\"shardId-000000000000\",\"SequenceNumber\":"
                        "\"49646437577108476416916876405825929425585429676275269634\"}");
    wire_set(&out, encryption_type, choice_of(WIRE_ENCRYPTION_KMS));
    assert_string_equal(encoded(w, &shape_put_record_out, &out),
                        "{\"ShardId\":\"shardId-000000000000\",\"SequenceNumber\":"
                        "\"49646437577108476416916876405825929425585429676275269634\","
                        "\"EncryptionType\":\"KMS\"}");
}

static void a_reply_without_members_is_an_empty_body(void **state)
{
    struct nothing nothing = { 0 };

    assert_string_equal(encoded(*state, &shape_nothing, &nothing), "");
}

static void records_are_encoded_in_base64_with_decimal_times(void **state)
{
    struct world *w = *state;
    struct record_out records[2] = { 0 };
    struct get_records_out out = { 0 };

    wire_set(&records[0], sequence_number, slice_text("1"));
    wire_set(&records[0], approximate_arrival_timestamp_ms, 1545084650987);
    wire_set(&records[0], data, slice_text("\x01\x02\x03\xff"));
    wire_set(&records[0], partition_key, slice_text("a"));
    wire_set(&records[1], sequence_number, slice_text("2"));
    wire_set(&records[1], approximate_arrival_timestamp_ms, 1700000000000);
    wire_set(&records[1], data, slice_text(""));
    wire_set(&out, records, (struct record_out_list){ .items = records, .count = 2 });
    wire_set(&out, millis_behind_latest, INT64_MAX);
    assert_string_equal(
        encoded(w, &shape_get_records_out, &out),
        "{\"Records\":[{\"SequenceNumber\":\"1\",\"ApproximateArrivalTimestamp\":1545084650.987,"
        "\"Data\":\"AQID/w==\",\"PartitionKey\":\"a\"},{\"SequenceNumber\":\"2\","
        "\"ApproximateArrivalTimestamp\":1700000000,\"Data\":\"\"}],"
        "\"MillisBehindLatest\":9223372036854775807}");
}

static void a_description_nests_like_the_one_of_aws(void **state)
{
    struct world *w = *state;
    struct enhanced_metrics_out metrics = { 0 };
    struct shard_out shard = { 0 };
    struct describe_stream_out out = { 0 };
    struct stream_description_out *stream = &out.stream_description;

    out.has_stream_description = true;
    wire_set(stream, stream_name, slice_text("s"));
    wire_set(stream, stream_status, choice_of(WIRE_STREAM_ACTIVE));
    stream->has_stream_mode_details = true;
    wire_set(&stream->stream_mode_details, stream_mode, choice_of(WIRE_MODE_PROVISIONED));
    wire_set(&shard, shard_id, slice_text("shardId-000000000000"));
    shard.has_hash_key_range = true;
    wire_set(&shard.hash_key_range, starting_hash_key, slice_text("0"));
    wire_set(stream, shards, (struct shard_out_list){ .items = &shard, .count = 1 });
    wire_set(stream, has_more_shards, false);
    wire_set(stream, retention_period_hours, 24);
    wire_set(&metrics, shard_level_metrics, (struct metrics_name_list){ 0 });
    wire_set(stream, enhanced_monitoring,
             (struct enhanced_metrics_out_list){ .items = &metrics, .count = 1 });
    assert_string_equal(
        encoded(w, &shape_describe_stream_out, &out),
        "{\"StreamDescription\":{\"StreamName\":\"s\",\"StreamStatus\":\"ACTIVE\","
        "\"StreamModeDetails\":{\"StreamMode\":\"PROVISIONED\"},\"Shards\":[{\"ShardId\":"
        "\"shardId-000000000000\",\"HashKeyRange\":{\"StartingHashKey\":\"0\"}}],"
        "\"HasMoreShards\":false,\"RetentionPeriodHours\":24,"
        "\"EnhancedMonitoring\":[{\"ShardLevelMetrics\":[]}]}}");
}

static void what_would_end_a_string_is_escaped(void **state)
{
    struct world *w = *state;
    struct put_record_in in = { 0 };

    wire_set(&in, partition_key, slice_of("\"\\\b\f\n\r\t\x01\x1f\0/\x7f\xc3\xa9z", 15));
    assert_string_equal(encoded(w, &shape_put_record_in, &in),
                        "{\"PartitionKey\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000/\x7f"
                        "\xc3\xa9z\"}");
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
    struct world *w = *state;
    const char *bodies[] = {
        ("{\"StreamName\":\"s\",\"ShardCount\":2,\"StreamModeDetails\":{\"StreamMode\":"
         "\"ON_DEMAND\"},\"Tags\":{\"a\":\"b\",\"c\\u0001\":\"\"},\"WarmThroughputMiBps\":0}"),
        "{\"StreamName\":\"not known: \\u00e9\",\"StreamModeDetails\":{\"StreamMode\":\"ODD\"}}",
        "{}",
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct create_stream_in first, second;
        assert_int_equal(decode(w, &shape_create_stream_in, bodies[i], &first), ERR_OK);
        char *text = encoded(w, &shape_create_stream_in, &first);
        assert_int_equal(decode(w, &shape_create_stream_in, text, &second), ERR_OK);
        assert_string_equal(encoded(w, &shape_create_stream_in, &second), text);
    }
}

static void a_blob_of_each_length_comes_back(void **state)
{
    struct world *w = *state;
    unsigned char bytes[70];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 37 + 200);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct put_record_in in = { 0 }, back;
        wire_set(&in, data, slice_of(bytes, len));
        assert_int_equal(
            decode(w, &shape_put_record_in, encoded(w, &shape_put_record_in, &in), &back), ERR_OK);
        assert_true(slice_equal(back.data, in.data));
    }
}

static void a_writer_that_is_full_says_so(void **state)
{
    struct put_record_in in = { 0 };
    struct writer writer;

    wire_set(&in, data, slice_text("0123456789"));
    writer_init(&writer, 16);
    assert_int_equal(wire_encode(&encoding_json, &shape_put_record_in, &in, &writer),
                     ERR_NO_MEMORY);
    writer_fini(&writer);
}

static void assert_error_body(struct world *w, enum error_type type, const char *message,
                              const char *body)
{
    struct wire_error error = { .type = type, .message = slice_text(message) };
    struct writer writer;

    writer_init(&writer, 4096);
    assert_int_equal(wire_encode_error(&encoding_json, &error, &writer), ERR_OK);
    assert_slice_text(writer_slice(&writer), body);
    writer_fini(&writer);
}

static void an_error_says_message_and_a_serialization_error_Message(void **state)
{
    assert_error_body(*state, ERROR_RESOURCE_NOT_FOUND, "Stream s under account 1 not found.",
                      "{\"__type\":\"ResourceNotFoundException\","
                      "\"message\":\"Stream s under account 1 not found.\"}");
    assert_error_body(*state, ERROR_VALIDATION, "a\"b",
                      "{\"__type\":\"ValidationException\",\"message\":\"a\\\"b\"}");
    assert_error_body(*state, ERROR_SERIALIZATION, "Expected null",
                      "{\"__type\":\"SerializationException\",\"Message\":\"Expected null\"}");
}

static void an_error_without_text_has_no_message(void **state)
{
    assert_error_body(*state, ERROR_SERIALIZATION, "", "{\"__type\":\"SerializationException\"}");
    assert_error_body(*state, ERROR_INTERNAL_FAILURE, "", "{\"__type\":\"InternalFailure\"}");
    assert_error_body(*state, ERROR_UNKNOWN_OPERATION, "",
                      "{\"__type\":\"UnknownOperationException\"}");
}

static void each_error_type_has_its_name_and_status(void **state)
{
    assert_string_equal(error_type_name(ERROR_THROUGHPUT_EXCEEDED),
                        "ProvisionedThroughputExceededException");
    assert_int_equal(error_type_status(ERROR_THROUGHPUT_EXCEEDED), 400);
    assert_int_equal(error_type_status(ERROR_INTERNAL_FAILURE), 500);
    assert_int_equal(error_type_status(ERROR_SERVICE_UNAVAILABLE), 503);
    assert_string_equal(error_type_name(ERROR_TYPE_NONE), "InternalFailure");
    assert_int_equal(error_type_status(ERROR_TYPE_COUNT), 500);
    for (int type = ERROR_TYPE_NONE + 1; type < ERROR_TYPE_COUNT; type++)
        assert_non_null(error_type_name((enum error_type)type));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_reply_carries_exactly_the_members_that_are_set),
        world_test(a_reply_without_members_is_an_empty_body),
        world_test(records_are_encoded_in_base64_with_decimal_times),
        world_test(a_description_nests_like_the_one_of_aws),
        world_test(what_would_end_a_string_is_escaped),
        world_test(what_is_encoded_decodes_to_the_same),
        world_test(a_blob_of_each_length_comes_back),
        world_test(a_writer_that_is_full_says_so),
        world_test(an_error_says_message_and_a_serialization_error_Message),
        world_test(an_error_without_text_has_no_message),
        world_test(each_error_type_has_its_name_and_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

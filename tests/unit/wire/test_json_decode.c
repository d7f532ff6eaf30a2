#include "wire_test.h"

#include "base/limits.h"
#include "wire/timestamp.h"

static void a_request_becomes_a_struct(void **state)
{
    struct world *w = *state;
    struct put_records_in in;

    assert_int_equal(decode(w, &shape_put_records_in,
                            "{\"StreamName\":\"river\",\"Records\":["
                            "{\"Data\":\"AQID\",\"PartitionKey\":\"a\"},"
                            "{\"PartitionKey\":\"b\",\"ExplicitHashKey\":\"0\",\"Data\":\"\"}]}",
                            &in),
                     ERR_OK);
    assert_river(&in);
}

static void nested_structures_maps_and_choices_are_filled(void **state)
{
    struct world *w = *state;
    struct create_stream_in in;

    assert_int_equal(decode(w, &shape_create_stream_in,
                            "{\"StreamName\":\"s\",\"ShardCount\":3,"
                            "\"StreamModeDetails\":{\"StreamMode\":\"PROVISIONED\"},"
                            "\"Tags\":{\"k\":\"v\",\"empty\":\"\"}}",
                            &in),
                     ERR_OK);
    assert_int_equal(in.shard_count, 3);
    assert_true(in.has_stream_mode_details);
    assert_int_equal(in.stream_mode_details.stream_mode.value, WIRE_MODE_PROVISIONED);
    assert_int_equal(in.tags.count, 2);
    assert_slice_text(in.tags.items[0].key, "k");
    assert_slice_text(in.tags.items[0].value, "v");
    assert_slice_text(in.tags.items[1].key, "empty");
}

static void unknown_members_are_skipped_whatever_they_hold(void **state)
{
    struct world *w = *state;
    struct list_streams_in in;

    assert_int_equal(decode(w, &shape_list_streams_in,
                            "{\"A\":{\"Limit\":1,\"B\":[1,2.5,{\"C\":null}]},\"D\":\"x\",\"E\":-7,"
                            "\"F\":18446744073709551615,\"G\":1e300,\"H\":true,\"I\":[],\"J\":{},"
                            "\"Limit\":5,\"K\":null}",
                            &in),
                     ERR_OK);
    assert_int_equal(in.limit, 5);
    assert_false(in.has_next_token);
}

static void null_is_the_same_as_absent(void **state)
{
    struct world *w = *state;
    struct create_stream_in in;

    assert_int_equal(decode(w, &shape_create_stream_in,
                            "{\"StreamName\":null,\"ShardCount\":null,\"StreamModeDetails\":null,"
                            "\"Tags\":null}",
                            &in),
                     ERR_OK);
    assert_false(in.has_stream_name);
    assert_false(in.has_shard_count);
    assert_false(in.has_stream_mode_details);
    assert_false(in.has_tags);
}

static void a_null_record_keeps_its_place_and_misses_its_members(void **state)
{
    struct world *w = *state;
    struct put_records_in in;

    assert_int_equal(decode(w, &shape_put_records_in,
                            "{\"Records\":[null,{\"Data\":\"AQ==\"}]}", &in),
                     ERR_OK);
    assert_int_equal(in.records.count, 2);
    assert_false(in.records.items[0].has_data);
    assert_true(in.records.items[1].has_data);
}

static void a_null_tag_is_dropped(void **state)
{
    struct world *w = *state;
    struct create_stream_in in;

    assert_int_equal(decode(w, &shape_create_stream_in, "{\"Tags\":{\"a\":null,\"b\":\"c\"}}", &in),
                     ERR_OK);
    assert_int_equal(in.tags.count, 1);
    assert_slice_text(in.tags.items[0].key, "b");
}

static void of_a_name_given_twice_the_last_one_counts(void **state)
{
    struct world *w = *state;
    struct create_stream_in in;

    assert_int_equal(decode(w, &shape_create_stream_in,
                            "{\"StreamName\":\"a\",\"StreamName\":\"b\",\"ShardCount\":1,"
                            "\"ShardCount\":null,\"StreamModeDetails\":{\"StreamMode\":\"x\"},"
                            "\"StreamModeDetails\":{},\"Tags\":{\"k\":\"1\",\"k\":\"2\"}}",
                            &in),
                     ERR_OK);
    assert_slice_text(in.stream_name, "b");
    assert_false(in.has_shard_count);
    assert_true(in.has_stream_mode_details);
    assert_false(in.stream_mode_details.has_stream_mode);
    assert_int_equal(in.tags.count, 1);
    assert_slice_text(in.tags.items[0].value, "2");
}

static void escapes_and_zero_bytes_in_texts_are_kept(void **state)
{
    struct world *w = *state;
    struct put_record_in in;

    assert_int_equal(decode(w, &shape_put_record_in,
                            "{\"PartitionKey\":\"\\u0000\\n\\u00e9\\ud83d\\ude00\\/\","
                            "\"Data\":\"\\/\\/\\/\\/\"}",
                            &in),
                     ERR_OK);
    assert_int_equal(in.partition_key.len, 1 + 1 + 2 + 4 + 1);
    assert_memory_equal(in.partition_key.data, "\0\n\xc3\xa9\xf0\x9f\x98\x80/", 9);
    assert_slice_text(in.data, "\xff\xff\xff");
}

static void numbers_are_rounded_down_and_cut_to_the_range(void **state)
{
    static const struct {
        const char *number;
        int32_t want;
    } cases[] = {
        { "7.99", 7 },
        { "-0.5", -1 },
        { "-7", -7 },
        { "1e3", 1000 },
        { "2147483648", INT32_MAX },
        { "-99999999999", INT32_MIN },
        { "1e300", INT32_MAX },
        { "-1e300", INT32_MIN },
        { "18446744073709551615", INT32_MAX },
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct list_streams_in in;
        char *body = arena_printf(&w->arena, "{\"Limit\":%s}", cases[i].number);
        assert_int_equal(decode(w, &shape_list_streams_in, body, &in), ERR_OK);
        assert_int_equal(in.limit, cases[i].want);
    }
}

static void timestamps_are_seconds_with_a_fraction(void **state)
{
    static const struct {
        const char *number;
        int64_t want_ms;
    } cases[] = {
        { "1545084650.987", 1545084650987 },
        { "1545084650", 1545084650000 },
        { "1.545084650987E9", 1545084650987 },
        { "0", 0 },
        { "-1.5", -1500 },
        { "1e300", TIMESTAMP_MS_MAX },
        { "-9223372036854775808", -TIMESTAMP_MS_MAX },
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct get_shard_iterator_in in;
        char *body = arena_printf(&w->arena, "{\"Timestamp\":%s}", cases[i].number);
        assert_int_equal(decode(w, &shape_get_shard_iterator_in, body, &in), ERR_OK);
        assert_true(in.timestamp_ms == cases[i].want_ms);
    }
}

static void six_words_pass_for_truth(void **state)
{
    static const char *const words[] = { "true", "Yes", "1", "FALSE", "no", "0" };
    struct world *w = *state;

    for (size_t i = 0; i < 6; i++) {
        struct delete_stream_in in;
        char *body = arena_printf(&w->arena, "{\"EnforceConsumerDeletion\":\"%s\"}", words[i]);
        assert_int_equal(decode(w, &shape_delete_stream_in, body, &in), ERR_OK);
        assert_int_equal(in.enforce_consumer_deletion, i < 3);
    }
}

static void what_is_no_object_is_refused_without_a_message(void **state)
{
    static const char *const bodies[] = {
        "", " ", "x", "{", "}", "[]", "1", "null", "true", "\"a\"", "{}x", "{\"a\":}", "{\"a\" 1}",
        "{\"a\":1,}", "{'a':1}", "{\"a\":\"\n\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}",
        "{\"a\":01}", "{\"a\":nul}", "{\"a\":\"\xff\"}", "{\"a\":\"", "{\"a\":[1,2}", "{\"a\":+1}",
        "{\"a\":[}]", "\xef\xbb\xbf{}", "{\"Limit\":1e999}",
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_refused(w, &shape_list_streams_in, bodies[i], ERROR_SERIALIZATION, "");
}

static void a_body_with_a_zero_byte_is_no_json(void **state)
{
    struct world *w = *state;
    struct list_streams_in in;

    assert_int_equal(wire_decode(&encoding_json, &shape_list_streams_in, slice_of("{}\0", 3),
                                 &w->arena, &in, &w->error),
                     ERR_INVALID);
    assert_int_equal(wire_decode(&encoding_json, &shape_list_streams_in, slice_of("{\"a\0\":1}", 8),
                                 &w->arena, &in, &w->error),
                     ERR_INVALID);
}

/* `count` times `unit` between `head` and `tail`, in the arena. */
static char *repeated(struct world *w, const char *head, const char *unit, size_t count,
                      const char *tail)
{
    struct slice bytes =
        repeated_bytes(slice_text(head), slice_text(unit), count, slice_text(tail));
    char *text = arena_text(&w->arena, bytes);

    free((void *)(uintptr_t)bytes.data);
    return text;
}

static void limits_of_depth_tokens_and_size_are_kept(void **state)
{
    struct world *w = *state;
    struct list_streams_in in;

    char *closing = repeated(w, "", "]", WIRE_DEPTH_MAX - 2, "}");
    char *deep = repeated(w, "{\"a\":", "[", WIRE_DEPTH_MAX - 2, closing);
    assert_int_equal(decode(w, &shape_list_streams_in, deep, &in), ERR_OK);
    closing = repeated(w, "", "]", WIRE_DEPTH_MAX, "}");
    deep = repeated(w, "{\"a\":", "[", WIRE_DEPTH_MAX, closing);
    assert_refused(w, &shape_list_streams_in, deep, ERROR_SERIALIZATION, "");
    deep = repeated(w, "{\"a\":", "[", 1000000, "");
    assert_refused(w, &shape_list_streams_in, deep, ERROR_SERIALIZATION, "");

    char *many = repeated(w, "{\"a\":[", "0,", WIRE_TOKENS_MAX / 2, "0]}");
    assert_refused(w, &shape_list_streams_in, many, ERROR_SERIALIZATION, "");
    many = repeated(w, "{\"a\":[", "0,", WIRE_TOKENS_MAX / 2 - 10, "0]}");
    assert_int_equal(decode(w, &shape_list_streams_in, many, &in), ERR_OK);

    char *large = repeated(w, "{\"a\":\"", "x", WIRE_BODY_BYTES_MAX, "\"}");
    assert_refused(w, &shape_list_streams_in, large, ERROR_SERIALIZATION, "");
}

static void an_arena_that_is_full_is_an_internal_failure(void **state)
{
    struct world *w = *state;
    struct put_record_in in;
    struct arena small;

    arena_init(&small, 64);
    assert_int_equal(wire_decode(&encoding_json, &shape_put_record_in,
                                 slice_text(repeated(w, "{\"Data\":\"", "AAAA", 100, "\"}")),
                                 &small, &in, &w->error),
                     ERR_NO_MEMORY);
    assert_int_equal(w->error.type, ERROR_INTERNAL_FAILURE);
    assert_int_equal(wire_decode(&encoding_json, &shape_put_record_in,
                                 slice_text("{\"Data\":\"A\"}"), &small, &in, &w->error),
                     ERR_NO_MEMORY);
    assert_int_equal(w->error.type, ERROR_INTERNAL_FAILURE);
    arena_fini(&small);
}

static void a_quoted_value_is_cut_between_characters(void **state)
{
    struct world *w = *state;
    struct put_record_in in;

    char *body = repeated(w, "{\"Data\":\"a", "\xc3\xa9", 100000, "\"}");
    assert_int_equal(decode(w, &shape_put_record_in, body, &in), ERR_INVALID);
    assert_true(w->error.message.len < ERROR_VALUE_BYTES_MAX + 200);
    size_t at = 1 + ERROR_VALUE_BYTES_MAX - 1; /* 'a' and whole characters of two bytes */
    assert_memory_equal(w->error.message.data + at, "' can", 5);
}

static void nothing_points_into_the_body(void **state)
{
    struct world *w = *state;
    struct put_record_in in;
    char body[] = "{\"Data\":\"AQID\",\"PartitionKey\":\"key\"}";

    assert_int_equal(decode(w, &shape_put_record_in, body, &in), ERR_OK);
    memset(body, 'x', sizeof(body) - 1);
    assert_slice_text(in.partition_key, "key");
    assert_slice_text(in.data, "\x01\x02\x03");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_request_becomes_a_struct),
        world_test(nested_structures_maps_and_choices_are_filled),
        world_test(unknown_members_are_skipped_whatever_they_hold),
        world_test(null_is_the_same_as_absent),
        world_test(a_null_record_keeps_its_place_and_misses_its_members),
        world_test(a_null_tag_is_dropped),
        world_test(of_a_name_given_twice_the_last_one_counts),
        world_test(escapes_and_zero_bytes_in_texts_are_kept),
        world_test(numbers_are_rounded_down_and_cut_to_the_range),
        world_test(timestamps_are_seconds_with_a_fraction),
        world_test(six_words_pass_for_truth),
        world_test(what_is_no_object_is_refused_without_a_message),
        world_test(a_body_with_a_zero_byte_is_no_json),
        world_test(limits_of_depth_tokens_and_size_are_kept),
        world_test(an_arena_that_is_full_is_an_internal_failure),
        world_test(a_quoted_value_is_cut_between_characters),
        world_test(nothing_points_into_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cbor_test.h"

#include "base/limits.h"
#include "wire/timestamp.h"

static void a_request_becomes_a_struct(void **state)
{
    struct world *w = *state;
    struct put_records_in in;

    assert_int_equal(decode_cbor(w, &shape_put_records_in,
                                 "a2 'StreamName' 'river' 'Records' 82"
                                 "  a2 'Data' 43 010203 'PartitionKey' 'a'"
                                 "  a3 'PartitionKey' 'b' 'ExplicitHashKey' '0' 'Data' 40",
                                 &in),
                     ERR_OK);
    assert_river(&in);
}

/* The same request in every form that the RFC allows. */
static void all_lengths_and_forms_mean_the_same(void **state)
{
    struct world *w = *state;
    static const char *const bodies[] = {
        "a2 'StreamName' 'ab' 'Records' 81 a1 'Data' 43 010203",
        "bf 'StreamName' 'ab' 'Records' 9f bf 'Data' 43 010203 ff ff ff",
        "b802 'StreamName' 7802 6162 'Records' 9801 b90001 'Data' 5803 010203",
        "ba00000002 'StreamName' 790002 6162 'Records' 990001 bb0000000000000001"
        "  'Data' 590003 010203",
        "bb0000000000000002 'StreamName' 7a00000002 6162 'Records' 9a00000001 a1"
        "  'Data' 5a00000003 010203",
        "a2 'StreamName' 7b0000000000000002 6162 'Records' 9b0000000000000001 a1"
        "  'Data' 5b0000000000000003 010203",
        "a2 'StreamName' 7f 'a' 'b' ff 'Records' 81 a1 'Data' 5f 41 01 42 0203 ff",
        "a2 7f 'Stream' 'Name' ff 'ab' 'Records' 81 a1 'Data' 5f 40 43 010203 40 ff",
        "d9d9f7 a2 'StreamName' c2 c3 'ab' 'Records' d8ff 81 a1 'Data' d6 43 010203",
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_string_equal(as_json(w, &shape_put_records_in, bodies[i]),
                            "{\"Records\":[{\"Data\":\"AQID\"}],\"StreamName\":\"ab\"}");
    assert_string_equal(as_json(w, &shape_put_records_in, "a2 'StreamName' 7f ff 'Records' 9f ff"),
                        "{\"Records\":[],\"StreamName\":\"\"}");
    assert_string_equal(as_json(w, &shape_put_records_in, "a1 'Records' 83 a0 bf ff a0"),
                        "{\"Records\":[{},{},{}]}");
    assert_string_equal(as_json(w, &shape_create_stream_in,
                                "a1 'Tags' bf 'k' 'v' 7f 'l' ff 'w' 'k' 'x' ff"),
                        "{\"Tags\":{\"k\":\"x\",\"l\":\"w\"}}");
}

static void numbers_of_every_width(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *number;
        int32_t is;
    } cases[] = {
        { "00", 0 },
        { "17", 23 },
        { "1818", 24 },
        { "190100", 256 },
        { "1a00010000", 65536 },
        { "1b0000000000010000", 65536 },
        { "1a80000000", INT32_MAX },
        { "1bffffffffffffffff", INT32_MAX },
        { "20", -1 },
        { "3818", -25 },
        { "3900ff", -256 },
        { "3a0000ffff", -65536 },
        { "3b000000000000ffff", -65536 },
        { "3a80000000", INT32_MIN },
        { "3b7fffffffffffffff", INT32_MIN },
        { "3bffffffffffffffff", INT32_MIN },
        { "f94500", 5 },
        { "fa40a00000", 5 },
        { "fb4014000000000000", 5 },
        { "fb4017333333333333", 5 },
        { "fbc017333333333333", -6 },
        { "fb7e37e43c8800759c", INT32_MAX },
        { "fbfe37e43c8800759c", INT32_MIN },
        { "f97c00", INT32_MAX },
        { "f9fc00", INT32_MIN },
        { "f97e00", 0 },
        { "fb7ff8000000000001", 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct list_streams_in in;
        char body[128];

        snprintf(body, sizeof(body), "a1 'Limit' %s", cases[i].number);
        assert_int_equal(decode_cbor(w, &shape_list_streams_in, body, &in), ERR_OK);
        if (in.limit != cases[i].is)
            fail_msg("%s became %d", cases[i].number, in.limit);
    }
}

static void times_are_whole_milliseconds(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *time;
        int64_t ms;
    } cases[] = {
        { "c1 1b 000001a013accc38", 1787036486712 }, /* from Java's SDK */
        { "1b 000001a013accc38", 1787036486712 },
        { "c1 00", 0 },
        { "c1 20", -1 },
        { "d84e c1 1818", 24 },
        { "fb 427a013accc38000", 1787036486712 },
        { "c1 fb 427a013accc38400", 1787036486712 },
        { "c1 fb bff8000000000000", -2 },
        { "c1 f97e00", 0 },
        { "c1 f97c00", TIMESTAMP_MS_MAX },
        { "c1 1b ffffffffffffffff", TIMESTAMP_MS_MAX },
        { "c1 3b ffffffffffffffff", -TIMESTAMP_MS_MAX },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct get_shard_iterator_in in;
        char body[128];

        snprintf(body, sizeof(body), "a1 'Timestamp' %s", cases[i].time);
        assert_int_equal(decode_cbor(w, &shape_get_shard_iterator_in, body, &in), ERR_OK);
        if (in.timestamp_ms != cases[i].ms)
            fail_msg("%s became %lld", cases[i].time, (long long)in.timestamp_ms);
    }
}

static void nulls_unknown_members_and_repeated_names_are_as_in_json(void **state)
{
    struct world *w = *state;

    assert_string_equal(as_json(w, &shape_create_stream_in,
                                "a4 'StreamName' f6 'ShardCount' f7 'StreamModeDetails' f6"
                                "  'Tags' a2 'a' f6 'b' 'c'"),
                        "{\"Tags\":{\"b\":\"c\"}}");
    assert_string_equal(as_json(w, &shape_put_records_in, "a1 'Records' 83 f6 a1 'Data' 40 f7"),
                        "{\"Records\":[{},{\"Data\":\"\"},{}]}");
    assert_string_equal(as_json(w, &shape_list_streams_in,
                                "bf 'A' a2 'Limit' 01 'B' 9f 01 f94500 bf 'C' f6 ff ff 'D' 'x'"
                                "  'E' 20 'F' 1bffffffffffffffff 'G' 5f 41 00 ff 'H' f5 'I' 80"
                                "  'J' a0 'Limit' 05 'K' c1 00 ff"),
                        "{\"Limit\":5}");
    assert_string_equal(as_json(w, &shape_list_streams_in, "a2 'Limit' 05 'Limit' 06"),
                        "{\"Limit\":6}");
    assert_string_equal(as_json(w, &shape_list_streams_in, "a2 'Limit' 05 'Limit' f6"), "{}");
    assert_string_equal(as_json(w, &shape_put_record_in, "a1 'DryRun' f5"), "{\"DryRun\":true}");
}

static void a_blob_may_be_base64_too(void **state)
{
    struct world *w = *state;

    assert_string_equal(as_json(w, &shape_put_record_in, "a1 'Data' 'AQID'"),
                        "{\"Data\":\"AQID\"}");
    assert_int_equal(decode_cbor(w, &shape_put_record_in, "a1 'Data' 'AQI'",
                                 &(struct put_record_in){ 0 }),
                     ERR_INVALID);
    assert_slice_text(w->error.message,
                      "'AQI' can not be converted to a Blob: Base64 encoded length is expected "
                      "a multiple of 4 bytes but found: 3");
}

static void what_is_no_cbor_is_refused_without_a_message(void **state)
{
    struct world *w = *state;
    static const char *const bodies[] = {
        "", "ff", "00", "f6", "80", "'text'", "7b226122 3a317d", /* no structure, or nothing */
        "a0 00", "a0 a0", "bf ff ff",                            /* something behind it */
        "a1", "a1 'a'", "bf", "bf 'a'", "bf 'a' 01", "a1 'a' 82 01", "a1 'a' 9f 01",
        "a1 'a' 18", "a1 'a' 1b 000000", "a1 'a' 62 61", "a1 'a' 5f 41 00", "a1 'a' c1",
        "a1 'a' 5b ffffffffffffffff 00", "a1 'a' 7b 7fffffffffffffff 00", /* claimed lengths */
        "a1 'a' 9b ffffffffffffffff 00", "a1 'a' bb ffffffffffffffff 00",
        "bb 8000000000000000", "bb 8000000000000001 'a' 00", "9b ffffffffffffffff",
        "bf 'a' ff", "a1 'a' 82 01 ff", "a1 ff", "a1 'a' ff", "a1 'a' c1 ff", "bf c1 ff",
        "a1 01 02", "a1 41 61 02", "a1 80 00", "a1 5f 41 61 ff 00", "bf f6 00 ff", /* names */
        "a1 'a' 1c", "a1 'a' 3f", "a1 'a' dc 00", "a1 'a' fc", "a1 'a' f8 18", "a1 'a' e0",
        "a1 'a' 7f 41 61 ff", "a1 'a' 5f 'a' ff", "a1 'a' 5f 01 ff", "a1 'a' 7f 7f ff ff",
        "a1 'a' 5f c1 41 61 ff", "a1 'a' 5f 80 ff",
        "a1 'a' 61 ff", "a1 'a' 62 c328", "a1 'a' 63 eda080", "a1 'a' 62 c080", /* no UTF-8 */
        "a1 'a' 7f 61 c3 61 a9 ff", "a1 61 ff 00", "a1 'a' 69 6161616161616161c3"
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct list_streams_in in;

        if (decode_cbor(w, &shape_list_streams_in, bodies[i], &in) != ERR_INVALID)
            fail_msg("<%s> was taken", bodies[i]);
        assert_int_equal(w->error.type, ERROR_SERIALIZATION);
        assert_int_equal(w->error.message.len, 0);
    }
    assert_string_equal(as_json(w, &shape_list_streams_in, "a1 'NextToken' 64 f09f8c8a"),
                        "{\"NextToken\":\"\xf0\x9f\x8c\x8a\"}");
}

static void a_wrong_type_is_named_in_the_same_words_as_in_json(void **state)
{
    struct world *w = *state;
#define NUMBER "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
    static const struct {
        const struct shape *shape;
        const char *body, *message;
    } cases[] = {
        { &shape_list_streams_in, "a1 'NextToken' 07",
          NUMBER " can not be converted to an String" },
        { &shape_list_streams_in, "a1 'NextToken' 41 61",
          "class java.nio.HeapByteBuffer can not be converted to an String" },
        { &shape_list_streams_in, "a1 'NextToken' 5f ff",
          "class java.nio.HeapByteBuffer can not be converted to an String" },
        { &shape_list_streams_in, "a1 'NextToken' f4",
          "class java.lang.Boolean can not be converted to an String" },
        { &shape_list_streams_in, "a1 'Limit' '7'",
          "class java.lang.String can not be converted to an Integer" },
        { &shape_list_streams_in, "a1 'Limit' c2 41 07",
          "class java.nio.HeapByteBuffer can not be converted to an Integer" },
        { &shape_put_record_in, "a1 'Data' 07", NUMBER " can not be converted to a Blob" },
        { &shape_put_record_in, "a1 'Data' bf ff",
          "Start of structure or map found where not expected." },
        { &shape_put_record_in, "a1 'DryRun' 41 61",
          "class java.nio.HeapByteBuffer can not be converted to an Boolean" },
        { &shape_put_record_in, "a1 'DryRun' 'perhaps'",
          "'PERHAPS' can not be converted to an Boolean" },
        { &shape_put_records_in, "a1 'Records' 41 61", "Expected list or null" },
        { &shape_put_records_in, "a1 'Records' 81 80", "Start of list found where not expected" },
        { &shape_put_records_in, "a1 'Records' 81 40", "Expected null" },
        { &shape_create_stream_in, "a1 'Tags' 40", "Expected map or null" },
        { &shape_get_shard_iterator_in, "a1 'Timestamp' c0 'yesterday'",
          "class java.lang.String can not be converted to milliseconds since epoch" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *in = arena_take(&w->arena, cases[i].shape->bytes);

        assert_int_equal(decode_cbor(w, cases[i].shape, cases[i].body, in), ERR_INVALID);
        assert_int_equal(w->error.type, ERROR_SERIALIZATION);
        assert_slice_text(w->error.message, cases[i].message);
    }
#undef NUMBER
}

/* `before`, `count` times `byte`, `after`: decoded as a request without members of interest. */
static enum err decode_repeated(struct world *w, const char *before, unsigned char byte,
                                size_t count, const char *after)
{
    struct slice first = cbor(w, before), last = cbor(w, after);
    struct slice body = repeated_bytes(first, slice_of(&byte, 1), count, last);
    struct list_streams_in in;

    enum err err =
        wire_decode(&encoding_cbor, &shape_list_streams_in, body, &w->arena, &in, &w->error);
    free((void *)(uintptr_t)body.data);
    free((void *)(uintptr_t)first.data);
    free((void *)(uintptr_t)last.data);
    return err;
}

static void depth_tokens_and_size_are_bounded(void **state)
{
    struct world *w = *state;

    /* one level is the body's own */
    assert_int_equal(decode_repeated(w, "a1 'a'", 0x81, WIRE_DEPTH_MAX - 1, "00"), ERR_OK);
    assert_int_equal(decode_repeated(w, "a1 'a'", 0x81, WIRE_DEPTH_MAX, "00"), ERR_INVALID);
    assert_int_equal(decode_repeated(w, "a1 'a'", 0x9f, 1000000, "00"), ERR_INVALID);
    assert_int_equal(decode_repeated(w, "a1 'a'", 0xc6, WIRE_TOKENS_MAX - 10, "00"), ERR_OK);
    assert_int_equal(decode_repeated(w, "a1 'a'", 0xc6, WIRE_TOKENS_MAX, "00"), ERR_INVALID);

    assert_int_equal(decode_repeated(w, "a1 'a' 9f", 0xf6, WIRE_TOKENS_MAX - 10, "ff"), ERR_OK);
    assert_int_equal(decode_repeated(w, "a1 'a' 9f", 0xf6, WIRE_TOKENS_MAX, "ff"), ERR_INVALID);
    assert_int_equal(decode_repeated(w, "a1 'a' 9f", 0x80, WIRE_TOKENS_MAX / 2 - 10, "ff"),
                     ERR_OK);
    assert_int_equal(decode_repeated(w, "a1 'a' 9f", 0x80, WIRE_TOKENS_MAX / 2, "ff"), ERR_INVALID);
    assert_int_equal(decode_repeated(w, "a1 'a' 5f", 0x40, WIRE_TOKENS_MAX - 10, "ff"), ERR_OK);
    assert_int_equal(decode_repeated(w, "a1 'a' 5f", 0x40, WIRE_TOKENS_MAX, "ff"), ERR_INVALID);

    size_t most = WIRE_BODY_BYTES_MAX - 8; /* with its own head */
    assert_int_equal(decode_repeated(w, "a1 'a' 5a 00fffff8", 0x00, most, ""), ERR_OK);
    assert_int_equal(decode_repeated(w, "a1 'a' 5a 00fffff9", 0x00, most + 1, ""), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(a_request_becomes_a_struct),
        world_test(all_lengths_and_forms_mean_the_same),
        world_test(numbers_of_every_width),
        world_test(times_are_whole_milliseconds),
        world_test(nulls_unknown_members_and_repeated_names_are_as_in_json),
        world_test(a_blob_may_be_base64_too),
        world_test(what_is_no_cbor_is_refused_without_a_message),
        world_test(a_wrong_type_is_named_in_the_same_words_as_in_json),
        world_test(depth_tokens_and_size_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

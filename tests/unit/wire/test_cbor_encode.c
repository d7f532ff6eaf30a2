#include "cbor_test.h"

static void assert_cbor(struct world *w, const struct writer *writer, const char *notation)
{
    struct slice is = writer_slice(writer), wanted = cbor(w, notation);

    assert_int_equal(is.len, wanted.len);
    assert_memory_equal(is.data, wanted.data, is.len);
    free((void *)(uintptr_t)wanted.data);
}

static void assert_encoded(struct world *w, const struct shape *shape, const void *in,
                           const char *notation)
{
    struct writer writer;

    writer_init(&writer, 64u << 20);
    assert_int_equal(wire_encode(&encoding_cbor, shape, in, &writer), ERR_OK);
    assert_cbor(w, &writer, notation);
    writer_fini(&writer);
}

static void lists_and_structures_have_indefinite_length_as_from_aws(void **state)
{
    struct record_out record = { 0 };
    struct get_records_out out = { 0 };

    wire_set(&record, sequence_number, slice_text("1"));
    wire_set(&record, approximate_arrival_timestamp_ms, 1787036486712);
    wire_set(&record, data, slice_text("hi"));
    wire_set(&record, encryption_type, choice_of(WIRE_ENCRYPTION_KMS));
    wire_set(&out, records, (struct record_out_list){ .items = &record, .count = 1 });
    wire_set(&out, millis_behind_latest, 0);
    wire_set(&out, child_shards, (struct child_shard_out_list){ .count = 0 });
    assert_encoded(*state, &shape_get_records_out, &out,
                   "bf 'Records' 9f"
                   "  bf 'SequenceNumber' '1'"
                   "  781b 417070726f78696d6174654172726976616c54696d657374616d70" /* Approx... */
                   "  c1 1b 000001a013accc38 'Data' 42 6869 'EncryptionType' 'KMS' ff"
                   " ff 'MillisBehindLatest' 00 'ChildShards' 9f ff ff");
}

static void maps_flags_and_numbers(void **state)
{
    struct text_pair pairs[] = { { slice_text("k"), slice_text("v") },
                                 { slice_text("\""), slice_text("") } };
    struct create_stream_in in = { 0 };
    struct put_record_in put = { 0 };

    wire_set(&in, tags, (struct text_map){ .items = pairs, .count = 2 });
    assert_encoded(*state, &shape_create_stream_in, &in, "bf 'Tags' bf 'k' 'v' 61 22 60 ff ff");
    wire_set(&put, dry_run, true);
    assert_encoded(*state, &shape_put_record_in, &put, "bf 'DryRun' f5 ff");
    wire_set(&put, dry_run, false);
    assert_encoded(*state, &shape_put_record_in, &put, "bf 'DryRun' f4 ff");

    static const struct {
        int64_t number;
        const char *bytes;
    } numbers[] = {
        { 23, "17" },
        { 24, "1818" },
        { 256, "190100" },
        { 65536, "1a00010000" },
        { INT64_MAX, "1b7fffffffffffffff" },
        { -1, "20" },
        { INT64_MIN, "3b7fffffffffffffff" },
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct get_records_out out = { 0 };
        char body[128];

        wire_set(&out, millis_behind_latest, numbers[i].number);
        snprintf(body, sizeof(body), "bf 'MillisBehindLatest' %s ff", numbers[i].bytes);
        assert_encoded(*state, &shape_get_records_out, &out, body);
    }
}

static void an_empty_structure_is_there_and_nothing_is_not(void **state)
{
    struct list_streams_in in = { 0 };
    struct nothing nothing = { 0 };

    assert_encoded(*state, &shape_list_streams_in, &in, "bf ff");
    assert_encoded(*state, &shape_nothing, &nothing, "");
}

static void errors_are_the_same_map_as_in_json(void **state)
{
    static const struct {
        struct wire_error error;
        const char *body;
    } cases[] = {
        { { ERROR_INTERNAL_FAILURE, { 0 } }, "bf '__type' 'InternalFailure' ff" },
        { { ERROR_SERIALIZATION, { 0 } }, "bf '__type' 'SerializationException' ff" },
        { { ERROR_SERIALIZATION, { (const unsigned char *)"no", 2 } },
          "bf '__type' 'SerializationException' 'Message' 'no' ff" },
        { { ERROR_VALIDATION, { (const unsigned char *)"no", 2 } },
          "bf '__type' 'ValidationException' 'message' 'no' ff" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct writer writer;

        writer_init(&writer, 4096);
        assert_int_equal(wire_encode_error(&encoding_cbor, &cases[i].error, &writer), ERR_OK);
        assert_cbor(*state, &writer, cases[i].body);
        writer_fini(&writer);
    }
}

static void a_full_writer_is_said(void **state)
{
    struct list_streams_in in = { 0 };
    struct writer writer;

    wire_set(&in, next_token, slice_text("0123456789"));
    writer_init(&writer, 16);
    assert_int_equal(wire_encode(&encoding_cbor, &shape_list_streams_in, &in, &writer),
                     ERR_NO_MEMORY);
    writer_fini(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(lists_and_structures_have_indefinite_length_as_from_aws),
        world_test(maps_flags_and_numbers),
        world_test(an_empty_structure_is_there_and_nothing_is_not),
        world_test(errors_are_the_same_map_as_in_json),
        world_test(a_full_writer_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

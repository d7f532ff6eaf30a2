#include "given.h"

#include "base/bytes.h"
#include "catalog/model_image.h"

static struct model *round_trip(const struct model *model)
{
    struct buf *image = model_image_pack(model);
    struct model *copy = NULL;
    struct reason reason = { .text = "" };

    assert_non_null(image);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    buf_unref(image);
    return copy;
}

static void an_empty_model_comes_back_empty(void **state)
{
    struct model *model = model_new();
    struct model *copy = round_trip(model);

    assert_false(model_founded(copy));
    assert_int_equal(model_index(copy), MODEL_START_INDEX);
    model_free(model);
    model_free(copy);
}

static void everything_comes_back(void **state)
{
    struct model *model = given_cluster();

    given_stream(model, "river", 3);
    assert_int_equal(apply(model, change_activate_stream(stamp, 1)), ERR_OK);
    given_stream(model, "brook", 1);

    struct model *copy = round_trip(model);
    assert_int_equal(model_index(copy), model_index(model));
    assert_int_equal(copy->term, model->term);
    assert_int_equal(model_cluster(copy), 77);
    assert_memory_equal(model_secret(copy), model_secret(model), MODEL_SECRET_BYTES);
    assert_string_equal(model_region(copy), "eu-central-1");
    assert_int_equal(model_node_count(copy), 3);
    assert_string_equal(model_node_by_id(copy, 3)->az, "c");
    assert_int_equal(model_stream_count(copy), 2);
    assert_int_equal(model_next_group(copy), model_next_group(model));
    assert_int_equal(copy->stream_bytes, model->stream_bytes);

    const struct model_stream *river = model_stream_by_name(copy, slice_text("river"));
    assert_int_equal(river->status, STREAM_ACTIVE);
    assert_int_equal(river->created_ms, NOW_MS - 2000);
    for (uint32_t i = 0; i < 3; i++)
        assert_memory_equal(&river->shards[i], &model_stream_by_id(model, 1)->shards[i],
                            sizeof(river->shards[i]));
    model_free(model);
    model_free(copy);
}

static const struct seal seal = { .epoch = 2, .member_count = 3, .members = { 1, 20, 3 } };

static void the_epoch_of_the_catalogue_itself_comes_back(void **state)
{
    struct model *model = given_cluster();

    apply_seal(model, model_index(model) + 1, 2, &seal);
    struct model *copy = round_trip(model);
    assert_memory_equal(model_catalog(copy), model_catalog(model), sizeof(struct model_epoch));
    assert_int_equal(model_catalog(copy)->epoch, 2);
    assert_int_equal(model_catalog(copy)->index, model_index(model));
    assert_true(model_catalog_has(copy, 20));
    assert_false(model_catalog_has(copy, 2));
    model_free(copy);
    model_free(model);
}

static void replaced_nodes_and_later_epochs_come_back(void **state)
{
    struct model *model = given_cluster();
    struct change_members row = { .group = 2, .epoch = 2, .member_count = 3 };

    given_active(model, "river", 1);
    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(come_back(model, 3, 30), ERR_OK);
    const struct model_shard *shard = model_shard_by_group(model, 2, NULL);
    for (uint32_t i = 0; i < 3; i++)
        row.members[i] = shard->members[i] == 2 ? 20 : shard->members[i];
    assert_int_equal(apply(model, change_set_members(stamp, &row, 1)), ERR_OK);
    assert_int_equal(apply(model, change_drain_node(stamp, 1, true)), ERR_OK);

    struct model *copy = round_trip(model);
    assert_true(model_node_by_id(copy, 1)->draining);
    assert_false(model_node_by_id(copy, 20)->draining);
    assert_true(model_node_by_id(copy, 2)->replaced);
    assert_true(model_node_by_id(copy, 3)->replaced);
    assert_false(model_node_by_id(copy, 20)->replaced);
    assert_int_equal(model_node_count(copy), 5);
    shard = model_shard_by_group(copy, 2, NULL);
    assert_int_equal(shard->epoch, 2);
    assert_memory_equal(shard->members, row.members, sizeof(row.members));
    model_free(model);
    model_free(copy);
}

static void a_copy_goes_on_as_the_original_would(void **state)
{
    struct model *model = given_cluster();

    given_stream(model, "river", 3);
    struct model *copy = round_trip(model);
    given_stream(model, "brook", 2);
    given_stream(copy, "brook", 2);

    struct buf *one = model_image_pack(model), *other = model_image_pack(copy);
    assert_true(slice_equal(buf_slice(one), buf_slice(other)));
    buf_unref(one);
    buf_unref(other);
    model_free(model);
    model_free(copy);
}

/* The tags of a message's fields, as hex text, and what stands in the last field `wanted`. */
static struct slice walk(struct slice message, unsigned char wanted, char tags[64])
{
    struct reader reader = reader_of(message);
    struct slice found = { .len = 0 };
    size_t len = 0;

    while (reader.rest.len > 0 && !reader.bad) {
        unsigned char tag = reader_u8(&reader);
        struct slice value = reader.rest;
        if ((tag & 7) == 1)
            value = reader_bytes(&reader, 8);
        else if ((tag & 7) == 2)
            value = reader_bytes(&reader, reader_varint(&reader));
        else
            (void)reader_varint(&reader);
        len += (size_t)snprintf(tags + len, 64 - len, "%02x ", tag);
        if (tag == wanted)
            found = value;
    }
    assert_false(reader.bad);
    return found;
}

static void its_bytes_are_those_of_the_formats_page(void **state)
{
    struct model *model = given_cluster();
    char tags[64];

    given_stream(model, "river", 2);
    AUTO_UNREF struct buf *image = model_image_pack(model);
    struct slice whole = buf_slice(image);
    struct slice stream = walk(whole, 0x2a, tags);
    assert_string_equal(tags, "08 10 1a 22 22 22 2a 31 39 ");
    walk(walk(whole, 0x1a, tags), 0, tags);
    assert_memory_equal(tags, "09 12 18 22 2a ", 15);
    walk(walk(whole, 0x22, tags), 0, tags);
    assert_string_equal(tags, "09 12 1a 2a "); /* given without two of its addresses */
    struct slice shard = walk(stream, 0x3a, tags);
    assert_memory_equal(tags, "09 12 18 20 28 30 3a 3a 40 ", 27);
    struct slice members = walk(shard, 0x3a, tags);
    assert_string_equal(tags, "09 10 1a 22 28 30 3a ");
    assert_int_equal(members.len, 24);
    struct slice group = walk(shard, 0x09, tags);
    assert_memory_equal(group.data, "\3\0\0\0\0\0\0\0", 8); /* the second one's */
    model_free(model);
}

/* Whatever the bytes, the answer is a whole model or an error. */
static void a_damaged_image_is_refused_or_harmless(void **state)
{
    struct model *model = given_cluster();

    given_stream(model, "river", 2);
    struct buf *image = model_image_pack(model);
    for (size_t at = 0; at < image->len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct buf *damaged = buf_copy(buf_slice(image));
            struct model *copy = NULL;
            struct reason reason = { .text = "" };
            damaged->data[at] ^= (unsigned char)(1u << bit);
            if (model_image_unpack(buf_slice(damaged), &copy, &reason) == ERR_OK)
                model_free(copy);
            else
                assert_true(reason.text[0] != 0);
            buf_unref(damaged);
        }
    }
    buf_unref(image);
    model_free(model);
}

static void a_cut_image_is_refused_or_harmless(void **state)
{
    struct model *model = given_cluster();

    given_stream(model, "river", 2);
    struct buf *image = model_image_pack(model);
    for (size_t len = 0; len < image->len; len++) {
        struct model *copy = NULL;
        struct reason reason = { .text = "" };
        if (model_image_unpack(slice_of(image->data, len), &copy, &reason) == ERR_OK)
            model_free(copy);
    }
    buf_unref(image);
    model_free(model);
}

static void expect_refused(const struct model *model)
{
    struct model *copy = NULL;
    struct reason reason = { .text = "" };
    struct buf *image = model_image_pack(model);

    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_CORRUPT);
    assert_null(copy);
    assert_true(reason.text[0] != 0);
    buf_unref(image);
}

/* Each of these would end the process later, on every node that has the image. */
static void a_stream_with_a_number_out_of_range_is_refused(void **state)
{
    struct model *model = given_cluster();

    given_stream(model, "river", 2);
    struct model_stream *stream = model_stream_change(model, 1);
    const struct model_stream good = *stream;
    const struct model_shard shard = stream->shards[1];

    stream->retention_hours = 0;
    expect_refused(model);
    stream->retention_hours = RETENTION_HOURS_MAX + 1;
    expect_refused(model);
    *stream = good;
    stream->record_kib_max = 0;
    expect_refused(model);
    stream->record_kib_max = RECORD_KIB_MAX + 1;
    expect_refused(model);
    *stream = good;
    stream->shards[1].created_s = UINT64_C(16025175000);
    expect_refused(model);
    stream->shards[1] = shard;
    stream->shards[1].hash_first.v++;
    expect_refused(model);
    stream->shards[1] = shard;
    stream->shards[1].hash_last.v--;
    expect_refused(model);
    stream->shards[1] = shard;
    stream->shards[1].members[0] = 0;
    expect_refused(model);
    stream->shards[1] = shard;
    model_free(round_trip(model));
    model_free(model);
}

/* Others count on arrays of that length. */
static void more_nodes_than_the_maximum_are_refused(void **state)
{
    struct model *model = given_cluster();

    for (uint64_t id = 4; id <= NODES_MAX; id++)
        assert_int_equal(add_node(model, id, "a"), ERR_OK);
    assert_int_equal(come_back(model, 2, 200), ERR_OK);
    model_free(round_trip(model));
    for (uint32_t i = 0; i < model->node_count; i++)
        model->nodes[i]->replaced = false;
    expect_refused(model);
    model_free(model);
}

static void expect_refused_epoch(struct model_epoch wrong)
{
    struct model *model = given_cluster();

    apply_seal(model, model_index(model) + 1, 2, &seal);
    model->catalog = wrong;
    expect_refused(model);
    model_free(model);
}

static void an_epoch_that_no_catalogue_has_is_refused(void **state)
{
    struct model *model = given_cluster();

    apply_seal(model, model_index(model) + 1, 2, &seal);
    const struct model_epoch right = *model_catalog(model);
    struct model_epoch wrong = right;
    model_free(model);

    wrong.epoch = 1;
    expect_refused_epoch(wrong);
    wrong = right;
    wrong.index++;
    expect_refused_epoch(wrong);
    wrong = right;
    wrong.term++;
    expect_refused_epoch(wrong);
    wrong = right;
    wrong.members[1] = 3; /* twice */
    expect_refused_epoch(wrong);
    wrong = right;
    wrong.member_count = 0;
    expect_refused_epoch(wrong);
}

static void ids_that_would_overflow_are_refused(void **state)
{
    struct model *model = given_cluster();

    model->next_group = UINT64_MAX;
    expect_refused(model);
    model->next_group = CATALOG_GROUP + 1;
    model->next_stream = UINT64_MAX;
    expect_refused(model);
    model_free(model);
}

static void a_group_in_two_streams_is_refused(void **state)
{
    struct model *model = given_cluster();
    struct model *copy = NULL;
    struct reason reason = { .text = "" };

    given_stream(model, "river", 1);
    given_stream(model, "brook", 1);
    model_stream_change(model, 2)->shards[0].group = 2;
    struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_CORRUPT);
    assert_null(copy);
    buf_unref(image);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_model_comes_back_empty),
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(the_epoch_of_the_catalogue_itself_comes_back),
        cmocka_unit_test(an_epoch_that_no_catalogue_has_is_refused),
        cmocka_unit_test(replaced_nodes_and_later_epochs_come_back),
        cmocka_unit_test(a_copy_goes_on_as_the_original_would),
        cmocka_unit_test(its_bytes_are_those_of_the_formats_page),
        cmocka_unit_test(a_damaged_image_is_refused_or_harmless),
        cmocka_unit_test(a_cut_image_is_refused_or_harmless),
        cmocka_unit_test(a_stream_with_a_number_out_of_range_is_refused),
        cmocka_unit_test(more_nodes_than_the_maximum_are_refused),
        cmocka_unit_test(ids_that_would_overflow_are_refused),
        cmocka_unit_test(a_group_in_two_streams_is_refused),
    };

    return cmocka_run_group_tests_name("model_image", tests, NULL, NULL);
}
